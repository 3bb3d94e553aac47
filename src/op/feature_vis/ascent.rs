//! Gradient ascent on observations, within the range that was observed.

use super::{Effort, Found, Place, Target, is_near, summary};
use crate::{
    backend,
    env::Env,
    error::{Error, Result},
    model::{evaluator::observations, taps::Taps},
    op::{Subject, linear::dot, samples},
};
use burn::module::Module;

/// Length of the first step, where every element's range is 1; the last one is a tenth of it.
const FIRST_STEP: f32 = 0.2;

/// The range of each element, low and high, over observations `[state × width]`.
fn ranges(seen: &[f32], width: usize) -> Vec<(f32, f32)> {
    let column = |element: usize| seen.iter().skip(element).step_by(width);
    let range = |element| {
        column(element).fold((f32::MAX, f32::MIN), |(low, high), x| {
            (low.min(*x), high.max(*x))
        })
    };
    (0..width).map(range).collect()
}

/// Follows the gradient from each of `starts` for `steps` of falling length, within the range of `seen`;
/// steps are told as of `count`, those done before and the total.
pub(super) async fn search(
    subject: &Subject<'_>,
    target: Target<'_>,
    starts: &[Box<dyn Env>],
    seen: &[Box<dyn Env>],
    steps: usize,
    count: (usize, usize),
) -> Result<Found> {
    if starts.is_empty() {
        return Err(Error::not_applicable("there is no state to start from"));
    }
    let mut at = observations(starts);
    let width = at.len() / starts.len();
    let ranges = ranges(&observations(seen), width);
    for row in at.chunks_exact_mut(width) {
        let bounded = row.iter_mut().zip(&ranges);
        bounded.for_each(|(x, (low, high))| *x = x.clamp(*low, *high));
    }
    let (mut heights, mut slopes) = slopes(target, &at, width).await?;
    let mut best = (heights.clone(), at.clone());
    let mut curve = vec![summary(&heights)];
    for step in 0..steps {
        let length = FIRST_STEP * libm::powf(0.1, step as f32 / steps as f32);
        for (row, slope) in at.chunks_exact_mut(width).zip(slopes.chunks_exact(width)) {
            ascend(row, slope, &ranges, length);
        }
        (heights, slopes) = self::slopes(target, &at, width).await?;
        for (place, height) in heights.iter().enumerate() {
            if *height > best.0[place] {
                best.0[place] = *height;
                let own = place * width..(place + 1) * width;
                best.1[own.clone()].copy_from_slice(&at[own]);
            }
        }
        curve.push(summary(&best.0));
        subject.step(count.0 + step + 1, count.1).await?;
    }
    let top = samples::highest(&best.0);
    let reached = best.0.iter().filter(|end| is_near(**end, best.0[top]));
    Ok(Found {
        effort: Effort::Agreeing(reached.count(), best.0.len()),
        activation: best.0[top],
        place: Place::Observation(best.1[top * width..(top + 1) * width].to_vec()),
        curve,
    })
}

/// Moves `row` by `length` along its slope, where every element's range is 1, and back into the ranges.
///
/// What already stands at its bound and would cross it takes no part, so that the rest goes on.
fn ascend(row: &mut [f32], slope: &[f32], ranges: &[(f32, f32)], length: f32) {
    let free: Vec<f32> = row
        .iter()
        .zip(slope)
        .zip(ranges)
        .map(|((x, slope), (low, high))| {
            let blocked = (*slope > 0.0 && x >= high) || (*slope < 0.0 && x <= low);
            if blocked { 0.0 } else { slope * (high - low) }
        })
        .collect();
    let norm = dot(&free, &free).sqrt();
    if norm == 0.0 {
        return;
    }
    for ((x, slope), (low, high)) in row.iter_mut().zip(free).zip(ranges) {
        *x = (*x + length * slope / norm * (high - low)).clamp(*low, *high);
    }
}

/// The activation of each row of `at` `[start × width]`, and its gradient by the row.
async fn slopes(target: Target<'_>, at: &[f32], width: usize) -> Result<(Vec<f32>, Vec<f32>)> {
    let device = target.evaluator.device.clone().autodiff();
    let network = target.evaluator.network.clone().to_device(&device);
    let mut edits = target.evaluator.edits.clone();
    edits.iter_mut().for_each(|edit| edit.move_to(&device));
    let shape = [at.len() / width, width];
    let input = backend::tensor(at.to_vec(), shape, &device).require_grad(); // [start, observation]
    let mut taps = Taps::edit(edits).recording();
    network.forward(input.clone(), &mut taps);
    let missing = || Error::not_applicable("a site was not recorded");
    let rows = taps.get(&target.site.name).cloned().ok_or_else(missing)?; // [start, element]
    let cells = samples::cells(target.site);
    let heights = rows.narrow(1, target.unit * cells, cells).max_dim(1); // [start, 1]
    let gradients = heights.clone().sum().backward();
    let slopes = match input.grad(&gradients) {
        Some(slopes) => backend::read(slopes).await?,
        None => vec![0.0; at.len()],
    };
    Ok((backend::read(heights.inner()).await?, slopes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_measured_in_ranges_and_stays_within_them() {
        let ranges = ranges(&[0.0, -10.0, 1.0, 10.0], 2);
        assert_eq!(ranges, [(0.0, 1.0), (-10.0, 10.0)]);
        // Scaled slopes 3 and 4: three and four fifths of the step, times each range.
        let mut row = [0.2, 0.0];
        ascend(&mut row, &[3.0, 0.2], &ranges, 0.5);
        assert!(
            (row[0] - 0.5).abs() < 1e-6 && (row[1] - 8.0).abs() < 1e-5,
            "{row:?}"
        );
        ascend(&mut row, &[3.0, 0.2], &ranges, 5.0);
        assert_eq!(row, [1.0, 10.0]);
        // The first stands at its bound, so the whole step is the second's.
        ascend(&mut row, &[3.0, -0.2], &ranges, 0.25);
        assert_eq!(row, [1.0, 5.0]);
        ascend(&mut row, &[0.0, 0.0], &ranges, 1.0);
        assert_eq!(row, [1.0, 5.0]);
    }
}
