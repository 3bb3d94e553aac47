//! What an autoencoder learned, as figures.

use super::{Fit, Learned, Spliced};
use crate::{
    model::Site,
    op::{
        figure::{Bar, Body, Cell, Figure, Number, Scale, Series},
        linear::Matrix,
        samples::{self, Facts},
    },
};

/// Features of the table.
const NUM_ROWS: usize = 24;

/// The course of training, and what is left of the policy.
pub fn figures(
    site: &Site,
    trained: &Learned,
    control: Option<&Learned>,
    spliced: &Spliced,
) -> Vec<Figure> {
    vec![
        losses(site, trained, control),
        at_work(trained, control),
        recovered(site, spliced),
    ]
}

fn series(name: &str, learned: &Learned, control: bool, of: fn(&super::Seen) -> f32) -> Series {
    let point = |(step, seen): &(usize, super::Seen)| (*step as f32, of(seen));
    Series {
        name: name.into(),
        points: learned.course.iter().map(point).collect(),
        control,
    }
}

fn losses(site: &Site, trained: &Learned, control: Option<&Learned>) -> Figure {
    let explained = |learned: &Learned| Fit::new(&learned.sae, &learned.data.held_out).explained;
    let first = Fit::new(&trained.first, &trained.data.held_out).explained;
    let numbers = [
        explained(trained)
            .map(|value| Number::new("explained_variance", "held-out variance explained", value)),
        control.and_then(explained).map(|value| {
            Number::new("explained_variance_untrained", "untrained network", value).control()
        }),
        first.map(|value| {
            Number::new("explained_variance_first", "random directions", value).control()
        }),
    ];
    let untrained =
        control.map(|control| series("untrained network", control, true, |seen| seen.error));
    Figure {
        title: "Loss of the autoencoder".into(),
        caption: format!(
            "Squared error of what features make of {}, as a share of its variance, over training steps; 1 is \
             no better than the mean.",
            site.name
        ),
        body: Body::Lines {
            x: Scale::numeric("step", ""),
            y: Scale::numeric("share of variance left", ""),
            series: [series("this network", trained, false, |seen| seen.error)]
                .into_iter()
                .chain(untrained)
                .collect(),
        },
        numbers: numbers.into_iter().flatten().collect(),
    }
}

/// How many features are active, and how many never are.
fn at_work(trained: &Learned, control: Option<&Learned>) -> Figure {
    let fit = Fit::new(&trained.sae, &trained.data.held_out);
    let other = control.map(|control| Fit::new(&control.sae, &control.data.held_out));
    let total = trained.sae.num_features() as f64;
    let mut numbers = vec![
        Number::new(
            "active_features",
            "features active at once (L0)",
            fit.active,
        ),
        Number::new("dead_features", "features never active", fit.dead as f64).out_of(total),
    ];
    if let Some(other) = other {
        numbers.push(
            Number::new(
                "active_features_untrained",
                "active, untrained network",
                other.active,
            )
            .control(),
        );
        numbers.push(
            Number::new(
                "dead_features_untrained",
                "never active, untrained network",
                other.dead as f64,
            )
            .out_of(total)
            .control(),
        );
    }
    Figure {
        title: "Features at work".into(),
        caption: "Features that are active at once (L0), and features that have not been active for a while, over \
                  training steps."
            .into(),
        body: Body::Lines {
            x: Scale::numeric("step", ""),
            y: Scale::numeric("features", ""),
            series: vec![
                series("active", trained, false, |seen| seen.active),
                series("dead", trained, false, |seen| seen.dead as f32),
            ],
        },
        numbers,
    }
}

fn recovered(site: &Site, spliced: &Spliced) -> Figure {
    let bar = |name: &str, value: f32, control: Option<f32>| Bar {
        name: name.into(),
        value,
        control,
        site: site.name.clone(),
        unit: None,
    };
    let numbers = [
        spliced.recovered(spliced.learned).map(|value| {
            Number::new(
                "loss_recovered",
                "policy recovered, 0 mean to 1 clean",
                value,
            )
        }),
        spliced
            .recovered(spliced.first)
            .map(|value| Number::new("loss_recovered_first", "random directions", value).control()),
    ];
    Figure {
        title: "Spliced in".into(),
        caption: format!(
            "How far the policy moves on held-out states when {} is replaced with what the features make of it; \
             ticks are the first, random directions.",
            site.name
        ),
        body: Body::Bars {
            x: Scale::numeric("mean KL divergence", "nats"),
            bars: vec![
                bar("reconstruction", spliced.learned, Some(spliced.first)),
                bar("its mean", spliced.mean, None),
            ],
        },
        numbers: numbers.into_iter().flatten().collect(),
    }
}

/// Features that are active somewhere, that with most activity first.
pub fn foremost(strengths: &[Vec<f32>]) -> Vec<usize> {
    let total: Vec<f32> = strengths.iter().map(|scores| scores.iter().sum()).collect();
    let mut order: Vec<usize> = (0..total.len())
        .filter(|&feature| total[feature] > 0.0)
        .collect();
    order.sort_by(|&one, &other| total[other].total_cmp(&total[one]));
    order
}

/// What each feature follows.
pub fn table(
    site: &Site,
    (trained, control): (&Learned, Option<&Learned>),
    strengths: &[Vec<f32>],
    facts: &Facts,
) -> Figure {
    let order = foremost(strengths);
    let row = |&feature: &usize| {
        let scores = &strengths[feature];
        let active = scores.iter().filter(|x| **x > 0.0).count();
        let mut cells = vec![
            Cell::Text(feature.to_string()),
            Cell::Number(active as f64 / scores.len() as f64),
            Cell::Number(scores[samples::highest(scores)].into()),
        ];
        if let Some(followed) = facts.best(scores) {
            cells.push(Cell::Text(followed.concept));
            cells.push(Cell::Number(followed.correlation.into()));
        }
        cells
    };
    let rows: Vec<Vec<Cell>> = order.iter().take(NUM_ROWS).map(row).collect();
    let columns = [
        "feature",
        "active in",
        "strongest",
        "concept",
        "correlation",
    ];
    let width = rows.first().map_or(columns.len(), Vec::len);
    let cells = samples::cells(site);
    let living = |strengths: &[Vec<f32>]| {
        let order = foremost(strengths);
        facts.mean_of_best(order.iter().map(|&feature| &strengths[feature]))
    };
    let of = |learned: &Learned, sae| living(&super::strengths(sae, &learned.data.held_out, cells));
    let numbers = [
        living(strengths).map(|value| {
            Number::new(
                "mean_concept_correlation",
                "best concept, mean over features",
                value,
            )
        }),
        facts
            .mean_of_best(units(&trained.data.held_out, cells).iter())
            .map(|value| {
                Number::new(
                    "mean_concept_correlation_units",
                    "the units themselves",
                    value,
                )
                .control()
            }),
        control
            .and_then(|control| of(control, &control.sae))
            .map(|value| {
                Number::new(
                    "mean_concept_correlation_untrained",
                    "untrained network",
                    value,
                )
                .control()
            }),
        of(trained, &trained.first).map(|value| {
            Number::new("mean_concept_correlation_first", "random directions", value).control()
        }),
    ];
    Figure {
        title: "Features and concepts".into(),
        caption: "The busiest features: the share of held-out states where each is active, its most, and the concept \
                  that it correlates with best."
            .into(),
        body: Body::Table {
            columns: columns[..width].iter().map(|&name| name.into()).collect(),
            rows,
        },
        numbers: numbers.into_iter().flatten().collect(),
    }
}

/// How strong each unit that varies is in each state, at its strongest cell. `[unit][state]`.
fn units(data: &Matrix, cells: usize) -> Vec<Vec<f32>> {
    let strongest = |unit: usize| {
        let column: Vec<f32> = data.each_row().map(|row| row[unit]).collect();
        let most = |state: &[f32]| state.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        column.chunks_exact(cells).map(most).collect::<Vec<f32>>()
    };
    let varies = |scores: &Vec<f32>| scores.iter().any(|score| *score != scores[0]);
    (0..data.columns).map(strongest).filter(varies).collect()
}
