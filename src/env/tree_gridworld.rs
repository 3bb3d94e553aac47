//! Tree Gridworld of Shah et al. 2022 (arXiv:2210.01790): an agent is rewarded for chopping trees, which
//! grow back the faster the more of them are left. The world never ends and is never reset, so that greed
//! has a price: without trees next to none grow.
//!
//! After each step, with `n` trees left and fewer than the most, one grows on an empty cell with
//! probability `max(r_min, r_max · ln(1 + n) / ln(1 + n_max))`.

use super::{
    Axis, Concept, Env, EnvEntry, Placement, Space, Step,
    grid::{self, Cell, Grid, Items, MOVE_NAMES},
    legal_actions,
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
    id: "tree_gridworld",
    title: "Trees that grow back",
    summary: "Chopping a tree is worth 1, and without trees none grow: greed pays until it does not.",
    schema: schema::schema_of::<Parameters>,
    make: |value| World::new(schema::parameters(value, "environment")?).map(World::into_boxed),
};

/// Its size and how trees grow.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// Side of the square, its border included.
    #[schemars(range(min = 4, max = 25))]
    pub side: usize,
    /// Trees at the start, and the most that there can be.
    #[schemars(range(min = 1, max = 15))]
    pub num_trees: usize,
    /// Least probability that a tree grows in a step.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_regrowth: f32,
    /// Probability that one grows with all but one standing, nearly.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub max_regrowth: f32,
    /// Whether the agent may stay where it is; the paper has four moves.
    pub can_stay: bool,
    /// Steps for which a world is watched when it is scored.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_steps: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            side: 12,
            num_trees: 10,
            min_regrowth: 1e-6,
            max_regrowth: 0.3,
            can_stay: false,
            max_steps: 200,
        }
    }
}

const BRUSHES: [&str; 3] = ["agent", "tree", "free"];

/// A world with its agent and its trees.
#[derive(Debug, Clone)]
struct World {
    space: Arc<Space>,
    parameters: Parameters,
    grid: Grid,
    agent: Cell,
    trees: Items,
}

impl World {
    fn new(parameters: Parameters) -> Result<Self> {
        let inner = (parameters.side - 2) * (parameters.side - 2);
        if parameters.num_trees >= inner {
            return Err(Error::Parameter {
                name: "environment.num_trees".into(),
                got: parameters.num_trees.to_string(),
                allowed: format!("fewer than the {inner} cells within the border"),
            });
        }
        let mut world = Self {
            space: Arc::new(space(&parameters)),
            grid: Grid::bordered(parameters.side, parameters.side),
            agent: Cell::new(1, 1),
            trees: Items::default(),
            parameters,
        };
        world.reset(&mut Rng::new(0));
        Ok(world)
    }

    fn into_boxed(self) -> Box<dyn Env> {
        Box::new(self)
    }

    fn is_taken(&self, cell: Cell) -> bool {
        cell == self.agent || self.trees.holds(cell)
    }

    /// Probability that a tree grows after this step.
    fn regrowth(&self) -> f32 {
        let p = &self.parameters;
        let standing = self.trees.count();
        if standing >= p.num_trees {
            return 0.0;
        }
        let share = libm::log1pf(standing as f32) / libm::log1pf(p.num_trees as f32);
        p.min_regrowth.max(p.max_regrowth * share)
    }

    fn nearest(&self) -> Option<(Cell, usize)> {
        let far = |tree: &Cell| {
            tree.row.abs_diff(self.agent.row) + tree.column.abs_diff(self.agent.column)
        };
        let found = self
            .trees
            .iter()
            .min_by_key(|tree| (far(tree), tree.row, tree.column));
        found.map(|tree| (tree, far(&tree)))
    }

    fn take(&mut self, new: Self) -> Result<()> {
        let inner = Grid::bordered(new.parameters.side, new.parameters.side);
        if new.grid != inner {
            return Err(Error::state(
                "this world has walls around it and none inside",
            ));
        }
        if new.trees.count() > new.parameters.num_trees {
            return Err(Error::state(format!(
                "{} trees; allowed: at most {}",
                new.trees.count(),
                new.parameters.num_trees
            )));
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
        self.trees = Items::default();
        let anywhere = |_: Cell| false;
        self.agent = self.grid.any_free(anywhere, rng).unwrap_or(self.agent);
        for _ in 0..self.parameters.num_trees {
            if let Some(cell) = self.grid.any_free(|cell| self.is_taken(cell), rng) {
                self.trees.put(cell);
            }
        }
    }

    fn step(&mut self, action: usize, rng: &mut Rng) -> Result<Step> {
        if action >= self.space.num_actions() {
            return Err(Error::IllegalAction {
                action,
                legal: legal_actions(self),
            });
        }
        if action < MOVE_NAMES.len() {
            self.agent = self.grid.moved(self.agent, action);
        }
        let chopped = self.trees.take(self.agent);
        if rng.uniform() < self.regrowth()
            && let Some(cell) = self.grid.any_free(|cell| self.is_taken(cell), rng)
        {
            self.trees.put(cell);
        }
        Ok(Step {
            reward: f32::from(chopped),
            ..Step::default()
        })
    }

    fn legal(&self, out: &mut [bool]) {
        out.fill(true);
    }

    fn player(&self) -> usize {
        0
    }

    fn outcome(&self) -> Step {
        Step::default()
    }

    fn observe(&self, out: &mut [f32]) {
        out.fill(0.0);
        out[self.grid.index(self.agent)] = 1.0;
        let area = self.grid.rows * self.grid.columns;
        self.trees
            .iter()
            .for_each(|tree| out[area + self.grid.index(tree)] = 1.0);
    }

    fn scene(&self) -> Scene {
        let at = |cell: Cell| (cell.row, cell.column);
        let cells = |keep: &dyn Fn(Cell) -> bool| -> Vec<Cell> {
            self.grid.cells().filter(|&cell| keep(cell)).collect()
        };
        let walls = cells(&|cell| self.grid.is_wall(cell));
        let trees = cells(&|cell| self.trees.holds(cell));
        let mut targets = self.grid.targets(self.agent, true);
        if self.parameters.can_stay {
            targets.push(scene::Target {
                action: MOVE_NAMES.len(),
                row: self.agent.row,
                column: self.agent.column,
                legal: true,
                shown: true,
            });
        }
        Scene {
            sprites: scene::walls(walls.into_iter().map(at))
                .chain(
                    trees
                        .into_iter()
                        .map(|cell| Sprite::new(at(cell), Shape::Tree, Role::Neutral, BRUSHES[1])),
                )
                .chain([Sprite::new(
                    at(self.agent),
                    Shape::Disc,
                    Role::First,
                    BRUSHES[0],
                )])
                .collect(),
            targets,
            brushes: vec![
                Brush::new(BRUSHES[0], Some(Shape::Disc), Role::First),
                Brush::new(BRUSHES[1], Some(Shape::Tree), Role::Neutral),
                Brush::new(BRUSHES[2], None, Role::Neutral),
            ],
            status: format!(
                "trees {}, regrowth {:.3} a step",
                self.trees.count(),
                self.regrowth()
            ),
            ..Scene::tiles(self.grid.rows, self.grid.columns)
        }
    }

    fn state(&self) -> Value {
        let level = self.grid.write(|cell| match cell {
            cell if cell == self.agent => 'A',
            cell if self.trees.holds(cell) => 'T',
            _ => '.',
        });
        json!({ "level": level })
    }

    fn set_state(&mut self, state: &Value) -> Result<()> {
        let side = self.parameters.side;
        let (grid, found) = Grid::read(state.get("level"), (side, side), "AT")?;
        self.take(Self {
            grid,
            agent: grid::only(&found[0], "agent (A)")?,
            trees: Items::new(&found[1], "tree (T)")?,
            ..self.clone()
        })
    }

    fn paint(&mut self, row: usize, column: usize, brush: usize) -> Result<()> {
        let cell = self.grid.cell(row, column)?;
        if self.grid.is_border(cell) {
            return Err(Error::state("the border is all walls"));
        }
        let mut new = self.clone();
        match brush {
            0 => {
                new.trees.take(cell);
                new.agent = cell;
            }
            1 if cell == self.agent => {
                return Err(Error::state("the agent stands there; move it first"));
            }
            1 if !self.trees.holds(cell) => new.trees.put(cell),
            1 => {}
            2 => {
                new.trees.take(cell);
            }
            _ => return Err(grid::no_brush(brush, &BRUSHES)),
        }
        self.take(new)
    }

    fn shift(&mut self, from: (usize, usize), to: (usize, usize)) -> Result<()> {
        let (start, end) = (self.grid.cell(from.0, from.1)?, self.grid.cell(to.0, to.1)?);
        let mut new = self.clone();
        let brush = if start == self.agent {
            0
        } else if new.trees.take(start) {
            1
        } else {
            return Err(Error::state("only the agent and trees can be moved"));
        };
        new.paint(end.row, end.column, brush)?;
        *self = new;
        Ok(())
    }

    fn concepts(&self) -> Vec<f32> {
        let nearest = self.nearest();
        vec![
            self.trees.count() as f32,
            self.regrowth(),
            nearest.map_or(-1.0, |(_, far)| far as f32),
            f32::from(nearest.is_some_and(|(_, far)| far == 1)),
            f32::from(nearest.is_some_and(|(tree, _)| tree.row < self.agent.row)),
            f32::from(nearest.is_some_and(|(tree, _)| tree.column < self.agent.column)),
        ]
    }

    fn heuristic(&self, rng: &mut Rng) -> Option<usize> {
        Some(match self.nearest() {
            Some((tree, _)) => self.grid.towards(self.agent, tree),
            None => rng.below(self.space.num_actions()),
        })
    }

    fn agent_cell(&self) -> Option<(usize, usize)> {
        Some((self.agent.row, self.agent.column))
    }

    fn placements(&self) -> Vec<Placement> {
        let free = self.grid.free().filter(|&cell| !self.trees.holds(cell));
        free.map(|agent| Placement {
            cell: (agent.row, agent.column),
            env: Box::new(Self {
                agent,
                ..self.clone()
            }),
        })
        .collect()
    }

    fn boxed(&self) -> Box<dyn Env> {
        Box::new(self.clone())
    }
}

fn space(parameters: &Parameters) -> Space {
    let stay = parameters.can_stay.then_some("stay");
    Space {
        observation: vec![
            Axis::labelled("plane", &["agent", "tree"]),
            Axis::counted("row", parameters.side),
            Axis::counted("column", parameters.side),
        ],
        actions: MOVE_NAMES.into_iter().chain(stay).map(Into::into).collect(),
        num_players: 1,
        max_steps: parameters.max_steps,
        continuing: true,
        concepts: vec![
            Concept::numeric("trees_left", "Trees that stand."),
            Concept::numeric("regrowth", "Probability that a tree grows in this step."),
            Concept::numeric("distance_to_tree", "Steps to the nearest tree, or −1."),
            Concept::binary("tree_beside", "A tree stands next to the agent."),
            Concept::binary("tree_is_above", "The nearest tree stands in a row above."),
            Concept::binary(
                "tree_is_left",
                "The nearest tree stands in a column to the left.",
            ),
        ],
        symmetries: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table that follows from the formula with 10 trees at most.
    #[test]
    fn regrowth_follows_the_published_rule() {
        let mut world = World::new(Parameters::default()).unwrap();
        for (standing, expected) in [
            (10, 0.0),
            (9, 0.288),
            (8, 0.275),
            (5, 0.224),
            (3, 0.173),
            (2, 0.137),
            (1, 0.087),
            (0, 1e-6),
        ] {
            world.trees = Items::default();
            (0..standing).for_each(|place| world.trees.put(Cell::new(1, 1 + place)));
            let found = world.regrowth();
            assert!(
                (found - expected).abs() < 5e-4,
                "{standing} trees: {found}, expected {expected}"
            );
        }
    }
}
