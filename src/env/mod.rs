//! Environments: rules, observations, concepts and ground truth. One file each, one line in [`ENVS`].

mod board;
pub mod cartpole;
mod cheese;
pub mod connect4;
pub mod corner_maze;
mod grid;
pub mod gridworld;
pub mod keys_chests;
pub mod maze;
pub mod monster_gridworld;
mod plan;
pub mod scene;
pub mod tictactoe;
pub mod tree_gridworld;

use crate::{
    error::{Error, Result},
    rng::Rng,
};
use scene::Scene;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Every environment.
pub static ENVS: &[&EnvEntry] = &[
    &tictactoe::ENTRY,
    &connect4::ENTRY,
    &cartpole::ENTRY,
    &corner_maze::ENTRY,
    &maze::ENTRY,
    &gridworld::ENTRY,
    &keys_chests::ENTRY,
    &tree_gridworld::ENTRY,
    &monster_gridworld::ENTRY,
];

/// A registered environment.
pub struct EnvEntry {
    /// Its id.
    pub id: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// JSON schema of its parameters.
    pub schema: fn() -> Value,
    /// Builds it; `Error::Parameter` says what is allowed.
    pub make: fn(&Value) -> Result<Box<dyn Env>>,
}

/// The entry named `id`, or `Error::UnknownId`.
pub fn entry(id: &str) -> Result<&'static EnvEntry> {
    ENVS.iter()
        .copied()
        .find(|entry| entry.id == id)
        .ok_or_else(|| Error::UnknownId {
            kind: "environment",
            id: id.into(),
            allowed: ENVS.iter().map(|entry| entry.id.to_owned()).collect(),
        })
}

/// An environment in one of its states. Cheap to clone and to step.
pub trait Env: Send + Sync {
    /// What no step changes: shapes, names, symmetries. Shared by all states.
    fn space(&self) -> &Space;

    /// A start state.
    fn reset(&mut self, rng: &mut Rng);

    /// Plays `action`. Errors: `IllegalAction`, `EpisodeOver`; the state is then unchanged.
    fn step(&mut self, action: usize, rng: &mut Rng) -> Result<Step>;

    /// Marks the legal actions in `out` `[num_actions]`; all false once the episode has ended.
    fn legal(&self, out: &mut [bool]);

    /// The player to move, 0 or 1; always 0 with one player.
    fn player(&self) -> usize;

    /// Whether the episode has ended, and how. `Step::default()` while it goes on; `reward` is
    /// that of the player who moved last, where the state alone tells it.
    fn outcome(&self) -> Step;

    /// Writes the observation of the player to move into `out` (`space().observation` elements).
    fn observe(&self, out: &mut [f32]);

    /// What the state looks like.
    fn scene(&self) -> Scene;

    /// The state as JSON, in the reference implementation's own names.
    fn state(&self) -> Value;

    /// Injects a state. Errors: `Error::State`; the old state then stays.
    fn set_state(&mut self, state: &Value) -> Result<()>;

    /// Paints one cell with a brush of the scene, as the page's editor does.
    /// Errors: `Error::State` when no legal state has this cell so; the old state then stays.
    fn paint(&mut self, row: usize, column: usize, brush: usize) -> Result<()>;

    /// Moves what stands on cell `from` `(row, column)` to cell `to` in one act, as a drag in the
    /// page's editor does: for neighbours of a legal state that no single brush stroke reaches.
    /// Errors: as for `paint`, and `NotApplicable` where nothing can be moved.
    fn shift(&mut self, from: (usize, usize), to: (usize, usize)) -> Result<()> {
        let _ = (from, to);
        Err(Error::not_applicable(
            "nothing can be moved by hand in this environment",
        ))
    }

    /// The concepts' values, in the order of `space().concepts`, for the player to move.
    fn concepts(&self) -> Vec<f32>;

    /// Ground truth for the player to move, where it can be computed in well under a second.
    /// Of an ended episode: the value of its result, and no action values.
    fn optimum(&self) -> Option<Optimum> {
        None
    }

    /// The same environment with levels that training does not show, where it has such.
    fn elsewhere(&self) -> Option<Box<dyn Env>> {
        None
    }

    /// The cell `(row, column)` of the scene on which the agent stands; none where nothing walks on a grid.
    fn agent_cell(&self) -> Option<(usize, usize)> {
        None
    }

    /// This state with the agent moved to each cell where it may stand and the episode goes on; none
    /// where nothing walks on a grid.
    fn placements(&self) -> Vec<Placement> {
        Vec::new()
    }

    /// Every reachable non-terminal state, each counted once; none where there are too many.
    fn enumerate(&self) -> Option<Vec<Box<dyn Env>>> {
        None
    }

    /// A fixed opponent of given strength: its move. None where there is none.
    /// `depth` is in plies; ties are broken with `rng`.
    fn reference_move(&self, depth: usize, rng: &mut Rng) -> Option<usize> {
        let _ = (depth, rng);
        None
    }

    /// The action of a plain hand-written player, by which to judge returns; none where there is none.
    fn heuristic(&self, rng: &mut Rng) -> Option<usize> {
        let _ = rng;
        None
    }

    /// A copy.
    fn boxed(&self) -> Box<dyn Env>;
}

impl Clone for Box<dyn Env> {
    fn clone(&self) -> Self {
        self.boxed()
    }
}

/// A state with the agent at one cell of the scene.
#[derive(Clone)]
pub struct Placement {
    /// `(row, column)`.
    pub cell: (usize, usize),
    /// The state.
    pub env: Box<dyn Env>,
}

/// What a step brought.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Step {
    /// Reward of the player who moved.
    pub reward: f32,
    /// The episode ended by its rules.
    pub terminated: bool,
    /// The episode was cut by a time limit.
    pub truncated: bool,
}

impl Step {
    /// Whether nothing follows.
    pub fn done(self) -> bool {
        self.terminated || self.truncated
    }
}

/// What all states of an environment share.
#[derive(Debug, Serialize)]
pub struct Space {
    /// Axes of the observation, outermost first: `[plane, row, column]` for boards.
    pub observation: Vec<Axis>,
    /// Action names, in the reference's numbering.
    pub actions: Vec<String>,
    /// 1, or 2 for zero-sum games.
    pub num_players: usize,
    /// Most steps that an episode can take; of a world that never ends, how long it is watched.
    pub max_steps: usize,
    /// Whether the world never ends, so that nothing is ever reset.
    pub continuing: bool,
    /// Named facts, exactly computed.
    pub concepts: Vec<Concept>,
    /// Transformations that leave the rules unchanged; the identity is first.
    #[serde(skip)]
    pub symmetries: Vec<Symmetry>,
}

impl Space {
    /// Number of elements of an observation.
    pub fn observation_len(&self) -> usize {
        self.observation.iter().map(|axis| axis.len).product()
    }

    /// The observation's shape.
    pub fn observation_shape(&self) -> Vec<usize> {
        self.observation.iter().map(|axis| axis.len).collect()
    }

    /// Number of actions.
    pub fn num_actions(&self) -> usize {
        self.actions.len()
    }
}

/// A named axis of an observation or a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Axis {
    /// `plane`, `row`, `column`, `channel`, `unit`, `action` …
    pub name: String,
    /// Its length.
    pub len: usize,
    /// Names of its indices, where they have any.
    pub labels: Vec<String>,
}

impl Axis {
    /// An axis without labels.
    pub fn new(name: &str, len: usize) -> Self {
        Self {
            name: name.into(),
            len,
            labels: Vec::new(),
        }
    }

    /// An axis whose indices have names.
    pub fn labelled(name: &str, labels: &[&str]) -> Self {
        Self {
            name: name.into(),
            len: labels.len(),
            labels: labels.iter().map(|&label| label.to_owned()).collect(),
        }
    }

    /// The rows or columns of a grid, counted from 1 as people count them.
    pub fn counted(name: &str, len: usize) -> Self {
        Self {
            labels: (1..=len).map(|place| place.to_string()).collect(),
            ..Self::new(name, len)
        }
    }

    /// Whether what lies along it is the same thing at other places: cells, or positions that attend.
    pub fn is_place(&self) -> bool {
        ["row", "column", "position", "query", "key"].contains(&self.name.as_str())
    }

    /// What `index` is, in words: `unit 17`, `row 1`, `plane mine`.
    pub fn place(&self, index: usize) -> String {
        match self.labels.get(index) {
            Some(label) => format!("{} {label}", self.name),
            None if self.len == 1 => self.name.clone(),
            None => format!("{} {index}", self.name),
        }
    }
}

/// A named fact about a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Concept {
    /// Its id, such as `can_win_now`.
    pub id: String,
    /// What it says, in a sentence.
    pub summary: String,
    /// Whether it is 0 or 1.
    pub binary: bool,
}

impl Concept {
    /// A yes-or-no concept.
    pub fn binary(id: &str, summary: &str) -> Self {
        Self {
            id: id.into(),
            summary: summary.into(),
            binary: true,
        }
    }

    /// A numeric concept.
    pub fn numeric(id: &str, summary: &str) -> Self {
        Self {
            id: id.into(),
            summary: summary.into(),
            binary: false,
        }
    }
}

/// A relabelling of observation elements and actions: `new[i] = old[map[i]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symmetry {
    /// For each element of the new observation, the element of the old one.
    pub observation: Vec<usize>,
    /// For each new action, the old action.
    pub action: Vec<usize>,
}

/// Exact values by search, for the player to move.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Optimum {
    /// Value of the state.
    pub value: f32,
    /// Value of each action; none where it is illegal.
    pub action_values: Vec<Option<f32>>,
    /// How it was found, such as `minimax` or `alpha-beta, 8 plies`.
    pub method: String,
    /// Whether the values are exact or only proven within the method's horizon.
    pub exact: bool,
}

impl Optimum {
    /// Of four moves that are legal together; `reward` is the value of an ended episode.
    fn of_moves(values: Option<[f32; 4]>, reward: f32, method: &str) -> Self {
        Self {
            value: values.map_or(reward, |values| values.into_iter().fold(f32::MIN, f32::max)),
            action_values: (0..4)
                .map(|action| values.map(|values| values[action]))
                .collect(),
            method: method.into(),
            exact: true,
        }
    }

    /// Whether `action` is among the best.
    pub fn is_best(&self, action: usize) -> bool {
        self.action_values[action].is_some_and(|value| value >= self.value)
    }
}

/// Legal actions of `env` as a list.
pub fn legal_actions(env: &dyn Env) -> Vec<usize> {
    let mut mask = vec![false; env.space().num_actions()];
    env.legal(&mut mask);
    mask.iter()
        .enumerate()
        .filter(|(_, legal)| **legal)
        .map(|(action, _)| action)
        .collect()
}

/// The observation of `env` as a vector.
pub fn observation(env: &dyn Env) -> Vec<f32> {
    let mut out = vec![0.0; env.space().observation_len()];
    env.observe(&mut out);
    out
}
