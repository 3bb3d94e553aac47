//! Learning policies and values that are given: by search, as in AlphaZero, or by a teacher.
//!
//! The loss as a graph of tensors, and in plain numbers with its derivatives.

use super::{
    adam::{Adam, Rate},
    fused::{Learner, log_softmax},
};
use crate::{
    backend,
    error::Result,
    model::{Network, evaluator::Evaluator, mlp::fused::Fused, panels::Lanes, taps::Taps},
    rollout::replay::Batch,
};
use burn::{
    module::Module,
    tensor::{Device, Tensor, activation},
};

/// A network in training, and its optimiser.
pub struct Trainer {
    /// The network, on the device that keeps gradients.
    pub network: Network,
    /// Its optimiser.
    pub adam: Adam,
    /// Where it computes.
    pub device: Device,
}

impl Trainer {
    /// Begins with these weights.
    pub fn new(network: Network, device: Device) -> Self {
        let mut trainer = Self {
            network,
            adam: Adam::new(),
            device,
        };
        trainer.put(trainer.network.clone());
        trainer
    }

    /// Goes on with these weights.
    pub fn put(&mut self, network: Network) {
        self.network = network.to_device(&self.device.clone().autodiff()).train();
    }

    /// The network as it is now.
    pub fn evaluator(&self) -> Evaluator {
        Evaluator {
            network: self.network.valid(),
            device: self.device.clone(),
            edits: Vec::new(),
        }
    }

    /// One step for each batch, down the policy loss and `value_coefficient` times the value loss.
    /// Returns both losses of every step, `[step × 2]`.
    pub async fn train(
        &mut self,
        batches: Vec<(Batch, Rate)>,
        value_coefficient: f32,
    ) -> Result<Vec<f32>> {
        if let Some(mut learner) = Learner::of(&self.network, &self.adam, &self.device).await? {
            let mut found = Vec::with_capacity(2 * batches.len());
            for (batch, rate) in batches {
                let (gradient, losses) = gradient(&learner.network, &batch, value_coefficient);
                learner.step(gradient, rate);
                found.extend(losses);
            }
            (self.network, self.adam) = learner.finish(self.network.clone(), &self.device);
            return Ok(found);
        }
        let steps = batches.into_iter();
        let losses: Vec<_> = steps
            .map(|(batch, rate)| self.step(batch, rate, value_coefficient))
            .collect();
        match losses.is_empty() {
            true => Ok(Vec::new()),
            false => backend::read(Tensor::cat(losses, 0)).await, // [step × 2]
        }
    }

    /// One training step; returns the policy and value losses `[2]`, not read back.
    fn step(&mut self, batch: Batch, rate: Rate, value_coefficient: f32) -> Tensor<1> {
        let device = self.device.clone().autodiff();
        let size = batch.values.len();
        let actions = batch.masks.len() / size;
        let width = batch.observations.len() / size;
        let observation = backend::tensor(batch.observations, [size, width], &device); // [batch, observation]
        let policy = backend::tensor(batch.policies, [size, actions], &device); // [batch, action]
        let mask = backend::tensor(batch.masks, [size, actions], &device); // [batch, action]
        let value = backend::tensor(batch.values, [size, 1], &device); // [batch, 1]
        let (policy_loss, value_loss) = losses(&self.network, observation, policy, mask, value);
        let total = policy_loss.clone() + value_loss.clone() * value_coefficient; // [1]
        let gradients = total.backward();
        self.network = self.adam.step(self.network.clone(), &gradients, rate);
        Tensor::cat(vec![policy_loss.inner(), value_loss.inner()], 0) // [2]
    }
}

/// Policy cross-entropy over legal actions and squared value error, both means over the batch, `[1]`.
///
/// `policy` `[batch, action]` is zero where illegal; `mask` is 0 where legal and very negative elsewhere;
/// `value` `[batch, 1]`.
pub fn losses(
    network: &Network,
    observation: Tensor<2>,
    policy: Tensor<2>,
    mask: Tensor<2>,
    value: Tensor<2>,
) -> (Tensor<1>, Tensor<1>) {
    let output = network.forward(observation, &mut Taps::off());
    let log_policy = activation::log_softmax(output.logits + mask, 1); // [batch, action]
    let policy_loss = (policy * log_policy).sum_dim(1).mean().neg(); // [1]
    let error = output.value - value; // [batch, 1]
    let value_loss = (error.clone() * error).mean(); // [1]
    (policy_loss, value_loss)
}

/// The same losses of a batch in plain numbers, and the gradient of the first plus `value_coefficient` times
/// the second.
pub fn gradient(network: &Fused, batch: &Batch, value_coefficient: f32) -> (Vec<Lanes>, [f32; 2]) {
    let size = batch.values.len();
    let width = batch.observations.len() / size;
    let share = 1.0 / size as f32;
    let mut losses = [0.0; 2];
    let gradient = network.gradient(
        size,
        |row| &batch.observations[row * width..(row + 1) * width],
        |row, logits, value| {
            let place = row * logits.len()..(row + 1) * logits.len();
            let (policy, mask) = (&batch.policies[place.clone()], &batch.masks[place]);
            log_softmax(logits, mask);
            let total: f32 = policy.iter().sum();
            for (x, target) in logits.iter_mut().zip(policy) {
                losses[0] -= share * target * *x;
                // d (−Σ π ln p) / d zⱼ = pⱼ Σ π − πⱼ.
                *x = share * (x.exp() * total - target);
            }
            let error = value - batch.values[row];
            losses[1] += share * error * error;
            share * value_coefficient * 2.0 * error
        },
    );
    (gradient, losses)
}
