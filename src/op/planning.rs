//! Does the network know more than its next move? Probes (Bush et al. 2025, arXiv:2504.01871) for the moves that
//! the agent will play, ply by ply, and on a grid for the side by which it will leave each cell, beside what an
//! untrained network, the input, the policy's own answer and shuffled plans allow. Half of the states are nodes
//! of the trees that the agent grows at its own positions; of one that does not search, its own positions.

mod classes;
mod lines;
mod report;

use super::{
    OpEntry, Subject, Within,
    figure::Figure,
    probe::{
        self, Estimate, Prepared, Recorded,
        data::{Sample, Split},
        fit::Ridge,
    },
};
use crate::{
    error::{Error, Result},
    model::{Site, evaluator::Evaluator},
    schema,
};
use classes::{Classes, Tally};
use lines::{Ground, Line, NUM_WAYS};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "planning",
    title: "Plans",
    summary: "Which of the agent's coming moves, and of the ways that it will take, can be read from which site.",
    schema: schema::schema_of::<Parameters>,
    num_states: 0,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "planning")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// How far ahead to look for moves, in plies after the one now.
    #[schemars(range(min = 1, max = 8))]
    pub plies: usize,
    /// States to learn from and be judged by.
    #[schemars(range(min = 64, max = 4096))]
    pub reference_states: usize,
    /// Splits, each with probes of its own.
    #[schemars(range(min = 1, max = 20))]
    pub num_seeds: usize,
    /// How much large weights cost.
    #[schemars(range(min = 1e-4, max = 10.0))]
    pub penalty: f32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            plies: 3,
            reference_states: 1024,
            num_seeds: 5,
            penalty: 0.03,
        }
    }
}

/// Most steps that an agent on a grid is followed for.
const MAX_STEPS: usize = 64;

/// What is asked of every state.
struct Question {
    /// One of `num_classes` for each part of each state, `[state × part]`: a part is a cell, or the state.
    labels: Vec<usize>,
    parts: usize,
    num_classes: usize,
    /// Of the classes, those that count: not that an episode is over.
    num_counted: usize,
}

/// States with what the agent will do, and the splits.
struct Study {
    sample: Sample,
    splits: Vec<Split>,
    ground: Ground,
    /// Whether each state is on the ground.
    is_on: Vec<bool>,
    /// Moves, a question each ply, from now on.
    moves: Vec<Question>,
    /// Sides by which cells are left; none where nothing walks on a grid.
    ways: Option<Question>,
    /// The share of best moves by ply, where it is known.
    best: Vec<Option<f32>>,
    /// Rows and columns of the scene.
    grid: (usize, usize),
    penalty: f32,
}

/// How well a question is answered, split by split: on all states, on the ground and off it.
#[derive(Default, Clone)]
struct Scores {
    all: Vec<(f32, usize)>,
    on: Vec<(f32, usize)>,
    off: Vec<(f32, usize)>,
}

impl Study {
    fn new(
        subject: &Subject<'_>,
        parameters: &Parameters,
        (ground, lines): (Ground, Vec<Line>),
    ) -> Self {
        let scene = subject.env.scene();
        let grid = (scene.rows, scene.columns);
        let over = subject.env.space().num_actions();
        let question = |ply: usize| Question {
            labels: lines.iter().map(|line| line.action(ply, over)).collect(),
            parts: 1,
            num_classes: over + 1,
            num_counted: over,
        };
        let moves = (0..=parameters.plies).map(question).collect();
        let walks = subject.env.agent_cell().is_some();
        let ways = walks.then(|| Question {
            labels: lines.iter().flat_map(|line| line.ways(grid)).collect(),
            parts: grid.0 * grid.1,
            num_classes: NUM_WAYS,
            num_counted: NUM_WAYS,
        });
        let share = |ply: usize| {
            let known: Vec<bool> = lines
                .iter()
                .filter_map(|line| line.best.get(ply).copied())
                .collect();
            let right = known.iter().filter(|best| **best).count();
            (!known.is_empty()).then(|| right as f32 / known.len() as f32)
        };
        let best = (0..=parameters.plies).map(share).collect();
        let is_on = lines.iter().map(|line| line.is_on).collect();
        let sample = Sample::of(
            subject.env,
            lines.into_iter().map(|line| line.start).collect(),
        );
        let rng = subject.rng.split("planning");
        let split = |seed| sample.split(&mut rng.split(&format!("split {seed}")));
        Self {
            splits: (0..parameters.num_seeds).map(split).collect(),
            sample,
            ground,
            is_on,
            moves,
            ways,
            best,
            grid,
            penalty: parameters.penalty,
        }
    }

    async fn record(&self, evaluator: &Evaluator) -> Result<Recorded> {
        let batch = self.sample.states.len();
        let (_, recorded) = evaluator
            .record(self.sample.observations.clone(), batch)
            .await?;
        Ok(recorded)
    }

    /// Answers each of `questions` from `activations` `[state × element]`; with `order`, when each state has
    /// the plan of another one.
    fn answer(
        &self,
        activations: &[f32],
        questions: &[&Question],
        order: Option<&[usize]>,
    ) -> Vec<Scores> {
        let width = activations.len() / self.sample.states.len();
        let mut found = vec![Scores::default(); questions.len()];
        for split in &self.splits {
            let prepared = Prepared::new(activations, width, split);
            let ridge = Ridge::new(&prepared.train, self.penalty);
            for (found, question) in found.iter_mut().zip(questions) {
                let label = |state: usize, part: usize| {
                    let state = order.map_or(state, |order| order[state]);
                    question.labels[state * question.parts + part]
                };
                let mut tallies = [Tally::default(), Tally::default()];
                for part in 0..question.parts {
                    let known: Vec<usize> = split
                        .train
                        .iter()
                        .map(|&state| label(state, part))
                        .collect();
                    let probe = Classes::fit(&ridge, &prepared.train, &known, question.num_classes);
                    let answers = probe.answers(&prepared.test);
                    for (&state, answer) in split.test.iter().zip(answers) {
                        let tally = &mut tallies[usize::from(self.is_on[state])];
                        tally.add(&[answer], &[label(state, part)]);
                    }
                }
                found.add(question.num_counted, tallies);
            }
        }
        found
    }

    /// Answers the question of the ways from a site on the grid of cells, one probe for all of them, which
    /// reads the channels at a cell.
    fn answer_cells(&self, activations: &[f32], order: Option<&[usize]>) -> Option<Scores> {
        let question = self.ways.as_ref()?;
        let cells = question.parts;
        let channels = activations.len() / self.sample.states.len() / cells;
        let by_cell = |state: &[f32]| -> Vec<f32> {
            let cell = |cell: usize| {
                state
                    .iter()
                    .skip(cell)
                    .step_by(cells)
                    .copied()
                    .collect::<Vec<_>>()
            };
            (0..cells).flat_map(cell).collect()
        };
        let states = activations.chunks_exact(channels * cells);
        let turned: Vec<f32> = states.flat_map(by_cell).collect();
        let rows = |states: &[usize]| -> Vec<usize> {
            let of_state = |&state: &usize| state * cells..(state + 1) * cells;
            states.iter().flat_map(of_state).collect()
        };
        let label = |row: &usize| {
            let state = order.map_or(row / cells, |order| order[row / cells]);
            question.labels[state * cells + row % cells]
        };
        let mut found = Scores::default();
        for split in &self.splits {
            let split = Split {
                train: rows(&split.train),
                test: rows(&split.test),
            };
            let prepared = Prepared::new(&turned, channels, &split);
            let ridge = Ridge::new(&prepared.train, self.penalty);
            let known: Vec<usize> = split.train.iter().map(label).collect();
            let probe = Classes::fit(&ridge, &prepared.train, &known, question.num_classes);
            let mut tallies = [Tally::default(), Tally::default()];
            for (row, answer) in split.test.iter().zip(probe.answers(&prepared.test)) {
                tallies[usize::from(self.is_on[row / cells])].add(&[answer], &[label(row)]);
            }
            found.add(question.num_counted, tallies);
        }
        Some(found)
    }

    fn is_on_grid(&self, axes: &[usize]) -> bool {
        matches!(axes, [_, rows, columns] if (*rows, *columns) == self.grid)
    }

    /// How well the ways are read from a site.
    fn answer_ways(
        &self,
        axes: &[usize],
        activations: &[f32],
        order: Option<&[usize]>,
    ) -> Option<Scores> {
        match self.is_on_grid(axes) {
            true => self.answer_cells(activations, order),
            false => self
                .answer(activations, &[self.ways.as_ref()?], order)
                .pop(),
        }
    }
}

impl Scores {
    /// Adds what one split's probes answered off the ground, and on it.
    fn add(&mut self, num_counted: usize, [off, on]: [Tally; 2]) {
        let mut all = off.clone();
        all.join(&on);
        for (scores, tally) in [
            (&mut self.all, &all),
            (&mut self.on, &on),
            (&mut self.off, &off),
        ] {
            scores.extend(tally.macro_f1(num_counted).map(|score| (score, 0)));
        }
    }

    fn mean(&self) -> f32 {
        probe::mean_of(Estimate::of(&self.all))
    }
}

/// Everything that was read from one source of features: a site, the input, the policy's logits.
struct Source<'a> {
    name: String,
    /// None for what is no hidden site.
    site: Option<&'a Site>,
    moves: Vec<Scores>,
    ways: Option<Scores>,
}

/// Sources with their controls.
struct Found<'a> {
    /// Hidden sites, in order.
    sites: Vec<Source<'a>>,
    untrained: Vec<Source<'a>>,
    input: Source<'a>,
    policy: Option<Source<'a>>,
    /// The hidden sites once more, with shuffled plans.
    shuffled: Vec<Source<'a>>,
}

fn lens(site: &Site) -> Vec<usize> {
    site.axes.iter().map(|axis| axis.len).collect()
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let hidden: Vec<&Site> = subject
        .sites
        .iter()
        .filter(|site| probe::is_hidden(site))
        .collect();
    if hidden.is_empty() {
        return Err(Error::not_applicable("this network has no hidden site"));
    }
    let limit = subject.env.space().max_steps.min(MAX_STEPS);
    let horizon = match subject.env.agent_cell() {
        Some(_) => limit.max(parameters.plies + 1),
        None => parameters.plies + 1,
    };
    let total = horizon + 3 * hidden.len() + 2;
    let watch = Within {
        watch: subject.watch,
        before: 0,
        total,
    };
    let lines = lines::lines(subject, parameters.reference_states, horizon, &watch).await?;
    let study = Study::new(subject, parameters, lines);
    if study
        .splits
        .iter()
        .any(|split| split.train.len() < 2 || split.test.is_empty())
    {
        return Err(Error::not_applicable(
            "too few states go on to learn from them",
        ));
    }
    let found = found(subject, &study, &hidden, (horizon, total)).await?;
    Ok(report::figures(&study, &found))
}

/// Everything that is read; `steps` are those done before and all.
async fn found<'a>(
    subject: &Subject<'a>,
    study: &Study,
    hidden: &[&'a Site],
    (before, total): (usize, usize),
) -> Result<Found<'a>> {
    let trained = study.record(&subject.evaluator).await?;
    let untrained = study.record(&subject.untrained).await?;
    let mut order: Vec<usize> = (0..study.sample.states.len()).collect();
    subject.rng.split("shuffled plans").shuffle(&mut order);
    let questions: Vec<&Question> = study.moves.iter().collect();
    let read = |name: &str,
                site: Option<&'a Site>,
                axes: &[usize],
                values: &[f32],
                order: Option<&[usize]>| Source {
        name: name.into(),
        site,
        moves: study.answer(values, &questions, order),
        ways: study.answer_ways(axes, values, order),
    };
    let of_site = |site: &'a Site, recorded: &Recorded, order| {
        let values = recorded.get(&site.name).map_or(&[][..], Vec::as_slice);
        read(&site.name, Some(site), &lens(site), values, order)
    };
    let mut done = before;
    let kinds: [(&Recorded, Option<&[usize]>); 3] = [
        (&trained, None),
        (&untrained, None),
        (&trained, Some(&order)),
    ];
    let mut all = Vec::new();
    for (recorded, order) in kinds {
        let mut sources = Vec::with_capacity(hidden.len());
        for &site in hidden {
            sources.push(of_site(site, recorded, order));
            done += 1;
            subject.step(done, total).await?;
        }
        all.push(sources);
    }
    // As the sites are read: cell by cell or whole.
    let is_grid = hidden.iter().any(|site| study.is_on_grid(&lens(site)));
    let shape = match is_grid {
        true => subject.env.space().observation_shape(),
        false => Vec::new(),
    };
    let input = read("input", None, &shape, &study.sample.observations, None);
    let logits = subject
        .sites
        .iter()
        .find(|site| site.axes.iter().any(|axis| axis.name == "action"));
    let policy = logits.map(|site| Source {
        name: "policy".into(),
        site: None,
        ..of_site(site, &trained, None)
    });
    subject.step(total, total).await?;
    let shuffled = all.pop().unwrap_or_default();
    let untrained = all.pop().unwrap_or_default();
    Ok(Found {
        sites: all.pop().unwrap_or_default(),
        untrained,
        input,
        policy,
        shuffled,
    })
}
