//! Commands that step an environment: `replay` and `rollout`.

use super::{each_line, open, print};
use glassbox::{
    agent::Decision,
    env::{self, Env, Step},
    error::{Error, Result},
    rng::Rng,
    session::{block_on, config, run::Run},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{path::Path, time::Instant};

/// A line of `replay`'s input.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    Reset { seed: u64 },
    State(Value),
    Step(usize),
}

/// Steps `env` by the lines of stdin.
pub(super) fn replay(mut env: Box<dyn Env>) -> Result<()> {
    let mut rng = Rng::new(0);
    env.reset(&mut rng);
    let mut returns = vec![0.0; env.space().num_players];
    each_line(|text| {
        let line: Line = serde_json::from_str(text).map_err(|why| {
            Error::parse(
                "the line",
                format!("{why}; allowed: {{\"reset\":{{\"seed\":7}}}}, {{\"state\":{{…}}}} or {{\"step\":3}}"),
            )
        })?;
        let mut step = Step::default();
        match line {
            Line::Reset { seed } => {
                rng = Rng::new(seed);
                env.reset(&mut rng);
                returns.fill(0.0);
            }
            Line::State(state) => {
                env.set_state(&state)?;
                returns.fill(0.0);
                step = env.outcome();
            }
            Line::Step(action) => {
                let player = env.player();
                step = env.step(action, &mut rng)?;
                credit(&mut returns, player, step.reward);
            }
        }
        Ok(json!({
            "state": env.state(),
            "observation": env::observation(env.as_ref()),
            "shape": env.space().observation_shape(),
            "player": env.player(),
            "legal": env::legal_actions(env.as_ref()),
            "reward": step.reward,
            "terminated": step.terminated,
            "truncated": step.truncated,
            "returns": returns,
        }))
    })
}

/// Adds a reward to its player's return, and takes it from the other's in a zero-sum game.
fn credit(returns: &mut [f32], player: usize, reward: f32) {
    for (index, total) in returns.iter_mut().enumerate() {
        *total += if index == player { reward } else { -reward };
    }
}

/// Plays whole episodes and prints their statistics.
pub(super) fn rollout(
    environment: &str,
    set: &[String],
    episodes: u32,
    seed: u64,
    policy: &str,
    checkpoint: Option<&Path>,
) -> Result<()> {
    let mut env = config::environment(environment, set)?;
    let run = checkpoint.map(open).transpose()?;
    if let Some(run) = &run
        && !std::ptr::eq(run.start().space(), env.space())
    {
        return Err(Error::checkpoint(format!(
            "it was trained on another environment than {environment}"
        )));
    }
    if run.is_none() && policy != "random" {
        return Err(Error::parse(
            "--policy",
            format!("{policy} needs --checkpoint; without one, only random plays"),
        ));
    }
    let mut rng = Rng::new(seed);
    let (mut returns, mut lengths) = (Vec::new(), Vec::new());
    let start = Instant::now();
    for _ in 0..episodes {
        env.reset(&mut rng);
        let mut totals = vec![0.0; env.space().num_players];
        let mut length = 0;
        while !env.outcome().done() {
            let action = match &run {
                Some(run) if policy != "random" => decide(run, env.as_ref(), policy == "search")?,
                _ => {
                    let legal = env::legal_actions(env.as_ref());
                    legal[rng.below(legal.len())]
                }
            };
            let player = env.player();
            let step = env.step(action, &mut rng)?;
            credit(&mut totals, player, step.reward);
            length += 1;
        }
        returns.push(f64::from(totals[0]));
        lengths.push(f64::from(length));
    }
    let seconds = start.elapsed().as_secs_f64().max(1e-9);
    let (return_mean, return_std) = spread(&returns);
    let (length_mean, length_std) = spread(&lengths);
    print(&json!({
        "episodes": episodes,
        "return_mean": return_mean,
        "return_std": return_std,
        "length_mean": length_mean,
        "length_std": length_std,
        "steps_per_second": lengths.iter().sum::<f64>() / seconds,
    }))
}

fn decide(run: &Run, env: &dyn Env, search: bool) -> Result<usize> {
    let decisions: Vec<Decision> = block_on(async {
        let evaluator = run.evaluator(None, &[]).await?;
        run.agent().decide(&evaluator, &[env.boxed()], search).await
    })?;
    decisions
        .first()
        .map(|decision| decision.action)
        .ok_or(Error::EpisodeOver)
}

/// Mean and standard deviation over the population.
fn spread(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / count;
    (mean, variance.sqrt())
}
