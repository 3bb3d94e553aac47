//! What AlphaZero minimises: as a graph of tensors, and in plain numbers with its derivatives.

use crate::{
    agent::fused::log_softmax,
    model::{Network, mlp::fused::Fused, panels::Lanes, taps::Taps},
    rollout::replay::Batch,
};
use burn::tensor::{Tensor, activation};

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
