//! Exact values of worlds without chance, by value iteration over a finite horizon.

use super::grid::Pace;
use std::{collections::HashMap, hash::Hash};

/// What a move brings: where it leads, none where the episode ends, and its reward.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move<S> {
    pub to: Option<S>,
    /// The part of the reward that time leaves alone.
    pub fixed: f32,
    /// The part that shrinks with the pace.
    pub timed: f32,
}

impl<S> Move<S> {
    /// A move that goes on without reward.
    pub fn to(state: S) -> Self {
        Self {
            to: Some(state),
            fixed: 0.0,
            timed: 0.0,
        }
    }
}

/// All states that can be reached from one, the nearest first.
pub(super) struct Plan {
    /// For each state its four moves, by the places of states.
    moves: Vec<[Move<usize>; 4]>,
    /// Moves from the first state to each.
    depths: Vec<usize>,
}

impl Plan {
    /// Follows `moves`, of a state and an action, from `start` until nothing new comes.
    pub fn new<S: Copy + Eq + Hash>(start: S, moves: impl Fn(S, usize) -> Move<S>) -> Self {
        let mut places = HashMap::from([(start, 0)]);
        let mut states = vec![start];
        let mut plan = Self {
            moves: Vec::new(),
            depths: vec![0],
        };
        while let Some(&state) = states.get(plan.moves.len()) {
            let depth = plan.depths[plan.moves.len()] + 1;
            let from = [0, 1, 2, 3].map(|action| {
                let found = moves(state, action);
                let place = found.to.map(|to| {
                    *places.entry(to).or_insert_with(|| {
                        states.push(to);
                        plan.depths.push(depth);
                        states.len() - 1
                    })
                });
                Move {
                    to: place,
                    fixed: found.fixed,
                    timed: found.timed,
                }
            });
            plan.moves.push(from);
        }
        plan
    }

    /// The best return that each action of the first state can lead to, `steps` after the start of its
    /// episode: `V(t) = max (fixed + timed · left(t) + V(t + 1))`, and nothing after the limit.
    pub fn action_values(&self, steps: usize, pace: Pace) -> [f32; 4] {
        let mut values = vec![0.0; self.moves.len()];
        let mut before = values.clone();
        for step in (steps + 2..=pace.max_steps).rev() {
            for (value, moves) in before.iter_mut().zip(&self.moves) {
                *value = worths(moves, &values, pace.left(step))
                    .into_iter()
                    .fold(f32::MIN, f32::max);
            }
            std::mem::swap(&mut values, &mut before);
        }
        worths(&self.moves[0], &values, pace.left(steps + 1))
    }

    /// Fewest moves to a positive reward; none where no way leads to one.
    pub fn nearest_reward(&self) -> Option<usize> {
        let gains = |moves: &[Move<usize>; 4]| moves.iter().any(|one| one.fixed + one.timed > 0.0);
        let place = self.moves.iter().position(gains)?;
        Some(self.depths[place] + 1)
    }
}

fn worths(moves: &[Move<usize>; 4], after: &[f32], left: f32) -> [f32; 4] {
    moves.map(|one| one.fixed + one.timed * left + one.to.map_or(0.0, |place| after[place]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A corridor of five cells: 1 at the right end, 0.5 at the left, and the middle to start from.
    fn corridor() -> Plan {
        Plan::new(0_i32, |cell, action| {
            let to = cell + [0, -1, 0, 1][action];
            let end = |timed| Move {
                to: None,
                fixed: 0.0,
                timed,
            };
            match to {
                -2 => end(0.5),
                2 => end(1.0),
                _ => Move::to(to),
            }
        })
    }

    #[test]
    fn by_hand() {
        let pace = Pace {
            haste: 0.5,
            max_steps: 10,
        };
        // Left and back takes four steps, waiting three, right two: 1 − 0.05 a step.
        let expected = [0.85, 0.8, 0.85, 0.9];
        let found = corridor().action_values(0, pace);
        for (one, other) in found.iter().zip(expected) {
            assert!((one - other).abs() < 1e-6, "{found:?}");
        }
        assert_eq!(corridor().nearest_reward(), Some(2));
    }

    #[test]
    fn nothing_is_gained_after_the_limit() {
        let pace = Pace {
            haste: 0.0,
            max_steps: 10,
        };
        assert_eq!(corridor().action_values(8, pace), [0.0, 0.5, 0.0, 1.0]);
        assert_eq!(corridor().action_values(9, pace), [0.0; 4]);
    }
}
