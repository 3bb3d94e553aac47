//! What was learned when and where, as figures.

use super::{Course, Fate, Row};
use crate::op::{
    Subject,
    figure::{Body, Cell, Colour, Figure, Number, Scale, Series},
    probe::{Estimate, SCORE, Study, mean_of},
};

/// Curves that can be told apart.
const MAX_CURVES: usize = 6;

/// A heatmap of the first row's concept, the curves of the first rows, and a table of all.
pub fn figures(
    subject: &Subject<'_>,
    study: &Study,
    course: &Course<'_>,
    rows: &[Row],
    constant: &[usize],
) -> Vec<Figure> {
    let gain = |row: &Row| row.score.mean - mean_of(row.untrained);
    let focus = rows
        .iter()
        .reduce(|best, row| if gain(row) > gain(best) { row } else { best });
    let Some(focus) = focus else {
        return Vec::new();
    };
    vec![
        surface(subject, course, focus),
        curves(subject, course, rows),
        table(subject, (study, course), rows, constant),
    ]
}

fn id<'a>(subject: &'a Subject<'_>, course: &Course<'_>, row: &Row) -> &'a str {
    &subject.env.space().concepts[course.concepts[row.place]].id
}

fn surface(subject: &Subject<'_>, course: &Course<'_>, focus: &Row) -> Figure {
    let name = id(subject, course, focus);
    let input = focus.input.map(|one| one.mean);
    let of_site = |site: usize| {
        let scores = course.scores.iter();
        scores.map(move |scores| Some(scores[site][focus.place]?.mean))
    };
    let values = std::iter::repeat_n(input, course.updates.len())
        .chain((0..course.sites.len()).flat_map(of_site));
    let sites = course.sites.iter().map(|site| site.name.clone());
    Figure {
        title: "What, when, where".into(),
        caption: format!(
            "How well {name} is read from the input and from each site at each checkpoint, the untrained \
             network on the left: balanced accuracy from chance 0 to 1, or R² of a number."
        ),
        body: Body::Heatmap {
            rows: Scale::labelled(
                "site",
                std::iter::once("input".into()).chain(sites).collect(),
            ),
            columns: Scale::labelled(
                "update",
                course.updates.iter().map(ToString::to_string).collect(),
            ),
            values: values.collect(),
            colour: Colour::Diverging {
                limit: 1.0,
                name: SCORE.into(),
            },
        },
        numbers: of_concept(name, course, focus),
    }
}

fn of_concept(name: &str, course: &Course<'_>, row: &Row) -> Vec<Number> {
    let site = &course.sites[row.site].name;
    let control = |id: &str, name: &str, estimate: Option<Estimate>| {
        Number::new(id, name, mean_of(estimate).into()).control()
    };
    vec![
        Number::new("score", &format!("{name} at {site}"), row.score.mean.into()),
        control("score_untrained", "untrained", row.untrained),
        control("score_input", "from the input", row.input),
        control("score_shuffled", "shuffled labels", row.shuffled),
    ]
}

fn curves(subject: &Subject<'_>, course: &Course<'_>, rows: &[Row]) -> Figure {
    let points = |values: &[f32]| {
        let updates = course.updates.iter().map(|update| *update as f32);
        updates.zip(values.iter().copied()).collect::<Vec<_>>()
    };
    let mut series: Vec<Series> = rows
        .iter()
        .take(MAX_CURVES)
        .map(|row| Series {
            name: id(subject, course, row).into(),
            points: points(&course.bests(row.place)),
            control: false,
        })
        .collect();
    let flat = |name: &str, of: &dyn Fn(&Row) -> Option<Estimate>| Series {
        name: name.into(),
        points: points(&vec![mean(rows, of) as f32; course.updates.len()]),
        control: true,
    };
    series.push(flat("mean from the input", &|row| row.input));
    series.push(flat("mean, shuffled labels", &|row| row.shuffled));
    Figure {
        title: "Concepts over training".into(),
        caption: format!(
            "How well a concept is read at each checkpoint from the site that serves it best there; the {} \
             that are learned first, or gain most.",
            rows.len().min(MAX_CURVES)
        ),
        body: Body::Lines {
            x: Scale::numeric("update", ""),
            y: Scale::numeric(SCORE, ""),
            series,
        },
        numbers: vec![
            Number::new(
                "mean_score",
                "mean of all concepts",
                mean(rows, &|row| Some(row.score)),
            ),
            Number::new(
                "mean_untrained",
                "untrained",
                mean(rows, &|row| row.untrained),
            )
            .control(),
            Number::new("mean_input", "from the input", mean(rows, &|row| row.input)).control(),
            Number::new(
                "mean_shuffled",
                "shuffled labels",
                mean(rows, &|row| row.shuffled),
            )
            .control(),
        ],
    }
}

fn mean(rows: &[Row], of: &dyn Fn(&Row) -> Option<Estimate>) -> f64 {
    let sum: f64 = rows.iter().map(|row| f64::from(mean_of(of(row)))).sum();
    sum / rows.len().max(1) as f64
}

fn table(
    subject: &Subject<'_>,
    (study, course): (&Study, &Course<'_>),
    rows: &[Row],
    constant: &[usize],
) -> Figure {
    let known = &subject.env.space().concepts;
    let cell = |estimate: Option<Estimate>| match estimate {
        Some(estimate) => Cell::Number(estimate.mean.into()),
        None => Cell::Text("–".into()),
    };
    let row = |row: &Row| {
        vec![
            Cell::Text(id(subject, course, row).into()),
            match row.fate {
                Fate::Learned(place) => Cell::Number(course.updates[place] as f64),
                Fate::Unchanged => Cell::Text("as before training".into()),
                Fate::Lost => Cell::Text("worse than before".into()),
            },
            Cell::Text(course.sites[row.site].name.clone()),
            cell(Some(row.score)),
            Cell::Number(row.score.spread.into()),
            cell(row.untrained),
            cell(row.input),
            cell(row.shuffled),
        ]
    };
    let columns = [
        "concept",
        "learned at",
        "best at",
        "score",
        "spread",
        "untrained",
        "input",
        "shuffled",
    ];
    Figure {
        title: "Order of learning".into(),
        caption: "The update from which a concept's best score stays above half-way between untrained and \
                  final, if it rises by 0.1; then the final score at the site that serves it best, with controls."
            .into(),
        body: Body::Table {
            columns: columns.map(str::to_owned).to_vec(),
            rows: rows.iter().map(row).collect(),
        },
        numbers: order(subject, (study, course), rows, (constant, known.len())),
    }
}

/// Mean place of the best site, from 0 of the first hidden one to 1 of the last; none of no concepts.
fn mean_depth(course: &Course<'_>, rows: &[&Row]) -> Option<f64> {
    let deepest = course.num_hidden.saturating_sub(1).max(1) as f64;
    let sum: f64 = rows.iter().map(|row| row.site as f64 / deepest).sum();
    (!rows.is_empty()).then(|| sum / rows.len() as f64)
}

/// How many concepts are learned, and when and where each is.
fn order(
    subject: &Subject<'_>,
    (study, course): (&Study, &Course<'_>),
    rows: &[Row],
    (constant, num_known): (&[usize], usize),
) -> Vec<Number> {
    let is_learned = |row: &&Row| matches!(row.fate, Fate::Learned(_));
    let count = rows.iter().filter(is_learned).count() as f64;
    let mut numbers = vec![
        Number::new("learned_concepts", "concepts learned", count).out_of(rows.len() as f64),
        Number::new("states", "states", study.sample.states.len() as f64),
    ];
    if !constant.is_empty() {
        let count = constant.len() as f64;
        numbers.push(
            Number::new("constant_concepts", "concepts that do not vary here", count)
                .out_of(num_known as f64),
        );
    }
    let (learned, rest): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(is_learned);
    let depths = [
        (
            "learned_depth",
            "depth where learned ones are read best",
            &learned,
        ),
        ("other_depth", "of the others", &rest),
    ];
    for (id, name, rows) in depths {
        if let Some(depth) = mean_depth(course, rows) {
            let number = Number::new(id, name, depth).out_of(1.0);
            numbers.push(match id {
                "other_depth" => number.control(),
                _ => number,
            });
        }
    }
    for row in rows {
        let Fate::Learned(place) = row.fate else {
            continue;
        };
        let name = id(subject, course, row);
        let update = course.updates[place] as f64;
        numbers.push(
            Number::new(
                &format!("learned_at_{name}"),
                &format!("{name} learned at"),
                update,
            )
            .unit("updates"),
        );
    }
    numbers
}
