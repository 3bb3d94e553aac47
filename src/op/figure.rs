//! A result as data: values, axes, units and a caption. The page has one drawing per kind of body.

use crate::env::scene::Scene;
use serde::{Deserialize, Serialize};

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
    /// A matrix, rows from the top.
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
    /// A state with a number on each action.
    Board {
        /// The state.
        scene: Scene,
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
}
