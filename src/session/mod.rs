//! A session: one enum of commands, one of events, the same natively and in the tab.
//!
//! Owns the run: its configuration, agent, checkpoints and ground truth. A command that fails leaves
//! everything as it was.

pub mod catalogue;
pub mod config;
pub mod protocol;
pub mod run;
pub mod sheet;

use crate::{
    backend::Pending,
    env::{self, Env},
    error::{Error, Result},
    model::weights::Archive,
    op,
    rollout::episodes::play_at_random,
};
use config::RunConfig;
use protocol::{Command, Event, ExportKind, StateView, View};
use run::Run;
use serde_json::Value;
use sheet::Sheet;

/// Receives events as they come.
pub type Sink<'a> = &'a dyn Fn(Event);

/// Says whether whoever asked still waits for the answer.
pub type StillWaits = dyn Fn() -> Pending<'static, bool>;

/// Whoever gave a command: hears of it, and may call it off.
pub struct Caller<'a> {
    /// Receives its events.
    pub sink: Sink<'a>,
    /// Asked now and then by ops; without it they run to their end.
    pub still_waits: Option<&'a StillWaits>,
}

/// One visitor's session.
#[derive(Default)]
pub struct Session {
    run: Option<Run>,
    still_waits: Option<Box<StillWaits>>,
}

impl Session {
    /// A session without a run.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, whose ops end with `Cancelled` once `still_waits` says so.
    pub fn cancellable(still_waits: Box<StillWaits>) -> Self {
        Self {
            still_waits: Some(still_waits),
            ..Self::default()
        }
    }

    /// The open run, or `Error::NoRun`.
    pub fn run(&self) -> Result<&Run> {
        self.run.as_ref().ok_or(Error::NoRun)
    }

    /// Carries out `command`; its answers go to `sink`. Errors leave the session as it was.
    pub async fn handle(&mut self, command: Command, sink: Sink<'_>) -> Result<()> {
        match command {
            Command::Catalogue => sink(Event::Catalogue(catalogue::catalogue())),
            Command::Open {
                preset,
                set,
                seed,
                device,
            } => {
                let config = RunConfig::of_preset(&preset, &set, seed)?;
                self.open(Run::open(config, device).await?, sink)?;
            }
            Command::Import { bytes, device } => {
                let archive = Archive::from_bytes(&bytes)?;
                self.open(Run::import(&archive, device).await?, sink)?;
            }
            Command::Advance { updates } => {
                let run = self.run.as_mut().ok_or(Error::NoRun)?;
                for _ in 0..updates {
                    if !run.advance(sink).await? {
                        break;
                    }
                }
            }
            Command::Rewind { checkpoint } => {
                let run = self.run.as_mut().ok_or(Error::NoRun)?;
                run.rewind(checkpoint)?;
                sink(Event::Rewound {
                    update: checkpoint,
                    kept: run.kept(),
                });
            }
            Command::Rollout {
                environment,
                set,
                episodes,
                seed,
            } => {
                let mut env = (env::entry(&environment)?.make)(&Value::Object(set))?;
                let mut rng = crate::rng::Rng::new(seed);
                let found = play_at_random(env.as_mut(), episodes, &mut rng)?;
                sink(Event::Episodes(found));
            }
            Command::Start { seed } => {
                let run = self.run()?;
                let mut env = run.env();
                env.reset(&mut crate::rng::Rng::new(seed).split("start"));
                sink(Event::State(state_view(env.as_ref(), 0.0)));
            }
            Command::Inject { state } => {
                sink(Event::State(state_view(self.state(&state)?.as_ref(), 0.0)));
            }
            Command::Step {
                state,
                action,
                seed,
            } => {
                let mut env = self.state(&state)?;
                // What is random in a step depends on the state and the seed alone, so that the same play has the
                // same outcome, but not every step the same draw.
                let mut rng = crate::rng::Rng::new(seed).split(&env.state().to_string());
                let step = env.step(action, &mut rng)?;
                sink(Event::State(state_view(env.as_ref(), step.reward)));
            }
            Command::Paint {
                state,
                row,
                column,
                brush,
            } => {
                let mut env = self.state(&state)?;
                env.paint(row, column, brush)?;
                sink(Event::State(state_view(env.as_ref(), 0.0)));
            }
            Command::Shift { state, from, to } => {
                let mut env = self.state(&state)?;
                env.shift(from, to)?;
                sink(Event::State(state_view(env.as_ref(), 0.0)));
            }
            Command::Look {
                state,
                checkpoint,
                search,
                edits,
            } => {
                let env = self.state(&state)?;
                let run = self.run()?;
                sink(Event::View(
                    look(run, env, checkpoint, search, &edits).await?,
                ));
            }
            Command::Score { checkpoint, edits } => {
                let run = self.run()?;
                let evaluator = run.evaluator(checkpoint, &edits).await?;
                let scores = run.score(&evaluator, op::score::Effort::Full).await?;
                sink(Event::Scores {
                    update: run.update_of(checkpoint),
                    scores,
                });
            }
            Command::Op {
                op,
                parameters,
                states,
                checkpoint,
                edits,
            } => {
                let run = self.run()?;
                let states = states
                    .iter()
                    .map(|state| self.state(state))
                    .collect::<Result<Vec<_>>>()?;
                let caller = Caller {
                    sink,
                    still_waits: self.still_waits.as_deref(),
                };
                let answer = run
                    .answer(&op, &parameters, states, checkpoint, &edits, &caller)
                    .await?;
                sink(Event::Figures {
                    update: run.update_of(checkpoint),
                    figures: answer.figures,
                    numbers: answer.numbers,
                    read: answer.read,
                    checkpoints: answer.checkpoints,
                });
            }
            Command::Sheet { entries } => sink(Event::File {
                name: "glassbox-evidence.json".into(),
                bytes: Sheet::of(entries)?.to_bytes()?,
            }),
            Command::Export { checkpoint, what } => {
                let run = self.run()?;
                let archive = match what {
                    ExportKind::Weights => run.weights(checkpoint).await?,
                    ExportKind::Everything => run.everything(checkpoint).await?,
                };
                let name = format!(
                    "{}-seed{}-update{}.safetensors",
                    run.config().preset,
                    run.config().seed,
                    run.update_of(checkpoint)
                );
                sink(Event::File {
                    name,
                    bytes: archive.to_bytes()?,
                });
            }
        }
        Ok(())
    }

    fn open(&mut self, run: Run, sink: Sink<'_>) -> Result<()> {
        sink(Event::Opened(run.info()?));
        run.report_checkpoints(sink);
        self.run = Some(run);
        Ok(())
    }

    fn state(&self, state: &Value) -> Result<Box<dyn Env>> {
        let mut env = self.run()?.env();
        env.set_state(state)?;
        Ok(env)
    }
}

/// A state, drawn.
pub fn state_view(env: &dyn Env, reward: f32) -> StateView {
    let outcome = env.outcome();
    StateView {
        state: env.state(),
        scene: env.scene(),
        player: env.player(),
        legal: env::legal_actions(env),
        reward,
        terminated: outcome.terminated,
        truncated: outcome.truncated,
    }
}

async fn look(
    run: &Run,
    env: Box<dyn Env>,
    checkpoint: Option<usize>,
    search: bool,
    edits: &[crate::model::taps::Edit],
) -> Result<View> {
    let evaluator = run.evaluator(checkpoint, edits).await?;
    let states = [env];
    let env = states[0].as_ref();
    let (_, recorded) = evaluator.record(env::observation(env), 1).await?;
    let over = env.outcome().done();
    let decide = |search| run.agent().decide(&evaluator, &states, search);
    let network = if over {
        None
    } else {
        decide(false).await?.pop()
    };
    let search = if over || !search || !run.searches() {
        None
    } else {
        decide(true).await?.pop()
    };
    Ok(View {
        update: run.update_of(checkpoint),
        at: state_view(env, 0.0),
        network,
        search,
        optimum: if over { None } else { env.optimum() },
        concepts: env.concepts(),
        sites: run
            .sites()
            .iter()
            .map(|site| recorded.get(&site.name).cloned().unwrap_or_default())
            .collect(),
    })
}

/// Runs a future to its end. Natively nothing ever waits; in a browser the bridge awaits instead.
#[cfg(not(target_arch = "wasm32"))]
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}
