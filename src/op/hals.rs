//! Non-negative matrix factorisation by hierarchical alternating least squares (Cichocki and Phan 2009,
//! IEICE E92-A): each factor in turn is put where the squared error is least and it is not negative.
//!
//! Deviation: factors stay above a floor far below every activation, since one that reached zero would
//! never come back.

use super::linear::{Matrix, add_scaled, dot};
use crate::rng::Rng;

/// What stands for zero.
const FLOOR: f32 = 1e-12;

/// How a factorisation is searched for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search {
    /// Number of factors.
    pub rank: usize,
    /// Random starts, of which the best is kept.
    pub restarts: usize,
    /// Sweeps at most.
    pub max_sweeps: usize,
    /// A sweep that takes off a smaller share of the matrix' energy is the last one.
    pub tolerance: f64,
}

/// A matrix `[row × column]` taken apart into `weights` times `factors`.
#[derive(Debug, Clone)]
pub(super) struct Factorisation {
    /// How much of each factor a row has, `[row × factor]`.
    pub weights: Matrix,
    /// `[factor × column]`.
    pub factors: Matrix,
    /// Squared error after each sweep.
    pub errors: Vec<f64>,
}

impl Factorisation {
    /// The squared error in the end.
    pub fn error(&self) -> f64 {
        self.errors.last().copied().unwrap_or(f64::INFINITY)
    }

    /// How much of `factor` each row has.
    pub fn weights_of(&self, factor: usize) -> impl Iterator<Item = f32> + '_ {
        let weights = self.weights.values.iter().skip(factor);
        weights.step_by(self.weights.columns).copied()
    }

    /// Each factor's largest column becomes 1, and the factor with most of the matrix comes first.
    fn in_order(self) -> Self {
        let rank = self.factors.rows;
        let largest: Vec<f32> = self
            .factors
            .each_row()
            .map(|factor| factor.iter().fold(FLOOR, |top, x| top.max(*x)))
            .collect();
        let total = |factor: usize| {
            let weights: f64 = self.weights_of(factor).map(f64::from).sum();
            let columns: f64 = self.factors.row(factor).iter().map(|x| f64::from(*x)).sum();
            weights * columns
        };
        let totals: Vec<f64> = (0..rank).map(total).collect();
        let mut order: Vec<usize> = (0..rank).collect();
        order.sort_by(|&one, &other| totals[other].total_cmp(&totals[one]));
        let factors = order.iter().flat_map(|&factor| {
            let row = self.factors.row(factor).iter();
            row.map(|x| x / largest[factor]).collect::<Vec<_>>()
        });
        let weights = self.weights.each_row().flat_map(|row| {
            let ordered = order.iter().map(|&factor| row[factor] * largest[factor]);
            ordered.collect::<Vec<_>>()
        });
        Self {
            factors: Matrix::new(factors.collect(), self.factors.columns),
            weights: Matrix::new(weights.collect(), rank),
            errors: self.errors,
        }
    }
}

/// The best of some restarts on `matrix`, which must not be negative anywhere.
pub(super) fn factorise(matrix: &Matrix, search: Search, rng: &mut Rng) -> Factorisation {
    let mut best = descend(matrix, search, rng);
    for _ in 1..search.restarts {
        let other = descend(matrix, search, rng);
        if other.error() < best.error() {
            best = other;
        }
    }
    best.in_order()
}

/// From one random start to where sweeps gain no more.
fn descend(matrix: &Matrix, search: Search, rng: &mut Rng) -> Factorisation {
    let (rank, energy) = (search.rank, matrix.energy());
    let mean =
        matrix.values.iter().map(|x| f64::from(*x)).sum::<f64>() / matrix.values.len() as f64;
    let scale = (mean / rank as f64).sqrt() as f32;
    let mut draw = |count: usize, columns: usize| {
        let draws = (0..count).map(|_| (scale * rng.normal().abs()).max(FLOOR));
        Matrix::new(draws.collect(), columns)
    };
    let mut factors = draw(rank * matrix.columns, matrix.columns);
    let mut weights = draw(rank * matrix.rows, rank);
    let mut errors: Vec<f64> = Vec::with_capacity(search.max_sweeps);
    for _ in 0..search.max_sweeps {
        update_weights(&mut weights, matrix, &factors);
        let error = energy - update_factors(&mut factors, matrix, &weights);
        let gain = errors.last().map_or(f64::INFINITY, |last| last - error);
        errors.push(error.max(0.0));
        if gain < search.tolerance * energy {
            break;
        }
    }
    Factorisation {
        weights,
        factors,
        errors,
    }
}

/// One sweep over the columns of `weights`; rows do not touch each other, so it goes row by row.
fn update_weights(weights: &mut Matrix, matrix: &Matrix, factors: &Matrix) {
    let rank = factors.rows;
    let products = factors.row_products(); // [factor × factor]
    for (weights, row) in weights.values.chunks_exact_mut(rank).zip(matrix.each_row()) {
        for factor in 0..rank {
            let square = products.row(factor)[factor];
            if square > 0.0 {
                let missing = dot(row, factors.row(factor)) - dot(weights, products.row(factor));
                weights[factor] = (weights[factor] + missing / square).max(FLOOR);
            }
        }
    }
}

/// One sweep over the rows of `factors`; returns by how much they lower the squared error below that of
/// nothing.
fn update_factors(factors: &mut Matrix, matrix: &Matrix, weights: &Matrix) -> f64 {
    let (rank, columns) = (factors.rows, factors.columns);
    let products = weights.column_products(); // [factor × factor]
    let mut targets = Matrix::new(vec![0.0; rank * columns], columns);
    for (weights, row) in weights.each_row().zip(matrix.each_row()) {
        for (weight, out) in weights.iter().zip(targets.values.chunks_exact_mut(columns)) {
            add_scaled(out, *weight, row);
        }
    }
    let mut missing = vec![0.0; columns];
    for factor in 0..rank {
        let square = products.row(factor)[factor];
        if square > 0.0 {
            missing.copy_from_slice(targets.row(factor));
            for (other, product) in factors.each_row().zip(products.row(factor)) {
                add_scaled(&mut missing, -product, other);
            }
            let own = &mut factors.values[factor * columns..(factor + 1) * columns];
            for (x, missing) in own.iter_mut().zip(&missing) {
                *x = (*x + missing / square).max(FLOOR);
            }
        }
    }
    let inner = |one: &Matrix, other: &Matrix| -> f64 {
        let pairs = one.values.iter().zip(&other.values);
        pairs.map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
    };
    2.0 * inner(&targets, factors) - inner(&products, &factors.row_products())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::linear::golden;

    const THOROUGH: Search = Search {
        rank: 2,
        restarts: 5,
        max_sweeps: 500,
        tolerance: 1e-8,
    };

    /// The squared error, summed over the matrix itself.
    fn error(matrix: &Matrix, found: &Factorisation) -> f64 {
        let product = |row: usize, column: usize| -> f64 {
            let weights = found.weights.row(row).iter();
            let pairs = weights.zip(found.factors.each_row());
            pairs
                .map(|(weight, factor)| f64::from(*weight) * f64::from(factor[column]))
                .sum()
        };
        let places = matrix.values.iter().enumerate();
        places
            .map(|(place, x)| {
                let (row, column) = (place / matrix.columns, place % matrix.columns);
                (f64::from(*x) - product(row, column)).powi(2)
            })
            .sum()
    }

    /// What a ReLU leaves of normal draws.
    fn rectified(rows: usize, columns: usize, seed: u64) -> Matrix {
        let mut rng = Rng::new(seed);
        let draws = (0..rows * columns).map(|_| rng.normal().max(0.0));
        Matrix::new(draws.collect(), columns)
    }

    #[test]
    fn factors_are_not_negative_and_no_sweep_raises_the_error() {
        for seed in 0..40 {
            let mut rng = Rng::new(seed).split("sizes");
            let matrix = rectified(3 + rng.below(30), 2 + rng.below(12), seed);
            let search = Search {
                rank: 1 + rng.below(5),
                restarts: 1,
                max_sweeps: 60,
                tolerance: 0.0,
            };
            let found = factorise(&matrix, search, &mut Rng::new(seed));
            let mut parts = found.weights.values.iter().chain(&found.factors.values);
            assert!(parts.all(|x| *x >= 0.0 && x.is_finite()), "seed {seed}");
            // Errors are of single precision.
            let slack = 1e-6 * matrix.energy();
            for pair in found.errors.windows(2) {
                assert!(pair[1] <= pair[0] + slack, "seed {seed}: {pair:?}");
            }
            assert!(found.errors.len() > 1, "seed {seed}");
            assert!((found.error() - error(&matrix, &found)).abs() <= 2.0 * slack);
        }
    }

    #[test]
    fn a_higher_rank_leaves_a_smaller_error() {
        let matrix = rectified(40, 12, 3);
        let errors: Vec<f64> = [1, 2, 4, 8, 12]
            .map(|rank| {
                let search = Search { rank, ..THOROUGH };
                factorise(&matrix, search, &mut Rng::new(0)).error()
            })
            .to_vec();
        assert!(errors.is_sorted_by(|one, other| one > other), "{errors:?}");
        assert!(errors[4] < 1e-3 * matrix.energy(), "{errors:?}");
    }

    #[test]
    fn errors_are_not_above_those_of_scikit_learn() {
        let golden = golden();
        for (rank, theirs) in golden.nmf {
            let search = Search {
                rank,
                max_sweeps: 5000,
                ..THOROUGH
            };
            let ours = error(
                &golden.matrix,
                &factorise(&golden.matrix, search, &mut Rng::new(0)),
            );
            // Either may end in another valley; five starts each get within a thousandth of the same one.
            assert!(
                ours < 1.001 * theirs,
                "rank {rank}: {ours}, scikit-learn {theirs}"
            );
            assert!(
                ours > 0.9 * theirs,
                "rank {rank}: {ours}, scikit-learn {theirs}"
            );
        }
    }

    #[test]
    fn a_matrix_of_rank_two_is_recovered() {
        // Rows mix (1, 1, 0, 0) and (0, 0, 1, ½): the only such factors, since some rows have one alone.
        let mix = [[3.0, 0.0], [0.0, 2.0], [1.0, 1.0], [2.0, 0.5], [1.0, 0.0]];
        let values = mix.iter().flat_map(|[a, b]| [*a, *a, *b, b / 2.0]);
        let matrix = Matrix::new(values.collect(), 4);
        let found = factorise(&matrix, THOROUGH, &mut Rng::new(1));
        assert!(found.error() < 1e-6 * matrix.energy(), "{found:?}");
        let expected = [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.5]];
        for (row, expected) in found.factors.each_row().zip(expected) {
            for (x, expected) in row.iter().zip(expected) {
                assert!((x - expected).abs() < 1e-3, "{:?}", found.factors);
            }
        }
        for (row, expected) in found.weights.each_row().zip(mix) {
            for (x, expected) in row.iter().zip(expected) {
                assert!((x - expected).abs() < 5e-3, "{:?}", found.weights);
            }
        }
    }
}
