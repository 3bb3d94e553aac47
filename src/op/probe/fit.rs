//! Linear probes on plain numbers: ridge regression in closed form, logistic regression by L-BFGS (Liu &
//! Nocedal 1989), and either with an L1 penalty by accelerated proximal gradient (FISTA, Beck & Teboulle
//! 2009, restarted as by O'Donoghue & Candès 2015).
//!
//! Parameters are one vector: a weight for each feature, and the bias last. The bias is never penalised.
//! Golden: `golden/probes.json`.

use crate::{error::Result, op::Watch};
use std::collections::VecDeque;

/// Features `[row × width]`, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Design {
    /// The numbers.
    pub values: Vec<f32>,
    /// Features of a row.
    pub width: usize,
}

impl Design {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    /// Weighted sum and bias of every row: `[row]`.
    pub fn times(&self, parameters: &[f32]) -> Vec<f32> {
        let (weights, bias) = (&parameters[..self.width], parameters[self.width]);
        let rows = self.values.chunks_exact(self.width);
        rows.map(|row| dot(row, weights) + bias).collect()
    }

    /// Sum of the rows, each times its number in `factors` `[row]`; the sum of those is last.
    pub fn back(&self, factors: &[f32]) -> Vec<f32> {
        let mut sum = vec![0.0; self.width + 1];
        for (row, &factor) in self.values.chunks_exact(self.width).zip(factors) {
            add(&mut sum[..self.width], factor, row);
            sum[self.width] += factor;
        }
        sum
    }

    fn transposed(&self) -> Self {
        let rows = self.rows();
        let mut values = vec![0.0; self.values.len()];
        for (index, &value) in self.values.iter().enumerate() {
            values[index % self.width * rows + index / self.width] = value;
        }
        Self {
            values,
            width: rows,
        }
    }
}

/// Scalar product. Eight sums side by side, since one sum in order cannot use the processor's lanes.
pub fn dot(one: &[f32], other: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (ones, others) = (one.chunks_exact(LANES), other.chunks_exact(LANES));
    let rest = ones.remainder().iter().zip(others.remainder());
    let rest: f32 = rest.map(|(x, y)| x * y).sum();
    for (x, y) in ones.zip(others) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Adds `factor` times `other` to `sum`.
pub fn add(sum: &mut [f32], factor: f32, other: &[f32]) {
    sum.iter_mut()
        .zip(other)
        .for_each(|(sum, x)| *sum += factor * x);
}

/// What an answer costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Cross-entropy of a class, −1 or 1.
    Logistic,
    /// Half the squared error.
    Squares,
}

impl Loss {
    /// Its derivative by the answer.
    pub fn slope(self, answer: f32, target: f32) -> f32 {
        match self {
            Self::Logistic => -target * sigmoid(-target * answer),
            Self::Squares => answer - target,
        }
    }

    /// The most that its second derivative can be.
    fn curvature(self) -> f32 {
        match self {
            Self::Logistic => 0.25,
            Self::Squares => 1.0,
        }
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// What a probe is to answer for each row, and how much the row weighs. Weights sum to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Classes, −1 or 1, or numbers of mean 0 and deviation 1.
    pub values: Vec<f32>,
    /// Weights of the rows.
    pub weights: Vec<f32>,
    /// Which cost belongs to it.
    pub loss: Loss,
}

impl Target {
    /// Derivatives of the weighted costs by the answers.
    pub fn slopes(&self, answers: &[f32]) -> Vec<f32> {
        let rows = answers.iter().zip(&self.values).zip(&self.weights);
        rows.map(|((answer, target), weight)| weight * self.loss.slope(*answer, *target))
            .collect()
    }
}

/// Ridge regression: ½ mean squared error + `penalty`/2 · |w|². One factorisation serves every target.
pub struct Ridge<'a> {
    design: &'a Design,
    factor: Cholesky,
    /// With fewer rows than features the smaller system of rows is solved.
    by_rows: bool,
}

impl<'a> Ridge<'a> {
    /// Factorises for centred features. `penalty` must be positive.
    pub fn new(design: &'a Design, penalty: f32) -> Self {
        let by_rows = design.rows() < design.width;
        let mut matrix = match by_rows {
            true => gram(design),
            false => gram(&design.transposed()),
        };
        let ridge = f64::from(penalty) * design.rows() as f64;
        let size = design.rows().min(design.width);
        for index in 0..size {
            matrix[index * size + index] += ridge;
        }
        Self {
            design,
            factor: Cholesky::new(matrix, size),
            by_rows,
        }
    }

    /// The parameters for centred numbers `target` `[row]`; their bias is 0.
    pub fn fit(&self, target: &[f32]) -> Vec<f32> {
        let narrow = |values: Vec<f64>| values.iter().map(|x| *x as f32).collect::<Vec<_>>();
        let mut parameters = if self.by_rows {
            self.design.back(&narrow(self.factor.solve(target)))
        } else {
            let product = self.design.back(target);
            let mut weights = narrow(self.factor.solve(&product[..self.design.width]));
            weights.push(0.0);
            weights
        };
        parameters[self.design.width] = 0.0;
        parameters
    }

    /// Fisher's linear discriminant (1936) of `classes` `[row]`, −1 or 1, with the threshold half-way
    /// between the classes' means, so that a rare class counts as much as the other.
    ///
    /// Its direction is that of ridge regression on the classes, however rare one is (Hastie, Tibshirani &
    /// Friedman 2009, exercise 4.2).
    pub fn discriminant(&self, classes: &[f32]) -> Vec<f32> {
        let mean = classes.iter().sum::<f32>() / classes.len() as f32;
        let centred: Vec<f32> = classes.iter().map(|class| class - mean).collect();
        let mut parameters = self.fit(&centred);
        let answers = self.design.times(&parameters);
        let mean_of = |class: f32| {
            let of_class = answers.iter().zip(classes).filter(|one| *one.1 == class);
            let (sum, count) = of_class.fold((0.0, 0.0), |(sum, count), one| {
                (sum + one.0, count + 1.0_f32)
            });
            sum / count.max(1.0)
        };
        parameters[self.design.width] = -0.5 * (mean_of(1.0) + mean_of(-1.0));
        parameters
    }
}

/// Scalar products of all rows with each other, `[row × row]`; the lower half only.
fn gram(design: &Design) -> Vec<f64> {
    let rows: Vec<&[f32]> = design.values.chunks_exact(design.width).collect();
    let mut products = vec![0.0; rows.len() * rows.len()];
    for (i, one) in rows.iter().enumerate() {
        for (j, other) in rows[..=i].iter().enumerate() {
            products[i * rows.len() + j] = f64::from(dot(one, other));
        }
    }
    products
}

/// The lower triangle L with L·Lᵀ = A.
struct Cholesky {
    lower: Vec<f64>,
    size: usize,
}

impl Cholesky {
    /// Of a positive definite matrix, whose upper half is not read.
    fn new(mut matrix: Vec<f64>, size: usize) -> Self {
        for i in 0..size {
            for j in 0..=i {
                let (before, row) = matrix.split_at(i * size);
                let other = if j < i {
                    &before[j * size..j * size + j]
                } else {
                    &row[..j]
                };
                let known: f64 = row.iter().zip(other).map(|(x, y)| x * y).sum();
                let left = row[j] - known;
                matrix[i * size + j] = match i == j {
                    // Rounding alone can take it to 0.
                    true => left.max(f64::MIN_POSITIVE).sqrt(),
                    false => left / matrix[j * size + j],
                };
            }
        }
        Self {
            lower: matrix,
            size,
        }
    }

    fn solve(&self, right: &[f32]) -> Vec<f64> {
        let mut x: Vec<f64> = right.iter().map(|x| f64::from(*x)).collect();
        for i in 0..self.size {
            let row = &self.lower[i * self.size..];
            let known: f64 = row[..i].iter().zip(&x).map(|(l, x)| l * x).sum();
            x[i] = (x[i] - known) / row[i];
        }
        for i in (0..self.size).rev() {
            x[i] /= self.lower[i * self.size + i];
            let (before, at) = x.split_at_mut(i);
            let row = &self.lower[i * self.size..i * self.size + i];
            before
                .iter_mut()
                .zip(row)
                .for_each(|(x, l)| *x -= l * at[0]);
        }
        x
    }
}

/// Steps of logistic regression.
const MOST_STEPS: usize = 60;
/// The gradient's length at which it ends; the loss begins at ln 2.
const TOLERANCE: f32 = 1e-4;
/// Pairs of steps and gradients that L-BFGS keeps.
const MEMORY: usize = 10;

/// Logistic regression: weighted cross-entropy + `penalty`/2 · |w|².
pub fn logistic(design: &Design, target: &Target, penalty: f32) -> Vec<f32> {
    let mut point = Point {
        parameters: vec![0.0; design.width + 1],
        answers: vec![0.0; design.rows()],
    };
    let mut gradient = point.gradient(design, target, penalty);
    let mut memory = Memory::default();
    for _ in 0..MOST_STEPS {
        if dot(&gradient, &gradient).sqrt() < TOLERANCE {
            break;
        }
        let direction = memory.direction(&gradient);
        let ray = Point {
            answers: design.times(&direction),
            parameters: direction,
        };
        let slope = dot(&gradient, &ray.parameters);
        let Some((next, step)) = point.descend(&ray, slope, target, penalty) else {
            break;
        };
        let after = next.gradient(design, target, penalty);
        let moved = ray.parameters.iter().map(|x| step * x).collect();
        let changed = after.iter().zip(&gradient).map(|(x, y)| x - y).collect();
        memory.keep(moved, changed);
        (point, gradient) = (next, after);
    }
    point.parameters
}

/// Parameters, or a step of them, and what they answer for each row.
struct Point {
    parameters: Vec<f32>,
    answers: Vec<f32>,
}

impl Point {
    fn gradient(&self, design: &Design, target: &Target, penalty: f32) -> Vec<f32> {
        let mut gradient = design.back(&target.slopes(&self.answers));
        let width = design.width;
        add(&mut gradient[..width], penalty, &self.parameters[..width]);
        gradient
    }

    fn loss(&self, target: &Target, penalty: f32) -> f64 {
        let rows = self.answers.iter().zip(&target.values).zip(&target.weights);
        let cost = rows.map(|((answer, class), weight)| {
            let wrong = -answer * class;
            f64::from(weight * (wrong.max(0.0) + (-wrong.abs()).exp().ln_1p()))
        });
        cost.sum::<f64>() + f64::from(0.5 * penalty * self.squared())
    }

    /// The squared length of the weights.
    fn squared(&self) -> f32 {
        let weights = &self.parameters[..self.parameters.len() - 1];
        dot(weights, weights)
    }

    /// Goes along `ray`, on which the loss first changes by `slope`: Newton's step on this line, halved
    /// until the loss falls. None where rounding hides every fall.
    fn descend(
        &self,
        ray: &Self,
        slope: f32,
        target: &Target,
        penalty: f32,
    ) -> Option<(Self, f32)> {
        let rows = self.answers.iter().zip(&ray.answers).zip(&target.weights);
        let bend = rows.map(|((answer, along), weight)| {
            let share = sigmoid(*answer);
            weight * share * (1.0 - share) * along * along
        });
        let mut step = -slope / (bend.sum::<f32>() + penalty * ray.squared());
        let before = self.loss(target, penalty);
        for _ in 0..20 {
            let mut next = Self {
                parameters: self.parameters.clone(),
                answers: self.answers.clone(),
            };
            add(&mut next.parameters, step, &ray.parameters);
            add(&mut next.answers, step, &ray.answers);
            // Written so that a loss that is no number is refused.
            if next.loss(target, penalty) <= before + f64::from(1e-4 * step * slope) {
                return Some((next, step));
            }
            step *= 0.5;
        }
        None
    }
}

/// The last steps of L-BFGS, the oldest first.
#[derive(Default)]
struct Memory(VecDeque<(Vec<f32>, Vec<f32>, f32)>);

impl Memory {
    fn keep(&mut self, moved: Vec<f32>, changed: Vec<f32>) {
        let product = dot(&moved, &changed);
        // Rounding can make a last tiny step look as if the loss were not convex.
        if product <= f32::MIN_POSITIVE {
            return;
        }
        if self.0.len() == MEMORY {
            self.0.pop_front();
        }
        self.0.push_back((moved, changed, 1.0 / product));
    }

    /// The downward direction: minus the gradient times the inverse of the Hessian that the steps tell of.
    fn direction(&self, gradient: &[f32]) -> Vec<f32> {
        let mut direction: Vec<f32> = gradient.iter().map(|x| -x).collect();
        let mut shares = Vec::with_capacity(self.0.len());
        for (moved, changed, inverse) in self.0.iter().rev() {
            let share = inverse * dot(moved, &direction);
            add(&mut direction, -share, changed);
            shares.push(share);
        }
        if let Some((_, changed, inverse)) = self.0.back() {
            let scale = 1.0 / (inverse * dot(changed, changed));
            direction.iter_mut().for_each(|x| *x *= scale);
        }
        for ((moved, changed, inverse), share) in self.0.iter().zip(shares.iter().rev()) {
            let other = inverse * dot(changed, &direction);
            add(&mut direction, share - other, moved);
        }
        direction
    }
}

/// The largest change of a parameter at which the proximal gradient ends.
const SETTLED: f32 = 1e-5;

/// Steps of training between two at which it can be called off.
pub const BREATH: usize = 20;

/// The weighted loss + `penalty` · Σ|w|, after at most `num_steps`: most weights are exactly 0.
/// Errors: `Cancelled`.
pub async fn sparse(
    design: &Design,
    target: &Target,
    (penalty, num_steps): (f32, usize),
    watch: &dyn Watch,
) -> Result<Vec<f32>> {
    let bound = target.loss.curvature() * largest_eigenvalue(design, &target.weights);
    let mut at = vec![0.0; design.width + 1];
    let (mut ahead, mut momentum) = (at.clone(), 1.0_f32);
    for step in 1..=num_steps {
        if step % BREATH == 0 {
            watch.step(step, num_steps).await?;
        }
        let gradient = design.back(&target.slopes(&design.times(&ahead)));
        let mut next = ahead.clone();
        add(&mut next, -1.0 / bound, &gradient);
        for weight in &mut next[..design.width] {
            *weight = weight.signum() * (weight.abs() - penalty / bound).max(0.0);
        }
        let moved: Vec<f32> = next.iter().zip(&at).map(|(x, y)| x - y).collect();
        let back: f32 = ahead
            .iter()
            .zip(&next)
            .zip(&moved)
            .map(|((a, n), m)| (a - n) * m)
            .sum();
        // Momentum that points back uphill is given up.
        let before = if back > 0.0 { 1.0 } else { momentum };
        momentum = 0.5 * (1.0 + (1.0 + 4.0 * before * before).sqrt());
        ahead = next.clone();
        add(&mut ahead, (before - 1.0) / momentum, &moved);
        at = next;
        if moved.iter().all(|change| change.abs() < SETTLED) {
            break;
        }
    }
    Ok(at)
}

/// A little more than the largest eigenvalue of the weighted rows' second moments, bias included.
fn largest_eigenvalue(design: &Design, weights: &[f32]) -> f32 {
    // Uneven, so that no symmetry of the data makes it miss the eigenvector.
    let mut vector: Vec<f32> = (0..=design.width)
        .map(|index| 1.0 + (index % 7) as f32 / 7.0)
        .collect();
    let mut value = 1.0;
    for _ in 0..30 {
        let norm = dot(&vector, &vector).sqrt().max(f32::MIN_POSITIVE);
        vector.iter_mut().for_each(|x| *x /= norm);
        let mut answers = design.times(&vector);
        answers.iter_mut().zip(weights).for_each(|(x, w)| *x *= w);
        vector = design.back(&answers);
        value = dot(&vector, &vector).sqrt();
    }
    (1.1 * value).max(f32::MIN_POSITIVE)
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::op::Patient;

    fn sparse(design: &Design, target: &Target, penalty: f32, num_steps: usize) -> Vec<f32> {
        pollster::block_on(super::sparse(
            design,
            target,
            (penalty, num_steps),
            &Patient,
        ))
        .unwrap()
    }

    fn design(rows: &[&[f32]]) -> Design {
        Design {
            values: rows.concat(),
            width: rows[0].len(),
        }
    }

    fn target(values: &[f32], loss: Loss) -> Target {
        Target {
            values: values.to_vec(),
            weights: vec![1.0 / values.len() as f32; values.len()],
            loss,
        }
    }

    fn close(found: &[f32], expected: &[f32], tolerance: f32) {
        assert_eq!(found.len(), expected.len());
        for (x, y) in found.iter().zip(expected) {
            assert!((x - y).abs() < tolerance, "{found:?}, not {expected:?}");
        }
    }

    #[test]
    fn a_scalar_product_counts_the_lanes_and_the_rest() {
        let numbers: Vec<f32> = (1..=11).map(|x| x as f32).collect();
        assert_eq!(dot(&numbers, &numbers), 506.0);
    }

    #[test]
    fn ridge_shrinks_as_worked_by_hand() {
        // w = (mean xy) / (mean x² + penalty) for each of two orthogonal features.
        let rows = design(&[&[1.0, 1.0], &[1.0, -1.0], &[-1.0, 1.0], &[-1.0, -1.0]]);
        let found = Ridge::new(&rows, 0.25).fit(&[3.0, 1.0, -1.0, -3.0]);
        close(&found, &[2.0 / 1.25, 1.0 / 1.25, 0.0], 1e-6);
    }

    #[test]
    fn ridge_by_rows_equals_ridge_by_features() {
        // Three rows and four features, and the same rows twice over, which changes no mean.
        let rows: [&[f32]; 3] = [
            &[1.0, 2.0, 0.0, -1.0],
            &[0.5, -1.0, 1.0, 0.0],
            &[-1.5, -1.0, -1.0, 1.0],
        ];
        let (few, many) = (design(&rows), design(&[rows, rows].concat()));
        let target = [1.0, -2.0, 1.0];
        let by_rows = Ridge::new(&few, 0.1);
        let by_features = Ridge::new(&many, 0.1);
        assert!(by_rows.by_rows && !by_features.by_rows);
        let expected = by_features.fit(&[target, target].concat());
        close(&by_rows.fit(&target), &expected, 1e-5);
    }

    #[test]
    fn a_discriminant_is_as_worked_by_hand_however_rare_a_class() {
        // Class 1 at (2, 0) ± (0, 1), class −1 at (−1, 0) ± (0, 1), twice as often: mean 0 each.
        let rows = design(&[
            &[2.0, 1.0],
            &[2.0, -1.0],
            &[-1.0, 1.0],
            &[-1.0, -1.0],
            &[-1.0, 1.0],
            &[-1.0, -1.0],
        ]);
        let classes = [1.0, 1.0, -1.0, -1.0, -1.0, -1.0];
        let found = Ridge::new(&rows, 2.0).discriminant(&classes);
        // Mean xy is 4/3 (classes less their mean −1/3), mean x² is 2: w = 4/3 / (2 + 2); the threshold
        // lies at x = ½.
        close(&found, &[1.0 / 3.0, 0.0, -1.0 / 6.0], 1e-6);
    }

    #[test]
    fn logistic_balances_the_penalty_as_worked_by_hand() {
        // One feature that is the class: penalty · w = 1 / (1 + e^w), which 2 solves for this penalty.
        let rows = design(&[&[1.0], &[-1.0]]);
        let found = logistic(
            &rows,
            &target(&[1.0, -1.0], Loss::Logistic),
            0.119_202_92 / 2.0,
        );
        close(&found, &[2.0, 0.0], 2e-3);
    }

    #[test]
    fn logistic_without_features_answers_with_the_log_odds() {
        let rows = design(&[&[0.0], &[0.0], &[0.0], &[0.0]]);
        let found = logistic(&rows, &target(&[1.0, 1.0, 1.0, -1.0], Loss::Logistic), 0.01);
        close(&found, &[0.0, 3.0_f32.ln()], 1e-3);
    }

    #[test]
    fn sparse_is_soft_thresholding_where_features_are_orthogonal() {
        let rows = design(&[&[1.0, 1.0], &[1.0, -1.0], &[-1.0, 1.0], &[-1.0, -1.0]]);
        let numbers = target(&[1.2, 0.8, -0.8, -1.2], Loss::Squares);
        // Without a penalty 1 and 0.2.
        close(&sparse(&rows, &numbers, 0.5, 300), &[0.5, 0.0, 0.0], 1e-4);
        assert_eq!(sparse(&rows, &numbers, 0.5, 300)[1], 0.0);
        close(&sparse(&rows, &numbers, 0.1, 300), &[0.9, 0.1, 0.0], 1e-4);
    }

    #[test]
    fn sparse_logistic_solves_its_own_equation() {
        // 1 / (1 + e^w) = penalty at w = 1.
        let rows = design(&[&[1.0], &[-1.0]]);
        let classes = target(&[1.0, -1.0], Loss::Logistic);
        close(
            &sparse(&rows, &classes, 0.268_941_42, 300),
            &[1.0, 0.0],
            1e-3,
        );
        assert_eq!(sparse(&rows, &classes, 0.6, 300)[0], 0.0);
    }
}
