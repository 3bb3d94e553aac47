//! What an update played, and its rows as tensors to train on.

use super::Parameters;
use crate::{
    backend,
    rollout::gae::{self, Transition},
};
use burn::tensor::{Device, Tensor};

/// What was played, `[step × lane]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rollout {
    /// `[step × lane × observation]`.
    pub observations: Vec<f32>,
    /// 0 where legal and very negative elsewhere, `[step × lane × action]`.
    pub masks: Vec<f32>,
    /// What was played.
    pub actions: Vec<usize>,
    /// Log-probability of each action when it was played.
    pub log_probs: Vec<f32>,
    /// Rewards, values, and where episodes end.
    pub transitions: Vec<Transition>,
    /// By generalised advantage estimation.
    pub advantages: Vec<f32>,
}

/// The last state of an episode that a time limit cut.
pub(super) struct Cut {
    /// The row of the step that led there.
    pub(super) row: usize,
    /// Its observation.
    pub(super) observation: Vec<f32>,
}

/// Rows of a rollout.
pub struct Rows {
    /// `[row × observation]`.
    pub observations: Vec<f32>,
    /// 0 where legal and very negative elsewhere, `[row × action]`.
    pub masks: Vec<f32>,
    /// What was played.
    pub actions: Vec<usize>,
    /// Log-probability of each action when it was played.
    pub log_probs: Vec<f32>,
    /// Normalised, where that is wanted.
    pub advantages: Vec<f32>,
    /// Values when they were played.
    pub values: Vec<f32>,
    /// Advantages as they were estimated plus values.
    pub targets: Vec<f32>,
}

/// Rows of a rollout on the device.
pub struct Minibatch {
    /// `[batch, observation]`.
    pub observation: Tensor<2>,
    /// `[batch, action]`: 0 where legal and very negative elsewhere.
    pub mask: Tensor<2>,
    /// One-hot `[batch, action]`.
    pub action: Tensor<2>,
    /// Log-probability of the action when it was played, `[batch, 1]`.
    pub log_prob: Tensor<2>,
    /// Normalised, where that is wanted, `[batch, 1]`.
    pub advantage: Tensor<2>,
    /// Value when it was played, `[batch, 1]`.
    pub value: Tensor<2>,
    /// Advantage as it was estimated plus value, `[batch, 1]`.
    pub target: Tensor<2>,
}

impl Rollout {
    /// How many steps were played.
    pub fn num_rows(&self) -> usize {
        self.actions.len()
    }

    /// Fills in what each step's next state is worth: nothing where the episode terminated, what
    /// `cut_values` says of a cut one's last state, else the value of the lane's next step; of the last
    /// steps `after`, the values of the lanes' states now.
    pub(super) fn bootstrap(&mut self, after: &[f32], cut: &[Cut], cut_values: &[f32]) {
        let num_lanes = after.len();
        for index in 0..self.transitions.len() {
            let next = self.transitions.get(index + num_lanes);
            self.transitions[index].next_value = if self.transitions[index].done {
                0.0
            } else {
                next.map_or(after[index % num_lanes], |next| next.value)
            };
        }
        for (cut, value) in cut.iter().zip(cut_values) {
            self.transitions[cut.row].next_value = *value;
        }
    }

    /// Estimates the advantage of each step.
    pub(super) fn estimate(&mut self, num_lanes: usize, gamma: f32, lambda: f32) {
        self.advantages = gae::advantages(&self.transitions, num_lanes, gamma, lambda);
    }

    /// The given rows, gathered for a training step.
    pub fn rows(&self, rows: &[usize], parameters: &Parameters) -> Rows {
        let gather = |data: &[f32]| {
            let width = data.len() / self.num_rows();
            let mut picked = Vec::with_capacity(rows.len() * width);
            for &row in rows {
                picked.extend_from_slice(&data[row * width..(row + 1) * width]);
            }
            picked
        };
        let values = rows.iter().map(|&row| self.transitions[row].value);
        let values: Vec<f32> = values.collect();
        let mut advantages = gather(&self.advantages);
        let targets = advantages.iter().zip(&values).map(|(a, v)| a + v);
        let targets = targets.collect();
        if parameters.normalize_advantages {
            normalize(&mut advantages);
        }
        Rows {
            observations: gather(&self.observations),
            masks: gather(&self.masks),
            actions: rows.iter().map(|&row| self.actions[row]).collect(),
            log_probs: gather(&self.log_probs),
            advantages,
            values,
            targets,
        }
    }

    /// The same on the device, which tracks gradients.
    pub fn minibatch(&self, rows: &[usize], parameters: &Parameters, device: &Device) -> Minibatch {
        self.rows(rows, parameters).minibatch(device)
    }

    /// Share of the targets' variance that the values told in advance.
    pub(super) fn explained_variance(&self) -> f64 {
        let variance = |numbers: &dyn Fn(usize) -> f64| {
            let count = self.advantages.len() as f64;
            let mean = (0..self.advantages.len()).map(numbers).sum::<f64>() / count;
            let squares = (0..self.advantages.len()).map(|row| (numbers(row) - mean).powi(2));
            squares.sum::<f64>() / count
        };
        let error = |row: usize| f64::from(self.advantages[row]);
        let target = |row: usize| error(row) + f64::from(self.transitions[row].value);
        match variance(&target) {
            0.0 => 0.0,
            all => 1.0 - variance(&error) / all,
        }
    }
}

impl Rows {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.actions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// The observation of a row.
    pub fn observation(&self, row: usize) -> &[f32] {
        let width = self.observations.len() / self.len();
        &self.observations[row * width..(row + 1) * width]
    }

    /// As tensors on the device, which tracks gradients.
    pub fn minibatch(self, device: &Device) -> Minibatch {
        let device = device.clone().autodiff();
        let count = self.len();
        let num_actions = self.masks.len() / count;
        let mut actions = vec![0.0; count * num_actions];
        for (row, action) in self.actions.iter().enumerate() {
            actions[row * num_actions + action] = 1.0;
        }
        let matrix = |numbers: Vec<f32>| {
            let width = numbers.len() / count;
            backend::tensor(numbers, [count, width], &device) // [batch, width]
        };
        Minibatch {
            observation: matrix(self.observations),
            mask: matrix(self.masks),
            action: matrix(actions),
            log_prob: matrix(self.log_probs),
            advantage: matrix(self.advantages),
            value: matrix(self.values),
            target: matrix(self.targets),
        }
    }
}

/// To mean 0 and deviation 1; a single number stays as it is, since it has no deviation.
fn normalize(numbers: &mut [f32]) {
    let count = numbers.len() as f32;
    let mean = numbers.iter().sum::<f32>() / count;
    let squares = numbers.iter().map(|x| (x - mean) * (x - mean));
    let deviation = (squares.sum::<f32>() / (count - 1.0)).sqrt();
    if numbers.len() > 1 {
        numbers
            .iter_mut()
            .for_each(|x| *x = (*x - mean) / (deviation + 1e-8));
    }
}

// What blocks to read a tensor back is not there in a browser.
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::super::{Parameters, Ppo};
    use crate::{
        agent::Setup,
        env::{
            Axis, Env, Space, Step,
            scene::{Grid, Scene},
        },
        error::Result,
        model::{self, evaluator::Evaluator},
        rng::Rng,
        session::block_on,
    };
    use burn::tensor::Device;
    use serde_json::{Value, json};
    use std::sync::LazyLock;

    /// Steps of an episode, whatever is played.
    const LENGTH: usize = 3;

    /// Episodes that end by their rules and by a time limit in turn, each with a number of its own, so
    /// that no two states look alike.
    #[derive(Clone, Default)]
    struct Walk {
        number: f32,
        steps: usize,
        truncates: bool,
    }

    impl Env for Walk {
        fn space(&self) -> &Space {
            static SPACE: LazyLock<Space> = LazyLock::new(|| Space {
                observation: vec![Axis::new("fact", 3)],
                actions: vec!["on".into()],
                num_players: 1,
                max_steps: LENGTH,
                continuing: false,
                concepts: Vec::new(),
                symmetries: Vec::new(),
            });
            &SPACE
        }

        fn reset(&mut self, rng: &mut Rng) {
            *self = Self {
                number: rng.uniform(),
                steps: 0,
                truncates: !self.truncates,
            };
        }

        fn step(&mut self, _action: usize, _rng: &mut Rng) -> Result<Step> {
            self.steps += 1;
            Ok(self.outcome())
        }

        fn legal(&self, out: &mut [bool]) {
            out.fill(!self.outcome().done());
        }

        fn player(&self) -> usize {
            0
        }

        fn outcome(&self) -> Step {
            let over = self.steps == LENGTH;
            Step {
                reward: 0.0,
                terminated: over && !self.truncates,
                truncated: over && self.truncates,
            }
        }

        fn observe(&self, out: &mut [f32]) {
            let truncates = if self.truncates { 1.0 } else { 0.0 };
            out.copy_from_slice(&[self.number, self.steps as f32, truncates]);
        }

        fn scene(&self) -> Scene {
            Scene {
                rows: 1,
                columns: LENGTH,
                grid: Grid::Tiles,
                sprites: Vec::new(),
                strokes: Vec::new(),
                targets: Vec::new(),
                brushes: Vec::new(),
                status: String::new(),
            }
        }

        fn state(&self) -> Value {
            json!(self.steps)
        }

        fn set_state(&mut self, _state: &Value) -> Result<()> {
            Ok(())
        }

        fn paint(&mut self, _row: usize, _column: usize, _brush: usize) -> Result<()> {
            Ok(())
        }

        fn concepts(&self) -> Vec<f32> {
            Vec::new()
        }

        fn boxed(&self) -> Box<dyn Env> {
            Box::new(self.clone())
        }
    }

    /// A learner of three lanes, and its network as it plays.
    fn learner(num_steps: usize) -> (Ppo, Evaluator) {
        let (env, device, rng) = (Walk::default(), Device::flex(), Rng::new(0));
        let make = model::entry("mlp").unwrap().make;
        let evaluator = Evaluator {
            network: make(&json!({}), env.space(), &mut rng.clone(), &device).unwrap(),
            device: device.clone(),
            edits: Vec::new(),
        };
        let setup = Setup {
            env: env.boxed(),
            network: evaluator.network.clone(),
            device,
            rng,
            updates: 1,
        };
        let parameters = Parameters {
            num_envs: 3,
            num_steps,
            ..Parameters::default()
        };
        (Ppo::new(parameters, setup).unwrap(), evaluator)
    }

    /// The rollout's edge falls within an episode, on a cut one's end and on a terminated one's end.
    #[test]
    fn a_step_is_followed_by_its_own_next_state_unless_its_episode_terminated() {
        for num_steps in [8, LENGTH, 2 * LENGTH] {
            let (mut ppo, evaluator) = learner(num_steps);
            let rollout = block_on(ppo.play(&evaluator, None)).unwrap();
            assert_eq!(rollout.transitions.len(), 3 * num_steps);
            let rows = rollout.observations.chunks_exact(3);
            for (row, (seen, found)) in rows.zip(&rollout.transitions).enumerate() {
                let next = vec![seen[0], seen[1] + 1.0, seen[2]];
                let ended = next[1] == LENGTH as f32;
                assert_eq!(found.done, ended, "row {row} of {num_steps} steps");
                let expected = if ended && next[2] == 0.0 {
                    0.0
                } else {
                    block_on(evaluator.evaluate(next, 1)).unwrap().values[0]
                };
                // A batch of another size rounds its sums in another order.
                let off = (found.next_value - expected).abs();
                assert!(off < 1e-6, "row {row} of {num_steps}: off by {off}");
            }
        }
    }
}
