//! Problem 8.19: a student distilled from the agent's answers, equal or smaller, beside its teacher.

use super::{
    OpEntry, Subject, Within,
    distil::{self, Agreement, Distilled, Setting},
    figure::{Body, Cell, Figure, Number, Scale, Series},
};
use crate::{
    env::Env,
    error::Result,
    model::evaluator::{Evaluator, observations},
    schema,
};
use burn::module::Module;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "clone",
    title: "Distil a student",
    summary: "Teaches a fresh network, equal or smaller, to answer as the agent's does, and compares their play.",
    schema: schema::schema_of::<Parameters>,
    num_states: 0,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "clone")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// The student's width, as a share of the teacher's.
    #[schemars(range(min = 0.015625, max = 1.0))]
    pub scale: f32,
    /// Training steps.
    #[schemars(range(min = 1, max = 5000))]
    pub num_steps: usize,
    /// States of a training step.
    #[schemars(range(min = 8, max = 1024))]
    pub batch_size: usize,
    /// Adam's rate at the first step; it falls to 0 in a line.
    #[schemars(range(min = 1e-6, max = 0.1))]
    pub learning_rate: f32,
    /// Share of a batch that comes from the student's own play; the rest are reference states.
    #[schemars(range(min = 0.0, max = 0.9))]
    pub own_play: f32,
    /// Reference states, of which a quarter is held out.
    #[schemars(range(min = 16, max = 8192))]
    pub reference_states: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            scale: 0.25,
            num_steps: 800,
            batch_size: 128,
            learning_rate: 4e-3,
            own_play: 0.25,
            reference_states: 4096,
        }
    }
}

impl Parameters {
    /// The same, as distillation takes it.
    pub(super) fn setting(&self) -> Setting {
        Setting {
            scale: self.scale,
            num_steps: self.num_steps,
            batch_size: self.batch_size,
            learning_rate: self.learning_rate,
            own_play: self.own_play,
            num_states: self.reference_states,
        }
    }
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let total = parameters.num_steps + 4;
    let part = Within {
        watch: subject.watch,
        before: 0,
        total,
    };
    let found = distil::distil(subject, parameters.setting(), &part).await?;
    let mut figures = vec![losses(&found), agreement(&found).await?];
    subject.step(parameters.num_steps + 1, total).await?;
    let mut scores = Vec::new();
    for (done, evaluator) in [&found.teacher, &found.student, &found.untrained]
        .into_iter()
        .enumerate()
    {
        scores.push(subject.lab.score(evaluator).await?);
        subject.step(parameters.num_steps + 2 + done, total).await?;
    }
    figures.extend(scored(&scores));
    Ok(figures)
}

fn losses(found: &Distilled) -> Figure {
    let series = |name: &str, of: fn(&distil::Loss) -> f32| Series {
        name: name.into(),
        points: found
            .curve
            .iter()
            .map(|loss| (loss.step as f32, of(loss)))
            .collect(),
        control: false,
    };
    let weights = |evaluator: &Evaluator| evaluator.network.num_params() as f64;
    Figure {
        title: "Distillation loss".into(),
        caption: "The student's KL divergence from the teacher's policy, in nats, and its squared error of \
                  the value as a share of the teacher's variance, over training steps."
            .into(),
        body: Body::Lines {
            x: Scale::numeric("step", ""),
            y: Scale::numeric("loss", ""),
            series: vec![
                series("policy", |loss| loss.policy),
                series("value", |loss| loss.value),
            ],
        },
        numbers: vec![
            Number::new("num_weights", "weights of the student", weights(&found.student)),
            Number::new("num_weights_teacher", "of the teacher", weights(&found.teacher)).control(),
        ],
    }
}

/// How alike teacher and student answer, on states that were learned from and on states that were not.
async fn agreement(found: &Distilled) -> Result<Figure> {
    let mut rows = Vec::new();
    let mut numbers = Vec::new();
    for (name, id, evaluator) in [
        ("student", "", &found.student),
        ("untrained student", "_untrained", &found.untrained),
    ] {
        for (where_, states) in [("held out", &found.held_out), ("learned from", &found.seen)] {
            let agreement = agree(&found.teacher, evaluator, states).await?;
            let total = states.len() as f64;
            rows.push(vec![
                Cell::Text(name.into()),
                Cell::Text(where_.into()),
                Cell::Number(agreement.same as f64 / total),
                Cell::Number(agreement.divergence.into()),
                Cell::Number(agreement.value_error.into()),
            ]);
            if where_ == "held out" {
                let named = |what: &str| match id {
                    "" => what.to_owned(),
                    _ => name.to_owned(),
                };
                let both = [
                    Number::new(
                        &format!("agreement{id}"),
                        &named("held-out choices that are the teacher's"),
                        agreement.same as f64,
                    )
                    .out_of(total),
                    Number::new(
                        &format!("divergence{id}"),
                        &named("divergence, held out"),
                        agreement.divergence.into(),
                    )
                    .unit("nats"),
                ];
                numbers.extend(both.map(|number| match id {
                    "" => number,
                    _ => number.control(),
                }));
            }
        }
    }
    let columns = [
        "network",
        "states",
        "same choice",
        "divergence, nats",
        "value error",
    ];
    Ok(Figure {
        title: "Agreement with the teacher".into(),
        caption: "How often the student's likeliest action is the teacher's, its mean KL divergence and the \
                  mean difference of the value, on states held out and on those learned from."
            .into(),
        body: Body::Table {
            columns: columns.map(String::from).to_vec(),
            rows,
        },
        numbers,
    })
}

async fn agree(
    teacher: &Evaluator,
    student: &Evaluator,
    states: &[Box<dyn Env>],
) -> Result<Agreement> {
    let observed = observations(states);
    let one = teacher.evaluate(observed.clone(), states.len()).await?;
    let other = student.evaluate(observed, states.len()).await?;
    Ok(Agreement::new(&one, &other, states))
}

/// Scores of teacher, student and untrained student; none where there are none.
fn scored(scores: &[Vec<Number>]) -> Option<Figure> {
    let [teacher, student, untrained] = scores else {
        return None;
    };
    let rows = teacher.iter().zip(student.iter().zip(untrained));
    let row = |(teacher, (student, untrained)): (&Number, (&Number, &Number))| {
        let mut cells = vec![Cell::Text(teacher.name.clone())];
        cells.extend([teacher, student, untrained].map(|number| Cell::Number(number.value)));
        cells.push(match teacher.out_of {
            Some(total) => Cell::Number(total),
            None => Cell::Text("–".into()),
        });
        cells
    };
    let named = |prefix: &str, number: &Number| Number {
        id: format!("{prefix}_{}", number.id),
        control: prefix != "student",
        name: match prefix {
            "student" => format!("student's {}", number.name),
            other => other.into(),
        },
        ..number.clone()
    };
    let numbers = rows.clone().flat_map(|(teacher, (student, untrained))| {
        [
            named("student", student),
            named("teacher", teacher),
            named("untrained", untrained),
        ]
    });
    (!teacher.is_empty()).then(|| Figure {
        title: "Scores".into(),
        caption: "How well teacher and student play, by the run's own scores, beside the student before it \
                  learned anything."
            .into(),
        body: Body::Table {
            columns: ["score", "teacher", "student", "untrained", "out of"].map(String::from).to_vec(),
            rows: rows.clone().map(row).collect(),
        },
        numbers: numbers.collect(),
    })
}
