//! Policy distillation (Rusu et al. 2015, arXiv:1511.06295): a student learns to answer as its teacher.
//!
//! The loss is KL(teacher ‖ student) over legal actions, without a temperature, since a policy's logits are
//! not as close together as Q-values, and the squared error of the value as a share of the teacher's
//! variance. The states are the reference states, and those that the student comes to as it plays.

use super::{
    Subject, Watch, ablate,
    episodes::{self, Player},
    reference_states,
};
use crate::{
    agent::adam::{Adam, Rate},
    backend,
    env::{self, Env, legal_actions},
    error::{Error, Result},
    model::{
        Network, Site,
        evaluator::{Answers, Evaluator, masked_softmax, observations},
        taps::Taps,
    },
    rng::Rng,
    rollout::replay::ILLEGAL,
};
use burn::{
    module::Module,
    tensor::{Device, Tensor, activation},
};
use std::collections::HashSet;

/// How a student is taught.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    /// Its width, as a share of the teacher's.
    pub scale: f32,
    /// Training steps.
    pub num_steps: usize,
    /// States of a step.
    pub batch_size: usize,
    /// Adam's rate at the first step; it falls to 0 in a line.
    pub learning_rate: f32,
    /// Share of a batch that comes from the student's own play.
    pub own_play: f32,
    /// Reference states; a quarter of them is held out.
    pub num_states: usize,
}

/// A teacher and its student.
pub(super) struct Distilled {
    /// The network that was learned from, with the session's edits.
    pub teacher: Evaluator,
    /// What it taught.
    pub student: Evaluator,
    /// The student's first weights.
    pub untrained: Evaluator,
    /// The student's sites.
    pub sites: Vec<Site>,
    /// The losses on the way.
    pub curve: Vec<Loss>,
    /// States that were learned from, those of the student's own play not among them.
    pub seen: Vec<Box<dyn Env>>,
    /// States that were not.
    pub held_out: Vec<Box<dyn Env>>,
}

/// Mean losses of some steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Loss {
    /// The last of them.
    pub step: usize,
    /// KL divergence of the student's policy from the teacher's, in nats.
    pub policy: f32,
    /// Squared error of the value, as a share of the teacher's variance.
    pub value: f32,
}

/// Times that the student plays while it is taught.
const ROUNDS: usize = 4;
/// Episodes that it plays each time.
const NUM_EPISODES: usize = 24;
/// States of its play that are kept each time.
const MOST_OWN: usize = 512;
/// Steps between two readings of the losses.
const WINDOW: usize = 20;

/// Teaches a student; `watch` is told the steps done.
/// Errors: `NotApplicable` where there are too few states or no other networks.
pub(super) async fn distil(
    subject: &Subject<'_>,
    setting: Setting,
    watch: &dyn Watch,
) -> Result<Distilled> {
    let rng = subject.rng.split("distil");
    let untrained = subject.lab.fresh(
        f64::from(setting.scale),
        rng.split("student").below(1 << 30) as u64,
    )?;
    let split = Split::new(subject.env, setting.num_states, &mut rng.split("reference"))?;
    let mut class = Class::new(subject.evaluator.clone(), &split.taught).await?;
    let mut student = Student::new(&untrained, setting.learning_rate);
    let every = setting.num_steps.div_ceil(ROUNDS);
    let (mut play, mut draw) = (rng.split("play"), rng.split("batches"));
    let (mut curve, mut pending) = (Vec::new(), Vec::new());
    for step in 0..setting.num_steps {
        if setting.own_play > 0.0 && step % every == 0 {
            let own = split
                .own_play(subject.env, &student.evaluator(), &mut play)
                .await?;
            class.add(&own).await?;
        }
        let rows = class.draw(setting, &mut draw);
        let left = 1.0 - step as f32 / setting.num_steps as f32;
        pending.push(student.learn(class.batch(&rows, &student.device), left));
        if pending.len() == WINDOW || step + 1 == setting.num_steps {
            curve.push(window(step + 1, std::mem::take(&mut pending)).await?);
            watch.step(step + 1, setting.num_steps).await?;
        }
    }
    Ok(Distilled {
        sites: untrained.network.sites(subject.env.space()),
        teacher: subject.evaluator.clone(),
        student: student.evaluator(),
        untrained,
        curve,
        seen: split.taught,
        held_out: split.held_out,
    })
}

/// The mean of losses `[2]`. Errors: `NotFinite`.
async fn window(step: usize, losses: Vec<Tensor<1>>) -> Result<Loss> {
    let count = losses.len() as f32;
    let numbers = backend::read(Tensor::cat(losses, 0)).await?; // [step × 2]
    let mean = |place: usize| numbers.iter().skip(place).step_by(2).sum::<f32>() / count;
    let loss = Loss {
        step,
        policy: mean(0),
        value: mean(1),
    };
    if loss.policy.is_finite() && loss.value.is_finite() {
        return Ok(loss);
    }
    Err(Error::NotFinite {
        what: "the student's loss".into(),
    })
}

/// What an observation is told apart by: what the network sees of a state.
fn seen_as(state: &dyn Env) -> Vec<u32> {
    env::observation(state)
        .iter()
        .map(|x| x.to_bits())
        .collect()
}

/// Reference states, of which some are never learned from.
struct Split {
    taught: Vec<Box<dyn Env>>,
    held_out: Vec<Box<dyn Env>>,
    hidden: HashSet<Vec<u32>>,
}

impl Split {
    fn new(env: &dyn Env, count: usize, rng: &mut Rng) -> Result<Self> {
        let mut states = reference_states(env, count, rng);
        let held_out = states.split_off(states.len() - states.len() / 4);
        let hidden: HashSet<_> = held_out
            .iter()
            .map(|state| seen_as(state.as_ref()))
            .collect();
        // Two states may look alike to the network.
        states.retain(|state| !hidden.contains(&seen_as(state.as_ref())));
        if states.len() < 2 || held_out.is_empty() {
            return Err(Error::not_applicable(
                "this environment has too few states to teach with and to hold out",
            ));
        }
        Ok(Self {
            taught: states,
            held_out,
            hidden,
        })
    }

    /// States of episodes that the student plays, without any that is held out.
    async fn own_play(
        &self,
        env: &dyn Env,
        student: &Evaluator,
        rng: &mut Rng,
    ) -> Result<Vec<Box<dyn Env>>> {
        let starts = episodes::levels(env, NUM_EPISODES, rng);
        let (mut own, mut met) = (Vec::new(), HashSet::new());
        let mut visit = |_: usize, state: &dyn Env| {
            let key = seen_as(state);
            let is_new = own.len() < MOST_OWN && !self.hidden.contains(&key);
            if is_new && !legal_actions(state).is_empty() && met.insert(key) {
                own.push(state.boxed());
            }
        };
        episodes::play(Player::Network(student), starts, rng, &mut visit).await?;
        Ok(own)
    }
}

/// States with what the teacher says of them.
struct Class {
    teacher: Evaluator,
    observations: Vec<f32>,
    /// The teacher's policy, 0 where illegal, and its logarithm, 0 there too.
    policies: Vec<f32>,
    logarithms: Vec<f32>,
    masks: Vec<f32>,
    values: Vec<f32>,
    /// States that are not of the student's own play; they come first.
    num_reference: usize,
    /// One over the variance of the teacher's value.
    weight: f32,
}

/// A batch of it: observation, policy, its logarithm, mask and value, `[batch, …]`.
struct Batch {
    tensors: [Tensor<2>; 5],
    weight: f32,
}

impl Class {
    async fn new(teacher: Evaluator, states: &[Box<dyn Env>]) -> Result<Self> {
        let mut class = Self {
            teacher,
            observations: Vec::new(),
            policies: Vec::new(),
            logarithms: Vec::new(),
            masks: Vec::new(),
            values: Vec::new(),
            num_reference: states.len(),
            weight: 1.0,
        };
        class.add(states).await?;
        let count = class.values.len() as f32;
        let mean = class.values.iter().sum::<f32>() / count;
        let square: f32 = class
            .values
            .iter()
            .map(|value| (value - mean).powi(2))
            .sum();
        // A value that never varies has no share to err by.
        class.weight = (square / count).max(1e-4).recip();
        Ok(class)
    }

    async fn add(&mut self, states: &[Box<dyn Env>]) -> Result<()> {
        if states.is_empty() {
            return Ok(());
        }
        let observed = observations(states);
        let answers = self
            .teacher
            .evaluate(observed.clone(), states.len())
            .await?;
        self.observations.extend(observed);
        for (row, state) in states.iter().enumerate() {
            let logits = answers.logits_of(row);
            let mut legal = vec![false; logits.len()];
            state.legal(&mut legal);
            let policy = masked_softmax(logits, &legal);
            let logarithm = |p: &f32| if *p > 0.0 { p.ln() } else { 0.0 };
            self.logarithms.extend(policy.iter().map(logarithm));
            self.policies.extend(policy);
            self.masks
                .extend(legal.iter().map(|legal| if *legal { 0.0 } else { ILLEGAL }));
        }
        self.values.extend(answers.values);
        Ok(())
    }

    /// Rows of a batch, as many as asked for of the student's own play, once there is any.
    fn draw(&self, setting: Setting, rng: &mut Rng) -> Vec<usize> {
        let own = self.values.len() - self.num_reference;
        let from_own = match own {
            0 => 0,
            _ => (setting.batch_size as f32 * setting.own_play).round() as usize,
        };
        (0..setting.batch_size)
            .map(|place| match place < from_own {
                true => self.num_reference + rng.below(own),
                false => rng.below(self.num_reference),
            })
            .collect()
    }

    fn batch(&self, rows: &[usize], device: &Device) -> Batch {
        let tensor = |all: &[f32]| {
            let width = all.len() / self.values.len();
            let row = |&row: &usize| all[row * width..(row + 1) * width].iter().copied();
            let chosen = rows.iter().flat_map(row).collect();
            backend::tensor(chosen, [rows.len(), width], device) // [batch, …]
        };
        Batch {
            tensors: [
                tensor(&self.observations),
                tensor(&self.policies),
                tensor(&self.logarithms),
                tensor(&self.masks),
                tensor(&self.values),
            ],
            weight: self.weight,
        }
    }
}

/// A network that learns.
struct Student {
    network: Network,
    adam: Adam,
    learning_rate: f32,
    /// Where gradients are kept.
    device: Device,
    inner: Device,
}

impl Student {
    fn new(first: &Evaluator, learning_rate: f32) -> Self {
        let device = first.device.clone().autodiff();
        Self {
            network: first.network.clone().to_device(&device).train(),
            adam: Adam::new(),
            learning_rate,
            device,
            inner: first.device.clone(),
        }
    }

    /// The network as it is now.
    fn evaluator(&self) -> Evaluator {
        Evaluator {
            network: self.network.valid(),
            device: self.inner.clone(),
            edits: Vec::new(),
        }
    }

    /// One step at `left` of the learning rate. Returns the losses `[2]`, not read back.
    fn learn(&mut self, batch: Batch, left: f32) -> Tensor<1> {
        let (policy, value) = losses(&self.network, batch);
        let gradients = (policy.clone() + value.clone()).backward();
        let rate = Rate {
            rate: self.learning_rate * left,
            decay: 0.0,
            max_norm: Some(1.0),
        };
        self.network = self.adam.step(self.network.clone(), &gradients, rate);
        Tensor::cat(vec![policy.inner(), value.inner()], 0) // [2]
    }
}

/// The policy's and the value's loss, `[1]` each.
fn losses(network: &Network, batch: Batch) -> (Tensor<1>, Tensor<1>) {
    let [observation, policy, logarithm, mask, value] = batch.tensors;
    let output = network.forward(observation, &mut Taps::off());
    let student = activation::log_softmax(output.logits + mask, 1); // [batch, action]
    let divergence = (policy * (logarithm - student)).sum_dim(1).mean(); // [1]
    let error = output.value - value; // [batch, 1]
    let square = (error.clone() * error).mean() * batch.weight; // [1]
    (divergence, square)
}

/// How a network answers, beside the teacher, on the same states.
pub(super) struct Agreement {
    /// States in which its greedy choice is the teacher's.
    pub same: usize,
    /// Mean KL divergence of its policy from the teacher's, in nats.
    pub divergence: f32,
    /// Mean absolute difference of the value.
    pub value_error: f32,
}

impl Agreement {
    pub fn new(teacher: &Answers, student: &Answers, states: &[Box<dyn Env>]) -> Self {
        let effect = ablate::compare(teacher, student, states);
        let values = teacher.values.iter().zip(&student.values);
        Self {
            same: states.len() - effect.changed,
            divergence: effect.divergence,
            value_error: values.map(|(one, other)| (one - other).abs()).sum::<f32>()
                / states.len() as f32,
        }
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::model;
    use pollster::block_on;

    fn tictactoe() -> Box<dyn Env> {
        (env::entry("tictactoe").unwrap().make)(&serde_json::json!({})).unwrap()
    }

    fn network(seed: u64) -> Evaluator {
        let (env, device) = (tictactoe(), Device::flex());
        let parameters = serde_json::json!({"width": 12, "depth": 2});
        let make = model::entry("mlp").unwrap().make;
        Evaluator {
            network: make(&parameters, env.space(), &mut Rng::new(seed), &device).unwrap(),
            device,
            edits: Vec::new(),
        }
    }

    fn first_loss(student: &Evaluator, class: &Class) -> Vec<f32> {
        let mut student = Student::new(student, 0.01);
        let rows: Vec<usize> = (0..class.values.len()).collect();
        let batch = class.batch(&rows, &student.device.clone());
        block_on(backend::read(student.learn(batch, 1.0))).unwrap()
    }

    #[test]
    fn a_student_that_is_its_teacher_loses_nothing() {
        let states = reference_states(tictactoe().as_ref(), 64, &mut Rng::new(0));
        let class = block_on(Class::new(network(1), &states)).unwrap();
        let same = first_loss(&network(1), &class);
        assert!(same.iter().all(|loss| loss.abs() < 1e-6), "{same:?}");
        let other = first_loss(&network(2), &class);
        assert!(other.iter().all(|loss| *loss > 1e-4), "{other:?}");
    }

    #[test]
    fn the_loss_is_the_divergence_over_legal_actions() {
        let states = reference_states(tictactoe().as_ref(), 64, &mut Rng::new(0));
        let (teacher, student) = (network(1), network(2));
        let class = block_on(Class::new(teacher.clone(), &states)).unwrap();
        let [one, other] = [&teacher, &student]
            .map(|evaluator| block_on(evaluator.evaluate_states(&states)).unwrap());
        let by_hand = Agreement::new(&one, &other, &states);
        let loss = first_loss(&student, &class);
        assert!((loss[0] - by_hand.divergence).abs() < 1e-5, "{loss:?}");
    }

    #[test]
    fn what_is_held_out_is_never_learned_from() {
        let env = tictactoe();
        let split = Split::new(env.as_ref(), 4000, &mut Rng::new(3)).unwrap();
        assert_eq!(split.held_out.len(), 1000);
        let own = block_on(split.own_play(env.as_ref(), &network(1), &mut Rng::new(4))).unwrap();
        assert!(own.len() > 20, "{}", own.len());
        for state in split.taught.iter().chain(&own) {
            assert!(!split.hidden.contains(&seen_as(state.as_ref())));
        }
    }

    #[test]
    fn a_batch_has_as_much_of_the_students_own_play_as_was_asked_for() {
        let states = reference_states(tictactoe().as_ref(), 64, &mut Rng::new(0));
        let mut class = block_on(Class::new(network(1), &states[..40])).unwrap();
        let setting = Setting {
            scale: 1.0,
            num_steps: 1,
            batch_size: 32,
            learning_rate: 0.01,
            own_play: 0.25,
            num_states: 64,
        };
        let own = |class: &Class| {
            let rows = class.draw(setting, &mut Rng::new(0));
            rows.iter().filter(|row| **row >= 40).count()
        };
        assert_eq!(own(&class), 0);
        block_on(class.add(&states[40..])).unwrap();
        assert_eq!(own(&class), 8);
    }
}
