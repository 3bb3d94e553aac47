//! PPO's losses, their gradients and a whole update against PyTorch (`tests/golden/README.md`).

#![cfg(not(target_arch = "wasm32"))]

mod common;

use burn::module::Module;
use common::{
    device, environment,
    golden::{self, array, arrays, close, close_all, collect, read},
};
use glassbox::{
    agent::{
        adam::Adam,
        fused::Learner,
        ppo::{
            Parameters, epoch, epoch_fused,
            loss::{Losses, Slopes, losses},
            rollout::Rollout,
        },
    },
    model::{Network, mlp::fused::Fused, weights::Array},
    rollout::{gae::Transition, replay::ILLEGAL},
    session::block_on,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One network of the file, and the rows that it learns from.
struct Golden {
    settings: Value,
    part: Value,
    network: Network,
    rollout: Rollout,
}

fn number(value: &Value) -> f32 {
    value.as_f64().unwrap() as f32
}

impl Golden {
    fn load(name: &str) -> Self {
        let mut file = golden::file("ppo");
        let part = file["networks"][name].take();
        let model = json!({
            "width": 8,
            "depth": 2,
            "activation": part["activation"],
            "separate": part["separate"],
            "bounded_value": false,
        });
        let env = environment("tictactoe");
        let network = golden::network("mlp", &model, arrays(&part["parameters"]), env.as_ref());
        let data = |key: &str| array(&part["batch"][key]).data;
        let advantages = data("advantage");
        let transition = |value: f32| Transition {
            reward: 0.0,
            value,
            next_value: 0.0,
            done: false,
        };
        let mask = |&legal: &f32| if legal > 0.0 { 0.0 } else { ILLEGAL };
        let rollout = Rollout {
            observations: data("input"),
            masks: data("legal").iter().map(mask).collect(),
            actions: data("action").iter().map(|&a| a as usize).collect(),
            log_probs: data("log_prob"),
            transitions: data("value").into_iter().map(transition).collect(),
            advantages,
        };
        Self {
            settings: file["settings"].take(),
            network: network.to_device(&device().autodiff()).train(),
            part,
            rollout,
        }
    }

    /// The file's settings as the agent's parameters.
    fn parameters(&self, clip_values: bool, normalize_advantages: bool) -> Parameters {
        let settings = &self.settings;
        let constants = json!({"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-5});
        for (name, value) in constants.as_object().unwrap() {
            assert_eq!(&settings[name], value, "{name} is a constant of our Adam");
        }
        let count = |key: &str| settings[key].as_u64().unwrap() as usize;
        Parameters {
            clip: number(&settings["clip"]),
            entropy_coefficient: number(&settings["entropy_coefficient"]),
            value_coefficient: number(&settings["value_coefficient"]),
            max_gradient_norm: number(&settings["max_gradient_norm"]),
            learning_rate: settings["learning_rate"].as_f64().unwrap(),
            num_minibatches: count("num_minibatches"),
            num_epochs: count("num_epochs"),
            anneal: true,
            clip_values,
            normalize_advantages,
            ..Parameters::default()
        }
    }

    /// The losses in plain numbers, in the order of `Losses`, and their gradient.
    fn fused(
        &self,
        rows: &[usize],
        parameters: &Parameters,
    ) -> ([f32; 5], BTreeMap<String, Array>) {
        let mut fused = Fused::of(&self.network, &device()).unwrap();
        let rows = self.rollout.rows(rows, parameters);
        let mut slopes = Slopes::new(&rows, parameters);
        let gradient = slopes.gradient(&fused);
        fused.weights_mut().copy_from_slice(&gradient);
        let gradient = collect(&fused.write(self.network.clone()).valid());
        (slopes.means(), gradient)
    }

    fn check_losses(&self) {
        let rows: Vec<usize> = (0..self.rollout.num_rows()).collect();
        let cases = self.part["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 4);
        for case in cases {
            let flag = |key: &str| case[key].as_bool().unwrap();
            let parameters = self.parameters(flag("clip_values"), flag("normalize_advantages"));
            let batch = self.rollout.minibatch(&rows, &parameters, &device());
            let target = read(batch.target.clone().inner());
            close(
                "target",
                &target,
                &array(&self.part["batch"]["target"]).data,
            );
            let found = losses(&self.network, &batch, &parameters);
            let total = found.total(&parameters);
            let gradients = total.backward();
            let Losses {
                policy,
                value,
                entropy,
                kl,
                clip_fraction,
            } = found;
            let (plain, plain_gradient) = self.fused(&rows, &parameters);
            for (index, (key, ours)) in [
                ("policy_loss", policy),
                ("value_loss", value),
                ("entropy", entropy),
                ("kl", kl),
                ("clip_fraction", clip_fraction),
                ("total", total),
            ]
            .into_iter()
            .enumerate()
            {
                let what = format!("{key} of {parameters:?}");
                let theirs = [number(&case["losses"][key])];
                close(&what, &read(ours.inner()), &theirs);
                if let Some(&plain) = plain.get(index) {
                    close(&format!("{what} in plain numbers"), &[plain], &theirs);
                }
            }
            close_all(
                &format!("gradient with {parameters:?}"),
                &golden::by_name(&self.network, &gradients),
                &arrays(&case["gradients"]),
            );
            close_all(
                &format!("gradient in plain numbers with {parameters:?}"),
                &plain_gradient,
                &arrays(&case["gradients"]),
            );
        }
    }

    fn check_update(&self) {
        let golden = &self.part["update"];
        let parameters = self.parameters(true, true);
        let place = |key: &str| self.settings[key].as_u64().unwrap() as usize;
        let rate = parameters.rate(place("update"), place("updates"));
        close(
            "learning rate",
            &[rate as f32],
            &[number(&golden["learning_rate"])],
        );
        let (mut network, mut adam) = (self.network.clone(), Adam::new());
        let device = device();
        let learner = Learner::of(&network, &adam, &device);
        let mut learner = block_on(learner).unwrap().unwrap();
        let (mut steps, mut plain_steps) = (Vec::new(), Vec::new());
        for order in golden["order"].as_array().unwrap() {
            let rows = order.as_array().unwrap().iter();
            let rows: Vec<usize> = rows.map(|row| row.as_u64().unwrap() as usize).collect();
            let rollout = &self.rollout;
            plain_steps.append(&mut epoch_fused(
                &mut learner,
                rollout,
                &rows,
                rate,
                &parameters,
            ));
            steps.append(&mut epoch(
                &mut network,
                &mut adam,
                rollout,
                &rows,
                rate,
                &parameters,
                &device,
            ));
        }
        let (plain_network, plain_adam) = learner.finish(self.network.clone(), &device);
        let theirs = golden["steps"].as_array().unwrap();
        assert_eq!(
            (steps.len(), plain_steps.len()),
            (theirs.len(), theirs.len())
        );
        let steps = steps.into_iter().map(read).zip(plain_steps).zip(theirs);
        for (index, ((ours, plain), theirs)) in steps.enumerate() {
            let names = [
                "policy_loss",
                "value_loss",
                "entropy",
                "kl",
                "clip_fraction",
                "gradient_norm",
            ];
            let theirs = names.map(|name| number(&theirs[name]));
            close(&format!("{names:?} of step {index}"), &ours, &theirs);
            close(
                &format!("{names:?} of step {index} in plain numbers"),
                &plain,
                &theirs,
            );
        }
        for (path, network) in [("tensors", network), ("plain numbers", plain_network)] {
            close_all(
                &format!("parameters after the update in {path}"),
                &collect(&network.valid()),
                &arrays(&golden["parameters_after"]),
            );
        }
        assert_eq!(adam.time(), plain_adam.time());
        let moments = [adam, plain_adam].map(|adam| adam.moments().unwrap().map(read));
        for (ours, plain) in moments[0].iter().zip(&moments[1]) {
            close("moments", plain, ours);
        }
    }
}

#[test]
fn losses_and_gradients_on_two_trunks_are_as_in_pytorch() {
    Golden::load("separate_tanh").check_losses();
}

#[test]
fn losses_and_gradients_on_one_trunk_are_as_in_pytorch() {
    Golden::load("shared_relu").check_losses();
}

#[test]
fn a_whole_update_on_two_trunks_is_as_in_pytorch() {
    Golden::load("separate_tanh").check_update();
}

#[test]
fn a_whole_update_on_one_trunk_is_as_in_pytorch() {
    Golden::load("shared_relu").check_update();
}
