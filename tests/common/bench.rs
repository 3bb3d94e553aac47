//! Running an op on a network without a run around it.

use super::device;
use glassbox::{
    backend::Pending,
    env::Env,
    error::Result,
    model::{Network, evaluator::Evaluator},
    op::{
        self, Lab, Patient, Subject, Watch,
        figure::{Body, Edge, Figure, Node},
    },
    rng::Rng,
    session::block_on,
};
use serde_json::Value;

/// A run that stands still: no checkpoints, and whatever is changed, the same world and the same network.
struct Still<'a> {
    env: &'a dyn Env,
    evaluator: &'a Evaluator,
}

impl Lab for Still<'_> {
    fn checkpoints(&self) -> Vec<(usize, Evaluator)> {
        Vec::new()
    }

    fn parameters(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn environment(&self, _name: &str, _value: f64) -> Result<Box<dyn Env>> {
        Ok(self.env.boxed())
    }

    fn retrained<'a>(
        &'a self,
        _name: &'a str,
        _value: f64,
        _seed: u64,
        _watch: &'a dyn Watch,
    ) -> Pending<'a, Result<Evaluator>> {
        Box::pin(async { Ok(self.evaluator.clone()) })
    }

    fn updates(&self) -> usize {
        1
    }
}

/// What the op `id` says of a network in `env`; its own twin stands for the untrained one.
pub fn run_on(
    evaluator: &Evaluator,
    env: &dyn Env,
    id: &str,
    parameters: Value,
    states: Vec<Box<dyn Env>>,
) -> Result<Vec<Figure>> {
    let sites = evaluator.network.sites(env.space());
    let subject = Subject {
        evaluator: evaluator.clone(),
        untrained: evaluator.clone(),
        sites: &sites,
        env,
        states,
        rng: Rng::new(0),
        lab: &Still { env, evaluator },
        watch: &Patient,
    };
    block_on((op::entry(id).unwrap().run)(&subject, &parameters))
}

/// The same of `network`, in the world of the first of `states`.
pub fn run(
    id: &str,
    network: &Network,
    parameters: &Value,
    states: Vec<Box<dyn Env>>,
) -> Result<Vec<Figure>> {
    let evaluator = Evaluator {
        network: network.clone(),
        device: device(),
        edits: Vec::new(),
    };
    let env = states[0].clone();
    run_on(&evaluator, env.as_ref(), id, parameters.clone(), states)
}

/// The number `id` of some figures.
pub fn number(figures: &[Figure], id: &str) -> f64 {
    let mut numbers = figures.iter().flat_map(|figure| &figure.numbers);
    let number = numbers.find(|number| number.id == id);
    number.unwrap_or_else(|| panic!("no number {id}")).value
}

/// The figure called `title`.
pub fn figure<'a>(figures: &'a [Figure], title: &str) -> &'a Figure {
    figures.iter().find(|figure| figure.title == title).unwrap()
}

/// Values of a map by site, in the order of its elements.
pub fn map_of(figure: &Figure, site: &str) -> Vec<f32> {
    let Body::Maps { panels, .. } = &figure.body else {
        panic!("{} is no map", figure.title);
    };
    let here = panels.iter().filter(|panel| panel.site == site);
    here.flat_map(|panel| panel.values.iter().flatten().copied())
        .collect()
}

/// Nodes and edges of a graph.
pub fn graph(figure: &Figure) -> (&[Node], &[Edge]) {
    match &figure.body {
        Body::Graph { nodes, edges, .. } => (nodes, edges),
        other => panic!("no graph: {other:?}"),
    }
}
