//! The native twin of the page: the same sessions, as JSON on standard output.
//!
//! Results go to stdout, progress to stderr. Bad input says what is allowed and exits with 2.

#![cfg(not(target_arch = "wasm32"))]
#![warn(clippy::unwrap_used)]

use clap::{Parser, Subcommand};
use glassbox::{
    agent::Decision,
    backend::DeviceName,
    env::{self, Env, Step},
    error::{Error, Result},
    model::{find_site, taps::Edit, weights::Archive},
    op::{figure::Number, score::Effort},
    rng::Rng,
    schema,
    session::{
        Session, block_on,
        catalogue::catalogue,
        config::{self, RunConfig},
        protocol::{Command, Event},
        run::Run,
    },
};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{
    cell::RefCell,
    fs,
    io::{self, BufRead, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

/// Train small reinforcement-learning agents, and take them apart.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Cmd,
}

#[derive(Subcommand)]
enum Cmd {
    /// Print every environment, agent, model, op and preset with its parameters.
    Catalogue,
    /// Step an environment by JSON lines on stdin: {"reset":{"seed":7}}, {"state":{…}}, {"step":3}.
    Replay {
        /// Environment id.
        environment: String,
        /// A parameter, as key=value.
        #[arg(long)]
        set: Vec<String>,
    },
    /// Play whole episodes and print returns, lengths and speed.
    Rollout {
        /// Environment id.
        environment: String,
        /// A parameter, as key=value.
        #[arg(long)]
        set: Vec<String>,
        /// How many episodes.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
        episodes: u32,
        /// The seed.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Who plays: chance, or the network of --checkpoint, alone or with its search.
        #[arg(long, default_value = "random", value_parser = ["random", "greedy", "search"])]
        policy: String,
        /// A file that train or the page wrote.
        #[arg(long)]
        checkpoint: Option<PathBuf>,
    },
    /// Train a preset; a JSON line of metrics for each update, last a summary.
    Train {
        /// Preset id.
        preset: String,
        /// A parameter, as key=value: agent.learning_rate=0.001, model.width=64, updates=100.
        #[arg(long)]
        set: Vec<String>,
        /// The seed.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Where to write the trained agent.
        #[arg(long)]
        out: PathBuf,
        /// A folder for the weights of every checkpoint.
        #[arg(long)]
        checkpoints: Option<PathBuf>,
        /// Go on from a file that train wrote, in place of starting anew.
        #[arg(long, conflicts_with = "set")]
        resume: Option<PathBuf>,
    },
    /// Print a checkpoint's scores on its environment.
    Score {
        /// A file that train or the page wrote.
        file: PathBuf,
        /// An edit of activations, as JSON.
        #[arg(long)]
        edit: Vec<String>,
    },
    /// Evaluate the network on JSON lines {"observation":[…]} from stdin.
    Evaluate {
        /// A file that train or the page wrote.
        file: PathBuf,
        /// A site whose activations to print.
        #[arg(long)]
        site: Vec<String>,
        /// An edit of activations, as JSON.
        #[arg(long)]
        edit: Vec<String>,
    },
    /// Run an op on a checkpoint and print its figures and numbers.
    Op {
        /// A file that train or the page wrote.
        file: PathBuf,
        /// Op id.
        op: String,
        /// A parameter of the op, as key=value.
        #[arg(long)]
        set: Vec<String>,
        /// A state to look at, as JSON; the preset's own when none is given.
        #[arg(long)]
        state: Vec<String>,
        /// An edit of activations, as JSON.
        #[arg(long)]
        edit: Vec<String>,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("glassbox: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(command: Cmd) -> Result<()> {
    match command {
        Cmd::Catalogue => print(&catalogue()),
        Cmd::Replay { environment, set } => replay(config::environment(&environment, &set)?),
        Cmd::Rollout {
            environment,
            set,
            episodes,
            seed,
            policy,
            checkpoint,
        } => rollout(
            &environment,
            &set,
            episodes,
            seed,
            &policy,
            checkpoint.as_deref(),
        ),
        Cmd::Train {
            preset,
            set,
            seed,
            out,
            checkpoints,
            resume,
        } => train(
            &preset,
            &set,
            seed,
            &out,
            checkpoints.as_deref(),
            resume.as_deref(),
        ),
        Cmd::Score { file, edit } => {
            let run = open(&file)?;
            let edits = edits(&edit)?;
            let scores = block_on(async {
                let evaluator = run.evaluator(None, &edits).await?;
                run.score(&evaluator, Effort::Full).await
            })?;
            print(&json!({"update": run.update_of(None), "scores": named(&scores)}))
        }
        Cmd::Evaluate { file, site, edit } => evaluate(&open(&file)?, &site, &edits(&edit)?),
        Cmd::Op {
            file,
            op,
            set,
            state,
            edit,
        } => run_op(&file, op, &set, &state, &edit),
    }
}

/// One JSON value on a line of its own. A reader that has left is no error.
fn print(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(value).map_err(|why| Error::parse("the answer", why))?;
    match writeln!(io::stdout(), "{text}") {
        Err(why) if why.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other.map_err(|why| Error::File {
            path: "stdout".into(),
            why: why.to_string(),
        }),
    }
}

fn file_error(path: &Path, why: impl ToString) -> Error {
    Error::File {
        path: path.display().to_string(),
        why: why.to_string(),
    }
}

fn open(path: &Path) -> Result<Run> {
    let bytes = fs::read(path).map_err(|why| file_error(path, why))?;
    block_on(Run::import(&Archive::from_bytes(&bytes)?, DeviceName::Cpu))
}

/// Writes through a file beside the target, so that a failure leaves no partial file.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let partial = path.with_extension("partial");
    fs::write(&partial, bytes)
        .and_then(|()| fs::rename(&partial, path))
        .map_err(|why| file_error(path, why))
}

fn edits(texts: &[String]) -> Result<Vec<Edit>> {
    texts
        .iter()
        .map(|text| {
            serde_json::from_str(text).map_err(|why| Error::parse(format!("--edit {text}"), why))
        })
        .collect()
}

fn named(scores: &[Number]) -> Map<String, Value> {
    let entry = |score: &Number| match score.out_of {
        Some(total) => json!({"value": score.value, "out_of": total}),
        None => json!({"value": score.value}),
    };
    scores
        .iter()
        .map(|score| (score.id.clone(), entry(score)))
        .collect()
}

/// Calls `answer` on each line of stdin and prints what it returns, or its error, and goes on.
fn each_line(mut answer: impl FnMut(&str) -> Result<Value>) -> Result<()> {
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|why| Error::parse("stdin", why))?;
        if line.trim().is_empty() {
            continue;
        }
        match answer(&line) {
            Ok(value) => print(&value)?,
            Err(error) => print(&json!({"error": error}))?,
        }
    }
    Ok(())
}

/// A line of `replay`'s input.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    Reset { seed: u64 },
    State(Value),
    Step(usize),
}

fn replay(mut env: Box<dyn Env>) -> Result<()> {
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

fn rollout(
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

fn train(
    preset: &str,
    set: &[String],
    seed: u64,
    out: &Path,
    checkpoints: Option<&Path>,
    resume: Option<&Path>,
) -> Result<()> {
    let mut run = match resume {
        Some(path) => {
            let run = open(path)?;
            if run.config().preset != preset {
                return Err(file_error(
                    path,
                    format!("it is of {}, not of {preset}", run.config().preset),
                ));
            }
            run
        }
        None => {
            let config = RunConfig::of_preset(preset, &schema::set_pairs(set)?, seed)?;
            block_on(Run::open(config, DeviceName::Cpu))?
        }
    };
    if let Some(folder) = checkpoints {
        fs::create_dir_all(folder).map_err(|why| file_error(folder, why))?;
    }
    // Better now than after the training.
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
        return Err(file_error(parent, "there is no such folder"));
    }
    let bar = progress_bar(run.config().updates as u64);
    bar.set_position(run.update_of(None) as u64);
    let start = Instant::now();
    let last: RefCell<Option<(usize, Vec<Number>)>> = RefCell::new(None);
    let failed: RefCell<Result<()>> = RefCell::new(Ok(()));
    let sink = |event: Event| {
        let printed = match event {
            Event::Update { update, metrics } => {
                bar.set_position(update as u64);
                print(&json!({"update": update, "metrics": metrics}))
            }
            Event::Checkpoint { update, scores } => {
                let printed = print(&json!({"update": update, "scores": named(&scores)}));
                last.replace(Some((update, scores)));
                printed
            }
            _ => Ok(()),
        };
        if printed.is_err() {
            *failed.borrow_mut() = printed;
        }
    };
    let mut written = None;
    loop {
        let more = block_on(run.advance(&sink))?;
        failed.replace(Ok(()))?;
        let newest = last.borrow().as_ref().map(|(update, _)| *update);
        if let Some(folder) = checkpoints.filter(|_| newest.is_some() && newest != written) {
            let update = newest.unwrap_or_default();
            let bytes = block_on(run.weights(newest))?.to_bytes()?;
            write(
                &folder.join(format!("update{update:06}.safetensors")),
                &bytes,
            )?;
            written = newest;
        }
        if !more {
            break;
        }
    }
    bar.finish_and_clear();
    write(out, &block_on(run.everything(None))?.to_bytes()?)?;
    let scores = last
        .borrow()
        .as_ref()
        .map(|(_, scores)| named(scores))
        .unwrap_or_default();
    print(&json!({"summary": {
        "preset": run.config().preset,
        "seed": run.config().seed,
        "updates": run.update_of(None),
        "seconds": start.elapsed().as_secs_f64(),
        "scores": scores,
        "out": out,
    }}))
}

/// A bar on stderr; hidden where stderr is no terminal.
fn progress_bar(updates: u64) -> ProgressBar {
    let bar = ProgressBar::new(updates);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos} of {len} updates, {eta} left") {
        bar.set_style(style);
    }
    bar
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Observed {
    observation: Vec<f32>,
}

fn evaluate(run: &Run, names: &[String], edits: &[Edit]) -> Result<()> {
    let sites = names
        .iter()
        .map(|name| find_site(run.sites(), name))
        .collect::<Result<Vec<_>>>()?;
    let evaluator = block_on(run.evaluator(None, edits))?;
    let width = run.start().space().observation_len();
    each_line(|text| {
        let line: Observed = serde_json::from_str(text).map_err(|why| {
            Error::parse(
                "the line",
                format!("{why}; allowed: {{\"observation\":[…]}}"),
            )
        })?;
        if line.observation.len() != width {
            return Err(Error::Shape {
                what: "observation".into(),
                got: line.observation.len(),
                expected: width,
            });
        }
        if line.observation.iter().any(|x| !x.is_finite()) {
            return Err(Error::NotFinite {
                what: "the observation".into(),
            });
        }
        let (answers, recorded) = block_on(evaluator.record(line.observation, 1))?;
        let shown: Map<String, Value> = sites
            .iter()
            .map(|site| {
                let axes: Vec<&str> = site.axes.iter().map(|axis| axis.name.as_str()).collect();
                let shape: Vec<usize> = site.axes.iter().map(|axis| axis.len).collect();
                (
                    site.name.clone(),
                    json!({"axes": axes, "shape": shape, "data": recorded.get(&site.name)}),
                )
            })
            .collect();
        Ok(json!({"logits": answers.logits, "value": answers.values[0], "sites": shown}))
    })
}

fn run_op(
    file: &Path,
    op: String,
    set: &[String],
    states: &[String],
    edit: &[String],
) -> Result<()> {
    let bytes = fs::read(file).map_err(|why| file_error(file, why))?;
    let entry = glassbox::op::entry(&op)?;
    let mut session = Session::new();
    block_on(session.handle(
        Command::Import {
            bytes,
            device: DeviceName::Cpu,
        },
        &|_| {},
    ))?;
    let states = if states.is_empty() {
        let own = (session.run()?.config().preset()?.states)();
        own.into_iter().take(entry.num_states).collect()
    } else {
        states
            .iter()
            .map(|text| {
                serde_json::from_str(text)
                    .map_err(|why| Error::parse(format!("--state {text}"), why))
            })
            .collect::<Result<Vec<Value>>>()?
    };
    let command = Command::Op {
        op,
        parameters: Value::Object(schema::set_pairs(set)?),
        states,
        checkpoint: None,
        edits: edits(edit)?,
    };
    let printed: RefCell<Result<()>> = RefCell::new(Ok(()));
    block_on(session.handle(command, &|event| {
        if let Event::Figures {
            figures, numbers, ..
        } = event
        {
            *printed.borrow_mut() = print(&json!({"figures": figures, "numbers": named(&numbers)}));
        }
    }))?;
    printed.into_inner()
}
