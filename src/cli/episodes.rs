//! Commands that step an environment: `replay` and `rollout`.

use super::{each_line, open, print};
use glassbox::{
    agent::Decision,
    env::{self, Env, Step},
    error::{Error, Result},
    rng::Rng,
    rollout::episodes::{self, credit},
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

/// Plays whole episodes and prints their statistics.
pub(super) fn rollout(
    environment: &str,
    set: &[String],
    num_episodes: usize,
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
    let start = Instant::now();
    let found = match &run {
        Some(run) if policy != "random" => {
            let choose = |env: &dyn Env, _: &mut Rng| decide(run, env, policy == "search");
            episodes::play(env.as_mut(), num_episodes, &mut rng, choose)?
        }
        _ => episodes::play_at_random(env.as_mut(), num_episodes, &mut rng)?,
    };
    let seconds = start.elapsed().as_secs_f64().max(1e-9);
    print(&json!({
        "episodes": found.episodes,
        "return_mean": found.return_mean,
        "return_std": found.return_std,
        "length_mean": found.length_mean,
        "length_std": found.length_std,
        "steps_per_second": found.steps as f64 / seconds,
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
