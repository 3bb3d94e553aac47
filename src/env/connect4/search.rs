//! Connect 4's bitboards, its solver and the reference player's search.
//!
//! Bit 7 · column + height, height 0 at the bottom. Height 6 is always empty, so that shifting by
//! 1, 6, 7 or 8 (up, down-right, right, up-right) never runs on into the next column.

use super::{COLUMNS, ROWS};

/// The lowest cell of each column.
pub(super) const BOTTOM: u64 = 0x0408_1020_4081;
/// Every cell.
pub(super) const FULL: u64 = BOTTOM * ((1 << ROWS) - 1);
/// Cells in odd rows, counted from 1 at the bottom.
pub(super) const ODD_ROWS: u64 = BOTTOM * 0b01_0101;
/// Cells in even rows.
pub(super) const EVEN_ROWS: u64 = BOTTOM * 0b10_1010;
const DIRECTIONS: [u32; 4] = [1, 6, 7, 8];
/// Columns from the centre outwards: the order that cuts the search most.
const CENTER_FIRST: [usize; COLUMNS] = [3, 2, 4, 1, 5, 0, 6];

/// The cells of a column.
pub(super) const fn column_mask(column: usize) -> u64 {
    0x3f << (7 * column)
}

/// The set bits of `mask`, one at a time.
pub(super) fn bits(mut mask: u64) -> impl Iterator<Item = u64> {
    std::iter::from_fn(move || {
        let bit = mask & mask.wrapping_neg();
        mask ^= bit;
        (bit != 0).then_some(bit)
    })
}

/// The cells where a disc would come to rest.
pub(super) fn landing(taken: u64) -> u64 {
    (taken + BOTTOM) & FULL
}

/// The topmost disc of each column.
pub(super) fn tops(taken: u64) -> u64 {
    taken & !(taken >> 1)
}

/// Whether `stones` hold four in a row.
pub(super) fn has_four(stones: u64) -> bool {
    DIRECTIONS.iter().any(|&d| starts_of_four(stones, d) != 0)
}

/// Cells of every four in a row of `stones`.
pub(super) fn fours(stones: u64) -> u64 {
    DIRECTIONS.iter().fold(0, |cells, &d| {
        let starts = starts_of_four(stones, d);
        cells | starts | (starts << d) | (starts << (2 * d)) | (starts << (3 * d))
    })
}

fn starts_of_four(stones: u64, d: u32) -> u64 {
    let pairs = stones & (stones >> d);
    pairs & (pairs >> (2 * d))
}

/// Cells, taken ones included, that would complete a four of `stones`.
pub(super) fn completing(stones: u64) -> u64 {
    let cells = DIRECTIONS.iter().fold(0, |cells, &d| {
        let (above, below) = (stones >> d, stones << d);
        let two_above = above & (stones >> (2 * d));
        let two_below = below & (stones << (2 * d));
        cells
            | two_above & (below | (stones >> (3 * d)))
            | two_below & (above | (stones << (3 * d)))
    });
    cells & FULL
}

/// Whether dropping one disc would leave `stones` with two winning moves on the turn after.
pub(super) fn has_double_threat(stones: u64, taken: u64) -> bool {
    bits(landing(taken))
        .any(|bit| (completing(stones | bit) & landing(taken | bit)).count_ones() >= 2)
}

/// The cells of `moves`, central columns first.
fn center_first(moves: u64) -> impl Iterator<Item = u64> {
    CENTER_FIRST
        .into_iter()
        .map(move |column| moves & column_mask(column))
        .filter(|&bit| bit != 0)
}

/// A position as search sees it: the discs of the player to move and of the opponent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    pub mine: u64,
    pub theirs: u64,
}

/// Above every score; a win with `n` discs on the board scores `LIMIT − n`.
const LIMIT: i32 = 10_000;

impl Position {
    fn child(self, bit: u64) -> Self {
        Self {
            mine: self.theirs,
            theirs: self.mine | bit,
        }
    }

    fn taken(self) -> u64 {
        self.mine | self.theirs
    }

    /// Value of each move in `open`: 1 if it forces a win within `depth` plies, this one included,
    /// −1 if it allows one, else 0.
    pub(super) fn action_values(self, open: u64, depth: usize) -> Vec<Option<f32>> {
        let mut solver = Solver::new(depth);
        let mut value = |bit| -solver.value(self.child(bit), depth - 1, -1, 1);
        (0..COLUMNS)
            .map(|column| open & column_mask(column))
            .map(|bit| (bit != 0).then(|| f32::from(value(bit))))
            .collect()
    }

    /// The columns that share the best score at `depth` plies, and how many they are; at depth 0 all.
    pub(super) fn best_columns(self, open: u64, depth: usize) -> ([usize; COLUMNS], usize) {
        let (mut columns, mut len, mut best) = ([0; COLUMNS], 0, -LIMIT);
        for column in CENTER_FIRST {
            let bit = open & column_mask(column);
            if bit == 0 {
                continue;
            }
            // The window reaches one below the best so far, so that ties are found exactly.
            let score = match depth {
                0 => 0,
                _ => -self.child(bit).score(depth - 1, -LIMIT, 1 - best),
            };
            if score > best {
                (best, len) = (score, 0);
            }
            if score == best {
                columns[len] = column;
                len += 1;
            }
        }
        (columns, len)
    }

    /// Alpha-beta score to the player to move, fail-soft within `alpha` and `beta`.
    fn score(self, depth: usize, alpha: i32, beta: i32) -> i32 {
        let open = landing(self.taken());
        let num_discs = self.taken().count_ones() as i32;
        if has_four(self.theirs) {
            return num_discs - LIMIT;
        }
        if open == 0 {
            return 0;
        }
        if depth == 0 {
            return open_windows(self.mine, self.theirs) - open_windows(self.theirs, self.mine);
        }
        if completing(self.mine) & open != 0 {
            return LIMIT - num_discs - 1;
        }
        let mut best = -LIMIT;
        for bit in center_first(open) {
            best = best.max(-self.child(bit).score(depth - 1, -beta, -alpha.max(best)));
            if best >= beta {
                break;
            }
        }
        best
    }
}

/// The sum of the squared numbers of `mine` over the windows of four without one of `theirs`.
///
/// Central discs count most, as they lie in most windows. No window may hold four of `mine`.
fn open_windows(mine: u64, theirs: u64) -> i32 {
    let squares = DIRECTIONS.map(|d| {
        let starts = starts_of_four(FULL & !theirs, d);
        // Binary digits of each window's count, which is below four.
        let [a, b, c, e] = [mine, mine >> d, mine >> (2 * d), mine >> (3 * d)];
        let ones = a ^ b ^ c ^ e;
        let twos = (a & b) ^ (c & e) ^ ((a ^ b) & (c ^ e));
        let count = |windows: u64| (windows & starts).count_ones() as i32;
        count(ones & !twos) + 4 * count(twos & !ones) + 9 * count(twos & ones)
    });
    squares.iter().sum()
}

/// Proves wins and losses within a horizon, by alpha-beta with a transposition table. The table
/// serves one root only: a position's number of discs then tells how many plies are left to it.
struct Solver {
    /// Each slot: the position (49 bits), and its bounds above and below as value + 1 (2 bits each).
    table: Vec<u64>,
}

impl Solver {
    fn new(depth: usize) -> Self {
        Self {
            table: vec![0; 1 << (8 + depth).min(20)],
        }
    }

    /// 1 if the player to move forces a win within `depth` plies, −1 a loss, else 0; exact within
    /// `alpha` and `beta`, else a bound.
    fn value(&mut self, position: Position, depth: usize, alpha: i8, beta: i8) -> i8 {
        let Position { mine, theirs } = position;
        let open = landing(position.taken());
        if has_four(theirs) {
            return -1;
        }
        if depth == 0 || open == 0 {
            return 0;
        }
        if completing(mine) & open != 0 {
            return 1;
        }
        if depth == 1 {
            return 0;
        }
        // Two threats cannot both be met, nor may a disc be put under the cell of another.
        let threats = completing(theirs);
        let forced = threats & open;
        let moves = if forced != 0 { forced } else { open } & !(threats >> 1);
        if forced.count_ones() > 1 || moves == 0 {
            return -1;
        }
        if depth == 2 {
            return 0;
        }
        self.best_of(position, moves, depth, alpha, beta)
    }

    /// The largest value of `moves`, from the table or by search.
    fn best_of(&mut self, position: Position, moves: u64, depth: usize, alpha: i8, beta: i8) -> i8 {
        // The sum has a bit above each column, which marks its height: no two positions share it.
        let key = position.mine + position.taken() + BOTTOM;
        let slot = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44) as usize % self.table.len();
        let entry = self.table[slot];
        let (mut low, mut high) = match entry >> 4 == key {
            true => ((entry & 3) as i8 - 1, (entry >> 2 & 3) as i8 - 1),
            false => (-1, 1),
        };
        let (alpha, beta) = (alpha.max(low), beta.min(high));
        if alpha >= beta {
            return alpha;
        }
        let mut best = -1;
        for bit in center_first(moves) {
            let child = position.child(bit);
            best = best.max(-self.value(child, depth - 1, -beta, -alpha.max(best)));
            if best >= beta {
                break;
            }
        }
        if best > alpha {
            low = best;
        }
        if best < beta {
            high = best;
        }
        self.table[slot] = key << 4 | ((high + 1) as u64) << 2 | (low + 1) as u64;
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// A position after up to `plies` random moves, before its end.
    fn random_position(plies: usize, rng: &mut Rng) -> Position {
        let mut position = Position { mine: 0, theirs: 0 };
        for _ in 0..plies {
            let moves: Vec<_> = bits(landing(position.taken())).collect();
            let child = position.child(moves[rng.below(moves.len())]);
            if has_four(child.theirs) || child.taken() == FULL {
                break;
            }
            position = child;
        }
        position
    }

    /// Plain minimax of `leaf`, without pruning, tables or look-ahead tests.
    fn plain(position: Position, depth: usize, leaf: fn(Position) -> i32) -> i32 {
        let open = landing(position.taken());
        if has_four(position.theirs) {
            return position.taken().count_ones() as i32 - LIMIT;
        }
        match (depth, open) {
            (_, 0) => 0,
            (0, _) => leaf(position),
            _ => bits(open)
                .map(|bit| -plain(position.child(bit), depth - 1, leaf))
                .max()
                .unwrap(),
        }
    }

    fn counted(position: Position) -> i32 {
        let Position { mine, theirs } = position;
        let mut sum = 0;
        for (row, column) in (0..6).flat_map(|row| (0..7).map(move |column| (row, column))) {
            for (up, right) in [(1, 0), (-1, 1), (0, 1), (1, 1)] {
                let cells: Vec<_> = (0..4)
                    .map(|step| (row + up * step, column + right * step))
                    .filter(|(row, column)| (0..6).contains(row) && (0..7).contains(column))
                    .map(|(row, column)| 1_u64 << (7 * column + row))
                    .collect();
                let held = |discs: u64| cells.iter().filter(|&cell| discs & cell != 0).count();
                match (cells.len(), held(mine) as i32, held(theirs) as i32) {
                    (4, count, 0) => sum += count * count,
                    (4, 0, count) => sum -= count * count,
                    _ => {}
                }
            }
        }
        sum
    }

    #[test]
    fn windows_equal_their_plain_count() {
        let mut rng = Rng::new(1);
        for _ in 0..300 {
            let position = random_position(rng.below(42), &mut rng);
            let Position { mine, theirs } = position;
            assert_eq!(
                open_windows(mine, theirs) - open_windows(theirs, mine),
                counted(position)
            );
        }
    }

    #[test]
    fn completing_cells_are_those_whose_disc_makes_a_new_four() {
        let mut rng = Rng::new(2);
        for _ in 0..300 {
            let Position { mine, theirs } = random_position(rng.below(42), &mut rng);
            let empty = FULL & !(mine | theirs);
            let plain = bits(empty)
                .filter(|bit| has_four(mine | bit))
                .fold(0, |all, bit| all | bit);
            assert_eq!(completing(mine) & empty, plain);
        }
    }

    #[test]
    fn both_searches_equal_plain_minimax() {
        let mut rng = Rng::new(3);
        for _ in 0..40 {
            let position = random_position(rng.below(42), &mut rng);
            let open = landing(position.taken());
            for depth in 1..=4 {
                let values = position.action_values(open, depth);
                let scores = (0..COLUMNS)
                    .map(|column| open & column_mask(column))
                    .map(|bit| (bit != 0).then(|| -plain(position.child(bit), depth - 1, |_| 0)));
                let signs: Vec<_> = scores.map(|s| Some(s?.signum() as f32)).collect();
                assert_eq!(values, signs);

                let scores: Vec<_> = (0..COLUMNS)
                    .filter(|&column| open & column_mask(column) != 0)
                    .map(|c| {
                        (
                            -plain(position.child(open & column_mask(c)), depth - 1, counted),
                            c,
                        )
                    })
                    .collect();
                let best = scores.iter().map(|(score, _)| *score).max().unwrap();
                let ties: Vec<_> = scores.iter().filter(|s| s.0 == best).map(|s| s.1).collect();
                let (mut columns, len) = position.best_columns(open, depth);
                columns[..len].sort_unstable();
                assert_eq!(columns[..len], ties);
            }
        }
    }

    #[test]
    fn the_table_changes_no_value_at_greater_depth() {
        let mut rng = Rng::new(4);
        for _ in 0..40 {
            let position = random_position(20 + rng.below(22), &mut rng);
            let open = landing(position.taken());
            let shared = position.action_values(open, 10);
            for (column, value) in shared.iter().enumerate() {
                let alone = position.action_values(open & column_mask(column), 10);
                assert_eq!(*value, alone[column]);
            }
        }
    }
}
