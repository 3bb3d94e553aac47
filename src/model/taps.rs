//! Hook points: a tap passes an activation through untouched, keeps it, or returns an edited copy.
//!
//! `Taps` is an argument of `forward`, so nothing leaks from one call to the next.

use super::{Site, find_site};
use crate::{
    backend,
    error::{Error, Result},
    rng::Rng,
};
use burn::tensor::{Bool, Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An edit of one site as data: the page, the command line and a permalink say the same thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The site's name.
    pub site: String,
    /// Which of its elements; all when absent.
    #[serde(default)]
    pub select: Select,
    /// What happens to them.
    pub op: EditOp,
}

/// Which elements of a site an edit touches.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Select {
    /// Every element.
    #[default]
    All,
    /// Elements by flat index, row-major over the site's axes.
    Units(Vec<usize>),
    /// Every element at these indices of one axis, such as whole channels.
    Along {
        /// The axis' name.
        axis: String,
        /// Indices on it.
        indices: Vec<usize>,
    },
}

/// What an edit does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EditOp {
    /// Sets to zero.
    Zero,
    /// Sets to the mean over reference states.
    Mean,
    /// Sets to the activation of a random reference state, another for each row.
    Resample,
    /// Sets to given values: one an element of the selection, or of the whole site.
    Replace(Vec<f32>),
    /// Adds given values: one an element of the selection, or of the whole site.
    Add(Vec<f32>),
    /// Multiplies.
    Scale(f32),
    /// Removes the component along a direction: one number an element of the selection, or of the
    /// whole site.
    ProjectOut(Vec<f32>),
}

/// The taps of one forward pass: off, recording, editing, or both of the latter.
#[derive(Debug, Default)]
pub struct Taps {
    recording: bool,
    recorded: BTreeMap<String, Tensor<2>>,
    edits: Vec<SiteEdit>,
}

impl Taps {
    /// Every activation passes untouched, at no cost.
    pub fn off() -> Self {
        Self::default()
    }

    /// Keeps every site's activations (after edits).
    pub fn record() -> Self {
        Self {
            recording: true,
            ..Self::default()
        }
    }

    /// Applies edits, in order.
    pub fn edit(edits: Vec<SiteEdit>) -> Self {
        Self {
            edits,
            ..Self::default()
        }
    }

    /// The same, keeping activations as well.
    pub fn recording(mut self) -> Self {
        self.recording = true;
        self
    }

    /// The hook point `site` with activation `h` `[batch, …]`.
    ///
    /// The name is formatted only when somebody listens.
    pub fn at<const D: usize>(&mut self, site: std::fmt::Arguments, h: Tensor<D>) -> Tensor<D> {
        if !self.recording && self.edits.is_empty() {
            return h;
        }
        let name = site.to_string();
        let mut edits = self
            .edits
            .iter()
            .filter(|edit| edit.site == name)
            .peekable();
        if !self.recording && edits.peek().is_none() {
            return h;
        }
        let dims = h.dims();
        let batch = dims[0];
        let mut flat = h.reshape([batch as i32, -1]); // [batch, element]
        for edit in edits {
            flat = edit.apply(flat);
        }
        if self.recording {
            self.recorded.insert(name, flat.clone());
        }
        flat.reshape(dims)
    }

    /// Everything that was recorded, `[batch, element]` by site.
    pub fn into_recorded(self) -> BTreeMap<String, Tensor<2>> {
        self.recorded
    }

    /// What was recorded at `site`, `[batch, element]`.
    pub fn get(&self, site: &str) -> Option<&Tensor<2>> {
        self.recorded.get(site)
    }
}

/// An edit ready to apply: a mask and what replaces the masked elements.
#[derive(Debug, Clone)]
pub struct SiteEdit {
    /// The site's name.
    pub site: String,
    /// Which elements change: `[1 or batch, element]`.
    pub mask: Tensor<2, Bool>,
    /// What they become.
    pub change: Change,
}

/// What masked elements become.
#[derive(Debug, Clone)]
pub enum Change {
    /// These values, `[rows, element]`, taken in turn when there are fewer rows than the batch has.
    Replace(Tensor<2>),
    /// Themselves plus these values, `[1 or batch, element]`. A zero leaf that requires grad gives the
    /// gradient at the site.
    Add(Tensor<2>),
    /// Themselves times a factor.
    Scale(f32),
    /// Themselves less their component along a unit vector, `[1, element]`, zero off the mask.
    ProjectOut(Tensor<2>),
}

impl SiteEdit {
    /// Moves what it holds to another device, such as one that tracks gradients.
    pub fn move_to(&mut self, device: &Device) {
        self.mask = self.mask.clone().to_device(device);
        self.change = match &self.change {
            Change::Replace(values) => Change::Replace(values.clone().to_device(device)),
            Change::Add(values) => Change::Add(values.clone().to_device(device)),
            Change::Scale(factor) => Change::Scale(*factor),
            Change::ProjectOut(direction) => {
                Change::ProjectOut(direction.clone().to_device(device))
            }
        };
    }

    /// The edited copy of `h` `[batch, element]`.
    fn apply(&self, h: Tensor<2>) -> Tensor<2> {
        let shape = h.dims();
        let changed = match &self.change {
            Change::Replace(values) => cycle(values, shape), // [batch, element]
            Change::Add(values) => h.clone() + values.clone().expand(shape), // [batch, element]
            Change::Scale(factor) => h.clone() * *factor,    // [batch, element]
            Change::ProjectOut(direction) => {
                let direction = direction.clone().expand(shape); // [batch, element]
                let along = (h.clone() * direction.clone()).sum_dim(1); // [batch, 1]
                h.clone() - along * direction // [batch, element]
            }
        };
        h.mask_where(self.mask.clone().expand(shape), changed)
    }
}

/// `values` `[rows, element]` in turn, as many as the batch has.
fn cycle(values: &Tensor<2>, [batch, elements]: [usize; 2]) -> Tensor<2> {
    let rows = values.dims()[0];
    if rows == 1 || rows == batch {
        return values.clone().expand([batch, elements]);
    }
    values
        .clone()
        .repeat_dim(0, batch.div_ceil(rows))
        .narrow(0, 0, batch) // [batch, element]
}

/// Rows that `resample` draws before it starts over.
const RESAMPLED_ROWS: usize = 256;

/// Activations of reference states, one row a state: what `mean` and `resample` draw from.
pub type Bank = BTreeMap<String, Vec<Vec<f32>>>;

/// Whether some of `edits` need reference activations.
pub fn needs_bank(edits: &[Edit]) -> bool {
    edits
        .iter()
        .any(|edit| matches!(edit.op, EditOp::Mean | EditOp::Resample))
}

/// Turns edits as data into edits ready to apply.
///
/// `bank` holds reference activations for `mean` and `resample`; `rng` draws the latter.
/// Errors: an unknown site or axis, an index off the site, values of the wrong number or not finite.
pub fn compile(
    edits: &[Edit],
    sites: &[Site],
    bank: &Bank,
    rng: &mut Rng,
    device: &Device,
) -> Result<Vec<SiteEdit>> {
    edits
        .iter()
        .map(|edit| {
            let site = find_site(sites, &edit.site)?;
            let selected = selection(&edit.select, site)?;
            let mut mask = vec![false; site.len()];
            selected.iter().for_each(|&index| mask[index] = true);
            let row = |values: Vec<f32>| backend::tensor(values, [1, site.len()], device); // [1, element]
            let change = match &edit.op {
                EditOp::Zero => Change::Replace(row(vec![0.0; site.len()])),
                EditOp::Scale(factor) => Change::Scale(finite(*factor, site)?),
                EditOp::Replace(values) => Change::Replace(row(spread(values, &selected, site)?)),
                EditOp::Add(values) => Change::Add(row(spread(values, &selected, site)?)),
                EditOp::ProjectOut(values) => {
                    let mut direction = spread(values, &selected, site)?;
                    let norm = direction.iter().map(|x| x * x).sum::<f32>().sqrt();
                    if norm == 0.0 {
                        return Err(Error::not_applicable(
                            "a direction of zeros cannot be projected out",
                        ));
                    }
                    direction.iter_mut().for_each(|x| *x /= norm);
                    Change::ProjectOut(row(direction))
                }
                EditOp::Mean => {
                    let rows = reference(bank, site)?;
                    let mut mean = vec![0.0; site.len()];
                    for state in rows {
                        mean.iter_mut()
                            .zip(state)
                            .for_each(|(sum, x)| *sum += x / rows.len() as f32);
                    }
                    Change::Replace(row(mean))
                }
                EditOp::Resample => {
                    let rows = reference(bank, site)?;
                    let drawn = (0..RESAMPLED_ROWS)
                        .flat_map(|_| rows[rng.below(rows.len())].clone())
                        .collect();
                    Change::Replace(backend::tensor(drawn, [RESAMPLED_ROWS, site.len()], device)) // [row, element]
                }
            };
            let mask = Tensor::from_data(TensorData::new(mask, [1, site.len()]), device); // [1, element]
            Ok(SiteEdit {
                site: site.name.clone(),
                mask,
                change,
            })
        })
        .collect()
}

fn reference<'a>(bank: &'a Bank, site: &Site) -> Result<&'a Vec<Vec<f32>>> {
    bank.get(&site.name)
        .filter(|rows| !rows.is_empty())
        .ok_or_else(|| {
            Error::not_applicable(format!(
                "mean and resample need reference states for {}",
                site.name
            ))
        })
}

fn finite(value: f32, site: &Site) -> Result<f32> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Error::NotFinite {
            what: format!("an edit of {}", site.name),
        })
    }
}

/// Flat indices of a selection. Errors: an index off the site, an axis that it does not have.
pub fn selection(select: &Select, site: &Site) -> Result<Vec<usize>> {
    let inside = |index: usize, len: usize| {
        if index < len {
            Ok(())
        } else {
            Err(Error::Parameter {
                name: format!("select of {}", site.name),
                got: index.to_string(),
                allowed: format!("0 to {}", len - 1),
            })
        }
    };
    match select {
        Select::All => Ok((0..site.len()).collect()),
        Select::Units(units) => {
            units
                .iter()
                .try_for_each(|&unit| inside(unit, site.len()))?;
            Ok(units.clone())
        }
        Select::Along { axis, indices } => {
            let place = site
                .axes
                .iter()
                .position(|one| one.name == *axis)
                .ok_or_else(|| Error::UnknownId {
                    kind: "axis",
                    id: axis.clone(),
                    allowed: site.axes.iter().map(|one| one.name.clone()).collect(),
                })?;
            let len = site.axes[place].len;
            indices.iter().try_for_each(|&index| inside(index, len))?;
            let stride: usize = site.axes[place + 1..].iter().map(|one| one.len).product();
            Ok((0..site.len())
                .filter(|flat| indices.contains(&(flat / stride % len)))
                .collect())
        }
    }
}

/// Values of a selection or of the whole site as values of the whole site, zero elsewhere.
fn spread(values: &[f32], selected: &[usize], site: &Site) -> Result<Vec<f32>> {
    values
        .iter()
        .try_for_each(|&value| finite(value, site).map(drop))?;
    let mut all = vec![0.0; site.len()];
    if values.len() == selected.len() {
        selected
            .iter()
            .zip(values)
            .for_each(|(&index, &value)| all[index] = value);
    } else if values.len() == site.len() {
        selected
            .iter()
            .for_each(|&index| all[index] = values[index]);
    } else {
        return Err(Error::Shape {
            what: format!("an edit of {}", site.name),
            got: values.len(),
            expected: selected.len(),
        });
    }
    Ok(all)
}
