//! The little linear algebra that ops need, on host slices: matrices of activations are small.

/// A matrix, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matrix {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// `[row × column]`.
    pub values: Vec<f32>,
}

impl Matrix {
    /// `values` in rows of `columns`.
    pub fn new(values: Vec<f32>, columns: usize) -> Self {
        Self {
            rows: values.len() / columns,
            columns,
            values,
        }
    }

    /// One row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    /// The rows in order.
    pub fn each_row(&self) -> std::slice::ChunksExact<'_, f32> {
        self.values.chunks_exact(self.columns)
    }

    /// The same with each column's mean taken off.
    pub fn centred(&self) -> Self {
        let mut means = vec![0.0_f64; self.columns];
        for row in self.each_row() {
            means
                .iter_mut()
                .zip(row)
                .for_each(|(mean, x)| *mean += f64::from(*x));
        }
        let count = self.rows.max(1) as f64;
        let centred = self.values.iter().enumerate().map(|(place, x)| {
            let mean = means[place % self.columns] / count;
            (f64::from(*x) - mean) as f32
        });
        Self::new(centred.collect(), self.columns)
    }

    /// The sum of squares.
    pub fn energy(&self) -> f64 {
        self.values.iter().map(|x| f64::from(*x).powi(2)).sum()
    }

    /// The sum of squares about each column's mean; exactly 0 where that is nothing but rounding.
    pub fn spread(&self) -> f64 {
        let spread = self.centred().energy();
        if spread > 1e-10 * self.energy() {
            spread
        } else {
            0.0
        }
    }

    /// Products of all pairs of rows, `[row × row]`.
    pub fn row_products(&self) -> Self {
        let mut products = vec![0.0; self.rows * self.rows];
        for one in 0..self.rows {
            for other in 0..=one {
                let product = dot(self.row(one), self.row(other));
                products[one * self.rows + other] = product;
                products[other * self.rows + one] = product;
            }
        }
        Self::new(products, self.rows)
    }

    /// Products of all pairs of columns, `[column × column]`.
    pub fn column_products(&self) -> Self {
        let mut products = vec![0.0; self.columns * self.columns];
        for row in self.each_row() {
            for (x, out) in row.iter().zip(products.chunks_exact_mut(self.columns)) {
                add_scaled(out, *x, row);
            }
        }
        Self::new(products, self.columns)
    }
}

/// Lanes of a sum: apart, so that the compiler may add them side by side.
const LANES: usize = 8;

/// The inner product.
pub(super) fn dot(one: &[f32], other: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let (ones, others) = (one.chunks_exact(LANES), other.chunks_exact(LANES));
    let rest = ones.remainder().iter().zip(others.remainder());
    let rest: f32 = rest.map(|(x, y)| x * y).sum();
    for (xs, ys) in ones.zip(others) {
        for lane in 0..LANES {
            sums[lane] += xs[lane] * ys[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Adds `scale × row` to `out`.
pub(super) fn add_scaled(out: &mut [f32], scale: f32, row: &[f32]) {
    out.iter_mut()
        .zip(row)
        .for_each(|(out, x)| *out += scale * x);
}

/// An eigenvalue of a symmetric matrix and its vector, of length 1.
#[derive(Debug, Clone)]
pub(super) struct Eigen {
    /// The value.
    pub value: f64,
    /// The vector.
    pub vector: Vec<f64>,
}

/// Sweeps after which rotations stop; six to ten are usual.
const MAX_SWEEPS: usize = 40;

/// Eigenvalues of a symmetric matrix, the largest first: cyclic Jacobi rotations.
pub(super) fn eigen(matrix: &Matrix) -> Vec<Eigen> {
    let size = matrix.rows;
    let mut a: Vec<f64> = matrix.values.iter().map(|x| f64::from(*x)).collect();
    // Rows are the vectors, so that a rotation touches two rows.
    let mut vectors = vec![0.0; size * size];
    (0..size).for_each(|place| vectors[place * size + place] = 1.0);
    let energy: f64 = a.iter().map(|x| x * x).sum();
    for _ in 0..MAX_SWEEPS {
        let pairs = || (0..size).flat_map(|q| (0..q).map(move |p| (p, q)));
        let off: f64 = pairs().map(|(p, q)| a[p * size + q].powi(2)).sum();
        if off <= 1e-24 * energy {
            break;
        }
        for (p, q) in pairs() {
            let between = a[p * size + q];
            if between == 0.0 {
                continue;
            }
            let theta = (a[q * size + q] - a[p * size + p]) / (2.0 * between);
            let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
            let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
            let turn = (cosine, tangent * cosine);
            for row in 0..size {
                rotate(&mut a, row * size + p, row * size + q, turn);
            }
            for column in 0..size {
                rotate(&mut a, p * size + column, q * size + column, turn);
                rotate(&mut vectors, p * size + column, q * size + column, turn);
            }
        }
    }
    let pair = |place: usize| Eigen {
        value: a[place * size + place],
        vector: vectors[place * size..(place + 1) * size].to_vec(),
    };
    let mut found: Vec<Eigen> = (0..size).map(pair).collect();
    found.sort_by(|one, other| other.value.total_cmp(&one.value));
    found
}

fn rotate(values: &mut [f64], p: usize, q: usize, (cosine, sine): (f64, f64)) {
    let (x, y) = (values[p], values[q]);
    values[p] = cosine * x - sine * y;
    values[q] = sine * x + cosine * y;
}

/// A direction of most variance.
#[derive(Debug, Clone)]
pub(super) struct Component {
    /// Variance along it.
    pub variance: f64,
    /// The direction, of length 1, whose largest weight is positive.
    pub direction: Vec<f32>,
}

/// Principal components of the rows of `data`, the one of most variance first; those with less than a
/// millionth of the first one's are rounding and left out.
pub(super) fn principal(data: &Matrix) -> Vec<Component> {
    let centred = data.centred();
    if data.spread() == 0.0 {
        return Vec::new();
    }
    // The smaller of the two products has the same eigenvalues.
    let is_wide = centred.rows < centred.columns;
    let products = match is_wide {
        true => centred.row_products(),
        false => centred.column_products(),
    };
    let pairs = eigen(&products);
    let least = 1e-6 * pairs.first().map_or(0.0, |pair| pair.value);
    let varied = pairs.into_iter().filter(|pair| pair.value > least);
    varied
        .map(|Eigen { value, vector }| {
            let weights: Vec<f32> = vector.iter().map(|x| *x as f32).collect();
            let mut direction = weights;
            if is_wide {
                let mut along = vec![0.0; centred.columns];
                for (weight, row) in direction.iter().zip(centred.each_row()) {
                    add_scaled(&mut along, *weight, row);
                }
                direction = along;
            }
            Component {
                variance: value / (centred.rows - 1) as f64,
                direction: unit(direction),
            }
        })
        .collect()
}

/// `vector` at length 1, its largest weight positive.
fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = dot(&vector, &vector).sqrt();
    let largest = vector
        .iter()
        .fold(0.0_f32, |top, x| if x.abs() > top.abs() { *x } else { top });
    let scale = if largest < 0.0 {
        -1.0 / length
    } else {
        1.0 / length
    };
    vector.iter_mut().for_each(|x| *x *= scale);
    vector
}

/// What scikit-learn says of one matrix (`tests/golden/README.md`).
#[cfg(test)]
pub(super) struct Golden {
    /// The matrix.
    pub matrix: Matrix,
    /// Squared errors of its best factors, by rank.
    pub nmf: Vec<(usize, f64)>,
    /// Variances along its principal components.
    pub pca: Vec<f64>,
}

/// Reads the golden file.
#[cfg(test)]
pub(super) fn golden() -> Golden {
    let text = include_str!("../../tests/golden/decomposition.json");
    let file: serde_json::Value = serde_json::from_str(text).unwrap();
    let numbers = |value: &serde_json::Value| -> Vec<f64> {
        let numbers = value.as_array().unwrap().iter();
        numbers.map(|x| x.as_f64().unwrap()).collect()
    };
    let values = numbers(&file["matrix"]["data"]);
    let cases = file["nmf"].as_array().unwrap().iter();
    Golden {
        matrix: Matrix::new(values.iter().map(|x| *x as f32).collect(), 16),
        nmf: cases
            .map(|case| {
                let rank = case["rank"].as_u64().unwrap() as usize;
                (rank, case["error"].as_f64().unwrap())
            })
            .collect(),
        pca: numbers(&file["pca"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn random(rows: usize, columns: usize, seed: u64) -> Matrix {
        let mut rng = Rng::new(seed);
        Matrix::new((0..rows * columns).map(|_| rng.normal()).collect(), columns)
    }

    #[test]
    fn an_inner_product_counts_what_is_left_of_the_lanes() {
        let ones: Vec<f32> = (1..=11).map(|x| x as f32).collect();
        assert_eq!(dot(&ones, &ones), 506.0);
    }

    #[test]
    fn products_by_hand() {
        let matrix = Matrix::new(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2);
        assert_eq!(
            matrix.row_products().values,
            [5.0, 11.0, 17.0, 11.0, 25.0, 39.0, 17.0, 39.0, 61.0]
        );
        assert_eq!(matrix.column_products().values, [35.0, 44.0, 44.0, 56.0]);
        assert_eq!(matrix.centred().values, [-2.0, -2.0, 0.0, 0.0, 2.0, 2.0]);
        assert_eq!(matrix.spread(), 16.0);
        assert_eq!(Matrix::new(vec![0.1; 30], 3).spread(), 0.0);
    }

    #[test]
    fn eigenvalues_by_hand() {
        let found = eigen(&Matrix::new(vec![2.0, 1.0, 1.0, 2.0], 2));
        assert!((found[0].value - 3.0).abs() < 1e-12 && (found[1].value - 1.0).abs() < 1e-12);
        let [x, y] = found[0].vector[..] else {
            panic!("{found:?}")
        };
        assert!((x - y).abs() < 1e-12 && (x * x + y * y - 1.0).abs() < 1e-12);
    }

    #[test]
    fn eigenvectors_are_orthonormal_and_put_the_matrix_together_again() {
        let matrix = random(12, 9, 1).column_products();
        let found = eigen(&matrix);
        for (place, one) in found.iter().enumerate() {
            for (other_place, other) in found.iter().enumerate() {
                let product: f64 = one
                    .vector
                    .iter()
                    .zip(&other.vector)
                    .map(|(x, y)| x * y)
                    .sum();
                let expected = f64::from(u8::from(place == other_place));
                assert!((product - expected).abs() < 1e-10);
            }
        }
        for row in 0..9 {
            for column in 0..9 {
                let again: f64 = found
                    .iter()
                    .map(|one| one.value * one.vector[row] * one.vector[column])
                    .sum();
                assert!((again - f64::from(matrix.row(row)[column])).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn points_on_a_line_have_one_component_along_it() {
        // (1, 0), (4, 4), (7, 8): steps of 5 along (3, 4) / 5.
        let found = principal(&Matrix::new(vec![1.0, 0.0, 4.0, 4.0, 7.0, 8.0], 2));
        assert_eq!(found.len(), 1);
        assert!((found[0].variance - 25.0).abs() < 1e-4, "{found:?}");
        let direction = &found[0].direction;
        assert!((direction[0] - 0.6).abs() < 1e-5 && (direction[1] - 0.8).abs() < 1e-5);
        assert!(principal(&Matrix::new(vec![3.0; 6], 2)).is_empty());
    }

    #[test]
    fn variances_are_those_of_scikit_learn() {
        let golden = golden();
        let found = principal(&golden.matrix);
        assert_eq!(found.len(), golden.pca.len());
        for (ours, theirs) in found.iter().zip(&golden.pca) {
            assert!((ours.variance - theirs).abs() < 1e-4 * theirs, "{theirs}");
        }
    }

    #[test]
    fn few_rows_have_the_same_components_whichever_product_they_come_from() {
        let wide = random(6, 10, 2);
        let padded = [wide.values.clone(), wide.values.clone()].concat();
        // The same points twice: more rows than columns, and so the other product.
        let tall = principal(&Matrix::new(padded, 10));
        let wide = principal(&wide);
        assert_eq!((tall.len(), wide.len()), (5, 5));
        for (one, other) in tall.iter().zip(&wide) {
            // 12 points less one and 6 points less one divide sums of which one is twice the other.
            assert!((one.variance * 11.0 / (other.variance * 5.0) - 2.0).abs() < 1e-3);
            assert!((dot(&one.direction, &other.direction) - 1.0).abs() < 1e-3);
        }
    }
}
