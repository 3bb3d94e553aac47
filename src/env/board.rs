//! What two-player board games share: reading and drawing `{board, player}`, and whose turn it is.

use super::scene::{Brush, Grid, Role, Scene, Shape, Sprite, Target};
use crate::error::{Error, Result};
use serde_json::{Value, json};

/// What never changes about a board on which two players put stones in turn.
pub(super) struct Board {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// How it is drawn.
    pub grid: Grid,
    /// What a stone of each player looks like.
    pub shapes: [Shape; 2],
    /// What a stone of each player is called.
    pub names: [&'static str; 2],
    /// What several of them are called.
    pub plurals: [&'static str; 2],
}

impl Board {
    /// Reads `{board, player}`: 0, 1 or 2 for each cell, and the player to move if given.
    pub fn read(&self, state: &Value) -> Result<(Vec<u8>, Option<usize>)> {
        let len = self.rows * self.columns;
        let Some(board) = state.get("board").and_then(Value::as_array) else {
            return Err(Error::state(format!(
                "expected an object with \"board\", a list of {len} cells row by row from the top, \
                 and optionally \"player\""
            )));
        };
        if board.len() != len {
            return Err(Error::state(format!(
                "board has {} cells; it needs {len}, row by row from the top",
                board.len()
            )));
        }
        let read_cell = |(index, cell): (usize, &Value)| match cell.as_u64() {
            Some(stone @ 0..=2) => Ok(stone as u8),
            _ => Err(Error::state(format!(
                "cell {index} is {cell}; allowed: 0 empty, 1 the first player's, 2 the second's"
            ))),
        };
        let cells = board
            .iter()
            .enumerate()
            .map(read_cell)
            .collect::<Result<_>>()?;
        let player = state.get("player").filter(|player| !player.is_null());
        match player.map(|player| player.as_u64()) {
            None => Ok((cells, None)),
            Some(Some(player @ 0..=1)) => Ok((cells, Some(player as usize))),
            _ => Err(Error::state(
                "player must be 0 when the first player is to move and 1 when the second is; it \
                 may be left out",
            )),
        }
    }

    /// The state's JSON; `cell` tells 0, 1 or 2.
    pub fn write(&self, cell: impl Fn(usize) -> u8, player: usize) -> Value {
        json!({"board": (0..self.rows * self.columns).map(cell).collect::<Vec<_>>(), "player": player})
    }

    /// The player to move by the numbers of stones.
    ///
    /// Errors: `Error::State` where alternate play cannot lead to these numbers, or to `given`.
    pub fn turn(&self, [first, second]: [u32; 2], given: Option<usize>) -> Result<usize> {
        let [a, b] = self.plurals;
        let player = match first.checked_sub(second) {
            Some(0) => 0,
            Some(1) => 1,
            lead => {
                let (add, clear) = if lead.is_none() { (a, b) } else { (b, a) };
                return Err(Error::state(format!(
                    "{first} {a} against {second} {b} cannot happen: there are as many {a} as {b} \
                     or one more; add {add} first, or clear {clear}"
                )));
            }
        };
        match given {
            Some(given) if given != player => Err(Error::state(format!(
                "player is {given}, but with {first} {a} and {second} {b} it is player {player}'s \
                 turn"
            ))),
            _ => Ok(player),
        }
    }

    /// The index of a cell, row by row from the top. Errors: `Error::State` off the board.
    pub fn index(&self, (row, column): (usize, usize)) -> Result<usize> {
        if row < self.rows && column < self.columns {
            return Ok(row * self.columns + column);
        }
        Err(Error::state(format!(
            "row {row}, column {column} is off the board; allowed: row 0 to {}, column 0 to {}",
            self.rows - 1,
            self.columns - 1
        )))
    }

    /// The player whose stones `brush` paints; none for the eraser.
    pub fn brush(&self, brush: usize) -> Result<Option<usize>> {
        match brush {
            0 | 1 => Ok(Some(brush)),
            2 => Ok(None),
            _ => Err(Error::state(format!(
                "brush {brush} does not exist; allowed: 0 {}, 1 {}, 2 empty",
                self.names[0], self.names[1]
            ))),
        }
    }

    /// The scene: `cell` tells 0, 1 or 2, `emphasis` whether a stone decided the game, and
    /// `target` which action a cell stands for, as `(action, legal, shown)`.
    pub fn scene(
        &self,
        cell: impl Fn(usize) -> u8,
        emphasis: impl Fn(usize) -> bool,
        target: impl Fn(usize) -> (usize, bool, bool),
        status: String,
    ) -> Scene {
        const ROLES: [Role; 2] = [Role::First, Role::Second];
        let (rows, columns) = (self.rows, self.columns);
        let sprite = |index| {
            let player = usize::from(cell(index).checked_sub(1)?);
            Some(Sprite {
                row: index / columns,
                column: index % columns,
                shape: self.shapes[player],
                role: ROLES[player],
                name: self.names[player].into(),
                emphasis: emphasis(index),
            })
        };
        let place = |index| {
            let (action, legal, shown) = target(index);
            Target {
                action,
                row: index / columns,
                column: index % columns,
                legal,
                shown,
            }
        };
        let brush = |player: usize| Brush {
            name: self.names[player].into(),
            shape: Some(self.shapes[player]),
            role: ROLES[player],
        };
        let eraser = Brush {
            name: "empty".into(),
            shape: None,
            role: Role::Neutral,
        };
        Scene {
            rows,
            columns,
            grid: self.grid,
            sprites: (0..rows * columns).filter_map(sprite).collect(),
            strokes: Vec::new(),
            targets: (0..rows * columns).map(place).collect(),
            brushes: vec![brush(0), brush(1), eraser],
            status,
        }
    }
}
