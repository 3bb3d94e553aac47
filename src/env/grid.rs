//! What grid worlds share: walls, moves, shortest paths, mazes, and levels as rows of characters.

use crate::{
    error::{Error, Result},
    rng::Rng,
};
use serde_json::Value;

/// The largest side of a grid.
pub(super) const MAX_SIDE: usize = 25;

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
