//! Whole episodes of one player, many at once.

use crate::{
    agent::Decision,
    env::{Env, legal_actions},
    error::Result,
    model::evaluator::Evaluator,
    rng::Rng,
};

/// Who plays.
#[derive(Clone, Copy)]
pub enum Player<'a> {
    /// A network, whose policy is sampled.
    Network(&'a Evaluator),
    /// Uniformly random legal actions.
    Random,
    /// The environment's own plain player; random where it has none.
    Heuristic,
}

/// How an episode went.
pub struct Episode {
    /// Sum of its rewards.
    pub total: f64,
    /// Its steps.
    pub length: usize,
    /// Whether it ended by its rules and not by time.
    pub terminated: bool,
    /// The state it ended in.
    pub last: Box<dyn Env>,
}

/// Start states of `count` episodes.
pub fn levels(env: &dyn Env, count: usize, rng: &mut Rng) -> Vec<Box<dyn Env>> {
    let fresh = |_| {
        let mut level = env.boxed();
        level.reset(rng);
        level
    };
    (0..count).map(fresh).collect()
}

/// Plays each of `starts` to its end; what never ends, for as many steps as it is watched.
///
/// `visit` is told the step, from 0, and the state, before each step and of the last state.
pub async fn play(
    player: Player<'_>,
    starts: Vec<Box<dyn Env>>,
    rng: &mut Rng,
    visit: &mut dyn FnMut(usize, &dyn Env),
) -> Result<Vec<Episode>> {
    let mut episodes: Vec<Episode> = starts
        .into_iter()
        .map(|last| Episode {
            total: 0.0,
            length: 0,
            terminated: false,
            last,
        })
        .collect();
    let limit = episodes.first().map_or(0, |one| one.last.space().max_steps);
    let mut open: Vec<usize> = (0..episodes.len()).collect();
    for step in 0..limit {
        if open.is_empty() {
            break;
        }
        for &index in &open {
            visit(step, episodes[index].last.as_ref());
        }
        let actions = actions(player, &episodes, &open, rng).await?;
        let mut still = Vec::with_capacity(open.len());
        for (index, action) in open.into_iter().zip(actions) {
            let episode = &mut episodes[index];
            let now = episode.last.step(action, rng)?;
            episode.total += f64::from(now.reward);
            episode.length += 1;
            episode.terminated = now.terminated;
            if now.done() || step + 1 == limit {
                visit(step + 1, episode.last.as_ref());
            } else {
                still.push(index);
            }
        }
        open = still;
    }
    Ok(episodes)
}

async fn actions(
    player: Player<'_>,
    episodes: &[Episode],
    open: &[usize],
    rng: &mut Rng,
) -> Result<Vec<usize>> {
    let states: Vec<Box<dyn Env>> = open
        .iter()
        .map(|&index| episodes[index].last.clone())
        .collect();
    if let Player::Network(evaluator) = player {
        let decided = Decision::bare(evaluator, &states).await?;
        return Ok(decided
            .iter()
            .map(|decision| rng.weighted(&decision.policy))
            .collect());
    }
    let mut act = |state: &dyn Env| {
        let plain = match player {
            Player::Heuristic => state.heuristic(rng),
            _ => None,
        };
        plain.unwrap_or_else(|| {
            let legal = legal_actions(state);
            legal[rng.below(legal.len())]
        })
    };
    Ok(states.iter().map(|state| act(state.as_ref())).collect())
}

/// Mean return.
pub fn mean_return(episodes: &[Episode]) -> f64 {
    mean(episodes.iter().map(|one| one.total))
}

/// Mean of numbers; 0 of none.
pub fn mean(numbers: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = numbers.fold((0.0, 0), |(sum, count), x| (sum + x, count + 1));
    sum / f64::from(count.max(1))
}
