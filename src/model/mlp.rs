//! Fully connected ReLU layers with a linear policy head and a tanh value head.

use super::{ModelEntry, Network, Output, Site, Stage, action_axis, linear, taps::Taps};
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
    summary: "Fully connected ReLU layers with a policy head and a value head.",
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
    #[schemars(range(min = 1, max = 1024))]
    pub width: usize,
    /// Hidden layers.
    #[schemars(range(min = 1, max = 8))]
    pub depth: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            width: 128,
            depth: 3,
        }
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct Mlp {
    blocks: Vec<Linear>,
    policy: Linear,
    value: Linear,
}

impl Mlp {
    /// A network with fresh weights.
    pub fn new(parameters: &Parameters, space: &Space, rng: &mut Rng, device: &Device) -> Self {
        let Parameters { width, depth } = *parameters;
        let inputs = space.observation_len();
        let blocks = (0..depth)
            .map(|layer| {
                linear(
                    if layer == 0 { inputs } else { width },
                    width,
                    2_f32.sqrt(),
                    rng,
                    device,
                )
            })
            .collect();
        Self {
            blocks,
            // Small heads, so that an untrained policy is near uniform and its value near zero.
            policy: linear(width, space.num_actions(), 0.1, rng, device),
            value: linear(width, 1, 0.1, rng, device),
        }
    }

    /// `observation` `[batch, input]`.
    pub fn forward(&self, observation: Tensor<2>, taps: &mut Taps) -> Output {
        let mut hidden = taps.at(format_args!("obs"), observation); // [batch, input]
        for (layer, block) in self.blocks.iter().enumerate() {
            let pre = taps.at(format_args!("blocks.{layer}.pre"), block.forward(hidden)); // [batch, width]
            hidden = taps.at(format_args!("blocks.{layer}.post"), activation::relu(pre)); // [batch, width]
        }
        let logits = self.policy.forward(hidden.clone()); // [batch, action]
        let value = activation::tanh(self.value.forward(hidden)); // [batch, 1]
        Output {
            logits: taps.at(format_args!("policy"), logits),
            value: taps.at(format_args!("value"), value),
        }
    }

    /// The sites, from input to output.
    pub fn sites(&self, space: &Space) -> Vec<Site> {
        let mut sites = vec![Site::new("obs", space.observation.clone(), Stage::Sensory)];
        for (layer, block) in self.blocks.iter().enumerate() {
            let stage = if layer == 0 {
                Stage::Sensory
            } else {
                Stage::Analysis
            };
            let axes = vec![Axis::new("unit", block.weight.dims()[1])];
            sites.push(Site::new(
                format!("blocks.{layer}.pre"),
                axes.clone(),
                stage,
            ));
            sites.push(Site::new(format!("blocks.{layer}.post"), axes, stage));
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
