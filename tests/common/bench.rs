//! Running an op on a network without a run around it.

use super::device;
use glassbox::{
    backend::Pending,
    env::Env,
    error::{Error, Result},
    model::{Network, Site, evaluator::Evaluator},
    op::{
        self, Lab, Patient, Subject, Watch,
        figure::{Body, Edge, Figure, Node},
    },
    rng::Rng,
    session::block_on,
};
use serde_json::Value;

/// A run of nothing.
struct NoRun;

impl Lab for NoRun {
    fn checkpoints(&self) -> Vec<(usize, Evaluator)> {
        Vec::new()
    }

    fn parameters(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn environment(&self, name: &str, _value: f64) -> Result<Box<dyn Env>> {
        Err(Error::not_applicable(format!("there is no {name}")))
    }

    fn retrained<'a>(
        &'a self,
        _name: &'a str,
        _value: f64,
        _seed: u64,
        _watch: &'a dyn Watch,
    ) -> Pending<'a, Result<Evaluator>> {
        Box::pin(async { Err(Error::not_applicable("nothing is trained")) })
    }

    fn updates(&self) -> usize {
        1
    }
}

/// What the op `id` says of `network` on `states`; its own twin stands for the untrained one.
pub fn run(
    id: &str,
    network: &Network,
    parameters: &Value,
    states: Vec<Box<dyn Env>>,
) -> Result<Vec<Figure>> {
    let evaluator = || Evaluator {
        network: network.clone(),
        device: device(),
        edits: Vec::new(),
    };
    let env = states[0].clone();
    let sites: Vec<Site> = network.sites(env.space());
    let subject = Subject {
        evaluator: evaluator(),
        untrained: evaluator(),
        sites: &sites,
        env: env.as_ref(),
        states,
        rng: Rng::new(0),
        lab: &NoRun,
        watch: &Patient,
    };
    block_on((op::entry(id).unwrap().run)(&subject, parameters))
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
