//! States one edit away: a step of the environment, a stroke of one of its brushes, a piece moved by hand.

use super::Subject;
use crate::{
    env::{Env, legal_actions},
    rng::Rng,
};
use std::collections::{BTreeSet, HashSet};

/// An edit of a state.
#[derive(Clone, Copy)]
enum Edit {
    Step(usize),
    Paint((usize, usize), usize),
    Shift((usize, usize), (usize, usize)),
}

/// Distinct states one edit away from `state` that are valid and not over: all, or `limit` drawn with `rng`
/// where there may be more.
///
/// Where chance takes part in a step, `rng` draws one outcome.
pub(super) fn neighbours(state: &dyn Env, limit: usize, rng: &mut Rng) -> Vec<Box<dyn Env>> {
    let mut edits = edits(state);
    if edits.len() > limit {
        rng.shuffle(&mut edits);
    }
    let mut seen = HashSet::from([state.state().to_string()]);
    let mut found = Vec::new();
    for edit in edits {
        if found.len() == limit {
            break;
        }
        let mut next = state.boxed();
        let valid = match edit {
            Edit::Step(action) => next.step(action, rng).is_ok(),
            Edit::Paint((row, column), brush) => next.paint(row, column, brush).is_ok(),
            Edit::Shift(from, to) => next.shift(from, to).is_ok(),
        };
        if valid && !next.outcome().done() && seen.insert(next.state().to_string()) {
            found.push(next);
        }
    }
    found
}

/// Everything that could be done to a state, valid or not.
fn edits(state: &dyn Env) -> Vec<Edit> {
    let mut edits: Vec<Edit> = legal_actions(state).into_iter().map(Edit::Step).collect();
    let scene = state.scene();
    if scene.brushes.is_empty() {
        return edits;
    }
    let cells =
        || (0..scene.rows).flat_map(|row| (0..scene.columns).map(move |column| (row, column)));
    for cell in cells() {
        edits.extend((0..scene.brushes.len()).map(|brush| Edit::Paint(cell, brush)));
    }
    // Nothing can be moved from where nothing stands.
    let taken: BTreeSet<(usize, usize)> = scene
        .sprites
        .iter()
        .map(|sprite| (sprite.row, sprite.column))
        .collect();
    for from in taken {
        let others = cells().filter(|to| *to != from);
        edits.extend(others.map(|to| Edit::Shift(from, to)));
    }
    edits
}

/// Whether states of the subject's environment can be edited cell by cell; else they are numbers, and only a
/// step leads from one to the next.
pub(super) fn is_editable(subject: &Subject<'_>) -> bool {
    !subject.env.scene().brushes.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_neighbours_of_the_empty_board_have_one_stone() {
        let start = (crate::env::entry("tictactoe").unwrap().make)(&json!({})).unwrap();
        let found = neighbours(start.as_ref(), 500, &mut Rng::new(0));
        // Nine crosses; a lone ring is no position, and neither is anything else that one stroke makes.
        assert_eq!(found.len(), 9);
        let stones = |state: &dyn Env| {
            let cells = state.state()["board"].as_array().unwrap().clone();
            cells.iter().filter(|cell| **cell != json!(0)).count()
        };
        assert!(found.iter().all(|state| stones(state.as_ref()) == 1));
    }

    #[test]
    fn a_stone_can_be_moved_taken_and_set() {
        let mut state = (crate::env::entry("tictactoe").unwrap().make)(&json!({})).unwrap();
        state
            .set_state(&json!({"board": [1, 0, 0, 0, 0, 0, 0, 0, 0], "player": 1}))
            .unwrap();
        let found = neighbours(state.as_ref(), 500, &mut Rng::new(0));
        // The stone gone, a ring on one of eight squares, or the stone on one of the eight.
        assert_eq!(found.len(), 1 + 8 + 8);
        assert_eq!(neighbours(state.as_ref(), 5, &mut Rng::new(0)).len(), 5);
    }
}
