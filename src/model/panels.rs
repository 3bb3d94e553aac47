//! Products of matrices in plain numbers, laid out for a processor's vector units.
//!
//! A matrix `[rows, columns]` is held by panels of eight columns, `[panel × row]` of eight numbers each; what
//! a last panel has beyond the matrix' own columns is 0 and stays so. Loops over whole panels need no bounds
//! to be checked, and their sums fit into registers: of small matrices this makes as much as the library's
//! kernels do of large ones. Each sum has one order, the same on every machine.

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

#[inline(always)]
fn add_scaled(sum: &mut Lanes, scale: f32, lanes: &Lanes) {
    for (sum, x) in sum.iter_mut().zip(lanes) {
        *sum += scale * x;
    }
}

/// `out += a · b`: `[rows, inner]` by `[inner, columns]`.
pub fn add_product(rows: usize, inner: usize, a: &[Lanes], b: &[Lanes], out: &mut [Lanes]) {
    for (b, out) in b.chunks_exact(inner).zip(out.chunks_exact_mut(rows)) {
        let (whole, rest) = b.as_chunks::<LANES>();
        for (place, out) in out.as_chunks_mut::<ROWS>().0.iter_mut().enumerate() {
            let mut sums = *out;
            let blocks = a
                .chunks_exact(rows)
                .map(|a| &a.as_chunks::<ROWS>().0[place]);
            for (a, b) in blocks.clone().zip(whole) {
                for (k, b) in b.iter().enumerate() {
                    for (sum, a) in sums.iter_mut().zip(a) {
                        add_scaled(sum, a[k], b);
                    }
                }
            }
            for a in blocks.skip(whole.len()) {
                for (k, b) in rest.iter().enumerate() {
                    for (sum, a) in sums.iter_mut().zip(a) {
                        add_scaled(sum, a[k], b);
                    }
                }
            }
            *out = sums;
        }
    }
}

/// `out += aᵀ · b`: the transpose of `[rows, inner]` by `[rows, columns]`; `out` is `[inner, columns]`.
pub fn add_transposed_product(
    rows: usize,
    inner: usize,
    a: &[Lanes],
    b: &[Lanes],
    out: &mut [Lanes],
) {
    for (b, out) in b.chunks_exact(rows).zip(out.chunks_exact_mut(inner)) {
        for (a, out) in a.chunks_exact(rows).zip(out.chunks_mut(LANES)) {
            let (first, second) = out.split_at_mut(ROWS.min(out.len()));
            add_outer::<0>(a, b, first);
            if !second.is_empty() {
                add_outer::<ROWS>(a, b, second);
            }
        }
    }
}

/// For `ROWS` columns of `a` from `START` on, or as many as `out` has.
#[inline(always)]
fn add_outer<const START: usize>(a: &[Lanes], b: &[Lanes], out: &mut [Lanes]) {
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
