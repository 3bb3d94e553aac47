//! Linear probes of several classes, and how right they are.

use crate::op::probe::fit::{Design, Ridge};

/// The linear discriminant of several classes: of a row's class means the nearest, in the metric of the
/// rows' regularised covariance, less what its rarity costs. One factorisation serves every question.
///
/// Of two classes it is Fisher's.
pub struct Classes {
    /// Weights and bias of each class; none of what was not seen.
    parameters: Vec<Option<Vec<f32>>>,
}

impl Classes {
    /// `labels` are those of the rows of `design`, whose features are centred, each below `num_classes`.
    pub fn fit(ridge: &Ridge<'_>, design: &Design, labels: &[usize], num_classes: usize) -> Self {
        let of_class = |class: usize| {
            let count = labels.iter().filter(|label| **label == class).count();
            if count == 0 {
                return None;
            }
            let share = count as f32 / labels.len() as f32;
            let is_class = |label: &usize| if *label == class { 1.0 } else { 0.0 };
            let target: Vec<f32> = labels.iter().map(|label| is_class(label) / share).collect();
            let mut parameters = ridge.fit(&target);
            let answers = design.times(&parameters).into_iter().zip(labels);
            let sum: f32 = answers
                .map(|(answer, label)| answer * is_class(label))
                .sum();
            parameters[design.width] = share.ln() - 0.5 * sum / count as f32;
            Some(parameters)
        };
        Self {
            parameters: (0..num_classes).map(of_class).collect(),
        }
    }

    /// The class of each row.
    pub fn answers(&self, design: &Design) -> Vec<usize> {
        let rows = design.values.len() / design.width;
        let mut best = vec![(f32::NEG_INFINITY, 0); rows];
        for (class, parameters) in self.parameters.iter().enumerate() {
            let Some(parameters) = parameters else {
                continue;
            };
            for (best, score) in best.iter_mut().zip(design.times(parameters)) {
                if score > best.0 {
                    *best = (score, class);
                }
            }
        }
        best.into_iter().map(|(_, class)| class).collect()
    }
}

/// Counts of answers by class, for one number over many questions.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Of each class: rightly answered, answered, true.
    counts: Vec<[usize; 3]>,
}

impl Tally {
    /// Adds answers and what is true.
    pub fn add(&mut self, answers: &[usize], labels: &[usize]) {
        for (&answer, &label) in answers.iter().zip(labels) {
            let needed = answer.max(label) + 1;
            if self.counts.len() < needed {
                self.counts.resize(needed, [0; 3]);
            }
            self.counts[answer][1] += 1;
            self.counts[label][2] += 1;
            self.counts[label][0] += usize::from(answer == label);
        }
    }

    /// Adds the counts of `other`.
    pub fn join(&mut self, other: &Self) {
        let needed = self.counts.len().max(other.counts.len());
        self.counts.resize(needed, [0; 3]);
        for (own, more) in self.counts.iter_mut().zip(&other.counts) {
            own.iter_mut()
                .zip(more)
                .for_each(|(own, more)| *own += more);
        }
    }

    /// Macro F1 over the first `num_classes` classes that are ever true: the mean of 2·right / (answered +
    /// true); none where none is.
    pub fn macro_f1(&self, num_classes: usize) -> Option<f32> {
        let classes = self.counts.iter().take(num_classes);
        let scores = classes.filter(|counts| counts[2] > 0);
        let scores: Vec<f32> = scores
            .map(|[right, answered, truly]| 2.0 * *right as f32 / (answered + truly) as f32)
            .collect();
        let count = scores.len() as f32;
        (count > 0.0).then(|| scores.iter().sum::<f32>() / count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn macro_f1_is_as_worked_by_hand() {
        let mut tally = Tally::default();
        assert_eq!(tally.macro_f1(3), None);
        // Class 0: 2 right, 3 answered, 2 true: 4/5. Class 1: 1, 1, 2: 2/3. Class 2 is never true.
        tally.add(&[0, 0, 0, 1, 2], &[0, 0, 1, 1, 3]);
        let expected = (0.8 + 2.0 / 3.0) / 2.0;
        assert!((tally.macro_f1(3).unwrap() - expected).abs() < 1e-6);
        // Class 3 is true once and never answered.
        assert!((tally.macro_f1(4).unwrap() - expected * 2.0 / 3.0).abs() < 1e-6);
    }

    #[test]
    fn classes_around_their_means_are_told_apart_and_random_ones_are_not() {
        let mut rng = Rng::new(3);
        let labels: Vec<usize> = (0..600).map(|row| row % 3).collect();
        let means = [[3.0, 0.0], [-1.5, 2.6], [-1.5, -2.6]];
        let row = |label: &usize| means[*label].map(|mean| mean + rng.normal());
        let design = Design {
            values: labels.iter().flat_map(row).collect(),
            width: 2,
        };
        let ridge = Ridge::new(&design, 0.01);
        let right = |labels: &[usize]| {
            let answers = Classes::fit(&ridge, &design, labels, 4).answers(&design);
            let mut tally = Tally::default();
            tally.add(&answers, labels);
            tally.macro_f1(4).unwrap()
        };
        assert!(right(&labels) > 0.97);
        let mut shuffled = labels.clone();
        rng.shuffle(&mut shuffled);
        assert!(right(&shuffled) < 0.45);
    }
}
