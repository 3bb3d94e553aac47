//! Whole episodes: played by whoever chooses the actions, and what they come to.

use crate::{
    env::Env,
    error::{Error, Result},
    rng::Rng,
};
use serde::{Deserialize, Serialize};

/// What many episodes come to; deviations are over the population.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
pub struct Statistics {
    /// How many were played.
    pub episodes: usize,
    /// Steps of all of them.
    pub steps: usize,
    /// Mean return of the first player.
    pub return_mean: f64,
    /// Its deviation.
    pub return_std: f64,
    /// Mean number of steps.
    pub length_mean: f64,
    /// Its deviation.
    pub length_std: f64,
}

/// Adds a reward to its player's return, and takes it from the other's in a zero-sum game.
pub fn credit(returns: &mut [f32], player: usize, reward: f32) {
    for (index, total) in returns.iter_mut().enumerate() {
        *total += if index == player { reward } else { -reward };
    }
}

/// Plays `episodes` episodes of `env` with the actions that `choose` names. `rng` is consumed.
///
/// A world that never ends is left after the steps that its space says it is watched for.
/// Errors: those of `choose` and of illegal actions.
pub fn play(
    env: &mut dyn Env,
    episodes: usize,
    rng: &mut Rng,
    mut choose: impl FnMut(&dyn Env, &mut Rng) -> Result<usize>,
) -> Result<Statistics> {
    let mut totals = vec![0.0; env.space().num_players];
    let (mut returns, mut lengths) = (Vec::new(), Vec::new());
    for _ in 0..episodes {
        env.reset(rng);
        totals.fill(0.0);
        let mut length = 0;
        let mut over = env.outcome().done();
        while !over && length < env.space().max_steps {
            let (player, action) = (env.player(), choose(env, rng)?);
            let step = env.step(action, rng)?;
            credit(&mut totals, player, step.reward);
            length += 1;
            over = step.done();
        }
        returns.push(f64::from(totals[0]));
        lengths.push(length as f64);
    }
    let (return_mean, return_std) = spread(&returns);
    let (length_mean, length_std) = spread(&lengths);
    Ok(Statistics {
        episodes,
        steps: lengths.iter().sum::<f64>() as usize,
        return_mean,
        return_std,
        length_mean,
        length_std,
    })
}

/// The same with legal actions at random.
pub fn play_at_random(env: &mut dyn Env, episodes: usize, rng: &mut Rng) -> Result<Statistics> {
    let mut legal = vec![false; env.space().num_actions()];
    play(env, episodes, rng, |env, rng| {
        env.legal(&mut legal);
        let count = legal.iter().filter(|legal| **legal).count();
        if count == 0 {
            return Err(Error::EpisodeOver);
        }
        let place = rng.below(count);
        let mut actions = (0..legal.len()).filter(|&action| legal[action]);
        actions.nth(place).ok_or(Error::EpisodeOver)
    })
}

/// Mean and standard deviation over the population.
fn spread(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = values.iter().map(|value| (value - mean).powi(2));
    (mean, (squares.sum::<f64>() / count).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env;

    #[test]
    fn the_first_player_who_always_takes_the_first_free_cell_wins_in_seven() {
        let mut env = (env::entry("tictactoe").unwrap().make)(&serde_json::json!({})).unwrap();
        let first = |env: &dyn Env, _: &mut Rng| Ok(env::legal_actions(env)[0]);
        let found = play(env.as_mut(), 3, &mut Rng::new(0), first).unwrap();
        let expected = Statistics {
            episodes: 3,
            steps: 21,
            return_mean: 1.0,
            length_mean: 7.0,
            ..Statistics::default()
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn by_hand() {
        assert_eq!(spread(&[1.0, 3.0, 5.0, 7.0]), (4.0, 5_f64.sqrt()));
        let mut returns = [1.0, -1.0];
        credit(&mut returns, 1, 0.5);
        assert_eq!(returns, [0.5, -0.5]);
    }
}
