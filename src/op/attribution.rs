//! Attribution: how much each element of a site adds to an answer. Gradients (Simonyan et al. 2014,
//! arXiv:1312.6034), and integrated gradients (Sundararajan et al. 2017, arXiv:1703.01365), which sum to
//! the answer's difference from a baseline:
//!
//! `a_i = (z_i − b_i) · mean over k of ∂F/∂z_i at b + (k + ½)/n (z − b)`, the midpoint rule with n steps.
//!
//! At a hidden site the path runs over its activations, while whatever does not pass through it stays as
//! it is on the board. An untrained network's map shows what the architecture alone draws (Adebayo et al.
//! 2018, arXiv:1810.03292).

mod draw;

use super::{
    OpEntry, Subject,
    contrast::replace,
    curve::mean_rows,
    figure::Figure,
    gradient::gradients_inside,
    measure::{Gauge, Kind},
    reference_states,
};
use crate::{
    env::observation,
    error::{Error, Result},
    model::{
        Site,
        evaluator::{Evaluator, observations},
        find_site,
    },
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "attribution",
    title: "Attribute the answer",
    summary: "How much each part of the clean board, or of any site, adds to the policy's or the value's answer.",
    schema: schema::schema_of::<Parameters>,
    num_states: 2,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "attribution")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// What is explained.
    pub target: Target,
    /// How it is attributed.
    pub method: Method,
    /// To the elements of this site; the observation when empty.
    #[schemars(extend("x-choices" = "sites", "x-auto" = "the observation"))]
    pub site: String,
    /// What the answer is compared with.
    pub baseline: Baseline,
    /// Steps of the integral.
    #[schemars(range(min = 1, max = 512))]
    pub steps: usize,
    /// States that the mean is taken over.
    #[schemars(range(min = 16, max = 4096))]
    pub reference_states: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            target: Target::Preference,
            method: Method::IntegratedGradients,
            site: String::new(),
            baseline: Baseline::Zero,
            steps: 64,
            reference_states: 256,
        }
    }
}

/// What is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Logit of the choice less that of the second best action.
    Preference,
    /// Logit of the choice.
    Logit,
    /// Log-probability of the choice.
    LogProbability,
    /// The value head.
    Value,
}

/// How it is attributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Gradients along the way from the baseline, times the difference from it.
    IntegratedGradients,
    /// The gradient on the board, times the difference from the baseline.
    GradientTimesInput,
    /// The gradient on the board alone: what a small change would do.
    Gradient,
}

/// What the answer is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Baseline {
    /// Zeros at the site.
    Zero,
    /// The site's mean over reference states.
    Mean,
    /// The site on the corrupt board.
    Corrupt,
}

/// Least difference that is worth explaining.
const LEAST_DIFFERENCE: f32 = 1e-3;
/// Rows of one forward and backward pass.
const MAX_ROWS: usize = 128;

/// An answer taken apart.
struct Attribution {
    values: Vec<f32>,
    /// The answer on the board, and at the baseline.
    ends: [f32; 2],
    /// Activations on the board, and at the baseline.
    points: [Vec<f32>; 2],
}

impl Attribution {
    fn sum(&self) -> f32 {
        self.values.iter().sum()
    }

    fn difference(&self) -> f32 {
        self.ends[0] - self.ends[1]
    }

    /// How far the sum is from the difference that it should be, as a share of it.
    fn error(&self) -> f64 {
        f64::from((self.sum() - self.difference()).abs() / self.difference().abs())
    }
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let site = match parameters.site.as_str() {
        "" => &subject.sites[0],
        name => find_site(subject.sites, name)?,
    };
    let [clean, _] = subject.states.as_slice() else {
        return Err(Error::not_applicable(
            "attribution needs a clean and a corrupt board",
        ));
    };
    let kind = match parameters.target {
        Target::Preference => Kind::LogitDifference,
        Target::Logit => Kind::Logit,
        Target::LogProbability => Kind::LogProbability,
        Target::Value => Kind::Value,
    };
    let answers = subject
        .evaluator
        .evaluate(observation(clean.as_ref()), 1)
        .await?;
    let gauge = Gauge::alone(kind, clean.as_ref(), &answers)?;
    let work = parameters.steps.div_ceil(MAX_ROWS);
    let trained = attribute(
        subject,
        parameters,
        &subject.evaluator,
        &gauge,
        site,
        (0, 2 * work),
    )
    .await?;
    if trained.difference().abs() < LEAST_DIFFERENCE {
        return Err(Error::not_applicable(format!(
            "the {} is nearly the same with {} at its baseline ({:.4} and {:.4}), so there is nothing to attribute",
            gauge.name(),
            site.name,
            trained.ends[0],
            trained.ends[1],
        )));
    }
    let untrained = attribute(
        subject,
        parameters,
        &subject.untrained,
        &gauge,
        site,
        (work, 2 * work),
    )
    .await?;
    let mut figures = draw::maps(subject, parameters, &gauge, site, [&trained, &untrained]);
    if parameters.method != Method::Gradient {
        figures.push(draw::removal(subject, &gauge, site, &trained).await?);
    }
    Ok(figures)
}

/// Attributions of `gauge` on the clean board. Steps are told as so many after `before` of `total`.
async fn attribute(
    subject: &Subject<'_>,
    parameters: &Parameters,
    evaluator: &Evaluator,
    gauge: &Gauge,
    site: &Site,
    (before, total): (usize, usize),
) -> Result<Attribution> {
    let points = points(subject, parameters, evaluator, site).await?;
    let (len, [point, baseline]) = (site.len(), &points);
    let along = |share: f32| {
        let pairs = point.iter().zip(baseline);
        pairs.map(move |(point, start)| start + share * (point - start))
    };
    let shares: Vec<f32> = match parameters.method {
        Method::IntegratedGradients => {
            let steps = parameters.steps;
            (0..steps)
                .map(|step| (step as f32 + 0.5) / steps as f32)
                .collect()
        }
        _ => vec![1.0],
    };
    let mut slopes = vec![0.0; len];
    let board = observation(subject.states[0].as_ref());
    for (index, some) in shares.chunks(MAX_ROWS).enumerate() {
        let values: Vec<f32> = some.iter().flat_map(|&share| along(share)).collect();
        let edit = replace(
            site,
            &vec![(0..len).collect(); some.len()],
            &values,
            &evaluator.device,
        );
        let input = (board.repeat(some.len()), some.len());
        let measure = |output, _: &_| gauge.tensor(output);
        let found = gradients_inside(evaluator, input, &[site], vec![edit], &measure).await?;
        for row in found.by_site[&site.name].chunks_exact(len) {
            let sum = slopes.iter_mut().zip(row);
            sum.for_each(|(sum, slope)| *sum += slope / shares.len() as f32);
        }
        subject.step(before + index + 1, total).await?;
    }
    let values = match parameters.method {
        Method::Gradient => slopes,
        _ => {
            let differences = point
                .iter()
                .zip(baseline)
                .map(|(point, start)| point - start);
            slopes
                .iter()
                .zip(differences)
                .map(|(slope, difference)| slope * difference)
                .collect()
        }
    };
    let ends = with(evaluator, gauge, &board, site, &points.concat()).await?;
    Ok(Attribution {
        values,
        ends: [ends[0], ends[1]],
        points,
    })
}

/// Activations of the site on the clean board, and at the baseline.
async fn points(
    subject: &Subject<'_>,
    parameters: &Parameters,
    evaluator: &Evaluator,
    site: &Site,
) -> Result<[Vec<f32>; 2]> {
    let recorded = |states| async move {
        let (_, mut recorded) = evaluator.record(observations(states), states.len()).await?;
        Ok::<_, Error>(recorded.remove(&site.name).unwrap_or_default())
    };
    let boards = recorded(&subject.states).await?;
    let (point, corrupt) = boards.split_at(site.len());
    let baseline = match parameters.baseline {
        Baseline::Zero => vec![0.0; site.len()],
        Baseline::Corrupt => corrupt.to_vec(),
        Baseline::Mean => {
            let mut rng = subject.rng.split("reference");
            let states = reference_states(subject.env, parameters.reference_states, &mut rng);
            if states.is_empty() {
                return Err(Error::not_applicable(
                    "this environment has no state to take a mean over",
                ));
            }
            let rows: Vec<Vec<f32>> = recorded(&states)
                .await?
                .chunks_exact(site.len())
                .map(<[f32]>::to_vec)
                .collect();
            mean_rows(rows.iter())
        }
    };
    Ok([point.to_vec(), baseline])
}

/// The measure of `board` with the site replaced by each row of `values`.
async fn with(
    evaluator: &Evaluator,
    gauge: &Gauge,
    board: &[f32],
    site: &Site,
    values: &[f32],
) -> Result<Vec<f32>> {
    let rows = values.len() / site.len();
    let mut replaced = evaluator.clone();
    let all = vec![(0..site.len()).collect(); rows];
    replaced
        .edits
        .push(replace(site, &all, values, &evaluator.device));
    Ok(gauge.rows(&replaced.evaluate(board.repeat(rows), rows).await?))
}
