//! Networks, losses, gradients and Adam against PyTorch (`tests/golden/README.md`).
//!
//! PyTorch's numbers are float64 rounded to eight digits, ours are float32: they agree within 1e-5.

#![cfg(not(target_arch = "wasm32"))]

mod common;

use burn::{
    module::Module,
    tensor::{Gradients, Tensor},
};
use common::{
    device, environment,
    golden::{self, array, arrays, close, close_all, collect, read},
};
use glassbox::{
    agent::{
        adam::{Adam, Rate},
        fused::Learner,
        targets::{gradient, losses},
    },
    backend,
    model::{Network, mlp::fused::Fused, taps::Taps},
    rollout::replay::Batch,
    session::block_on,
};
use serde_json::{Value, json};

/// A golden file and the network whose parameters it holds.
struct Golden {
    file: Value,
    network: Network,
}

impl Golden {
    /// Reads a golden file and puts its parameters into a network of its sizes.
    fn load(id: &str, parameters: &Value) -> Self {
        let file = golden::file(id);
        let env = environment("tictactoe");
        let network = golden::network(id, parameters, arrays(&file["parameters"]), env.as_ref());
        Self { file, network }
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
        close_all(
            "gradient",
            &golden::by_name(&learner, &gradients),
            &arrays(&self.file["gradients"]),
        );
    }

    fn batch(&self) -> Batch {
        let mask = |legal: &f32| if *legal > 0.0 { 0.0 } else { -1e9 };
        Batch {
            observations: self.data("input"),
            policies: self.data("target_policy"),
            masks: self.data("legal").iter().map(mask).collect(),
            values: self.data("target_value"),
        }
    }

    /// Losses and gradient in plain numbers.
    fn check_plain_gradients(&self) {
        let mut fused = Fused::of(&self.network, &device()).unwrap();
        let (found, losses) = gradient(&fused, &self.batch(), 1.0);
        let theirs = ["policy_loss", "value_loss"].map(|key| self.number(key));
        close("losses in plain numbers", &losses, &theirs);
        fused.weights_mut().copy_from_slice(&found);
        close_all(
            "gradient in plain numbers",
            &collect(&fused.write(self.network.clone())),
            &arrays(&self.file["gradients"]),
        );
    }

    /// A step of Adam with weight decay, in plain numbers and as tensors.
    fn check_plain_adam(&self) {
        let (mut network, mut adam) = (self.learner(), Adam::new());
        let device = device();
        let mut learner = block_on(Learner::of(&network, &adam, &device))
            .unwrap()
            .unwrap();
        for _ in 0..3 {
            let rate = Rate {
                rate: 0.01,
                decay: 0.1,
                max_norm: None,
            };
            let gradients = self.gradients(&network);
            let (gradient, _) = gradient(&learner.network, &self.batch(), 1.0);
            learner.step(gradient, rate);
            network = adam.step(network, &gradients, rate);
        }
        let (plain, _) = learner.finish(self.learner(), &device);
        close_all(
            "weights",
            &collect(&plain.valid()),
            &collect(&network.valid()),
        );
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

fn transformer() -> Golden {
    let sizes = json!({"blocks": 2, "heads": 2, "head_width": 4, "mlp_width": 16});
    Golden::load("transformer", &sizes)
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
fn the_transformer_answers_as_pytorch_at_every_site() {
    transformer().check_forward();
}

#[test]
fn losses_are_as_in_pytorch() {
    mlp().check_losses();
    convnet().check_losses();
    transformer().check_losses();
}

#[test]
fn the_gradients_of_the_mlp_are_as_in_pytorch() {
    mlp().check_gradients();
}

#[test]
fn the_gradients_of_the_mlp_are_the_same_in_plain_numbers() {
    mlp().check_plain_gradients();
}

#[test]
fn adam_takes_the_same_steps_in_plain_numbers() {
    mlp().check_plain_adam();
}

#[test]
fn the_gradients_of_the_convnet_are_as_in_pytorch() {
    convnet().check_gradients();
}

#[test]
fn the_gradients_of_the_transformer_are_as_in_pytorch() {
    transformer().check_gradients();
}

#[test]
fn five_steps_of_adam_are_as_in_pytorch() {
    mlp().check_adam();
    convnet().check_adam();
    transformer().check_adam();
}
