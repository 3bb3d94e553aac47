//! What the value is made of, as figures.

use super::{Course, Regression};
use crate::op::{
    Subject,
    figure::{Body, Cell, Figure, Number, Scale, Series},
    probe::Study,
    value_map::correlation,
};

/// Curves that can be told apart.
const MAX_CURVES: usize = 6;

/// Weights over training, all of them now, and how much they explain.
pub fn figures(
    subject: &Subject<'_>,
    study: &Study,
    course: &Course,
    newest: &Regression,
) -> Vec<Figure> {
    let mut order: Vec<usize> = (0..newest.weights.len()).collect();
    let size = |place: usize| newest.weights[place].abs();
    order.sort_by(|one, other| size(*other).total_cmp(&size(*one)));
    vec![
        weights(subject, course, newest, &order),
        table(subject, course, newest, &order),
        explained(course, study, newest),
    ]
}

/// Points of what each checkpoint's regression has.
fn points(course: &Course, of: impl Fn(&Regression) -> f32) -> Vec<(f32, f32)> {
    let pairs = course.updates.iter().zip(&course.found);
    pairs
        .filter_map(|(update, found)| Some((*update as f32, of(found.as_ref()?))))
        .collect()
}

fn weights(subject: &Subject<'_>, course: &Course, newest: &Regression, order: &[usize]) -> Figure {
    let known = &subject.env.space().concepts;
    let series = order.iter().take(MAX_CURVES).map(|&place| Series {
        name: known[course.concepts[place]].id.clone(),
        points: points(course, |found| found.weights[place]),
        control: false,
    });
    let untrained = course.found.first().and_then(Option::as_ref);
    let mut numbers = Vec::new();
    if let Some(&first) = order.first() {
        let name = &known[course.concepts[first]].id;
        let weight = |found: &Regression| f64::from(found.weights[first]);
        numbers.push(Number::new(
            "weight",
            &format!("weight of {name}"),
            weight(newest),
        ));
        let before = untrained.map_or(0.0, weight);
        numbers.push(Number::new("weight_untrained", "untrained", before).control());
    }
    if let Some(truth) = &course.truth {
        let like = |found: &Regression| f64::from(correlation(&found.weights, &truth.weights));
        let before = untrained.map_or(0.0, like);
        numbers.extend([
            Number::new("like_truth", "correlation with true weights", like(newest)),
            Number::new("like_truth_untrained", "untrained", before).control(),
        ]);
    }
    Figure {
        title: "Weights over training".into(),
        caption: "By how many deviations the value moves for a deviation of each concept, the others held \
                  still: ridge regression at each checkpoint, the largest weights."
            .into(),
        body: Body::Lines {
            x: Scale::numeric("update", ""),
            y: Scale::numeric("standardised weight", ""),
            series: series.collect(),
        },
        numbers,
    }
}

fn table(subject: &Subject<'_>, course: &Course, newest: &Regression, order: &[usize]) -> Figure {
    let known = &subject.env.space().concepts;
    let untrained = course.found.first().and_then(Option::as_ref);
    let cell = |found: Option<&Regression>, place: usize| match found {
        Some(found) => Cell::Number(found.weights[place].into()),
        None => Cell::Text("–".into()),
    };
    let row = |&place: &usize| {
        vec![
            Cell::Text(known[course.concepts[place]].id.clone()),
            Cell::Number(newest.weights[place].into()),
            Cell::Number(newest.spreads[place].into()),
            cell(untrained, place),
            cell(course.truth.as_ref(), place),
        ]
    };
    let columns = ["concept", "weight", "spread", "untrained", "true value"];
    Figure {
        title: "Weights".into(),
        caption: "Standardised weights of the newest value and their deviation between splits, beside those of \
                  the untrained value and of the value under optimal play."
            .into(),
        body: Body::Table {
            columns: columns.map(str::to_owned).to_vec(),
            rows: order.iter().map(row).collect(),
        },
        numbers: Vec::new(),
    }
}

fn explained(course: &Course, study: &Study, newest: &Regression) -> Figure {
    let mut series = vec![Series {
        name: "the network's value".into(),
        points: points(course, |found| found.r2),
        control: false,
    }];
    let r2 = |found: Option<&Regression>| found.map_or(0.0, |found| f64::from(found.r2));
    let untrained = course.found.first().and_then(Option::as_ref);
    let mut numbers = vec![
        Number::new("r2", "R², held out", newest.r2.into()),
        Number::new("r2_untrained", "untrained", r2(untrained)).control(),
        Number::new(
            "r2_shuffled",
            "states shuffled",
            r2(course.shuffled.as_ref()),
        )
        .control(),
    ];
    let controls = [
        ("states shuffled", &course.shuffled),
        ("the true value", &course.truth),
    ];
    series.extend(controls.into_iter().filter_map(|(name, found)| {
        let level = found.as_ref()?.r2;
        let flat = |update: &usize| (*update as f32, level);
        Some(Series {
            name: name.into(),
            points: course.updates.iter().map(flat).collect(),
            control: true,
        })
    }));
    if let Some(truth) = &course.truth {
        numbers.push(Number::new("r2_truth", "the true value", truth.r2.into()).control());
    }
    Figure {
        title: "Variance explained".into(),
        caption: format!(
            "How much of the value over {} states these concepts explain, on states held out; the rest is \
             what the network knows besides.",
            study.sample.states.len()
        ),
        body: Body::Lines {
            x: Scale::numeric("update", ""),
            y: Scale::numeric("R², held out", ""),
            series,
        },
        numbers,
    }
}
