//! Minimal pairs: two near-identical states on which the agent chooses differently. What `patch` averages
//! over and `counterfactual` shows.

use super::{Subject, neighbours::neighbours, reference_states, samples};
use crate::{
    env::Env,
    error::Result,
    model::evaluator::{Answers, Evaluator, masked_argmax, masked_softmax, observations},
};
use std::collections::HashSet;

/// States whose neighbours are looked at.
const NUM_STATES: usize = 128;
/// Neighbours of a state that are looked at, at most.
const NUM_NEIGHBOURS: usize = 256;

/// Up to `count` pairs of states one edit apart, the nearest first: observations that differ in as little as
/// possible, different greedy choices, both of them legal on both. No state is in two pairs.
///
/// The network is the subject's, without its edits, so that an edit does not change what is compared.
pub(super) async fn pairs(subject: &Subject<'_>, count: usize) -> Result<Vec<[Box<dyn Env>; 2]>> {
    let mut rng = subject.rng.split("pairs");
    let states = reference_states(subject.env, NUM_STATES, &mut rng);
    let edits = Edits::of(subject, states);
    let found = edits.compare(&subject.clean()).await?;
    let nearest = found.nearest(&edits, count);
    Ok(nearest
        .iter()
        .map(|flip| edits.states_of(flip).map(|state| state.boxed()))
        .collect())
}

/// Some states and what is one edit away from them.
pub(super) struct Edits {
    states: Vec<Box<dyn Env>>,
    /// The place of a state, and a neighbour of it.
    edited: Vec<(usize, Box<dyn Env>)>,
    /// Of each edit, how many elements of the observation change, and by how much in all: each as a share of
    /// its range over all these states.
    apart: Vec<(usize, f32)>,
}

/// A neighbour on which the choice is another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Flip {
    /// The place of the edit.
    pub edit: usize,
    /// Elements of the observation that differ.
    pub elements: usize,
    /// By how much in all, as shares of their ranges.
    pub distance: f32,
    /// Total variation between the two policies, 0 to 1.
    pub policy_change: f32,
    /// The choices on the state and on its neighbour.
    pub choices: [usize; 2],
    /// The values of both.
    pub values: [f32; 2],
}

/// What a network does on edited states.
pub(super) struct Compared {
    /// For each edit whether the choice changes; none where a choice is illegal on the other state.
    pub changes: Vec<Option<bool>>,
    /// Those that change it.
    pub flips: Vec<Flip>,
}

impl Edits {
    /// The neighbours of `states`.
    pub fn of(subject: &Subject<'_>, states: Vec<Box<dyn Env>>) -> Self {
        let mut rng = subject.rng.split("neighbours");
        let mut edited = Vec::new();
        for (place, state) in states.iter().enumerate() {
            let near = neighbours(state.as_ref(), NUM_NEIGHBOURS, &mut rng);
            edited.extend(near.into_iter().map(|neighbour| (place, neighbour)));
        }
        let mut edits = Self {
            apart: Vec::with_capacity(edited.len()),
            states,
            edited,
        };
        edits.measure();
        edits
    }

    fn measure(&mut self) {
        let before = observations(&self.states);
        let width = before.len() / self.states.len().max(1);
        let after: Vec<Vec<f32>> = self
            .edited
            .iter()
            .map(|(_, state)| crate::env::observation(state.as_ref()))
            .collect();
        let rows = || {
            before
                .chunks_exact(width.max(1))
                .chain(after.iter().map(Vec::as_slice))
        };
        let scales: Vec<f32> = (0..width)
            .map(|element| {
                let column = rows().map(|row| row[element]);
                let (low, high) = column.fold((f32::MAX, f32::MIN), |(low, high), x| {
                    (low.min(x), high.max(x))
                });
                // An element that never varies is nowhere different.
                if high > low { 1.0 / (high - low) } else { 0.0 }
            })
            .collect();
        self.apart = self
            .edited
            .iter()
            .zip(&after)
            .map(|((place, _), row)| {
                let from = &before[place * width..(place + 1) * width];
                let shares = from
                    .iter()
                    .zip(row)
                    .zip(&scales)
                    .map(|((x, y), s)| (x - y).abs() * s);
                (
                    shares.clone().filter(|share| *share > 0.0).count(),
                    shares.sum(),
                )
            })
            .collect();
    }

    /// The two states of a flip.
    pub fn states_of(&self, flip: &Flip) -> [&dyn Env; 2] {
        let (place, neighbour) = &self.edited[flip.edit];
        [self.states[*place].as_ref(), neighbour.as_ref()]
    }

    /// How many elements of the observation each edit changes.
    pub fn elements(&self) -> impl Iterator<Item = usize> {
        self.apart.iter().map(|(elements, _)| *elements)
    }

    /// What `evaluator` does on both sides of each edit.
    pub async fn compare(&self, evaluator: &Evaluator) -> Result<Compared> {
        let neighbours: Vec<_> = self.edited.iter().map(|(_, state)| state.clone()).collect();
        let before = samples::answers(evaluator, &self.states).await?;
        let after = samples::answers(evaluator, &neighbours).await?;
        Ok(self.compared(&before, &after))
    }

    fn compared(&self, before: &Answers, after: &Answers) -> Compared {
        let mut found = Compared {
            changes: Vec::with_capacity(self.edited.len()),
            flips: Vec::new(),
        };
        let legal: Vec<Vec<bool>> = self
            .states
            .iter()
            .map(|state| legal(state.as_ref()))
            .collect();
        for (edit, (place, neighbour)) in self.edited.iter().enumerate() {
            let legal = [&legal[*place], &self::legal(neighbour.as_ref())];
            let logits = [before.logits_of(*place), after.logits_of(edit)];
            let choices = [0, 1].map(|side| masked_argmax(logits[side], legal[side]));
            let (elements, distance) = self.apart[edit];
            let change = match choices {
                [Some(one), Some(other)] if elements > 0 => {
                    let both = |action: usize| legal[0][action] && legal[1][action];
                    (both(one) && both(other)).then_some(one != other)
                }
                _ => None,
            };
            found.changes.push(change);
            if let (Some(true), [Some(one), Some(other)]) = (change, choices) {
                let [p, q] = [0, 1].map(|side| masked_softmax(logits[side], legal[side]));
                found.flips.push(Flip {
                    edit,
                    elements,
                    distance,
                    policy_change: variation(&p, &q),
                    choices: [one, other],
                    values: [before.values[*place], after.values[edit]],
                });
            }
        }
        found
    }
}

impl Compared {
    /// Up to `count` flips, the nearest first and of those the ones that change the policy most; no state is
    /// in two of them.
    pub fn nearest(&self, edits: &Edits, count: usize) -> Vec<Flip> {
        let mut order = self.flips.clone();
        order.sort_by(|a, b| {
            let near = a.distance.total_cmp(&b.distance);
            near.then(b.policy_change.total_cmp(&a.policy_change))
        });
        let mut used = HashSet::new();
        let mut chosen = Vec::with_capacity(count);
        for flip in order {
            let names = edits
                .states_of(&flip)
                .map(|state| state.state().to_string());
            if chosen.len() < count && names.iter().all(|name| !used.contains(name)) {
                used.extend(names);
                chosen.push(flip);
            }
        }
        chosen
    }

    /// Share of the edits, among those that `count`, that change the choice; none where none count.
    pub fn share(&self, count: impl Fn(usize) -> bool) -> Option<f64> {
        let kept = self
            .changes
            .iter()
            .enumerate()
            .filter(|(edit, _)| count(*edit));
        let known: Vec<bool> = kept.filter_map(|(_, change)| *change).collect();
        let changed = known.iter().filter(|change| **change).count() as f64;
        (!known.is_empty()).then(|| changed / known.len() as f64)
    }
}

/// Total variation between two policies: half the sum of differences.
pub(super) fn variation(p: &[f32], q: &[f32]) -> f32 {
    p.iter().zip(q).map(|(p, q)| (p - q).abs()).sum::<f32>() / 2.0
}

fn legal(state: &dyn Env) -> Vec<bool> {
    let mut legal = vec![false; state.space().num_actions()];
    state.legal(&mut legal);
    legal
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn board(cells: [u8; 9]) -> Box<dyn Env> {
        let mut env = (crate::env::entry("tictactoe").unwrap().make)(&json!({})).unwrap();
        env.set_state(&json!({"board": cells, "player": 0}))
            .unwrap();
        env
    }

    /// Logits that prefer `choice`, by `strength`.
    fn prefers((choice, strength): (usize, f32)) -> Vec<f32> {
        let logit = |action| if action == choice { strength } else { 0.0 };
        (0..9).map(logit).collect()
    }

    fn answers(choices: &[(usize, f32)]) -> Answers {
        Answers {
            logits: choices.iter().copied().flat_map(prefers).collect(),
            values: vec![0.0; choices.len()],
        }
    }

    fn edits(from: [u8; 9], to: &[[u8; 9]]) -> Edits {
        let mut edits = Edits {
            states: vec![board(from)],
            edited: to.iter().map(|&cells| (0, board(cells))).collect(),
            apart: Vec::new(),
        };
        edits.measure();
        edits
    }

    const START: [u8; 9] = [1, 2, 0, 0, 0, 0, 0, 0, 0];

    #[test]
    fn the_nearest_states_with_other_choices_are_paired_once() {
        // One ring moved: two elements. Four more stones: four. And one ring moved with a weaker preference.
        let edits = edits(
            START,
            &[
                [1, 0, 2, 0, 0, 0, 0, 0, 0],
                [1, 2, 1, 2, 0, 0, 1, 2, 0],
                [1, 0, 0, 2, 0, 0, 0, 0, 0],
            ],
        );
        assert!(edits.elements().take(1).all(|elements| elements >= 2));
        let found = edits.compared(
            &answers(&[(8, 3.0)]),
            &answers(&[(7, 1.0), (7, 9.0), (7, 3.0)]),
        );
        assert_eq!(found.flips.len(), 3);
        let nearest = found.nearest(&edits, 5);
        assert_eq!(nearest.len(), 1, "all of them share a state");
        assert_eq!((nearest[0].edit, nearest[0].choices), (2, [8, 7]));
        assert_eq!(found.share(|_| true), Some(1.0));
    }

    #[test]
    fn a_choice_that_is_illegal_on_the_other_board_makes_no_pair() {
        let edits = edits(START, &[[1, 0, 2, 0, 0, 0, 0, 0, 0]]);
        let found = edits.compared(&answers(&[(2, 1.0)]), &answers(&[(8, 1.0)]));
        assert_eq!((found.changes, found.flips.len()), (vec![None], 0));
    }

    #[test]
    fn the_variation_of_policies_by_hand() {
        assert_eq!(variation(&[0.5, 0.5], &[1.0, 0.0]), 0.5);
        assert_eq!(variation(&[1.0, 0.0], &[0.0, 1.0]), 1.0);
    }
}
