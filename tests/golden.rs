//! Networks, losses, gradients and Adam against PyTorch (`tests/golden/README.md`).
//!
//! PyTorch's numbers are float64 rounded to eight digits, ours are float32: they agree within 1e-5.

#![cfg(not(target_arch = "wasm32"))]

mod common;

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Gradients, Tensor},
};
use common::{device, environment};
use glassbox::{
    agent::{
        adam::{Adam, Rate},
        alphazero::losses,
    },
    backend, model,
    model::{
        Network,
        taps::Taps,
        weights::{self, Archive, Array},
    },
    rng::Rng,
    session::block_on,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const TOLERANCE: f32 = 1e-5;

/// A golden file and the network whose parameters it holds.
struct Golden {
    file: Value,
    network: Network,
}

/// The array under `value`: `{"shape", "data"}`.
fn array(value: &Value) -> Array {
    let numbers = |key: &str| value[key].as_array().unwrap().clone();
    Array {
        shape: numbers("shape")
            .iter()
            .map(|n| n.as_u64().unwrap() as usize)
            .collect(),
        data: numbers("data")
            .iter()
            .map(|n| n.as_f64().unwrap() as f32)
            .collect(),
    }
}

fn arrays(value: &Value) -> BTreeMap<String, Array> {
    value
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), array(value)))
        .collect()
}

/// Asserts that two lists of numbers agree within the tolerance.
fn close(what: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (index, (one, other)) in ours.iter().zip(theirs).enumerate() {
        assert!(
            (one - other).abs() <= TOLERANCE,
            "{what}[{index}]: {one}, in PyTorch {other}"
        );
    }
}

fn close_all(what: &str, ours: &BTreeMap<String, Array>, theirs: &BTreeMap<String, Array>) {
    assert!(
        ours.keys().eq(theirs.keys()),
        "{what}: {:?}, in PyTorch {:?}",
        ours.keys(),
        theirs.keys()
    );
    for (name, array) in ours {
        assert_eq!(array.shape, theirs[name].shape, "{what} of {name}");
        close(
            &format!("{what} of {name}"),
            &array.data,
            &theirs[name].data,
        );
    }
}

fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    block_on(backend::read(tensor)).unwrap()
}

fn collect(network: &Network) -> BTreeMap<String, Array> {
    block_on(weights::collect(network)).unwrap()
}

/// A network whose "weights" are the gradients of the one that it maps, so that they can be collected
/// by name and in PyTorch's layouts.
struct GradientsAsWeights<'a>(&'a Gradients);

impl ModuleMapper for GradientsAsWeights<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        Param::from_tensor(param.val().grad(self.0).unwrap())
    }
}

impl Golden {
    /// Reads a golden file and puts its parameters into a network of its sizes.
    fn load(id: &str, parameters: &Value) -> Self {
        let path = format!("{}/tests/golden/{id}.json", env!("CARGO_MANIFEST_DIR"));
        let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let archive = Archive {
            arrays: arrays(&file["parameters"]),
            ..Archive::default()
        };
        // Through a file, as a visitor would bring it.
        let archive = Archive::from_bytes(&archive.to_bytes().unwrap()).unwrap();
        let env = environment("tictactoe");
        let make = model::entry(id).unwrap().make;
        let network = make(parameters, env.space(), &mut Rng::new(0), &device()).unwrap();
        let names: Vec<_> = collect(&network).into_keys().collect();
        assert_eq!(names, archive.arrays.keys().cloned().collect::<Vec<_>>());
        Self {
            network: weights::load(network, &archive, &device()).unwrap(),
            file,
        }
    }

    fn data(&self, key: &str) -> Vec<f32> {
        array(&self.file[key]).data
    }

    fn number(&self, key: &str) -> f32 {
        self.file[key].as_f64().unwrap() as f32
    }

    /// A network that learns, from the file's parameters.
    fn learner(&self) -> Network {
        self.network.clone().to_device(&device().autodiff()).train()
    }

    /// Policy and value loss of `network` on the file's batch.
    fn losses(&self, network: &Network) -> [Tensor<1>; 2] {
        let device = device().autodiff();
        let values = self.data("target_value");
        let tensor = |data: Vec<f32>| {
            let columns = data.len() / values.len();
            backend::tensor(data, [values.len(), columns], &device) // [batch, column]
        };
        let mask = self
            .data("legal")
            .iter()
            .map(|legal| if *legal > 0.0 { 0.0 } else { -1e9 })
            .collect();
        let (policy, value) = losses(
            network,
            tensor(self.data("input")),
            tensor(self.data("target_policy")),
            tensor(mask),
            tensor(values.clone()),
        );
        [policy, value]
    }

    /// Gradients of the sum of both losses.
    fn gradients(&self, network: &Network) -> Gradients {
        let [policy, value] = self.losses(network);
        (policy + value).backward()
    }

    fn check_forward(&self) {
        let batch = self.data("value").len();
        let input = self.data("input");
        let width = input.len() / batch;
        let mut taps = Taps::record();
        let output = self
            .network
            .forward(backend::tensor(input, [batch, width], &device()), &mut taps);
        close("logits", &read(output.logits), &self.data("logits"));
        close("value", &read(output.value), &self.data("value"));
        let recorded = taps.into_recorded();
        for (site, expected) in arrays(&self.file["sites"]) {
            let ours = recorded
                .get(&site)
                .unwrap_or_else(|| panic!("no site {site}"));
            close(&site, &read(ours.clone()), &expected.data);
        }
    }

    fn check_losses(&self) {
        let [policy, value] = self
            .losses(&self.learner())
            .map(|loss| read(loss.inner())[0]);
        close("policy loss", &[policy], &[self.number("policy_loss")]);
        close("value loss", &[value], &[self.number("value_loss")]);
        close("loss", &[policy + value], &[self.number("loss")]);
    }

    fn check_gradients(&self) {
        let learner = self.learner();
        let gradients = self.gradients(&learner);
        let ours = collect(&learner.map(&mut GradientsAsWeights(&gradients)));
        close_all("gradient", &ours, &arrays(&self.file["gradients"]));
    }

    fn check_adam(&self) {
        let golden = &self.file["adam"];
        let settings = json!({"beta_1": golden["beta_1"], "beta_2": golden["beta_2"], "epsilon": golden["epsilon"]});
        assert_eq!(
            settings,
            json!({"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-5})
        );
        let rate = golden["learning_rate"].as_f64().unwrap() as f32;
        let (mut learner, mut adam) = (self.learner(), Adam::new());
        for (step, expected) in golden["losses_after"]
            .as_array()
            .unwrap()
            .iter()
            .enumerate()
        {
            let gradients = self.gradients(&learner);
            let rate = Rate {
                rate,
                decay: 0.0,
                max_norm: None,
            };
            learner = adam.step(learner, &gradients, rate);
            if step == 0 {
                close_all(
                    "Adam's first step",
                    &collect(&learner.valid()),
                    &arrays(&golden["parameters_after_1"]),
                );
            }
            let loss = self
                .losses(&learner)
                .map(|loss| read(loss.inner())[0])
                .iter()
                .sum();
            close(
                &format!("loss after {} steps", step + 1),
                &[loss],
                &[expected.as_f64().unwrap() as f32],
            );
        }
    }
}

fn mlp() -> Golden {
    Golden::load("mlp", &json!({"width": 16, "depth": 2}))
}

fn convnet() -> Golden {
    let sizes = json!({"channels": 8, "blocks": 2, "policy_channels": 2, "value_channels": 1, "value_width": 16});
    Golden::load("convnet", &sizes)
}

#[test]
fn the_mlp_answers_as_pytorch_at_every_site() {
    mlp().check_forward();
}

#[test]
fn the_convnet_answers_as_pytorch_at_every_site() {
    convnet().check_forward();
}

#[test]
fn losses_are_as_in_pytorch() {
    mlp().check_losses();
    convnet().check_losses();
}

#[test]
fn the_gradients_of_the_mlp_are_as_in_pytorch() {
    mlp().check_gradients();
}

#[test]
fn the_gradients_of_the_convnet_are_as_in_pytorch() {
    convnet().check_gradients();
}

#[test]
fn five_steps_of_adam_are_as_in_pytorch() {
    mlp().check_adam();
    convnet().check_adam();
}
