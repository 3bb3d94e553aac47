//! Circuits: the few parts of a network that suffice for what the agent does on one board and not on
//! another (Wang et al. 2023, arXiv:2211.00593).
//!
//! A part that is not in the circuit has the corrupt board's activation. Parts are kept by the size of
//! their scores (gradients times change, see `wiring`), or by ACDC (Conmy et al. 2023,
//! arXiv:2304.14997): from the answers back, each part is cut, and stays cut where the measure moves away
//! from the whole network's by less than a threshold. *Faithfulness* is the share of the clean answer that
//! the circuit alone restores, *completeness* how much of it goes when the circuit is cut from the whole.
//! Observation and answers are given: random circuits have them too, and as many parts of each site.

mod keep;

use super::{
    OpEntry, Subject,
    attribution_patch::graph,
    contrast::{Contrast, Direction},
    curve::{ENOUGH, mean_and_spread, mean_rows, rank_correlation, ranked, series},
    figure::{Body, Figure, Number, Scale},
    measure::{Kind, Measure},
    parts::Part,
    wiring::{Node, Trace, Wiring},
};
use crate::{
    error::{Error, Result},
    rng::Rng,
    schema,
};
use keep::Whole;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "circuit",
    title: "Find a circuit",
    summary: "The few parts that suffice for the clean board's answer, as a graph from what is seen to what is done.",
    schema: schema::schema_of::<Parameters>,
    num_states: 2,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "circuit")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// How parts are chosen.
    pub method: Method,
    /// What a part is.
    pub part: Part,
    /// What is measured.
    pub measure: Measure,
    /// The run at which slopes begin: the corrupt one when denoising, the clean one when noising.
    pub direction: Direction,
    /// Inputs between the two runs at which slopes are taken.
    #[schemars(range(min = 1, max = 64))]
    pub steps: usize,
    /// Parts that scores keep; with 0 as few as restore 90 %.
    #[schemars(range(min = 0, max = 4096), extend("x-auto" = "enough for 90 %"))]
    pub size: usize,
    /// The share of the answer that ACDC lets go with each part.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: f32,
    /// Random circuits of the control.
    #[schemars(range(min = 2, max = 64))]
    pub random_circuits: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            method: Method::Acdc,
            part: Part::Channel,
            measure: Measure::default(),
            direction: Direction::default(),
            steps: 5,
            size: 0,
            threshold: 0.01,
            random_circuits: 16,
        }
    }
}

/// How parts are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By the size of their scores.
    Scores,
    /// By cutting one after the other, from the answers back.
    Acdc,
}

/// Points of the curve at most.
const NUM_POINTS: usize = 32;
/// Links drawn at most, and parts of a site.
const MAX_LINKS: usize = 80;
const MAX_DRAWN: usize = 16;

/// A circuit, and all that it was chosen from.
struct Found {
    /// For each candidate, whether it is kept.
    keep: Vec<bool>,
    /// Scores of the candidates.
    scores: Vec<f32>,
}

impl Found {
    fn size(&self) -> usize {
        self.keep.iter().filter(|keep| **keep).count()
    }
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let contrast = Contrast::given(subject, parameters.measure).await?;
    if contrast.gauge.kind == Kind::Divergence
        && (parameters.direction, parameters.steps) == (Direction::Noise, 1)
    {
        return Err(Error::not_applicable(
            "the divergence from the clean policy has no slope on the clean board; take more steps, another \
             measure or the other direction",
        ));
    }
    let evaluator = &subject.evaluator;
    let wiring = Wiring::find(
        evaluator,
        &contrast,
        subject.sites,
        subject.rng.split("wiring"),
    )
    .await?;
    let trace = Trace::new(
        evaluator,
        &contrast,
        parameters.direction,
        &wiring.sites,
        parameters.steps,
    )
    .await?;
    let nodes = wiring.nodes(parameters.part);
    let whole = Whole::new(evaluator, &contrast, &wiring, &trace, &nodes)?;
    if whole.candidates.is_empty() {
        return Err(Error::not_applicable(
            "no inner part that the measure depends on differs between the two boards, so there is no circuit",
        ));
    }
    let scores = whole.scores(&trace)?;
    let mut rng = subject.rng.split("random circuits");
    let curve = curve(subject, parameters, &whole, &scores, &mut rng).await?;
    let keep = match parameters.method {
        Method::Acdc => whole.acdc(subject, &scores, parameters.threshold).await?,
        Method::Scores => whole.strongest(&scores, size(parameters, &curve, &whole)),
    };
    let found = Found { keep, scores };
    let graph = drawn(
        subject,
        parameters,
        (&wiring, &trace, &nodes),
        &whole,
        &found,
        &mut rng,
    )
    .await?;
    let agreement = agreement(&whole, &found).await?;
    Ok(vec![graph, curve.figure(&whole, &found), agreement])
}

/// How many parts scores keep.
fn size(parameters: &Parameters, curve: &Curve, whole: &Whole<'_>) -> usize {
    let enough = curve
        .ranked
        .iter()
        .position(|&share| (share - 1.0).abs() <= 1.0 - ENOUGH);
    match parameters.size {
        0 => enough.map_or(whole.candidates.len(), |place| curve.sizes[place]),
        size => size.min(whole.candidates.len()),
    }
}

/// The circuit as a graph, and how faithful and complete it is beside random ones.
async fn drawn(
    subject: &Subject<'_>,
    parameters: &Parameters,
    (wiring, trace, nodes): (&Wiring<'_>, &Trace, &[Node]),
    whole: &Whole<'_>,
    found: &Found,
    rng: &mut Rng,
) -> Result<Figure> {
    let random = (0..parameters.random_circuits).map(|_| whole.random(&found.keep, rng));
    let sets: Vec<Vec<bool>> = std::iter::once(found.keep.clone()).chain(random).collect();
    let without = sets
        .iter()
        .map(|keep| keep.iter().map(|keep| !keep).collect());
    let without: Vec<Vec<bool>> = without.collect();
    let alone = whole.faithfulness(&sets).await?;
    let left = whole.faithfulness(&without).await?;
    let lost: Vec<f32> = left.iter().map(|share| 1.0 - share).collect();
    let (shown, hidden) = shown(wiring, trace, nodes, whole, found)?;
    let shown: Vec<Node> = shown.into_iter().map(|node| nodes[node].clone()).collect();
    let mut links = wiring
        .links(&subject.evaluator, whole.contrast, trace, &shown)
        .await?;
    links.retain(|link| link.weight != 0.0);
    links.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    links.truncate(MAX_LINKS);
    if links.is_empty() {
        return Err(Error::not_applicable(
            "the circuit has no link with a slope, so there is nothing to draw",
        ));
    }
    let (mean, spread) = mean_and_spread(&alone[1..]);
    let lost_random = mean_and_spread(&lost[1..]).0;
    let weak = f64::from((alone[0] - 1.0).abs()) >= (mean - 1.0).abs() - spread;
    let [alone, lost] = [alone[0], lost[0]].map(f64::from);
    let (size, total) = (found.size() as f64, whole.candidates.len() as f64);
    Ok(Figure {
        title: "Circuit".into(),
        caption: caption(subject, whole, found, hidden, weak),
        body: graph(wiring, &shown, &links),
        numbers: vec![
            Number::new("circuit_size", "parts kept", size).out_of(total),
            Number::new("faithfulness", "restored by the circuit alone", alone),
            Number::new("faithfulness_random", "random circuits", mean).control(),
            Number::new("faithfulness_random_spread", "their deviation", spread).control(),
            Number::new("completeness", "lost without the circuit", lost),
            Number::new("completeness_random", "without random ones", lost_random).control(),
        ],
    })
}

/// What the graph shows; `weak` where random circuits do as well.
fn caption(
    subject: &Subject<'_>,
    whole: &Whole<'_>,
    found: &Found,
    hidden: usize,
    weak: bool,
) -> String {
    let what = whole.contrast.gauge.describe(subject.env.space());
    let (size, total) = (found.size(), whole.candidates.len());
    let rest = match hidden {
        0 => String::new(),
        _ => format!(" ({hidden} weaker ones are not drawn)"),
    };
    match weak {
        false => format!(
            "The {size} parts of {total} that are kept{rest} for the {what}, and their links; wide ones carry \
             most, orange speaks for the clean answer."
        ),
        true => format!(
            "Weak evidence: these {size} parts of {total}{rest} restore the {what} no better than random ones do; \
             wide links carry most."
        ),
    }
}

/// The nodes to draw: kept parts, what changes on the board, and the answers that count; and how many kept
/// parts are left out.
fn shown(
    wiring: &Wiring<'_>,
    trace: &Trace,
    nodes: &[Node],
    whole: &Whole<'_>,
    found: &Found,
) -> Result<(Vec<usize>, usize)> {
    let mut shown = Vec::new();
    let mut hidden = 0;
    for (place, site) in wiring.sites.iter().enumerate() {
        let here: Vec<usize> = (0..nodes.len())
            .filter(|&node| nodes[node].site == place)
            .collect();
        let (here, scores): (Vec<usize>, Vec<f32>) = if place == 0 || site.is_output() {
            let groups: Vec<Vec<usize>> = here
                .iter()
                .map(|&node| nodes[node].elements.clone())
                .collect();
            let scores = trace.scores(whole.contrast, site, &groups)?;
            here.into_iter()
                .zip(scores)
                .filter(|(_, score)| *score != 0.0)
                .unzip()
        } else {
            let kept = (0..whole.candidates.len())
                .filter(|&one| found.keep[one] && nodes[whole.candidates[one]].site == place);
            kept.map(|one| (whole.candidates[one], found.scores[one]))
                .unzip()
        };
        let sizes: Vec<f32> = scores.iter().map(|score| score.abs()).collect();
        let mut order = ranked(&sizes);
        if place > 0 {
            hidden += order.len().saturating_sub(MAX_DRAWN);
        }
        order.truncate(MAX_DRAWN);
        order.sort_unstable();
        shown.extend(order.into_iter().map(|place| here[place]));
    }
    Ok((shown, hidden))
}

/// Faithfulness against size.
struct Curve {
    sizes: Vec<usize>,
    ranked: Vec<f32>,
    mean: Vec<f32>,
    spread: Vec<f32>,
}

async fn curve(
    subject: &Subject<'_>,
    parameters: &Parameters,
    whole: &Whole<'_>,
    scores: &[f32],
    rng: &mut Rng,
) -> Result<Curve> {
    let total = whole.candidates.len();
    let sizes = curve_sizes(total);
    let sets: Vec<Vec<bool>> = sizes
        .iter()
        .map(|&size| whole.strongest(scores, size))
        .collect();
    let ranked = whole.faithfulness(&sets).await?;
    let mut random = Vec::with_capacity(parameters.random_circuits);
    for draw in 0..parameters.random_circuits {
        let sets: Vec<Vec<bool>> = sets.iter().map(|keep| whole.random(keep, rng)).collect();
        random.push(whole.faithfulness(&sets).await?);
        subject
            .step(draw + 1, 2 * parameters.random_circuits)
            .await?;
    }
    let mean = mean_rows(random.iter());
    let spread = (0..sizes.len()).map(|place| {
        let column: Vec<f32> = random.iter().map(|row| row[place]).collect();
        mean_and_spread(&column).1 as f32
    });
    Ok(Curve {
        spread: spread.collect(),
        sizes,
        ranked,
        mean,
    })
}

/// Sizes from none to all: each of the first, then in steps that grow.
fn curve_sizes(total: usize) -> Vec<usize> {
    let mut sizes = vec![0];
    while let Some(&last) = sizes.last().filter(|&&last| last < total) {
        let step = (last / (NUM_POINTS / 4)).max(1);
        sizes.push((last + step).min(total));
    }
    sizes
}

impl Curve {
    fn figure(&self, whole: &Whole<'_>, found: &Found) -> Figure {
        let spread = |sign: f32| -> Vec<f32> {
            let pairs = self.mean.iter().zip(&self.spread);
            pairs.map(|(mean, spread)| mean + sign * spread).collect()
        };
        let line = |name: &str, values: &[f32], control| series(name, &self.sizes, values, control);
        let reached = |values: &[f32]| {
            let place = values
                .iter()
                .position(|&share| (share - 1.0).abs() <= 1.0 - ENOUGH);
            place.map_or(whole.candidates.len(), |place| self.sizes[place]) as f64
        };
        let total = whole.candidates.len() as f64;
        Figure {
            title: "Faithfulness by size".into(),
            caption: format!(
                "Share of the clean answer that circuits of the largest scores restore alone, against their \
                 size; the circuit drawn has {} parts; controls are random circuits and a deviation either way.",
                found.size()
            ),
            body: Body::Lines {
                x: Scale::numeric("parts kept", ""),
                y: Scale::numeric("share restored", ""),
                series: vec![
                    line("largest scores", &self.ranked, false),
                    line("random", &self.mean, true),
                    line("above", &spread(1.0), true),
                    line("below", &spread(-1.0), true),
                ],
            },
            numbers: vec![
                Number::new("size_for_90", "parts for 90 %", reached(&self.ranked)).out_of(total),
                Number::new("size_for_90_random", "random parts", reached(&self.mean))
                    .out_of(total)
                    .control(),
            ],
        }
    }
}

/// Whether scores rank parts as patching each alone does.
async fn agreement(whole: &Whole<'_>, found: &Found) -> Result<Figure> {
    let exact = whole.exact().await?;
    let sizes = |values: &[f32]| values.iter().map(|x| x.abs()).collect::<Vec<f32>>();
    let (scores, effects, changes) = (sizes(&found.scores), sizes(&exact), whole.changes()?);
    let agreement = f64::from(rank_correlation(&scores, &effects));
    let control = f64::from(rank_correlation(&changes, &effects));
    let order = ranked(&effects);
    let bars = order
        .iter()
        .take(MAX_DRAWN)
        .map(|&one| whole.bar(one, exact[one], found.scores[one]));
    Ok(Figure {
        title: "Patched one by one".into(),
        caption: "What the clean answer loses when one part alone has the corrupt board's activation, the most \
                  first; the tick is the part's score."
            .into(),
        body: Body::Bars { x: Scale::numeric("share lost", ""), bars: bars.collect() },
        numbers: vec![
            Number::new("agreement", "rank correlation of scores and patching", agreement),
            Number::new("agreement_change", "of the change of activation alone", control).control(),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_dense_where_circuits_are_small() {
        assert_eq!(curve_sizes(3), [0, 1, 2, 3]);
        let sizes = curve_sizes(400);
        assert_eq!((sizes[8], sizes.last()), (8, Some(&400)));
        assert!(
            sizes.len() < 64 && sizes.windows(2).all(|pair| pair[0] < pair[1]),
            "{sizes:?}"
        );
    }
}
