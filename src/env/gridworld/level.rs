//! A level: where everything stands, drawn at random, read and written as rows of characters, painted.

use super::{BRUSHES, Layout, Parameters};
use crate::{
    env::{
        grid::{self, Cell, Grid, Items},
        plan::{Move, Plan},
        scene::{Role, Shape, Sprite},
    },
    error::{Error, Result},
    rng::Rng,
};
use serde_json::Value;

/// What stands where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    pub grid: Grid,
    pub agent: Cell,
    pub goals: Items,
    pub small_goals: Items,
    pub lava: Items,
    pub keys: Items,
    pub doors: Items,
}

/// What the characters of a level stand for: agent, goal, small goal, lava, key, door.
const LEGEND: &str = "AGgLKD";
/// Levels drawn before walls are thinned out.
const NUM_TRIES: usize = 20;

impl Level {
    /// A level with a way to a goal. Where none is found, there are fewer and fewer walls.
    pub fn draw(parameters: &Parameters, rng: &mut Rng) -> Self {
        let mut probability = parameters.wall_probability;
        loop {
            for _ in 0..NUM_TRIES {
                let level = Self::scatter(parameters, probability, rng);
                if let Some(level) = level.filter(|level| level.is_solvable(parameters)) {
                    return level;
                }
            }
            probability *= 0.5;
        }
    }

    fn scatter(parameters: &Parameters, wall_probability: f32, rng: &mut Rng) -> Option<Self> {
        let side = parameters.side;
        let grid = match parameters.layout {
            Layout::Blocks => Grid::blocks(side, wall_probability, rng),
            Layout::Rooms => Grid::rooms(side, rng),
            Layout::Maze => Grid::maze(side, rng),
        };
        let mut level = Self {
            grid,
            agent: Cell::default(),
            goals: Items::default(),
            small_goals: Items::default(),
            lava: Items::default(),
            keys: Items::default(),
            doors: Items::default(),
        };
        for _ in 0..parameters.num_doors {
            // In a passage, so that it shuts something off.
            let open = |cell| level.is_taken(cell) || !grid.is_passage(cell);
            let place = grid
                .any_free(open, rng)
                .or_else(|| grid.any_free(|cell| level.is_taken(cell), rng))?;
            level.doors.put(place);
        }
        let counts = [
            parameters.num_goals,
            parameters.num_small_goals,
            parameters.num_lava,
            parameters.num_doors,
        ];
        for (kind, count) in counts.into_iter().enumerate() {
            for _ in 0..count {
                let place = grid.any_free(|cell| level.is_taken(cell), rng)?;
                let things = [
                    &mut level.goals,
                    &mut level.small_goals,
                    &mut level.lava,
                    &mut level.keys,
                ];
                things.into_iter().nth(kind)?.put(place);
            }
        }
        level.agent = grid.any_free(|cell| level.is_taken(cell), rng)?;
        Some(level)
    }

    /// Whether all of its goals can be reached in time without lava.
    fn is_solvable(&self, parameters: &Parameters) -> bool {
        let plan = Plan::new(
            (self.agent, self.keys.mask(), self.doors.mask()),
            |(cell, keys, doors), action| {
                let (mut keys, mut doors) = (self.keys.with(keys), self.doors.with(doors));
                let to = self.grid.moved(cell, action);
                let in_hand = self.keys.count() - keys.count() + doors.count() - self.doors.count();
                if self.lava.holds(to) || (doors.holds(to) && in_hand == 0) {
                    return Move::to((cell, keys.mask(), doors.mask()));
                }
                doors.take(to);
                keys.take(to);
                Move {
                    to: (!self.goals.holds(to)).then_some((to, keys.mask(), doors.mask())),
                    fixed: 0.0,
                    timed: f32::from(self.goals.holds(to)),
                }
            },
        );
        plan.nearest_reward()
            .is_some_and(|steps| steps <= parameters.max_steps)
    }

    /// Whether something stands on `cell`, the agent left out.
    pub fn is_taken(&self, cell: Cell) -> bool {
        self.things().iter().any(|(things, ..)| things.holds(cell))
    }

    /// The reward of entering `cell` if that ends the episode: what time leaves alone, what it does not.
    pub fn ends(&self, cell: Cell, parameters: &Parameters) -> Option<(f32, f32)> {
        if self.lava.holds(cell) {
            Some((parameters.lava_reward, 0.0))
        } else if self.goals.holds(cell) {
            Some((0.0, 1.0))
        } else if self.small_goals.holds(cell) {
            Some((0.0, parameters.small_worth))
        } else {
            None
        }
    }

    /// Each kind of thing with its character and looks; all but the agent.
    fn things(&self) -> [(&Items, char, Shape, Role, &'static str); 5] {
        [
            (&self.goals, 'G', Shape::Flag, Role::Second, BRUSHES[1]),
            (
                &self.small_goals,
                'g',
                Shape::Flag,
                Role::Neutral,
                BRUSHES[2],
            ),
            (&self.lava, 'L', Shape::Lava, Role::Second, BRUSHES[5]),
            (&self.keys, 'K', Shape::Key, Role::Second, BRUSHES[3]),
            (&self.doors, 'D', Shape::Door, Role::Neutral, BRUSHES[4]),
        ]
    }

    /// What stands on it, row by row; the agent last, above what it stands on.
    pub fn sprites(&self) -> Vec<Sprite> {
        let mut sprites: Vec<Sprite> = self
            .things()
            .into_iter()
            .flat_map(|(things, _, shape, role, name)| {
                things
                    .iter()
                    .map(move |cell| Sprite::new((cell.row, cell.column), shape, role, name))
            })
            .collect();
        sprites.sort_by_key(|sprite| (sprite.row, sprite.column));
        let agent = (self.agent.row, self.agent.column);
        sprites.push(Sprite::new(agent, Shape::Disc, Role::First, BRUSHES[0]));
        sprites
    }

    /// Rows of characters, and what the agent stands on.
    pub fn write(&self) -> (Value, String) {
        let at = |cell: Cell| {
            let found = self
                .things()
                .into_iter()
                .find(|(things, ..)| things.holds(cell));
            found.map_or('.', |(_, character, ..)| character)
        };
        let rows = self
            .grid
            .write(|cell| if cell == self.agent { 'A' } else { at(cell) });
        (rows, at(self.agent).to_string())
    }

    /// Reads what [`Self::write`] wrote. Errors: `State`.
    pub fn read(state: &Value, side: usize) -> Result<Self> {
        let (grid, mut found) = Grid::read(state.get("level"), (side, side), LEGEND)?;
        let agent = grid::only(&found[0], "agent (A)")?;
        match state.get("under").map(Value::as_str) {
            None | Some(Some(".")) => {}
            Some(Some("G")) => found[1].push(agent),
            Some(Some("g")) => found[2].push(agent),
            Some(Some("L")) => found[3].push(agent),
            _ => {
                return Err(Error::state(
                    "under, what the agent stands on, is none of \".\", \"G\", \"g\" or \"L\"",
                ));
            }
        }
        Ok(Self {
            grid,
            agent,
            goals: Items::new(&found[1], "goal (G)")?,
            small_goals: Items::new(&found[2], "small goal (g)")?,
            lava: Items::new(&found[3], "lava (L)")?,
            keys: Items::new(&found[4], "key (K)")?,
            doors: Items::new(&found[5], "door (D)")?,
        })
    }

    /// Errors: `State` for a level that is none, whether or not it can be solved.
    pub fn check(&self) -> Result<()> {
        self.grid.check_border()?;
        if self.goals.count() + self.small_goals.count() == 0 {
            return Err(Error::state("the level has no goal; place one"));
        }
        Ok(())
    }

    fn clear(&mut self, cell: Cell) {
        for things in [
            &mut self.goals,
            &mut self.small_goals,
            &mut self.lava,
            &mut self.keys,
            &mut self.doors,
        ] {
            things.take(cell);
        }
        self.grid.set_wall(cell, false);
    }

    /// Puts what a brush paints on a cell, in place of what is there. Errors: `State`.
    pub fn paint(&mut self, cell: Cell, brush: usize) -> Result<()> {
        if brush >= BRUSHES.len() {
            return Err(grid::no_brush(brush, &BRUSHES));
        }
        if brush > 0 && brush < 7 && cell == self.agent {
            return Err(Error::state("the agent stands there; move it first"));
        }
        if self.grid.is_border(cell) && brush != 6 {
            return Err(Error::state("the border is all walls"));
        }
        self.clear(cell);
        let things = match brush {
            0 => {
                self.agent = cell;
                return Ok(());
            }
            1 => &mut self.goals,
            2 => &mut self.small_goals,
            3 => &mut self.keys,
            4 => &mut self.doors,
            5 => &mut self.lava,
            wall => {
                self.grid.set_wall(cell, wall == 6);
                return Ok(());
            }
        };
        if things.count() == Items::MAX {
            return Err(Error::state(format!(
                "there are {} of kind {} already; no more fit",
                Items::MAX,
                BRUSHES[brush]
            )));
        }
        things.put(cell);
        Ok(())
    }

    /// Moves what stands on a cell. Errors: `State` where nothing that can be moved does.
    pub fn shift(&mut self, from: Cell, to: Cell) -> Result<()> {
        let brush = if from == self.agent {
            Some(0)
        } else {
            self.things()
                .into_iter()
                .find(|(things, ..)| things.holds(from))
                .and_then(|(.., name)| BRUSHES.iter().position(|brush| *brush == name))
        };
        let brush = brush.ok_or_else(|| {
            Error::state("nothing stands there that can be moved; walls are painted")
        })?;
        if brush > 0 {
            self.clear(from);
        }
        self.paint(to, brush)
    }
}
