//! What grid worlds share: walls, moves, shortest paths, mazes, and levels as rows of characters.

use super::scene::Target;
use crate::{
    error::{Error, Result},
    rng::Rng,
};
use serde_json::Value;

/// The largest side of a grid.
pub(super) const MAX_SIDE: usize = 25;

/// Random cells that are tried before all are gone through.
const GUESSES: usize = 32;

/// Moves, in the order of the actions: up, left, down, right.
pub(super) const MOVES: [(isize, isize); 4] = [(-1, 0), (0, -1), (1, 0), (0, 1)];

/// Their names.
pub(super) const MOVE_NAMES: [&str; 4] = ["up", "left", "down", "right"];

/// A place on a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Cell {
    pub row: usize,
    pub column: usize,
}

impl Cell {
    pub const fn new(row: usize, column: usize) -> Self {
        Self { row, column }
    }
}

/// Walls on a rectangle. A copy allocates nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    pub rows: usize,
    pub columns: usize,
    /// A bit for each column of each row.
    walls: [u32; MAX_SIDE],
}

impl Grid {
    /// No walls but a border.
    pub fn bordered(rows: usize, columns: usize) -> Self {
        let mut grid = Self {
            rows,
            columns,
            walls: [0; MAX_SIDE],
        };
        for cell in grid.cells() {
            grid.set_wall(cell, grid.is_border(cell));
        }
        grid
    }

    /// All of it walls.
    fn solid(rows: usize, columns: usize) -> Self {
        Self {
            rows,
            columns,
            walls: [u32::MAX; MAX_SIDE],
        }
    }

    /// A bordered square with each inner cell a wall with the given probability.
    pub fn blocks(side: usize, probability: f32, rng: &mut Rng) -> Self {
        let mut grid = Self::bordered(side, side);
        for cell in grid.cells() {
            let wall = grid.is_border(cell) || rng.uniform() < probability;
            grid.set_wall(cell, wall);
        }
        grid
    }

    /// Blocks whose free cells are all connected: what is shut off is filled.
    pub fn connected_blocks(side: usize, probability: f32, rng: &mut Rng) -> Self {
        loop {
            let mut grid = Self::blocks(side, probability, rng);
            let Some(start) = grid.any_free(|_| false, rng) else {
                continue;
            };
            let reached = grid.distances([start]);
            // Not a corner that is shut off.
            if reached.iter().flatten().count() * 3 < grid.rows * grid.columns {
                continue;
            }
            for cell in grid.cells() {
                let wall = reached[grid.index(cell)].is_none();
                grid.set_wall(cell, wall);
            }
            return grid;
        }
    }

    /// The move of an open grid that brings `from` nearer to `to`, along the longer side first.
    pub fn towards(&self, from: Cell, to: Cell) -> usize {
        let (rows, columns) = (to.row.abs_diff(from.row), to.column.abs_diff(from.column));
        match rows >= columns {
            true if to.row < from.row => 0,
            true => 2,
            false if to.column < from.column => 1,
            false => 3,
        }
    }

    /// A bordered square of four rooms, with a gap in each of the four walls between neighbours.
    pub fn rooms(side: usize, rng: &mut Rng) -> Self {
        let mut grid = Self::bordered(side, side);
        let middle = side / 2;
        for place in 1..side - 1 {
            grid.set_wall(Cell::new(middle, place), true);
            grid.set_wall(Cell::new(place, middle), true);
        }
        let (near, far) = (middle - 1, side - 2 - middle);
        for (first, count) in [(1, near), (middle + 1, far)] {
            if count > 0 {
                grid.set_wall(Cell::new(middle, first + rng.below(count)), false);
                grid.set_wall(Cell::new(first + rng.below(count), middle), false);
            }
        }
        grid
    }

    /// Whether a cell is free between two walls that face each other.
    pub fn is_passage(&self, cell: Cell) -> bool {
        let blocked = |action| self.moved(cell, action) == cell;
        (blocked(0) && blocked(2)) || (blocked(1) && blocked(3))
    }

    /// A maze whose corridors form a tree, by Kruskal's algorithm; `side` is odd, and so are the
    /// corridors' corners.
    pub fn maze(side: usize, rng: &mut Rng) -> Self {
        let mut grid = Self::solid(side, side);
        let across = (side - 1) / 2;
        let room = |index: usize| Cell::new(1 + 2 * (index / across), 1 + 2 * (index % across));
        let mut sets: Vec<usize> = (0..across * across).collect();
        (0..sets.len()).for_each(|index| grid.set_wall(room(index), false));
        let mut between: Vec<(usize, usize)> = (0..sets.len())
            .flat_map(|index| {
                let right = (index % across + 1 < across).then_some((index, index + 1));
                let below = (index + across < across * across).then_some((index, index + across));
                right.into_iter().chain(below)
            })
            .collect();
        rng.shuffle(&mut between);
        for (one, other) in between {
            let (from, to) = (sets[one], sets[other]);
            if from != to {
                sets.iter_mut()
                    .filter(|set| **set == from)
                    .for_each(|set| *set = to);
                let (a, b) = (room(one), room(other));
                grid.set_wall(
                    Cell::new((a.row + b.row) / 2, (a.column + b.column) / 2),
                    false,
                );
            }
        }
        grid
    }

    /// Every cell, row by row.
    pub fn cells(&self) -> impl Iterator<Item = Cell> + use<> {
        let columns = self.columns;
        (0..self.rows * columns).map(move |index| Cell::new(index / columns, index % columns))
    }

    /// Cells without a wall, row by row.
    pub fn free(&self) -> impl Iterator<Item = Cell> {
        let grid = *self;
        self.cells().filter(move |&cell| !grid.is_wall(cell))
    }

    /// Position in row-major order.
    pub fn index(&self, cell: Cell) -> usize {
        cell.row * self.columns + cell.column
    }

    pub fn is_border(&self, Cell { row, column }: Cell) -> bool {
        row == 0 || column == 0 || row + 1 == self.rows || column + 1 == self.columns
    }

    pub fn is_wall(&self, cell: Cell) -> bool {
        self.walls[cell.row] >> cell.column & 1 == 1
    }

    pub fn set_wall(&mut self, cell: Cell, wall: bool) {
        let bit = 1 << cell.column;
        if wall {
            self.walls[cell.row] |= bit;
        } else {
            self.walls[cell.row] &= !bit;
        }
    }

    /// Where a move leads; walls and the edge stop it.
    pub fn moved(&self, cell: Cell, action: usize) -> Cell {
        let (down, right) = MOVES[action];
        let to = Cell::new(
            cell.row.wrapping_add_signed(down),
            cell.column.wrapping_add_signed(right),
        );
        if to.row < self.rows && to.column < self.columns && !self.is_wall(to) {
            to
        } else {
            cell
        }
    }

    /// Moves from each cell to the nearest of `goals`, row by row; none where no way leads there.
    pub fn distances(&self, goals: impl IntoIterator<Item = Cell>) -> Vec<Option<usize>> {
        let mut distances = vec![None; self.rows * self.columns];
        let mut front: std::collections::VecDeque<Cell> = goals.into_iter().collect();
        front
            .iter()
            .for_each(|&goal| distances[self.index(goal)] = Some(0));
        while let Some(cell) = front.pop_front() {
            let next = distances[self.index(cell)].map(|steps: usize| steps + 1);
            for to in (0..4).map(|action| self.moved(cell, action)) {
                let index = self.index(to);
                if distances[index].is_none() {
                    distances[index] = next;
                    front.push_back(to);
                }
            }
        }
        distances
    }

    /// The cell at `(row, column)`. Errors: `State` off the grid.
    pub fn cell(&self, row: usize, column: usize) -> Result<Cell> {
        if row < self.rows && column < self.columns {
            return Ok(Cell::new(row, column));
        }
        Err(Error::state(format!(
            "row {row}, column {column} is off the grid; allowed: row 0 to {}, column 0 to {}",
            self.rows - 1,
            self.columns - 1
        )))
    }

    /// A free cell that `taken` does not hold, uniformly; none where all are.
    pub fn any_free(&self, taken: impl Fn(Cell) -> bool, rng: &mut Rng) -> Option<Cell> {
        // On most grids a guess or two will do; all cells are only gone through where they are few.
        for _ in 0..GUESSES {
            let cell = Cell::new(rng.below(self.rows), rng.below(self.columns));
            if !self.is_wall(cell) && !taken(cell) {
                return Some(cell);
            }
        }
        let count = self.free().filter(|&cell| !taken(cell)).count();
        let chosen = (count > 0).then(|| rng.below(count))?;
        self.free().filter(|&cell| !taken(cell)).nth(chosen)
    }

    /// Sides of a cell on which a wall or the edge stops a move.
    pub fn blocked_sides(&self, cell: Cell) -> usize {
        (0..4)
            .filter(|&action| self.moved(cell, action) == cell)
            .count()
    }

    /// Where each move leads if it were free, for the page to draw and to click; `cell` is not on the
    /// border.
    pub fn targets(&self, cell: Cell, legal: bool) -> Vec<Target> {
        let target = |(action, (down, right)): (usize, (isize, isize))| Target {
            action,
            row: cell.row.saturating_add_signed(down),
            column: cell.column.saturating_add_signed(right),
            legal,
            shown: true,
        };
        MOVES.into_iter().enumerate().map(target).collect()
    }

    /// Walls all around, as every level has them. Errors: `State` with the first cell that is none.
    pub fn check_border(&self) -> Result<()> {
        let gap = self
            .cells()
            .find(|&cell| self.is_border(cell) && !self.is_wall(cell));
        gap.map_or(Ok(()), |cell| {
            Err(Error::state(format!(
                "the border is all walls; row {}, column {} is none",
                cell.row, cell.column
            )))
        })
    }

    /// Reads a level: rows of characters, `#` a wall, `.` free, `legend` for what stands there. Returns
    /// the walls and the cells of each of `legend`.
    pub fn read(
        value: Option<&Value>,
        side: (usize, usize),
        legend: &str,
    ) -> Result<(Self, Vec<Vec<Cell>>)> {
        let (rows, columns) = side;
        let expected = || {
            Error::state(format!(
                "\"level\" must be {rows} rows of {columns} characters, each one of \"#.{legend}\""
            ))
        };
        let lines = value.and_then(Value::as_array).ok_or_else(expected)?;
        let mut grid = Self::bordered(rows, columns);
        let mut found = vec![Vec::new(); legend.chars().count()];
        if lines.len() != rows {
            return Err(expected());
        }
        for (row, line) in lines.iter().enumerate() {
            let line = line.as_str().ok_or_else(expected)?;
            if line.chars().count() != columns {
                return Err(expected());
            }
            for (column, character) in line.chars().enumerate() {
                let cell = Cell::new(row, column);
                grid.set_wall(cell, character == '#');
                match legend.chars().position(|known| known == character) {
                    Some(kind) => found[kind].push(cell),
                    None if character == '#' || character == '.' => {}
                    None => return Err(expected()),
                }
            }
        }
        Ok((grid, found))
    }

    /// The level as rows of characters; `at` says what stands on a free cell.
    pub fn write(&self, at: impl Fn(Cell) -> char) -> Value {
        let row = |row: usize| -> String {
            (0..self.columns)
                .map(|column| Cell::new(row, column))
                .map(|cell| if self.is_wall(cell) { '#' } else { at(cell) })
                .collect()
        };
        (0..self.rows).map(row).collect::<Vec<_>>().into()
    }
}

/// Things of one kind, each on a cell of its own, each still there or gone. A copy allocates nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Items {
    cells: [Cell; Self::MAX],
    len: usize,
    there: u16,
}

impl Items {
    /// The most things of a kind.
    pub const MAX: usize = 16;

    /// All of them there. Errors: `State` for more than fit.
    pub fn new(cells: &[Cell], name: &str) -> Result<Self> {
        if cells.len() > Self::MAX {
            return Err(Error::state(format!(
                "{} of kind {name}; allowed: at most {}",
                cells.len(),
                Self::MAX
            )));
        }
        let mut items = Self::default();
        cells.iter().for_each(|&cell| items.put(cell));
        Ok(items)
    }

    /// Those that are there.
    pub fn iter(&self) -> impl Iterator<Item = Cell> + '_ {
        (0..self.len)
            .filter(|index| self.there >> index & 1 == 1)
            .map(|index| self.cells[index])
    }

    /// How many are there.
    pub fn count(&self) -> usize {
        self.there.count_ones() as usize
    }

    /// A bit for each that is there.
    pub fn mask(&self) -> u16 {
        self.there
    }

    /// The same things, with those there that `mask` says.
    pub fn with(self, mask: u16) -> Self {
        Self {
            there: mask,
            ..self
        }
    }

    pub fn holds(&self, cell: Cell) -> bool {
        self.iter().any(|one| one == cell)
    }

    /// Takes what is on `cell` away; false where nothing is.
    pub fn take(&mut self, cell: Cell) -> bool {
        let found =
            (0..self.len).find(|index| self.there >> index & 1 == 1 && self.cells[*index] == cell);
        if let Some(index) = found {
            self.there &= !(1 << index);
        }
        found.is_some()
    }

    /// Puts one down, in the place of one that is gone where there is no more room.
    pub fn put(&mut self, cell: Cell) {
        let gone = (0..self.len).find(|index| self.there >> index & 1 == 0);
        let index = gone.unwrap_or(self.len.min(Self::MAX - 1));
        self.len = self.len.max(index + 1);
        self.cells[index] = cell;
        self.there |= 1 << index;
    }
}

/// How a reward shrinks with the steps that it took: a share `haste` of it is lost by the limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub haste: f32,
    pub max_steps: usize,
}

impl Pace {
    /// What is left of a reward after `steps`.
    pub fn left(&self, steps: usize) -> f32 {
        1.0 - self.haste * steps as f32 / self.max_steps as f32
    }
}

/// A whole number of a state, 0 where it is not given. Errors: `State` off its range.
pub(super) fn number(state: &Value, name: &str, most: usize) -> Result<usize> {
    let Some(given) = state.get(name) else {
        return Ok(0);
    };
    given
        .as_u64()
        .filter(|&number| number <= most as u64)
        .map(|number| number as usize)
        .ok_or_else(|| Error::state(format!("{name} is {given}; allowed: 0 to {most}")))
}

/// The one thing that a level must have. Errors: `State` with how many there are.
pub(super) fn only(found: &[Cell], name: &str) -> Result<Cell> {
    match found {
        [cell] => Ok(*cell),
        [] => Err(Error::state(format!("the level has no {name}; place one"))),
        many => Err(Error::state(format!(
            "the level has {} of {name}; it needs one",
            many.len()
        ))),
    }
}

/// The error of a brush that is none of `names`.
pub(super) fn no_brush(brush: usize, names: &[&str]) -> Error {
    let known: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(index, name)| format!("{index} {name}"))
        .collect();
    Error::state(format!(
        "brush {brush} does not exist; allowed: {}",
        known.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree has one edge fewer than nodes; with all cells reached it has no cycle.
    #[test]
    fn mazes_are_trees() {
        for seed in 0..50 {
            let side = 5 + 2 * (seed as usize % 6);
            let grid = Grid::maze(side, &mut Rng::new(seed));
            let free: Vec<Cell> = grid.free().collect();
            let distances = grid.distances([Cell::new(1, 1)]);
            assert!(
                free.iter()
                    .all(|&cell| distances[grid.index(cell)].is_some())
            );
            let edges: usize = free
                .iter()
                .map(|&cell| {
                    (2..4)
                        .filter(|&move_| grid.moved(cell, move_) != cell)
                        .count()
                })
                .sum();
            assert_eq!(edges, free.len() - 1, "seed {seed}");
        }
    }

    #[test]
    fn distances_go_around_walls() {
        let level = serde_json::json!(["#####", "#.#.#", "#.#.#", "#...#", "#####"]);
        let (grid, _) = Grid::read(Some(&level), (5, 5), "").unwrap();
        let distances = grid.distances([Cell::new(1, 3)]);
        assert_eq!(distances[grid.index(Cell::new(1, 1))], Some(6));
        assert_eq!(distances[grid.index(Cell::new(0, 0))], None);
    }
}
