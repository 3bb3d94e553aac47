//! Curves over how many parts are taken, the strongest first, and what is read off them.

use super::{figure::Series, value_map::correlation};

/// What counts as the whole answer, nearly.
pub(super) const ENOUGH: f32 = 0.9;
/// Points of a curve at most.
const NUM_POINTS: usize = 128;

/// Places of `scores`, the highest first; of equals the first.
pub(super) fn ranked(scores: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order
}

/// Sizes from none to all: every one, or evenly spread where there are many.
pub(super) fn sizes(total: usize) -> Vec<usize> {
    let points = total.min(NUM_POINTS);
    (0..=points)
        .map(|point| point * total / points.max(1))
        .collect()
}

/// Sizes from none to all: each of the first, then in steps that grow.
pub(super) fn growing(total: usize) -> Vec<usize> {
    const EACH: usize = 8;
    let mut sizes = vec![0];
    while let Some(&last) = sizes.last().filter(|&&last| last < total) {
        let step = (last / EACH).max(1);
        sizes.push((last + step).min(total));
    }
    sizes
}

/// The first size whose share is enough.
pub(super) fn first_reaching(curve: &[f32], sizes: &[usize]) -> Option<usize> {
    let place = curve.iter().position(|&share| share >= ENOUGH)?;
    sizes.get(place).copied()
}

/// `values` against `sizes`, as a line of a figure.
pub(super) fn series(name: &str, sizes: &[usize], values: &[f32], control: bool) -> Series {
    let points = sizes.iter().zip(values);
    Series {
        name: name.into(),
        points: points.map(|(&size, &value)| (size as f32, value)).collect(),
        control,
    }
}

/// The mean of rows of equal length, element by element.
pub(super) fn mean_rows<'a>(rows: impl Iterator<Item = &'a Vec<f32>>) -> Vec<f32> {
    let (mut sum, mut count) = (Vec::new(), 0.0);
    for row in rows {
        sum.resize(row.len(), 0.0);
        sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        count += 1.0;
    }
    sum.into_iter().map(|sum: f32| sum / count).collect()
}

/// Mean and standard deviation; zeros of nothing.
pub(super) fn mean_and_spread(values: &[f32]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
    let squares = values.iter().map(|&x| (f64::from(x) - mean).powi(2));
    (mean, (squares.sum::<f64>() / count).sqrt())
}

/// Spearman's rank correlation; equal values share the mean of their ranks.
pub(super) fn rank_correlation(one: &[f32], other: &[f32]) -> f32 {
    correlation(&ranks(one), &ranks(other))
}

fn ranks(values: &[f32]) -> Vec<f32> {
    let order = ranked(values);
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let value = values[order[start]];
        let equal = order[start..]
            .iter()
            .take_while(|&&place| values[place] == value)
            .count();
        let rank = start as f32 + (equal - 1) as f32 / 2.0;
        order[start..start + equal]
            .iter()
            .for_each(|&place| ranks[place] = rank);
        start += equal;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_run_from_none_to_all() {
        assert_eq!(sizes(0), [0]);
        assert_eq!(sizes(3), [0, 1, 2, 3]);
        let many = sizes(1000);
        assert_eq!((many.len(), many[0], many[128]), (129, 0, 1000));
        assert!(many.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn growing_sizes_run_from_none_to_all() {
        assert_eq!(growing(0), [0]);
        assert_eq!(growing(3), [0, 1, 2, 3]);
        let many = growing(100);
        assert_eq!(many[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(many.last(), Some(&100));
        assert!(many.len() < 40 && many.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn parts_are_ranked_and_counted_by_hand() {
        assert_eq!(ranked(&[0.1, 0.5, -0.2]), [1, 0, 2]);
        assert_eq!(
            first_reaching(&[0.0, 0.5, 0.95, 0.8], &[0, 2, 4, 6]),
            Some(4)
        );
        assert_eq!(first_reaching(&[0.0, 0.5], &[0, 1]), None);
        assert_eq!(
            mean_rows([vec![1.0, 2.0], vec![3.0, 6.0]].iter()),
            [2.0, 4.0]
        );
        assert_eq!(mean_and_spread(&[1.0, 3.0]), (2.0, 1.0));
    }

    #[test]
    fn ranks_of_equal_values_are_shared() {
        assert_eq!(ranks(&[5.0, 1.0, 5.0, 9.0]), [1.5, 3.0, 1.5, 0.0]);
        assert!((rank_correlation(&[1.0, 2.0, 30.0], &[0.1, 0.2, 0.3]) - 1.0).abs() < 1e-6);
        // Ranks 0 1 2 and 0 2 1: half.
        assert!((rank_correlation(&[3.0, 2.0, 1.0], &[3.0, 1.0, 2.0]) - 0.5).abs() < 1e-6);
    }
}
