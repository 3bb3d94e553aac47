//! Keys and Chests of Langosco et al. 2022 (procgen's `heist_aisc`): every chest takes a key. In training
//! keys are scarce and chests many, elsewhere it is the other way round: does the agent want what is in the
//! chests, or keys?
//!
//! Any key opens any chest and is spent; chests never block. The episode ends when all chests are open, or
//! as many as there were keys. Deviations: moves go one cell along an axis; all mazes have the full size;
//! a chest is worth less the later it is opened (`haste`; 0 as published), so that there is a best way.

use super::{
    Axis, Concept, Env, EnvEntry, Optimum, Placement, Space, Step,
    grid::{self, Cell, Grid, Items, MOVE_NAMES, Pace},
    legal_actions,
    plan::{Move, Plan},
    scene::{self, Brush, Role, Scene, Shape, Sprite},
};
use crate::{
    error::{Error, Result},
    rng::Rng,
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// The registry's line.
pub static ENTRY: EnvEntry = EnvEntry {
    id: "keys_chests",
    title: "Keys and chests",
    summary: "Every chest takes a key; keys are scarce in training, until chests are.",
    schema: schema::schema_of::<Parameters>,
    make: |value| World::new(schema::parameters(value, "environment")?).map(World::into_boxed),
};

/// Of which there are fewer in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scarce {
    /// Twice as many chests as keys.
    Keys,
    /// Twice as many keys as chests.
    Chests,
}

/// Its levels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// Side of the square, its border included; odd.
    #[schemars(range(min = 5, max = 25))]
    pub side: usize,
    /// What is scarce in training; elsewhere the other is.
    pub scarce: Scarce,
    /// How many there are of what is scarce; of the other, twice as many.
    #[schemars(range(min = 1, max = 3))]
    pub count: usize,
    /// Reward of picking up a key, at most 0.
    #[schemars(range(min = -1.0, max = 0.0))]
    pub key_reward: f32,
    /// Share of a chest's worth that is lost on the way when it takes all steps.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub haste: f32,
    /// Steps after which an episode is cut.
    #[schemars(range(min = 1, max = 1000))]
    pub max_steps: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            side: 9,
            scarce: Scarce::Keys,
            count: 2,
            key_reward: 0.0,
            haste: 0.5,
            max_steps: 100,
        }
    }
}

const BRUSHES: [&str; 5] = ["agent", "key", "chest", "wall", "free"];
/// The most keys, and the most chests, that an exact solution is quick for.
const MAX_ITEMS: usize = 6;

/// A level being played.
#[derive(Debug, Clone)]
struct World {
    space: Arc<Space>,
    parameters: Parameters,
    grid: Grid,
    agent: Cell,
    keys: Items,
    chests: Items,
    /// Keys in hand.
    held: usize,
    /// Chests opened so far.
    opened: usize,
    steps: usize,
}

/// What of a world its moves change: the agent's cell, keys on the floor, chests closed.
type Key = (Cell, u16, u16);

impl World {
    fn new(parameters: Parameters) -> Result<Self> {
        let side = parameters.side;
        let odd = !side.is_multiple_of(2);
        // A maze of side 5 has seven free cells.
        if !odd || (side == 5 && parameters.count > 1) {
            return Err(Error::Parameter {
                name: "environment.side".into(),
                got: side.to_string(),
                allowed: "an odd number from 5 to 25, as corridors and walls take turns, and from 7 with more than one of what is scarce".into(),
            });
        }
        let mut world = Self {
            space: Arc::new(space(&parameters)),
            parameters,
            grid: Grid::bordered(side, side),
            agent: Cell::default(),
            keys: Items::default(),
            chests: Items::default(),
            held: 0,
            opened: 0,
            steps: 0,
        };
        world.draw(&mut Rng::new(0));
        Ok(world)
    }

    fn into_boxed(self) -> Box<dyn Env> {
        Box::new(self)
    }

    fn draw(&mut self, rng: &mut Rng) {
        let (few, many) = (self.parameters.count, 2 * self.parameters.count);
        let (num_keys, num_chests) = match self.parameters.scarce {
            Scarce::Keys => (few, many),
            Scarce::Chests => (many, few),
        };
        self.grid = Grid::maze(self.parameters.side, rng);
        let mut places: Vec<Cell> = self.grid.free().collect();
        rng.shuffle(&mut places);
        (self.keys, self.chests) = (Items::default(), Items::default());
        let mut next = places.into_iter();
        next.by_ref()
            .take(num_keys)
            .for_each(|cell| self.keys.put(cell));
        next.by_ref()
            .take(num_chests)
            .for_each(|cell| self.chests.put(cell));
        self.agent = next.next().unwrap_or(Cell::new(1, 1));
        (self.held, self.opened, self.steps) = (0, 0, 0);
    }

    fn pace(&self) -> Pace {
        Pace {
            haste: self.parameters.haste,
            max_steps: self.parameters.max_steps,
        }
    }

    /// Whether no chest can be opened any more: none is closed, or no key is left for one.
    fn is_over(&self, keys: usize, held: usize, chests: usize) -> bool {
        chests == 0 || keys + held == 0
    }

    fn step_now(&self) -> Step {
        let terminated = self.is_over(self.keys.count(), self.held, self.chests.count());
        Step {
            reward: 0.0,
            terminated,
            truncated: !terminated && self.steps >= self.parameters.max_steps,
        }
    }

    /// Where a move leads, what it picks up and what it opens.
    fn moved(&self, (cell, keys, chests): Key, action: usize) -> Key {
        let (mut keys, mut chests) = (self.keys.with(keys), self.chests.with(chests));
        let to = self.grid.moved(cell, action);
        let used = self.chests.count() - chests.count();
        let in_hand = self.held + self.keys.count() - keys.count() - used;
        keys.take(to);
        if in_hand > 0 {
            chests.take(to);
        }
        (to, keys.mask(), chests.mask())
    }

    /// Keys picked up and chests opened between two states.
    fn gains(before: Key, after: Key) -> (usize, usize) {
        let lost = |one: u16, other: u16| (one.count_ones() - other.count_ones()) as usize;
        (lost(before.1, after.1), lost(before.2, after.2))
    }

    fn here(&self) -> Key {
        (self.agent, self.keys.mask(), self.chests.mask())
    }

    fn plan(&self) -> Plan {
        Plan::new(self.here(), |key, action| {
            let to = self.moved(key, action);
            let (picked, opened) = Self::gains(key, to);
            let (taken, used) = Self::gains(self.here(), to);
            let (keys, chests) = (to.1.count_ones() as usize, to.2.count_ones() as usize);
            Move {
                to: (!self.is_over(keys, self.held + taken - used, chests)).then_some(to),
                fixed: self.parameters.key_reward * picked as f32,
                timed: opened as f32,
            }
        })
    }

    /// Whether some way leads to a reward: to a key that brings one, or with a key to a chest. Only walls are in
    /// the way, so that it does not matter in which order things are fetched.
    fn is_solvable(&self) -> bool {
        let distances = self.grid.distances([self.agent]);
        let reaches = |things: &Items| {
            things
                .iter()
                .any(|cell| distances[self.grid.index(cell)].is_some())
        };
        let key = reaches(&self.keys);
        (key && self.parameters.key_reward > 0.0)
            || ((key || self.held > 0) && reaches(&self.chests))
    }

    /// Puts a level in place if it can be played.
    fn take(&mut self, new: Self) -> Result<()> {
        new.grid.check_border()?;
        if new.keys.count().max(new.chests.count()) > MAX_ITEMS {
            return Err(Error::state(format!(
                "{} keys and {} chests; allowed: at most {MAX_ITEMS} of each",
                new.keys.count(),
                new.chests.count()
            )));
        }
        if new.opened == 0 && new.chests.count() == 0 {
            return Err(Error::state("the level has no chest; place one"));
        }
        if new.opened == 0 && new.keys.count() + new.held == 0 {
            return Err(Error::state("the level has no key; place one"));
        }
        let over = new.step_now().done();
        if !over && new.steps == 0 && !new.is_solvable() {
            return Err(Error::state(
                "no way leads from the agent to a key and on to a chest; clear a wall",
            ));
        }
        *self = new;
        Ok(())
    }

    fn clear(&mut self, cell: Cell) {
        self.keys.take(cell);
        self.chests.take(cell);
        self.grid.set_wall(cell, false);
    }

    fn painted(&self, cell: Cell, brush: usize) -> Result<Self> {
        let mut new = self.clone();
        new.steps = 0;
        new.opened = 0;
        if brush >= BRUSHES.len() {
            return Err(grid::no_brush(brush, &BRUSHES));
        }
        if (1..=3).contains(&brush) && cell == self.agent {
            return Err(Error::state("the agent stands there; move it first"));
        }
        if self.grid.is_border(cell) && brush != 3 {
            return Err(Error::state("the border is all walls"));
        }
        new.clear(cell);
        match brush {
            0 => new.agent = cell,
            1 => new.keys.put(cell),
            2 => new.chests.put(cell),
            3 => new.grid.set_wall(cell, true),
            _ => {}
        }
        Ok(new)
    }
}

impl Env for World {
    fn space(&self) -> &Space {
        &self.space
    }

    fn reset(&mut self, rng: &mut Rng) {
        self.draw(rng);
    }

    fn step(&mut self, action: usize, _rng: &mut Rng) -> Result<Step> {
        if self.step_now().done() {
            return Err(Error::EpisodeOver);
        }
        if action >= MOVE_NAMES.len() {
            return Err(Error::IllegalAction {
                action,
                legal: legal_actions(self),
            });
        }
        let after = self.moved(self.here(), action);
        let (picked, opened) = Self::gains(self.here(), after);
        self.agent = after.0;
        self.keys = self.keys.with(after.1);
        self.chests = self.chests.with(after.2);
        self.held = self.held + picked - opened;
        self.opened += opened;
        self.steps += 1;
        let worth = opened as f32 * self.pace().left(self.steps);
        Ok(Step {
            reward: worth + self.parameters.key_reward * picked as f32,
            ..self.step_now()
        })
    }

    fn legal(&self, out: &mut [bool]) {
        out.fill(!self.step_now().done());
    }

    fn player(&self) -> usize {
        0
    }

    fn outcome(&self) -> Step {
        self.step_now()
    }

    fn observe(&self, out: &mut [f32]) {
        let area = self.grid.rows * self.grid.columns;
        out.fill(0.0);
        let mut mark = |plane: usize, cell: Cell| out[plane * area + self.grid.index(cell)] = 1.0;
        let walls = self.grid.cells().filter(|&cell| self.grid.is_wall(cell));
        walls.for_each(|cell| mark(0, cell));
        mark(1, self.agent);
        self.keys.iter().for_each(|cell| mark(2, cell));
        self.chests.iter().for_each(|cell| mark(3, cell));
        out[4 * area..].fill(self.held as f32 / MAX_ITEMS as f32);
    }

    fn scene(&self) -> Scene {
        let now = self.step_now();
        let things = self.grid.cells().filter_map(|cell| {
            let at = (cell.row, cell.column);
            if self.keys.holds(cell) {
                Some(Sprite::new(at, Shape::Key, Role::Second, BRUSHES[1]))
            } else if self.chests.holds(cell) {
                Some(Sprite::new(at, Shape::Chest, Role::Neutral, BRUSHES[2]))
            } else {
                None
            }
        });
        let agent = (self.agent.row, self.agent.column);
        let walls = self.grid.cells().filter(|&cell| self.grid.is_wall(cell));
        Scene {
            sprites: scene::walls(walls.map(|cell| (cell.row, cell.column)))
                .chain(things)
                .chain([Sprite::new(agent, Shape::Disc, Role::First, BRUSHES[0])])
                .collect(),
            targets: self.grid.targets(self.agent, !now.done()),
            brushes: vec![
                Brush::new(BRUSHES[0], Some(Shape::Disc), Role::First),
                Brush::new(BRUSHES[1], Some(Shape::Key), Role::Second),
                Brush::new(BRUSHES[2], Some(Shape::Chest), Role::Neutral),
                Brush::new(BRUSHES[3], Some(Shape::Wall), Role::Neutral),
                Brush::new(BRUSHES[4], None, Role::Neutral),
            ],
            status: if now.terminated {
                format!("{} chests opened in {} steps", self.opened, self.steps)
            } else if now.truncated {
                format!("out of time, {} chests opened", self.opened)
            } else {
                format!(
                    "step {} of {}, keys in hand {}, opened {}",
                    self.steps, self.parameters.max_steps, self.held, self.opened
                )
            },
            ..Scene::tiles(self.grid.rows, self.grid.columns)
        }
    }

    fn state(&self) -> Value {
        let level = self.grid.write(|cell| match cell {
            cell if cell == self.agent => 'A',
            cell if self.keys.holds(cell) => 'K',
            cell if self.chests.holds(cell) => 'C',
            _ => '.',
        });
        json!({
            "level": level,
            "on_chest": self.chests.holds(self.agent),
            "keys": self.held,
            "opened": self.opened,
            "steps": self.steps,
        })
    }

    fn set_state(&mut self, state: &Value) -> Result<()> {
        let side = self.parameters.side;
        let (grid, mut found) = Grid::read(state.get("level"), (side, side), "AKC")?;
        let agent = grid::only(&found[0], "agent (A)")?;
        if state.get("on_chest") == Some(&json!(true)) {
            found[2].push(agent);
        }
        self.take(Self {
            grid,
            agent,
            keys: Items::new(&found[1], "key (K)")?,
            chests: Items::new(&found[2], "chest (C)")?,
            held: grid::number(state, "keys", MAX_ITEMS)?,
            opened: grid::number(state, "opened", MAX_ITEMS)?,
            steps: grid::number(state, "steps", self.parameters.max_steps)?,
            ..self.clone()
        })
    }

    fn paint(&mut self, row: usize, column: usize, brush: usize) -> Result<()> {
        let new = self.painted(self.grid.cell(row, column)?, brush)?;
        self.take(new)
    }

    fn shift(&mut self, from: (usize, usize), to: (usize, usize)) -> Result<()> {
        let (from, to) = (self.grid.cell(from.0, from.1)?, self.grid.cell(to.0, to.1)?);
        let brush = if from == self.agent {
            0
        } else if self.keys.holds(from) {
            1
        } else if self.chests.holds(from) {
            2
        } else {
            return Err(Error::state(
                "nothing stands there that can be moved; walls are painted",
            ));
        };
        let mut new = self.clone();
        if brush > 0 {
            new.clear(from);
        }
        let new = new.painted(to, brush)?;
        self.take(new)
    }

    fn concepts(&self) -> Vec<f32> {
        let nearest = |things: &Items| {
            let distances = self.grid.distances(things.iter());
            distances[self.grid.index(self.agent)].map_or(-1.0, |steps| steps as f32)
        };
        let usable = self.chests.count();
        vec![
            self.held.saturating_sub(usable) as f32,
            self.held as f32,
            nearest(&self.keys),
            nearest(&self.chests),
            self.keys.count() as f32,
            usable as f32,
            f32::from(self.held > 0),
            f32::from(self.held >= usable),
        ]
    }

    fn optimum(&self) -> Option<Optimum> {
        let found =
            (!self.step_now().done()).then(|| self.plan().action_values(self.steps, self.pace()));
        Some(Optimum::of_moves(found, 0.0, "value iteration"))
    }

    fn agent_cell(&self) -> Option<(usize, usize)> {
        Some((self.agent.row, self.agent.column))
    }

    fn placements(&self) -> Vec<Placement> {
        let taken = |cell: Cell| self.keys.holds(cell) || self.chests.holds(cell);
        let free = self.grid.free().filter(|&cell| !taken(cell));
        free.map(|agent| Placement {
            cell: (agent.row, agent.column),
            env: Box::new(Self {
                agent,
                steps: 0,
                ..self.clone()
            }),
        })
        .collect()
    }

    fn elsewhere(&self) -> Option<Box<dyn Env>> {
        let scarce = match self.parameters.scarce {
            Scarce::Keys => Scarce::Chests,
            Scarce::Chests => Scarce::Keys,
        };
        let mut other = self.clone();
        other.parameters.scarce = scarce;
        Some(Box::new(other))
    }

    fn boxed(&self) -> Box<dyn Env> {
        Box::new(self.clone())
    }
}

fn space(parameters: &Parameters) -> Space {
    let planes = ["wall", "agent", "key", "chest", "keys in hand"];
    Space {
        observation: vec![
            Axis::labelled("plane", &planes),
            Axis::counted("row", parameters.side),
            Axis::counted("column", parameters.side),
        ],
        actions: MOVE_NAMES.map(Into::into).to_vec(),
        num_players: 1,
        max_steps: parameters.max_steps,
        continuing: false,
        concepts: vec![
            Concept::numeric(
                "keys_to_spare",
                "Keys in hand beyond those that closed chests could take.",
            ),
            Concept::numeric("keys_in_hand", "Keys that the agent holds."),
            Concept::numeric(
                "distance_to_key",
                "Steps of the shortest way to a key, or −1.",
            ),
            Concept::numeric(
                "distance_to_chest",
                "Steps of the shortest way to a closed chest, or −1.",
            ),
            Concept::numeric("keys_left", "Keys that lie on the floor."),
            Concept::numeric("chests_left", "Chests that are closed."),
            Concept::binary("holds_key", "The agent holds a key."),
            Concept::binary("has_enough", "It holds a key for every closed chest."),
        ],
        symmetries: Vec::new(),
    }
}
