//! Fully connected layers with a policy head and a value head, on one trunk or on one each.

pub mod fused;

use super::{Init, ModelEntry, Network, Output, Site, Stage, action_axis, tanh::tanh, taps::Taps};
use crate::{
    env::{Axis, Space},
    rng::Rng,
    schema,
};
use burn::{
    module::Module,
    nn::Linear,
    tensor::{Device, Tensor, activation},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: ModelEntry = ModelEntry {
    id: "mlp",
    title: "Multi-layer perceptron",
    summary: "Fully connected layers with a policy head and a value head.",
    schema: schema::schema_of::<Parameters>,
    make: |value, space, rng, device| {
        let parameters = schema::parameters(value, "model")?;
        Ok(Network::Mlp(Mlp::new(&parameters, space, rng, device)))
    },
};

/// Sizes of the network.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// Units of each hidden layer.
    #[schemars(range(min = 1, max = 1024), extend("x-scales" = true))]
    pub width: usize,
    /// Hidden layers.
    #[schemars(range(min = 1, max = 8))]
    pub depth: usize,
    /// What follows each hidden layer.
    pub activation: Activation,
    /// How the first weights are drawn.
    pub init: Init,
    /// Whether the value has hidden layers of its own.
    pub separate: bool,
    /// Whether a tanh keeps the value between −1 and 1, as it is in games that are won or lost.
    pub bounded_value: bool,
}

/// What follows a hidden layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// The hyperbolic tangent.
    Tanh,
}

impl Activation {
    fn apply(self, h: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Relu => activation::relu(h),
            Self::Tanh => tanh(h),
        }
    }
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            width: 128,
            depth: 3,
            activation: Activation::Relu,
            init: Init::Normal,
            separate: false,
            bounded_value: true,
        }
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct Mlp {
    blocks: Vec<Linear>,
    /// The value's own hidden layers; none where it shares the policy's.
    value_blocks: Vec<Linear>,
    policy: Linear,
    value: Linear,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    bounded_value: bool,
}

impl Mlp {
    /// A network with fresh weights.
    pub fn new(parameters: &Parameters, space: &Space, rng: &mut Rng, device: &Device) -> Self {
        let Parameters { width, init, .. } = *parameters;
        let inputs = space.observation_len();
        let mut linear = |inputs, outputs, gain| init.linear(inputs, outputs, gain, rng, device);
        let mut trunk = || {
            (0..parameters.depth)
                .map(|layer| linear(if layer == 0 { inputs } else { width }, width, 2_f32.sqrt()))
                .collect::<Vec<_>>()
        };
        let blocks = trunk();
        let value_blocks = if parameters.separate {
            trunk()
        } else {
            Vec::new()
        };
        // Small heads, so that an untrained policy is near uniform; orthogonal ones as usual with PPO.
        let (policy_gain, value_gain) = match init {
            Init::Normal => (0.1, 0.1),
            Init::Orthogonal => (0.01, 1.0),
        };
        Self {
            blocks,
            value_blocks,
            policy: linear(width, space.num_actions(), policy_gain),
            value: linear(width, 1, value_gain),
            activation: parameters.activation,
            bounded_value: parameters.bounded_value,
        }
    }

    /// `observation` `[batch, input]`.
    pub fn forward(&self, observation: Tensor<2>, taps: &mut Taps) -> Output {
        let input = taps.at(format_args!("obs"), observation); // [batch, input]
        let hidden = self.trunk("blocks", &self.blocks, input.clone(), taps); // [batch, width]
        let logits = self.policy.forward(hidden.clone()); // [batch, action]
        let hidden = if self.value_blocks.is_empty() {
            hidden
        } else {
            self.trunk("value_blocks", &self.value_blocks, input, taps) // [batch, width]
        };
        let mut value = self.value.forward(hidden); // [batch, 1]
        if self.bounded_value {
            value = activation::tanh(value);
        }
        Output {
            logits: taps.at(format_args!("policy"), logits),
            value: taps.at(format_args!("value"), value),
        }
    }

    /// The hidden layers `blocks` on `hidden` `[batch, input]`.
    fn trunk(
        &self,
        name: &str,
        blocks: &[Linear],
        mut hidden: Tensor<2>,
        taps: &mut Taps,
    ) -> Tensor<2> {
        for (layer, block) in blocks.iter().enumerate() {
            let pre = taps.at(format_args!("{name}.{layer}.pre"), block.forward(hidden)); // [batch, width]
            let post = self.activation.apply(pre); // [batch, width]
            hidden = taps.at(format_args!("{name}.{layer}.post"), post);
        }
        hidden
    }

    /// Whether policy and value share hidden layers.
    pub fn is_shared(&self) -> bool {
        self.value_blocks.is_empty()
    }

    /// The sites, from input to output.
    pub fn sites(&self, space: &Space) -> Vec<Site> {
        let mut sites = vec![Site::new("obs", space.observation.clone(), Stage::Sensory)];
        for (name, blocks) in [
            ("blocks", &self.blocks),
            ("value_blocks", &self.value_blocks),
        ] {
            for (layer, block) in blocks.iter().enumerate() {
                let stage = if layer == 0 {
                    Stage::Sensory
                } else {
                    Stage::Analysis
                };
                let axes = vec![Axis::new("unit", block.weight.dims()[1])];
                for part in ["pre", "post"] {
                    sites.push(Site::new(
                        format!("{name}.{layer}.{part}"),
                        axes.clone(),
                        stage,
                    ));
                }
            }
        }
        sites.push(Site::new("policy", vec![action_axis(space)], Stage::Motor));
        sites.push(Site::new(
            "value",
            vec![Axis::new("value", 1)],
            Stage::Motor,
        ));
        sites
    }
}
