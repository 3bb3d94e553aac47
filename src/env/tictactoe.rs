//! Tic-tac-toe: the smallest game with forks, blocks and a theory that everyone can check.
//!
//! With 4,520 positions every claim about an agent can be tested against all of them. Rules and
//! action numbering are OpenSpiel's `tic_tac_toe`: action = cell, row by row from the top.
//! Deviation: a win is a reward of 1 to the player who moved (the other's −1 is implied).

use super::{
    Axis, Concept, Env, EnvEntry, Optimum, Space, Step, Symmetry,
    board::Board,
    legal_actions,
    scene::{Grid, Scene, Shape},
};
use crate::{
    error::{Error, Result},
    rng::Rng,
    schema::{NoParameters, parameters, schema_of},
};
use serde_json::Value;
use std::sync::LazyLock;

/// The registered entry.
pub static ENTRY: EnvEntry = EnvEntry {
    id: "tictactoe",
    title: "Tic-tac-toe",
    summary: "Three in a row on a 3×3 board; every position is solved exactly.",
    schema: schema_of::<NoParameters>,
    make: |value| {
        parameters::<NoParameters>(value, "tictactoe")?;
        Ok(Box::new(TicTacToe::default()))
    },
};

/// A position: the stones of the first and the second player, bit = cell. The counts say whose turn
/// it is, so that no position can contradict itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TicTacToe {
    stones: [u16; 2],
}

const BOARD: Board = Board {
    rows: 3,
    columns: 3,
    grid: Grid::Lines,
    shapes: [Shape::Cross, Shape::Ring],
    names: ["X", "O"],
    plurals: ["X", "O"],
};
const FULL: u16 = 0o777;
const CENTER: u16 = 0o020;
const CORNERS: u16 = 0o505;
/// Rows, columns, diagonals; one octal digit is one row.
const LINES: [u16; 8] = [0o007, 0o070, 0o700, 0o111, 0o222, 0o444, 0o124, 0o421];

fn has_line(stones: u16) -> bool {
    LINES.iter().any(|line| stones & line == *line)
}

/// Lines complete in `stones`, as cells.
fn lines_of(stones: u16) -> u16 {
    LINES
        .iter()
        .filter(|&line| stones & line == *line)
        .fold(0, |cells, line| cells | line)
}

/// Cells of `open` that complete a line of `stones`.
fn winning_cells(stones: u16, open: u16) -> u16 {
    cells(open)
        .filter(|cell| has_line(stones | 1 << cell))
        .fold(0, |all, cell| all | 1 << cell)
}

/// Whether some cell of `open` leaves `stones` with two winning cells.
fn has_fork(stones: u16, open: u16) -> bool {
    cells(open).any(|cell| winning_cells(stones | 1 << cell, open & !(1 << cell)).count_ones() >= 2)
}

/// Indices of the set bits.
fn cells(mask: u16) -> impl Iterator<Item = usize> {
    (0..9).filter(move |cell| mask >> cell & 1 == 1)
}

impl TicTacToe {
    fn num_stones(self) -> u32 {
        (self.stones[0] | self.stones[1]).count_ones()
    }

    fn mover(self) -> usize {
        self.num_stones() as usize % 2
    }

    /// Empty cells, those of an ended game included.
    fn empty(self) -> u16 {
        FULL & !(self.stones[0] | self.stones[1])
    }

    /// Cells that may be played.
    fn open(self) -> u16 {
        if self.has_winner() { 0 } else { self.empty() }
    }

    /// Only the player who moved last can have a line.
    fn has_winner(self) -> bool {
        has_line(self.stones[1 - self.mover()])
    }

    fn child(mut self, cell: usize) -> Self {
        self.stones[self.mover()] |= 1 << cell;
        self
    }

    fn cell(self, index: usize) -> u8 {
        (self.stones[0] >> index & 1 | (self.stones[1] >> index & 1) << 1) as u8
    }

    /// The position with these stones, if play can reach it.
    fn checked(stones: [u16; 2], player: Option<usize>) -> Result<Self> {
        let mover = BOARD.turn(stones.map(u16::count_ones), player)?;
        match stones.map(has_line) {
            [true, true] => Err(Error::state(
                "both X and O have three in a row; play ends with the first line, so one of them \
                 must go",
            )),
            lines if lines[mover] => Err(Error::state(format!(
                "{} has three in a row but {} moved last; play ends with the first line",
                BOARD.names[mover],
                BOARD.names[1 - mover]
            ))),
            _ => Ok(Self { stones }),
        }
    }

    /// Index in base 3, the first cell the lowest digit.
    fn index(self) -> usize {
        (0..9)
            .rev()
            .fold(0, |index, cell| 3 * index + usize::from(self.cell(cell)))
    }

    /// Score by full minimax, as `search` counts it.
    fn score(self) -> i8 {
        SOLUTION.scores[self.index()]
    }

    /// Score to the player to move, looking `depth` plies ahead: 0 if drawn or undecided, else
    /// ±(10 − stones on the board at the end), so that early wins and late losses are best.
    fn search(self, depth: usize) -> i8 {
        if self.has_winner() {
            return self.num_stones() as i8 - 10;
        }
        if depth >= self.empty().count_ones() as usize {
            return self.score();
        }
        match depth {
            0 => 0,
            _ => cells(self.open())
                .map(|c| -self.child(c).search(depth - 1))
                .max()
                .unwrap_or(0),
        }
    }
}

impl Env for TicTacToe {
    fn space(&self) -> &'static Space {
        &SPACE
    }

    fn reset(&mut self, _rng: &mut Rng) {
        *self = Self::default();
    }

    fn step(&mut self, action: usize, _rng: &mut Rng) -> Result<Step> {
        let open = self.open();
        if open == 0 {
            return Err(Error::EpisodeOver);
        }
        if action >= 9 || open >> action & 1 == 0 {
            return Err(Error::IllegalAction {
                action,
                legal: legal_actions(self),
            });
        }
        *self = self.child(action);
        Ok(self.outcome())
    }

    fn legal(&self, out: &mut [bool]) {
        let open = self.open();
        for (cell, legal) in out.iter_mut().enumerate() {
            *legal = open >> cell & 1 == 1;
        }
    }

    fn player(&self) -> usize {
        self.mover()
    }

    fn outcome(&self) -> Step {
        let won = self.has_winner();
        Step {
            reward: f32::from(won),
            terminated: won || self.empty() == 0,
            truncated: false,
        }
    }

    fn observe(&self, out: &mut [f32]) {
        let mover = self.mover();
        let planes = [self.stones[mover], self.stones[1 - mover]];
        for (out, stones) in out.chunks_exact_mut(9).zip(planes) {
            for (cell, out) in out.iter_mut().enumerate() {
                *out = f32::from(stones >> cell & 1);
            }
        }
    }

    fn scene(&self) -> Scene {
        let line = lines_of(self.stones[0]) | lines_of(self.stones[1]);
        let open = self.open();
        let status = match (line, open) {
            (0, 0) => "Draw".into(),
            (0, _) => format!("{} to move", BOARD.names[self.mover()]),
            _ => format!("{} won", BOARD.names[1 - self.mover()]),
        };
        BOARD.scene(
            |cell| self.cell(cell),
            |cell| line >> cell & 1 == 1,
            |cell| (cell, open >> cell & 1 == 1, true),
            status,
        )
    }

    fn state(&self) -> Value {
        BOARD.write(|cell| self.cell(cell), self.mover())
    }

    fn set_state(&mut self, state: &Value) -> Result<()> {
        let (board, player) = BOARD.read(state)?;
        let of = |stone| {
            (0..9)
                .filter(|&c| board[c] == stone)
                .fold(0, |all, c| all | 1 << c)
        };
        *self = Self::checked([of(1), of(2)], player)?;
        Ok(())
    }

    /// Every board must stay one that play can reach: so X and O are added in turn, and cleared
    /// in turn the other way. To move a stone, or to swap two, use `shift`.
    fn paint(&mut self, row: usize, column: usize, brush: usize) -> Result<()> {
        let bit = 1 << BOARD.index((row, column))?;
        let mut stones = self.stones.map(|stones| stones & !bit);
        if let Some(player) = BOARD.brush(brush)? {
            stones[player] |= bit;
        }
        *self = Self::checked(stones, None)?;
        Ok(())
    }

    /// Exchanges what stands on the two cells: a stone moves to an empty cell, two stones swap.
    fn shift(&mut self, from: (usize, usize), to: (usize, usize)) -> Result<()> {
        let (from, to) = (BOARD.index(from)?, BOARD.index(to)?);
        let swapped = self.stones.map(|stones| {
            let differs = (stones >> from ^ stones >> to) & 1;
            stones ^ (differs << from | differs << to)
        });
        *self = Self::checked(swapped, None)?;
        Ok(())
    }

    fn concepts(&self) -> Vec<f32> {
        let mover = self.mover();
        let (mine, theirs, open) = (self.stones[mover], self.stones[1 - mover], self.open());
        let free_lines = |stones| LINES.iter().filter(|&line| line & stones == 0).count() as f32;
        let value = self.score().signum();
        vec![
            f32::from(winning_cells(mine, open) > 0),
            f32::from(winning_cells(theirs, open) > 0),
            f32::from(has_fork(mine, open)),
            f32::from(has_fork(theirs, open)),
            f32::from(mine & CENTER > 0),
            f32::from(theirs & CENTER > 0),
            (mine & CORNERS).count_ones() as f32,
            (theirs & CORNERS).count_ones() as f32,
            free_lines(theirs),
            free_lines(mine),
            self.num_stones() as f32,
            f32::from(mover == 0),
            f32::from(value),
            f32::from(value == 1),
            f32::from(value == 0),
            f32::from(value == -1),
        ]
    }

    fn optimum(&self) -> Option<Optimum> {
        let open = self.open();
        let value_of = |cell| f32::from(-self.child(cell).score().signum());
        Some(Optimum {
            value: f32::from(self.score().signum()),
            action_values: (0..9)
                .map(|c| (open >> c & 1 == 1).then(|| value_of(c)))
                .collect(),
            method: "minimax".into(),
            exact: true,
        })
    }

    fn enumerate(&self) -> Option<Vec<Box<dyn Env>>> {
        Some(SOLUTION.positions.iter().map(Env::boxed).collect())
    }

    /// Minimax to `depth` plies that prefers early wins and late losses; 0 plays at random, 9 perfectly.
    fn reference_move(&self, depth: usize, rng: &mut Rng) -> Option<usize> {
        let score = |cell| match depth {
            0 => 0,
            _ => -self.child(cell).search(depth - 1),
        };
        let scored: Vec<_> = cells(self.open()).map(|cell| (score(cell), cell)).collect();
        let best = scored.iter().map(|(score, _)| *score).max()?;
        let ties: Vec<_> = scored.iter().filter(|(score, _)| *score == best).collect();
        Some(ties[rng.below(ties.len())].1)
    }

    fn boxed(&self) -> Box<dyn Env> {
        Box::new(*self)
    }
}

static SPACE: LazyLock<Space> = LazyLock::new(|| Space {
    observation: vec![
        Axis::labelled("plane", &["mine", "theirs"]),
        Axis::new("row", 3),
        Axis::new("column", 3),
    ],
    actions: (0..9)
        .map(|cell| format!("row {}, column {}", cell / 3 + 1, cell % 3 + 1))
        .collect(),
    num_players: 2,
    max_steps: 9,
    concepts: concept_list(),
    symmetries: (0..8).map(symmetry).collect(),
});

/// The `index`-th of the square's symmetries: transposed or not, then flipped or not on each axis.
fn symmetry(index: usize) -> Symmetry {
    let flip = |bit: usize, at: usize| if index & bit > 0 { 2 - at } else { at };
    let source = |cell: usize| match (flip(1, cell / 3), flip(2, cell % 3)) {
        (row, column) if index & 4 > 0 => 3 * column + row,
        (row, column) => 3 * row + column,
    };
    let action: Vec<_> = (0..9).map(source).collect();
    Symmetry {
        observation: (0..18).map(|i| 9 * (i / 9) + action[i % 9]).collect(),
        action,
    }
}

fn concept_list() -> Vec<Concept> {
    vec![
        Concept::binary(
            "can_win_now",
            "The player to move can complete a line at once.",
        ),
        Concept::binary(
            "must_block",
            "The opponent would complete a line on the next move.",
        ),
        Concept::binary(
            "has_fork",
            "A move leaves the player to move with two winning cells.",
        ),
        Concept::binary(
            "opponent_fork",
            "The opponent, if it moved now, could make a fork.",
        ),
        Concept::binary("mine_center", "The player to move holds the centre."),
        Concept::binary("theirs_center", "The opponent holds the centre."),
        Concept::numeric("mine_corners", "How many corners the player to move holds."),
        Concept::numeric("theirs_corners", "How many corners the opponent holds."),
        Concept::numeric(
            "mine_free_lines",
            "In how many lines the opponent has no stone.",
        ),
        Concept::numeric(
            "theirs_free_lines",
            "In how many lines the player to move has no stone.",
        ),
        Concept::numeric("stones", "How many stones are on the board."),
        Concept::binary("first_to_move", "The player to move is X."),
        Concept::numeric(
            "minimax_value",
            "Result under perfect play: 1 won, 0 drawn, −1 lost.",
        ),
        Concept::binary("winning", "The player to move wins under perfect play."),
        Concept::binary("drawn", "Perfect play draws."),
        Concept::binary("losing", "The player to move loses under perfect play."),
    ]
}

/// The game solved once: scores by `TicTacToe::index`, and the positions that are not over.
struct Solution {
    scores: Vec<i8>,
    positions: Vec<TicTacToe>,
}

static SOLUTION: LazyLock<Solution> = LazyLock::new(|| {
    let mut solution = Solution {
        scores: vec![UNSOLVED; 3_usize.pow(9)],
        positions: Vec::new(),
    };
    solution.solve(TicTacToe::default());
    solution
});

const UNSOLVED: i8 = i8::MAX;

impl Solution {
    /// Score of `position` as `TicTacToe::search` counts it, everything below it filled in.
    fn solve(&mut self, position: TicTacToe) -> i8 {
        let index = position.index();
        if self.scores[index] == UNSOLVED {
            let open = position.open();
            if open > 0 {
                self.positions.push(position);
            }
            let ended = if position.has_winner() {
                position.num_stones() as i8 - 10
            } else {
                0
            };
            let best = cells(open)
                .map(|cell| -self.solve(position.child(cell)))
                .max();
            self.scores[index] = best.unwrap_or(ended);
        }
        self.scores[index]
    }
}
