//! Circuits: the few parts of a network, or the few edges between them, that suffice for what the agent does
//! on one board and not on another (Wang et al. 2023, arXiv:2211.00593).
//!
//! A part that is not in the circuit has the corrupt board's activation. An edge that is not in it carries
//! the corrupt board's activation to the part that it leads to, and every part is computed anew from what it
//! is given (`flow`). They are kept by the size of their scores (gradients times change, see `wiring`), or by
//! ACDC (Conmy et al. 2023, arXiv:2304.14997): from the answers back, each is cut, and stays cut where the
//! measure moves away from the whole network's by less than a threshold. *Faithfulness* is the share of the
//! clean answer that the circuit alone restores, *completeness* how much of it goes when the circuit is cut
//! from the whole. Observation and answers are given: random circuits have them too, and as many parts of
//! each site, or as many edges between the same two sites.

mod flow;
mod keep;
mod report;
mod size;

use super::{
    OpEntry, Subject, contrast::Direction, curve::growing, figure::Figure, measure::Measure,
    parts::Part, traced::Traced,
};
use crate::{
    error::{Error, Result},
    schema,
};
use keep::{Whole, joined};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use size::Curve;

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "circuit",
    title: "Find a circuit",
    summary: "The few parts or edges that suffice for the clean board's answer, as a graph from what is seen to \
              what is done.",
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
    /// What is kept or cut.
    pub prune: Prune,
    /// How it is chosen.
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
    /// Parts or edges that scores keep; with 0 as few as restore 90 %.
    #[schemars(range(min = 0, max = 65536), extend("x-auto" = "enough for 90 %"))]
    pub size: usize,
    /// The share of the answer that ACDC lets go with each part, summed over the pairs.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: f32,
    /// The same with each edge, of which there are many more.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub edge_threshold: f32,
    /// Random circuits of the control.
    #[schemars(range(min = 2, max = 64))]
    pub random_circuits: usize,
    /// Further pairs of boards to average over.
    #[schemars(range(min = 0, max = 64))]
    pub pairs: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            prune: Prune::Nodes,
            method: Method::Acdc,
            part: Part::Channel,
            measure: Measure::default(),
            direction: Direction::default(),
            steps: 5,
            size: 0,
            threshold: 0.01,
            edge_threshold: 0.003,
            random_circuits: 16,
            pairs: 0,
        }
    }
}

/// What is kept or cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Prune {
    /// Parts.
    Nodes,
    /// Edges between parts.
    Edges,
}

/// How parts or edges are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By the size of their scores.
    Scores,
    /// By cutting one after the other, from the answers back.
    Acdc,
}

/// Rows of forward passes that may be asked for.
const MAX_ROWS: usize = 1 << 18;

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let &Parameters {
        measure,
        direction,
        steps,
        pairs,
        ..
    } = parameters;
    let traced = Traced::new(subject, measure, direction, steps, pairs).await?;
    let nodes = traced.wiring.nodes(parameters.part);
    let joined = joined(&traced, &nodes)?;
    let whole = match parameters.prune {
        Prune::Nodes => Whole::of_nodes(&traced, &nodes)?,
        Prune::Edges => {
            let whole = Whole::of_edges(&traced, &joined, subject.rng.split("probes")).await?;
            affordable(parameters, &whole)?;
            whole
        }
    };
    let mut rng = subject.rng.split("random circuits");
    let curve = Curve::new(subject, parameters, &whole, &mut rng).await?;
    let keep = match parameters.method {
        Method::Acdc => {
            let threshold = match parameters.prune {
                Prune::Nodes => parameters.threshold,
                Prune::Edges => parameters.edge_threshold,
            };
            whole.acdc(subject, threshold).await?
        }
        Method::Scores => whole.strongest(curve.size(parameters.size)),
    };
    let graph = report::graph(subject, parameters, &whole, &keep, &mut rng).await?;
    let agreement = report::agreement(subject, &whole).await?;
    Ok(vec![graph, curve.figure(&whole, &keep), agreement])
}

/// Errors: `NotApplicable` where edges take too many rows of forward passes.
fn affordable(parameters: &Parameters, whole: &Whole<'_>) -> Result<()> {
    let edges = whole.candidates.len();
    let tried = match parameters.method {
        Method::Acdc => edges,
        Method::Scores => 0,
    };
    let drawn = growing(edges).len() * (parameters.random_circuits + 1);
    let rows = (tried + drawn) * whole.rows() * whole.traced.pairs.len();
    match rows <= MAX_ROWS {
        true => Ok(()),
        false => Err(Error::not_applicable(format!(
            "pruning these {edges} edges takes some {rows} rows of forward passes, and {MAX_ROWS} at most are \
             run; take larger parts, the method by scores, fewer random circuits or pairs, or prune nodes"
        ))),
    }
}
