//! Maze I of Langosco et al. 2022 (procgen's mazes): corridors that form a tree, the mouse in the bottom
//! left corner, and the cheese in training within a region at the top right, elsewhere anywhere.
//!
//! Deviations: all mazes have the full size; moves go one cell along an axis; the reward is 1.

use super::{
    Env, EnvEntry,
    cheese::{Hunt, Rules},
    grid::{Cell, Grid},
};
use crate::{
    error::{Error, Result},
    rng::Rng,
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: EnvEntry = EnvEntry {
    id: "maze",
    title: "Maze with cheese",
    summary: "A mouse runs a maze for cheese that always lay towards the top right, until it does not.",
    schema: schema::schema_of::<Parameters>,
    make,
};

/// Its levels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// Side of the square, its border included; odd.
    #[schemars(range(min = 5, max = 25))]
    pub side: usize,
    /// Side of the square at the top right in which the cheese lies in training; 1 is the corner.
    #[schemars(range(min = 1, max = 23))]
    pub region: usize,
    /// Steps after which an episode is cut.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_steps: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            side: 13,
            region: 1,
            max_steps: 500,
        }
    }
}

fn make(value: &serde_json::Value) -> Result<Box<dyn Env>> {
    let parameters: Parameters = schema::parameters(value, "environment")?;
    let side = parameters.side;
    if side.is_multiple_of(2) {
        return Err(Error::Parameter {
            name: "environment.side".into(),
            got: side.to_string(),
            allowed: "an odd number from 5 to 25, as corridors and walls take turns".into(),
        });
    }
    let hunt = Hunt::new(
        Rules {
            side,
            region: parameters.region,
            max_steps: parameters.max_steps,
            corner: Cell::new(1, side - 2),
            haste: 0.0,
            draw,
            wall_probability: 0.0,
        },
        "region",
    )?;
    Ok(Box::new(hunt))
}

/// A maze; the cheese on any free cell of its region but the mouse's.
fn draw(rules: &Rules, rng: &mut Rng) -> (Grid, Cell, Cell) {
    let grid = Grid::maze(rules.side, rng);
    let mouse = Cell::new(rules.side - 2, 1);
    let places: Vec<Cell> = grid
        .free()
        .filter(|&cell| cell != mouse && rules.in_region(cell))
        .collect();
    (grid, mouse, places[rng.below(places.len())])
}
