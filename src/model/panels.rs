//! Products of matrices in plain numbers, laid out for a processor's vector units.
//!
//! A matrix `[rows, columns]` is held by panels of eight columns, `[panel × row]` of eight numbers each; what
//! a last panel has beyond the matrix' own columns is 0 and stays so. Loops over whole panels need no bounds
//! to be checked, and their sums fit into registers: of small matrices this makes as much as the library's
//! kernels do of large ones. Each sum has one order, the same on every machine and in every browser.

/// Columns of a panel.
pub const LANES: usize = 8;
/// One row of a panel.
pub type Lanes = [f32; LANES];
/// Rows that are worked on at once: a matrix' rows are a multiple of it.
pub const ROWS: usize = 4;

/// How many panels hold `columns`.
pub fn num_panels(columns: usize) -> usize {
    columns.div_ceil(LANES)
}

/// Does `work`, all of whose loops are inlined, with the widest vectors that the processor has. Natively
/// that is found out as it runs; in a browser there is one width.
#[cfg(not(target_arch = "wasm32"))]
pub fn vectorised<T>(work: impl FnOnce() -> T) -> T {
    macerator::AutoArch::new().dispatch(work)
}

/// Does `work`, all of whose loops are inlined, with the widest vectors that the processor has. Natively
/// that is found out as it runs; in a browser there is one width.
#[cfg(target_arch = "wasm32")]
pub fn vectorised<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(always)]
fn add_scaled(sum: &mut Lanes, scale: f32, lanes: &Lanes) {
    for (sum, x) in sum.iter_mut().zip(lanes) {
        *sum += scale * x;
    }
}

/// `out += a · b`: `[rows, inner]` by `[inner, columns]`.
pub fn add_product(rows: usize, inner: usize, a: &[Lanes], b: &[Lanes], out: &mut [Lanes]) {
    vectorised(
        #[inline(always)]
        || {
            for (b, out) in b.chunks_exact(inner).zip(out.chunks_exact_mut(rows)) {
                let out = out.as_chunks_mut::<ROWS>().0;
                for (place, out) in out.iter_mut().enumerate() {
                    add_rows(a, rows, place, b, out);
                }
            }
        },
    );
}

/// For the rows of `a` from `place · ROWS` on and a panel of `b`.
#[inline(always)]
fn add_rows(a: &[Lanes], rows: usize, place: usize, b: &[Lanes], out: &mut [Lanes; ROWS]) {
    let mut sums = *out;
    let (whole, rest) = b.as_chunks::<LANES>();
    let mut panels = a
        .chunks_exact(rows)
        .map(|a| &a.as_chunks::<ROWS>().0[place]);
    for (b, a) in whole.iter().zip(&mut panels) {
        for (k, b) in b.iter().enumerate() {
            for (sum, a) in sums.iter_mut().zip(a) {
                add_scaled(sum, a[k], b);
            }
        }
    }
    for a in panels {
        for (k, b) in rest.iter().enumerate() {
            for (sum, a) in sums.iter_mut().zip(a) {
                add_scaled(sum, a[k], b);
            }
        }
    }
    *out = sums;
}

/// `out += aᵀ · b`: the transpose of `[rows, inner]` by `[rows, columns]`; `out` is `[inner, columns]`.
pub fn add_transposed_product(
    rows: usize,
    inner: usize,
    a: &[Lanes],
    b: &[Lanes],
    out: &mut [Lanes],
) {
    vectorised(
        #[inline(always)]
        || {
            for (b, out) in b.chunks_exact(rows).zip(out.chunks_exact_mut(inner)) {
                for (a, out) in a.chunks_exact(rows).zip(out.chunks_mut(LANES)) {
                    let (first, second) = out.split_at_mut(ROWS.min(out.len()));
                    add_columns::<0>(a, b, first);
                    if !second.is_empty() {
                        add_columns::<ROWS>(a, b, second);
                    }
                }
            }
        },
    );
}

/// For `ROWS` columns of `a` from `START` on, or as many as `out` has.
#[inline(always)]
fn add_columns<const START: usize>(a: &[Lanes], b: &[Lanes], out: &mut [Lanes]) {
    let mut sums = [[0.0; LANES]; ROWS];
    for (a, b) in a.iter().zip(b) {
        for (k, sum) in sums.iter_mut().enumerate() {
            add_scaled(sum, a[START + k], b);
        }
    }
    for (out, sum) in out.iter_mut().zip(&sums) {
        add_scaled(out, 1.0, sum);
    }
}

/// Adds the sum of `[rows, columns]` over its rows to `out` `[columns]`.
pub fn add_column_sums(rows: usize, a: &[Lanes], out: &mut [Lanes]) {
    for (a, out) in a.chunks_exact(rows).zip(out) {
        for lanes in a {
            add_scaled(out, 1.0, lanes);
        }
    }
}

/// Sets each row of `out` `[rows, columns]` to `row` `[columns]`.
pub fn repeat(rows: usize, row: &[Lanes], out: &mut Vec<Lanes>) {
    out.clear();
    for lanes in row {
        out.extend(std::iter::repeat_n(*lanes, rows));
    }
}

/// The transpose of `a` `[rows, columns]`.
pub fn transpose(rows: usize, columns: usize, a: &[Lanes]) -> Vec<Lanes> {
    let mut out = vec![[0.0; LANES]; num_panels(rows) * columns]; // [columns, rows]
    for (first, a) in (0..columns).step_by(LANES).zip(a.chunks_exact(rows)) {
        for (row, lanes) in a.iter().enumerate() {
            let panel = &mut out[row / LANES * columns..][..columns];
            for (out, &x) in panel[first..].iter_mut().zip(lanes) {
                out[row % LANES] = x;
            }
        }
    }
    out
}

/// The numbers of a matrix' `row` of `rows`, and zeros up to the end of its last panel.
pub fn row_of(rows: usize, row: usize, a: &[Lanes]) -> impl Iterator<Item = f32> {
    a.iter().skip(row).step_by(rows).flatten().copied()
}

/// Puts `numbers` into a matrix' `row` of `rows`.
pub fn put_row(rows: usize, row: usize, numbers: &[f32], a: &mut [Lanes]) {
    for (lanes, numbers) in a
        .iter_mut()
        .skip(row)
        .step_by(rows)
        .zip(numbers.chunks(LANES))
    {
        lanes[..numbers.len()].copy_from_slice(numbers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A matrix of small whole numbers, whose products are exact.
    fn matrix(rows: usize, columns: usize, seed: usize) -> (Vec<f32>, Vec<Lanes>) {
        let numbers: Vec<f32> = (0..rows * columns)
            .map(|index| ((index * 7 + seed) % 11) as f32 - 5.0)
            .collect();
        let mut panels = vec![[0.0; LANES]; num_panels(columns) * rows];
        for (row, numbers) in numbers.chunks_exact(columns).enumerate() {
            put_row(rows, row, numbers, &mut panels);
        }
        (numbers, panels)
    }

    fn rows_of(rows: usize, columns: usize, panels: &[Lanes]) -> Vec<f32> {
        let row = |row| {
            let mut row = row_of(rows, row, panels);
            let numbers: Vec<f32> = row.by_ref().take(columns).collect();
            assert!(row.all(|x| x == 0.0), "beyond the columns");
            numbers
        };
        (0..rows).flat_map(row).collect()
    }

    #[test]
    fn products_are_what_their_definition_says() {
        for (rows, inner, columns) in [(4, 1, 1), (8, 8, 8), (12, 21, 9), (4, 6, 17), (16, 13, 2)] {
            let (a, a_panels) = matrix(rows, inner, 1);
            let (b, b_panels) = matrix(inner, columns, 2);
            let (c, mut c_panels) = matrix(rows, columns, 3);
            add_product(rows, inner, &a_panels, &b_panels, &mut c_panels);
            let found = rows_of(rows, columns, &c_panels);
            for (index, &found) in found.iter().enumerate() {
                let (row, column) = (index / columns, index % columns);
                let terms = (0..inner).map(|k| a[row * inner + k] * b[k * columns + column]);
                assert_eq!(found, c[index] + terms.sum::<f32>());
            }
            // aᵀ c is the product of the transpose.
            let (d, mut d_panels) = matrix(inner, columns, 4);
            let (c, c_panels) = matrix(rows, columns, 3);
            add_transposed_product(rows, inner, &a_panels, &c_panels, &mut d_panels);
            let found = rows_of(inner, columns, &d_panels);
            for (index, &found) in found.iter().enumerate() {
                let (row, column) = (index / columns, index % columns);
                let terms = (0..rows).map(|k| a[k * inner + row] * c[k * columns + column]);
                assert_eq!(found, d[index] + terms.sum::<f32>());
            }
        }
    }

    #[test]
    fn transposing_and_summing_columns_by_hand() {
        let mut panels = vec![[0.0; LANES]; 2];
        put_row(2, 0, &[1.0, 2.0, 3.0], &mut panels);
        put_row(2, 1, &[4.0, 5.0, 6.0], &mut panels);
        let transposed = transpose(2, 3, &panels);
        assert_eq!(rows_of(3, 2, &transposed), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        let mut sums = vec![[10.0; LANES]];
        add_column_sums(2, &panels, &mut sums);
        assert_eq!(sums[0][..4], [15.0, 17.0, 19.0, 10.0]);
    }
}
