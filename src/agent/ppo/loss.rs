//! What PPO minimises: as a graph of tensors, and in plain numbers with its derivatives.
//!
//! Of a row with action a, probability ratio r = π(a) / π_old(a), advantage A, entropy H, value v, value
//! when it was played v₀ and target t the loss is
//!
//! ```text
//! −min(r A, clip(r, 1 ± c) A) − cₑ H + cᵥ ½ max((v − t)², (v₀ + clip(v − v₀, ± c) − t)²)
//! ```
//!
//! and that of a minibatch the mean over its rows.

use super::{
    Parameters,
    rollout::{Minibatch, Rows},
};
use crate::{
    agent::fused::log_softmax,
    model::{Network, mlp::fused::Fused, panels::Lanes, taps::Taps},
};
use burn::tensor::{Tensor, activation};

/// The parts of the loss and what to watch, each `[1]`.
pub struct Losses {
    /// The clipped surrogate, to be minimised.
    pub policy: Tensor<1>,
    /// Half the squared value error, clipped.
    pub value: Tensor<1>,
    /// Mean entropy of the policy.
    pub entropy: Tensor<1>,
    /// `(ratio − 1) − ln ratio`: an estimate of the divergence from the policy that played. No gradient.
    pub kl: Tensor<1>,
    /// Share of ratios beyond the clip. No gradient.
    pub clip_fraction: Tensor<1>,
}

impl Losses {
    /// What is minimised, `[1]`.
    pub fn total(&self, parameters: &Parameters) -> Tensor<1> {
        self.policy.clone() - self.entropy.clone() * parameters.entropy_coefficient
            + self.value.clone() * parameters.value_coefficient
    }
}

/// The loss of `network` on a minibatch, in its parts.
pub fn losses(network: &Network, batch: &Minibatch, parameters: &Parameters) -> Losses {
    let p = parameters;
    let output = network.forward(batch.observation.clone(), &mut Taps::off());
    let log_probs = activation::log_softmax(output.logits + batch.mask.clone(), 1); // [batch, action]
    let log_prob = (log_probs.clone() * batch.action.clone()).sum_dim(1); // [batch, 1]
    let log_ratio = log_prob - batch.log_prob.clone(); // [batch, 1]
    let ratio = log_ratio.clone().exp(); // [batch, 1]
    let free = batch.advantage.clone() * ratio.clone(); // [batch, 1]
    let clipped = batch.advantage.clone() * ratio.clone().clamp(1.0 - p.clip, 1.0 + p.clip); // [batch, 1]
    let policy = free.min_pair(clipped).mean().neg(); // [1]
    let value = output.value; // [batch, 1]
    let error = value.clone() - batch.target.clone(); // [batch, 1]
    let mut squared = error.clone() * error; // [batch, 1]
    if p.clip_values {
        let moved = (value - batch.value.clone()).clamp(-p.clip, p.clip); // [batch, 1]
        let error = batch.value.clone() + moved - batch.target.clone(); // [batch, 1]
        squared = squared.max_pair(error.clone() * error); // [batch, 1]
    }
    // An illegal action has probability 0 and a finite, very negative logarithm.
    let count = batch.advantage.dims()[0] as f32;
    let entropy = (log_probs.clone().exp() * log_probs).sum() / -count; // [1]
    // No gradient is wanted of what is only watched.
    let (log_ratio, ratio) = (log_ratio.inner(), ratio.inner()); // [batch, 1]
    let beyond = (ratio.clone() - 1.0).abs().greater_elem(p.clip).float(); // [batch, 1]
    Losses {
        policy,
        value: squared.mean() * 0.5,
        entropy,
        kl: (ratio - 1.0 - log_ratio).mean(),
        clip_fraction: beyond.mean(),
    }
}

/// The same in plain numbers, row by row.
pub struct Slopes<'a> {
    rows: &'a Rows,
    clip: f32,
    clip_values: bool,
    /// Weights of the loss' parts: policy, entropy and value.
    pub weights: [f32; 3],
    /// Sums over the rows so far of what `Losses` names, in its order.
    sums: [f32; 5],
}

impl<'a> Slopes<'a> {
    /// Before the first row.
    pub fn new(rows: &'a Rows, parameters: &Parameters) -> Self {
        Self {
            rows,
            clip: parameters.clip,
            clip_values: parameters.clip_values,
            weights: [
                1.0,
                parameters.entropy_coefficient,
                parameters.value_coefficient,
            ],
            sums: [0.0; 5],
        }
    }

    /// The gradient of the loss of `network`.
    pub fn gradient(&mut self, network: &Fused) -> Vec<Lanes> {
        let rows = self.rows;
        network.gradient(
            rows.len(),
            |row| rows.observation(row),
            |row, logits, value| self.row(row, logits, value),
        )
    }

    /// Puts the derivative by each of a row's `logits` in its place; returns that by its value.
    fn row(&mut self, row: usize, logits: &mut [f32], value: f32) -> f32 {
        let share = 1.0 / self.rows.len() as f32;
        let [policy, entropy, by_value] = self.weights.map(|weight| weight * share);
        self.policy_row(row, logits, policy, entropy);
        by_value * self.value_row(row, value)
    }

    fn policy_row(&mut self, row: usize, logits: &mut [f32], policy: f32, entropy: f32) {
        let rows = self.rows;
        let action = rows.actions[row];
        let place = row * logits.len()..(row + 1) * logits.len();
        log_softmax(logits, &rows.masks[place]);
        let log_ratio = logits[action] - rows.log_probs[row];
        let ratio = log_ratio.exp();
        let (low, high) = (1.0 - self.clip, 1.0 + self.clip);
        let free = rows.advantages[row] * ratio;
        let clipped = rows.advantages[row] * ratio.clamp(low, high);
        // Where the clipped one is the smaller, the ratio moves nothing; d r = r d ln π(a).
        let by_log_prob = if free > clipped { 0.0 } else { -free };
        let mut uncertainty = 0.0;
        for x in logits.iter() {
            uncertainty -= x.exp() * x;
        }
        // d ln π(a) / d zⱼ = [a = j] − πⱼ and d H / d zⱼ = −πⱼ (ln πⱼ + H).
        for (index, x) in logits.iter_mut().enumerate() {
            let (prob, log_prob) = (x.exp(), *x);
            let chosen = if index == action { 1.0 } else { 0.0 };
            *x = policy * by_log_prob * (chosen - prob) + entropy * prob * (log_prob + uncertainty);
        }
        let beyond = if (ratio - 1.0).abs() > self.clip {
            1.0
        } else {
            0.0
        };
        let smaller = if free > clipped { clipped } else { free };
        self.sums[0] -= smaller;
        self.sums[2] += uncertainty;
        self.sums[3] += ratio - 1.0 - log_ratio;
        self.sums[4] += beyond;
    }

    fn value_row(&mut self, row: usize, value: f32) -> f32 {
        let (old, target) = (self.rows.values[row], self.rows.targets[row]);
        let error = value - target;
        let (mut squared, mut slope) = (error * error, error);
        if self.clip_values {
            let moved = value - old;
            let held = old + moved.clamp(-self.clip, self.clip) - target;
            if held * held > squared {
                squared = held * held;
                // Beyond the bound the value moves nothing.
                slope = if moved.abs() > self.clip { 0.0 } else { held };
            }
        }
        self.sums[1] += 0.5 * squared;
        slope
    }

    /// Means over all rows of what `Losses` names, in its order.
    pub fn means(&self) -> [f32; 5] {
        self.sums.map(|sum| sum / self.rows.len() as f32)
    }
}
