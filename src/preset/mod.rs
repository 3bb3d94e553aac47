//! Seed problems made concrete, as data. One file each, one line in [`PRESETS`].

pub mod cartpole_ppo;
pub mod connect4_alphazero;
pub mod corner_maze_misgeneralisation;
pub mod gridworld_ppo;
pub mod keys_chests;
pub mod monster_gridworld;
pub mod tictactoe_alphazero;
pub mod tictactoe_clone;
pub mod tictactoe_transformer;
pub mod tree_gridworld;

use crate::error::{Error, Result};
use serde::Serialize;
use serde_json::Value;

/// Every preset; the first is what the page opens with.
pub static PRESETS: &[&Preset] = &[
    &tictactoe_alphazero::PRESET,
    &tictactoe_clone::PRESET,
    &tictactoe_transformer::PRESET,
    &connect4_alphazero::PRESET,
    &cartpole_ppo::PRESET,
    &corner_maze_misgeneralisation::PRESET,
    &gridworld_ppo::PRESET,
    &keys_chests::PRESET,
    &tree_gridworld::PRESET,
    &monster_gridworld::PRESET,
];

/// A problem with an environment, a model, an agent and what is claimed of them.
pub struct Preset {
    /// Its id.
    pub id: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// The seed problem, such as `8.3`.
    pub problem: &'static str,
    /// Environment id.
    pub environment: &'static str,
    /// Model id.
    pub model: &'static str,
    /// Agent id.
    pub agent: &'static str,
    /// Budget of updates.
    pub updates: usize,
    /// Updates between checkpoints.
    pub checkpoint_every: usize,
    /// What differs from the defaults: `{"agent": {…}, "model": {…}, "environment": {…}}`.
    pub parameters: fn() -> Value,
    /// Ops to show first.
    pub ops: &'static [&'static str],
    /// A pair of states to begin with, `[clean, corrupt]`.
    pub states: fn() -> Vec<Value>,
    /// What it claims at the end of its budget; a test checks each over several seeds.
    pub claims: &'static [Claim],
}

/// The preset named `id`, or `Error::UnknownId`.
pub fn entry(id: &str) -> Result<&'static Preset> {
    PRESETS
        .iter()
        .copied()
        .find(|preset| preset.id == id)
        .ok_or_else(|| Error::UnknownId {
            kind: "preset",
            id: id.into(),
            allowed: PRESETS.iter().map(|preset| preset.id.to_owned()).collect(),
        })
}

/// A claim that a test checks.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Claim {
    /// The metric: the id of a score, or of a number that an op gives.
    pub metric: &'static str,
    /// The op, on the preset's states; none for a score.
    pub op: Option<&'static str>,
    /// What differs from the op's defaults, as `name=value`.
    pub set: &'static [&'static str],
    /// Its highest allowed value.
    pub at_most: Option<f64>,
    /// Its lowest allowed value.
    pub at_least: Option<f64>,
    /// Why it should hold.
    pub reason: &'static str,
}

impl Claim {
    /// That a score ends at `least` or above.
    const fn at_least(metric: &'static str, least: f64, reason: &'static str) -> Self {
        Self {
            metric,
            op: None,
            set: &[],
            at_most: None,
            at_least: Some(least),
            reason,
        }
    }

    /// That a score ends at `most` or below.
    const fn at_most(metric: &'static str, most: f64, reason: &'static str) -> Self {
        Self {
            metric,
            op: None,
            set: &[],
            at_most: Some(most),
            at_least: None,
            reason,
        }
    }

    /// The same of a number that an op gives.
    const fn of(mut self, op: &'static str) -> Self {
        self.op = Some(op);
        self
    }

    /// The same with other parameters of the op.
    const fn with(mut self, set: &'static [&'static str]) -> Self {
        self.set = set;
        self
    }

    /// The op's parameters.
    pub fn parameters(&self) -> Result<Value> {
        let pairs: Vec<String> = self.set.iter().map(|&pair| pair.to_owned()).collect();
        crate::schema::set_pairs(&pairs).map(Value::Object)
    }
}
