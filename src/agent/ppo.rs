//! Proximal policy optimisation (Schulman et al. 2017, arXiv:1707.06347) with the thirteen core details
//! of Huang et al. 2022, "The 37 Implementation Details of Proximal Policy Optimization".
//!
//! One update plays `num_steps` steps in every lane (an environment of its own), estimates advantages,
//! and goes over what it played `num_epochs` times in shuffled minibatches. Deviation: where a time limit
//! cuts an episode, the value of its last state stands for what would have followed.

mod notice;
pub mod rollout;
mod saved;

use super::{
    Agent, AgentEntry, Decision, MetricInfo, Metrics, Setup,
    adam::{Adam, Rate},
    collapse::{Collapse, Detector},
};
use crate::{
    backend::{self, Pending},
    env::{self, Env},
    error::{Error, Result},
    model::{
        Network,
        evaluator::{Evaluator, masked_softmax},
        taps::Taps,
        weights::Archive,
    },
    rng::Rng,
    rollout::{gae::Transition, replay::ILLEGAL},
    schema,
};
use burn::{
    module::Module,
    tensor::{Device, Gradients, Tensor, activation},
};
use rollout::{Cut, Minibatch, Rollout};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: AgentEntry = AgentEntry {
    id: "ppo",
    title: "PPO",
    summary: "Plays many environments at once and follows the policy gradient in small, clipped steps.",
    schema: schema::schema_of::<Parameters>,
    make: |value, setup| Ppo::new(schema::parameters(value, "agent")?, setup).map(boxed),
    metrics: METRICS,
    searches: false,
};

const fn metric(id: &'static str, name: &'static str, lane: Option<&'static str>) -> MetricInfo {
    MetricInfo { id, name, lane }
}

const METRICS: &[MetricInfo] = &[
    metric("return", "mean return", Some("return")),
    metric("length", "mean length", None),
    metric("reward", "mean reward of a step", Some("reward a step")),
    metric("policy_loss", "policy loss", None),
    metric("value_loss", "value loss", None),
    metric("entropy", "entropy", Some("entropy")),
    metric("kl", "KL divergence", None),
    metric("clip_fraction", "clip fraction", None),
    metric("explained_variance", "explained variance", None),
    metric("gradient_norm", "gradient norm", None),
    metric(
        "gradient_cosine",
        "cosine of policy and value gradients",
        None,
    ),
    metric("learning_rate", "learning rate", None),
    metric("steps", "environment steps", None),
];

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// Environments played at once.
    #[schemars(range(min = 1, max = 1024))]
    pub num_envs: usize,
    /// Steps in each environment before an update.
    #[schemars(range(min = 1, max = 4096))]
    pub num_steps: usize,
    /// Minibatches of an epoch.
    #[schemars(range(min = 1, max = 256))]
    pub num_minibatches: usize,
    /// Times that an update goes over what was played.
    #[schemars(range(min = 1, max = 50))]
    pub num_epochs: usize,
    /// Adam's rate at the start.
    #[schemars(range(min = 1e-6, max = 1.0))]
    pub learning_rate: f64,
    /// Whether the rate falls linearly to 0 over the run.
    pub anneal: bool,
    /// Discount of a step.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub gamma: f32,
    /// Decay of advantage estimation.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub gae_lambda: f32,
    /// Whether advantages are normalised in each minibatch.
    pub normalize_advantages: bool,
    /// How far a probability ratio may move before its gradient is cut.
    #[schemars(range(min = 0.001, max = 10.0))]
    pub clip: f32,
    /// Whether values are held near their old ones by the same bound.
    pub clip_values: bool,
    /// Weight of the entropy bonus.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub entropy_coefficient: f32,
    /// Weight of the value loss.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub value_coefficient: f32,
    /// Largest global norm of a gradient.
    #[schemars(range(min = 0.001, max = 1000.0))]
    pub max_gradient_norm: f32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            num_envs: 4,
            num_steps: 128,
            num_minibatches: 4,
            num_epochs: 4,
            learning_rate: 2.5e-4,
            anneal: true,
            gamma: 0.99,
            gae_lambda: 0.95,
            normalize_advantages: true,
            clip: 0.2,
            clip_values: true,
            entropy_coefficient: 0.01,
            value_coefficient: 0.5,
            max_gradient_norm: 0.5,
        }
    }
}

impl Parameters {
    /// Adam's rate in the `update`th of `updates`, counted from 0.
    pub fn rate(&self, update: usize, updates: usize) -> f64 {
        let left = 1.0 - update as f64 / updates.max(1) as f64;
        if self.anneal {
            self.learning_rate * left.max(0.0)
        } else {
            self.learning_rate
        }
    }

    /// Rows of a minibatch; an epoch's last one may have fewer.
    fn minibatch_size(&self, num_rows: usize) -> usize {
        num_rows.div_ceil(self.num_minibatches)
    }
}

/// The learner.
struct Ppo {
    parameters: Parameters,
    start: Box<dyn Env>,
    network: Network,
    device: Device,
    adam: Adam,
    rng: Rng,
    lanes: Vec<Lane>,
    update: usize,
    updates: usize,
    /// Return and length of the last episodes that ended, newest last; where none ever ends, of each
    /// lane's last updates.
    ended: Vec<(f32, usize)>,
    detector: Detector,
    /// The collapse that began with the newest update.
    collapse: Option<Collapse>,
}

/// An environment being played.
struct Lane {
    env: Box<dyn Env>,
    /// Sum of rewards so far.
    total: f32,
    length: usize,
}

/// Episodes that the mean return is taken over.
const NUM_ENDED: usize = 100;
/// Updates that the mean reward of a step is taken over where no episode ends.
const NUM_UPDATES: usize = 20;

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

fn boxed(agent: Ppo) -> Box<dyn Agent> {
    Box::new(agent)
}

impl Ppo {
    fn new(parameters: Parameters, setup: Setup) -> Result<Self> {
        if setup.env.space().num_players != 1 {
            return Err(Error::not_applicable(
                "ppo here plays environments with one player",
            ));
        }
        let batch = parameters.num_envs * parameters.num_steps;
        if parameters.num_minibatches > batch {
            return Err(Error::Parameter {
                name: "agent.num_minibatches".into(),
                got: parameters.num_minibatches.to_string(),
                allowed: format!("at most num_envs × num_steps, which is {batch}"),
            });
        }
        let mut rng = setup.rng.split("ppo");
        let lanes = (0..parameters.num_envs)
            .map(|_| {
                let mut env = setup.env.clone();
                env.reset(&mut rng);
                Lane {
                    env,
                    total: 0.0,
                    length: 0,
                }
            })
            .collect();
        Ok(Self {
            network: setup
                .network
                .to_device(&setup.device.clone().autodiff())
                .train(),
            device: setup.device,
            start: setup.env,
            adam: Adam::new(),
            rng,
            lanes,
            update: 0,
            updates: setup.updates,
            ended: Vec::new(),
            detector: Detector::default(),
            collapse: None,
            parameters,
        })
    }

    async fn update(&mut self) -> Result<Metrics> {
        let evaluator = Evaluator {
            network: self.network.valid(),
            device: self.device.clone(),
            edits: Vec::new(),
        };
        let rollout = self.play(&evaluator).await?;
        let rate = self.parameters.rate(self.update, self.updates);
        let mut watched = Vec::new();
        let num_rows = rollout.num_rows();
        let mut rows: Vec<usize> = (0..num_rows).collect();
        for _ in 0..self.parameters.num_epochs {
            self.rng.shuffle(&mut rows);
            watched.append(&mut epoch(
                &mut self.network,
                &mut self.adam,
                &rollout,
                &rows,
                rate,
                &self.parameters,
                &self.device,
            ));
        }
        let mut metrics = self.watch(watched, &rollout).await?;
        self.collapse = self.notice(&metrics, &rollout);
        if self.network.is_shared() {
            let last = rows.chunks(self.parameters.minibatch_size(num_rows)).last();
            let batch = rollout.minibatch(last.unwrap_or_default(), &self.parameters, &self.device);
            if let Some(cosine) = self.gradient_cosine(&batch).await? {
                metrics.insert("gradient_cosine".into(), cosine);
            }
        }
        metrics.insert("learning_rate".into(), rate);
        self.update += 1;
        let steps = self.update * num_rows;
        metrics.insert("steps".into(), steps as f64);
        Ok(metrics)
    }

    /// Plays `num_steps` steps in every lane, and estimates advantages.
    async fn play(&mut self, evaluator: &Evaluator) -> Result<Rollout> {
        let (width, num_actions) = {
            let space = self.start.space();
            (space.observation_len(), space.num_actions())
        };
        let num_lanes = self.lanes.len();
        let mut rollout = Rollout::default();
        let mut cut = Vec::new();
        let mut legal = vec![false; num_actions];
        let mut observations = self.observations(width);
        for _ in 0..self.parameters.num_steps {
            let answers = evaluator.evaluate(observations.clone(), num_lanes).await?;
            rollout.observations.append(&mut observations);
            for (row, lane) in self.lanes.iter_mut().enumerate() {
                lane.env.legal(&mut legal);
                let policy = masked_softmax(answers.logits_of(row), &legal);
                let action = self.rng.weighted(&policy);
                let step = lane.env.step(action, &mut self.rng)?;
                let mask = legal.iter().map(|&legal| if legal { 0.0 } else { ILLEGAL });
                rollout.masks.extend(mask);
                rollout.actions.push(action);
                rollout
                    .log_probs
                    .push(policy[action].max(f32::MIN_POSITIVE).ln());
                if step.truncated {
                    cut.push(Cut {
                        row: rollout.transitions.len(),
                        observation: env::observation(lane.env.as_ref()),
                    });
                }
                rollout.transitions.push(Transition {
                    reward: step.reward,
                    value: answers.values[row],
                    next_value: 0.0,
                    done: step.done(),
                });
                lane.total += step.reward;
                lane.length += 1;
                if step.done() {
                    self.ended.push((lane.total, lane.length));
                    (lane.total, lane.length) = (0.0, 0);
                    lane.env.reset(&mut self.rng);
                }
            }
            observations = self.observations(width);
        }
        let mut most = NUM_ENDED;
        if self.start.space().continuing {
            let brought = self.lanes.iter_mut().map(|lane| {
                let brought = (lane.total, lane.length);
                (lane.total, lane.length) = (0.0, 0);
                brought
            });
            self.ended.extend(brought);
            most = NUM_UPDATES * num_lanes;
        }
        let surplus = self.ended.len().saturating_sub(most);
        self.ended.drain(..surplus);
        let after = evaluator.evaluate(observations, num_lanes).await?.values;
        let mut cut_values = Vec::new();
        if !cut.is_empty() {
            let observations = cut.iter().flat_map(|cut| cut.observation.iter().copied());
            let answers = evaluator.evaluate(observations.collect(), cut.len());
            cut_values = answers.await?.values;
        }
        rollout.bootstrap(&after, &cut, &cut_values);
        let p = &self.parameters;
        rollout.estimate(num_lanes, p.gamma, p.gae_lambda);
        Ok(rollout)
    }

    /// The lanes' observations, `[lane × observation]`.
    fn observations(&self, width: usize) -> Vec<f32> {
        let mut all = vec![0.0; self.lanes.len() * width];
        for (lane, out) in self.lanes.iter().zip(all.chunks_exact_mut(width)) {
            lane.env.observe(out);
        }
        all
    }

    /// Means over an update's steps, and what the rollout tells. Errors: `NotFinite`.
    async fn watch(&self, watched: Vec<Tensor<1>>, rollout: &Rollout) -> Result<Metrics> {
        const NAMES: [&str; 6] = [
            "policy_loss",
            "value_loss",
            "entropy",
            "kl",
            "clip_fraction",
            "gradient_norm",
        ];
        let count = watched.len();
        let numbers = backend::read(Tensor::cat(watched, 0)).await?; // [step × 6]
        let mut metrics = Metrics::new();
        for (index, name) in NAMES.iter().enumerate() {
            let column = numbers.iter().skip(index).step_by(NAMES.len());
            let mean = column.map(|&x| f64::from(x)).sum::<f64>() / count as f64;
            if !mean.is_finite() {
                return Err(Error::NotFinite {
                    what: format!("the {name}").replace('_', " "),
                });
            }
            metrics.insert((*name).into(), mean);
        }
        if !self.ended.is_empty() && !self.start.space().continuing {
            let count = self.ended.len() as f64;
            let total: f64 = self.ended.iter().map(|(total, _)| f64::from(*total)).sum();
            let length: usize = self.ended.iter().map(|(_, length)| length).sum();
            metrics.insert("return".into(), total / count);
            metrics.insert("length".into(), length as f64 / count);
        }
        let rewards = rollout.transitions.iter().map(|one| f64::from(one.reward));
        let reward = rewards.sum::<f64>() / rollout.transitions.len() as f64;
        metrics.insert("reward".into(), reward);
        metrics.insert("explained_variance".into(), rollout.explained_variance());
        Ok(metrics)
    }

    /// Cosine between the gradients of the policy's and of the value's loss on the weights that both
    /// move.
    async fn gradient_cosine(&self, batch: &Minibatch) -> Result<Option<f64>> {
        let gradient = |of: fn(Losses) -> Tensor<1>| -> Gradients {
            of(losses(&self.network, batch, &self.parameters)).backward()
        };
        let [policy, value] = [
            gradient(|found| found.policy),
            gradient(|found| found.value),
        ];
        super::adam::cosine(&self.network, &policy, &value).await
    }
}

/// Goes over a rollout once, its rows in the given `order`, with a training step on each minibatch.
///
/// Returns of each step what to watch `[6]`, not read back: the losses' parts in order, then the
/// gradient's norm.
pub fn epoch(
    network: &mut Network,
    adam: &mut Adam,
    rollout: &Rollout,
    order: &[usize],
    rate: f64,
    parameters: &Parameters,
    device: &Device,
) -> Vec<Tensor<1>> {
    let p = parameters;
    let step = |rows| {
        let found = losses(network, &rollout.minibatch(rows, p, device), p);
        let gradients = found.total(p).backward();
        *network = adam.step(
            network.clone(),
            &gradients,
            Rate {
                rate: rate as f32,
                decay: 0.0,
                max_norm: Some(p.max_gradient_norm),
            },
        );
        let mut watched = vec![
            found.policy.inner(),
            found.value.inner(),
            found.entropy.inner(),
            found.kl,
            found.clip_fraction,
        ];
        watched.extend(adam.gradient_norm());
        Tensor::cat(watched, 0) // [6]
    };
    order
        .chunks(p.minibatch_size(order.len()))
        .map(step)
        .collect()
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

impl Agent for Ppo {
    fn advance(&mut self) -> Pending<'_, Result<Metrics>> {
        Box::pin(self.update())
    }

    fn collapse(&self) -> Option<&Collapse> {
        self.collapse.as_ref()
    }

    fn network(&self) -> Network {
        self.network.valid()
    }

    fn decide<'a>(
        &'a self,
        evaluator: &'a Evaluator,
        states: &'a [Box<dyn Env>],
        _search: bool,
    ) -> Pending<'a, Result<Vec<Decision>>> {
        Box::pin(Decision::bare(evaluator, states))
    }

    fn save<'a>(&'a self, archive: &'a mut Archive) -> Pending<'a, Result<()>> {
        Box::pin(self.write(archive))
    }

    fn restore(&mut self, network: Network, archive: &Archive) -> Result<()> {
        self.read(network, archive)
    }
}
