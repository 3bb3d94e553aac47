//! What probes learn from and are judged by: states with their concepts, held-out splits, and scores whose
//! zero is chance.

use super::fit::{Design, Loss, Target};
use crate::{env::Env, model::evaluator::observations, op::reference_states, rng::Rng};
use std::collections::BTreeMap;

/// The share of the states that is held out.
const HELD_OUT: f32 = 0.3;
/// An element that deviates by less than this never moves.
const STILL: f32 = 1e-6;
/// Scores below this say no more than that the probe is useless.
const LOWEST: f32 = -1.0;

/// States and what is true of them.
pub struct Sample {
    /// The states.
    pub states: Vec<Box<dyn Env>>,
    /// Their observations, `[state × element]`.
    pub observations: Vec<f32>,
    /// Values of each concept, `[concept][state]`.
    pub concepts: Vec<Vec<f32>>,
    /// Which concepts are 0 or 1.
    pub binary: Vec<bool>,
    /// What each state is split by: states of one group look alike.
    groups: Vec<usize>,
}

impl Sample {
    /// `count` reference states of `env`: where they cannot be enumerated, each is of an episode of its own.
    pub fn new(env: &dyn Env, count: usize, rng: &mut Rng) -> Self {
        Self::of(env, reference_states(env, count, rng))
    }

    /// `states` of `env`, which should be of an episode each.
    pub fn of(env: &dyn Env, states: Vec<Box<dyn Env>>) -> Self {
        let observations = observations(&states);
        let known = &env.space().concepts;
        let mut concepts = vec![Vec::with_capacity(states.len()); known.len()];
        for state in &states {
            for (values, value) in concepts.iter_mut().zip(state.concepts()) {
                values.push(value);
            }
        }
        Self {
            groups: alike(env, &observations),
            binary: known.iter().map(|concept| concept.binary).collect(),
            states,
            observations,
            concepts,
        }
    }

    /// A split that keeps states which are each other's images on one side.
    pub fn split(&self, rng: &mut Rng) -> Split {
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (state, &group) in self.groups.iter().enumerate() {
            members.entry(group).or_default().push(state);
        }
        let mut order: Vec<Vec<usize>> = members.into_values().collect();
        rng.shuffle(&mut order);
        let most = (self.states.len() as f32 * HELD_OUT) as usize;
        let mut split = Split::default();
        for group in order {
            match split.test.len() < most {
                true => split.test.extend(group),
                false => split.train.extend(group),
            }
        }
        split
    }
}

/// For each observation the first one that a symmetry of the environment turns it into.
fn alike(env: &dyn Env, observations: &[f32]) -> Vec<usize> {
    let space = env.space();
    let mut seen: BTreeMap<Vec<u32>, usize> = BTreeMap::new();
    let rows = observations.chunks_exact(space.observation_len());
    rows.enumerate()
        .map(|(index, row)| {
            let images = space.symmetries.iter().map(|symmetry| {
                let turned = symmetry.observation.iter().map(|&old| row[old].to_bits());
                turned.collect::<Vec<_>>()
            });
            let itself = row.iter().map(|x| x.to_bits()).collect();
            let least = images.min().unwrap_or(itself);
            *seen.entry(least).or_insert(index)
        })
        .collect()
}

/// States to learn from, and others to be judged by.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Split {
    /// Indices of the former.
    pub train: Vec<usize>,
    /// Indices of the latter.
    pub test: Vec<usize>,
}

/// How a site's activations become features: training mean 0 and deviation 1, still elements 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Standard {
    means: Vec<f32>,
    /// One over the deviation; 0 for what never moves.
    pub scales: Vec<f32>,
}

impl Standard {
    /// Of the `rows` of `values`, which are `width` wide.
    pub fn new(values: &[f32], width: usize, rows: &[usize]) -> Self {
        let (mut sums, mut squares) = (vec![0.0_f64; width], vec![0.0_f64; width]);
        let each = || {
            rows.iter()
                .map(|row| &values[row * width..(row + 1) * width])
        };
        let count = rows.len().max(1) as f64;
        for row in each() {
            sums.iter_mut()
                .zip(row)
                .for_each(|(sum, x)| *sum += f64::from(*x) / count);
        }
        for row in each() {
            for ((square, mean), x) in squares.iter_mut().zip(&sums).zip(row) {
                *square += (f64::from(*x) - mean).powi(2) / count;
            }
        }
        let scale = |square: &f64| match square.sqrt() as f32 {
            deviation if deviation > STILL => 1.0 / deviation,
            _ => 0.0,
        };
        Self {
            means: sums.iter().map(|x| *x as f32).collect(),
            scales: squares.iter().map(scale).collect(),
        }
    }

    /// The `rows` of `values` as features.
    pub fn design(&self, values: &[f32], rows: &[usize]) -> Design {
        let width = self.means.len();
        let mut features = Vec::with_capacity(rows.len() * width);
        for row in rows {
            let row = values[row * width..(row + 1) * width].iter();
            let scaled = row.zip(&self.means).zip(&self.scales);
            features.extend(scaled.map(|((x, mean), scale)| (x - mean) * scale));
        }
        Design {
            values: features,
            width,
        }
    }
}

/// What a probe of one concept is to answer, with both classes weighing the same; none where the concept
/// does not vary over the `rows`.
pub fn target(values: &[f32], rows: &[usize], is_binary: bool) -> Option<Target> {
    let count = rows.len() as f32;
    if is_binary {
        let positives = rows.iter().filter(|&&row| values[row] > 0.5).count();
        let negatives = rows.len() - positives;
        if positives == 0 || negatives == 0 {
            return None;
        }
        let (classes, weights) = rows
            .iter()
            .map(|&row| match values[row] > 0.5 {
                true => (1.0, 0.5 / positives as f32),
                false => (-1.0, 0.5 / negatives as f32),
            })
            .unzip();
        return Some(Target {
            values: classes,
            weights,
            loss: Loss::Logistic,
        });
    }
    let (mean, deviation) = moments(values, rows);
    let varies = deviation > STILL;
    varies.then(|| Target {
        values: rows
            .iter()
            .map(|&row| (values[row] - mean) / deviation)
            .collect(),
        weights: vec![1.0 / count; rows.len()],
        loss: Loss::Squares,
    })
}

fn moments(values: &[f32], rows: &[usize]) -> (f32, f32) {
    let count = rows.len().max(1) as f32;
    let mean = rows.iter().map(|&row| values[row]).sum::<f32>() / count;
    let square = rows
        .iter()
        .map(|&row| (values[row] - mean).powi(2))
        .sum::<f32>()
        / count;
    (mean, square.sqrt())
}

/// How right `answers` are on the held-out states. Binary: balanced accuracy from −1 to 1, chance at 0.
/// Numbers: R², no lower than −1. None where the concept does not vary there.
pub fn score(values: &[f32], split: &Split, is_binary: bool, answers: &[f32]) -> Option<f32> {
    let pairs = || split.test.iter().map(|&row| values[row]).zip(answers);
    if is_binary {
        let share = |class: bool| {
            let of_class = || pairs().filter(|(value, _)| (*value > 0.5) == class);
            // An answer of exactly 0 is half right.
            let right = of_class().map(|(_, answer)| match *answer == 0.0 {
                true => 0.5,
                false => f32::from((*answer > 0.0) == class),
            });
            let count = of_class().count();
            (count > 0).then(|| right.sum::<f32>() / count as f32)
        };
        return Some(share(true)? + share(false)? - 1.0);
    }
    let (mean, deviation) = moments(values, &split.train);
    let (own_mean, own_deviation) = moments(values, &split.test);
    if own_deviation <= STILL {
        return None;
    }
    let wrong = pairs().map(|(value, answer)| (value - mean - deviation * answer).powi(2));
    let all = pairs().map(|(value, _)| (value - own_mean).powi(2));
    Some((1.0 - wrong.sum::<f32>() / all.sum::<f32>()).max(LOWEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env;
    use serde_json::json;

    fn sample(count: usize) -> Sample {
        let env = (env::entry("tictactoe").unwrap().make)(&json!({})).unwrap();
        Sample::new(env.as_ref(), count, &mut Rng::new(0))
    }

    #[test]
    fn images_of_a_state_stand_on_its_side_of_every_split() {
        let sample = sample(4520);
        let space = sample.states[0].space();
        let row = |state: usize| {
            let len = space.observation_len();
            sample.observations[state * len..(state + 1) * len].to_vec()
        };
        let bits = |row: Vec<f32>| row.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        for seed in 0..3 {
            let split = sample.split(&mut Rng::new(seed));
            let learned: std::collections::BTreeSet<_> =
                split.train.iter().map(|&state| bits(row(state))).collect();
            for &state in &split.test {
                let seen = row(state);
                for symmetry in &space.symmetries {
                    let image = symmetry.observation.iter().map(|&old| seen[old]).collect();
                    assert!(!learned.contains(&bits(image)), "{state}");
                }
            }
            let share = split.test.len() as f32 / 4520.0;
            assert!((share - 0.3).abs() < 0.01, "{share}");
            assert_eq!(split.test.len() + split.train.len(), 4520);
        }
    }

    #[test]
    fn features_have_training_mean_0_and_deviation_1() {
        // Two elements, the second of which is still; the last row is held out.
        let values = [1.0, 5.0, 3.0, 5.0, 7.0, 6.0];
        let standard = Standard::new(&values, 2, &[0, 1]);
        let features = standard.design(&values, &[0, 1, 2]);
        assert_eq!(features.values, [-1.0, 0.0, 1.0, 0.0, 5.0, 0.0]);
    }

    #[test]
    fn classes_weigh_the_same_however_rare() {
        let target = target(&[1.0, 0.0, 0.0, 0.0], &[0, 1, 2, 3], true).unwrap();
        assert_eq!(target.values, [1.0, -1.0, -1.0, -1.0]);
        let sixth = 0.5 / 3.0;
        assert_eq!(target.weights, [0.5, sixth, sixth, sixth]);
    }

    #[test]
    fn what_does_not_vary_is_no_target() {
        assert!(target(&[1.0, 1.0, 0.0], &[0, 1], true).is_none());
        assert!(target(&[4.0, 4.0, 5.0], &[0, 1], false).is_none());
        assert!(target(&[4.0, 4.0, 5.0], &[0, 2], false).is_some());
    }

    #[test]
    fn scores_are_as_worked_by_hand() {
        let split = Split {
            train: vec![4, 5],
            test: vec![0, 1, 2, 3],
        };
        let classes = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        let of = |answers: [f32; 4]| score(&classes, &split, true, &answers);
        assert_eq!(of([2.0, -1.0, -1.0, -1.0]), Some(1.0));
        assert_eq!(of([1.0; 4]), Some(0.0));
        assert_eq!(of([-1.0; 4]), Some(0.0));
        assert_eq!(of([0.0; 4]), Some(0.0));
        // A third of the rare class' opposite wrong: 1 + 2/3 − 1.
        let found = of([1.0, 1.0, -1.0, -1.0]).unwrap();
        assert!((found - 2.0 / 3.0).abs() < 1e-6);
        // Trained on 1 and 3 (mean 2, deviation 1); held out 1, 3, 1, 3.
        let numbers = [1.0, 3.0, 1.0, 3.0, 1.0, 3.0];
        let of = |answers: [f32; 4]| score(&numbers, &split, false, &answers);
        assert_eq!(of([-1.0, 1.0, -1.0, 1.0]), Some(1.0));
        assert_eq!(of([0.0; 4]), Some(0.0));
        assert_eq!(of([0.0, 1.0, -1.0, 1.0]), Some(0.75));
        assert_eq!(of([9.0; 4]), Some(-1.0));
    }

    #[test]
    fn a_held_out_class_that_is_missing_has_no_score() {
        let split = Split {
            train: vec![0, 1],
            test: vec![2, 3],
        };
        assert_eq!(
            score(&[1.0, 0.0, 1.0, 1.0], &split, true, &[1.0, 1.0]),
            None
        );
        assert_eq!(
            score(&[1.0, 0.0, 2.0, 2.0], &split, false, &[1.0, 1.0]),
            None
        );
    }
}
