//! What can be asked of a session and what it answers: the same words natively, in the tab and in a
//! permalink. The page's TypeScript types are generated from this file.

use crate::{
    agent::{Decision, MetricInfo, collapse::Sign},
    backend::DeviceName,
    env::{Axis, Concept, Optimum, scene::Scene},
    model::{Site, taps::Edit},
    op::figure::{Figure, Number},
    preset::Claim,
    rollout::episodes::Statistics,
    session::sheet::Evidence,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Everything that is registered. Answer: `catalogue`.
    Catalogue,
    /// Opens a preset as a new run at update 0. Answer: `opened`, then `checkpoint`.
    Open {
        /// The preset's id.
        preset: String,
        /// Parameters that differ from the preset's: `agent.learning_rate`, `model.width`, `updates` ….
        #[serde(default)]
        #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, unknown>"))]
        set: Map<String, Value>,
        /// The seed of everything random.
        seed: u64,
        /// Where tensors live.
        #[serde(default)]
        device: DeviceName,
    },
    /// Trains. Answers: an `update` each, a `checkpoint` now and then, a `collapse` where one begins,
    /// `finished` at the end.
    Advance {
        /// At most this many updates.
        updates: usize,
    },
    /// Puts the run back to how it was at a checkpoint, exactly, and drops what came after. Answer:
    /// `rewound`. Training goes on from there as it would have without what was dropped.
    Rewind {
        /// The update of the checkpoint: one of [`Kept::rewindable`].
        checkpoint: usize,
    },
    /// Plays an environment at random, with or without a run. Answer: `episodes`.
    Rollout {
        /// The environment's id.
        environment: String,
        /// Its parameters, where they differ from their defaults.
        #[serde(default)]
        #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, unknown>"))]
        set: Map<String, Value>,
        /// How many episodes.
        episodes: usize,
        /// The seed of levels and actions.
        seed: u64,
    },
    /// A start state. Answer: `state`.
    Start {
        /// The seed of the start state.
        #[serde(default)]
        seed: u64,
    },
    /// Plays an action. Answer: `state`.
    Step {
        /// The state to play in.
        #[cfg_attr(target_arch = "wasm32", tsify(type = "unknown"))]
        state: Value,
        /// The action.
        action: usize,
        /// Another one makes the world draw otherwise in this step.
        #[serde(default)]
        seed: u64,
    },
    /// Checks and draws a state. Answer: `state`.
    Inject {
        /// The state.
        #[cfg_attr(target_arch = "wasm32", tsify(type = "unknown"))]
        state: Value,
    },
    /// Paints a cell with a brush of the scene. Answer: `state`.
    Paint {
        /// The state to edit.
        #[cfg_attr(target_arch = "wasm32", tsify(type = "unknown"))]
        state: Value,
        /// Row of the cell.
        row: usize,
        /// Column of the cell.
        column: usize,
        /// Index of the brush.
        brush: usize,
    },
    /// Moves what stands on one cell to another. Answer: `state`.
    Shift {
        /// The state to edit.
        #[cfg_attr(target_arch = "wasm32", tsify(type = "unknown"))]
        state: Value,
        /// `[row, column]` to move from.
        from: (usize, usize),
        /// `[row, column]` to move to.
        to: (usize, usize),
    },
    /// What the agent makes of a state. Answer: `view`.
    Look {
        /// The state.
        #[cfg_attr(target_arch = "wasm32", tsify(type = "unknown"))]
        state: Value,
        /// Which checkpoint; the newest weights when absent.
        #[serde(default)]
        checkpoint: Option<usize>,
        /// Whether to search as well, where the agent can.
        #[serde(default)]
        search: bool,
        /// Edits of activations to apply.
        #[serde(default)]
        edits: Vec<Edit>,
    },
    /// Scores the agent against ground truth. Answer: `scores`.
    Score {
        /// Which checkpoint; the newest weights when absent.
        #[serde(default)]
        checkpoint: Option<usize>,
        /// Edits of activations to apply.
        #[serde(default)]
        edits: Vec<Edit>,
    },
    /// Runs an op. Answers: `progress` now and then, `figures`.
    Op {
        /// The op's id.
        op: String,
        /// Its parameters.
        #[serde(default)]
        #[cfg_attr(target_arch = "wasm32", tsify(type = "unknown"))]
        parameters: Value,
        /// The states it looks at; for a pair `[clean, corrupt]`.
        #[serde(default)]
        #[cfg_attr(target_arch = "wasm32", tsify(type = "unknown[]"))]
        states: Vec<Value>,
        /// Which checkpoint; the newest weights when absent.
        #[serde(default)]
        checkpoint: Option<usize>,
        /// Edits of activations to apply throughout.
        #[serde(default)]
        edits: Vec<Edit>,
    },
    /// Writes a file. Answer: `file`.
    Export {
        /// Which checkpoint; the newest weights when absent.
        #[serde(default)]
        checkpoint: Option<usize>,
        /// Weights alone, or everything that training needs to go on.
        #[serde(default)]
        what: ExportKind,
    },
    /// Writes figures as an evidence sheet that can be replayed, with or without a run. Answer: `file`.
    Sheet {
        /// What goes on it, in its order.
        entries: Vec<Evidence>,
    },
    /// Opens a file that `export` wrote. Answer: `opened`, then `checkpoint`.
    Import {
        /// The file.
        #[serde(with = "serde_bytes")]
        #[cfg_attr(target_arch = "wasm32", tsify(type = "Uint8Array"))]
        bytes: Vec<u8>,
        /// Where tensors live.
        #[serde(default)]
        device: DeviceName,
    },
}

/// An answer. `Error` ends a request; the session goes on as it was before.
// An event is made, handed over and dropped: boxing would gain nothing.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// Everything that is registered.
    Catalogue(Catalogue),
    /// A run is open.
    Opened(RunInfo),
    /// One update of training.
    Update {
        /// Its number, from 1.
        update: usize,
        /// Metric values by id.
        metrics: BTreeMap<String, f64>,
    },
    /// A checkpoint was taken and scored.
    Checkpoint {
        /// The update after which.
        update: usize,
        /// Its scores.
        scores: Vec<Number>,
        /// Which checkpoints the run can now go back to.
        kept: Kept,
    },
    /// The policy falls apart. Told once for each collapse, when it begins.
    Collapse {
        /// The update with which it was noticed.
        update: usize,
        /// What was seen.
        sign: Sign,
        /// What was seen, what it means and what to do, in whole sentences.
        message: String,
    },
    /// The run is back at a checkpoint.
    Rewound {
        /// The update of the checkpoint, which is the newest now.
        update: usize,
        /// Which checkpoints the run can still go back to.
        kept: Kept,
    },
    /// The run has reached its budget of updates.
    Finished {
        /// The last update.
        update: usize,
    },
    /// What episodes of random play came to.
    Episodes(Statistics),
    /// A state.
    State(StateView),
    /// What the agent makes of a state.
    View(View),
    /// Scores against ground truth.
    Scores {
        /// Of which update.
        update: usize,
        /// The scores.
        scores: Vec<Number>,
    },
    /// How far an op has come.
    Progress {
        /// Steps done.
        done: usize,
        /// Steps in all.
        total: usize,
    },
    /// Results of an op.
    Figures {
        /// Of which update.
        update: usize,
        /// The figures.
        figures: Vec<Figure>,
        /// Headline numbers of all of them.
        numbers: Vec<Number>,
        /// Updates whose weights the op looked at, ascending.
        read: Vec<usize>,
        /// Which of them it was given as the run's checkpoints; none where it did not ask.
        checkpoints: Vec<usize>,
    },
    /// A file to save.
    File {
        /// Suggested name.
        name: String,
        /// Its contents.
        #[serde(with = "serde_bytes")]
        #[cfg_attr(target_arch = "wasm32", tsify(type = "Uint8Array"))]
        bytes: Vec<u8>,
    },
    /// The request failed; nothing was changed.
    Error {
        /// A stable word for programs.
        code: String,
        /// What was wrong and what is allowed.
        message: String,
    },
}

/// What is left of the past: checkpoints of which everything is kept, not the weights alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Kept {
    /// Updates of the checkpoints that the run can go back to, ascending.
    pub rewindable: Vec<usize>,
    /// The best of them by the first of `RunInfo::scores`; of equals the newest.
    pub best: Option<usize>,
}

/// What an exported file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
#[serde(rename_all = "snake_case")]
pub enum ExportKind {
    /// Weights in safetensors, PyTorch layouts.
    #[default]
    Weights,
    /// The same with optimiser, generator, games and replay, so that training can go on.
    Everything,
}

/// Everything that is registered.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Catalogue {
    /// Environments.
    pub environments: Vec<Entry>,
    /// Agents.
    pub agents: Vec<Entry>,
    /// Models.
    pub models: Vec<Entry>,
    /// Ops.
    pub ops: Vec<OpEntry>,
    /// Presets.
    pub presets: Vec<PresetEntry>,
    /// Devices that this build can use.
    pub devices: Vec<DeviceName>,
}

/// A registered environment, agent or model.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// One sentence.
    pub summary: String,
    /// JSON schema of its parameters, defaults included.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "unknown"))]
    pub schema: Value,
}

/// A registered op.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct OpEntry {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// One sentence.
    pub summary: String,
    /// JSON schema of its parameters, defaults included.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "unknown"))]
    pub schema: Value,
    /// How many states it looks at: 0, 1, or 2 for a clean and a corrupt one.
    pub num_states: usize,
}

/// A preset.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct PresetEntry {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// One sentence.
    pub summary: String,
    /// The seed problem, such as `8.3`.
    pub problem: String,
    /// Environment id.
    pub environment: String,
    /// Model id.
    pub model: String,
    /// Agent id.
    pub agent: String,
    /// Budget of updates.
    pub updates: usize,
    /// Preset values, by dotted name.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, unknown>"))]
    pub parameters: Map<String, Value>,
    /// Ops to show first.
    pub ops: Vec<String>,
    /// A pair of states to begin with, `[clean, corrupt]`.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "unknown[]"))]
    pub states: Vec<Value>,
    /// What the preset claims.
    pub claims: Vec<Claim>,
}

/// An open run.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct RunInfo {
    /// The preset's id.
    pub preset: String,
    /// Environment id.
    pub environment: String,
    /// Model id.
    pub model: String,
    /// Agent id.
    pub agent: String,
    /// All parameters in force, by dotted name.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Record<string, unknown>"))]
    pub parameters: Map<String, Value>,
    /// The seed.
    pub seed: u64,
    /// Where tensors live.
    pub device: DeviceName,
    /// Updates done.
    pub update: usize,
    /// Budget of updates.
    pub updates: usize,
    /// Updates of the checkpoints that are kept.
    pub checkpoints: Vec<usize>,
    /// Which of them the run can go back to.
    pub kept: Kept,
    /// Number of weights.
    pub num_weights: usize,
    /// The network's sites, from input to output.
    pub sites: Vec<Site>,
    /// Axes of the observation.
    pub observation: Vec<Axis>,
    /// Action names.
    pub actions: Vec<String>,
    /// 1, or 2 for zero-sum games.
    pub num_players: usize,
    /// Concepts of the environment.
    pub concepts: Vec<Concept>,
    /// Whether the agent can search.
    pub searches: bool,
    /// The metrics that an update reports.
    pub metrics: Vec<MetricInfo>,
    /// The scores that a checkpoint reports.
    pub scores: Vec<MetricInfo>,
}

/// A state, checked and drawn.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct StateView {
    /// The state as the environment writes it.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "unknown"))]
    pub state: Value,
    /// What it looks like.
    pub scene: Scene,
    /// The player to move.
    pub player: usize,
    /// Legal actions.
    pub legal: Vec<usize>,
    /// Reward of the step that led here, for who moved.
    pub reward: f32,
    /// The episode ended by its rules.
    pub terminated: bool,
    /// The episode was cut.
    pub truncated: bool,
}

/// What the agent makes of a state.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct View {
    /// Of which update.
    pub update: usize,
    /// The state.
    pub at: StateView,
    /// The bare network's answer; none once the episode has ended.
    pub network: Option<Decision>,
    /// The searched answer, when asked for and the agent can.
    pub search: Option<Decision>,
    /// Ground truth, where it can be computed.
    pub optimum: Option<Optimum>,
    /// Concept values, in the order of `RunInfo::concepts`.
    pub concepts: Vec<f32>,
    /// Activations, one entry a site in the order of `RunInfo::sites`.
    pub sites: Vec<Vec<f32>>,
}
