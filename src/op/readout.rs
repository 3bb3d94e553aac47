//! The linear map from a site to the answers, where the network has one.
//!
//! Where nothing but a linear layer lies between a site and an answer, the answer's gradient at the site is
//! the layer's weights in every state, and what they leave over is its bias. So a map is read off the
//! gradient in one state and checked in all others, whatever the network is made of. Of a bounded value
//! the map gives what its tanh is taken of.

use super::gradient::gradients;
use crate::{
    backend,
    env::{self, Env},
    error::{Error, Result},
    model::{
        Output, Site,
        evaluator::{Answers, Evaluator, observations},
    },
};
use std::collections::BTreeMap;

/// An error below this share of the answers' range is rounding.
const EXACT: f32 = 1e-3;

/// A map from a site's activations to some answers: `answer = weights · activation + bias`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Readout {
    /// `[answer][element]`.
    pub weights: Vec<Vec<f32>>,
    /// `[answer]`.
    pub bias: Vec<f32>,
    /// Whether the answer is the tanh of it.
    pub bounded: bool,
    /// The largest error over the states, as a share of the answers' range there.
    pub error: f32,
}

impl Readout {
    /// Whether the network itself answers so.
    pub fn is_linear(&self) -> bool {
        let depends = self.weights.iter().flatten().any(|weight| *weight != 0.0);
        depends && self.error < EXACT
    }

    /// Of activations `[element]`, before a tanh.
    pub fn of(&self, activations: &[f32]) -> Vec<f32> {
        let rows = self.weights.iter().zip(&self.bias);
        rows.map(|(row, bias)| super::linear::dot(row, activations) + bias)
            .collect()
    }

    /// What the network answers if this is its map.
    pub fn answer(&self, activations: &[f32]) -> Vec<f32> {
        let mut answers = self.of(activations);
        if self.bounded {
            answers.iter_mut().for_each(|x| *x = libm::tanhf(*x));
        }
        answers
    }

    /// The same, with its error over states whose activations are `rows` and answers are `answers`.
    fn checked(mut self, rows: &[f32], answers: &[f32]) -> Self {
        let (low, high) = answers.iter().fold((f32::MAX, f32::MIN), |(low, high), x| {
            (low.min(*x), high.max(*x))
        });
        let elements = self.weights.first().map_or(1, Vec::len);
        let found = rows.chunks_exact(elements).flat_map(|row| self.answer(row));
        let worst = found.zip(answers).fold(0.0_f32, |worst, (found, answer)| {
            worst.max((found - answer).abs())
        });
        self.error = worst / (high - low).max(1e-6);
        self
    }
}

/// The maps from sites to the answers, as far as there are any.
pub(super) struct Readouts {
    /// To the logits, by site.
    pub logits: Vec<Readout>,
    /// To the value, by site.
    pub value: Vec<Readout>,
    /// What each state brought: `[state × element]` by site.
    pub recorded: BTreeMap<String, Vec<f32>>,
    /// The answers in each state.
    pub answers: Answers,
}

/// The last of some maps that the network has.
pub(super) fn last(maps: &[Readout]) -> Option<usize> {
    maps.iter().rposition(Readout::is_linear)
}

/// Tries the map from each of `sites`, over `states`.
pub(super) async fn readouts(
    evaluator: &Evaluator,
    sites: &[&Site],
    states: &[Box<dyn Env>],
) -> Result<Readouts> {
    if states.is_empty() {
        return Err(Error::not_applicable("there is no state to look at"));
    }
    let (answers, recorded) = evaluator.record(observations(states), states.len()).await?;
    let logits = logit_slopes(evaluator, sites, states[0].as_ref()).await?;
    // Where the value is nearest to 0 its tanh is steepest, and the slope most exact.
    let values = answers.values.iter().map(|value| value.abs());
    let steep = values
        .enumerate()
        .fold(
            (0, f32::MAX),
            |best, one| if one.1 < best.1 { one } else { best },
        )
        .0;
    let slopes = value_slopes(evaluator, sites, states[steep].as_ref()).await?;
    let mut found = Readouts {
        logits: Vec::with_capacity(sites.len()),
        value: Vec::with_capacity(sites.len()),
        recorded: BTreeMap::new(),
        answers,
    };
    let actions = found.answers.logits_of(0).len();
    for site in sites {
        let rows = recorded.get(&site.name).map_or(&[][..], Vec::as_slice);
        let row = |state: usize| &rows[state * site.len()..(state + 1) * site.len()];
        let weights = (0..actions)
            .map(|action| {
                let slopes = &logits[&site.name];
                slopes[action * site.len()..(action + 1) * site.len()].to_vec()
            })
            .collect();
        let map = through(weights, row(0), found.answers.logits_of(0), false);
        found.logits.push(map.checked(rows, &found.answers.logits));
        let value = found.answers.values[steep];
        let plain = through(
            vec![slopes[&site.name].clone()],
            row(steep),
            &[value],
            false,
        );
        let mut map = plain.checked(rows, &found.answers.values);
        let bounded = found.answers.values.iter().all(|value| value.abs() <= 1.0);
        let slope = 1.0 - value * value;
        if bounded && slope > 0.0 {
            let inner = slopes[&site.name].iter().map(|x| x / slope).collect();
            let tanh = through(vec![inner], row(steep), &[libm::atanhf(value)], true);
            let tanh = tanh.checked(rows, &found.answers.values);
            if tanh.error < map.error {
                map = tanh;
            }
        }
        found.value.push(map);
    }
    found.recorded = recorded;
    Ok(found)
}

/// The map with these weights that gives `answers` at `activations`.
fn through(weights: Vec<Vec<f32>>, activations: &[f32], answers: &[f32], bounded: bool) -> Readout {
    let mut map = Readout {
        bias: vec![0.0; answers.len()],
        weights,
        bounded,
        error: 0.0,
    };
    let without = map.of(activations);
    map.bias = answers
        .iter()
        .zip(without)
        .map(|(answer, sum)| answer - sum)
        .collect();
    map
}

/// Slopes of every logit in one state, `[action × element]` by site.
async fn logit_slopes(
    evaluator: &Evaluator,
    sites: &[&Site],
    state: &dyn Env,
) -> Result<BTreeMap<String, Vec<f32>>> {
    let actions = state.space().num_actions();
    let rows: Vec<f32> = env::observation(state).repeat(actions);
    let mut one_each = vec![0.0; actions * actions];
    (0..actions).for_each(|action| one_each[action * (actions + 1)] = 1.0);
    let device = evaluator.device.clone().autodiff();
    let mask = backend::tensor(one_each, [actions, actions], &device); // [action, action]
    let measure = |output: Output| (output.logits * mask.clone()).sum_dim(1); // [action, 1]
    Ok(gradients(evaluator, rows, actions, sites, &measure)
        .await?
        .by_site)
}

/// Slopes of the value in one state, `[element]` by site.
async fn value_slopes(
    evaluator: &Evaluator,
    sites: &[&Site],
    state: &dyn Env,
) -> Result<BTreeMap<String, Vec<f32>>> {
    let measure = |output: Output| output.value; // [1, 1]
    let found = gradients(evaluator, env::observation(state), 1, sites, &measure).await?;
    Ok(found.by_site)
}

/// The sites between input and answers. Errors: `NotApplicable` where there are none.
pub(super) fn hidden(sites: &[Site]) -> Result<Vec<&Site>> {
    let hidden: Vec<&Site> = sites
        .iter()
        .filter(|site| !site.is_output() && site.name != "obs")
        .collect();
    match hidden.is_empty() {
        true => Err(Error::not_applicable("this network has no hidden site")),
        false => Ok(hidden),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_checked_as_worked_by_hand() {
        // y = 2a − b + 3 at (1, 1) is 4.
        let map = || through(vec![vec![2.0, -1.0]], &[1.0, 1.0], &[4.0], false);
        assert_eq!(map().bias, [3.0]);
        let exact = map().checked(&[1.0, 1.0, 0.0, 2.0], &[4.0, 1.0]);
        assert!(exact.is_linear() && exact.error == 0.0);
        // Half a unit off, over a range of 3.
        let off = map().checked(&[1.0, 1.0, 0.0, 2.0], &[4.0, 1.5]);
        assert!(
            !off.is_linear() && (off.error - 0.2).abs() < 1e-6,
            "{off:?}"
        );
        let nothing = through(vec![vec![0.0]], &[1.0], &[4.0], false);
        assert!(!nothing.checked(&[1.0], &[4.0]).is_linear());
    }

    #[test]
    fn a_bounded_answer_is_the_tanh_of_the_map() {
        let map = through(vec![vec![1.0]], &[0.5], &[0.5], true);
        let values = [-2.0_f32, 0.0, 3.0];
        let answers = values.map(libm::tanhf);
        assert!(map.checked(&values, &answers).is_linear());
    }
}
