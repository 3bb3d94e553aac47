//! A ring of training examples from self-play.

use crate::{
    env::Symmetry,
    error::{Error, Result},
    rng::Rng,
};

/// The newest examples, oldest overwritten first.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    capacity: usize,
    observation_len: usize,
    num_actions: usize,
    /// `[example × observation]`.
    observations: Vec<f32>,
    /// Policy targets, `[example × action]`; negative where the action is illegal.
    policies: Vec<f32>,
    /// Value targets, `[example]`.
    values: Vec<f32>,
    next: usize,
}

/// A batch to train on.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// `[batch × observation]`.
    pub observations: Vec<f32>,
    /// Policy targets `[batch × action]`, zero where illegal.
    pub policies: Vec<f32>,
    /// What to add to logits `[batch × action]`: 0 where legal, a large negative number elsewhere.
    pub masks: Vec<f32>,
    /// Value targets `[batch]`.
    pub values: Vec<f32>,
}

/// Added to the logits of illegal actions before a softmax.
pub const ILLEGAL: f32 = -1e9;

impl Replay {
    /// An empty ring for `capacity` examples.
    pub fn new(capacity: usize, observation_len: usize, num_actions: usize) -> Self {
        Self {
            capacity,
            observation_len,
            num_actions,
            observations: Vec::new(),
            policies: Vec::new(),
            values: Vec::new(),
            next: 0,
        }
    }

    /// Number of examples held.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether it holds nothing yet.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Adds an example; `policy` is negative where an action is illegal.
    pub fn push(&mut self, observation: &[f32], policy: &[f32], value: f32) {
        debug_assert_eq!(observation.len(), self.observation_len);
        debug_assert_eq!(policy.len(), self.num_actions);
        if self.len() < self.capacity {
            self.observations.extend_from_slice(observation);
            self.policies.extend_from_slice(policy);
            self.values.push(value);
        } else {
            let (o, a, at) = (self.observation_len, self.num_actions, self.next);
            self.observations[at * o..(at + 1) * o].copy_from_slice(observation);
            self.policies[at * a..(at + 1) * a].copy_from_slice(policy);
            self.values[at] = value;
        }
        self.next = (self.next + 1) % self.capacity;
    }

    /// `size` examples drawn with replacement, each under a random symmetry.
    pub fn sample(&self, size: usize, symmetries: &[Symmetry], rng: &mut Rng) -> Batch {
        let (o, a) = (self.observation_len, self.num_actions);
        let mut batch = Batch {
            observations: Vec::with_capacity(size * o),
            policies: Vec::with_capacity(size * a),
            masks: Vec::with_capacity(size * a),
            values: Vec::with_capacity(size),
        };
        for _ in 0..size {
            let at = rng.below(self.len());
            let symmetry = &symmetries[rng.below(symmetries.len())];
            let observation = &self.observations[at * o..(at + 1) * o];
            let policy = &self.policies[at * a..(at + 1) * a];
            batch
                .observations
                .extend(symmetry.observation.iter().map(|&i| observation[i]));
            batch
                .policies
                .extend(symmetry.action.iter().map(|&i| policy[i].max(0.0)));
            let mask = |p: f32| if p < 0.0 { ILLEGAL } else { 0.0 };
            batch
                .masks
                .extend(symmetry.action.iter().map(|&i| mask(policy[i])));
            batch.values.push(self.values[at]);
        }
        batch
    }

    /// Everything, for a checkpoint: observations, policies, values and the next place.
    pub fn parts(&self) -> (&[f32], &[f32], &[f32], usize) {
        (&self.observations, &self.policies, &self.values, self.next)
    }

    /// Puts `parts` back. Errors: `Error::Checkpoint` when they do not fit together.
    pub fn restore(
        &mut self,
        observations: Vec<f32>,
        policies: Vec<f32>,
        values: Vec<f32>,
        next: usize,
    ) -> Result<()> {
        let count = values.len();
        let fits = count <= self.capacity
            && next < self.capacity
            && (count == self.capacity || next == count)
            && observations.len() == count * self.observation_len
            && policies.len() == count * self.num_actions;
        if !fits {
            return Err(Error::checkpoint(
                "the replay does not fit this run's sizes",
            ));
        }
        (self.observations, self.policies, self.values, self.next) =
            (observations, policies, values, next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Symmetry {
        Symmetry {
            observation: vec![0, 1],
            action: vec![0, 1],
        }
    }

    #[test]
    fn the_oldest_example_is_overwritten() {
        let mut replay = Replay::new(2, 2, 2);
        for value in [1.0, 2.0, 3.0] {
            replay.push(&[value, 0.0], &[1.0, -1.0], value);
        }
        assert_eq!(replay.parts().2, &[3.0, 2.0]);
    }

    #[test]
    fn a_symmetry_moves_observation_policy_and_mask_together() {
        let mut replay = Replay::new(4, 2, 2);
        replay.push(&[5.0, 6.0], &[1.0, -1.0], 0.5);
        let swap = Symmetry {
            observation: vec![1, 0],
            action: vec![1, 0],
        };
        let batch = replay.sample(1, &[swap], &mut Rng::new(0));
        assert_eq!(batch.observations, [6.0, 5.0]);
        assert_eq!(batch.policies, [0.0, 1.0]);
        assert_eq!(batch.masks, [ILLEGAL, 0.0]);
    }

    #[test]
    fn a_replay_of_other_sizes_is_refused() {
        let mut replay = Replay::new(4, 2, 2);
        assert!(
            replay
                .restore(vec![0.0; 3], vec![0.0; 4], vec![0.0; 2], 2)
                .is_err()
        );
        assert!(
            replay
                .restore(vec![0.0; 4], vec![0.0; 4], vec![0.0; 2], 2)
                .is_ok()
        );
        assert_eq!(
            replay.sample(3, &[identity()], &mut Rng::new(0)).values,
            [0.0; 3]
        );
    }
}
