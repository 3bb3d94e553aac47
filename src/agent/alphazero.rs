//! AlphaZero (Silver et al. 2018, "A general reinforcement learning algorithm that masters chess,
//! shogi and Go through self-play").
//!
//! One update is one ply of many games in lock-step, each searched with one batched evaluation per
//! simulation, and meanwhile a few training steps on what was played before. Deviations, for small
//! games on few cores: games start after some random moves, so that the network is right everywhere and
//! not only along its own openings; value targets may mix the game's outcome with the search's value;
//! Adam with a cosine schedule in place of SGD.

mod saved;

use super::{
    Agent, AgentEntry, Decision, Explored, MetricInfo, Metrics, Setup,
    adam::Rate,
    mcts::{self, Config, Rule},
    targets::Trainer,
};
use crate::{
    backend::{self, Pending},
    env::{self, Env},
    error::{Error, Result},
    model::{Network, evaluator::Evaluator, weights::Archive},
    rng::Rng,
    rollout::replay::Replay,
    schema,
};
use burn::module::Module;
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
    arena: Arena,
    trainer: Trainer,
    replay: Replay,
    /// Draws the batches.
    rng: Rng,
    update: usize,
    updates: usize,
    games_played: usize,
}

/// Self-play: games in lock-step.
struct Arena {
    parameters: Parameters,
    start: Box<dyn Env>,
    games: Vec<Game>,
    rng: Rng,
}

/// A game under way, and what its search found so far.
struct Game {
    env: Box<dyn Env>,
    moves: Vec<Example>,
}

/// A searched position; `value` is the search's until the outcome is known, then the target.
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
        let mut arena = Arena {
            parameters: parameters.clone(),
            games: Vec::new(),
            rng: setup.rng.split("games"),
            start: setup.env,
        };
        arena.games = (0..parameters.num_games).map(|_| arena.open()).collect();
        Ok(Self {
            replay: Replay::new(
                parameters.replay_size,
                arena.start.space().observation_len(),
                arena.start.space().num_actions(),
            ),
            arena,
            trainer: Trainer::new(setup.network, setup.device),
            rng: setup.rng.split("batches"),
            update: 0,
            updates: setup.updates,
            games_played: 0,
            parameters,
        })
    }

    async fn update(&mut self) -> Result<Metrics> {
        let evaluator = self.trainer.evaluator();
        let mut lengths = Vec::new();
        while self.replay.len() < self.parameters.batch_size.min(self.parameters.replay_size) {
            let ended = self.arena.play(&evaluator).await?;
            lengths.extend(self.keep(ended));
        }
        let symmetries = &self.arena.start.space().symmetries;
        let rate = self.learning_rate();
        let parameters = &self.parameters;
        let batches = (0..parameters.num_steps)
            .map(|_| {
                let batch = self
                    .replay
                    .sample(parameters.batch_size, symmetries, &mut self.rng);
                (batch, parameters.step_rate(rate))
            })
            .collect();
        let (ended, losses) = backend::join(
            self.arena.play(&evaluator),
            self.trainer.train(batches, parameters.value_coefficient),
        )
        .await;
        lengths.extend(self.keep(ended?));
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
        let losses = losses?;
        let last = &losses[losses.len().saturating_sub(2)..];
        for (name, &loss) in ["policy_loss", "value_loss"].iter().zip(last) {
            if !loss.is_finite() {
                return Err(Error::NotFinite {
                    what: format!("the {name}").replace('_', " "),
                });
            }
            metrics.insert((*name).into(), f64::from(loss));
        }
        Ok(metrics)
    }

    /// Puts the positions of games that ended into the replay. Returns the games' lengths.
    fn keep(&mut self, ended: Vec<Vec<Example>>) -> Vec<usize> {
        self.games_played += ended.len();
        for one in ended.iter().flatten() {
            self.replay.push(&one.observation, &one.policy, one.value);
        }
        ended.iter().map(Vec::len).collect()
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
            let config = self
                .parameters
                .search(self.parameters.play_simulations, 0.0);
            // Without noise nothing is drawn, so any generator will do.
            let found = mcts::search(states, evaluator, &config, &mut Rng::new(0)).await?;
            return Ok(found
                .into_iter()
                .map(|found| searched(found, config.num_simulations))
                .collect());
        }
        Decision::bare(evaluator, states).await
    }
}

impl AlphaZero {
    async fn grow(
        &self,
        evaluator: &Evaluator,
        states: &[Box<dyn Env>],
        num_simulations: Option<usize>,
    ) -> Result<Vec<Explored>> {
        if states.is_empty() {
            return Ok(Vec::new());
        }
        let num_simulations = num_simulations.unwrap_or(self.parameters.play_simulations);
        let config = self.parameters.search(num_simulations, 0.0);
        let found = mcts::explore(states, evaluator, &config, &mut Rng::new(0)).await?;
        let explored = found.into_iter().map(|(found, branches)| Explored {
            prior: found.prior.clone(),
            decision: searched(found, num_simulations),
            branches,
        });
        Ok(explored.collect())
    }
}

impl Parameters {
    fn step_rate(&self, rate: f64) -> Rate {
        Rate {
            rate: rate as f32,
            decay: self.weight_decay,
            max_norm: None,
        }
    }

    fn search(&self, num_simulations: usize, noise: f32) -> Config {
        Config {
            rule: self.rule,
            num_simulations,
            c_init: self.c_init,
            c_base: C_BASE,
            dirichlet_alpha: self.dirichlet_alpha,
            noise,
            max_considered: self.max_considered,
        }
    }
}

impl Arena {
    /// One searched ply of every game. Returns the positions of each game that ended, with targets.
    async fn play(&mut self, evaluator: &Evaluator) -> Result<Vec<Vec<Example>>> {
        let p = &self.parameters;
        let config = p.search(p.num_simulations, p.noise);
        let roots: Vec<_> = self.games.iter().map(|game| game.env.clone()).collect();
        let found = mcts::search(&roots, evaluator, &config, &mut self.rng).await?;
        let mut ended = Vec::new();
        for (index, found) in found.into_iter().enumerate() {
            let game = &mut self.games[index];
            let early = game.moves.len() < self.parameters.temperature_plies;
            let action = match self.parameters.rule {
                Rule::Puct if early => self.rng.weighted(&found.policy),
                _ => found.action,
            };
            let legal = found.prior.iter().zip(&found.policy);
            let mover = game.env.player();
            game.moves.push(Example {
                observation: env::observation(game.env.as_ref()),
                // A legal action always has a positive prior.
                policy: legal
                    .map(|(&prior, &p)| if prior > 0.0 { p } else { -1.0 })
                    .collect(),
                player: mover,
                value: found.value,
            });
            let step = game.env.step(action, &mut self.rng)?;
            if !step.done() {
                continue;
            }
            let mut moves = std::mem::take(&mut game.moves);
            let mix = self.parameters.value_mix;
            for example in &mut moves {
                let outcome = if example.player == mover {
                    step.reward
                } else {
                    -step.reward
                };
                example.value = (1.0 - mix) * outcome + mix * example.value;
            }
            ended.push(moves);
            self.games[index] = self.open();
        }
        Ok(ended)
    }

    /// A new game after a few random moves that do not end it.
    fn open(&mut self) -> Game {
        let mut env = self.start.clone();
        'retry: loop {
            env.reset(&mut self.rng);
            for _ in 0..self.rng.below(self.parameters.opening_plies + 1) {
                let legal = env::legal_actions(env.as_ref());
                let action = legal[self.rng.below(legal.len())];
                if env
                    .step(action, &mut self.rng)
                    .is_ok_and(|step| step.done())
                {
                    continue 'retry;
                }
            }
            return Game {
                env,
                moves: Vec::new(),
            };
        }
    }
}

impl Agent for AlphaZero {
    fn advance(&mut self) -> Pending<'_, Result<Metrics>> {
        Box::pin(self.update())
    }

    fn network(&self) -> Network {
        self.trainer.network.valid()
    }

    fn decide<'a>(
        &'a self,
        evaluator: &'a Evaluator,
        states: &'a [Box<dyn Env>],
        search: bool,
    ) -> Pending<'a, Result<Vec<Decision>>> {
        Box::pin(self.choose(evaluator, states, search))
    }

    fn explore<'a>(
        &'a self,
        evaluator: &'a Evaluator,
        states: &'a [Box<dyn Env>],
        num_simulations: Option<usize>,
    ) -> Pending<'a, Result<Vec<Explored>>> {
        Box::pin(self.grow(evaluator, states, num_simulations))
    }

    fn save<'a>(&'a self, archive: &'a mut Archive) -> Pending<'a, Result<()>> {
        Box::pin(self.write(archive))
    }

    fn restore(&mut self, network: Network, archive: &Archive) -> Result<()> {
        self.read(network, archive)
    }
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
