//! A run's checkpoints as ops look at them over training: few, dense where learning is fast, each looked at
//! once.

use super::Subject;
use crate::{error::Result, model::evaluator::Evaluator};
use serde::{Serialize, de::DeserializeOwned};

/// At most `most` checkpoints with their updates, the oldest first: the untrained network, the newest, and
/// between them more early ones than late ones, as on a logarithmic axis.
pub(super) fn checkpoints(subject: &Subject<'_>, most: usize) -> Vec<(usize, Evaluator)> {
    let mut all = subject.lab.checkpoints();
    if all.first().is_none_or(|(update, _)| *update > 0) {
        all.insert(0, (0, subject.untrained.clone()));
    }
    let kept = places(all.len(), most);
    let all = all.into_iter().enumerate();
    all.filter(|(place, _)| kept.contains(place))
        .map(|(_, one)| one)
        .collect()
}

/// Which of `count` checkpoints are looked at, in order.
///
/// Those whose place in binary has the fewest digits once its zeros at the end are gone: 0, 1, 2, 4, 8 …, then
/// 3, 6, 12 …, so that a run that grows needs no place that it did not have before, but the newest.
fn places(count: usize, most: usize) -> Vec<usize> {
    let last = count.saturating_sub(1);
    let of = |digits: u32| -> Vec<usize> {
        let is_kept = |place: &usize| {
            let is_short = *place == 0 || place >> place.trailing_zeros() < 1 << digits;
            is_short || *place == last
        };
        (0..count).filter(is_kept).collect()
    };
    let fits = |digits: &u32| of(*digits).len() <= most;
    let digits = (0..usize::BITS).take_while(fits).last().unwrap_or(0);
    let mut kept = of(digits);
    let more: Vec<usize> = of((digits + 1).min(usize::BITS - 1))
        .into_iter()
        .filter(|place| !kept.contains(place))
        .take(most.saturating_sub(kept.len()))
        .collect();
    kept.extend(more);
    kept.sort_unstable();
    kept
}

/// What `find` finds of the checkpoint after `update`, recalled where it was found before; `key` says all
/// else that it depends on.
pub(super) async fn once<T: Serialize + DeserializeOwned>(
    subject: &Subject<'_>,
    update: usize,
    key: &str,
    find: impl Future<Output = Result<T>>,
) -> Result<T> {
    let known = subject.lab.recall(update, key);
    if let Some(found) = known.and_then(|found| serde_json::from_value(found).ok()) {
        return Ok(found);
    }
    let found = find.await?;
    // What cannot be written is found again.
    if let Ok(kept) = serde_json::to_value(&found) {
        subject.lab.remember(update, key, kept);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_checkpoints_are_dense_and_the_newest_is_there() {
        assert_eq!(places(1, 5), [0]);
        assert_eq!(places(5, 5), [0, 1, 2, 3, 4]);
        assert_eq!(places(21, 2), [0, 20]);
        assert_eq!(places(21, 7), [0, 1, 2, 4, 8, 16, 20]);
        assert_eq!(places(21, 9), [0, 1, 2, 3, 4, 6, 8, 16, 20]);
        let many = places(71, 20);
        assert_eq!(many.len(), 20);
        assert_eq!(many[..9], [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(many[17..], [48, 64, 70]);
    }

    #[test]
    fn a_run_that_grows_needs_its_newest_checkpoint_alone() {
        for most in [2, 3, 7, 20] {
            let mut seen = std::collections::BTreeSet::new();
            for count in 1..400 {
                let kept = places(count, most);
                assert!(kept.len() <= most);
                let new = kept.iter().filter(|place| seen.insert(**place)).count();
                assert!(new <= 1, "{count} of at most {most}");
            }
        }
    }
}
