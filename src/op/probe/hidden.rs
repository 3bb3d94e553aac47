//! A probe with one hidden layer of ReLU units, trained on the whole batch at once by Adam (Kingma & Ba
//! 2015): what it reads and a linear one does not is there, but not as a direction.

use super::fit::{BREATH, Design, Target, add, dot};
use crate::{error::Result, op::Watch, rng::Rng};

/// Hidden units: few, so that the probe finds a concept and does not compute it.
const UNITS: usize = 8;
const RATE: f32 = 0.03;
/// Decay of the gradients' means and of their squares'.
const DECAYS: [f32; 2] = [0.9, 0.999];

/// The probe: for each hidden unit its weights and bias, then the answer's weights and bias.
#[derive(Debug, Clone, PartialEq)]
pub struct Hidden {
    parameters: Vec<f32>,
    width: usize,
}

impl Hidden {
    /// Trains on weighted rows, for `num_steps`; `penalty`/2 · |w|² is added to their loss. `rng` draws the
    /// first weights. Errors: `Cancelled`.
    pub async fn fit(
        design: &Design,
        target: &Target,
        (penalty, num_steps): (f32, usize),
        rng: &mut Rng,
        watch: &dyn Watch,
    ) -> Result<Self> {
        let mut probe = Self::drawn(design.width, rng);
        let count = probe.parameters.len();
        let (mut means, mut squares) = (vec![0.0; count], vec![0.0; count]);
        for step in 1..=num_steps {
            if step % BREATH == 0 {
                watch.step(step, num_steps).await?;
            }
            let gradient = probe.gradient(design, target, penalty);
            let [one, two] = DECAYS.map(|decay| 1.0 - decay.powi(step as i32));
            for (index, slope) in gradient.into_iter().enumerate() {
                means[index] += (1.0 - DECAYS[0]) * (slope - means[index]);
                squares[index] += (1.0 - DECAYS[1]) * (slope * slope - squares[index]);
                let deviation = (squares[index] / two).sqrt() + 1e-8;
                probe.parameters[index] -= RATE * means[index] / one / deviation;
            }
        }
        Ok(probe)
    }

    fn drawn(width: usize, rng: &mut Rng) -> Self {
        let mut parameters = Vec::with_capacity(UNITS * (width + 2) + 1);
        for _ in 0..UNITS {
            let deviation = (2.0 / width as f32).sqrt();
            parameters.extend((0..width).map(|_| deviation * rng.normal()));
            parameters.push(0.0);
        }
        let deviation = (1.0 / UNITS as f32).sqrt();
        parameters.extend((0..UNITS).map(|_| deviation * rng.normal()));
        parameters.push(0.0);
        Self { parameters, width }
    }

    /// Weights and bias of each unit, and those of the answer.
    fn layers(&self) -> (&[f32], &[f32]) {
        self.parameters.split_at(UNITS * (self.width + 1))
    }

    fn activations(&self, row: &[f32]) -> [f32; UNITS] {
        let (units, _) = self.layers();
        let mut activations = [0.0; UNITS];
        for (out, unit) in activations
            .iter_mut()
            .zip(units.chunks_exact(self.width + 1))
        {
            *out = (dot(&unit[..self.width], row) + unit[self.width]).max(0.0);
        }
        activations
    }

    /// The answer for every row.
    pub fn answers(&self, design: &Design) -> Vec<f32> {
        let (_, last) = self.layers();
        let rows = design.values.chunks_exact(self.width);
        rows.map(|row| Self::answer(last, &self.activations(row)))
            .collect()
    }

    fn answer(last: &[f32], activations: &[f32; UNITS]) -> f32 {
        dot(&last[..UNITS], activations) + last[UNITS]
    }

    fn gradient(&self, design: &Design, target: &Target, penalty: f32) -> Vec<f32> {
        let mut gradient = vec![0.0; self.parameters.len()];
        let (units, last) = self.layers();
        let rows = || design.values.chunks_exact(self.width);
        let activations: Vec<_> = rows().map(|row| self.activations(row)).collect();
        let answers = activations.iter().map(|row| Self::answer(last, row));
        let slopes = target.slopes(&answers.collect::<Vec<_>>());
        let (to_units, to_last) = gradient.split_at_mut(units.len());
        for ((row, activations), slope) in rows().zip(&activations).zip(slopes) {
            add(&mut to_last[..UNITS], slope, activations);
            to_last[UNITS] += slope;
            let to_units = to_units.chunks_exact_mut(self.width + 1);
            for (unit, (to_unit, active)) in to_units.zip(activations).enumerate() {
                if *active > 0.0 {
                    add(&mut to_unit[..self.width], slope * last[unit], row);
                    to_unit[self.width] += slope * last[unit];
                }
            }
        }
        let to_units = to_units.chunks_exact_mut(self.width + 1);
        for (to_unit, unit) in to_units.zip(units.chunks_exact(self.width + 1)) {
            add(&mut to_unit[..self.width], penalty, &unit[..self.width]);
        }
        add(&mut to_last[..UNITS], penalty, &last[..UNITS]);
        gradient
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::op::{
        Patient,
        probe::fit::{Loss, logistic},
    };
    use pollster::block_on;

    /// Points whose class is whether their two first coordinates have the same sign.
    fn exclusive_or(loss: Loss) -> (Design, Target) {
        let mut rng = Rng::new(2);
        let values: Vec<f32> = (0..200 * 3).map(|_| rng.normal()).collect();
        let classes = values
            .chunks_exact(3)
            .map(|row| (row[0] * row[1]).signum())
            .collect();
        let target = Target {
            values: classes,
            weights: vec![1.0 / 200.0; 200],
            loss,
        };
        (Design { values, width: 3 }, target)
    }

    fn share_right(answers: &[f32], classes: &[f32]) -> f32 {
        let right = answers.iter().zip(classes).filter(|(x, y)| *x * *y > 0.0);
        right.count() as f32 / classes.len() as f32
    }

    #[test]
    fn gradients_are_those_of_central_differences() {
        for loss in [Loss::Squares, Loss::Logistic] {
            let (design, target) = exclusive_or(loss);
            let probe = Hidden::drawn(3, &mut Rng::new(5));
            let penalty = 0.1;
            let cost = |index: usize, by: f32| -> f64 {
                let mut moved = probe.clone();
                moved.parameters[index] += by;
                let rows = moved.answers(&design);
                let costs = rows.iter().zip(&target.values).map(|(x, y)| match loss {
                    Loss::Squares => 0.5 * f64::from((x - y) * (x - y)) / 200.0,
                    Loss::Logistic => f64::from((-x * y).exp()).ln_1p() / 200.0,
                });
                let is_bias = |index: usize| match index < UNITS * 4 {
                    true => index % 4 == 3,
                    false => index == UNITS * 5,
                };
                let weights = moved.parameters.iter().enumerate();
                let squares = weights.filter(|(index, _)| !is_bias(*index));
                costs.sum::<f64>()
                    + squares
                        .map(|(_, x)| f64::from(penalty * x * x) / 2.0)
                        .sum::<f64>()
            };
            let gradient = probe.gradient(&design, &target, penalty);
            for (index, slope) in gradient.iter().enumerate() {
                let expected = (cost(index, 1e-3) - cost(index, -1e-3)) / 2e-3;
                assert!(
                    (f64::from(*slope) - expected).abs() < 2e-3,
                    "{loss:?} {index}: {slope}, not {expected}"
                );
            }
        }
    }

    #[test]
    fn it_reads_an_exclusive_or_that_no_direction_holds() {
        let (design, target) = exclusive_or(Loss::Logistic);
        let mut rng = Rng::new(0);
        let probe = Hidden::fit(&design, &target, (1e-3, 80), &mut rng, &Patient);
        let probe = block_on(probe).unwrap();
        let bent = share_right(&probe.answers(&design), &target.values);
        let straight = logistic(&design, &target, 1e-3);
        let straight = share_right(&design.times(&straight), &target.values);
        assert!(bent > 0.9 && straight < 0.65, "{bent}, {straight}");
    }
}
