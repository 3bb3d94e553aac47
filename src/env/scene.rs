//! What a state looks like, as data. The page draws it without knowing the game.

use serde::{Deserialize, Serialize};

/// A drawable state: a grid of sprites, and where each action lives on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Scene {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// How the grid itself is drawn.
    pub grid: Grid,
    /// What stands on it.
    pub sprites: Vec<Sprite>,
    /// Lines drawn over it.
    pub strokes: Vec<Stroke>,
    /// Where each action is drawn and clicked; several places may mean the same action.
    pub targets: Vec<Target>,
    /// Brushes of the state editor; `Env::paint` takes an index into them.
    pub brushes: Vec<Brush>,
    /// One short line: whose move, or how it ended.
    pub status: String,
}

/// How the grid is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
#[serde(rename_all = "snake_case")]
pub enum Grid {
    /// Lines between cells, as on paper.
    Lines,
    /// Round holes in a board.
    Holes,
    /// Square tiles.
    Tiles,
    /// Nothing.
    Plain,
}

/// Something standing on one cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Sprite {
    /// Row, from the top.
    pub row: usize,
    /// Column, from the left.
    pub column: usize,
    /// Its shape.
    pub shape: Shape,
    /// Its colour role.
    pub role: Role,
    /// What it is, for screen readers.
    pub name: String,
    /// Part of what decided the game.
    #[serde(default)]
    pub emphasis: bool,
}

/// A line through points, in cells from the top left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Stroke {
    /// What it is, for screen readers.
    pub name: String,
    /// `[column, row]` of each point.
    pub points: Vec<[f32; 2]>,
    /// Its width, in cells.
    pub width: f32,
    /// Its colour role.
    pub role: Role,
}

impl Scene {
    /// Empty tiles.
    pub fn tiles(rows: usize, columns: usize) -> Self {
        Self {
            rows,
            columns,
            grid: Grid::Tiles,
            sprites: Vec::new(),
            strokes: Vec::new(),
            targets: Vec::new(),
            brushes: Vec::new(),
            status: String::new(),
        }
    }
}

impl Sprite {
    /// Something at `(row, column)`.
    pub fn new((row, column): (usize, usize), shape: Shape, role: Role, name: &str) -> Self {
        Self {
            row,
            column,
            shape,
            role,
            name: name.into(),
            emphasis: false,
        }
    }
}

impl Brush {
    /// A brush; without a shape it erases.
    pub fn new(name: &str, shape: Option<Shape>, role: Role) -> Self {
        Self {
            name: name.into(),
            shape,
            role,
        }
    }
}

/// A wall on each of `cells`.
pub fn walls(cells: impl Iterator<Item = (usize, usize)>) -> impl Iterator<Item = Sprite> {
    cells.map(|cell| Sprite::new(cell, Shape::Wall, Role::Neutral, "wall"))
}

impl Stroke {
    /// A line.
    pub fn new(name: &str, points: &[[f32; 2]], width: f32, role: Role) -> Self {
        Self {
            name: name.into(),
            points: points.to_vec(),
            width,
            role,
        }
    }
}

/// Shapes that the page can draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// An X.
    Cross,
    /// An O.
    Ring,
    /// A filled disc.
    Disc,
    /// A filled square.
    Block,
    /// A whole cell.
    Wall,
    /// A piece of cheese.
    Wedge,
    /// A flag: a goal.
    Flag,
    /// A key.
    Key,
    /// A closed door.
    Door,
    /// A chest.
    Chest,
    /// A tree.
    Tree,
    /// A monster.
    Monster,
    /// A shield.
    Shield,
    /// An apple.
    Apple,
    /// A cell of lava.
    Lava,
}

/// Colour roles; the page maps them to its palette.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The first player.
    First,
    /// The second player.
    Second,
    /// Neither.
    Neutral,
}

/// A cell that stands for an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Target {
    /// The action.
    pub action: usize,
    /// Row of the cell.
    pub row: usize,
    /// Column of the cell.
    pub column: usize,
    /// Whether the action is legal now.
    pub legal: bool,
    /// Whether the action's prior, visits and value are drawn on this cell.
    pub shown: bool,
}

/// A brush of the state editor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Brush {
    /// What it paints, such as `X`, `O`, `empty`.
    pub name: String,
    /// The shape that it paints; none for an eraser.
    pub shape: Option<Shape>,
    /// The colour role of what it paints.
    pub role: Role,
}
