//! A run: its agent, its checkpoints, and the ground truth that it is scored against.

mod lab;
pub mod memory;
mod rewind;

pub use lab::Answer;

use super::{
    Sink,
    config::RunConfig,
    protocol::{Event, RunInfo},
};
use crate::{
    agent::{self, Agent, AgentEntry, Setup},
    backend::{self, DeviceName},
    env::{self, Env},
    error::{Error, Result},
    model::{
        self, Network, Site,
        evaluator::Evaluator,
        taps::{self, Bank, Edit},
        weights::{self, Archive},
    },
    op::{
        self,
        figure::Number,
        score::{Effort, Scorer},
    },
};
use burn::{module::Module, tensor::Device};
use memory::Memory;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An open run.
pub struct Run {
    config: RunConfig,
    device_name: DeviceName,
    device: Device,
    start: Box<dyn Env>,
    agent_entry: &'static AgentEntry,
    agent: Box<dyn Agent>,
    sites: Vec<Site>,
    num_weights: usize,
    scorer: Scorer,
    update: usize,
    /// False for weights alone: their learner knows nothing of them.
    can_train: bool,
    checkpoints: Vec<Checkpoint>,
    /// An update to look at that is none of them.
    aside: Option<Checkpoint>,
    /// What ops found of them.
    memory: Memory,
}

/// The weights after an update, and how well they play.
struct Checkpoint {
    update: usize,
    network: Network,
    scores: Vec<Number>,
    /// What training needs to go on from there, as long as there is room for it.
    learner: Option<Archive>,
}

/// Reference states that `mean` and `resample` edits draw from.
const NUM_BANK_STATES: usize = 512;

impl Run {
    /// A new run at update 0.
    pub async fn open(config: RunConfig, device_name: DeviceName) -> Result<Self> {
        let mut run = Self::build(config, device_name).await?;
        run.take_checkpoint().await?;
        Ok(run)
    }

    async fn build(config: RunConfig, device_name: DeviceName) -> Result<Self> {
        let preset = config.preset()?;
        let device = backend::open(device_name).await?;
        let start = (env::entry(preset.environment)?.make)(&config.environment)?;
        let rng = config.rng();
        let make = model::entry(preset.model)?.make;
        let network = make(
            &config.model,
            start.space(),
            &mut rng.split("weights"),
            &device,
        )?;
        let sites = network.sites(start.space());
        let num_weights = network.num_params();
        let agent_entry = agent::entry(preset.agent)?;
        let setup = Setup {
            env: start.clone(),
            network,
            device: device.clone(),
            rng,
            updates: config.updates,
        };
        let agent = (agent_entry.make)(&config.agent, setup)?;
        Ok(Self {
            scorer: Scorer::new(start.clone()),
            config,
            device_name,
            device,
            start,
            agent_entry,
            agent,
            sites,
            num_weights,
            update: 0,
            can_train: true,
            checkpoints: Vec::new(),
            aside: None,
            memory: Memory::default(),
        })
    }

    /// A run from a file: weights alone to look at, or everything to train on.
    /// Errors: `Checkpoint` for a file that is not of this kind or does not fit its own configuration.
    pub async fn import(archive: &Archive, device_name: DeviceName) -> Result<Self> {
        let (config, update) = origin(archive)?;
        let mut run = Self::build(config, device_name).await?;
        run.take_checkpoint().await?;
        let network = weights::load(run.agent.network(), archive, &run.device)?;
        run.update = update;
        if archive.metadata.contains_key("learner") {
            run.agent.restore(network, archive)?;
            run.take_checkpoint().await?;
        } else {
            run.can_train = false;
            run.keep_checkpoint(network, None).await?;
        }
        Ok(run)
    }

    /// A run to look at: the weights of some updates, of which those in `checkpoints` are its checkpoints,
    /// as update 0 always is, and `update` is the newest.
    /// Errors: `Checkpoint` for weights that do not fit `config`.
    pub async fn of_weights(
        config: RunConfig,
        archives: &BTreeMap<usize, &Archive>,
        checkpoints: &[usize],
        update: usize,
        device_name: DeviceName,
    ) -> Result<Self> {
        let mut run = Self::build(config, device_name).await?;
        run.can_train = false;
        run.update = update;
        for (&update, archive) in archives {
            let checkpoint = Checkpoint {
                update,
                network: weights::load(run.agent.network(), archive, &run.device)?,
                scores: Vec::new(),
                learner: None,
            };
            if update == 0 || checkpoints.contains(&update) {
                run.checkpoints.push(checkpoint);
            } else {
                run.aside = Some(checkpoint);
            }
        }
        Ok(run)
    }

    /// One update, reported to `sink`. False once the budget is spent.
    /// Errors: `NotApplicable` for a run that was opened from weights alone; `Diverged` for an update
    /// that came to nothing.
    pub async fn advance(&mut self, sink: Sink<'_>) -> Result<bool> {
        if self.update >= self.config.updates {
            sink(Event::Finished {
                update: self.update,
            });
            return Ok(false);
        }
        self.check_can_train()?;
        let metrics = match self.agent.advance().await {
            Ok(metrics) => metrics,
            Err(why) => return Err(self.undo_update(why).await),
        };
        self.update += 1;
        sink(Event::Update {
            update: self.update,
            metrics,
        });
        let last = self.update == self.config.updates;
        if last || self.update.is_multiple_of(self.config.checkpoint_every) {
            self.take_checkpoint().await?;
            if let Some(checkpoint) = self.checkpoints.last() {
                sink(self.checkpoint_event(checkpoint));
            }
        }
        if let Some(collapse) = self.agent.collapse() {
            sink(self.collapse_event(collapse));
        }
        if last {
            sink(Event::Finished {
                update: self.update,
            });
        }
        Ok(!last)
    }

    fn check_can_train(&self) -> Result<()> {
        if self.can_train {
            return Ok(());
        }
        Err(Error::not_applicable(
            "this file holds weights alone, to look at; to train on, open one that was exported with everything",
        ))
    }

    async fn take_checkpoint(&mut self) -> Result<()> {
        let mut learner = Archive::default();
        self.agent.save(&mut learner).await?;
        self.keep_checkpoint(self.agent.network(), Some(learner))
            .await
    }

    async fn keep_checkpoint(&mut self, network: Network, learner: Option<Archive>) -> Result<()> {
        let evaluator = Evaluator {
            network: network.clone(),
            device: self.device.clone(),
            edits: Vec::new(),
        };
        let scores = self.score(&evaluator, Effort::Quick).await?;
        self.checkpoints
            .retain(|checkpoint| checkpoint.update != self.update);
        self.memory.retain(|update| update != self.update);
        self.checkpoints.push(Checkpoint {
            update: self.update,
            network,
            scores,
            learner,
        });
        self.make_room();
        Ok(())
    }

    /// Reports every checkpoint that is kept.
    pub fn report_checkpoints(&self, sink: Sink<'_>) {
        self.checkpoints
            .iter()
            .for_each(|checkpoint| sink(self.checkpoint_event(checkpoint)));
    }

    /// Scores a network of this run against ground truth.
    pub async fn score(&self, evaluator: &Evaluator, effort: Effort) -> Result<Vec<Number>> {
        self.scorer
            .score(self.agent.as_ref(), evaluator, self.searches(), effort)
            .await
    }

    /// The network of a checkpoint, or the newest, ready to infer with `edits`.
    /// Errors: an update without a checkpoint, an edit that does not fit.
    pub async fn evaluator(&self, checkpoint: Option<usize>, edits: &[Edit]) -> Result<Evaluator> {
        let network = self.network(checkpoint)?;
        let mut evaluator = Evaluator {
            network,
            device: self.device.clone(),
            edits: Vec::new(),
        };
        let rng = self.config.rng();
        let bank = if taps::needs_bank(edits) {
            let states =
                op::reference_states(self.start.as_ref(), NUM_BANK_STATES, &mut rng.split("bank"));
            op::bank(&evaluator, &states, &self.sites).await?
        } else {
            Bank::new()
        };
        evaluator.edits = taps::compile(
            edits,
            &self.sites,
            &bank,
            &mut rng.split("resample"),
            &self.device,
        )?;
        Ok(evaluator)
    }

    fn network(&self, checkpoint: Option<usize>) -> Result<Network> {
        let Some(update) = checkpoint else {
            return Ok(match self.checkpoints.last() {
                // Weights alone have no learner that could be newer than they are.
                Some(last) if last.update == self.update => last.network.clone(),
                _ => self.agent.network(),
            });
        };
        let mut known = self.checkpoints.iter().chain(&self.aside);
        let found = known.find(|checkpoint| checkpoint.update == update);
        found
            .map(|checkpoint| checkpoint.network.clone())
            .ok_or_else(|| self.unknown_checkpoint(update))
    }

    fn unknown_checkpoint(&self, update: usize) -> Error {
        Error::UnknownId {
            kind: "checkpoint",
            id: update.to_string(),
            allowed: self
                .checkpoints
                .iter()
                .map(|checkpoint| checkpoint.update.to_string())
                .collect(),
        }
    }

    /// The weights of a checkpoint as an archive, with the metadata that rebuilds their network.
    pub async fn weights(&self, checkpoint: Option<usize>) -> Result<Archive> {
        let preset = self.config.preset()?;
        let mut archive = Archive {
            arrays: weights::collect(&self.network(checkpoint)?).await?,
            ..Archive::default()
        };
        let flat = self.config.flat()?;
        let part = |scope: &str| -> Value {
            let inside = flat.iter().filter_map(|(name, value)| {
                let key = name.strip_prefix(scope)?.strip_prefix('.')?;
                Some((key.to_owned(), value.clone()))
            });
            Value::Object(inside.collect())
        };
        for (key, value) in [
            (
                "architecture",
                json!({"id": preset.model, "parameters": part("model")}),
            ),
            (
                "environment",
                json!({"id": preset.environment, "parameters": part("environment")}),
            ),
            (
                "agent",
                json!({"id": preset.agent, "parameters": part("agent")}),
            ),
            (
                "parameters",
                serde_json::to_value(&self.config)
                    .map_err(|why| Error::parse("parameters", why))?,
            ),
            ("seed", json!(self.config.seed)),
            ("update", json!(self.update_of(checkpoint))),
        ] {
            archive.metadata.insert(key.into(), value);
        }
        Ok(archive)
    }

    /// The newest weights and everything else that training needs to go on.
    /// Errors: an earlier checkpoint, of which weights alone are kept, or a run opened from weights alone.
    pub async fn everything(&self, checkpoint: Option<usize>) -> Result<Archive> {
        if checkpoint.is_some_and(|update| update != self.update) {
            return Err(Error::not_applicable(
                "only the newest update can be exported with everything; earlier ones as weights",
            ));
        }
        self.check_can_train()?;
        let mut archive = self.weights(None).await?;
        self.agent.save(&mut archive).await?;
        Ok(archive)
    }

    /// The update that `checkpoint` names: itself, or the newest.
    pub fn update_of(&self, checkpoint: Option<usize>) -> usize {
        checkpoint.unwrap_or(self.update)
    }

    /// What ops found of its checkpoints.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// What the page needs to know of the run.
    pub fn info(&self) -> Result<RunInfo> {
        let preset = self.config.preset()?;
        let space = self.start.space();
        Ok(RunInfo {
            preset: preset.id.into(),
            environment: preset.environment.into(),
            model: preset.model.into(),
            agent: preset.agent.into(),
            parameters: self.config.flat()?,
            seed: self.config.seed,
            device: self.device_name,
            update: self.update,
            updates: self.config.updates,
            checkpoints: self
                .checkpoints
                .iter()
                .map(|checkpoint| checkpoint.update)
                .collect(),
            kept: self.kept(),
            num_weights: self.num_weights,
            sites: self.sites.clone(),
            observation: space.observation.clone(),
            actions: space.actions.clone(),
            num_players: space.num_players,
            concepts: space.concepts.clone(),
            searches: self.searches(),
            metrics: self.agent_entry.metrics_in(space),
            scores: self.scorer.metrics(),
        })
    }

    /// The configuration.
    pub fn config(&self) -> &RunConfig {
        &self.config
    }

    /// The learner.
    pub fn agent(&self) -> &dyn Agent {
        self.agent.as_ref()
    }

    /// Whether the agent can search.
    pub fn searches(&self) -> bool {
        self.agent_entry.searches
    }

    /// The network's sites.
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// The environment as it was made.
    pub fn start(&self) -> &dyn Env {
        self.start.as_ref()
    }

    /// A copy of the environment as it was made.
    pub fn env(&self) -> Box<dyn Env> {
        self.start.clone()
    }

    fn checkpoint_event(&self, checkpoint: &Checkpoint) -> Event {
        Event::Checkpoint {
            update: checkpoint.update,
            scores: checkpoint.scores.clone(),
            kept: self.kept(),
        }
    }
}

/// What an exported file is of: the run's configuration, checked, and the update.
/// Errors: `Checkpoint` for a file that does not say so.
pub fn origin(archive: &Archive) -> Result<(RunConfig, usize)> {
    let config: RunConfig = archive
        .metadata
        .get("parameters")
        .cloned()
        .ok_or_else(|| Error::checkpoint("its metadata lacks the key parameters"))
        .and_then(|value| {
            serde_json::from_value(value)
                .map_err(|why| Error::checkpoint(format!("parameters: {why}")))
        })?;
    let update = archive.metadata.get("update").and_then(Value::as_u64);
    let update = update
        .filter(|&update| update <= config.updates as u64)
        .ok_or_else(|| Error::checkpoint("its metadata lacks a valid update"))?;
    config.validate(config.preset()?)?;
    Ok((config, update as usize))
}
