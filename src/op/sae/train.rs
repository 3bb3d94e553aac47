//! The autoencoder and its training, on host slices: few features are active in a state, so most of the
//! work of a dense library would be products with zero.

use crate::{
    op::linear::{Matrix, add_scaled, dot},
    rng::Rng,
};

/// How features are kept few.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sparsity {
    /// The so many largest are kept (Gao et al. 2024, arXiv:2406.04093).
    TopK(usize),
    /// Each has a threshold of its own, and the number that is active costs so much (Rajamanoharan et al.
    /// 2024, arXiv:2407.14435).
    JumpRelu(f32),
}

/// Weights of a sparse autoencoder: `x ≈ centre + Σ z_f · decoder_f`, where `z` is the sparse part of
/// `encoder · (x − centre) + bias`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sae {
    pub sparsity: Sparsity,
    /// `[feature × unit]`.
    pub encoder: Vec<f32>,
    /// `[feature]`.
    pub bias: Vec<f32>,
    /// `[feature × unit]`, each row of length 1.
    pub decoder: Vec<f32>,
    /// `[unit]`.
    pub centre: Vec<f32>,
    /// Logarithms of the thresholds, `[feature]`.
    pub log_threshold: Vec<f32>,
}

/// First threshold of a feature.
const FIRST_THRESHOLD: f32 = 0.01;
/// Width of the window in which a threshold has a gradient.
const BANDWIDTH: f32 = 0.05;

impl Sae {
    /// Random directions, the encoder tied to them and scaled so that what is decoded is as long as the data.
    pub fn new(data: &Matrix, num_features: usize, sparsity: Sparsity, rng: &mut Rng) -> Self {
        let width = data.columns;
        let mut decoder: Vec<f32> = (0..num_features * width).map(|_| rng.normal()).collect();
        decoder.chunks_exact_mut(width).for_each(normalise);
        let mut sae = Self {
            sparsity,
            encoder: decoder.clone(),
            bias: vec![0.0; num_features],
            decoder,
            centre: geometric_median(data),
            log_threshold: vec![FIRST_THRESHOLD.ln(); num_features],
        };
        let (mut asked, mut decoded) = (0.0, 0.0);
        for row in data.each_row() {
            let apart = |other: &[f32]| -> f32 {
                let pairs = other.iter().zip(&sae.centre);
                pairs.map(|(x, c)| (x - c).powi(2)).sum::<f32>().sqrt()
            };
            asked += apart(row);
            decoded += apart(&sae.decode(&sae.code(row)));
        }
        if decoded > 0.0 {
            let scale = asked / decoded;
            sae.encoder.iter_mut().for_each(|weight| *weight *= scale);
        }
        sae
    }

    pub fn num_features(&self) -> usize {
        self.bias.len()
    }

    fn width(&self) -> usize {
        self.centre.len()
    }

    fn row<'a>(&self, all: &'a [f32], feature: usize) -> &'a [f32] {
        &all[feature * self.width()..(feature + 1) * self.width()]
    }

    fn threshold(&self, feature: usize) -> f32 {
        self.log_threshold[feature].exp()
    }

    /// What features answer before they are made few, for `x` less the centre.
    fn answers(&self, centred: &[f32]) -> Vec<f32> {
        let answer = |(row, bias): (&[f32], &f32)| dot(row, centred) + bias;
        let rows = self.encoder.chunks_exact(self.width());
        rows.zip(&self.bias).map(answer).collect()
    }

    fn centred(&self, x: &[f32]) -> Vec<f32> {
        x.iter().zip(&self.centre).map(|(x, c)| x - c).collect()
    }

    /// The active features and how strong they are, by feature.
    pub fn code(&self, x: &[f32]) -> Vec<(usize, f32)> {
        self.active(&self.answers(&self.centred(x)))
    }

    fn active(&self, answers: &[f32]) -> Vec<(usize, f32)> {
        match self.sparsity {
            Sparsity::TopK(most) => largest(answers, most, |_| true),
            Sparsity::JumpRelu(_) => {
                let pairs = answers.iter().copied().enumerate();
                pairs
                    .filter(|&(feature, answer)| answer > self.threshold(feature))
                    .collect()
            }
        }
    }

    /// What a code stands for.
    pub fn decode(&self, code: &[(usize, f32)]) -> Vec<f32> {
        let mut x = self.centre.clone();
        for &(feature, strength) in code {
            add_scaled(&mut x, strength, self.row(&self.decoder, feature));
        }
        x
    }
}

/// The `most` largest positive answers among features that `may` be active, by feature.
fn largest(answers: &[f32], most: usize, may: impl Fn(usize) -> bool) -> Vec<(usize, f32)> {
    let pairs = answers.iter().copied().enumerate();
    let mut positive: Vec<(usize, f32)> = pairs
        .filter(|&(feature, answer)| answer > 0.0 && may(feature))
        .collect();
    if positive.len() > most && most > 0 {
        positive.select_nth_unstable_by(most - 1, |one, other| {
            other.1.total_cmp(&one.1).then(one.0.cmp(&other.0))
        });
    }
    positive.truncate(most);
    positive.sort_unstable_by_key(|one| one.0);
    positive
}

fn normalise(row: &mut [f32]) {
    let length = dot(row, row).sqrt().max(f32::MIN_POSITIVE);
    row.iter_mut().for_each(|x| *x /= length);
}

/// The point from which the rows are least far on average (Weiszfeld 1937), from the mean in some steps.
pub fn geometric_median(data: &Matrix) -> Vec<f32> {
    let weighted = |weights: &dyn Fn(&[f32]) -> f32| {
        let (mut sum, mut total) = (vec![0.0; data.columns], 0.0);
        for row in data.each_row() {
            let weight = weights(row);
            add_scaled(&mut sum, weight, row);
            total += weight;
        }
        sum.iter_mut().for_each(|x| *x /= total);
        sum
    };
    let mut median = weighted(&|_| 1.0);
    for _ in 0..20 {
        let from = median.clone();
        median = weighted(&|row| {
            let square: f32 = row.iter().zip(&from).map(|(x, m)| (x - m).powi(2)).sum();
            square.sqrt().max(1e-6).recip()
        });
    }
    median
}

/// What a step saw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// Squared error as a share of the data's variance.
    pub error: f32,
    /// All that is trained on.
    pub loss: f32,
    /// Active features of a row, on average.
    pub active: f32,
    /// Features that have not been active for a while.
    pub dead: usize,
}

/// How far a step goes.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Adam's rate.
    pub rate: f32,
    /// What an active feature costs now, as a share of its whole cost.
    pub warm: f32,
}

/// Trains a [`Sae`] with Adam.
pub struct Trainer {
    pub sae: Sae,
    /// Squared distance of a row from the mean, on average over the data.
    variance: f32,
    moments: [Moments; 5],
    time: i32,
    /// Steps since each feature was active.
    idle: Vec<usize>,
}

/// Steps without activity after which a feature is dead.
pub const DEAD_AFTER: usize = 30;
/// Weight of the loss that revives dead features.
const REVIVAL: f32 = 1.0 / 32.0;
/// Thresholds learn so much faster: a run has hundreds of steps, and a threshold far to go.
const THRESHOLD_HASTE: f32 = 10.0;

/// Gradients of a step, as the weights are laid out.
struct Gradient {
    encoder: Vec<f32>,
    bias: Vec<f32>,
    decoder: Vec<f32>,
    centre: Vec<f32>,
    log_threshold: Vec<f32>,
}

impl Gradient {
    fn zero(sae: &Sae) -> Self {
        Self {
            encoder: vec![0.0; sae.encoder.len()],
            bias: vec![0.0; sae.bias.len()],
            decoder: vec![0.0; sae.decoder.len()],
            centre: vec![0.0; sae.centre.len()],
            log_threshold: vec![0.0; sae.log_threshold.len()],
        }
    }

    /// A feature's `strength` adds to a sum whose gradient is `by_sum`, and has come from `centred`.
    fn through(
        &mut self,
        sae: &Sae,
        (feature, strength): (usize, f32),
        by_sum: &[f32],
        centred: &[f32],
    ) {
        let width = sae.width();
        let place = feature * width..(feature + 1) * width;
        let by_strength = dot(by_sum, sae.row(&sae.decoder, feature));
        add_scaled(&mut self.decoder[place.clone()], strength, by_sum);
        add_scaled(&mut self.encoder[place], by_strength, centred);
        self.bias[feature] += by_strength;
        add_scaled(
            &mut self.centre,
            -by_strength,
            sae.row(&sae.encoder, feature),
        );
    }
}

impl Trainer {
    /// `variance` is the squared distance of a row of the data from their mean, on average.
    pub fn new(sae: Sae, variance: f32) -> Self {
        let moments = [
            sae.encoder.len(),
            sae.bias.len(),
            sae.decoder.len(),
            sae.centre.len(),
            sae.log_threshold.len(),
        ];
        Self {
            moments: moments.map(Moments::new),
            idle: vec![0; sae.num_features()],
            variance,
            time: 0,
            sae,
        }
    }

    /// One step on some rows.
    pub fn step(&mut self, batch: &[&[f32]], pace: Pace) -> Seen {
        let sae = &self.sae;
        let mut gradient = Gradient::zero(sae);
        let scale = 1.0 / (batch.len() as f32 * self.variance);
        let cost = match sae.sparsity {
            Sparsity::TopK(_) => 0.0,
            Sparsity::JumpRelu(cost) => cost * pace.warm / batch.len() as f32,
        };
        let (mut square, mut num_active) = (0.0, 0);
        let mut rows = Vec::with_capacity(batch.len());
        self.idle.iter_mut().for_each(|idle| *idle += 1);
        for x in batch {
            let centred = sae.centred(x);
            let answers = sae.answers(&centred);
            let code = sae.active(&answers);
            let decoded = sae.decode(&code);
            let error: Vec<f32> = decoded.iter().zip(*x).map(|(one, x)| one - x).collect();
            let by_sum: Vec<f32> = error.iter().map(|error| 2.0 * scale * error).collect();
            square += dot(&error, &error);
            num_active += code.len();
            for &part in &code {
                self.idle[part.0] = 0;
                gradient.through(sae, part, &by_sum, &centred);
            }
            add_scaled(&mut gradient.centre, 1.0, &by_sum);
            if cost > 0.0 {
                thresholds(sae, &answers, &by_sum, cost, &mut gradient.log_threshold);
            }
            rows.push((centred, answers, error));
        }
        let dead: Vec<bool> = self.idle.iter().map(|idle| *idle > DEAD_AFTER).collect();
        let revival = match sae.sparsity {
            Sparsity::TopK(_) if dead.contains(&true) => revive(sae, &rows, &dead, &mut gradient),
            _ => 0.0,
        };
        self.descend(gradient, pace.rate);
        Seen {
            error: square * scale,
            loss: square * scale + revival + cost * num_active as f32,
            active: num_active as f32 / batch.len() as f32,
            dead: dead.iter().filter(|dead| **dead).count(),
        }
    }

    /// Adam, along the sphere where the decoder's rows lie on it.
    fn descend(&mut self, mut gradient: Gradient, rate: f32) {
        let width = self.sae.width();
        let sae = &mut self.sae;
        let rows = gradient.decoder.chunks_exact_mut(width);
        for (by_row, row) in rows.zip(sae.decoder.chunks_exact(width)) {
            let along = dot(by_row, row);
            add_scaled(by_row, -along, row);
        }
        self.time += 1;
        let [encoder, bias, decoder, centre, threshold] = &mut self.moments;
        for (weights, gradient, moments, rate) in [
            (&mut sae.encoder, &gradient.encoder, encoder, rate),
            (&mut sae.bias, &gradient.bias, bias, rate),
            (&mut sae.decoder, &gradient.decoder, decoder, rate),
            (&mut sae.centre, &gradient.centre, centre, rate),
            (
                &mut sae.log_threshold,
                &gradient.log_threshold,
                threshold,
                THRESHOLD_HASTE * rate,
            ),
        ] {
            moments.step(weights, gradient, rate, self.time);
        }
        sae.decoder.chunks_exact_mut(width).for_each(normalise);
    }
}

/// The straight-through gradient of thresholds: a step's is a rectangle of [`BANDWIDTH`] about it.
fn thresholds(sae: &Sae, answers: &[f32], by_sum: &[f32], cost: f32, gradient: &mut [f32]) {
    for (feature, answer) in answers.iter().enumerate() {
        let threshold = sae.threshold(feature);
        if (answer - threshold).abs() < BANDWIDTH / 2.0 {
            let by_strength = dot(by_sum, sae.row(&sae.decoder, feature));
            let by_threshold = -(threshold * by_strength + cost) / BANDWIDTH;
            gradient[feature] += threshold * by_threshold;
        }
    }
}

/// Dead features learn to make what the living ones leave over. Returns the loss.
fn revive(
    sae: &Sae,
    rows: &[(Vec<f32>, Vec<f32>, Vec<f32>)],
    dead: &[bool],
    gradient: &mut Gradient,
) -> f32 {
    let width = sae.width();
    let mut mean = vec![0.0; width];
    for (_, _, error) in rows {
        add_scaled(&mut mean, 1.0 / rows.len() as f32, error);
    }
    let apart = |error: &[f32]| -> f32 {
        let pairs = error.iter().zip(&mean);
        pairs.map(|(x, m)| (x - m).powi(2)).sum()
    };
    let spread: f32 = rows.iter().map(|(_, _, error)| apart(error)).sum();
    if spread <= 0.0 {
        return 0.0;
    }
    let mut square = 0.0;
    for (centred, answers, error) in rows {
        let code = largest(answers, (width / 2).max(1), |feature| dead[feature]);
        // What is left over is the error with its sign turned.
        let mut left = error.clone();
        for &(feature, strength) in &code {
            add_scaled(&mut left, strength, sae.row(&sae.decoder, feature));
        }
        square += dot(&left, &left);
        let by_sum: Vec<f32> = left.iter().map(|x| 2.0 * REVIVAL / spread * x).collect();
        for part in code {
            gradient.through(sae, part, &by_sum, centred);
        }
    }
    REVIVAL * square / spread
}

/// Adam's moments of some weights.
struct Moments {
    first: Vec<f32>,
    second: Vec<f32>,
}

impl Moments {
    fn new(len: usize) -> Self {
        Self {
            first: vec![0.0; len],
            second: vec![0.0; len],
        }
    }

    fn step(&mut self, weights: &mut [f32], gradient: &[f32], rate: f32, time: i32) {
        let rate = rate / (1.0 - 0.9_f32.powi(time));
        let root = (1.0 - 0.999_f32.powi(time)).sqrt();
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((weight, gradient), (first, second)) in weights.iter_mut().zip(gradient).zip(moments) {
            *first = 0.9 * *first + 0.1 * gradient;
            *second = 0.999 * *second + 0.001 * gradient * gradient;
            *weight -= rate * *first / (second.sqrt() / root + 1e-8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn numbers(value: &Value) -> Vec<f32> {
        let numbers = value.as_array().unwrap().iter();
        numbers.map(|x| x.as_f64().unwrap() as f32).collect()
    }

    /// The loss curves that PyTorch has from the same weights and batches (`tests/golden/sae.py`).
    #[test]
    fn loss_curves_are_those_of_pytorch() {
        let file: Value =
            serde_json::from_str(include_str!("../../../tests/golden/sae.json")).unwrap();
        let setting = |name: &str| file["settings"][name].as_f64().unwrap() as f32;
        let data = Matrix::new(numbers(&file["data"]), setting("units") as usize);
        let first = |name: &str| numbers(&file["first"][name]);
        let batch = setting("batch") as usize;
        for (variant, sparsity) in [
            ("top_k", Sparsity::TopK(setting("active") as usize)),
            ("jump_relu", Sparsity::JumpRelu(setting("cost"))),
        ] {
            let sae = Sae {
                sparsity,
                encoder: first("encoder"),
                bias: first("bias"),
                decoder: first("decoder"),
                centre: first("centre"),
                log_threshold: first("log_threshold"),
            };
            let variance = (data.spread() / data.rows as f64) as f32;
            let mut trainer = Trainer::new(sae, variance);
            let golden = &file[variant];
            let [errors, losses, active] =
                ["errors", "losses", "active"].map(|name| numbers(&golden[name]));
            for (step, loss) in losses.iter().enumerate() {
                let rows: Vec<&[f32]> = (0..batch)
                    .map(|row| data.row((step * batch + row) % data.rows))
                    .collect();
                let pace = Pace {
                    rate: setting("rate"),
                    warm: (step as f32 / 20.0).min(1.0),
                };
                let seen = trainer.step(&rows, pace);
                let what = format!("{variant}, step {step}: {seen:?}, golden {loss}");
                assert!(
                    (seen.error - errors[step]).abs() < 0.05 * errors[step],
                    "{what}"
                );
                assert!((seen.loss - loss).abs() < 0.05 * loss, "{what}");
                assert!((seen.active - active[step]).abs() < 0.25, "{what}");
            }
        }
    }

    /// Sums of few of 24 known directions in 16 dimensions, and the directions.
    fn dictionary(rng: &mut Rng) -> (Matrix, Matrix) {
        let mut directions: Vec<f32> = (0..24 * 16).map(|_| rng.normal()).collect();
        directions.chunks_exact_mut(16).for_each(normalise);
        let directions = Matrix::new(directions, 16);
        let mut rows = Vec::new();
        for _ in 0..2000 {
            let mut row = vec![0.0; 16];
            for _ in 0..2 {
                let strength = 3.0 * (1.0 + rng.uniform());
                add_scaled(&mut row, strength, directions.row(rng.below(24)));
            }
            rows.extend(row);
        }
        (Matrix::new(rows, 16), directions)
    }

    /// For each known direction the largest cosine with a learned one, on average.
    fn found(sae: &Sae, directions: &Matrix) -> f32 {
        let best = |known: &[f32]| {
            let learned = sae.decoder.chunks_exact(16);
            learned.map(|row| dot(row, known)).fold(-1.0, f32::max)
        };
        directions.each_row().map(best).sum::<f32>() / directions.rows as f32
    }

    #[test]
    fn a_known_dictionary_is_recovered() {
        // Measured: 0.99 and 0.87; random directions 0.54.
        for (sparsity, least) in [(Sparsity::TopK(2), 0.95), (Sparsity::JumpRelu(0.05), 0.8)] {
            let mut rng = Rng::new(5);
            let (data, directions) = dictionary(&mut rng);
            let first = Sae::new(&data, 48, sparsity, &mut rng);
            let variance = (data.spread() / data.rows as f64) as f32;
            let random = found(&first, &directions);
            let mut trainer = Trainer::new(first, variance);
            for step in 0..1500 {
                let rows: Vec<&[f32]> = (0..64).map(|_| data.row(rng.below(data.rows))).collect();
                let pace = Pace {
                    rate: 0.01 * (5.0 * (1.0 - step as f32 / 1500.0)).min(1.0),
                    warm: (step as f32 / 300.0).min(1.0),
                };
                trainer.step(&rows, pace);
            }
            let learned = found(&trainer.sae, &directions);
            assert!(learned > least, "{sparsity:?}: {learned}");
            assert!(random < 0.6, "{sparsity:?}: {random}");
        }
    }

    #[test]
    fn the_decoder_stays_on_the_sphere_and_top_k_at_k() {
        let mut rng = Rng::new(1);
        let (data, _) = dictionary(&mut rng);
        let sae = Sae::new(&data, 32, Sparsity::TopK(3), &mut rng);
        let mut trainer = Trainer::new(sae, 10.0);
        for _ in 0..20 {
            let rows: Vec<&[f32]> = (0..32).map(|_| data.row(rng.below(data.rows))).collect();
            let pace = Pace {
                rate: 0.01,
                warm: 1.0,
            };
            assert!(trainer.step(&rows, pace).active <= 3.0);
        }
        for row in trainer.sae.decoder.chunks_exact(16) {
            assert!((dot(row, row) - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn the_largest_are_kept_by_feature() {
        let kept = largest(&[0.5, -1.0, 2.0, 1.0], 2, |_| true);
        assert_eq!(kept, [(2, 2.0), (3, 1.0)]);
        assert_eq!(largest(&[0.5, 1.0], 2, |feature| feature == 0), [(0, 0.5)]);
    }

    #[test]
    fn one_row_far_away_moves_the_mean_and_not_the_median() {
        let median = geometric_median(&Matrix::new(vec![0.0, 1.0, 2.0, 1.0, 1.0, 96.0], 1));
        assert!((median[0] - 1.0).abs() < 0.05, "{median:?}");
    }
}
