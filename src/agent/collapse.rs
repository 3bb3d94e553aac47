//! Notices that a policy falls apart: it lost what it had learned, moves further than it should in an
//! update, or stopped exploring too soon. It only watches, and draws nothing.
//!
//! Where too few episodes end to tell a mean return, excessive steps alone are noticed.

use serde::{Deserialize, Serialize};

/// Signs are believed once they were there this many updates in a row: one update may be chance.
const IN_A_ROW: usize = 3;
/// Updates without any sign after which the next collapse is told again.
const CALM: usize = 10;
/// Episodes that a mean return is taken seriously from: below, its error is itself a guess.
const MIN_EPISODES: usize = 20;
/// Standard errors that two means must be apart. A run compares hundreds of means with the best of them,
/// so that two or three errors would be exceeded by chance.
const ERRORS_APART: f64 = 5.0;
/// Share of what was learned that is lost in a collapse. Healthy runs of the presets give back up to 0.46;
/// cart pole's seed 1 loses 0.6 for a while, which is told, before it learns it all again.
const LOST: f64 = 0.5;
/// Share that may still be missing when a collapse is over; less than `LOST`, so that it is not told
/// again and again by a return that stays about there.
const HEALED: f64 = 0.25;
/// Divergences above what ratios at the edge of the clip come to. Healthy presets stay below one of them,
/// and early stopping usually sets in at one or two.
const CLIPS_MOVED: f64 = 10.0;
/// Share of the greatest entropy below which nothing else is tried any more: of two actions, one is then
/// played in 499 of 500 states.
const LEAST_ENTROPY: f64 = 0.02;

/// What was seen of a collapse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// The mean return fell far below the best of the run.
    Return,
    /// Updates moved the policy much further than the clip should allow.
    Divergence,
    /// The policy stopped exploring before it had learned.
    Entropy,
}

/// A collapse that was noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collapse {
    /// What was seen.
    pub sign: Sign,
    /// The same with its figures, and what it means, in whole sentences.
    pub message: String,
}

/// A mean with its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    value: f64,
    error: f64,
}

impl Mean {
    /// The mean of `values`, or nothing where they are fewer than can be relied on.
    pub fn of(values: impl ExactSizeIterator<Item = f64> + Clone) -> Option<Self> {
        let count = values.len();
        if count < MIN_EPISODES {
            return None;
        }
        let value = values.clone().sum::<f64>() / count as f64;
        let squares = values.map(|each| (each - value).powi(2)).sum::<f64>();
        let error = (squares / (count - 1) as f64 / count as f64).sqrt();
        Some(Self { value, error })
    }

    /// Whether `self` is above `other` by more than chance.
    fn is_above(self, other: Self) -> bool {
        self.value - other.value > ERRORS_APART * self.error.hypot(other.error)
    }
}

/// What one update showed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Mean return of the last episodes, once enough have ended; where none ever ends, mean reward of a
    /// step.
    pub level: Option<Mean>,
    /// What that is, in words.
    pub measure: &'static str,
    /// Mean entropy as a share of its greatest possible value, 0 to 1.
    pub entropy: f64,
    /// Divergence from the policy that played.
    pub kl: f64,
    /// How far a probability ratio may move.
    pub clip: f32,
}

/// Watches a run for collapses, and tells each of them once.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Detector {
    /// The first mean return that could be relied on, and the best one.
    first: Option<Mean>,
    best: Option<Mean>,
    /// For how many updates in a row each sign was there.
    in_a_row: [usize; 3],
    /// For how many updates in a row a collapse that was told has shown no sign.
    calm: usize,
    collapsed: bool,
}

impl Detector {
    /// Takes in an update. Returns a collapse when it begins, and nothing more while it lasts.
    pub fn observe(&mut self, sample: Sample) -> Option<Collapse> {
        if let Some(level) = sample.level {
            self.first.get_or_insert(level);
            if self.best.is_none_or(|best| level.value > best.value) {
                self.best = Some(level);
            }
        }
        let signs = [
            (Sign::Return, self.has_lost(sample, LOST)),
            (Sign::Divergence, sample.kl > most_divergence(sample.clip)),
            (Sign::Entropy, self.has_stopped(sample)),
        ];
        for (count, (_, there)) in self.in_a_row.iter_mut().zip(signs) {
            *count = if there { *count + 1 } else { 0 };
        }
        if self.collapsed {
            let goes_on = signs.iter().any(|(_, there)| *there) || self.has_lost(sample, HEALED);
            self.calm = if goes_on { 0 } else { self.calm + 1 };
            self.collapsed = self.calm < CALM;
            return None;
        }
        let mut counted = signs.iter().zip(self.in_a_row);
        let ((sign, _), _) = counted.find(|(_, count)| *count >= IN_A_ROW)?;
        (self.collapsed, self.calm) = (true, 0);
        Some(Collapse {
            sign: *sign,
            message: self.message(*sign, sample),
        })
    }

    /// Whether more than `share` of what the run had learned is gone again.
    fn has_lost(&self, sample: Sample, share: f64) -> bool {
        let (Some(first), Some(best), Some(level)) = (self.first, self.best, sample.level) else {
            return false;
        };
        let gone = best.value - level.value > share * (best.value - first.value);
        gone && best.is_above(first) && best.is_above(level)
    }

    /// Whether hardly anything is tried any more, although the return is about as low as at first, or at
    /// best half way to what the run had reached.
    fn has_stopped(&self, sample: Sample) -> bool {
        let (Some(first), Some(best), Some(level)) = (self.first, self.best, sample.level) else {
            return false;
        };
        let is_low = level.value - first.value < 0.5 * (best.value - first.value);
        sample.entropy < LEAST_ENTROPY && (is_low || !level.is_above(first))
    }

    fn message(&self, sign: Sign, sample: Sample) -> String {
        let value = |mean: Option<Mean>| mean.map_or(0.0, |mean| mean.value);
        let (first, best, now) = (value(self.first), value(self.best), value(sample.level));
        match sign {
            Sign::Return => format!(
                "The {} fell to {now:.2} from {best:.2}, having begun at {first:.2}. \
                 Most of what the policy had gained is lost.",
                sample.measure
            ),
            Sign::Divergence => format!(
                "For {IN_A_ROW} updates in a row the policy moved by more than a KL divergence of {:.3}, \
                 in the last by {:.3}; a clip of {} should hold it near {:.3}. \
                 Steps of this size leave the data that they were computed from.",
                most_divergence(sample.clip),
                sample.kl,
                sample.clip,
                most_divergence(sample.clip) / CLIPS_MOVED,
            ),
            Sign::Entropy => format!(
                "The entropy is down to {:.1} % of its maximum at a {} of {now:.2} \
                 (first {first:.2}, best {best:.2}). \
                 The policy stopped exploring before it had learned, and hardly changes any more.",
                100.0 * sample.entropy.max(0.0),
                sample.measure
            ),
        }
    }
}

/// The divergence that is too much: some times that of ratios which all stand at the upper edge of the
/// clip, by the estimate `(ratio − 1) − ln ratio`.
fn most_divergence(clip: f32) -> f64 {
    let clip = f64::from(clip);
    CLIPS_MOVED * (clip - clip.ln_1p())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A healthy update at a mean return.
    fn at(value: f64) -> Sample {
        Sample {
            level: Some(Mean { value, error: 1.0 }),
            measure: "mean return",
            entropy: 0.5,
            kl: 0.01,
            clip: 0.2,
        }
    }

    /// Updates (from 1) and signs at which a series is told of.
    fn told(samples: impl IntoIterator<Item = Sample>) -> Vec<(usize, Sign)> {
        let mut detector = Detector::default();
        let told = |(index, sample)| {
            detector
                .observe(sample)
                .map(|found| (index + 1, found.sign))
        };
        samples.into_iter().enumerate().filter_map(told).collect()
    }

    fn series(values: &[f64]) -> Vec<Sample> {
        values.iter().map(|&value| at(value)).collect()
    }

    #[test]
    fn a_mean_needs_enough_episodes_and_has_the_error_of_its_spread() {
        let values = |count| (0..count).map(|index| f64::from(index % 2));
        assert_eq!(Mean::of(values(19)), None);
        // Variance 100 / (4 · 99) of 100 values that are 0 or 1.
        let mean = Mean::of(values(100)).unwrap();
        assert_eq!(mean.value, 0.5);
        assert!((mean.error - (100.0 / 396.0 / 100.0_f64).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn a_return_that_loses_more_than_half_of_its_rise_is_told_once() {
        let mut values = vec![20.0, 60.0, 120.0];
        assert_eq!(told(series(&[&values[..], &[75.0; 30]].concat())), []);
        values.extend([65.0; 30]);
        assert_eq!(told(series(&values)), [(6, Sign::Return)]);
    }

    #[test]
    fn a_fall_of_an_update_or_two_is_none() {
        assert_eq!(told(series(&[20.0, 120.0, 30.0, 30.0, 119.0, 30.0])), []);
    }

    #[test]
    fn neither_noise_nor_a_run_that_never_learned_has_a_return_to_lose() {
        // Rises and falls within five errors of 1.0 each: 7.07 apart.
        assert_eq!(told(series(&[20.0, 26.0, 19.5, 19.5, 19.5, 19.5])), []);
        assert_eq!(told(series(&[20.0, 20.0, 2.0, 2.0, 2.0, 2.0])), []);
        let unknown = Sample {
            level: None,
            ..at(0.0)
        };
        assert_eq!(told([unknown; 50]), []);
    }

    #[test]
    fn a_second_collapse_is_told_after_the_first_has_healed_and_not_before() {
        let rise = [20.0, 120.0];
        // 90 is above the half but not healed: three quarters of the rise are 95.
        let still = [&rise[..], &[40.0; 3], &[90.0; 30], &[40.0; 9]].concat();
        assert_eq!(told(series(&still)), [(5, Sign::Return)]);
        let healed = [&rise[..], &[40.0; 3], &[110.0; CALM], &[40.0; 9]].concat();
        assert_eq!(
            told(series(&healed)),
            [(5, Sign::Return), (5 + CALM + 3, Sign::Return)]
        );
    }

    #[test]
    fn steps_far_beyond_the_clip_are_told() {
        // 10 · (0.2 − ln 1.2) = 0.1768.
        let moved = |kl| Sample { kl, ..at(20.0) };
        assert_eq!(told([moved(0.17); 20]), []);
        assert_eq!(told([moved(0.18); 20]), [(3, Sign::Divergence)]);
        assert_eq!(told([moved(9.0), moved(9.0), at(20.0), moved(9.0)]), []);
        let wide = |kl| Sample {
            clip: 0.4,
            ..moved(kl)
        };
        assert_eq!(told([wide(0.5); 20]), [], "a wider clip allows more");
    }

    #[test]
    fn a_policy_that_is_sure_is_told_where_its_return_is_low_and_not_at_its_best() {
        let sure = |value| Sample {
            entropy: 0.001,
            ..at(value)
        };
        assert_eq!(
            told([at(20.0), sure(9.0), sure(9.0), sure(9.0)]),
            [(4, Sign::Entropy)]
        );
        assert_eq!(
            told([at(20.0), sure(24.0), sure(24.0), sure(24.0)]),
            [(4, Sign::Entropy)]
        );
        assert_eq!(
            told([at(20.0), at(60.0), sure(100.0), sure(100.0), sure(100.0)]),
            []
        );
    }

    #[test]
    fn a_detector_read_back_goes_on_as_it_was() {
        let values = [20.0, 120.0, 40.3, 40.1, 40.2, 110.0];
        let mut whole = Detector::default();
        for value in values {
            let text = serde_json::to_string(&whole).unwrap();
            let mut read: Detector = serde_json::from_str(&text).unwrap();
            assert_eq!(read, whole);
            assert_eq!(read.observe(at(value)), whole.observe(at(value)));
            assert_eq!(read, whole);
        }
    }

    #[test]
    fn a_message_has_its_figures() {
        let mut detector = Detector::default();
        let told = series(&[21.9, 420.2, 150.0, 150.0, 150.0])
            .into_iter()
            .find_map(|sample| detector.observe(sample));
        let message = told.unwrap().message;
        assert!(message.contains("fell to 150.00 from 420.20"), "{message}");
    }
}
