//! What an update's rollout tells of how the training goes, and what PPO shows the detector of collapses.

use super::{Ppo, Rollout};
use crate::agent::{
    Metrics,
    collapse::{Collapse, Mean, Sample},
};

impl Ppo {
    /// Takes in an update's metrics. Returns a collapse that begins with it, and how to avoid it.
    pub(super) fn notice(&mut self, metrics: &Metrics, rollout: &Rollout) -> Option<Collapse> {
        let metric = |name: &str| metrics.get(name).copied().unwrap_or_default();
        let most = rollout.most_entropy(self.start.space().num_actions());
        let p = &self.parameters;
        let (level, measure) = if self.start.space().continuing {
            let rewards = self
                .ended
                .iter()
                .map(|(total, length)| f64::from(*total) / *length as f64);
            (Mean::of(rewards), "mean reward of a step")
        } else {
            let returns = self.ended.iter().map(|(total, _)| f64::from(*total));
            (Mean::of(returns), "mean return")
        };
        let mut found = self.detector.observe(Sample {
            level,
            measure,
            // Where nothing can be chosen, nothing can be left untried.
            entropy: if most > 0.0 {
                metric("entropy") / most
            } else {
                1.0
            },
            kl: metric("kl"),
            clip: p.clip,
        })?;
        found.message += &format!(
            " A lower learning rate than {} or a smaller clip than {} takes smaller steps.",
            p.learning_rate, p.clip
        );
        Some(found)
    }
}

impl Rollout {
    /// The greatest mean entropy that was possible: that of a fair choice among what was legal.
    fn most_entropy(&self, num_actions: usize) -> f64 {
        let count = |mask: &[f32]| mask.iter().filter(|&&mask| mask == 0.0).count();
        let logarithms = self
            .masks
            .chunks_exact(num_actions)
            .map(|mask| (count(mask) as f64).ln());
        logarithms.sum::<f64>() / self.actions.len() as f64
    }
}
