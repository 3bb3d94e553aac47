//! Proximal policy optimisation (Schulman et al. 2017, arXiv:1707.06347) with the thirteen core details
//! of Huang et al. 2022, "The 37 Implementation Details of Proximal Policy Optimization".
//!
//! One update plays `num_steps` steps in every lane (an environment of its own), estimates advantages,
//! and goes over what it played `num_epochs` times in shuffled minibatches. Deviation: where a time limit
//! cuts an episode, the value of its last state stands for what would have followed.

pub mod loss;
mod notice;
pub mod rollout;
mod saved;

use super::{
    Agent, AgentEntry, Decision, MetricInfo, Metrics, Setup,
    adam::{Adam, Rate},
    collapse::{Collapse, Detector},
    fused::{self, Learner},
};
use crate::{
    backend::{self, Pending},
    env::{self, Env},
    error::{Error, Result},
    model::{
        Network,
        evaluator::{Evaluator, masked_softmax},
        mlp::fused::Fused,
        weights::Archive,
    },
    rng::Rng,
    rollout::{gae::Transition, replay::ILLEGAL},
    schema,
};
use burn::{
    module::Module,
    tensor::{Device, Gradients, Tensor},
};
use loss::{Losses, Slopes, losses};
use rollout::{Cut, Rollout, Rows};
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

    fn step_rate(&self, rate: f64) -> Rate {
        Rate {
            rate: rate as f32,
            decay: 0.0,
            max_norm: Some(self.max_gradient_norm),
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
        let learner = Learner::of(&self.network, &self.adam, &self.device).await?;
        let evaluator = Evaluator {
            network: self.network.valid(),
            device: self.device.clone(),
            edits: Vec::new(),
        };
        let quick = learner.as_ref().map(|learner| &learner.network);
        let rollout = self.play(&evaluator, quick).await?;
        let rate = self.parameters.rate(self.update, self.updates);
        let mut rows: Vec<usize> = (0..rollout.num_rows()).collect();
        let orders: Vec<_> = (0..self.parameters.num_epochs)
            .map(|_| {
                self.rng.shuffle(&mut rows);
                rows.clone()
            })
            .collect();
        let watched = match learner {
            Some(learner) => self.learn_fused(learner, &rollout, &orders, rate),
            None => self.learn(&rollout, &orders, rate).await?,
        };
        let mut metrics = self.watch(&watched, &rollout)?;
        self.collapse = self.notice(&metrics, &rollout);
        if self.network.is_shared() {
            let size = self.parameters.minibatch_size(rows.len());
            let last = rows.chunks(size).last().unwrap_or_default();
            if let Some(cosine) = self
                .gradient_cosine(rollout.rows(last, &self.parameters))
                .await?
            {
                metrics.insert("gradient_cosine".into(), cosine);
            }
        }
        metrics.insert("learning_rate".into(), rate);
        self.update += 1;
        let steps = self.update * rows.len();
        metrics.insert("steps".into(), steps as f64);
        Ok(metrics)
    }

    /// Goes over a rollout in each of `orders`. Returns what to watch of each step, `[step × 6]`.
    async fn learn(
        &mut self,
        rollout: &Rollout,
        orders: &[Vec<usize>],
        rate: f64,
    ) -> Result<Vec<f32>> {
        let mut watched = Vec::new();
        for order in orders {
            watched.append(&mut epoch(
                &mut self.network,
                &mut self.adam,
                rollout,
                order,
                rate,
                &self.parameters,
                &self.device,
            ));
        }
        backend::read(Tensor::cat(watched, 0)).await // [step × 6]
    }

    /// The same in plain numbers.
    fn learn_fused(
        &mut self,
        mut learner: Learner,
        rollout: &Rollout,
        orders: &[Vec<usize>],
        rate: f64,
    ) -> Vec<f32> {
        let p = &self.parameters;
        let epochs = orders
            .iter()
            .map(|order| epoch_fused(&mut learner, rollout, order, rate, p));
        let watched = epochs.flatten().flatten().collect();
        (self.network, self.adam) = learner.finish(self.network.clone(), &self.device);
        watched
    }

    /// Plays `num_steps` steps in every lane, and estimates advantages. `quick` is the same network as
    /// `evaluator`'s, where there is one.
    async fn play(&mut self, evaluator: &Evaluator, quick: Option<&Fused>) -> Result<Rollout> {
        let evaluate = async |observations: Vec<f32>, batch| match quick {
            Some(fused) => Ok(fused.answer(&observations, batch)),
            None => evaluator.evaluate(observations, batch).await,
        };
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
            let answers = evaluate(observations.clone(), num_lanes).await?;
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
        let after = evaluate(observations, num_lanes).await?.values;
        let mut cut_values = Vec::new();
        if !cut.is_empty() {
            let observations = cut.iter().flat_map(|cut| cut.observation.iter().copied());
            cut_values = evaluate(observations.collect(), cut.len()).await?.values;
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

    /// Means over an update's steps `[step × 6]`, and what the rollout tells. Errors: `NotFinite`.
    fn watch(&self, watched: &[f32], rollout: &Rollout) -> Result<Metrics> {
        const NAMES: [&str; 6] = [
            "policy_loss",
            "value_loss",
            "entropy",
            "kl",
            "clip_fraction",
            "gradient_norm",
        ];
        let count = watched.len() / NAMES.len();
        let mut metrics = Metrics::new();
        for (index, name) in NAMES.iter().enumerate() {
            let column = watched.iter().skip(index).step_by(NAMES.len());
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
    async fn gradient_cosine(&self, rows: Rows) -> Result<Option<f64>> {
        if let Some(fused) = Fused::of(&self.network, &self.device) {
            let [policy, value] = [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]].map(|weights| {
                let mut slopes = Slopes::new(&rows, &self.parameters);
                slopes.weights = weights;
                slopes.gradient(&fused)
            });
            return Ok(fused::cosine(fused.shared(&policy), fused.shared(&value)));
        }
        let batch = rows.minibatch(&self.device);
        let gradient = |of: fn(Losses) -> Tensor<1>| -> Gradients {
            of(losses(&self.network, &batch, &self.parameters)).backward()
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
        *network = adam.step(network.clone(), &gradients, p.step_rate(rate));
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

/// The same in plain numbers. Returns of each step what to watch, in the same order.
pub fn epoch_fused(
    learner: &mut Learner,
    rollout: &Rollout,
    order: &[usize],
    rate: f64,
    parameters: &Parameters,
) -> Vec<[f32; 6]> {
    let step = |rows| {
        let rows = rollout.rows(rows, parameters);
        let mut slopes = Slopes::new(&rows, parameters);
        let gradient = slopes.gradient(&learner.network);
        let [policy, value, entropy, kl, clip_fraction] = slopes.means();
        let norm = learner.step(gradient, parameters.step_rate(rate));
        [policy, value, entropy, kl, clip_fraction, norm]
    };
    order
        .chunks(parameters.minibatch_size(order.len()))
        .map(step)
        .collect()
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
