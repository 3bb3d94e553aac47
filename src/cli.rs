//! The native twin of the page: the same sessions, as JSON on standard output.
//!
//! Results go to stdout, progress to stderr. Bad input says what is allowed and exits with 2.

mod episodes;
mod evidence;
mod train;

use clap::{Parser, Subcommand};
use episodes::{replay, rollout};
use evidence::{run_op, sheet};
use glassbox::{
    backend::DeviceName,
    error::{Error, Result},
    model::{find_site, taps::Edit, weights::Archive},
    op::{figure::Number, score::Effort},
    session::{block_on, catalogue::catalogue, config, run::Run, sheet::TOLERANCE},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{
    fs,
    io::{self, BufRead, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};
use train::train;

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
        /// Where to write the figures as an evidence sheet that `sheet` replays.
        #[arg(long)]
        sheet: Option<PathBuf>,
    },
    /// Run the ops of an evidence sheet again on its weights, and compare their numbers: a JSON line for
    /// each entry, last a summary. Exits with 1 where a number does not agree.
    Sheet {
        /// A file that the page exported, or that op --sheet wrote.
        file: PathBuf,
        /// The largest relative difference at which numbers agree.
        #[arg(long, default_value_t = TOLERANCE)]
        tolerance: f64,
    },
}

/// Reads the command line, carries it out, and says how that ended.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("glassbox: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(command: Cmd) -> Result<ExitCode> {
    let done = match command {
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
            episodes as usize,
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
            sheet,
        } => run_op(&file, op, &set, &state, &edits(&edit)?, sheet.as_deref()),
        Cmd::Sheet { file, tolerance } => {
            return Ok(match sheet(&file, tolerance)? {
                true => ExitCode::SUCCESS,
                false => ExitCode::FAILURE,
            });
        }
    };
    done.map(|()| ExitCode::SUCCESS)
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
