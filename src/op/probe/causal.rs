//! Whether what a probe reads is used: its direction is taken out of the site or added to it, beside random
//! directions of the same length.

use super::{Fitter, Prepared, Row, Study, data};
use crate::{
    error::Result,
    model::{
        evaluator::Evaluator,
        taps::{self, Bank, Edit, EditOp, Select},
    },
    op::{
        Subject, ablate,
        figure::{Bar, Body, Figure, Number, Scale},
        steer::random_vector,
    },
};

/// Random directions that controls are averaged over.
const NUM_RANDOM: usize = 8;

/// The direction of a linear probe, in the activations' own units.
struct Direction {
    /// Of length 1.
    unit: Vec<f32>,
    /// How far activations deviate along it.
    deviation: f32,
}

/// The figure on one concept at one site, from `activations` `[state × element]` there; none where the
/// site's activations do not move.
pub async fn check(
    subject: &Subject<'_>,
    study: &Study,
    focus: &Row<'_>,
    activations: &[f32],
    alpha: f32,
) -> Result<Option<Figure>> {
    let values = &study.sample.concepts[focus.concept];
    let is_binary = study.sample.binary[focus.concept];
    let target = |rows: &[usize]| data::target(values, rows, is_binary);
    let mut splits = study.splits.iter();
    let split = splits.find(|one| target(&one.train).is_some() && target(&one.test).is_some());
    let Some((split, target)) = split.and_then(|one| Some((one, target(&one.train)?))) else {
        return Ok(None);
    };
    let width = focus.site.len();
    let prepared = Prepared::new(activations, width, split);
    // A probe that bends has no direction: the linear one's is looked at.
    let fit = |prepared: &Prepared| Fitter::new(&prepared.train, study).linear(&target);
    let probe = fit(&prepared);
    let Some(direction) = direction(&probe, &prepared) else {
        return Ok(None);
    };
    let score = |answers: &[f32]| data::score(values, split, is_binary, answers).unwrap_or(0.0);
    let moved = moved(subject, study, focus, (&direction, &prepared), alpha).await?;
    let without = EditOp::ProjectOut(direction.unit);
    let batch = study.sample.states.len();
    let (_, recorded) = edited(subject, focus, without)?
        .record(study.sample.observations.clone(), batch)
        .await?;
    let left = recorded
        .get(&focus.site.name)
        .map_or(&[][..], Vec::as_slice);
    let mut answers = probe.answers(&prepared.standard.design(left, &split.test));
    if !is_binary {
        // What is taken out goes to 0 and not to its mean, which alone would make the answers wrong.
        let known = probe.answers(&prepared.standard.design(left, &split.train));
        let mean = known.iter().sum::<f32>() / known.len() as f32;
        answers.iter_mut().for_each(|answer| *answer -= mean);
    }
    let again = Prepared::new(left, width, split);
    let scores = [
        score(&probe.answers(&prepared.test)),
        score(&answers),
        score(&fit(&again).answers(&again.test)),
    ];
    Ok(Some(figure(subject, study, focus, (&moved, scores), alpha)))
}

fn direction(probe: &super::Probe, prepared: &Prepared) -> Option<Direction> {
    let super::Probe::Linear(parameters) = probe else {
        return None;
    };
    let scales = &prepared.standard.scales;
    let mut unit: Vec<f32> = parameters.iter().zip(scales).map(|(w, s)| w * s).collect();
    let length = unit.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length == 0.0 || !length.is_finite() {
        return None;
    }
    unit.iter_mut().for_each(|x| *x /= length);
    let answers = probe.answers(&prepared.train);
    let count = answers.len() as f32;
    let mean = answers.iter().sum::<f32>() / count;
    let square = answers.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / count;
    Some(Direction {
        unit,
        deviation: square.sqrt() / length,
    })
}

/// What an intervention does to the policy, and random ones of the same length on average.
struct Moved {
    name: String,
    /// Mean KL divergence, in nats.
    divergence: f32,
    divergence_random: f32,
    /// States in which another action is chosen.
    changed: usize,
    changed_random: f64,
}

async fn moved(
    subject: &Subject<'_>,
    study: &Study,
    focus: &Row<'_>,
    (direction, prepared): (&Direction, &Prepared),
    alpha: f32,
) -> Result<Vec<Moved>> {
    let input = || study.sample.observations.clone();
    let states = &study.sample.states;
    let whole = subject.evaluator.evaluate(input(), states.len()).await?;
    let length = alpha * direction.deviation;
    let added = |unit: &[f32], by: f32| EditOp::Add(unit.iter().map(|x| x * by).collect());
    let random = random_directions(study, &prepared.standard.scales);
    type Change<'a> = &'a dyn Fn(&[f32]) -> EditOp;
    let changes: [(String, Change<'_>); 3] = [
        ("projected out".into(), &|unit| {
            EditOp::ProjectOut(unit.to_vec())
        }),
        (format!("+{alpha} deviations added"), &|unit| {
            added(unit, length)
        }),
        (format!("−{alpha} deviations added"), &|unit| {
            added(unit, -length)
        }),
    ];
    let mut all = Vec::new();
    for (name, change) in changes {
        let mut effects = Vec::with_capacity(1 + NUM_RANDOM);
        for unit in std::iter::once(&direction.unit).chain(&random) {
            let evaluator = edited(subject, focus, change(unit))?;
            let answers = evaluator.evaluate(input(), states.len()).await?;
            effects.push(ablate::compare(&whole, &answers, states));
        }
        let (own, others) = (&effects[0], &effects[1..]);
        let count = others.len();
        all.push(Moved {
            name,
            divergence: own.divergence,
            divergence_random: others.iter().map(|one| one.divergence).sum::<f32>() / count as f32,
            changed: own.changed,
            changed_random: others.iter().map(|one| one.changed as f64).sum::<f64>() / count as f64,
        });
    }
    Ok(all)
}

/// Directions of length 1 among the elements whose `scales` say that they move.
fn random_directions(study: &Study, scales: &[f32]) -> Vec<Vec<f32>> {
    let mut rng = study.rng.split("random directions");
    // Among elements that move at all, as the probe's own direction is.
    let live = |_| {
        let mut vector = random_vector(scales.len(), 1.0, &mut rng);
        vector
            .iter_mut()
            .zip(scales)
            .filter(|(_, s)| **s == 0.0)
            .for_each(|(x, _)| *x = 0.0);
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        vector
            .iter_mut()
            .for_each(|x| *x /= length.max(f32::MIN_POSITIVE));
        vector
    };
    (0..NUM_RANDOM).map(live).collect()
}

/// The network with its edits and one more.
fn edited(subject: &Subject<'_>, focus: &Row<'_>, op: EditOp) -> Result<Evaluator> {
    let edit = Edit {
        site: focus.site.name.clone(),
        select: Select::All,
        op,
    };
    let mut evaluator = subject.evaluator.clone();
    let mut rng = subject.rng.split("edits");
    let compiled = taps::compile(
        &[edit],
        subject.sites,
        &Bank::new(),
        &mut rng,
        &evaluator.device,
    )?;
    evaluator.edits.extend(compiled);
    Ok(evaluator)
}

fn figure(
    subject: &Subject<'_>,
    study: &Study,
    focus: &Row<'_>,
    (moved, scores): (&[Moved], [f32; 3]),
    alpha: f32,
) -> Figure {
    let concept = &subject.env.space().concepts[focus.concept].id;
    let site = &focus.site.name;
    let bars = moved.iter().map(|one| Bar {
        name: one.name.clone(),
        value: one.divergence,
        control: Some(one.divergence_random),
        site: site.clone(),
        unit: None,
    });
    let total = study.sample.states.len() as f64;
    Figure {
        title: "Is it used?".into(),
        caption: format!(
            "How far the policy moves when the direction that reads {concept} is taken out of {site}, or \
             {alpha} deviations of it are added; ticks are random directions of the same length."
        ),
        body: Body::Bars {
            x: Scale::numeric("mean KL divergence", "nats"),
            bars: bars.collect(),
        },
        numbers: numbers(moved, scores, total),
    }
}

/// Scores of the probe before and after, and choices changed out of `total`.
fn numbers(moved: &[Moved], [score, projected, again]: [f32; 3], total: f64) -> Vec<Number> {
    let mut numbers = vec![
        Number::new("score_before", "the probe's score", score.into()),
        Number::new(
            "score_projected",
            "with its direction out",
            projected.into(),
        ),
        Number::new("score_refitted", "of a new probe then", again.into()),
    ];
    let names = ["projected out", "added", "taken off"];
    for ((one, id), name) in moved
        .iter()
        .zip(["projected", "added", "subtracted"])
        .zip(names)
    {
        numbers.push(
            Number::new(
                &format!("choices_{id}"),
                &format!("choices changed, {name}"),
                one.changed as f64,
            )
            .out_of(total),
        );
        numbers.push(
            Number::new(
                &format!("choices_{id}_random"),
                "random directions",
                one.changed_random,
            )
            .out_of(total)
            .control(),
        );
    }
    numbers
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::op::probe::{Probe, tests::planted};

    #[test]
    fn what_is_planted_is_gone_once_its_direction_is_taken_out() {
        let (study, activations) = planted();
        let (split, values) = (&study.splits[0], &study.sample.concepts[0]);
        let width = activations.len() / values.len();
        let target = data::target(values, &split.train, true).unwrap();
        let fit = |prepared: &Prepared| Fitter::new(&prepared.train, &study).linear(&target);
        let score = |probe: &Probe, design| {
            data::score(values, split, true, &probe.answers(design)).unwrap()
        };
        let prepared = Prepared::new(&activations, width, split);
        let probe = fit(&prepared);
        assert!(score(&probe, &prepared.test) > 0.95);
        let unit = direction(&probe, &prepared).unwrap().unit;
        let without: Vec<f32> = activations
            .chunks_exact(width)
            .flat_map(|row| {
                let along: f32 = row.iter().zip(&unit).map(|(x, u)| x * u).sum();
                row.iter().zip(&unit).map(move |(x, u)| x - along * u)
            })
            .collect();
        let left = prepared.standard.design(&without, &split.test);
        assert_eq!(score(&probe, &left), 0.0);
        // The probe's direction is not quite the one that was planted, so a little is left.
        let again = Prepared::new(&without, width, split);
        let refitted = score(&fit(&again), &again.test);
        assert!(refitted < 0.4, "{refitted}");
    }
}
