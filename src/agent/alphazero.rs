//! AlphaZero (Silver et al. 2018, "A general reinforcement learning algorithm that masters chess,
//! shogi and Go through self-play").
//!
//! One update is one ply of many games in lock-step, each searched with one batched evaluation per
//! simulation, then a few training steps on the replay. Deviations, for small games on one core: games
//! start after a few random moves, so that the network is right everywhere and not only along its own
//! openings; value targets may mix the game's outcome with the search's value; Adam with a cosine
//! schedule in place of SGD.

mod saved;

use super::{
    Agent, AgentEntry, Decision, MetricInfo, Metrics, Setup,
    adam::Adam,
    mcts::{self, Config, Rule},
};
use crate::{
    backend::{self, Pending},
    env::{self, Env},
    error::{Error, Result},
    model::{
        Network,
        evaluator::{Evaluator, masked_argmax, masked_softmax},
        taps::Taps,
        weights::Archive,
    },
    rng::Rng,
    rollout::replay::{Batch, Replay},
    schema,
};
use burn::{
    module::Module,
    tensor::{Device, Tensor, activation},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: AgentEntry = AgentEntry {
    id: "alphazero",
    title: "AlphaZero",
    summary: "Plays itself with tree search, and trains its network towards what the search found.",
    schema: schema::schema_of::<Parameters>,
    make: |value, setup| AlphaZero::new(schema::parameters(value, "agent")?, setup).map(boxed),
    metrics: &[
        MetricInfo {
            id: "policy_loss",
            name: "policy loss",
            lane: Some("loss"),
        },
        MetricInfo {
            id: "value_loss",
            name: "value loss",
            lane: Some("loss"),
        },
        MetricInfo {
            id: "games",
            name: "games played",
            lane: None,
        },
        MetricInfo {
            id: "game_length",
            name: "moves a game",
            lane: None,
        },
        MetricInfo {
            id: "learning_rate",
            name: "learning rate",
            lane: None,
        },
    ],
    searches: true,
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// Games played in lock-step.
    #[schemars(range(min = 1, max = 1024))]
    pub num_games: usize,
    /// Simulations of each search in self-play.
    #[schemars(range(min = 1, max = 1600))]
    pub num_simulations: usize,
    /// Simulations of each search at play and in scores.
    #[schemars(range(min = 1, max = 1600))]
    pub play_simulations: usize,
    /// How the search chooses.
    pub rule: Rule,
    /// Exploration constant of PUCT.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub c_init: f32,
    /// Concentration of the Dirichlet noise at the root (PUCT).
    #[schemars(range(min = 0.01, max = 10.0))]
    pub dirichlet_alpha: f32,
    /// Weight of the Dirichlet noise (PUCT), or scale of the Gumbel noise.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub noise: f32,
    /// Most root actions that Gumbel search considers.
    #[schemars(range(min = 1, max = 64))]
    pub max_considered: usize,
    /// Games start after a uniform number of random moves up to this.
    #[schemars(range(min = 0, max = 40))]
    pub opening_plies: usize,
    /// Moves of a game that are drawn in proportion to visits (PUCT); later ones are the most visited.
    #[schemars(range(min = 0, max = 100))]
    pub temperature_plies: usize,
    /// Share of the search's value in value targets; the rest is the game's outcome.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub value_mix: f32,
    /// Examples that the replay holds.
    #[schemars(range(min = 64, max = 1_000_000))]
    pub replay_size: usize,
    /// Training steps of an update.
    #[schemars(range(min = 1, max = 200))]
    pub num_steps: usize,
    /// Examples of a training step.
    #[schemars(range(min = 1, max = 4096))]
    pub batch_size: usize,
    /// Adam's rate at the start.
    #[schemars(range(min = 1e-6, max = 1.0))]
    pub learning_rate: f64,
    /// Adam's rate at the end, after a cosine schedule.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub final_learning_rate: f64,
    /// L2 penalty on the weights.
    #[schemars(range(min = 0.0, max = 0.1))]
    pub weight_decay: f32,
    /// Weight of the value loss.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub value_coefficient: f32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            num_games: 64,
            num_simulations: 32,
            play_simulations: 64,
            rule: Rule::Gumbel,
            c_init: 1.25,
            dirichlet_alpha: 1.0,
            noise: 1.0,
            max_considered: 16,
            opening_plies: 7,
            temperature_plies: 4,
            value_mix: 0.5,
            replay_size: 20_000,
            num_steps: 10,
            batch_size: 256,
            learning_rate: 3e-3,
            final_learning_rate: 1e-4,
            weight_decay: 0.0,
            value_coefficient: 1.0,
        }
    }
}

/// PUCT's base, as published; it hardly matters at these numbers of simulations.
const C_BASE: f32 = 19_652.0;

/// The learner.
pub struct AlphaZero {
    parameters: Parameters,
    start: Box<dyn Env>,
    network: Network,
    device: Device,
    adam: Adam,
    rng: Rng,
    games: Vec<Game>,
    replay: Replay,
    update: usize,
    updates: usize,
    games_played: usize,
}

/// A game under way, and what its search found so far.
struct Game {
    env: Box<dyn Env>,
    moves: Vec<Example>,
}

/// A searched position whose outcome is not known yet.
struct Example {
    observation: Vec<f32>,
    policy: Vec<f32>,
    player: usize,
    value: f32,
}

fn boxed(agent: AlphaZero) -> Box<dyn Agent> {
    Box::new(agent)
}

impl AlphaZero {
    /// An untrained learner. Errors: `NotApplicable` for environments that are not two-player games.
    pub fn new(parameters: Parameters, setup: Setup) -> Result<Self> {
        let space = setup.env.space();
        if space.num_players != 2 {
            return Err(Error::not_applicable(
                "alphazero here plays two-player zero-sum games only",
            ));
        }
        let mut rng = setup.rng.split("alphazero");
        let games = (0..parameters.num_games)
            .map(|_| open_game(setup.env.as_ref(), parameters.opening_plies, &mut rng))
            .collect();
        Ok(Self {
            replay: Replay::new(
                parameters.replay_size,
                space.observation_len(),
                space.num_actions(),
            ),
            network: setup
                .network
                .to_device(&setup.device.clone().autodiff())
                .train(),
            device: setup.device,
            start: setup.env,
            adam: Adam::new(),
            update: 0,
            updates: setup.updates,
            games_played: 0,
            parameters,
            rng,
            games,
        })
    }

    async fn update(&mut self) -> Result<Metrics> {
        let evaluator = Evaluator {
            network: self.network.valid(),
            device: self.device.clone(),
            edits: Vec::new(),
        };
        let mut lengths = self.play(&evaluator).await?;
        while self.replay.len() < self.parameters.batch_size.min(self.parameters.replay_size) {
            lengths.extend(self.play(&evaluator).await?);
        }
        let rate = self.learning_rate();
        let mut losses = None;
        for _ in 0..self.parameters.num_steps {
            let symmetries = &self.start.space().symmetries;
            let batch = self
                .replay
                .sample(self.parameters.batch_size, symmetries, &mut self.rng);
            losses = Some(self.train(batch, rate));
        }
        self.update += 1;
        let mut metrics = Metrics::from([
            ("games".into(), self.games_played as f64),
            ("learning_rate".into(), rate),
        ]);
        if !lengths.is_empty() {
            metrics.insert(
                "game_length".into(),
                lengths.iter().sum::<usize>() as f64 / lengths.len() as f64,
            );
        }
        if let Some(losses) = losses {
            for (name, loss) in ["policy_loss", "value_loss"]
                .iter()
                .zip(backend::read(losses).await?)
            {
                if !loss.is_finite() {
                    return Err(Error::NotFinite {
                        what: format!("the {name}").replace('_', " "),
                    });
                }
                metrics.insert((*name).into(), f64::from(loss));
            }
        }
        Ok(metrics)
    }

    /// One searched ply of every game. Returns the lengths of the games that ended.
    async fn play(&mut self, evaluator: &Evaluator) -> Result<Vec<usize>> {
        let config = self.search_config(self.parameters.num_simulations, self.parameters.noise);
        let roots: Vec<_> = self.games.iter().map(|game| game.env.clone()).collect();
        let found = mcts::search(&roots, evaluator, &config, &mut self.rng).await?;
        let mut lengths = Vec::new();
        for (game, found) in self.games.iter_mut().zip(found) {
            let early = game.moves.len() < self.parameters.temperature_plies;
            let action = match self.parameters.rule {
                Rule::Puct if early => self.rng.weighted(&found.policy),
                _ => found.action,
            };
            let legal = found.prior.iter().zip(&found.policy);
            game.moves.push(Example {
                observation: env::observation(game.env.as_ref()),
                // A legal action always has a positive prior.
                policy: legal
                    .map(|(&prior, &p)| if prior > 0.0 { p } else { -1.0 })
                    .collect(),
                player: game.env.player(),
                value: found.value,
            });
            let mover = game.env.player();
            let step = game.env.step(action, &mut self.rng)?;
            if step.done() {
                lengths.push(game.moves.len());
                for example in game.moves.drain(..) {
                    let outcome = if example.player == mover {
                        step.reward
                    } else {
                        -step.reward
                    };
                    let mix = self.parameters.value_mix;
                    let target = (1.0 - mix) * outcome + mix * example.value;
                    self.replay
                        .push(&example.observation, &example.policy, target);
                }
                self.games_played += 1;
                *game = open_game(
                    self.start.as_ref(),
                    self.parameters.opening_plies,
                    &mut self.rng,
                );
            }
        }
        Ok(lengths)
    }

    /// One training step; returns the policy and value losses, not read back.
    fn train(&mut self, batch: Batch, rate: f64) -> Tensor<1> {
        let device = self.device.clone().autodiff();
        let size = batch.values.len();
        let actions = batch.masks.len() / size;
        let width = batch.observations.len() / size;
        let observation = backend::tensor(batch.observations, [size, width], &device); // [batch, observation]
        let policy = backend::tensor(batch.policies, [size, actions], &device); // [batch, action]
        let mask = backend::tensor(batch.masks, [size, actions], &device); // [batch, action]
        let value = backend::tensor(batch.values, [size, 1], &device); // [batch, 1]
        let (policy_loss, value_loss) = losses(&self.network, observation, policy, mask, value);
        let total = policy_loss.clone() + value_loss.clone() * self.parameters.value_coefficient; // [1]
        let gradients = total.backward();
        let network = self.network.clone();
        self.network = self.adam.step(
            network,
            &gradients,
            rate as f32,
            self.parameters.weight_decay,
        );
        Tensor::cat(vec![policy_loss.inner(), value_loss.inner()], 0) // [2]
    }

    /// Cosine from the first rate to the last over the run's budget.
    fn learning_rate(&self) -> f64 {
        let Parameters {
            learning_rate: first,
            final_learning_rate: last,
            ..
        } = self.parameters;
        let progress = (self.update as f64 / self.updates.max(1) as f64).min(1.0);
        last + 0.5 * (first - last) * (1.0 + (std::f64::consts::PI * progress).cos())
    }

    fn search_config(&self, num_simulations: usize, noise: f32) -> Config {
        Config {
            rule: self.parameters.rule,
            num_simulations,
            c_init: self.parameters.c_init,
            c_base: C_BASE,
            dirichlet_alpha: self.parameters.dirichlet_alpha,
            noise,
            max_considered: self.parameters.max_considered,
        }
    }

    async fn choose(
        &self,
        evaluator: &Evaluator,
        states: &[Box<dyn Env>],
        search: bool,
    ) -> Result<Vec<Decision>> {
        if states.is_empty() {
            return Ok(Vec::new());
        }
        if search {
            let config = self.search_config(self.parameters.play_simulations, 0.0);
            // Without noise nothing is drawn, so any generator will do.
            let found = mcts::search(states, evaluator, &config, &mut Rng::new(0)).await?;
            return Ok(found
                .into_iter()
                .map(|found| searched(found, config.num_simulations))
                .collect());
        }
        let answers = evaluator.evaluate_states(states).await?;
        Ok(states
            .iter()
            .enumerate()
            .map(|(row, state)| bare(state.as_ref(), answers.logits_of(row), answers.values[row]))
            .collect())
    }
}

impl Agent for AlphaZero {
    fn advance(&mut self) -> Pending<'_, Result<Metrics>> {
        Box::pin(self.update())
    }

    fn network(&self) -> Network {
        self.network.valid()
    }

    fn decide<'a>(
        &'a self,
        evaluator: &'a Evaluator,
        states: &'a [Box<dyn Env>],
        search: bool,
    ) -> Pending<'a, Result<Vec<Decision>>> {
        Box::pin(self.choose(evaluator, states, search))
    }

    fn save<'a>(&'a self, archive: &'a mut Archive) -> Pending<'a, Result<()>> {
        Box::pin(self.write(archive))
    }

    fn restore(&mut self, network: Network, archive: &Archive) -> Result<()> {
        self.read(network, archive)
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

fn searched(found: mcts::Found, simulations: usize) -> Decision {
    Decision {
        action: found.action,
        policy: found.policy,
        value: found.value,
        logits: Vec::new(),
        visits: found.visits,
        q: found.q,
        simulations,
    }
}

fn bare(state: &dyn Env, logits: &[f32], value: f32) -> Decision {
    let mut legal = vec![false; logits.len()];
    state.legal(&mut legal);
    Decision {
        action: masked_argmax(logits, &legal).unwrap_or(0),
        policy: masked_softmax(logits, &legal),
        value,
        logits: logits.to_vec(),
        visits: Vec::new(),
        q: Vec::new(),
        simulations: 0,
    }
}

/// A new game after up to `plies` random moves that do not end it.
fn open_game(start: &dyn Env, plies: usize, rng: &mut Rng) -> Game {
    let mut env = start.boxed();
    'retry: loop {
        env.reset(rng);
        for _ in 0..rng.below(plies + 1) {
            let legal = env::legal_actions(env.as_ref());
            let action = legal[rng.below(legal.len())];
            if env.step(action, rng).is_ok_and(|step| step.done()) {
                continue 'retry;
            }
        }
        return Game {
            env,
            moves: Vec::new(),
        };
    }
}
