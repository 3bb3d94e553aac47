//! Faithfulness against size: what the strongest restore, and what random ones do.

use super::{Parameters, keep::Whole};
use crate::{
    error::Result,
    op::{
        Subject,
        curve::{ENOUGH, growing, mean_and_spread, mean_rows, series},
        figure::{Body, Figure, Number, Scale},
    },
    rng::Rng,
};

/// Faithfulness against size.
pub(super) struct Curve {
    sizes: Vec<usize>,
    ranked: Vec<f32>,
    mean: Vec<f32>,
    spread: Vec<f32>,
}

impl Curve {
    pub async fn new(
        subject: &Subject<'_>,
        parameters: &Parameters,
        whole: &Whole<'_>,
        rng: &mut Rng,
    ) -> Result<Self> {
        let sizes = growing(whole.candidates.len());
        let sets: Vec<Vec<bool>> = sizes.iter().map(|&size| whole.strongest(size)).collect();
        let ranked = whole.faithfulness(&sets).await?;
        let mut random = Vec::with_capacity(parameters.random_circuits);
        for draw in 0..parameters.random_circuits {
            let sets: Vec<Vec<bool>> = sets.iter().map(|keep| whole.random(keep, rng)).collect();
            random.push(whole.faithfulness(&sets).await?);
            let done = 40 * (draw + 1) / parameters.random_circuits;
            subject.step(done, 100).await?;
        }
        let mean = mean_rows(random.iter());
        let spread = (0..sizes.len()).map(|place| {
            let column: Vec<f32> = random.iter().map(|row| row[place]).collect();
            mean_and_spread(&column).1 as f32
        });
        Ok(Self {
            spread: spread.collect(),
            sizes,
            ranked,
            mean,
        })
    }

    /// The first size at which nearly all is restored; the last where none is enough.
    fn reached(&self, values: &[f32]) -> usize {
        let enough = |&share: &f32| (share - 1.0).abs() <= 1.0 - ENOUGH;
        let place = values.iter().position(enough);
        self.sizes[place.unwrap_or(self.sizes.len() - 1)]
    }

    /// How many to keep by scores: `wanted` of them, or where that is 0 as few as are enough.
    pub fn size(&self, wanted: usize) -> usize {
        match wanted {
            0 => self.reached(&self.ranked),
            size => size,
        }
    }

    pub fn figure(&self, whole: &Whole<'_>, keep: &[bool]) -> Figure {
        let spread = |sign: f32| -> Vec<f32> {
            let pairs = self.mean.iter().zip(&self.spread);
            pairs.map(|(mean, spread)| mean + sign * spread).collect()
        };
        let line = |name: &str, values: &[f32], control| series(name, &self.sizes, values, control);
        let what = whole.plural();
        let total = whole.candidates.len() as f64;
        let [found, random] = [&self.ranked, &self.mean].map(|curve| self.reached(curve));
        let size = keep.iter().filter(|keep| **keep).count();
        let caption = match found < random {
            true => format!(
                "Share of the clean answer that the {what} of the largest scores restore alone, against how many; \
                 the circuit drawn has {size}; controls are random circuits and a deviation either way."
            ),
            false => format!(
                "Weak evidence: the {what} of the largest scores restore the clean answer with no fewer than \
                 random ones do; controls are random circuits and a deviation either way."
            ),
        };
        Figure {
            title: "Faithfulness by size".into(),
            caption,
            body: Body::Lines {
                x: Scale::numeric(&format!("{what} kept"), ""),
                y: Scale::numeric("share restored", ""),
                series: vec![
                    line("largest scores", &self.ranked, false),
                    line("random", &self.mean, true),
                    line("above", &spread(1.0), true),
                    line("below", &spread(-1.0), true),
                ],
            },
            numbers: vec![
                Number::new("size_for_90", &format!("{what} for 90 %"), found as f64).out_of(total),
                Number::new(
                    "size_for_90_random",
                    &format!("random {what}"),
                    random as f64,
                )
                .out_of(total)
                .control(),
            ],
        }
    }
}
