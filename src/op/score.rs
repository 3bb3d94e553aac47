//! How well an agent plays. A game: exactly where all states can be enumerated and solved, else against
//! a fixed reference opponent. Alone: by what it collects, on its own levels and on others.

use super::{
    episodes::{self, Player},
    figure::Number,
};
use crate::{
    agent::{Agent, Decision, MetricInfo},
    env::{Env, Optimum, legal_actions},
    error::Result,
    model::evaluator::{Evaluator, masked_argmax, observations},
    rng::Rng,
};
use std::collections::BTreeMap;

/// How much work a score may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// What every checkpoint can afford.
    Quick,
    /// Searched games as well, where scores are sampled.
    Full,
}

/// Games of a sampled score, half as each side.
const NUM_GAMES: usize = 100;
/// Random moves before a pair of games.
const OPENING_PLIES: usize = 2;
/// The reference opponent's look-ahead, in plies.
const REFERENCE_DEPTH: usize = 3;

const EXACT: &[MetricInfo] = &[
    MetricInfo {
        id: "lines_lost_bare",
        name: "lines lost, bare network",
        lane: Some("lines lost"),
    },
    MetricInfo {
        id: "lines_lost_search",
        name: "lines lost, with search",
        lane: Some("lines lost"),
    },
    MetricInfo {
        id: "suboptimal",
        name: "suboptimal choices",
        lane: None,
    },
    MetricInfo {
        id: "missed_wins",
        name: "missed wins",
        lane: None,
    },
    MetricInfo {
        id: "value_error",
        name: "mean value error",
        lane: None,
    },
];

const SAMPLED: &[MetricInfo] = &[
    MetricInfo {
        id: "wins_bare",
        name: "wins, bare network",
        lane: Some("wins of 100"),
    },
    MetricInfo {
        id: "wins_search",
        name: "wins, with search",
        lane: None,
    },
    MetricInfo {
        id: "blunders",
        name: "tactical blunders",
        lane: None,
    },
];

const ALONE: &[MetricInfo] = &[
    MetricInfo {
        id: "return_train",
        name: "return, as trained",
        lane: Some("return"),
    },
    MetricInfo {
        id: "return_test",
        name: "return, elsewhere",
        lane: Some("return"),
    },
    MetricInfo {
        id: "optimal_share",
        name: "share of the optimal return",
        lane: None,
    },
];

/// Episodes of a return.
const NUM_EPISODES: usize = 100;

/// Ground truth of an environment, computed once.
pub struct Scorer {
    start: Box<dyn Env>,
    truth: Vec<Truth>,
    observations: Vec<f32>,
    /// Levels of one player, as it trains on and others.
    levels: Vec<Box<dyn Env>>,
    elsewhere: Vec<Box<dyn Env>>,
    /// Mean return of an optimal player on `levels`, where it is known and positive.
    best: Option<f64>,
    kind: Kind,
}

/// How an environment is scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A game whose states are all solved.
    Exact,
    /// A game against a reference opponent.
    Sampled,
    /// Episodes of one player.
    Alone,
}

/// A state with its solution.
struct Truth {
    legal: Vec<bool>,
    optimum: Optimum,
}

impl Scorer {
    /// Solves every state, or a fixed sample of decided ones where there are too many.
    pub fn new(start: Box<dyn Env>) -> Self {
        if start.space().num_players == 1 {
            return Self::alone(start);
        }
        let all = start.enumerate();
        let exact = all.is_some();
        let states = all.unwrap_or_else(|| {
            super::reference_states(
                start.as_ref(),
                NUM_TACTICAL,
                &mut Rng::new(0).split("tactical"),
            )
        });
        let mut kept = Vec::new();
        let mut truth = Vec::new();
        for state in states {
            let Some(optimum) = state.optimum() else {
                continue;
            };
            // A sampled state teaches nothing unless a wrong move can be proven wrong.
            let wrong = optimum
                .action_values
                .iter()
                .flatten()
                .any(|value| *value < optimum.value);
            if exact || wrong {
                let mut legal = vec![false; state.space().num_actions()];
                state.legal(&mut legal);
                truth.push(Truth { legal, optimum });
                kept.push(state);
            }
        }
        Self {
            observations: observations(&kept),
            start,
            truth,
            levels: Vec::new(),
            elsewhere: Vec::new(),
            best: None,
            kind: if exact { Kind::Exact } else { Kind::Sampled },
        }
    }

    fn alone(start: Box<dyn Env>) -> Self {
        let fresh = |env: &dyn Env| {
            let mut rng = Rng::new(0).split("episodes");
            episodes::levels(env, NUM_EPISODES, &mut rng)
        };
        let levels = fresh(start.as_ref());
        Self {
            elsewhere: start
                .elsewhere()
                .map_or_else(Vec::new, |env| fresh(env.as_ref())),
            best: best_return(&levels).filter(|best| *best > 0.0),
            levels,
            start,
            truth: Vec::new(),
            observations: Vec::new(),
            kind: Kind::Alone,
        }
    }

    /// The scores that this environment has.
    pub fn metrics(&self) -> Vec<MetricInfo> {
        let has = |metric: &MetricInfo| match metric.id {
            "return_test" => !self.elsewhere.is_empty(),
            "optimal_share" => self.best.is_some(),
            _ => true,
        };
        match self.kind {
            Kind::Exact => EXACT.to_vec(),
            Kind::Sampled => SAMPLED.to_vec(),
            Kind::Alone => ALONE.iter().copied().filter(has).collect(),
        }
    }

    /// How good a checkpoint is: its first score, turned so that more is better. Fewer lines lost, more
    /// games won or a higher return make a checkpoint the better one.
    pub fn merit(&self, scores: &[Number]) -> Option<f64> {
        let value = scores.first()?.value;
        Some(if self.kind == Kind::Exact {
            -value
        } else {
            value
        })
    }

    /// Scores the agent through `evaluator`.
    pub async fn score(
        &self,
        agent: &dyn Agent,
        evaluator: &Evaluator,
        searches: bool,
        effort: Effort,
    ) -> Result<Vec<Number>> {
        let mut numbers = Vec::new();
        match self.kind {
            Kind::Exact => {
                for (search, id) in [(false, "lines_lost_bare"), (true, "lines_lost_search")] {
                    if search && !searches {
                        continue;
                    }
                    let (lost, total) = self.lines(agent, evaluator, search).await?;
                    numbers.push(self.number(id, lost as f64).out_of(total as f64));
                }
                numbers.extend(self.choices(evaluator).await?);
            }
            Kind::Sampled => {
                let wins = self.games(agent, evaluator, false).await?;
                numbers.push(self.number("wins_bare", wins).out_of(NUM_GAMES as f64));
                if searches && effort == Effort::Full {
                    let wins = self.games(agent, evaluator, true).await?;
                    numbers.push(self.number("wins_search", wins).out_of(NUM_GAMES as f64));
                }
                numbers.extend(self.choices(evaluator).await?);
            }
            Kind::Alone => {
                let train = self.returns(&self.levels, evaluator).await?;
                numbers.push(self.number("return_train", train));
                if !self.elsewhere.is_empty() {
                    let test = self.returns(&self.elsewhere, evaluator).await?;
                    numbers.push(self.number("return_test", test));
                }
                if let Some(best) = self.best {
                    numbers.push(self.number("optimal_share", train / best));
                }
            }
        }
        Ok(numbers)
    }

    /// Mean return on fixed levels.
    async fn returns(&self, levels: &[Box<dyn Env>], evaluator: &Evaluator) -> Result<f64> {
        let mut rng = Rng::new(0).split("play");
        let player = Player::Network(evaluator);
        let played = episodes::play(player, levels.to_vec(), &mut rng, &mut |_, _| {}).await?;
        Ok(episodes::mean_return(&played))
    }

    fn number(&self, id: &str, value: f64) -> Number {
        let name = self
            .metrics()
            .into_iter()
            .find(|info| info.id == id)
            .map_or(id, |info| info.name);
        Number::new(id, name, value)
    }

    /// The bare network's greedy choices and values, against the truth.
    async fn choices(&self, evaluator: &Evaluator) -> Result<Vec<Number>> {
        if self.truth.is_empty() {
            return Ok(Vec::new());
        }
        let answers = evaluator
            .evaluate(self.observations.clone(), self.truth.len())
            .await?;
        let (mut wrong, mut missed, mut winning, mut error) = (0, 0, 0_usize, 0.0);
        for (row, truth) in self.truth.iter().enumerate() {
            let choice = masked_argmax(answers.logits_of(row), &truth.legal).unwrap_or(0);
            let best = truth.optimum.is_best(choice);
            let won = truth.optimum.value > 0.0;
            wrong += usize::from(!best);
            winning += usize::from(won);
            missed += usize::from(won && !best);
            error += f64::from((answers.values[row] - truth.optimum.value).abs());
        }
        let total = self.truth.len() as f64;
        Ok(if self.kind == Kind::Exact {
            vec![
                self.number("suboptimal", wrong as f64).out_of(total),
                self.number("missed_wins", missed as f64)
                    .out_of(winning as f64),
                self.number("value_error", error / total),
            ]
        } else {
            vec![self.number("blunders", wrong as f64).out_of(total)]
        })
    }

    /// Lines that the agent loses of all lines that can be played against it, in both seats.
    ///
    /// The agent's choice is fixed in each state, so states reached by several lines are decided once
    /// and counted as often as lines reach them.
    async fn lines(
        &self,
        agent: &dyn Agent,
        evaluator: &Evaluator,
        search: bool,
    ) -> Result<(usize, usize)> {
        let mut rng = Rng::new(0);
        let (mut lost, mut total) = (0, 0);
        for seat in 0..2 {
            let mut start = self.start.clone();
            start.reset(&mut rng);
            let mut front: Vec<(Box<dyn Env>, usize)> = vec![(start, 1)];
            while !front.is_empty() {
                let (mine, theirs): (Vec<_>, Vec<_>) = front
                    .drain(..)
                    .partition(|(state, _)| state.player() == seat);
                let states: Vec<_> = mine.iter().map(|(state, _)| state.clone()).collect();
                let decided = agent.decide(evaluator, &states, search).await?;
                let own = mine
                    .iter()
                    .zip(&decided)
                    .map(|((state, count), choice)| (state, *count, vec![choice.action]));
                let all = theirs
                    .iter()
                    .map(|(state, count)| (state, *count, legal_actions(state.as_ref())));
                let mut next: BTreeMap<String, (Box<dyn Env>, usize)> = BTreeMap::new();
                for (state, count, actions) in own.chain(all) {
                    for action in actions {
                        let mut after = state.clone();
                        let step = after.step(action, &mut rng)?;
                        if step.done() {
                            total += count;
                            let won_by_other = step.reward > 0.0 && state.player() != seat;
                            lost += if won_by_other { count } else { 0 };
                        } else {
                            next.entry(after.state().to_string())
                                .or_insert_with(|| (after, 0))
                                .1 += count;
                        }
                    }
                }
                front = next.into_values().collect();
            }
        }
        Ok((lost, total))
    }

    /// Games won of [`NUM_GAMES`] against the reference opponent, half as each side.
    ///
    /// Both sides of a pair start from the same few random moves, since two fixed players would play
    /// one game over and over.
    async fn games(&self, agent: &dyn Agent, evaluator: &Evaluator, search: bool) -> Result<f64> {
        let mut rng = Rng::new(0).split("games");
        let mut wins = 0.0;
        let mut open: Vec<(usize, Box<dyn Env>)> = (0..NUM_GAMES)
            .map(|game| (game % 2, self.opening(game / 2)))
            .collect();
        while !open.is_empty() {
            let is_mine = |(seat, env): &(usize, Box<dyn Env>)| env.player() == *seat;
            let states: Vec<_> = open
                .iter()
                .filter(|one| is_mine(one))
                .map(|(_, env)| env.clone())
                .collect();
            let mut decided = agent.decide(evaluator, &states, search).await?.into_iter();
            let mut still = Vec::with_capacity(open.len());
            for (seat, mut env) in open {
                let mine = env.player() == seat;
                let action = if mine {
                    decided.next().map(|decision: Decision| decision.action)
                } else {
                    env.reference_move(REFERENCE_DEPTH, &mut rng)
                };
                let Some(action) = action else { continue };
                let step = env.step(action, &mut rng)?;
                if step.done() {
                    wins += if mine && step.reward > 0.0 { 1.0 } else { 0.0 };
                } else {
                    still.push((seat, env));
                }
            }
            open = still;
        }
        Ok(wins)
    }
}

impl Scorer {
    /// The start of a pair of games: [`OPENING_PLIES`] random moves.
    fn opening(&self, pair: usize) -> Box<dyn Env> {
        let mut rng = Rng::new(pair as u64).split("opening");
        let mut env = self.start.clone();
        env.reset(&mut rng);
        for _ in 0..OPENING_PLIES {
            let legal = legal_actions(env.as_ref());
            // Nobody can have won after two moves in a game worth searching; if so, play from there on.
            if !legal.is_empty() && env.step(legal[rng.below(legal.len())], &mut rng).is_err() {
                break;
            }
        }
        env
    }
}

/// Mean return of an optimal player, where it is known.
pub(super) fn best_return(levels: &[Box<dyn Env>]) -> Option<f64> {
    let values: Option<Vec<f64>> = levels
        .iter()
        .map(|level| level.optimum().map(|optimum| f64::from(optimum.value)))
        .collect();
    values.map(|values| episodes::mean(values.into_iter()))
}

/// States that are sampled to find tactical ones among.
const NUM_TACTICAL: usize = 300;
