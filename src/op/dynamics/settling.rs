//! When the policy and the value become what they are at the end.

use crate::{
    error::{Error, Result},
    model::evaluator::{Evaluator, masked_argmax, observations},
    op::{Subject, reference_states, value_map::correlation},
};

/// From this agreement on, policy or value is settled.
pub const SETTLED: f32 = 0.95;

/// How like their ends policy and value are at each checkpoint.
pub struct Settling {
    pub updates: Vec<usize>,
    /// The share of states in which the choice is the last one.
    pub policy: Vec<f32>,
    /// Correlation of the value with the last one over the states.
    pub value: Vec<f32>,
    /// Of choices drawn uniformly among legal actions, the share that would agree.
    pub chance: f32,
    pub num_states: usize,
}

/// Choices and values of one network.
struct Answer {
    choices: Vec<Option<usize>>,
    values: Vec<f32>,
}

/// Compares each of `kept` with the last of them on `count` reference states.
pub async fn look(
    subject: &Subject<'_>,
    kept: &[(usize, Evaluator)],
    count: usize,
) -> Result<Settling> {
    let states = reference_states(subject.env, count, &mut subject.rng.split("reference"));
    if states.len() < 2 {
        return Err(Error::not_applicable(
            "this environment has too few states to compare",
        ));
    }
    let masks: Vec<Vec<bool>> = states
        .iter()
        .map(|state| {
            let mut legal = vec![false; state.space().num_actions()];
            state.legal(&mut legal);
            legal
        })
        .collect();
    let input = observations(&states);
    let mut answers = Vec::with_capacity(kept.len());
    for (_, evaluator) in kept {
        let found = evaluator.evaluate(input.clone(), states.len()).await?;
        let rows = masks.iter().enumerate();
        answers.push(Answer {
            choices: rows
                .map(|(row, legal)| masked_argmax(found.logits_of(row), legal))
                .collect(),
            values: found.values,
        });
    }
    let Some(last) = answers.last() else {
        return Err(Error::not_applicable("the run has no checkpoint"));
    };
    let agreement = |one: &Answer| {
        let same = one.choices.iter().zip(&last.choices);
        same.filter(|(x, y)| x == y).count() as f32 / states.len() as f32
    };
    let share =
        |legal: &Vec<bool>| 1.0 / legal.iter().filter(|legal| **legal).count().max(1) as f32;
    Ok(Settling {
        updates: kept.iter().map(|one| one.0).collect(),
        policy: answers.iter().map(agreement).collect(),
        value: answers
            .iter()
            .map(|one| correlation(&one.values, &last.values))
            .collect(),
        chance: masks.iter().map(share).sum::<f32>() / states.len() as f32,
        num_states: states.len(),
    })
}

/// The place from which on the rest of `agreement` is settled; the last one is, by itself.
pub fn settled(agreement: &[f32]) -> usize {
    let last = agreement.len().saturating_sub(1);
    let before = agreement[..last].iter().rposition(|one| *one < SETTLED);
    before.map_or(0, |place| place + 1)
}

#[cfg(test)]
mod tests {
    use super::settled;

    #[test]
    fn settled_is_what_stays_so() {
        assert_eq!(settled(&[0.2, 0.96, 0.9, 0.97, 1.0]), 3);
        assert_eq!(settled(&[0.97, 0.99, 1.0]), 0);
        assert_eq!(settled(&[0.2, 0.3, 1.0]), 2);
        // A value that is the same in all states correlates with nothing, not even itself.
        assert_eq!(settled(&[0.0, 0.0]), 1);
        assert_eq!(settled(&[1.0]), 0);
    }
}
