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
    /// Alpha-beta, fail-soft: exact within `alpha` and `beta`, else a bound.
    fn search(self, depth: usize, alpha: i8, beta: i8) -> i8 {
        if self.has_winner() || depth >= self.empty().count_ones() as usize {
            return self.score();
        }
        if depth == 0 {
            return 0;
        }
        let mut best = -10;
        for cell in cells(self.open()) {
            let child = self.child(cell);
            best = best.max(-child.search(depth - 1, -beta, -alpha.max(best)));
            if best >= beta {
                break;
            }
        }
        best
    }
}

impl Env for TicTacToe {
    fn space(&self) -> &Space {
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
        let (mut ties, mut best) = (Vec::new(), -10);
        for cell in cells(self.open()) {
            // The window reaches one below the best so far, so that ties are found exactly.
            let score = match depth {
                0 => 0,
                _ => -self.child(cell).search(depth - 1, -10, 1 - best),
            };
            if score > best {
                best = score;
                ties.clear();
            }
            if score == best {
                ties.push(cell);
            }
        }
        (!ties.is_empty()).then(|| ties[rng.below(ties.len())])
    }

    fn boxed(&self) -> Box<dyn Env> {
        Box::new(*self)
    }
}

static SPACE: LazyLock<Space> = LazyLock::new(|| Space {
    observation: vec![
        Axis::labelled("plane", &["mine", "theirs"]),
        Axis::counted("row", 3),
        Axis::counted("column", 3),
    ],
    actions: (0..9)
        .map(|cell| format!("row {}, column {}", cell / 3 + 1, cell % 3 + 1))
        .collect(),
    num_players: 2,
    max_steps: 9,
    continuing: false,
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A board written as three rows of `X`, `O` and `.`.
    fn board(text: &str) -> TicTacToe {
        let cells: Vec<_> = text.chars().filter_map(|c| ".XO".find(c)).collect();
        let mut position = TicTacToe::default();
        position.set_state(&json!({ "board": cells })).unwrap();
        position
    }

    fn concept(position: &TicTacToe, id: &str) -> f32 {
        let concepts = &SPACE.concepts;
        assert_eq!(concepts.len(), position.concepts().len());
        position.concepts()[concepts.iter().position(|c| c.id == id).unwrap()]
    }

    #[test]
    fn play_alternates_and_the_winner_is_paid() {
        let mut game = TicTacToe::default();
        let mut rng = Rng::new(0);
        for cell in [0, 3, 1, 4] {
            assert_eq!(game.step(cell, &mut rng).unwrap(), Step::default());
        }
        let error = game.step(3, &mut rng).unwrap_err();
        assert_eq!(
            error,
            Error::IllegalAction {
                action: 3,
                legal: vec![2, 5, 6, 7, 8]
            }
        );
        let won = game.step(2, &mut rng).unwrap();
        assert_eq!(
            (won.reward, won.terminated, won.truncated),
            (1.0, true, false)
        );
        assert_eq!(game.step(8, &mut rng).unwrap_err(), Error::EpisodeOver);
        assert_eq!(
            game.state(),
            json!({"board": [1, 1, 1, 2, 2, 0, 0, 0, 0], "player": 1})
        );
        assert_eq!(game.optimum().unwrap().value, -1.0);
        let scene = game.scene();
        assert_eq!(scene.status, "X won");
        assert_eq!(
            scene
                .sprites
                .iter()
                .filter(|sprite| sprite.emphasis)
                .count(),
            3
        );
    }

    #[test]
    fn the_observation_is_the_movers() {
        let mut out = [9.0; 18];
        board("X.. .O. ...").observe(&mut out);
        assert_eq!(
            (out[0], out[9 + 4], out.iter().sum::<f32>()),
            (1.0, 1.0, 2.0)
        );
        board("X.. ... ...").observe(&mut out);
        assert_eq!((out[9], out.iter().sum::<f32>()), (1.0, 1.0));
    }

    #[test]
    fn wins_blocks_and_forks_are_seen_from_both_sides() {
        let both = board("XX. OO. ...");
        assert_eq!(concept(&both, "can_win_now"), 1.0);
        assert_eq!(concept(&both, "must_block"), 1.0);
        // X in opposite corners: a third corner threatens along two edges.
        let fork = board("XO. .O. ..X");
        assert_eq!(concept(&fork, "can_win_now"), 0.0);
        assert_eq!(concept(&fork, "must_block"), 1.0);
        assert_eq!(concept(&fork, "has_fork"), 1.0);
        assert_eq!(concept(&board("X.. .O. ..X"), "opponent_fork"), 1.0);
        assert_eq!(concept(&board("X.. ... ..."), "has_fork"), 0.0);
        // An ended game has neither moves nor threats.
        assert_eq!(concept(&board("XXX OO. ..."), "must_block"), 0.0);
    }

    #[test]
    fn the_whole_game_is_enumerated_and_every_acceptable_board_is_reachable() {
        let all = TicTacToe::default().enumerate().unwrap();
        assert_eq!(all.len(), 4520);
        let stones = |code: u32| {
            (0..9).fold([0, 0], |[x, o], cell| match code / 3_u32.pow(cell) % 3 {
                1 => [x | 1 << cell, o],
                2 => [x, o | 1 << cell],
                _ => [x, o],
            })
        };
        let legal: Vec<_> = (0..3_u32.pow(9))
            .filter_map(|code| TicTacToe::checked(stones(code), None).ok())
            .collect();
        assert_eq!(legal.len(), 5478);
        assert!(legal.iter().all(|position| position.score() != UNSOLVED));
    }

    #[test]
    fn impossible_boards_are_refused_with_the_reason() {
        let mut position = board("X.. ... ...");
        let before = position;
        for (state, reason) in [
            (
                json!({}),
                "expected an object with \"board\", a list of 9 cells",
            ),
            (json!({"board": [0, 0]}), "board has 2 cells; it needs 9"),
            (
                json!({"board": [3, 0, 0, 0, 0, 0, 0, 0, 0]}),
                "cell 0 is 3; allowed: 0 empty",
            ),
            (
                json!({"board": [1, 1, 1, 2, 0, 0, 0, 0, 0]}),
                "3 X against 1 O cannot happen",
            ),
            (
                json!({"board": [2, 0, 0, 0, 0, 0, 0, 0, 0]}),
                "add X first, or clear O",
            ),
            (
                json!({"board": [1, 0, 0, 0, 0, 0, 0, 0, 0], "player": 0}),
                "player 1's turn",
            ),
            (
                json!({"board": [1, 0, 0, 0, 0, 0, 0, 0, 0], "player": -4}),
                "player must be 0",
            ),
            (
                json!({"board": [1, 1, 1, 2, 2, 2, 0, 0, 0]}),
                "both X and O have three in a row",
            ),
            (
                json!({"board": [1, 1, 1, 2, 2, 0, 2, 0, 0]}),
                "X has three in a row but O moved last",
            ),
        ] {
            let error = position.set_state(&state).unwrap_err();
            assert_eq!(error.code(), "state");
            assert!(error.to_string().contains(reason), "{error}");
            assert_eq!(position, before);
        }
    }

    #[test]
    fn brushes_and_drags_keep_the_board_possible() {
        let mut position = TicTacToe::default();
        assert!(position.paint(0, 0, 1).is_err());
        position.paint(0, 0, 0).unwrap();
        position.paint(1, 1, 1).unwrap();
        assert_eq!(position, board("X.. .O. ..."));
        assert!(position.paint(1, 1, 0).is_err());
        position.shift((0, 0), (2, 2)).unwrap();
        assert_eq!(position, board("... .O. ..X"));
        position.shift((1, 1), (2, 2)).unwrap();
        assert_eq!(position, board("... .X. ..O"));
        position.shift((1, 1), (1, 1)).unwrap();
        position.paint(2, 2, 2).unwrap();
        assert_eq!(position, board("... .X. ..."));
        assert!(position.paint(3, 0, 2).is_err());
        assert!(position.paint(0, 0, 3).is_err());
    }

    #[test]
    fn the_reference_player_is_as_strong_as_its_depth() {
        let mut rng = Rng::new(5);
        for position in TicTacToe::default().enumerate().unwrap() {
            let best = position.optimum().unwrap();
            assert!(best.is_best(position.reference_move(9, &mut rng).unwrap()));
        }
        // At any depth the move is one that search without pruning likes best.
        fn plain(position: TicTacToe, depth: usize) -> i8 {
            match (position.has_winner(), depth) {
                (true, _) => position.num_stones() as i8 - 10,
                (_, 0) => 0,
                _ => cells(position.open())
                    .map(|cell| -plain(position.child(cell), depth - 1))
                    .max()
                    .unwrap_or(0),
            }
        }
        for position in &SOLUTION.positions {
            for depth in 1..5 {
                let chosen = position.reference_move(depth, &mut rng).unwrap();
                let score = -plain(position.child(chosen), depth - 1);
                assert_eq!(score, plain(*position, depth));
            }
        }
        // One ply sees the win, two the block.
        assert_eq!(board("XX. OO. ...").reference_move(1, &mut rng), Some(2));
        let block = board("XX. O.. ...");
        assert_eq!(block.reference_move(2, &mut rng), Some(2));
        let at_random: Vec<_> = (0..50).map(|_| block.reference_move(0, &mut rng)).collect();
        assert!(at_random.contains(&Some(8)));
        assert_eq!(board("XXX OO. ...").reference_move(3, &mut rng), None);
    }
}
