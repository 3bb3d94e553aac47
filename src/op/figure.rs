//! A result as data: values, axes, units and a caption. The page has one drawing per kind of body.

use crate::env::scene::Scene;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Figure {
    /// At most four words.
    pub title: String,
    /// One sentence: what is shown and how to read it.
    pub caption: String,
    /// The data.
    pub body: Body,
    /// Headline numbers, each with its controls in the same row.
    pub numbers: Vec<Number>,
}

/// A headline number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Number {
    /// Its id in JSON, such as `lines_lost_bare`.
    pub id: String,
    /// What it is called on the page.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// What it is out of, such as 4,520 states.
    pub out_of: Option<f64>,
    /// Its unit; empty for a plain number.
    pub unit: String,
    /// Whether it is a control, drawn lighter beside the number that it controls.
    pub control: bool,
}

impl Number {
    /// A plain number.
    pub fn new(id: &str, name: &str, value: f64) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            value,
            out_of: None,
            unit: String::new(),
            control: false,
        }
    }

    /// The same, out of `total`.
    pub fn out_of(mut self, total: f64) -> Self {
        self.out_of = Some(total);
        self
    }

    /// The same, in `unit`.
    pub fn unit(mut self, unit: &str) -> Self {
        self.unit = unit.into();
        self
    }

    /// The same, as a control.
    pub fn control(mut self) -> Self {
        self.control = true;
        self
    }
}

/// What a figure holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Body {
    /// A matrix, rows from the top. Where its axes are named `row` and `column` and count from 1, it is a
    /// map over the cells of a grid: its cells are drawn square, and blank where there is no value.
    Heatmap {
        /// The vertical axis.
        rows: Scale,
        /// The horizontal axis.
        columns: Scale,
        /// `rows × columns`, row by row; none where there is no value.
        values: Vec<Option<f32>>,
        /// How values become colours.
        colour: Colour,
    },
    /// Small multiples that keep their geometry: one panel a site or channel.
    Maps {
        /// The panels, in reading order.
        panels: Vec<Panel>,
        /// How values become colours, shared by all panels.
        colour: Colour,
    },
    /// Curves over a shared horizontal axis.
    Lines {
        /// The horizontal axis.
        x: Scale,
        /// The vertical axis.
        y: Scale,
        /// The curves, the most important first.
        series: Vec<Series>,
    },
    /// Horizontal bars.
    Bars {
        /// What the bars measure.
        x: Scale,
        /// The bars, in reading order.
        bars: Vec<Bar>,
    },
    /// A table.
    Table {
        /// Column heads.
        columns: Vec<String>,
        /// Rows of cells.
        rows: Vec<Vec<Cell>>,
    },
    /// A directed graph in columns from the network's input to its answers, such as a circuit.
    Graph {
        /// Names of the columns, from left to right.
        columns: Vec<String>,
        /// The nodes, by column.
        nodes: Vec<Node>,
        /// The edges, the strongest first.
        edges: Vec<Edge>,
        /// How an edge's weight becomes its colour; its width goes with the magnitude.
        colour: Colour,
    },
    /// A tree of choices, such as a search.
    Tree {
        /// The nodes; the first is the root, and each comes after its parent.
        nodes: Vec<Branch>,
        /// How a node's value becomes its colour.
        colour: Colour,
    },
    /// A state with a number on each action.
    Board {
        /// What the state looks like.
        scene: Scene,
        /// The state as its environment writes it, to be put on a board; none where only its look is meant.
        #[cfg_attr(target_arch = "wasm32", tsify(type = "unknown"))]
        state: Option<Value>,
        /// One value an action; none where there is none.
        values: Vec<Option<f32>>,
        /// How values become colours.
        colour: Colour,
    },
}

/// A panel of [`Body::Maps`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Panel {
    /// Its name: a site, or a channel of one.
    pub name: String,
    /// The site that a click on it selects.
    pub site: String,
    /// Rows of its drawing.
    pub rows: usize,
    /// Columns of its drawing.
    pub columns: usize,
    /// `rows × columns` values, row by row; none where there is no value.
    pub values: Vec<Option<f32>>,
    /// What a cell means, such as `square 4` or `unit 17`, row by row.
    pub labels: Vec<String>,
}

/// An axis: name, unit and either labels or a numeric domain.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Scale {
    /// What it measures.
    pub name: String,
    /// Its unit; empty where there is none.
    pub unit: String,
    /// Labels of its places; empty for a numeric axis.
    pub labels: Vec<String>,
    /// Lowest and highest value to show; none to fit the data.
    pub domain: Option<(f32, f32)>,
}

impl Scale {
    /// A numeric axis.
    pub fn numeric(name: &str, unit: &str) -> Self {
        Self {
            name: name.into(),
            unit: unit.into(),
            ..Self::default()
        }
    }

    /// An axis of named places.
    pub fn labelled(name: &str, labels: Vec<String>) -> Self {
        Self {
            name: name.into(),
            labels,
            ..Self::default()
        }
    }
}

/// How values become colours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Colour {
    /// Signed values: blue below zero, paper at zero, orange above.
    Diverging {
        /// The value at either end.
        limit: f32,
        /// What the values are.
        name: String,
    },
    /// Magnitudes from zero, in viridis order.
    Sequential {
        /// The value at the dark end.
        limit: f32,
        /// What the values are.
        name: String,
    },
}

/// A curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Series {
    /// Its name, written beside its end.
    pub name: String,
    /// Its points.
    pub points: Vec<(f32, f32)>,
    /// Whether it is a control, drawn lighter.
    pub control: bool,
}

/// A node of [`Body::Graph`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// The column that it stands in.
    pub column: usize,
    /// The site that a click on it selects; empty where there is none.
    pub site: String,
    /// The unit of that site; none for the whole site.
    pub unit: Option<usize>,
}

/// An edge of [`Body::Graph`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Edge {
    /// Index of the node that it leaves.
    pub from: usize,
    /// Index of the node that it enters, in a later column.
    pub to: usize,
    /// Its weight.
    pub weight: f32,
    /// Whether it belongs to a control, drawn lighter.
    pub control: bool,
}

/// A node of [`Body::Tree`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Branch {
    /// Index of its parent; none for the root.
    pub parent: Option<usize>,
    /// The choice that leads to it, in words.
    pub name: String,
    /// How often it was visited: its size.
    pub visits: u32,
    /// Its value for who chose it: its colour; none where it has none.
    pub value: Option<f32>,
    /// Probability of the choice before the search.
    pub prior: Option<f32>,
    /// Whether it lies on the line that is played.
    pub chosen: bool,
}

/// A bar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Bar {
    /// Its name.
    pub name: String,
    /// Its length.
    pub value: f32,
    /// The control's value, drawn as a lighter mark on the same row; none where there is none.
    pub control: Option<f32>,
    /// The site that a click on it selects; empty where there is none.
    pub site: String,
    /// The unit of that site; none for the whole site.
    pub unit: Option<usize>,
}

/// A table cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
#[serde(untagged)]
pub enum Cell {
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
    /// States to be put on the boards: one, or a clean and a corrupt one.
    States {
        /// As their environment writes them.
        #[cfg_attr(target_arch = "wasm32", tsify(type = "unknown[]"))]
        states: Vec<Value>,
    },
}

#[cfg(test)]
mod tests {
    use super::Cell;
    use serde_json::json;

    #[test]
    fn every_kind_of_cell_is_read_as_it_was_written() {
        let states = vec![json!({"board": [0, 1]}), json!({"board": [1, 1]})];
        let written = json!([1.5, "words", {"states": states}]);
        let cells: Vec<Cell> = serde_json::from_value(written.clone()).unwrap();
        let expected = [
            Cell::Number(1.5),
            Cell::Text("words".into()),
            Cell::States { states },
        ];
        assert_eq!(cells, expected);
        assert_eq!(serde_json::to_value(cells).unwrap(), written);
    }
}
