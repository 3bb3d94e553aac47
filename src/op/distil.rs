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
    agent::{adam::Rate, targets::Trainer},
    env::{self, Env, legal_actions},
    error::{Error, Result},
    model::{
        Site,
        evaluator::{Answers, Evaluator, masked_softmax, observations},
    },
    rng::Rng,
    rollout::replay::{Batch, ILLEGAL},
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
    let mut student = Trainer::new(untrained.network.clone(), untrained.device.clone());
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
        let left = 1.0 - step as f32 / setting.num_steps as f32;
        pending.push((class.draw(setting, &mut draw), setting.learning_rate * left));
        let done = step + 1;
        // The student plays as it is after the step before.
        let plays_next = done % every == 0;
        if pending.len() == WINDOW || plays_next || done == setting.num_steps {
            let losses = class.teach(&mut student, std::mem::take(&mut pending));
            curve.push(Loss::new(done, losses.await?)?);
            watch.step(done, setting.num_steps).await?;
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

impl Loss {
    /// Errors: `NotFinite`.
    fn new(step: usize, [policy, value]: [f32; 2]) -> Result<Self> {
        if policy.is_finite() && value.is_finite() {
            return Ok(Self {
                step,
                policy,
                value,
            });
        }
        Err(Error::NotFinite {
            what: "the student's loss".into(),
        })
    }
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
    /// Every state, with the teacher's policy and value as what is to be learned.
    all: Batch,
    /// Entropy of the teacher's policy in each state, in nats: of the cross-entropy, what no student can save.
    entropies: Vec<f32>,
    /// States that are not of the student's own play; they come first.
    num_reference: usize,
    /// One over the variance of the teacher's value.
    weight: f32,
}

impl Class {
    async fn new(teacher: Evaluator, states: &[Box<dyn Env>]) -> Result<Self> {
        let mut class = Self {
            teacher,
            all: Batch {
                observations: Vec::new(),
                policies: Vec::new(),
                masks: Vec::new(),
                values: Vec::new(),
            },
            entropies: Vec::new(),
            num_reference: states.len(),
            weight: 1.0,
        };
        class.add(states).await?;
        let values = &class.all.values;
        let count = values.len() as f32;
        let mean = values.iter().sum::<f32>() / count;
        let square: f32 = values.iter().map(|value| (value - mean).powi(2)).sum();
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
        let all = &mut self.all;
        all.observations.extend(observed);
        for (row, state) in states.iter().enumerate() {
            let logits = answers.logits_of(row);
            let mut legal = vec![false; logits.len()];
            state.legal(&mut legal);
            let policy = masked_softmax(logits, &legal);
            let chosen = policy.iter().filter(|p| **p > 0.0);
            self.entropies
                .push(-chosen.map(|p| p * p.ln()).sum::<f32>());
            all.policies.extend(policy);
            let mask = legal.iter().map(|legal| if *legal { 0.0 } else { ILLEGAL });
            all.masks.extend(mask);
        }
        all.values.extend(answers.values);
        Ok(())
    }

    /// Rows of a batch, as many as asked for of the student's own play, once there is any.
    fn draw(&self, setting: Setting, rng: &mut Rng) -> Vec<usize> {
        let own = self.entropies.len() - self.num_reference;
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

    /// The states of these rows, and their mean entropy.
    fn batch(&self, rows: &[usize]) -> (Batch, f32) {
        let chosen = |all: &[f32]| -> Vec<f32> {
            let width = all.len() / self.entropies.len();
            let row = |&row: &usize| &all[row * width..(row + 1) * width];
            rows.iter().flat_map(row).copied().collect()
        };
        let batch = Batch {
            observations: chosen(&self.all.observations),
            policies: chosen(&self.all.policies),
            masks: chosen(&self.all.masks),
            values: chosen(&self.all.values),
        };
        let entropies = chosen(&self.entropies);
        (batch, entropies.iter().sum::<f32>() / rows.len() as f32)
    }

    /// Teaches one step for each of `batches`, of rows and a learning rate. Returns the mean losses of these
    /// steps, the policy's and the value's.
    async fn teach(
        &self,
        student: &mut Trainer,
        batches: Vec<(Vec<usize>, f32)>,
    ) -> Result<[f32; 2]> {
        let count = batches.len() as f32;
        let mut entropy = 0.0;
        let batches = batches.iter().map(|(rows, rate)| {
            let (batch, mean) = self.batch(rows);
            entropy += mean / count;
            let rate = Rate {
                rate: *rate,
                decay: 0.0,
                max_norm: Some(1.0),
            };
            (batch, rate)
        });
        let found = student.train(batches.collect(), self.weight).await?; // [step × 2]
        let mean = |place: usize| found.iter().skip(place).step_by(2).sum::<f32>() / count;
        // The divergence is the cross-entropy less the entropy.
        Ok([mean(0) - entropy, mean(1) * self.weight])
    }
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
    use burn::tensor::Device;
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

    /// The losses of `student` on the whole class, before its first step.
    fn first_loss(student: &Evaluator, class: &Class) -> [f32; 2] {
        let mut student = Trainer::new(student.network.clone(), student.device.clone());
        let rows = (0..class.entropies.len()).collect();
        block_on(class.teach(&mut student, vec![(rows, 0.01)])).unwrap()
    }

    #[test]
    fn a_student_that_is_its_teacher_loses_nothing() {
        let states = reference_states(tictactoe().as_ref(), 64, &mut Rng::new(0));
        let class = block_on(Class::new(network(1), &states)).unwrap();
        let same = first_loss(&network(1), &class);
        assert!(same.iter().all(|loss| loss.abs() < 1e-5), "{same:?}");
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
