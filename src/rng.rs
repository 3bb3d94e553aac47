//! Seeded, splittable randomness. Every draw in the crate comes from here.

use rand::{Rng as _, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Gamma, StandardNormal};
use serde::{Deserialize, Serialize};

/// A seeded generator (ChaCha8) whose state is part of every checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// The generator of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// An independent generator for the purpose `label`; this one is not advanced.
    ///
    /// Streams of one seed never overlap, so adding a draw to one purpose leaves all others alone.
    pub fn split(&self, label: &str) -> Self {
        // FNV-1a, so that the stream depends on the label alone.
        let hash = label.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut child = ChaCha8Rng::from_seed(self.0.get_seed());
        child.set_stream(hash);
        Self(child)
    }

    /// Uniform in `0..end`. `end` must be positive.
    pub fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }

    /// Uniform in `[0, 1)`.
    pub fn uniform(&mut self) -> f32 {
        // 24 bits, so that the conversion is exact.
        (self.0.next_u32() >> 8) as f32 / 16_777_216.0
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f32 {
        StandardNormal.sample(&mut self.0)
    }

    /// Standard Gumbel.
    pub fn gumbel(&mut self) -> f32 {
        let uniform = self.uniform().max(f32::MIN_POSITIVE);
        -(-uniform.ln()).max(f32::MIN_POSITIVE).ln()
    }

    /// A symmetric Dirichlet draw of `len` weights with concentration `alpha` > 0.
    pub fn dirichlet(&mut self, alpha: f32, len: usize) -> Vec<f32> {
        let mut draw: Vec<f32> = match Gamma::new(alpha, 1.0) {
            Ok(gamma) => (0..len).map(|_| gamma.sample(&mut self.0)).collect(),
            Err(_) => vec![1.0; len],
        };
        let sum: f32 = draw.iter().sum();
        if sum > 0.0 {
            draw.iter_mut().for_each(|weight| *weight /= sum);
        } else {
            draw.fill(1.0 / len as f32);
        }
        draw
    }

    /// Puts `items` in a uniformly random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// An index drawn in proportion to non-negative `weights`; the last positive one on rounding.
    pub fn weighted(&mut self, weights: &[f32]) -> usize {
        let total: f32 = weights.iter().sum();
        let mut left = self.uniform() * total;
        let mut chosen = 0;
        for (index, &weight) in weights.iter().enumerate() {
            if weight > 0.0 {
                chosen = index;
                left -= weight;
                if left < 0.0 {
                    break;
                }
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitting_depends_on_the_label_and_not_on_the_position() {
        let mut parent = Rng::new(7);
        let mut early = parent.split("weights");
        parent.uniform();
        let mut late = parent.split("weights");
        let mut other = parent.split("games");
        let draw = early.uniform();
        assert_eq!(draw, late.uniform());
        assert_ne!(draw, other.uniform());
    }

    #[test]
    fn a_saved_generator_goes_on_where_it_was() {
        let mut rng = Rng::new(3);
        rng.normal();
        let text = serde_json::to_string(&rng).unwrap();
        let mut back: Rng = serde_json::from_str(&text).unwrap();
        assert_eq!(rng.uniform(), back.uniform());
    }

    #[test]
    fn weighted_never_draws_a_zero_weight() {
        let mut rng = Rng::new(1);
        for _ in 0..1000 {
            assert_eq!(rng.weighted(&[0.0, 0.3, 0.0]), 1);
        }
    }

    #[test]
    fn dirichlet_sums_to_one() {
        let draw = Rng::new(1).dirichlet(1.2, 9);
        assert!((draw.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
}
