//! Problem 8.19: what is in a teacher and in the student distilled from it, side by side. The same ops are
//! run on both, and their numbers compared.

use super::{
    OpEntry, Subject, Watch, ablate, cka, clone,
    distil::{self, Distilled},
    figure::{Body, Cell, Colour, Figure, Number, Scale},
    probe, reference_states,
};
use crate::{
    backend::Pending,
    error::{Error, Result},
    model::{
        Site,
        evaluator::{Evaluator, observations},
    },
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "compare",
    title: "Teacher and student",
    summary: "Distils a student, and looks for the same concepts, units and representations in both networks.",
    schema: schema::schema_of::<Parameters>,
    num_states: 0,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "compare")?;
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
    /// Training steps of the student, taught as `clone` does.
    #[schemars(range(min = 1, max = 5000))]
    pub num_steps: usize,
    /// The site whose units are taken away one at a time; the last hidden one when empty.
    #[schemars(extend("x-choices" = "sites"))]
    pub site: String,
    /// States to compare on.
    #[schemars(range(min = 64, max = 1024))]
    pub reference_states: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        let clone::Parameters {
            scale, num_steps, ..
        } = clone::Parameters::default();
        Self {
            scale,
            num_steps,
            site: String::new(),
            reference_states: 256,
        }
    }
}

/// Steps of the whole: half of them teach, the others look.
const TOTAL: usize = 1000;

/// Steps of a part, as steps of the whole.
struct Portion<'a> {
    watch: &'a dyn Watch,
    from: usize,
    to: usize,
}

impl Watch for Portion<'_> {
    fn step(&self, done: usize, total: usize) -> Pending<'_, Result<()>> {
        let within = (self.to - self.from) * done / total.max(1);
        self.watch.step(self.from + within, TOTAL)
    }
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let portion = |from, to| Portion {
        watch: subject.watch,
        from,
        to,
    };
    let setting = clone::Parameters {
        scale: parameters.scale,
        num_steps: parameters.num_steps,
        ..clone::Parameters::default()
    };
    let found = distil::distil(subject, setting.setting(), &portion(0, TOTAL / 2)).await?;
    let ablation =
        json!({"site": parameters.site, "reference_states": parameters.reference_states});
    let probing = json!({"num_seeds": 1, "reference_states": 2 * parameters.reference_states});
    let networks = [
        (&found.teacher, &subject.untrained, subject.sites),
        (&found.student, &found.untrained, found.sites.as_slice()),
        (&subject.untrained, &subject.untrained, subject.sites),
        (&found.untrained, &found.untrained, found.sites.as_slice()),
    ];
    let (mut units, mut concepts) = (Vec::new(), Vec::new());
    for (place, (evaluator, untrained, sites)) in networks.into_iter().enumerate() {
        let from = TOTAL / 2 + 120 * place;
        for (op, asked, answers, from) in [
            (&ablate::ENTRY, &ablation, &mut units, from),
            (&probe::ENTRY, &probing, &mut concepts, from + 60),
        ] {
            let watch = portion(from, from + 60);
            let one = beside(subject, evaluator, untrained, sites, &watch);
            match (op.run)(&one, asked).await {
                Ok(figures) => answers.push(figures),
                // An environment without concepts still has units.
                Err(Error::NotApplicable { .. }) => {}
                Err(why) => return Err(why),
            }
        }
    }
    let mut figures: Vec<Figure> = vestigial(&units).into_iter().collect();
    figures.extend(probed(&found.sites, &concepts));
    figures.push(alike(subject, &found, parameters.reference_states).await?);
    subject.step(TOTAL, TOTAL).await?;
    Ok(figures)
}

/// Another network in the place of the subject's.
fn beside<'a>(
    subject: &'a Subject<'_>,
    evaluator: &Evaluator,
    untrained: &Evaluator,
    sites: &'a [Site],
    watch: &'a dyn Watch,
) -> Subject<'a> {
    Subject {
        evaluator: evaluator.clone(),
        untrained: untrained.clone(),
        sites,
        env: subject.env,
        states: Vec::new(),
        rng: subject.rng.clone(),
        lab: subject.lab,
        watch,
    }
}

/// The networks that are looked at, in this order.
const NAMES: [&str; 4] = [
    "teacher",
    "student",
    "teacher, untrained",
    "student, untrained",
];

/// The number called `id` among the figures of an op.
fn number<'a>(figures: &'a [Figure], id: &str) -> Option<&'a Number> {
    let mut numbers = figures.iter().flat_map(|figure| &figure.numbers);
    numbers.find(|number| number.id == id)
}

/// The first of an ablation's bars: the unit that matters most.
fn strongest(figures: &[Figure]) -> Option<(&str, f32)> {
    figures.iter().find_map(|figure| match &figure.body {
        Body::Bars { bars, .. } => bars.first().map(|bar| (bar.name.as_str(), bar.value)),
        _ => None,
    })
}

/// Units without effect and units that matter most; none where nothing could be taken away.
fn vestigial(units: &[Vec<Figure>]) -> Option<Figure> {
    let counts: Option<Vec<&Number>> = units
        .iter()
        .map(|figures| number(figures, "vestigial_units"))
        .collect();
    let counts = counts.filter(|counts| counts.len() == NAMES.len())?;
    let row = |(name, (figures, count)): (&&str, (&Vec<Figure>, &&Number))| {
        let changed = |id| number(figures, id).map_or(0.0, |number| number.value);
        let (unit, effect) = strongest(figures).unwrap_or_default();
        vec![
            Cell::Text((*name).into()),
            Cell::Number(count.out_of.unwrap_or(0.0)),
            Cell::Number(count.value),
            Cell::Text(unit.into()),
            Cell::Number(effect.into()),
            Cell::Number(changed("moves_changed")),
            Cell::Number(changed("moves_changed_median")),
        ]
    };
    let rows = NAMES.iter().zip(units.iter().zip(&counts)).map(row);
    let columns = [
        "network",
        "units",
        "vestigial",
        "strongest unit",
        "its effect, nats",
        "choices changed by it",
        "by the median unit",
    ];
    let renamed = |id: &str, name: &str, place: usize| Number {
        id: id.into(),
        name: name.into(),
        control: place > 0,
        ..counts[place].clone()
    };
    let mut student = renamed("vestigial_student", "vestigial units of the student", 1);
    student.control = false;
    let mut teacher = renamed("vestigial_teacher", "of the teacher", 0);
    teacher.control = true;
    Some(Figure {
        title: "Units side by side".into(),
        caption: "Units of one site taken away one at a time in each network: how many hardly move the policy, \
                  and what the one that moves it most does."
            .into(),
        body: Body::Table {
            columns: columns.map(String::from).to_vec(),
            rows: rows.collect(),
        },
        numbers: vec![
            Number::new(
                "vestigial_gone",
                "vestigial units gone in the student",
                counts[0].value - counts[1].value,
            )
            .out_of(counts[0].out_of.unwrap_or(0.0)),
            student,
            teacher,
            renamed("vestigial_teacher_untrained", "of the untrained teacher", 2),
            renamed("vestigial_student_untrained", "of the untrained student", 3),
        ],
    })
}

/// Scores of probes by concept, the best of any hidden site: `[concept]`.
fn best_by_concept(sites: &[Site], figures: &[Figure]) -> Option<Vec<(String, Option<f32>)>> {
    let Body::Heatmap {
        rows,
        columns,
        values,
        ..
    } = &figures.first()?.body
    else {
        return None;
    };
    let is_hidden = |name: &String| {
        sites
            .iter()
            .any(|site| site.name == *name && !site.is_output() && site.name != "obs")
    };
    let scores = values.chunks_exact(columns.labels.len().max(1));
    let best = |scores: &[Option<f32>]| {
        let places = columns.labels.iter().zip(scores);
        let hidden = places.filter(|(name, _)| is_hidden(name));
        hidden.filter_map(|(_, score)| *score).reduce(f32::max)
    };
    Some(rows.labels.iter().cloned().zip(scores.map(best)).collect())
}

/// How well each concept can be read from each network, and where the two differ.
fn probed(sites: &[Site], concepts: &[Vec<Figure>]) -> Vec<Figure> {
    let best: Option<Vec<_>> = concepts
        .iter()
        .map(|figures| best_by_concept(sites, figures))
        .collect();
    let Some([teacher, student, first, fresh]) = best.as_deref() else {
        return Vec::new();
    };
    let cell = |score: Option<f32>| match score {
        Some(score) => Cell::Number(score.into()),
        None => Cell::Text("–".into()),
    };
    let row = |place: usize| {
        let mut cells = vec![Cell::Text(teacher[place].0.clone())];
        cells.extend([teacher, student, first, fresh].map(|one| cell(one[place].1)));
        cells
    };
    let mean = |one: &[(String, Option<f32>)]| {
        let scores: Vec<f64> = one.iter().filter_map(|one| one.1.map(f64::from)).collect();
        scores.iter().sum::<f64>() / scores.len().max(1) as f64
    };
    let mut columns = vec!["concept".to_owned()];
    columns.extend(NAMES.map(String::from));
    let table = Figure {
        title: "Concepts side by side".into(),
        caption: "How well a linear probe reads each concept from the best hidden site of each network: balanced \
                  accuracy from chance 0 to 1, or R² of a number."
            .into(),
        body: Body::Table {
            columns,
            rows: (0..teacher.len()).map(row).collect(),
        },
        numbers: vec![
            Number::new("concepts_student", "mean probe score, student", mean(student)),
            Number::new("concepts_teacher", "teacher", mean(teacher)).control(),
            Number::new("concepts_teacher_untrained", "untrained teacher", mean(first)).control(),
            Number::new("concepts_student_untrained", "untrained student", mean(fresh)).control(),
        ],
    };
    [Some(table), difference(concepts)]
        .into_iter()
        .flatten()
        .collect()
}

/// The student's probe scores less the teacher's, by concept and site.
fn difference(concepts: &[Vec<Figure>]) -> Option<Figure> {
    let scores = |place: usize| match &concepts.get(place)?.first()?.body {
        Body::Heatmap {
            rows,
            columns,
            values,
            ..
        } => Some((rows, columns, values)),
        _ => None,
    };
    let ((rows, columns, teacher), (_, _, student)) = (scores(0)?, scores(1)?);
    let less = |(one, other): (&Option<f32>, &Option<f32>)| Some((*other)? - (*one)?);
    let values: Vec<Option<f32>> = teacher.iter().zip(student).map(less).collect();
    let most = values
        .iter()
        .flatten()
        .fold(0.05_f32, |top, x| top.max(x.abs()));
    Some(Figure {
        title: "Concepts won and lost".into(),
        caption: "Probe scores of the student less the teacher's, by concept and site: above zero where the student \
                  says more plainly what the state is like."
            .into(),
        body: Body::Heatmap {
            rows: rows.clone(),
            columns: columns.clone(),
            values,
            colour: Colour::Diverging {
                limit: most,
                name: "student less teacher".into(),
            },
        },
        numbers: Vec::new(),
    })
}

/// Linear CKA of the teacher's sites with the student's.
async fn alike(subject: &Subject<'_>, found: &Distilled, count: usize) -> Result<Figure> {
    let states = reference_states(subject.env, count, &mut subject.rng.split("reference"));
    let observed = observations(&states);
    let of = |evaluator: &Evaluator, sites: &[Site]| {
        let (evaluator, sites, observed) = (evaluator.clone(), sites.to_vec(), observed.clone());
        let count = states.len();
        async move { cka::kernels(&evaluator, &sites, observed, count).await }
    };
    let teacher = of(&found.teacher, subject.sites).await?;
    let student = of(&found.student, &found.sites).await?;
    let fresh = of(&found.untrained, &found.sites).await?;
    let chance = cka::by_chance(subject.sites, &teacher, &mut subject.rng.split("shuffled"));
    let names = |sites: &[Site]| sites.iter().map(|site| site.name.clone()).collect();
    let values = teacher
        .iter()
        .flat_map(|one| student.iter().map(move |other| cka::similarity(one, other)));
    let same = |other: &[cka::Kernel]| cka::mean_of_same(subject.sites, &teacher, other);
    let numbers = [
        same(&student)
            .map(|value| Number::new("similarity_student", "CKA of equal hidden sites", value)),
        same(&fresh).map(|value| {
            Number::new("similarity_student_untrained", "untrained student", value).control()
        }),
        chance.map(|value| Number::new("similarity_by_chance", "states shuffled", value).control()),
    ];
    Ok(Figure {
        title: "Similarity of sites".into(),
        caption: "Linear CKA of the teacher's sites, from the top, with the student's on the same states: 1 where they \
                  differ by a rotation and a scale."
            .into(),
        body: Body::Heatmap {
            rows: Scale::labelled("teacher's site", names(subject.sites)),
            columns: Scale::labelled("student's site", names(&found.sites)),
            values: values.collect(),
            colour: Colour::Sequential {
                limit: 1.0,
                name: "CKA".into(),
            },
        },
        numbers: numbers.into_iter().flatten().collect(),
    })
}
