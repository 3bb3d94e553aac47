//! Ops on a run, and what they can ask of it: its checkpoints, its environment with another parameter, a
//! second training.

use super::Run;
use crate::{
    agent::Explored,
    backend::Pending,
    env::{self, Env},
    error::{Error, Result},
    model::{self, evaluator::Evaluator, taps::Edit},
    op::{
        self, Lab, Subject, Watch,
        figure::{Figure, Number},
        score::Effort,
    },
    rng::Rng,
    session::{Caller, config::RunConfig, protocol::Event},
};
use serde_json::{Map, Value};
use std::{cell::Cell, collections::BTreeSet};

impl Watch for Caller<'_> {
    fn step(&self, done: usize, total: usize) -> Pending<'_, Result<()>> {
        (self.sink)(Event::Progress { done, total });
        Box::pin(async {
            match self.still_waits {
                Some(still_waits) if !still_waits().await => Err(Error::Cancelled),
                _ => Ok(()),
            }
        })
    }
}

/// A number as JSON: whole where it is whole, as integer parameters want it.
fn json(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e9 {
        Value::from(value as i64)
    } else {
        Value::from(value)
    }
}

impl Run {
    /// This run's configuration with one environment parameter changed. Errors: `Parameter`.
    fn changed(&self, name: &str, value: f64, seed: u64) -> Result<RunConfig> {
        let flat = self.config.flat()?;
        let mut set: Map<String, Value> = flat;
        let key = format!("environment.{name}");
        if !set.contains_key(&key) {
            return Err(Error::Parameter {
                name: "parameter".into(),
                got: name.into(),
                allowed: self.environment_parameters()?.join(", "),
            });
        }
        set.insert(key, json(value));
        // Ops read the weights at the end alone.
        set.insert("checkpoint_every".into(), self.config.updates.into());
        RunConfig::of_preset(&self.config.preset, &set, seed)
    }

    fn environment_parameters(&self) -> Result<Vec<String>> {
        let flat = self.config.flat()?;
        let numbers = flat.iter().filter(|(_, value)| value.is_number());
        Ok(numbers
            .filter_map(|(name, _)| name.strip_prefix("environment."))
            .map(str::to_owned)
            .collect())
    }

    /// The network after so many updates, of which nobody but `watch` is told.
    async fn advance_alone(&mut self, updates: usize, watch: &dyn Watch) -> Result<Evaluator> {
        for done in 1..=updates {
            self.agent.advance().await?;
            watch.step(done, updates).await?;
        }
        Ok(Evaluator {
            network: self.agent.network(),
            device: self.device.clone(),
            edits: Vec::new(),
        })
    }

    /// The figures and numbers of [`Run::answer`].
    pub async fn op(
        &self,
        id: &str,
        parameters: &Value,
        states: Vec<Box<dyn Env>>,
        checkpoint: Option<usize>,
        edits: &[Edit],
        watch: &dyn Watch,
    ) -> Result<(Vec<Figure>, Vec<Number>)> {
        let answer = self.answer(id, parameters, states, checkpoint, edits, watch);
        answer.await.map(|answer| (answer.figures, answer.numbers))
    }

    /// Runs an op. `watch` is told how far it is.
    /// Errors: an unknown op, bad parameters, `NotApplicable`, `Cancelled`.
    pub async fn answer(
        &self,
        id: &str,
        parameters: &Value,
        states: Vec<Box<dyn Env>>,
        checkpoint: Option<usize>,
        edits: &[Edit],
        watch: &dyn Watch,
    ) -> Result<Answer> {
        let entry = op::entry(id)?;
        if states.len() != entry.num_states {
            return Err(Error::not_applicable(format!(
                "{id} looks at {} states; {} were given",
                entry.num_states,
                states.len()
            )));
        }
        let lab = Looked {
            run: self,
            update: self.update_of(checkpoint),
            at_checkpoints: Cell::new(false),
        };
        let subject = Subject {
            evaluator: self.evaluator(checkpoint, edits).await?,
            untrained: self.evaluator(Some(0), &[]).await?,
            sites: self.sites(),
            env: self.start(),
            states,
            rng: self.config.rng(),
            lab: &lab,
            watch,
        };
        let figures = (entry.run)(&subject, parameters).await?;
        let checkpoints: Vec<usize> = match lab.at_checkpoints.get() {
            true => self.checkpoints.iter().map(|one| one.update).collect(),
            false => Vec::new(),
        };
        let mut read = BTreeSet::from([0, self.update_of(checkpoint)]);
        read.extend(&checkpoints);
        Ok(Answer {
            numbers: figures
                .iter()
                .flat_map(|figure| figure.numbers.clone())
                .collect(),
            figures,
            read: read.into_iter().collect(),
            checkpoints,
        })
    }
}

/// What an op found.
pub struct Answer {
    /// Its figures.
    pub figures: Vec<Figure>,
    /// Headline numbers of all of them.
    pub numbers: Vec<Number>,
    /// Updates whose weights it looked at, ascending: its network's, those before training, and every
    /// checkpoint's where it asked for them.
    pub read: Vec<usize>,
    /// Which of them it was given as the run's checkpoints; none where it did not ask.
    pub checkpoints: Vec<usize>,
}

/// A run as ops see it, which remembers whether they looked at its checkpoints.
struct Looked<'a> {
    run: &'a Run,
    /// The update after which the network is looked at.
    update: usize,
    at_checkpoints: Cell<bool>,
}

impl Lab for Looked<'_> {
    fn checkpoints(&self) -> Vec<(usize, Evaluator)> {
        self.at_checkpoints.set(true);
        let evaluator = |network| Evaluator {
            network,
            device: self.run.device.clone(),
            edits: Vec::new(),
        };
        self.run
            .checkpoints
            .iter()
            .map(|one| (one.update, evaluator(one.network.clone())))
            .collect()
    }

    fn recall(&self, update: usize, key: &str) -> Option<Value> {
        self.run.memory.recall(update, key)
    }

    fn remember(&self, update: usize, key: &str, found: Value) {
        self.run.memory.remember(update, key, found);
    }

    fn parameters(&self) -> Result<Vec<String>> {
        self.run.environment_parameters()
    }

    fn environment(&self, name: &str, value: f64) -> Result<Box<dyn Env>> {
        let config = self.run.changed(name, value, self.run.config.seed)?;
        (env::entry(config.preset()?.environment)?.make)(&config.environment)
    }

    fn retrained<'a>(
        &'a self,
        name: &'a str,
        value: f64,
        seed: u64,
        watch: &'a dyn Watch,
    ) -> Pending<'a, Result<Evaluator>> {
        Box::pin(async move {
            let config = self.run.changed(name, value, seed)?;
            let updates = config.updates;
            let mut run = Run::build(config, self.run.device_name).await?;
            run.advance_alone(updates, watch).await
        })
    }

    fn twin<'a>(&'a self, seed: u64, watch: &'a dyn Watch) -> Pending<'a, Result<[Evaluator; 2]>> {
        Box::pin(async move {
            let config = RunConfig {
                seed,
                ..self.run.config.clone()
            };
            let mut run = Run::build(config, self.run.device_name).await?;
            let first = run.advance_alone(0, watch).await?;
            Ok([first, run.advance_alone(self.update, watch).await?])
        })
    }

    fn updates(&self) -> usize {
        self.run.config.updates
    }

    fn fresh(&self, scale: f64, seed: u64) -> Result<Evaluator> {
        let entry = model::entry(self.run.config.preset()?.model)?;
        let parameters = entry.scaled(&self.run.config.model, scale);
        let mut rng = Rng::new(seed).split("weights");
        Ok(Evaluator {
            network: (entry.make)(
                &parameters,
                self.run.start.space(),
                &mut rng,
                &self.run.device,
            )?,
            device: self.run.device.clone(),
            edits: Vec::new(),
        })
    }

    fn score<'a>(&'a self, evaluator: &'a Evaluator) -> Pending<'a, Result<Vec<Number>>> {
        Box::pin(self.run.score(evaluator, Effort::Quick))
    }

    fn explore<'a>(
        &'a self,
        evaluator: &'a Evaluator,
        states: &'a [Box<dyn Env>],
        num_simulations: Option<usize>,
    ) -> Pending<'a, Result<Vec<Explored>>> {
        self.run.agent.explore(evaluator, states, num_simulations)
    }
}
