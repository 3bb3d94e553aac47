//! A gridworld to draw in: walls, lava, keys and doors, goals large and small; levels made at random, a
//! fixed number of them, or one drawn by hand.
//!
//! A goal ends the episode with its worth, less what haste takes on the way; lava ends it with a loss. A
//! door opens with any key, which is then spent.

mod level;

use super::{
    Axis, Concept, Env, EnvEntry, Optimum, Placement, Space, Step,
    grid::{self, Cell, Items, MOVE_NAMES, Pace},
    legal_actions,
    plan::{Move, Plan},
    scene::{self, Brush, Role, Scene, Shape},
};
use crate::{
    error::{Error, Result},
    rng::Rng,
    schema,
};
use level::Level;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// The registry's line.
pub static ENTRY: EnvEntry = EnvEntry {
    id: "gridworld",
    title: "Gridworld",
    summary: "An agent looks for a goal among walls, lava and locked doors; draw a level and watch.",
    schema: schema::schema_of::<Parameters>,
    make: |value| World::new(schema::parameters(value, "environment")?).map(World::into_boxed),
};

/// How walls are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Cells at random.
    Blocks,
    /// Four rooms with a gap between neighbours.
    Rooms,
    /// Corridors that form a tree.
    Maze,
}

/// Its levels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// Side of the square, its border included.
    #[schemars(range(min = 4, max = 25))]
    pub side: usize,
    /// How walls are laid out.
    pub layout: Layout,
    /// Share of inner cells that are walls, where they are blocks.
    #[schemars(range(min = 0.0, max = 0.6))]
    pub wall_probability: f32,
    /// Cells of lava.
    #[schemars(range(min = 0, max = 16))]
    pub num_lava: usize,
    /// Goals worth 1.
    #[schemars(range(min = 1, max = 8))]
    pub num_goals: usize,
    /// Goals worth less.
    #[schemars(range(min = 0, max = 8))]
    pub num_small_goals: usize,
    /// What a small goal is worth.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub small_worth: f32,
    /// Locked doors, and as many keys.
    #[schemars(range(min = 0, max = 4))]
    pub num_doors: usize,
    /// Reward of stepping into lava, which ends the episode.
    #[schemars(range(min = -10.0, max = 0.0))]
    pub lava_reward: f32,
    /// Share of a goal's worth that is lost on the way when it takes all steps.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub haste: f32,
    /// Steps after which an episode is cut.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_steps: usize,
    /// Levels that training draws from; elsewhere there are others. 0 makes a new one each episode.
    #[schemars(range(min = 0, max = 100_000))]
    pub num_levels: usize,
    /// One level for all of training, its rows joined by "/"; empty to make levels at random.
    pub level: String,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            side: 9,
            layout: Layout::Blocks,
            wall_probability: 0.2,
            num_lava: 0,
            num_goals: 1,
            num_small_goals: 0,
            small_worth: 0.3,
            num_doors: 0,
            lava_reward: -1.0,
            haste: 0.9,
            max_steps: 64,
            num_levels: 0,
            level: String::new(),
        }
    }
}

impl Parameters {
    fn pace(&self) -> Pace {
        Pace {
            haste: self.haste,
            max_steps: self.max_steps,
        }
    }
}

const BRUSHES: [&str; 8] = [
    "agent",
    "goal",
    "small goal",
    "key",
    "door",
    "lava",
    "wall",
    "free",
];

/// A level being played.
#[derive(Debug, Clone)]
struct World {
    space: Arc<Space>,
    parameters: Arc<Parameters>,
    /// The level that a run is about, if it was drawn by hand.
    drawn: Option<Arc<Level>>,
    level: Level,
    /// Keys in hand.
    held: usize,
    steps: usize,
}

/// What of a world its moves change: the agent's cell, keys on the floor, doors closed.
type Key = (Cell, u16, u16);

impl World {
    fn new(parameters: Parameters) -> Result<Self> {
        let side = parameters.side;
        if parameters.layout == Layout::Maze && side.is_multiple_of(2) {
            return Err(Error::Parameter {
                name: "environment.side".into(),
                got: side.to_string(),
                allowed: "an odd number for a maze, as corridors and walls take turns".into(),
            });
        }
        let things = 1
            + parameters.num_lava
            + parameters.num_goals
            + parameters.num_small_goals
            + 2 * parameters.num_doors;
        let room = (side - 2) * (side - 2) / 2;
        if things > room {
            return Err(Error::Parameter {
                name: "environment.side".into(),
                got: side.to_string(),
                allowed: format!(
                    "a larger side or fewer things: {things} things stand on at most half of the inner cells, here {room}"
                ),
            });
        }
        let mut world = Self {
            space: Arc::new(space(&parameters)),
            level: Level::draw(&parameters, &mut Rng::new(0)),
            drawn: None,
            held: 0,
            steps: 0,
            parameters: Arc::new(parameters),
        };
        if !world.parameters.level.is_empty() {
            let rows: Vec<&str> = world.parameters.level.split('/').collect();
            let taken = world.set_state(&json!({ "level": rows }));
            taken.map_err(|why| Error::Parameter {
                name: "environment.level".into(),
                got: world.parameters.level.clone(),
                allowed: format!("a level that can be solved, its rows joined by \"/\"; {why}"),
            })?;
            world.drawn = Some(Arc::new(world.level));
        }
        Ok(world)
    }

    fn into_boxed(self) -> Box<dyn Env> {
        Box::new(self)
    }

    fn step_now(&self) -> Step {
        let (level, pace) = (&self.level, self.parameters.pace());
        let (reward, terminated) = match level.ends(level.agent, &self.parameters) {
            Some((fixed, timed)) => (fixed + timed * pace.left(self.steps), true),
            None => (0.0, false),
        };
        Step {
            reward,
            terminated,
            truncated: !terminated && self.steps >= pace.max_steps,
        }
    }

    /// Where a move leads, what it takes up and what it opens.
    fn moved(&self, (cell, keys, doors): Key, action: usize) -> Key {
        let level = &self.level;
        let (mut keys, mut doors) = (level.keys.with(keys), level.doors.with(doors));
        let to = level.grid.moved(cell, action);
        let used = level.doors.count() - doors.count();
        let in_hand = self.held + level.keys.count() - keys.count() - used;
        if doors.holds(to) && in_hand == 0 {
            return (cell, keys.mask(), doors.mask());
        }
        doors.take(to);
        keys.take(to);
        (to, keys.mask(), doors.mask())
    }

    fn plan(&self) -> Plan {
        let level = &self.level;
        let start = (level.agent, level.keys.mask(), level.doors.mask());
        Plan::new(start, |key, action| {
            let to = self.moved(key, action);
            match level.ends(to.0, &self.parameters) {
                Some((fixed, timed)) => Move {
                    to: None,
                    fixed,
                    timed,
                },
                None => Move::to(to),
            }
        })
    }

    /// Puts a level in place if it can be played.
    fn take(&mut self, new: Self) -> Result<()> {
        new.level.check()?;
        // Later on, a key may have been spent on the wrong door: that is play, not a wrong level.
        let fresh = new.steps == 0 && !new.step_now().done();
        if fresh && new.plan().nearest_reward().is_none() {
            return Err(Error::state(
                "no way leads from the agent to a goal; clear a wall or lava, or add a key",
            ));
        }
        *self = new;
        Ok(())
    }
}

impl Env for World {
    fn space(&self) -> &Space {
        &self.space
    }

    fn reset(&mut self, rng: &mut Rng) {
        let p = &self.parameters;
        self.level = match (&self.drawn, p.num_levels) {
            (Some(level), _) => **level,
            (None, 0) => Level::draw(p, rng),
            (None, count) => Level::draw(p, &mut Rng::new(rng.below(count) as u64).split("level")),
        };
        (self.held, self.steps) = (0, 0);
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
        let level = &self.level;
        let before = (level.agent, level.keys.mask(), level.doors.mask());
        let (agent, keys, doors) = self.moved(before, action);
        self.held += (before.1.count_ones() - keys.count_ones()) as usize;
        self.held -= (before.2.count_ones() - doors.count_ones()) as usize;
        self.level.agent = agent;
        self.level.keys = self.level.keys.with(keys);
        self.level.doors = self.level.doors.with(doors);
        self.steps += 1;
        Ok(self.step_now())
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
        let level = &self.level;
        let area = level.grid.rows * level.grid.columns;
        out.fill(0.0);
        let mut mark = |plane: usize, cell: Cell| out[plane * area + level.grid.index(cell)] = 1.0;
        let walls = level.grid.cells().filter(|&cell| level.grid.is_wall(cell));
        walls.for_each(|cell| mark(0, cell));
        mark(1, level.agent);
        for (plane, things) in [
            level.goals,
            level.small_goals,
            level.lava,
            level.keys,
            level.doors,
        ]
        .iter()
        .enumerate()
        {
            things.iter().for_each(|cell| mark(2 + plane, cell));
        }
        out[7 * area..].fill(self.held as f32 / 4.0);
    }

    fn scene(&self) -> Scene {
        let level = &self.level;
        let now = self.step_now();
        let held = match self.held {
            0 => String::new(),
            1 => ", a key in hand".into(),
            many => format!(", {many} keys in hand"),
        };
        let walls = level.grid.cells().filter(|&cell| level.grid.is_wall(cell));
        Scene {
            sprites: scene::walls(walls.map(|cell| (cell.row, cell.column)))
                .chain(level.sprites())
                .collect(),
            targets: level.grid.targets(level.agent, !now.done()),
            brushes: vec![
                Brush::new(BRUSHES[0], Some(Shape::Disc), Role::First),
                Brush::new(BRUSHES[1], Some(Shape::Flag), Role::Second),
                Brush::new(BRUSHES[2], Some(Shape::Flag), Role::Neutral),
                Brush::new(BRUSHES[3], Some(Shape::Key), Role::Second),
                Brush::new(BRUSHES[4], Some(Shape::Door), Role::Neutral),
                Brush::new(BRUSHES[5], Some(Shape::Lava), Role::Second),
                Brush::new(BRUSHES[6], Some(Shape::Wall), Role::Neutral),
                Brush::new(BRUSHES[7], None, Role::Neutral),
            ],
            status: if now.terminated {
                let what = if level.lava.holds(level.agent) {
                    "walked into lava"
                } else if level.small_goals.holds(level.agent) {
                    "small goal reached"
                } else {
                    "goal reached"
                };
                format!("{what} after {} steps", self.steps)
            } else if now.truncated {
                "out of time".into()
            } else {
                format!("step {} of {}{held}", self.steps, self.parameters.max_steps)
            },
            ..Scene::tiles(level.grid.rows, level.grid.columns)
        }
    }

    fn state(&self) -> Value {
        let (rows, under) = self.level.write();
        json!({"level": rows, "under": under, "keys": self.held, "steps": self.steps})
    }

    fn set_state(&mut self, state: &Value) -> Result<()> {
        let level = Level::read(state, self.parameters.side)?;
        let new = Self {
            level,
            held: grid::number(state, "keys", Items::MAX)?,
            steps: grid::number(state, "steps", self.parameters.max_steps)?,
            ..self.clone()
        };
        self.take(new)
    }

    fn paint(&mut self, row: usize, column: usize, brush: usize) -> Result<()> {
        let cell = self.level.grid.cell(row, column)?;
        let mut new = self.clone();
        new.steps = 0;
        new.level.paint(cell, brush)?;
        self.take(new)
    }

    fn shift(&mut self, from: (usize, usize), to: (usize, usize)) -> Result<()> {
        let grid = &self.level.grid;
        let (from, to) = (grid.cell(from.0, from.1)?, grid.cell(to.0, to.1)?);
        let mut new = self.clone();
        new.steps = 0;
        new.level.shift(from, to)?;
        self.take(new)
    }

    fn concepts(&self) -> Vec<f32> {
        let level = &self.level;
        let distance = match self.step_now().terminated {
            true => Some(0),
            false => self.plan().nearest_reward(),
        };
        let goals = level.goals.iter().chain(level.small_goals.iter());
        let far = |goal: &Cell| {
            let rows = goal.row.abs_diff(level.agent.row);
            (rows + goal.column.abs_diff(level.agent.column), *goal)
        };
        let goal = goals.min_by_key(far).unwrap_or(level.agent);
        let lava = (0..4).any(|action| level.lava.holds(level.grid.moved(level.agent, action)));
        vec![
            distance.map_or(-1.0, |steps| steps as f32),
            f32::from(goal.row < level.agent.row),
            f32::from(goal.column < level.agent.column),
            f32::from(self.held > 0),
            level.keys.count() as f32,
            level.doors.count() as f32,
            f32::from(lava),
            level.grid.blocked_sides(level.agent) as f32,
        ]
    }

    fn optimum(&self) -> Option<Optimum> {
        let now = self.step_now();
        let found = (!now.done()).then(|| {
            self.plan()
                .action_values(self.steps, self.parameters.pace())
        });
        Some(Optimum::of_moves(found, now.reward, "value iteration"))
    }

    fn agent_cell(&self) -> Option<(usize, usize)> {
        Some((self.level.agent.row, self.level.agent.column))
    }

    fn placements(&self) -> Vec<Placement> {
        let level = &self.level;
        let free = level.grid.free().filter(|&cell| !level.is_taken(cell));
        free.map(|agent| Placement {
            cell: (agent.row, agent.column),
            env: Box::new(Self {
                level: Level { agent, ..*level },
                steps: 0,
                ..self.clone()
            }),
        })
        .collect()
    }

    fn elsewhere(&self) -> Option<Box<dyn Env>> {
        if self.drawn.is_none() && self.parameters.num_levels == 0 {
            return None;
        }
        let parameters = Parameters {
            num_levels: 0,
            ..self.parameters.as_ref().clone()
        };
        Some(Box::new(Self {
            parameters: Arc::new(parameters),
            drawn: None,
            ..self.clone()
        }))
    }

    fn boxed(&self) -> Box<dyn Env> {
        Box::new(self.clone())
    }
}

fn space(parameters: &Parameters) -> Space {
    let planes = [
        "wall",
        "agent",
        "goal",
        "small goal",
        "lava",
        "key",
        "door",
        "keys in hand",
    ];
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
                "distance_to_goal",
                "Steps of the shortest way to a goal, keys and doors included.",
            ),
            Concept::binary("goal_is_above", "The nearest goal lies in a row above."),
            Concept::binary(
                "goal_is_left",
                "The nearest goal lies in a column to the left.",
            ),
            Concept::binary("holds_key", "The agent has a key in hand."),
            Concept::numeric("keys_left", "Keys that lie on the floor."),
            Concept::numeric("doors_left", "Doors that are closed."),
            Concept::binary("lava_beside", "Lava lies next to the agent."),
            Concept::numeric(
                "blocked_sides",
                "Sides of the agent on which a wall stands.",
            ),
        ],
        symmetries: Vec::new(),
    }
}
