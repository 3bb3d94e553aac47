//! What the value is made of (McGrath et al. 2022, the piece values): it is regressed on named concepts at each
//! checkpoint, beside the same regression of the untrained value and of the true one.

mod report;

use super::{
    OpEntry, Subject, course,
    figure::Figure,
    probe::{
        self, Prepared, Study,
        data::{self, Split},
        fit::Ridge,
    },
};
use crate::{
    error::{Error, Result},
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "concept_value",
    title: "Concepts in the value",
    summary: "Regresses the value on named concepts over training, beside the untrained value and the true one.",
    schema: schema::schema_of::<Parameters>,
    num_states: 0,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "concept_value")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// The concepts; when empty all but those that say the result of a game under perfect play.
    #[schemars(extend("x-choices" = "concepts", "x-auto" = "all but results"))]
    pub concepts: Vec<String>,
    /// Checkpoints to look at, at most: more early ones than late ones.
    #[schemars(range(min = 2, max = 60))]
    pub checkpoints: usize,
    /// States to learn from and be judged by.
    #[schemars(range(min = 64, max = 8192))]
    pub reference_states: usize,
    /// Splits, each with a regression of its own.
    #[schemars(range(min = 1, max = 20))]
    pub num_seeds: usize,
    /// How much large weights cost.
    #[schemars(range(min = 1e-4, max = 10.0))]
    pub penalty: f32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            concepts: Vec::new(),
            checkpoints: 20,
            reference_states: 1024,
            num_seeds: 5,
            penalty: 0.01,
        }
    }
}

/// Weights that are means over splits, with their deviations, and R² on held-out states.
#[derive(Debug, Clone, PartialEq)]
struct Regression {
    /// Deviations of the value for a deviation of each concept, the others held still.
    weights: Vec<f32>,
    spreads: Vec<f32>,
    r2: f32,
}

/// A regression for each checkpoint, with its controls.
struct Course {
    /// Indices of the concepts.
    concepts: Vec<usize>,
    updates: Vec<usize>,
    /// None where the value is the same in every state.
    found: Vec<Option<Regression>>,
    /// Of the newest value with its states out of order.
    shuffled: Option<Regression>,
    /// Of the value under optimal play, where it is known.
    truth: Option<Regression>,
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let study = Study::new(
        subject,
        &probe::Parameters {
            num_seeds: parameters.num_seeds,
            reference_states: parameters.reference_states,
            ..probe::Parameters::default()
        },
    );
    let kept = course::checkpoints(subject, parameters.checkpoints);
    let total = kept.len() + 1;
    let truth = truth(subject, &study, total).await?;
    let concepts = concepts(subject, &study, &parameters.concepts, truth.as_deref())?;
    let splits = prepared(&study, &concepts);
    let regress = |values: &[f32]| regression(&splits, values, parameters.penalty);
    let mut course = Course {
        concepts: concepts.clone(),
        updates: Vec::new(),
        found: Vec::new(),
        shuffled: None,
        truth: truth.as_deref().and_then(regress),
    };
    let batch = study.sample.states.len();
    for (index, (update, evaluator)) in kept.iter().enumerate() {
        let input = study.sample.observations.clone();
        let mut values = evaluator.evaluate(input, batch).await?.values;
        course.updates.push(*update);
        course.found.push(regress(&values));
        if index + 1 == kept.len() {
            subject.rng.split("shuffled values").shuffle(&mut values);
            course.shuffled = regress(&values);
        }
        subject.step(index + 2, total).await?;
    }
    let Some(Some(newest)) = course.found.last() else {
        return Err(Error::not_applicable(
            "the value is the same in every state, so there is nothing to regress",
        ));
    };
    Ok(report::figures(subject, &study, &course, newest))
}

/// Values under optimal play; none where they are not known exactly.
async fn truth(subject: &Subject<'_>, study: &Study, total: usize) -> Result<Option<Vec<f32>>> {
    let mut values = Vec::with_capacity(study.sample.states.len());
    for (index, state) in study.sample.states.iter().enumerate() {
        let Some(optimum) = state.optimum().filter(|optimum| optimum.exact) else {
            return Ok(None);
        };
        values.push(optimum.value);
        if index % 64 == 0 {
            subject.step(0, total).await?;
        }
    }
    Ok(Some(values))
}

/// Indices of the concepts to regress on. Errors: `UnknownId`, `NotApplicable` where none is left.
fn concepts(
    subject: &Subject<'_>,
    study: &Study,
    names: &[String],
    truth: Option<&[f32]>,
) -> Result<Vec<usize>> {
    if !names.is_empty() {
        let asked = names.iter().map(|name| probe::asked(subject, name));
        let asked: Vec<Vec<usize>> = asked.collect::<Result<_>>()?;
        return Ok(study.varying(&asked.concat())?.0);
    }
    let (varying, _) = study.varying(&probe::asked(subject, "")?)?;
    // What the result of a game decides is no reason for it.
    let result = truth.filter(|_| subject.env.space().num_players > 1);
    let is_reason = |concept: &usize| {
        result.is_none_or(|result| !follows(&study.sample.concepts[*concept], result))
    };
    let reasons: Vec<usize> = varying.into_iter().filter(is_reason).collect();
    if reasons.is_empty() {
        return Err(Error::not_applicable(
            "every concept says the result itself; name those to regress on",
        ));
    }
    Ok(reasons)
}

/// Whether states of equal `result` have equal `values`.
fn follows(values: &[f32], result: &[f32]) -> bool {
    let mut known: std::collections::BTreeMap<u32, f32> = std::collections::BTreeMap::new();
    let mut pairs = values.iter().zip(result);
    pairs.all(|(value, result)| *known.entry(result.to_bits()).or_insert(*value) == *value)
}

/// The concepts of each split as features.
fn prepared<'a>(study: &'a Study, concepts: &[usize]) -> Vec<(&'a Split, Prepared)> {
    let row = |state: usize| {
        let of_state = concepts.iter();
        of_state.map(move |concept| study.sample.concepts[*concept][state])
    };
    let features: Vec<f32> = (0..study.sample.states.len()).flat_map(row).collect();
    let splits = study.splits.iter();
    splits
        .map(|split| (split, Prepared::new(&features, concepts.len(), split)))
        .collect()
}

/// Ridge regression of `values` `[state]` on each split; none where they do not vary.
fn regression(splits: &[(&Split, Prepared)], values: &[f32], penalty: f32) -> Option<Regression> {
    let mut fits: Vec<Vec<f32>> = Vec::new();
    let mut r2 = 0.0;
    for (split, prepared) in splits {
        let target = data::target(values, &split.train, false)?;
        let parameters = Ridge::new(&prepared.train, penalty).fit(&target.values);
        let answers = prepared.test.times(&parameters);
        r2 += data::score(values, split, false, &answers)? / splits.len() as f32;
        fits.push(parameters);
    }
    let count = fits.len() as f32;
    let width = splits.first()?.1.train.width;
    let weights: Vec<f32> = (0..width)
        .map(|column| fits.iter().map(|fit| fit[column]).sum::<f32>() / count)
        .collect();
    let spread = |(column, mean): (usize, &f32)| {
        let squares = fits.iter().map(|fit| (fit[column] - mean).powi(2));
        (squares.sum::<f32>() / (count - 1.0).max(1.0)).sqrt()
    };
    Some(Regression {
        spreads: weights.iter().enumerate().map(spread).collect(),
        weights,
        r2,
    })
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::{env, op::probe::data::Sample, rng::Rng};
    use serde_json::json;

    #[test]
    fn weights_are_those_that_the_value_was_made_with() {
        let env = (env::entry("tictactoe").unwrap().make)(&json!({})).unwrap();
        let mut sample = Sample::new(env.as_ref(), 1000, &mut Rng::new(0));
        let mut rng = Rng::new(1);
        // Two independent concepts of deviations 1 and 10.
        sample.concepts = vec![
            (0..1000).map(|_| rng.normal()).collect(),
            (0..1000).map(|_| 10.0 * rng.normal()).collect(),
        ];
        sample.binary = vec![false; 2];
        let values: Vec<f32> = (0..1000)
            .map(|state| 0.4 * sample.concepts[0][state] - 0.03 * sample.concepts[1][state] + 7.0)
            .collect();
        let study = Study::of(sample, 3, Rng::new(2));
        let splits = prepared(&study, &[0, 1]);
        // The value deviates by √(0.4² + 0.3²) = 0.5: weights of 0.8 and −0.6.
        let found = regression(&splits, &values, 1e-4).unwrap();
        assert!((found.weights[0] - 0.8).abs() < 0.03, "{found:?}");
        assert!((found.weights[1] + 0.6).abs() < 0.03, "{found:?}");
        assert!(found.r2 > 0.999 && found.spreads[0] < 0.03, "{found:?}");
        let mut shuffled = values.clone();
        Rng::new(3).shuffle(&mut shuffled);
        assert!(regression(&splits, &shuffled, 1e-4).unwrap().r2 < 0.05);
        assert_eq!(regression(&splits, &[1.0; 1000], 1e-4), None);
    }

    #[test]
    fn what_the_result_decides_is_known() {
        let result = [1.0, 0.0, -1.0, 1.0];
        assert!(follows(&[1.0, 0.0, 0.0, 1.0], &result));
        assert!(!follows(&[1.0, 0.0, 0.0, 0.0], &result));
    }
}
