//! Networks with named sites. One file each, one variant of [`Network`] and one line in [`MODELS`].

pub mod convnet;
pub mod evaluator;
pub mod mlp;
pub mod panels;
mod tanh;
pub mod taps;
pub mod transformer;
pub mod weights;

use crate::{
    backend,
    env::{Axis, Space},
    error::{Error, Result},
    rng::Rng,
};
use burn::{
    module::{Module, Param},
    nn::Linear,
    tensor::{Device, Tensor},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use taps::Taps;

/// Every model.
pub static MODELS: &[&ModelEntry] = &[&mlp::ENTRY, &convnet::ENTRY, &transformer::ENTRY];

/// A registered model.
pub struct ModelEntry {
    /// Its id.
    pub id: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// JSON schema of its parameters.
    pub schema: fn() -> Value,
    /// Builds it with weights drawn from the generator.
    pub make: fn(&Value, &Space, &mut Rng, &Device) -> Result<Network>,
}

impl ModelEntry {
    /// `parameters` with everything that the schema marks `x-scales` times `scale`: a network as deep, and
    /// of another width.
    pub fn scaled(&self, parameters: &Value, scale: f64) -> Value {
        let mut scaled = parameters.as_object().cloned().unwrap_or_default();
        let schema = (self.schema)();
        let properties = schema["properties"].as_object();
        for (name, property) in properties.into_iter().flatten() {
            let size = scaled.get(name).unwrap_or(&property["default"]).as_f64();
            if let Some(size) = size.filter(|_| property["x-scales"] == true) {
                let least = property["minimum"].as_u64().unwrap_or(1);
                let size = ((size * scale).round() as u64).max(least);
                scaled.insert(name.clone(), size.into());
            }
        }
        Value::Object(scaled)
    }
}

/// The entry named `id`, or `Error::UnknownId`.
pub fn entry(id: &str) -> Result<&'static ModelEntry> {
    MODELS
        .iter()
        .copied()
        .find(|entry| entry.id == id)
        .ok_or_else(|| Error::UnknownId {
            kind: "model",
            id: id.into(),
            allowed: MODELS.iter().map(|entry| entry.id.to_owned()).collect(),
        })
}

/// A policy and value network.
// There is one of them at a time: its size on the stack does not matter.
#[allow(clippy::large_enum_variant)]
#[derive(Module, Debug)]
pub enum Network {
    /// Fully connected layers.
    Mlp(mlp::Mlp),
    /// Residual convolutions.
    ConvNet(convnet::ConvNet),
    /// Attention over cells.
    Transformer(transformer::Transformer),
}

/// What a forward pass gives.
#[derive(Debug, Clone)]
pub struct Output {
    /// Unmasked action logits `[batch, action]`.
    pub logits: Tensor<2>,
    /// Value for the player to move, `[batch, 1]`: −1 to 1 if bounded, else a return.
    pub value: Tensor<2>,
}

impl Network {
    /// The forward pass on flat observations `[batch, observation]`.
    pub fn forward(&self, observation: Tensor<2>, taps: &mut Taps) -> Output {
        match self {
            Self::Mlp(network) => network.forward(observation, taps),
            Self::ConvNet(network) => network.forward(observation, taps),
            Self::Transformer(network) => network.forward(observation, taps),
        }
    }

    /// Whether policy and value share hidden layers.
    pub fn is_shared(&self) -> bool {
        match self {
            Self::Mlp(network) => network.is_shared(),
            Self::ConvNet(_) | Self::Transformer(_) => true,
        }
    }

    /// The sites, from input to output.
    pub fn sites(&self, space: &Space) -> Vec<Site> {
        match self {
            Self::Mlp(network) => network.sites(space),
            Self::ConvNet(network) => network.sites(space),
            Self::Transformer(network) => network.sites(space),
        }
    }
}

/// A named point of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Site {
    /// Dotted name, such as `blocks.0.out`.
    pub name: String,
    /// Its axes without the batch, outermost first: `channel, row, column` or `unit`. Those that are places
    /// come last.
    pub axes: Vec<Axis>,
    /// Which part of the network it belongs to.
    pub stage: Stage,
}

impl Site {
    /// A site.
    pub fn new(name: impl Into<String>, axes: Vec<Axis>, stage: Stage) -> Self {
        Self {
            name: name.into(),
            axes,
            stage,
        }
    }

    /// Number of its elements.
    pub fn len(&self) -> usize {
        self.axes.iter().map(|axis| axis.len).product()
    }

    /// Its axes that are places, such as row and column.
    pub fn places(&self) -> Vec<Axis> {
        let places = self.axes.iter().filter(|axis| axis.is_place());
        places.cloned().collect()
    }

    /// Whether it is the network's answer itself: logits or value.
    pub fn is_output(&self) -> bool {
        matches!(self.axes.as_slice(), [axis] if axis.name == "action" || axis.name == "value")
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The site called `name`, or `Error::UnknownId`.
pub fn find_site<'a>(sites: &'a [Site], name: &str) -> Result<&'a Site> {
    sites
        .iter()
        .find(|site| site.name == name)
        .ok_or_else(|| Error::UnknownId {
            kind: "site",
            id: name.into(),
            allowed: sites.iter().map(|site| site.name.clone()).collect(),
        })
}

/// The three parts of a policy network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// What is there.
    Sensory,
    /// What it means.
    Analysis,
    /// What to do.
    Motor,
}

/// The axis of the policy's logits.
fn action_axis(space: &Space) -> Axis {
    Axis {
        name: "action".into(),
        len: space.num_actions(),
        labels: space.actions.clone(),
    }
}

/// A parameter of normal draws with deviation `gain / √fan_in` (He et al. 2015 with gain √2).
fn normal<const D: usize>(
    shape: [usize; D],
    fan_in: usize,
    gain: f32,
    rng: &mut Rng,
    device: &Device,
) -> Param<Tensor<D>> {
    let deviation = gain / (fan_in as f32).sqrt();
    let draws = (0..shape.iter().product())
        .map(|_| deviation * rng.normal())
        .collect();
    Param::from_tensor(backend::tensor(draws, shape, device))
}

/// A linear layer with normal weights and zero bias.
fn linear(inputs: usize, outputs: usize, gain: f32, rng: &mut Rng, device: &Device) -> Linear {
    Linear {
        weight: normal([inputs, outputs], inputs, gain, rng, device),
        bias: Some(Param::from_tensor(Tensor::zeros([outputs], device))),
    }
}

/// How first weights are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// Normal draws (He et al. 2015).
    Normal,
    /// Orthogonal matrices (Saxe et al. 2014), as policy-gradient methods have them.
    Orthogonal,
}

impl Init {
    /// A linear layer with weights of this kind and zero bias.
    fn linear(
        self,
        inputs: usize,
        outputs: usize,
        gain: f32,
        rng: &mut Rng,
        device: &Device,
    ) -> Linear {
        match self {
            Self::Normal => linear(inputs, outputs, gain, rng, device),
            Self::Orthogonal => {
                let weights = orthogonal(inputs, outputs, gain, rng);
                Linear {
                    weight: Param::from_tensor(backend::tensor(weights, [inputs, outputs], device)),
                    bias: Some(Param::from_tensor(Tensor::zeros([outputs], device))),
                }
            }
        }
    }
}

/// A matrix `[rows × columns]` whose shorter side's vectors are orthogonal and of length `gain`:
/// Gram–Schmidt on normal draws.
fn orthogonal(rows: usize, columns: usize, gain: f32, rng: &mut Rng) -> Vec<f32> {
    let (count, len) = (rows.min(columns), rows.max(columns));
    let mut basis: Vec<Vec<f32>> = Vec::with_capacity(count);
    while basis.len() < count {
        let mut vector: Vec<f32> = (0..len).map(|_| rng.normal()).collect();
        // Twice, because once leaves rounding errors behind.
        for other in basis.iter().chain(&basis) {
            let along: f32 = vector.iter().zip(other).map(|(x, y)| x * y).sum();
            vector
                .iter_mut()
                .zip(other)
                .for_each(|(x, y)| *x -= along * y);
        }
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|x| *x /= norm);
        basis.push(vector);
    }
    (0..rows)
        .flat_map(|row| (0..columns).map(move |column| (row, column)))
        .map(|(row, column)| {
            gain * if rows <= columns {
                basis[row][column]
            } else {
                basis[column][row]
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scaled_network_has_other_widths_and_as_many_layers() {
        let scaled = mlp::ENTRY.scaled(&serde_json::json!({"width": 64, "depth": 2}), 0.25);
        assert_eq!(scaled, serde_json::json!({"width": 16, "depth": 2}));
        let scaled = convnet::ENTRY.scaled(&serde_json::json!({"blocks": 1}), 0.125);
        let expected = serde_json::json!({
            "blocks": 1, "channels": 4, "policy_channels": 1, "value_channels": 1, "value_width": 4,
        });
        assert_eq!(scaled, expected);
        let scaled = transformer::ENTRY.scaled(&serde_json::json!({"heads": 2}), 0.25);
        let expected = serde_json::json!({"heads": 2, "head_width": 2, "mlp_width": 16});
        assert_eq!(scaled, expected);
    }

    #[test]
    fn the_shorter_side_of_an_orthogonal_matrix_is_orthogonal() {
        for (rows, columns) in [(3, 7), (7, 3), (4, 4)] {
            let matrix = orthogonal(rows, columns, 2.0, &mut Rng::new(0));
            let at = |i: usize, j: usize| {
                if rows <= columns {
                    matrix[i * columns + j]
                } else {
                    matrix[j * columns + i]
                }
            };
            for (i, j) in (0..rows.min(columns)).flat_map(|i| (0..=i).map(move |j| (i, j))) {
                let product: f32 = (0..rows.max(columns)).map(|k| at(i, k) * at(j, k)).sum();
                let expected = if i == j { 4.0 } else { 0.0 };
                assert!((product - expected).abs() < 1e-5, "{i} {j}: {product}");
            }
        }
    }
}
