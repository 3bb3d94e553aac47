//! What the worlds of a mouse and its cheese share: `corner_maze` and `maze` differ in their levels.

use super::{
    Axis, Concept, Env, Optimum, Placement, Space, Step,
    grid::{self, Cell, Grid, MOVE_NAMES, Pace},
    legal_actions,
    scene::{self, Brush, Role, Scene, Shape, Sprite},
};
use crate::{
    error::{Error, Result},
    rng::Rng,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// What makes one of these worlds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Side of the square, its border included.
    pub side: usize,
    /// Side of the corner in which the cheese lies in training.
    pub region: usize,
    /// Steps after which an episode is cut.
    pub max_steps: usize,
    /// The corner's own cell.
    pub corner: Cell,
    /// Share of the reward that is lost on the way when it takes all steps.
    pub haste: f32,
    /// Draws a level: walls, mouse and cheese, with a way from one to the other.
    pub draw: fn(&Self, &mut Rng) -> (Grid, Cell, Cell),
    /// Share of inner cells that are walls, where levels are made so.
    pub wall_probability: f32,
}

impl Rules {
    /// Whether the cheese may lie there in training.
    pub fn in_region(&self, cell: Cell) -> bool {
        let rows = cell.row.abs_diff(self.corner.row);
        rows.max(cell.column.abs_diff(self.corner.column)) < self.region
    }
}

/// A mouse that looks for its cheese.
#[derive(Debug, Clone)]
pub(super) struct Hunt {
    space: Arc<Space>,
    rules: Rules,
    grid: Grid,
    mouse: Cell,
    cheese: Cell,
    steps: usize,
}

impl Hunt {
    /// A world in an empty level. Errors: `Parameter` for a region larger than the grid.
    pub fn new(rules: Rules, region_name: &str) -> Result<Self> {
        let inner = rules.side - 2;
        if rules.region > inner {
            return Err(Error::Parameter {
                name: format!("environment.{region_name}"),
                got: rules.region.to_string(),
                allowed: format!(
                    "1 to {inner}, as a grid of side {} has {inner} × {inner} cells within its border",
                    rules.side
                ),
            });
        }
        let (near, far) = (rules.corner, inner + 1);
        Ok(Self {
            space: Arc::new(space(&rules)),
            grid: Grid::bordered(rules.side, rules.side),
            mouse: Cell::new(far - near.row, far - near.column),
            cheese: near,
            steps: 0,
            rules,
        })
    }

    fn found(&self) -> bool {
        self.mouse == self.cheese
    }

    fn worth(&self, steps: usize) -> f32 {
        let (haste, max_steps) = (self.rules.haste, self.rules.max_steps);
        Pace { haste, max_steps }.left(steps)
    }

    fn step_now(&self) -> Step {
        Step {
            reward: if self.found() {
                self.worth(self.steps)
            } else {
                0.0
            },
            terminated: self.found(),
            truncated: !self.found() && self.steps >= self.rules.max_steps,
        }
    }

    /// Moves from the mouse to the cheese; none where no way leads there.
    fn distance(&self) -> Option<usize> {
        self.grid.distances([self.cheese])[self.grid.index(self.mouse)]
    }

    /// Puts a state in place if it is a level.
    fn take(&mut self, new: Self) -> Result<()> {
        new.grid.check_border()?;
        if new.grid.is_wall(new.mouse) || new.grid.is_wall(new.cheese) {
            return Err(Error::state("the mouse and the cheese need free cells"));
        }
        if new.distance().is_none() {
            return Err(Error::state(
                "no way leads from the mouse to the cheese; clear a wall",
            ));
        }
        *self = new;
        Ok(())
    }
}

impl Env for Hunt {
    fn space(&self) -> &Space {
        &self.space
    }

    fn reset(&mut self, rng: &mut Rng) {
        (self.grid, self.mouse, self.cheese) = (self.rules.draw)(&self.rules, rng);
        self.steps = 0;
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
        self.mouse = self.grid.moved(self.mouse, action);
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
        let area = self.grid.rows * self.grid.columns;
        for (slot, cell) in out[..area].iter_mut().zip(self.grid.cells()) {
            *slot = f32::from(self.grid.is_wall(cell));
        }
        out[area..].fill(0.0);
        out[area + self.grid.index(self.mouse)] = 1.0;
        out[2 * area + self.grid.index(self.cheese)] = 1.0;
    }

    fn scene(&self) -> Scene {
        let things = [
            (self.cheese, Shape::Wedge, Role::Second, "cheese"),
            (self.mouse, Shape::Disc, Role::First, "mouse"),
        ];
        let over = self.step_now().done();
        Scene {
            sprites: scene::walls(
                self.grid
                    .cells()
                    .filter(|&cell| self.grid.is_wall(cell))
                    .map(|cell| (cell.row, cell.column)),
            )
            .chain(things.map(|(cell, shape, role, name)| {
                Sprite::new((cell.row, cell.column), shape, role, name)
            }))
            .collect(),
            targets: self.grid.targets(self.mouse, !over),
            brushes: vec![
                Brush::new("mouse", Some(Shape::Disc), Role::First),
                Brush::new("cheese", Some(Shape::Wedge), Role::Second),
                Brush::new("wall", Some(Shape::Wall), Role::Neutral),
                Brush::new("free", None, Role::Neutral),
            ],
            status: match (self.found(), over) {
                (true, _) => format!("cheese found after {} steps", self.steps),
                (_, true) => "out of time".into(),
                _ => format!("step {} of {}", self.steps, self.rules.max_steps),
            },
            ..Scene::tiles(self.grid.rows, self.grid.columns)
        }
    }

    fn state(&self) -> Value {
        let level = self.grid.write(|cell| match cell {
            cell if cell == self.mouse => 'M',
            cell if cell == self.cheese => 'C',
            _ => '.',
        });
        json!({"level": level, "cheese": [self.cheese.row, self.cheese.column], "steps": self.steps})
    }

    fn set_state(&mut self, state: &Value) -> Result<()> {
        let side = self.rules.side;
        let (grid, found) = Grid::read(state.get("level"), (side, side), "MC")?;
        let mouse = grid::only(&found[0], "mouse (M)")?;
        // The mouse hides the cheese that it has reached.
        let cheese = match found[1][..] {
            [cheese] => cheese,
            [] if state.get("cheese") == Some(&json!([mouse.row, mouse.column])) => mouse,
            _ => grid::only(&found[1], "cheese (C)")?,
        };
        let steps = grid::number(state, "steps", self.rules.max_steps)?;
        self.take(Self {
            grid,
            mouse,
            cheese,
            steps,
            ..self.clone()
        })
    }

    fn paint(&mut self, row: usize, column: usize, brush: usize) -> Result<()> {
        let cell = self.grid.cell(row, column)?;
        let mut new = self.clone();
        new.steps = 0;
        match brush {
            0 => new.mouse = cell,
            1 => new.cheese = cell,
            2 => new.grid.set_wall(cell, true),
            3 => new.grid.set_wall(cell, false),
            _ => return Err(grid::no_brush(brush, &["mouse", "cheese", "wall", "free"])),
        }
        self.take(new)
    }

    fn shift(&mut self, from: (usize, usize), to: (usize, usize)) -> Result<()> {
        let (from, to) = (self.grid.cell(from.0, from.1)?, self.grid.cell(to.0, to.1)?);
        let mut new = self.clone();
        new.steps = 0;
        if from == self.mouse {
            new.mouse = to;
        } else if from == self.cheese {
            new.cheese = to;
        } else {
            return Err(Error::state("only the mouse and the cheese can be moved"));
        }
        self.take(new)
    }

    fn concepts(&self) -> Vec<f32> {
        let to_corner = self.grid.distances([self.rules.corner])[self.grid.index(self.mouse)];
        vec![
            self.distance().unwrap_or(0) as f32,
            f32::from(self.cheese.row < self.mouse.row),
            f32::from(self.cheese.column < self.mouse.column),
            f32::from(self.rules.in_region(self.cheese)),
            to_corner.map_or(-1.0, |steps| steps as f32),
            self.grid.blocked_sides(self.mouse) as f32,
        ]
    }

    fn optimum(&self) -> Option<Optimum> {
        let limit = self.rules.max_steps;
        let now = self.step_now();
        let distances = self.grid.distances([self.cheese]);
        let after = |cell: Cell, steps: usize| match distances[self.grid.index(cell)] {
            Some(distance) if steps + distance <= limit => self.worth(steps + distance),
            _ => 0.0,
        };
        let action_values: Vec<Option<f32>> = (0..4)
            .map(|action| {
                (!now.done()).then(|| after(self.grid.moved(self.mouse, action), self.steps + 1))
            })
            .collect();
        let best = action_values.iter().flatten().copied().fold(0.0, f32::max);
        Some(Optimum {
            value: if now.done() { now.reward } else { best },
            action_values,
            method: "breadth-first search".into(),
            exact: true,
        })
    }

    fn agent_cell(&self) -> Option<(usize, usize)> {
        Some((self.mouse.row, self.mouse.column))
    }

    fn placements(&self) -> Vec<Placement> {
        let place = |mouse: Cell| Placement {
            cell: (mouse.row, mouse.column),
            env: Box::new(Self {
                mouse,
                steps: 0,
                ..self.clone()
            }),
        };
        let free = self.grid.free().filter(|&cell| cell != self.cheese);
        free.map(place).collect()
    }

    fn elsewhere(&self) -> Option<Box<dyn Env>> {
        let region = self.rules.side - 2;
        let rules = Rules {
            region,
            ..self.rules
        };
        Some(Box::new(Self {
            rules,
            ..self.clone()
        }))
    }

    fn boxed(&self) -> Box<dyn Env> {
        Box::new(self.clone())
    }
}

fn space(rules: &Rules) -> Space {
    Space {
        observation: vec![
            Axis::labelled("plane", &["wall", "mouse", "cheese"]),
            Axis::counted("row", rules.side),
            Axis::counted("column", rules.side),
        ],
        actions: MOVE_NAMES.map(Into::into).to_vec(),
        num_players: 1,
        max_steps: rules.max_steps,
        continuing: false,
        concepts: vec![
            Concept::numeric(
                "distance_to_cheese",
                "Steps of the shortest way to the cheese.",
            ),
            Concept::binary(
                "cheese_is_above",
                "The cheese lies in a row above the mouse.",
            ),
            Concept::binary(
                "cheese_is_left",
                "The cheese lies in a column left of the mouse.",
            ),
            Concept::binary(
                "cheese_in_corner",
                "The cheese lies in the corner of training.",
            ),
            Concept::numeric(
                "distance_to_corner",
                "Steps of the shortest way to the corner's own cell, or −1.",
            ),
            Concept::numeric(
                "blocked_sides",
                "Sides of the mouse on which a wall stands.",
            ),
        ],
        symmetries: Vec::new(),
    }
}
