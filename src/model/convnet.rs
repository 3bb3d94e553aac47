//! A residual convolutional network with policy and value heads (Silver et al. 2017, Nature 550,
//! methods), without batch normalisation so that a site's value depends on its own state alone.

use super::{ModelEntry, Network, Output, Site, Stage, action_axis, linear, normal, taps::Taps};
use crate::{
    env::{Axis, Space},
    error::{Error, Result},
    rng::Rng,
    schema,
};
use burn::{
    module::{Module, Param},
    nn::{Linear, PaddingConfig2d, conv::Conv2d},
    tensor::{Device, Tensor, activation},
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
    #[schemars(range(min = 1, max = 256))]
    pub channels: usize,
    /// Residual blocks.
    #[schemars(range(min = 0, max = 20))]
    pub blocks: usize,
    /// Channels of the policy head.
    #[schemars(range(min = 1, max = 32))]
    pub policy_channels: usize,
    /// Channels of the value head.
    #[schemars(range(min = 1, max = 32))]
    pub value_channels: usize,
    /// Hidden units of the value head.
    #[schemars(range(min = 1, max = 512))]
    pub value_width: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            channels: 32,
            blocks: 2,
            policy_channels: 4,
            value_channels: 2,
            value_width: 32,
        }
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct ConvNet {
    stem: Conv2d,
    blocks: Vec<Block>,
    policy: PolicyHead,
    value: ValueHead,
    #[module(skip)]
    planes: [usize; 3],
}

/// A residual block: `relu(x + conv2(relu(conv1(x))))`.
#[derive(Module, Debug)]
pub struct Block {
    conv1: Conv2d,
    conv2: Conv2d,
}

/// 1×1 convolution, ReLU, linear.
#[derive(Module, Debug)]
pub struct PolicyHead {
    conv: Conv2d,
    linear: Linear,
}

/// 1×1 convolution, ReLU, linear, ReLU, linear, tanh.
#[derive(Module, Debug)]
pub struct ValueHead {
    conv: Conv2d,
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
        })
    }

    /// `observation` `[batch, plane × row × column]`.
    pub fn forward(&self, observation: Tensor<2>, taps: &mut Taps) -> Output {
        let batch = observation.dims()[0];
        let [planes, rows, columns] = self.planes;
        let input = observation.reshape([batch, planes, rows, columns]); // [batch, plane, row, column]
        let input = taps.at(format_args!("obs"), input);
        let stem = activation::relu(self.stem.forward(input)); // [batch, channel, row, column]
        let mut trunk = taps.at(format_args!("stem.post"), stem);
        for (index, block) in self.blocks.iter().enumerate() {
            let mid = activation::relu(block.conv1.forward(trunk.clone())); // [batch, channel, row, column]
            let mid = taps.at(format_args!("blocks.{index}.mid"), mid);
            let out = activation::relu(trunk + block.conv2.forward(mid)); // [batch, channel, row, column]
            trunk = taps.at(format_args!("blocks.{index}.out"), out);
        }
        let features = activation::relu(self.policy.conv.forward(trunk.clone())); // [batch, channel, row, column]
        let features = taps.at(format_args!("policy.features"), features);
        let logits = self.policy.linear.forward(features.flatten(1, 3)); // [batch, action]
        let features = activation::relu(self.value.conv.forward(trunk)); // [batch, channel, row, column]
        let features = taps.at(format_args!("value.features"), features);
        let hidden = activation::relu(self.value.hidden.forward(features.flatten(1, 3))); // [batch, unit]
        let hidden = taps.at(format_args!("value.hidden"), hidden);
        let value = activation::tanh(self.value.linear.forward(hidden)); // [batch, 1]
        Output {
            logits: taps.at(format_args!("policy"), logits),
            value: taps.at(format_args!("value"), value),
        }
    }

    /// The sites, from input to output.
    pub fn sites(&self, space: &Space) -> Vec<Site> {
        let grid = |conv: &Conv2d| {
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

/// A convolution that keeps the grid's size.
fn conv(
    inputs: usize,
    outputs: usize,
    kernel: usize,
    gain: f32,
    rng: &mut Rng,
    device: &Device,
) -> Conv2d {
    let fan_in = inputs * kernel * kernel;
    let half = kernel / 2;
    Conv2d {
        weight: normal([outputs, inputs, kernel, kernel], fan_in, gain, rng, device),
        bias: Some(Param::from_tensor(Tensor::zeros([outputs], device))),
        stride: [1, 1],
        kernel_size: [kernel, kernel],
        dilation: [1, 1],
        groups: 1,
        padding: PaddingConfig2d::Explicit(half, half, half, half),
    }
}
