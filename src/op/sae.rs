//! Sparse autoencoders: a site's activations as sums of few directions out of many (Gao et al. 2024,
//! arXiv:2406.04093; Rajamanoharan et al. 2024, arXiv:2407.14435), what each direction follows, and how
//! much of the policy survives when what they make is put in the activations' place.
//!
//! A quarter of the states is held out, and all that is said of the fit is said of those.

mod report;
mod train;

use super::{
    OpEntry, Subject, ablate,
    figure::Figure,
    linear::Matrix,
    reference_states,
    samples::{self, Facts},
};
use crate::{
    backend,
    env::Env,
    error::{Error, Result},
    model::{
        Site,
        evaluator::{Evaluator, observations},
        taps::{Change, SiteEdit},
    },
    rng::Rng,
    schema,
};
use burn::tensor::{Tensor, TensorData};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use train::{Pace, Sae, Seen, Sparsity, Trainer};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "sae",
    title: "Sparse autoencoder",
    summary: "Learns many directions of which few are active in a state, and what each of them follows.",
    schema: schema::schema_of::<Parameters>,
    num_states: 0,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "sae")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// The site; the last one before the heads when empty.
    #[schemars(extend("x-choices" = "sites", "x-auto" = "last before the heads"))]
    pub site: String,
    /// What keeps features few.
    pub variant: Variant,
    /// Features; twice as many as units when 0.
    #[schemars(range(max = 512), extend("x-auto" = "twice the units"))]
    pub num_features: usize,
    /// Features that may be active at once (TopK).
    #[schemars(range(min = 1, max = 64))]
    pub active: usize,
    /// What an active feature costs, as a share of the data's variance (JumpReLU).
    #[schemars(range(min = 0.0, max = 1.0))]
    pub cost: f32,
    /// Training steps.
    #[schemars(range(min = 1, max = 5000))]
    pub num_steps: usize,
    /// Rows of a step: states, or cells of states on a grid.
    #[schemars(range(min = 4, max = 1024))]
    pub batch_size: usize,
    /// Adam's rate; it falls to 0 over the last fifth.
    #[schemars(range(min = 1e-6, max = 0.1))]
    pub learning_rate: f32,
    /// States to learn from and be judged by, or as many as fill 8,192 rows on a grid.
    #[schemars(range(min = 16, max = 4096))]
    pub states: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            site: String::new(),
            variant: Variant::TopK,
            num_features: 0,
            active: 8,
            cost: 0.01,
            num_steps: 400,
            batch_size: 64,
            learning_rate: 3e-3,
            states: 1024,
        }
    }
}

/// What keeps features few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// A fixed number of them is active.
    TopK,
    /// Each has a threshold, and an active one costs something.
    JumpRelu,
}

/// States that are learned from, and states that are held out.
type Split<'a> = (&'a [Box<dyn Env>], &'a [Box<dyn Env>]);

/// Activations of one network: what is learned from and what is held out, at unit variance.
struct Data {
    taught: Matrix,
    held_out: Matrix,
    /// What they were divided by.
    scale: f32,
}

/// An autoencoder and how it came about.
struct Learned {
    data: Data,
    first: Sae,
    sae: Sae,
    course: Vec<(usize, Seen)>,
}

/// Steps between two looks at the clock.
const BREATH: usize = 10;

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let site = samples::choose(subject, &parameters.site)?;
    let count = samples::num_states(site, parameters.states);
    let mut states = reference_states(subject.env, count, &mut subject.rng.split("reference"));
    let held_out = states.split_off(states.len() - states.len() / 4);
    if states.len() < 2 || held_out.len() < 2 {
        return Err(Error::not_applicable(format!(
            "{} states are all that there are, or that fit, of {}: too few to learn from and to hold out",
            states.len() + held_out.len(),
            site.name
        )));
    }
    let total = 2 * parameters.num_steps + 1;
    let split = (states.as_slice(), held_out.as_slice());
    let trained = learn(
        subject,
        parameters,
        (site, &subject.evaluator),
        split,
        (0, total),
    )
    .await?;
    let trained = trained.ok_or_else(|| samples::constant(site))?;
    let place = (parameters.num_steps, total);
    let control = learn(
        subject,
        parameters,
        (site, &subject.untrained),
        split,
        place,
    )
    .await?;
    let spliced = Spliced::measure(&subject.evaluator, site, &trained, &held_out).await?;
    let facts = Facts::new(&held_out);
    let strengths = strengths(&trained.sae, &trained.data.held_out, samples::cells(site));
    let mut figures = report::figures(site, &trained, control.as_ref(), &spliced);
    figures.push(report::table(
        site,
        (&trained, control.as_ref()),
        &strengths,
        &facts,
    ));
    for (rank, &feature) in report::foremost(&strengths)
        .iter()
        .take(NUM_BOARDS)
        .enumerate()
    {
        let top = samples::highest(&strengths[feature]);
        let caption = format!(
            "The one of {} held-out boards on which feature {feature} of {} is strongest, with the agent's \
             policy.",
            held_out.len(),
            site.name
        );
        let title = format!("Feature {}'s board", rank + 1);
        let state = held_out[top].as_ref();
        figures.push(samples::board(title, caption, &subject.evaluator, state).await?);
    }
    subject.step(total, total).await?;
    Ok(figures)
}

/// Features of which the board that excites them most is drawn.
const NUM_BOARDS: usize = 4;

/// Trains an autoencoder on a network's activations; none where they never vary.
async fn learn(
    subject: &Subject<'_>,
    parameters: &Parameters,
    (site, evaluator): (&Site, &Evaluator),
    (taught, held_out): Split<'_>,
    (before, total): (usize, usize),
) -> Result<Option<Learned>> {
    let mut taught = samples::sample(evaluator, site, taught).await?;
    let mut held_out = samples::sample(evaluator, site, held_out).await?;
    let spread = taught.spread();
    if spread == 0.0 {
        return Ok(None);
    }
    // At unit variance thresholds and rates mean the same at every site.
    let scale = (spread / taught.values.len() as f64).sqrt() as f32;
    for matrix in [&mut taught, &mut held_out] {
        matrix.values.iter_mut().for_each(|x| *x /= scale);
    }
    let num_features = match parameters.num_features {
        0 => (2 * taught.columns).min(512),
        asked => asked,
    };
    let sparsity = match parameters.variant {
        Variant::TopK => Sparsity::TopK(parameters.active.min(num_features)),
        Variant::JumpRelu => Sparsity::JumpRelu(parameters.cost),
    };
    let rng = subject.rng.split("sae");
    let first = Sae::new(
        &taught,
        num_features,
        sparsity,
        &mut rng.split("directions"),
    );
    let mut trainer = Trainer::new(first.clone(), taught.columns as f32);
    let mut batches = rng.split("batches");
    let mut course = Vec::new();
    for step in 0..parameters.num_steps {
        let rows = draw(&taught, parameters.batch_size, &mut batches);
        let done = step as f32 / parameters.num_steps as f32;
        let pace = Pace {
            rate: parameters.learning_rate * (5.0 * (1.0 - done)).min(1.0),
            warm: (5.0 * done).min(1.0),
        };
        let seen = trainer.step(&rows, pace);
        if !seen.loss.is_finite() {
            return Err(Error::NotFinite {
                what: "the autoencoder's loss".into(),
            });
        }
        if (step + 1) % BREATH == 0 || step + 1 == parameters.num_steps {
            course.push((step + 1, seen));
            subject.step(before + step + 1, total).await?;
        }
    }
    Ok(Some(Learned {
        data: Data {
            taught,
            held_out,
            scale,
        },
        first,
        sae: trainer.sae,
        course,
    }))
}

/// Some random rows.
fn draw<'a>(data: &'a Matrix, count: usize, rng: &mut Rng) -> Vec<&'a [f32]> {
    (0..count).map(|_| data.row(rng.below(data.rows))).collect()
}

/// How strong each feature is in each state, at its strongest cell. `[feature][state]`.
fn strengths(sae: &Sae, data: &Matrix, cells: usize) -> Vec<Vec<f32>> {
    let mut strengths = vec![vec![0.0_f32; data.rows / cells]; sae.num_features()];
    for (row, x) in data.each_row().enumerate() {
        for (feature, strength) in sae.code(x) {
            let most = &mut strengths[feature][row / cells];
            *most = most.max(strength);
        }
    }
    strengths
}

/// How well an autoencoder fits rows that it did not learn from.
struct Fit {
    /// Share of their variance that it explains; none where they do not vary.
    explained: Option<f64>,
    /// Active features of a row, on average.
    active: f64,
    /// Features that are active in no row.
    dead: usize,
}

impl Fit {
    fn new(sae: &Sae, data: &Matrix) -> Self {
        let mut is_used = vec![false; sae.num_features()];
        let (mut error, mut num_active) = (0.0, 0);
        for x in data.each_row() {
            let code = sae.code(x);
            num_active += code.len();
            code.iter()
                .for_each(|&(feature, _)| is_used[feature] = true);
            let pairs = sae.decode(&code).into_iter().zip(x);
            error += pairs
                .map(|(one, x)| f64::from(one - x).powi(2))
                .sum::<f64>();
        }
        let spread = data.spread();
        Self {
            explained: (spread > 0.0).then(|| 1.0 - error / spread),
            active: num_active as f64 / data.rows as f64,
            dead: is_used.iter().filter(|used| !**used).count(),
        }
    }
}

/// Mean KL divergence of the policy from the clean one, in nats, with something in the activations' place.
struct Spliced {
    /// Their mean.
    mean: f32,
    /// What the first, random directions make of them.
    first: f32,
    /// What the learned ones make of them.
    learned: f32,
}

impl Spliced {
    async fn measure(
        evaluator: &Evaluator,
        site: &Site,
        learned: &Learned,
        states: &[Box<dyn Env>],
    ) -> Result<Self> {
        let data = &learned.data;
        let observed = observations(states);
        let clean = evaluator.evaluate(observed.clone(), states.len()).await?;
        let made = |sae: &Sae| -> Vec<f32> {
            let rows = data.held_out.each_row();
            rows.flat_map(|x| sae.decode(&sae.code(x))).collect()
        };
        let mean = mean_state(&data.taught, samples::cells(site), states.len());
        let mut found = Vec::with_capacity(3);
        for rows in [mean, made(&learned.first), made(&learned.sae)] {
            let mut spliced = evaluator.clone();
            let values = as_site(
                &rows,
                data.held_out.columns,
                samples::cells(site),
                data.scale,
            );
            let shape = [states.len(), site.len()];
            let all = TensorData::new(vec![true; site.len()], [1, site.len()]);
            spliced.edits.push(SiteEdit {
                site: site.name.clone(),
                mask: Tensor::from_data(all, &evaluator.device), // [1, element]
                change: Change::Replace(backend::tensor(values, shape, &evaluator.device)), // [batch, element]
            });
            let answers = spliced.evaluate(observed.clone(), states.len()).await?;
            found.push(ablate::compare(&clean, &answers, states).divergence);
        }
        Ok(Self {
            mean: found[0],
            first: found[1],
            learned: found[2],
        })
    }

    /// Share of what the mean costs that is won back; none where the mean costs nothing.
    fn recovered(&self, divergence: f32) -> Option<f64> {
        (self.mean > 1e-6).then(|| f64::from(1.0 - divergence / self.mean))
    }
}

/// The mean over states of each cell, as many times as there are states.
fn mean_state(data: &Matrix, cells: usize, count: usize) -> Vec<f32> {
    let len = cells * data.columns;
    let mut mean = vec![0.0; len];
    let share = len as f32 / data.values.len() as f32;
    for state in data.values.chunks_exact(len) {
        mean.iter_mut()
            .zip(state)
            .for_each(|(sum, x)| *sum += share * x);
    }
    mean.repeat(count)
}

/// Rows of cells as elements of a site, `[state × channel × cell]`, at the activations' own scale.
fn as_site(rows: &[f32], channels: usize, cells: usize, scale: f32) -> Vec<f32> {
    let turned = rows.chunks_exact(channels * cells).flat_map(|state| {
        let channel = move |channel: usize| state.iter().skip(channel).step_by(channels);
        (0..channels).flat_map(channel)
    });
    turned.map(|x| x * scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_cells_go_back_to_channels_of_cells() {
        // Two cells of three channels.
        let rows = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(as_site(&rows, 3, 2, 2.0), [2.0, 8.0, 4.0, 10.0, 6.0, 12.0]);
        assert_eq!(as_site(&rows, 6, 1, 1.0), rows);
    }

    #[test]
    fn a_mean_state_keeps_its_cells_apart() {
        let data = Matrix::new(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 2);
        assert_eq!(
            mean_state(&data, 2, 2),
            [3.0, 4.0, 5.0, 6.0, 3.0, 4.0, 5.0, 6.0]
        );
        assert_eq!(mean_state(&data, 1, 1), [4.0, 5.0]);
    }
}
