//! Pairs of near-identical states on which the agent chooses differently: what patching averages over.

use super::{Subject, reference_states};
use crate::{
    env::Env,
    error::Result,
    model::evaluator::{Answers, masked_argmax, observations},
};

/// States among which pairs are sought.
const NUM_STATES: usize = 512;

/// Up to `count` pairs of states, the nearest first: observations that differ in as little as possible,
/// different greedy choices, both of them legal on both. No state is in two pairs.
///
/// The network is the subject's, without its edits, so that an edit does not change what is compared.
/// The distance is the sum of differences over the observation, each as a share of its range over the
/// reference states: the number of elements that differ where they are 0 or 1. Of pairs equally far apart,
/// those whose preferences differ most come first.
pub(super) async fn pairs(subject: &Subject<'_>, count: usize) -> Result<Vec<[Box<dyn Env>; 2]>> {
    let mut rng = subject.rng.split("pairs");
    let states = reference_states(subject.env, NUM_STATES, &mut rng);
    if states.len() < 2 || count == 0 {
        return Ok(Vec::new());
    }
    let answers = subject.clean().evaluate_states(&states).await?;
    let found = nearest(&states, &answers, count);
    let state = |index: usize| states[index].clone();
    Ok(found.into_iter().map(|pair| pair.map(state)).collect())
}

/// The pairs as places in `states`.
fn nearest(states: &[Box<dyn Env>], answers: &Answers, count: usize) -> Vec<[usize; 2]> {
    let legal: Vec<Vec<bool>> = states.iter().map(|state| legal(state.as_ref())).collect();
    let choices: Vec<Option<usize>> = (0..states.len())
        .map(|row| masked_argmax(answers.logits_of(row), &legal[row]))
        .collect();
    let seen = scaled(states);
    let width = seen.len() / states.len();
    let row = |index: usize| &seen[index * width..(index + 1) * width];
    let mut found: Vec<(f32, f32, [usize; 2])> = Vec::new();
    for first in 0..states.len() {
        for second in first + 1..states.len() {
            let (Some(one), Some(other)) = (choices[first], choices[second]) else {
                continue;
            };
            let both = |action: usize| legal[first][action] && legal[second][action];
            if one == other || !both(one) || !both(other) {
                continue;
            }
            let distance = distance(row(first), row(second));
            let preference = |state: usize| {
                let logits = answers.logits_of(state);
                logits[one] - logits[other]
            };
            let contrast = preference(first) - preference(second);
            found.push((distance, -contrast, [first, second]));
        }
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut used = vec![false; states.len()];
    let mut chosen = Vec::with_capacity(count);
    for (.., pair) in found {
        if chosen.len() < count && pair.iter().all(|&index| !used[index]) {
            pair.iter().for_each(|&index| used[index] = true);
            chosen.push(pair);
        }
    }
    chosen
}

fn legal(state: &dyn Env) -> Vec<bool> {
    let mut legal = vec![false; state.space().num_actions()];
    state.legal(&mut legal);
    legal
}

fn distance(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| (a - b).abs()).sum()
}

/// Observations as shares of each element's range over the states, `[state × element]`.
fn scaled(states: &[Box<dyn Env>]) -> Vec<f32> {
    let mut seen = observations(states);
    let width = seen.len() / states.len();
    for element in 0..width {
        let column = seen.iter().skip(element).step_by(width);
        let (low, high) = column.fold((f32::MAX, f32::MIN), |(low, high), &x| {
            (low.min(x), high.max(x))
        });
        // An element that never varies is nowhere different.
        let range = if high > low { high - low } else { 1.0 };
        let column = seen.iter_mut().skip(element).step_by(width);
        column.for_each(|x| *x /= range);
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn board(cells: [u8; 9]) -> Box<dyn Env> {
        let parameters = json!({});
        let mut env = (crate::env::entry("tictactoe").unwrap().make)(&parameters).unwrap();
        let state = json!({"board": cells, "player": 0});
        env.set_state(&state).unwrap();
        env
    }

    /// Logits that prefer `choice`, by `strength`.
    fn prefers(choice: usize, strength: f32) -> Vec<f32> {
        (0..9)
            .map(|a| if a == choice { strength } else { 0.0 })
            .collect()
    }

    #[test]
    fn the_nearest_states_with_other_choices_are_paired_once() {
        let states = vec![
            board([1, 2, 0, 0, 0, 0, 0, 0, 0]),
            board([1, 0, 2, 0, 0, 0, 0, 0, 0]), // one ring moved: two elements
            board([1, 0, 0, 2, 0, 0, 0, 0, 0]), // as near to both, with the weaker preference
            board([0, 0, 0, 0, 0, 0, 0, 1, 2]),
        ];
        let choices = [(8, 3.0), (7, 3.0), (7, 1.0), (4, 9.0)];
        let logits = choices.map(|(choice, strength)| prefers(choice, strength));
        let answers = Answers {
            logits: logits.concat(),
            values: vec![0.0; 4],
        };
        // Square 8 is taken on the last board, and 7 too, so it can be paired with none of them.
        assert_eq!(nearest(&states, &answers, 5), [[0, 1]]);
    }

    #[test]
    fn a_choice_that_is_illegal_on_the_other_board_makes_no_pair() {
        let states = vec![
            board([1, 2, 0, 0, 0, 0, 0, 0, 0]),
            board([1, 0, 2, 0, 0, 0, 0, 0, 0]),
        ];
        let answers = Answers {
            logits: [prefers(2, 1.0), prefers(8, 1.0)].concat(),
            values: vec![0.0; 2],
        };
        assert!(nearest(&states, &answers, 5).is_empty());
    }
}
