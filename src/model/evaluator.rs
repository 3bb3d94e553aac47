//! A network with its edits, answering host slices.

use super::{
    Network,
    taps::{SiteEdit, Taps},
};
use crate::{
    backend,
    env::{self, Env},
    error::Result,
};
use burn::tensor::{Device, Tensor};
use std::collections::BTreeMap;

/// A network ready to infer, with edits that every pass applies.
#[derive(Debug, Clone)]
pub struct Evaluator {
    /// The network, without gradients.
    pub network: Network,
    /// Where it lives.
    pub device: Device,
    /// Edits of activations.
    pub edits: Vec<SiteEdit>,
}

/// Answers for a batch of states.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// Unmasked logits, `[batch × action]`.
    pub logits: Vec<f32>,
    /// Values for the player to move, `[batch]`.
    pub values: Vec<f32>,
}

impl Answers {
    /// The logits of one state.
    pub fn logits_of(&self, row: usize) -> &[f32] {
        let actions = self.logits.len() / self.values.len();
        &self.logits[row * actions..(row + 1) * actions]
    }
}

impl Evaluator {
    /// Logits and values of flat observations `[batch × observation]`, in one readback.
    pub async fn evaluate(&self, observations: Vec<f32>, batch: usize) -> Result<Answers> {
        self.pass(observations, batch, &mut Taps::edit(self.edits.clone()))
            .await
    }

    /// The same, and the activations of every site: `[batch × element]` by name.
    pub async fn record(
        &self,
        observations: Vec<f32>,
        batch: usize,
    ) -> Result<(Answers, BTreeMap<String, Vec<f32>>)> {
        let mut taps = Taps::edit(self.edits.clone()).recording();
        let answers = self.pass(observations, batch, &mut taps).await?;
        let mut sites = BTreeMap::new();
        for (name, tensor) in taps.into_recorded() {
            sites.insert(name, backend::read(tensor).await?);
        }
        Ok((answers, sites))
    }

    /// The same for states.
    pub async fn evaluate_states(&self, states: &[Box<dyn Env>]) -> Result<Answers> {
        self.evaluate(observations(states), states.len()).await
    }

    async fn pass(&self, observations: Vec<f32>, batch: usize, taps: &mut Taps) -> Result<Answers> {
        let width = observations.len() / batch;
        let input = backend::tensor(observations, [batch, width], &self.device); // [batch, observation]
        let output = self.network.forward(input, taps);
        let joined = Tensor::cat(vec![output.logits, output.value], 1); // [batch, action + 1]
        let columns = joined.dims()[1];
        let numbers = backend::read(joined).await?;
        let mut logits = Vec::with_capacity(batch * (columns - 1));
        let mut values = Vec::with_capacity(batch);
        for row in numbers.chunks_exact(columns) {
            logits.extend_from_slice(&row[..columns - 1]);
            values.push(row[columns - 1]);
        }
        Ok(Answers { logits, values })
    }
}

/// Observations of states, one row each.
pub fn observations(states: &[Box<dyn Env>]) -> Vec<f32> {
    states
        .iter()
        .flat_map(|state| env::observation(state.as_ref()))
        .collect()
}

/// Softmax of `logits` over legal actions, zero elsewhere.
pub fn masked_softmax(logits: &[f32], legal: &[bool]) -> Vec<f32> {
    let pairs = || logits.iter().zip(legal);
    let top = pairs()
        .filter(|(_, legal)| **legal)
        .fold(f32::NEG_INFINITY, |top, (x, _)| top.max(*x));
    let mut out: Vec<f32> = pairs()
        .map(|(x, legal)| if *legal { (x - top).exp() } else { 0.0 })
        .collect();
    let sum: f32 = out.iter().sum();
    if sum > 0.0 {
        out.iter_mut().for_each(|p| *p /= sum);
    }
    out
}

/// The index of the largest value among legal ones; the first of equals. None where nothing is legal.
pub fn masked_argmax(values: &[f32], legal: &[bool]) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (index, value) in values.iter().enumerate() {
        if legal[index] && best.is_none_or(|top| *value > values[top]) {
            best = Some(index);
        }
    }
    best
}
