//! Learners. One file each, one line in [`AGENTS`].

pub mod adam;
pub mod alphazero;
pub mod collapse;
pub mod fused;
pub mod mcts;
pub mod ppo;
pub mod targets;

use crate::{
    backend::Pending,
    env::{Env, Space},
    error::{Error, Result},
    model::{
        Network,
        evaluator::{Evaluator, masked_argmax, masked_softmax},
        weights::Archive,
    },
    rng::Rng,
};
use burn::tensor::Device;
use collapse::Collapse;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeMap;

/// Every agent.
pub static AGENTS: &[&AgentEntry] = &[&alphazero::ENTRY, &ppo::ENTRY];

/// A registered agent.
pub struct AgentEntry {
    /// Its id.
    pub id: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// JSON schema of its parameters.
    pub schema: fn() -> Value,
    /// Builds it; errors say what is allowed.
    pub make: fn(&Value, Setup) -> Result<Box<dyn Agent>>,
    /// The metrics that an update can report.
    pub metrics: &'static [MetricInfo],
    /// Whether it searches at play.
    pub searches: bool,
}

/// Metrics of episodes, which a world that never ends does not have.
const OF_EPISODES: [&str; 2] = ["return", "length"];

impl AgentEntry {
    /// The metrics that an update in such an environment reports.
    pub fn metrics_in(&self, space: &Space) -> Vec<MetricInfo> {
        let reported =
            |metric: &&MetricInfo| !space.continuing || !OF_EPISODES.contains(&metric.id);
        let metrics = self.metrics.iter().filter(reported);
        metrics
            .map(|&metric| match metric.id {
                // Where episodes end their return says more.
                "reward" if !space.continuing => MetricInfo {
                    lane: None,
                    ..metric
                },
                _ => metric,
            })
            .collect()
    }
}

/// The entry named `id`, or `Error::UnknownId`.
pub fn entry(id: &str) -> Result<&'static AgentEntry> {
    AGENTS
        .iter()
        .copied()
        .find(|entry| entry.id == id)
        .ok_or_else(|| Error::UnknownId {
            kind: "agent",
            id: id.into(),
            allowed: AGENTS.iter().map(|entry| entry.id.to_owned()).collect(),
        })
}

/// What an agent is made of.
pub struct Setup {
    /// The environment, in any state.
    pub env: Box<dyn Env>,
    /// The network, without gradients.
    pub network: Network,
    /// Where it lives.
    pub device: Device,
    /// The run's generator.
    pub rng: Rng,
    /// Budget of updates, for schedules.
    pub updates: usize,
}

/// Metric values of one update, by id.
pub type Metrics = BTreeMap<String, f64>;

/// A learner that advances by updates.
pub trait Agent {
    /// One update. Errors: `NotFinite` once the loss has diverged.
    fn advance(&mut self) -> Pending<'_, Result<Metrics>>;

    /// The collapse that began with the newest update, if the agent watches for any and saw one.
    fn collapse(&self) -> Option<&Collapse> {
        None
    }

    /// The network as it is now, for inference.
    fn network(&self) -> Network;

    /// Decisions in states that have not ended, bare or searched. Deterministic.
    fn decide<'a>(
        &'a self,
        evaluator: &'a Evaluator,
        states: &'a [Box<dyn Env>],
        search: bool,
    ) -> Pending<'a, Result<Vec<Decision>>>;

    /// Decisions with search and the trees behind them, in `num_simulations` or as many as at play.
    /// Deterministic. Errors: `NotApplicable` for agents that do not search.
    fn explore<'a>(
        &'a self,
        evaluator: &'a Evaluator,
        states: &'a [Box<dyn Env>],
        num_simulations: Option<usize>,
    ) -> Pending<'a, Result<Vec<Explored>>> {
        let _ = (evaluator, states, num_simulations);
        Box::pin(async { Err(Error::not_applicable("this agent does not search")) })
    }

    /// Everything but the weights that training needs to go on, into `archive`.
    fn save<'a>(&'a self, archive: &'a mut Archive) -> Pending<'a, Result<()>>;

    /// Puts weights and everything else back. Errors: `Checkpoint`; the agent is then unusable.
    fn restore(&mut self, network: Network, archive: &Archive) -> Result<()>;
}

/// Writes what a learner keeps beside its arrays.
fn put_learner(archive: &mut Archive, saved: &impl Serialize) -> Result<()> {
    let saved = serde_json::to_value(saved).map_err(|why| Error::parse("the learner", why))?;
    archive.metadata.insert("learner".into(), saved);
    Ok(())
}

/// What [`put_learner`] wrote. Errors: `Checkpoint`.
fn learner<T: DeserializeOwned>(archive: &Archive) -> Result<T> {
    let saved = archive.metadata.get("learner").cloned().ok_or_else(|| {
        Error::checkpoint("it holds weights alone; to train on, export everything")
    })?;
    serde_json::from_value(saved).map_err(|why| Error::checkpoint(format!("learner: {why}")))
}

/// How a metric or score is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct MetricInfo {
    /// Its id.
    pub id: &'static str,
    /// What it is called on the page.
    pub name: &'static str,
    /// Metrics of one lane share an axis in the timeline; none is shown as a number only.
    pub lane: Option<&'static str>,
}

/// A choice of action, with its reasons.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Decision {
    /// The action that the agent would play.
    pub action: usize,
    /// Probability of each action: the network's softmax over legal actions, or the search's policy.
    pub policy: Vec<f32>,
    /// Value for the player to move, −1 to 1 in games.
    pub value: f32,
    /// Raw logits; empty for a search.
    pub logits: Vec<f32>,
    /// Visits of each action; empty without search.
    pub visits: Vec<u32>,
    /// Mean value of each action for the player to move; none where it was not visited.
    pub q: Vec<Option<f32>>,
    /// Simulations; 0 without search.
    pub simulations: usize,
}

/// A decision, and the tree that led to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Explored {
    /// What was decided.
    pub decision: Decision,
    /// The network's probability of each action at the root.
    pub prior: Vec<f32>,
    /// The tree's nodes: the root first, and each after its parent.
    pub branches: Vec<mcts::Branch>,
}

impl Decision {
    /// What the network alone would do: the likeliest legal action of each state.
    pub async fn bare(evaluator: &Evaluator, states: &[Box<dyn Env>]) -> Result<Vec<Self>> {
        if states.is_empty() {
            return Ok(Vec::new());
        }
        let answers = evaluator.evaluate_states(states).await?;
        let decide = |row: usize| {
            let (state, logits) = (&states[row], answers.logits_of(row));
            let mut legal = vec![false; logits.len()];
            state.legal(&mut legal);
            Self {
                action: masked_argmax(logits, &legal).unwrap_or(0),
                policy: masked_softmax(logits, &legal),
                value: answers.values[row],
                logits: logits.to_vec(),
                visits: Vec::new(),
                q: Vec::new(),
                simulations: 0,
            }
        };
        Ok((0..states.len()).map(decide).collect())
    }
}
