//! A residual convolutional network with policy and value heads (Silver et al. 2017, Nature 550,
//! methods), without batch normalisation so that a site's value depends on its own state alone.
//!
//! Between sites activations are `[cell, channel, batch]`. Then a 3×3 convolution is one copy of whole
//! rows and one matrix product, which takes burn's CPU backend a third of the time of its convolution.

use super::{ModelEntry, Network, Output, Site, Stage, action_axis, linear, normal, taps::Taps};
use crate::{
    env::{Axis, Space},
    error::{Error, Result},
    rng::Rng,
    schema,
};
use burn::{
    module::{Module, Param},
    nn::Linear,
    tensor::{Device, Int, Tensor, TensorData, activation},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: ModelEntry = ModelEntry {
    id: "convnet",
    title: "Residual convolutional network",
    summary: "A stem, residual blocks of 3×3 convolutions, a policy head and a value head.",
    schema: schema::schema_of::<Parameters>,
    make: |value, space, rng, device| {
        let parameters = schema::parameters(value, "model")?;
        ConvNet::new(&parameters, space, rng, device).map(Network::ConvNet)
    },
};

/// Sizes of the network.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// Channels of the trunk.
    #[schemars(range(min = 1, max = 256), extend("x-scales" = true))]
    pub channels: usize,
    /// Residual blocks.
    #[schemars(range(min = 0, max = 20))]
    pub blocks: usize,
    /// Channels of the policy head.
    #[schemars(range(min = 1, max = 32), extend("x-scales" = true))]
    pub policy_channels: usize,
    /// Channels of the value head.
    #[schemars(range(min = 1, max = 32), extend("x-scales" = true))]
    pub value_channels: usize,
    /// Hidden units of the value head.
    #[schemars(range(min = 1, max = 512), extend("x-scales" = true))]
    pub value_width: usize,
    /// Whether a tanh keeps the value between −1 and 1, as it is in games that are won or lost.
    pub bounded_value: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            channels: 32,
            blocks: 2,
            policy_channels: 4,
            value_channels: 2,
            value_width: 32,
            bounded_value: true,
        }
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct ConvNet {
    stem: Conv,
    blocks: Vec<Block>,
    policy: PolicyHead,
    value: ValueHead,
    #[module(skip)]
    planes: [usize; 3],
    #[module(skip)]
    bounded_value: bool,
}

/// A residual block: `relu(x + conv2(relu(conv1(x))))`.
#[derive(Module, Debug)]
pub struct Block {
    conv1: Conv,
    conv2: Conv,
}

/// 1×1 convolution, ReLU, linear.
#[derive(Module, Debug)]
pub struct PolicyHead {
    conv: Conv,
    linear: Linear,
}

/// 1×1 convolution, ReLU, linear, ReLU, linear, and a tanh where values are bounded.
#[derive(Module, Debug)]
pub struct ValueHead {
    conv: Conv,
    hidden: Linear,
    linear: Linear,
}

impl ConvNet {
    /// A network with fresh weights. Errors: `NotApplicable` where observations are not planes of a grid.
    pub fn new(
        parameters: &Parameters,
        space: &Space,
        rng: &mut Rng,
        device: &Device,
    ) -> Result<Self> {
        let shape = space.observation_shape();
        let [planes, rows, columns] = shape.as_slice() else {
            return Err(Error::not_applicable(
                "a convnet needs observations with axes plane, row and column; use the mlp here",
            ));
        };
        let (p, area) = (parameters, rows * columns);
        let gain = 2_f32.sqrt();
        let mut same = |inputs: usize, gain: f32| conv(inputs, p.channels, 3, gain, rng, device);
        let stem = same(*planes, gain);
        // The second convolution starts small, so that a block starts near the identity.
        let blocks = (0..p.blocks)
            .map(|_| Block {
                conv1: same(p.channels, gain),
                conv2: same(p.channels, 0.3 * gain),
            })
            .collect();
        let policy = PolicyHead {
            conv: conv(p.channels, p.policy_channels, 1, gain, rng, device),
            linear: linear(
                p.policy_channels * area,
                space.num_actions(),
                0.1,
                rng,
                device,
            ),
        };
        let value = ValueHead {
            conv: conv(p.channels, p.value_channels, 1, gain, rng, device),
            hidden: linear(p.value_channels * area, p.value_width, gain, rng, device),
            linear: linear(p.value_width, 1, 0.1, rng, device),
        };
        Ok(Self {
            stem,
            blocks,
            policy,
            value,
            planes: [*planes, *rows, *columns],
            bounded_value: p.bounded_value,
        })
    }

    /// `observation` `[batch, plane × row × column]`.
    pub fn forward(&self, observation: Tensor<2>, taps: &mut Taps) -> Output {
        let batch = observation.dims()[0];
        let [planes, rows, columns] = self.planes;
        let around = neighbours(rows, columns, &observation.device());
        let input = observation.reshape([batch, planes, rows * columns]); // [batch, plane, cell]
        let input = tap(taps, format_args!("obs"), input.permute([2, 1, 0])); // [cell, plane, batch]
        let stem = activation::relu(self.stem.forward(input, &around)); // [cell, channel, batch]
        let mut trunk = tap(taps, format_args!("stem.post"), stem);
        for (index, block) in self.blocks.iter().enumerate() {
            let mid = activation::relu(block.conv1.forward(trunk.clone(), &around)); // [cell, channel, batch]
            let mid = tap(taps, format_args!("blocks.{index}.mid"), mid);
            let out = activation::relu(trunk + block.conv2.forward(mid, &around)); // [cell, channel, batch]
            trunk = tap(taps, format_args!("blocks.{index}.out"), out);
        }
        let features = activation::relu(self.policy.conv.forward(trunk.clone(), &around)); // [cell, channel, batch]
        let features = tap(taps, format_args!("policy.features"), features);
        let logits = self.policy.linear.forward(flat(features)); // [batch, action]
        let features = activation::relu(self.value.conv.forward(trunk, &around)); // [cell, channel, batch]
        let features = tap(taps, format_args!("value.features"), features);
        let hidden = activation::relu(self.value.hidden.forward(flat(features))); // [batch, unit]
        let hidden = taps.at(format_args!("value.hidden"), hidden);
        let mut value = self.value.linear.forward(hidden); // [batch, 1]
        if self.bounded_value {
            value = activation::tanh(value);
        }
        Output {
            logits: taps.at(format_args!("policy"), logits),
            value: taps.at(format_args!("value"), value),
        }
    }

    /// The sites, from input to output.
    pub fn sites(&self, space: &Space) -> Vec<Site> {
        let grid = |conv: &Conv| {
            let mut axes = vec![Axis::new("channel", conv.weight.dims()[0])];
            axes.extend(space.observation.iter().skip(1).cloned());
            axes
        };
        let mut sites = vec![
            Site::new("obs", space.observation.clone(), Stage::Sensory),
            Site::new("stem.post", grid(&self.stem), Stage::Sensory),
        ];
        for (index, block) in self.blocks.iter().enumerate() {
            sites.push(Site::new(
                format!("blocks.{index}.mid"),
                grid(&block.conv1),
                Stage::Analysis,
            ));
            sites.push(Site::new(
                format!("blocks.{index}.out"),
                grid(&block.conv2),
                Stage::Analysis,
            ));
        }
        let unit = Axis::new("unit", self.value.hidden.weight.dims()[1]);
        sites.extend([
            Site::new("policy.features", grid(&self.policy.conv), Stage::Motor),
            Site::new("policy", vec![action_axis(space)], Stage::Motor),
            Site::new("value.features", grid(&self.value.conv), Stage::Motor),
            Site::new("value.hidden", vec![unit], Stage::Motor),
            Site::new("value", vec![Axis::new("value", 1)], Stage::Motor),
        ]);
        sites
    }
}

/// A convolution that keeps the grid's size, with a kernel of 1×1 or 3×3.
#[derive(Module, Debug)]
pub struct Conv {
    /// `[output, input, row, column]`, as PyTorch has it.
    weight: Param<Tensor<4>>,
    /// `[output]`.
    bias: Param<Tensor<1>>,
}

impl Conv {
    /// `h` `[cell, input, batch]` to `[cell, output, batch]`; `around` as [`neighbours`] gives it.
    fn forward(&self, h: Tensor<3>, around: &Tensor<1, Int>) -> Tensor<3> {
        let [cells, inputs, batch] = h.dims();
        let [outputs, _, height, width] = self.weight.dims();
        let fan_in = height * width * inputs;
        // A row a cell, and in memory as well: an edited activation may come in another order.
        let mut rows = h.reshape([cells, inputs * batch]);
        if fan_in > inputs {
            let edge = Tensor::zeros([1, inputs * batch], &rows.device());
            rows = Tensor::cat(vec![rows, edge], 0).select(0, around.clone()); // [cell × offset, input × batch]
        }
        let h = rows.reshape([cells, fan_in, batch]); // [cell, offset × input, batch]
        let weight = self.weight.val().permute([0, 2, 3, 1]); // [output, row, column, input]
        let weight = weight.reshape([1, outputs, fan_in]); // [1, output, offset × input]
        weight.matmul(h) + self.bias.val().reshape([1, outputs, 1])
    }
}

/// The nine cells around and at each cell, row by row, `[cell × offset]`; off the grid is the cell after
/// the last.
fn neighbours(rows: usize, columns: usize, device: &Device) -> Tensor<1, Int> {
    let mut indices = Vec::with_capacity(9 * rows * columns);
    for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
        // One more than the neighbour's row and column, so that they do not fall below 0.
        for (below, right) in (0..3).flat_map(|y| (0..3).map(move |x| (row + y, column + x))) {
            let inside = (1..=rows).contains(&below) && (1..=columns).contains(&right);
            let cell = if inside {
                (below - 1) * columns + right - 1
            } else {
                rows * columns
            };
            indices.push(cell as i64);
        }
    }
    let count = indices.len();
    Tensor::from_data(TensorData::new(indices, [count]), device)
}

/// A tap of `h` `[cell, channel, batch]`, which the outside sees as `[batch, channel, cell]`.
fn tap(taps: &mut Taps, site: std::fmt::Arguments, h: Tensor<3>) -> Tensor<3> {
    taps.at(site, h.permute([2, 1, 0])).permute([2, 1, 0])
}

/// `h` `[cell, channel, batch]` as `[batch, channel × cell]`.
fn flat(h: Tensor<3>) -> Tensor<2> {
    let [cells, channels, batch] = h.dims();
    h.permute([2, 1, 0]).reshape([batch, channels * cells])
}

fn conv(
    inputs: usize,
    outputs: usize,
    kernel: usize,
    gain: f32,
    rng: &mut Rng,
    device: &Device,
) -> Conv {
    let fan_in = inputs * kernel * kernel;
    Conv {
        weight: normal([outputs, inputs, kernel, kernel], fan_in, gain, rng, device),
        bias: Param::from_tensor(Tensor::zeros([outputs], device)),
    }
}
