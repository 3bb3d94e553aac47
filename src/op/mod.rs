//! Interpretability methods. One file each, one line in [`OPS`].
//!
//! An op looks at an agent's network through its sites and at an environment through its states and
//! concepts, and answers with figures; it knows none of them by name.

pub mod ablate;
pub mod activations;
pub mod attribution;
pub mod attribution_patch;
pub mod circuit;
pub mod cka;
pub mod clone;
pub mod compare;
pub mod concept_value;
mod contrast;
pub mod counterfactual;
mod course;
mod curve;
pub mod dataset_examples;
pub mod direct_attribution;
mod distil;
pub mod dynamics;
mod episodes;
pub mod feature_vis;
pub mod figure;
mod gradient;
mod hals;
pub mod layout;
pub mod lens;
mod linear;
mod measure;
pub mod misgeneralisation;
mod neighbours;
pub mod nmf;
pub mod occupancy;
mod pairs;
mod parts;
pub mod patch;
pub mod pca;
pub mod planning;
pub mod policy_field;
pub mod probe;
mod readout;
pub mod retarget;
pub mod sae;
mod samples;
pub mod score;
pub mod search_tree;
pub mod steer;
pub mod value_map;
mod walk;
pub mod what_when_where;
mod wiring;

use crate::{
    agent::Explored,
    backend::Pending,
    env::{self, Env},
    error::{Error, Result},
    model::{
        Site,
        evaluator::{Evaluator, observations},
        taps::Bank,
    },
    rng::Rng,
};
use figure::{Figure, Number};
use serde_json::Value;

/// Every op.
pub static OPS: &[&OpEntry] = &[
    &patch::ENTRY,
    &attribution::ENTRY,
    &attribution_patch::ENTRY,
    &circuit::ENTRY,
    &ablate::ENTRY,
    &activations::ENTRY,
    &nmf::ENTRY,
    &pca::ENTRY,
    &cka::ENTRY,
    &sae::ENTRY,
    &probe::ENTRY,
    &direct_attribution::ENTRY,
    &lens::ENTRY,
    &dataset_examples::ENTRY,
    &feature_vis::ENTRY,
    &counterfactual::ENTRY,
    &what_when_where::ENTRY,
    &concept_value::ENTRY,
    &dynamics::ENTRY,
    &planning::ENTRY,
    &policy_field::ENTRY,
    &value_map::ENTRY,
    &occupancy::ENTRY,
    &misgeneralisation::ENTRY,
    &steer::ENTRY,
    &retarget::ENTRY,
    &search_tree::ENTRY,
    &clone::ENTRY,
    &compare::ENTRY,
];

/// A registered op.
pub struct OpEntry {
    /// Its id.
    pub id: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// JSON schema of its parameters.
    pub schema: fn() -> Value,
    /// How many states it looks at: 0, 1, or 2 for a clean and a corrupt one.
    pub num_states: usize,
    /// Runs it. Errors: bad parameters, or `NotApplicable` with the reason.
    pub run: for<'a> fn(&'a Subject<'a>, &'a Value) -> Pending<'a, Result<Vec<Figure>>>,
}

/// The entry named `id`, or `Error::UnknownId`.
pub fn entry(id: &str) -> Result<&'static OpEntry> {
    OPS.iter()
        .copied()
        .find(|entry| entry.id == id)
        .ok_or_else(|| Error::UnknownId {
            kind: "op",
            id: id.into(),
            allowed: OPS.iter().map(|entry| entry.id.to_owned()).collect(),
        })
}

/// What an op looks at.
pub struct Subject<'a> {
    /// The network of the chosen checkpoint, with the session's edits.
    pub evaluator: Evaluator,
    /// The same architecture with its first weights: the control of every claim about training.
    pub untrained: Evaluator,
    /// The network's sites.
    pub sites: &'a [Site],
    /// The environment, in its start state.
    pub env: &'a dyn Env,
    /// The states that the op was given.
    pub states: Vec<Box<dyn Env>>,
    /// The run's generator: split it by purpose, so that the same question has the same answer.
    pub rng: Rng,
    /// What of the run it can ask for.
    pub lab: &'a dyn Lab,
    /// Who waits for it.
    pub watch: &'a dyn Watch,
}

impl Subject<'_> {
    /// Tells that `done` steps of `total` are done. Errors: `Cancelled` where nobody waits any more.
    async fn step(&self, done: usize, total: usize) -> Result<()> {
        self.watch.step(done, total).await
    }

    /// The network without the session's edits.
    fn clean(&self) -> Evaluator {
        Evaluator {
            edits: Vec::new(),
            ..self.evaluator.clone()
        }
    }
}

/// Who waits for an op: is told how far it is, and may call it off.
pub trait Watch {
    /// Told that `done` steps of `total` are done. Errors: `Cancelled` where nobody waits any more.
    fn step(&self, done: usize, total: usize) -> Pending<'_, Result<()>>;
}

/// Someone who waits to the end, and is told nothing.
pub struct Patient;

impl Watch for Patient {
    fn step(&self, _done: usize, _total: usize) -> Pending<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

/// A part of what is waited for: its own steps, as so many of the whole's.
pub struct Within<'a> {
    /// Who waits.
    pub watch: &'a dyn Watch,
    /// Steps of the whole that were done before.
    pub before: usize,
    /// Steps of the whole.
    pub total: usize,
}

impl Watch for Within<'_> {
    fn step(&self, done: usize, _total: usize) -> Pending<'_, Result<()>> {
        self.watch.step(self.before + done, self.total)
    }
}

/// A part of what is waited for that is no step of its own: it tells where the whole stands.
pub struct Meanwhile<'a> {
    /// Who waits.
    pub watch: &'a dyn Watch,
    /// Steps of the whole that are done.
    pub done: usize,
    /// Steps of the whole.
    pub total: usize,
}

impl Watch for Meanwhile<'_> {
    fn step(&self, _done: usize, _total: usize) -> Pending<'_, Result<()>> {
        self.watch.step(self.done, self.total)
    }
}

/// What of its run an op can ask for.
pub trait Lab {
    /// Updates and networks of the run's checkpoints, the oldest first.
    fn checkpoints(&self) -> Vec<(usize, Evaluator)>;

    /// What an op found of a checkpoint of these, if it is still known; `key` says all else that the
    /// finding depends on.
    fn recall(&self, update: usize, key: &str) -> Option<Value> {
        let _ = (update, key);
        None
    }

    /// Keeps what an op found of a checkpoint, for as long as there are room and the checkpoint.
    fn remember(&self, update: usize, key: &str, found: Value) {
        let _ = (update, key, found);
    }

    /// The environment's parameters that are numbers.
    fn parameters(&self) -> Result<Vec<String>>;

    /// The environment with one of them changed. Errors: `Parameter` with what is allowed.
    fn environment(&self, name: &str, value: f64) -> Result<Box<dyn Env>>;

    /// The network at the end of the run's budget, had that parameter and the seed been these.
    /// `watch` is told updates done.
    fn retrained<'a>(
        &'a self,
        name: &'a str,
        value: f64,
        seed: u64,
        watch: &'a dyn Watch,
    ) -> Pending<'a, Result<Evaluator>>;

    /// First and present weights of the agent that differs from the run's in its seed alone, trained as far as
    /// the network that is looked at. `watch` is told updates done.
    /// Errors: `NotApplicable` where there is nothing to train again.
    fn twin<'a>(&'a self, seed: u64, watch: &'a dyn Watch) -> Pending<'a, Result<[Evaluator; 2]>> {
        let _ = (seed, watch);
        Box::pin(async { Err(Error::not_applicable("there is no run here to train again")) })
    }

    /// The run's budget of updates.
    fn updates(&self) -> usize;

    /// A network of the run's family with fresh weights, every width of it times `scale`.
    /// Errors: `NotApplicable` where there is no family to draw from.
    fn fresh(&self, scale: f64, seed: u64) -> Result<Evaluator> {
        let _ = (scale, seed);
        Err(Error::not_applicable("there is no family of networks here"))
    }

    /// How well a network plays: the run's scores of its checkpoints; none where there are none.
    fn score<'a>(&'a self, evaluator: &'a Evaluator) -> Pending<'a, Result<Vec<Number>>> {
        let _ = evaluator;
        Box::pin(async { Ok(Vec::new()) })
    }

    /// What the run's agent decides with search and `evaluator`, and the trees behind it; in
    /// `num_simulations`, or as many as at play. Errors: `NotApplicable` where it does not search.
    fn explore<'a>(
        &'a self,
        evaluator: &'a Evaluator,
        states: &'a [Box<dyn Env>],
        num_simulations: Option<usize>,
    ) -> Pending<'a, Result<Vec<Explored>>> {
        let _ = (evaluator, states, num_simulations);
        Box::pin(async {
            Err(Error::not_applicable(
                "there is no agent here that searches",
            ))
        })
    }
}

/// Distinct non-terminal states to average over: a fixed sample of all of them where they can be
/// enumerated, or of random play elsewhere.
pub fn reference_states(start: &dyn Env, count: usize, rng: &mut Rng) -> Vec<Box<dyn Env>> {
    if let Some(mut all) = start.enumerate() {
        let count = count.min(all.len());
        for place in 0..count {
            let other = place + rng.below(all.len() - place);
            all.swap(place, other);
        }
        all.truncate(count);
        return all;
    }
    let mut found: Vec<Box<dyn Env>> = Vec::with_capacity(count);
    let mut seen = std::collections::HashSet::new();
    // Bounded, since an environment may have fewer states than are asked for.
    for _ in 0..count * 20 {
        let mut env = start.boxed();
        env.reset(rng);
        let length = rng.below(env.space().max_steps);
        let ended = (0..length).any(|_| {
            let legal = env::legal_actions(env.as_ref());
            let action = legal[rng.below(legal.len())];
            env.step(action, rng).map_or(true, |step| step.done())
        });
        if !ended && seen.insert(env.state().to_string()) {
            found.push(env);
        }
        if found.len() == count {
            break;
        }
    }
    found
}

/// Activations of `states` at every site: what `mean` and `resample` edits draw from.
pub async fn bank(evaluator: &Evaluator, states: &[Box<dyn Env>], sites: &[Site]) -> Result<Bank> {
    let (_, recorded) = evaluator.record(observations(states), states.len()).await?;
    Ok(sites
        .iter()
        .filter_map(|site| {
            let values = recorded.get(&site.name)?;
            Some((
                site.name.clone(),
                values
                    .chunks_exact(site.len())
                    .map(<[f32]>::to_vec)
                    .collect(),
            ))
        })
        .collect())
}
