//! Connect 4 (6 × 7): deep enough to need search, small enough to learn in a browser tab.
//!
//! Rules and action numbering are OpenSpiel's `connect_four`: action = column, from the left.
//! Deviation: a win is a reward of 1 to the player who moved (the other's −1 is implied).
//! Ground truth is alpha-beta to a horizon (Knuth and Moore 1975) on bitboards.

mod search;

use super::{
    Axis, Concept, Env, EnvEntry, Optimum, Space, Step, Symmetry,
    board::Board,
    legal_actions,
    scene::{Grid, Scene, Shape},
};
use crate::{
    error::{Error, Result},
    rng::Rng,
    schema::{parameters, schema_of},
};
use schemars::JsonSchema;
use search::{
    BOTTOM, EVEN_ROWS, FULL, ODD_ROWS, Position, bits, column_mask, completing, fours,
    has_double_threat, has_four, landing, tops,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::HashSet, sync::LazyLock};

/// The registered entry.
pub static ENTRY: EnvEntry = EnvEntry {
    id: "connect4",
    title: "Connect 4",
    summary: "Four in a row on a 6×7 board with gravity; solved to a chosen number of plies.",
    schema: schema_of::<Parameters>,
    make: |value| {
        let Parameters { solver_depth } = parameters(value, "connect4")?;
        Ok(Box::new(Connect4 {
            solver_depth,
            ..Connect4::default()
        }))
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// How many plies the ground truth looks ahead. Results beyond that count as undecided (0).
    #[schemars(range(min = 1, max = 14))]
    pub solver_depth: u8,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { solver_depth: 8 }
    }
}

/// A position: the discs of the first and the second player. The counts say whose turn it is, so
/// that no position can contradict itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connect4 {
    stones: [u64; 2],
    solver_depth: u8,
}

impl Default for Connect4 {
    fn default() -> Self {
        Self {
            stones: [0; 2],
            solver_depth: Parameters::default().solver_depth,
        }
    }
}

const ROWS: usize = 6;
const COLUMNS: usize = 7;
const CELLS: usize = ROWS * COLUMNS;
/// Discs and rings, so that the players differ by shape as well as by colour.
const BOARD: Board = Board {
    rows: ROWS,
    columns: COLUMNS,
    grid: Grid::Holes,
    shapes: [Shape::Disc, Shape::Ring],
    names: ["disc", "ring"],
    plurals: ["discs", "rings"],
};

/// The bit of a cell given row by row from the top.
const fn bit_of(cell: usize) -> u64 {
    1 << (7 * (cell % COLUMNS) + ROWS - 1 - cell / COLUMNS)
}

impl Connect4 {
    fn taken(self) -> u64 {
        self.stones[0] | self.stones[1]
    }

    fn num_discs(self) -> u32 {
        self.taken().count_ones()
    }

    fn mover(self) -> usize {
        self.num_discs() as usize % 2
    }

    fn position(self) -> Position {
        let mover = self.mover();
        Position {
            mine: self.stones[mover],
            theirs: self.stones[1 - mover],
        }
    }

    /// Only the player who moved last can have a four.
    fn has_winner(self) -> bool {
        has_four(self.position().theirs)
    }

    /// The cells that may be played: none once the game has ended.
    fn open(self) -> u64 {
        if self.has_winner() {
            0
        } else {
            landing(self.taken())
        }
    }

    fn cell(self, index: usize) -> u8 {
        let bit = bit_of(index);
        u8::from(self.stones[0] & bit > 0) + 2 * u8::from(self.stones[1] & bit > 0)
    }

    /// This board with other discs, if play can reach it.
    fn with(self, stones: [u64; 2], player: Option<usize>) -> Result<Self> {
        let taken = stones[0] | stones[1];
        if let Some(cell) = (0..CELLS).find(|&c| bit_of(c) & taken & !(taken << 1 | BOTTOM) > 0) {
            return Err(Error::state(format!(
                "the disc in row {}, column {} (from the top and the left, from 0) floats: the \
                 cell under it is empty",
                cell / COLUMNS,
                cell % COLUMNS
            )));
        }
        let mover = BOARD.turn(stones.map(u64::count_ones), player)?;
        let [mine, last] = [mover, 1 - mover].map(|player| BOARD.plurals[player]);
        let why = match stones.map(has_four) {
            [true, true] => {
                "both players have four in a row, but play ends with the first four".into()
            }
            fours if fours[mover] => format!(
                "{mine} have four in a row, but {last} moved last; play ends with the first four"
            ),
            fours if !is_reachable(stones, 1 - mover) => match fours {
                [false, false] => "no order of alternate drops builds these columns".into(),
                _ => format!(
                    "no order of alternate drops builds these columns with the four of {last} made \
                     by the very last drop"
                ),
            },
            _ => return Ok(Self { stones, ..self }),
        };
        Err(Error::State { why })
    }
}

/// Whether alternate drops, the last by the player `last`, build this board without an earlier
/// four: undoes moves until the board is empty. Each set of cells that is left is tried once.
fn is_reachable(stones: [u64; 2], last: usize) -> bool {
    let taken = stones[0] | stones[1];
    let (mut stack, mut seen) = (vec![(taken, last)], HashSet::new());
    while let Some((left, last)) = stack.pop() {
        if left == 0 {
            return true;
        }
        if seen.insert(left) {
            // Only the final board can have a four: the drop undone first must break it.
            let undo = bits(tops(left) & stones[last])
                .filter(|top| left != taken || !has_four(stones[last] & !top));
            stack.extend(undo.map(|top| (left ^ top, 1 - last)));
        }
    }
    false
}

impl Env for Connect4 {
    fn space(&self) -> &Space {
        &SPACE
    }

    fn reset(&mut self, _rng: &mut Rng) {
        self.stones = [0; 2];
    }

    fn step(&mut self, action: usize, _rng: &mut Rng) -> Result<Step> {
        let open = self.open();
        if open == 0 {
            return Err(Error::EpisodeOver);
        }
        if action >= COLUMNS || open & column_mask(action) == 0 {
            return Err(Error::IllegalAction {
                action,
                legal: legal_actions(self),
            });
        }
        self.stones[self.mover()] |= open & column_mask(action);
        Ok(self.outcome())
    }

    fn legal(&self, out: &mut [bool]) {
        let open = self.open();
        for (column, legal) in out.iter_mut().enumerate() {
            *legal = open & column_mask(column) > 0;
        }
    }

    fn player(&self) -> usize {
        self.mover()
    }

    fn outcome(&self) -> Step {
        let won = self.has_winner();
        Step {
            reward: f32::from(won),
            terminated: won || self.taken() == FULL,
            truncated: false,
        }
    }

    fn observe(&self, out: &mut [f32]) {
        let Position { mine, theirs } = self.position();
        for (out, stones) in out.chunks_exact_mut(CELLS).zip([mine, theirs]) {
            for (row, out) in out.chunks_exact_mut(COLUMNS).enumerate() {
                for (column, out) in out.iter_mut().enumerate() {
                    *out = (stones >> (7 * column + ROWS - 1 - row) & 1) as f32;
                }
            }
        }
    }

    fn scene(&self) -> Scene {
        let four = fours(self.stones[0]) | fours(self.stones[1]);
        let open = self.open();
        let players = ["Discs", "Rings"];
        let status = match (four, open) {
            (0, 0) => "Draw".into(),
            (0, _) => format!("{} to move", players[self.mover()]),
            _ => format!("{} won", players[1 - self.mover()]),
        };
        // Any cell of a column plays it; its figures are drawn where the disc would land.
        let target = |cell: usize| {
            let column = cell % COLUMNS;
            (
                column,
                open & column_mask(column) > 0,
                open & bit_of(cell) > 0,
            )
        };
        BOARD.scene(
            |cell| self.cell(cell),
            |cell| four & bit_of(cell) > 0,
            target,
            status,
        )
    }

    fn state(&self) -> Value {
        BOARD.write(|cell| self.cell(cell), self.mover())
    }

    fn set_state(&mut self, state: &Value) -> Result<()> {
        let (board, player) = BOARD.read(state)?;
        let of = |disc| {
            (0..CELLS)
                .filter(|&c| board[c] == disc)
                .fold(0, |all, c| all | bit_of(c))
        };
        *self = self.with([of(1), of(2)], player)?;
        Ok(())
    }

    /// Drops a disc into the column of the cell, or takes away its top disc. Every board must stay
    /// one that play can reach: so colours are added in turn, and cleared in turn the other way.
    fn paint(&mut self, row: usize, column: usize, brush: usize) -> Result<()> {
        BOARD.index((row, column))?;
        let (mut stones, taken) = (self.stones, self.taken());
        match BOARD.brush(brush)? {
            Some(player) => stones[player] |= drop_in(taken, column)?,
            None => stones = stones.map(|stones| stones & !(tops(taken) & column_mask(column))),
        }
        *self = self.with(stones, None)?;
        Ok(())
    }

    /// Moves the top disc of the column of `from` to the top of the column of `to`.
    fn shift(&mut self, from: (usize, usize), to: (usize, usize)) -> Result<()> {
        BOARD.index(from)?;
        BOARD.index(to)?;
        let disc = tops(self.taken()) & column_mask(from.1);
        let Some(player) = self.stones.iter().position(|stones| stones & disc > 0) else {
            return Err(Error::state(format!(
                "column {} has nothing to move",
                from.1
            )));
        };
        let mut stones = self.stones;
        stones[player] = stones[player] & !disc | drop_in(self.taken() & !disc, to.1)?;
        *self = self.with(stones, None)?;
        Ok(())
    }

    fn concepts(&self) -> Vec<f32> {
        let (Position { mine, theirs }, taken) = (self.position(), self.taken());
        // An ended game has no moves and no threats.
        let (empty, open) = if self.open() > 0 {
            (FULL & !taken, landing(taken))
        } else {
            (0, 0)
        };
        let [my_threats, their_threats] = [mine, theirs].map(|stones| completing(stones) & empty);
        let [first, second] = self.stones.map(|stones| completing(stones) & empty & !open);
        let center = |stones: u64| (stones & column_mask(3)).count_ones() as f32;
        vec![
            f32::from(my_threats & open > 0),
            f32::from(their_threats & open > 0),
            f32::from(open > 0 && has_double_threat(mine, taken)),
            f32::from(open > 0 && has_double_threat(theirs, taken)),
            center(mine),
            center(theirs),
            my_threats.count_ones() as f32,
            their_threats.count_ones() as f32,
            f32::from(first & ODD_ROWS > 0),
            f32::from(second & EVEN_ROWS > 0),
            self.num_discs() as f32,
            f32::from(self.mover() == 0),
        ]
    }

    /// Values within `solver_depth` plies; exact when every action is decided within them, or the
    /// game's longest course ends there.
    fn optimum(&self) -> Option<Optimum> {
        let depth = usize::from(self.solver_depth);
        let action_values = self.position().action_values(self.open(), depth);
        let seen_to_the_end = self.num_discs() as usize + depth >= CELLS;
        Some(Optimum {
            value: match action_values.iter().flatten().copied().reduce(f32::max) {
                Some(best) => best,
                None => -f32::from(self.has_winner()),
            },
            exact: seen_to_the_end || action_values.iter().flatten().all(|value| *value != 0.0),
            action_values,
            method: format!("alpha-beta, {depth} plies"),
        })
    }

    /// Alpha-beta to `depth` plies that prefers early wins and late losses; 0 plays at random.
    /// What is undecided at the horizon is ranked by `search`'s count of open windows.
    fn reference_move(&self, depth: usize, rng: &mut Rng) -> Option<usize> {
        let (ties, len) = self.position().best_columns(self.open(), depth);
        (len > 0).then(|| ties[rng.below(len)])
    }

    fn boxed(&self) -> Box<dyn Env> {
        Box::new(*self)
    }
}

/// The cell where a disc dropped into `column` rests. Errors: `Error::State` when it is full.
fn drop_in(taken: u64, column: usize) -> Result<u64> {
    match landing(taken) & column_mask(column) {
        0 => Err(Error::state(format!("column {} is full", column + 1))),
        bit => Ok(bit),
    }
}

static SPACE: LazyLock<Space> = LazyLock::new(|| Space {
    observation: vec![
        Axis::labelled("plane", &["mine", "theirs"]),
        Axis::counted("row", ROWS),
        Axis::counted("column", COLUMNS),
    ],
    actions: (1..=COLUMNS)
        .map(|column| format!("column {column}"))
        .collect(),
    num_players: 2,
    max_steps: CELLS,
    continuing: false,
    concepts: concept_list(),
    symmetries: [|column| column, |column| COLUMNS - 1 - column]
        .map(symmetry)
        .into(),
});

fn symmetry(source: fn(usize) -> usize) -> Symmetry {
    let cell = |index| index - index % COLUMNS + source(index % COLUMNS);
    Symmetry {
        observation: (0..2 * CELLS).map(cell).collect(),
        action: (0..COLUMNS).map(source).collect(),
    }
}

fn concept_list() -> Vec<Concept> {
    vec![
        Concept::binary(
            "can_win_now",
            "The player to move can complete a four at once.",
        ),
        Concept::binary(
            "must_block",
            "The opponent would complete a four on the next move.",
        ),
        Concept::binary(
            "double_threat",
            "A move leaves the player to move with two winning moves.",
        ),
        Concept::binary(
            "opponent_double_threat",
            "The opponent, if it moved now, would have one.",
        ),
        Concept::numeric(
            "mine_center_count",
            "Discs of the player to move in the centre column.",
        ),
        Concept::numeric(
            "theirs_center_count",
            "Discs of the opponent in the centre column.",
        ),
        Concept::numeric(
            "mine_threats",
            "Empty cells that complete a four of the player to move.",
        ),
        Concept::numeric(
            "theirs_threats",
            "Empty cells that complete a four of the opponent.",
        ),
        Concept::binary(
            "odd_threat",
            "The first player threatens a cell in an odd row (from 1 at the bottom) that cannot be \
             filled yet: zugzwang favours it.",
        ),
        Concept::binary(
            "even_threat",
            "The second player threatens a cell in an even row that cannot be filled yet.",
        ),
        Concept::numeric("discs", "How many discs are on the board."),
        Concept::binary("first_to_move", "The player to move is the first player."),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn after(columns: &[usize]) -> Connect4 {
        let mut game = Connect4::default();
        for &column in columns {
            game.step(column, &mut Rng::new(0)).unwrap();
        }
        game
    }

    fn concept(game: &Connect4, id: &str) -> f32 {
        assert_eq!(SPACE.concepts.len(), game.concepts().len());
        game.concepts()[SPACE.concepts.iter().position(|c| c.id == id).unwrap()]
    }

    /// A state from rows given from the top; missing rows above are empty.
    fn state(rows: &[[u8; 7]]) -> Value {
        let mut cells = vec![0; 7 * (6 - rows.len())];
        cells.extend(rows.iter().flatten());
        json!({ "board": cells })
    }

    #[test]
    fn discs_fall_and_four_in_every_direction_win() {
        let game = after(&[3, 3, 0]);
        assert_eq!(game.state()["board"][35 + 3], 1);
        assert_eq!(game.state()["board"][28 + 3], 2);
        for columns in [
            &[0, 1, 0, 1, 0, 1, 0][..],
            &[0, 0, 1, 1, 2, 2, 3],
            &[0, 1, 1, 2, 2, 3, 2, 3, 3, 6, 3],
            &[3, 2, 2, 1, 1, 0, 1, 0, 0, 6, 0],
        ] {
            let (last, before) = columns.split_last().unwrap();
            let mut game = after(before);
            assert_eq!(concept(&game, "can_win_now"), 1.0);
            let step = game.step(*last, &mut Rng::new(0)).unwrap();
            assert_eq!((step.reward, step.terminated), (1.0, true));
            assert_eq!(game.step(6, &mut Rng::new(0)), Err(Error::EpisodeOver));
            assert_eq!(game.scene().status, "Discs won");
            assert_eq!(
                game.scene().sprites.iter().filter(|s| s.emphasis).count(),
                4
            );
            assert_eq!(game.optimum().unwrap().value, -1.0);
        }
    }

    #[test]
    fn a_full_column_is_illegal_and_says_so() {
        let mut game = after(&[2, 2, 2, 2, 2, 2]);
        assert_eq!(
            game.step(2, &mut Rng::new(0)).unwrap_err().to_string(),
            "action 2 is illegal here; legal actions: 0, 1, 3, 4, 5, 6"
        );
        let shown = |game: &Connect4| game.scene().targets.iter().filter(|t| t.shown).count();
        assert_eq!((shown(&game), shown(&after(&[]))), (6, 7));
    }

    #[test]
    fn an_open_pair_is_a_double_threat_that_search_proves() {
        let game = after(&[3, 3, 2, 2]);
        assert_eq!(concept(&game, "double_threat"), 1.0);
        assert_eq!(concept(&game, "mine_center_count"), 1.0);
        let optimum = game.optimum().unwrap();
        assert_eq!(optimum.value, 1.0);
        assert!(optimum.is_best(1) && optimum.is_best(4));
        assert!([1, 4].contains(&game.reference_move(3, &mut Rng::new(1)).unwrap()));
        let theirs = after(&[3, 3, 2]);
        assert_eq!(concept(&theirs, "opponent_double_threat"), 1.0);
        assert_eq!(concept(&theirs, "must_block"), 0.0);
    }

    #[test]
    fn threats_are_counted_with_their_parity() {
        // Three discs in the bottom row: one cell completes them, and it can be filled.
        let low = after(&[0, 0, 1, 1, 2, 2]);
        assert_eq!(concept(&low, "mine_threats"), 1.0);
        assert_eq!(concept(&low, "theirs_threats"), 1.0);
        assert_eq!(concept(&low, "must_block"), 0.0);
        // The rings' cell is in the second row, and nothing is under it yet.
        assert_eq!(concept(&low, "even_threat"), 1.0);
        assert_eq!(concept(&low, "odd_threat"), 0.0);
        assert_eq!(concept(&low, "discs"), 6.0);
    }

    #[test]
    fn impossible_boards_are_refused_with_the_reason() {
        let mut game = after(&[3]);
        let before = game;
        for (state, reason) in [
            (json!({"board": [0]}), "board has 1 cells; it needs 42"),
            (state(&[[1, 0, 0, 0, 0, 0, 0], [0; 7]]), "row 4, column 0"),
            (state(&[[1, 1, 0, 0, 0, 0, 0]]), "2 discs against 0 rings"),
            (
                state(&[[0, 0, 0, 0, 0, 0, 2]]),
                "add discs first, or clear rings",
            ),
            (
                state(&[[2, 2, 2, 2, 0, 0, 0], [1, 1, 1, 1, 0, 0, 0]]),
                "both players have four",
            ),
            (
                state(&[[2, 2, 0, 0, 0, 0, 2], [1, 1, 1, 1, 0, 0, 2]]),
                "discs have four in a row, but rings moved last",
            ),
            // Both columns start with a ring, but the first drop is a disc.
            (
                state(&[[1, 1, 0, 0, 0, 0, 0], [2, 2, 0, 0, 0, 0, 0]]),
                "no order of alternate drops",
            ),
            // The last drop, the disc in column 2, did not make the four under it.
            (
                state(&[[2, 2, 1, 2, 0, 0, 0], [1, 1, 1, 1, 0, 2, 0]]),
                "with the four of discs made by the very last drop",
            ),
        ] {
            let error = game.set_state(&state).unwrap_err();
            assert_eq!(error.code(), "state");
            assert!(error.to_string().contains(reason), "{error}");
            assert_eq!(game, before);
        }
    }

    #[test]
    fn one_drop_may_complete_two_fours() {
        let mut game = Connect4::default();
        game.set_state(&state(&[[2, 2, 2, 0, 2, 2, 2], [1; 7]]))
            .unwrap();
        assert!(game.outcome().terminated);
        assert_eq!(
            game.scene().sprites.iter().filter(|s| s.emphasis).count(),
            7
        );
    }

    #[test]
    fn brushes_and_drags_work_on_the_tops_of_columns() {
        let mut game = Connect4::default();
        game.paint(0, 3, 0).unwrap();
        game.paint(5, 3, 1).unwrap();
        assert_eq!(game, after(&[3, 3]));
        assert!(game.paint(0, 0, 1).is_err());
        game.shift((0, 3), (0, 4)).unwrap();
        assert_eq!(game, after(&[3, 4]));
        game.shift((0, 3), (2, 3)).unwrap();
        assert_eq!(game, after(&[3, 4]));
        assert!(game.shift((0, 0), (0, 1)).is_err());
        game.paint(2, 4, 2).unwrap();
        assert_eq!(game, after(&[3]));
        assert!(game.paint(0, 7, 0).is_err());
        let mut full = after(&[2, 2, 2, 2, 2, 2]);
        assert!(
            full.paint(0, 2, 0)
                .unwrap_err()
                .to_string()
                .contains("column 3 is full")
        );
    }

    #[test]
    fn the_solver_depth_is_a_parameter_with_a_range() {
        let make = |depth| (ENTRY.make)(&json!({ "solver_depth": depth }));
        let game = make(1).unwrap();
        assert_eq!(game.optimum().unwrap().method, "alpha-beta, 1 plies");
        for depth in [0, 15] {
            let error = make(depth).err().unwrap().to_string();
            assert!(error.contains("integer from 1 to 14"), "{error}");
        }
    }
}
