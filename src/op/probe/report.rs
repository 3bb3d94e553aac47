//! What probes found, as figures.

use super::{Estimate, Kind, Row, Study, mean_of};
use crate::{
    model::Site,
    op::{
        Subject,
        figure::{Bar, Body, Cell, Colour, Figure, Number, Scale},
    },
};

/// What every score is, in words.
pub const SCORE: &str = "score, chance 0";

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Linear => "linear",
        Kind::Sparse => "sparse",
        Kind::Discriminant => "discriminant",
        Kind::Nonlinear => "nonlinear",
    }
}

/// What states are held out by.
fn unit_of_split(subject: &Subject<'_>) -> &'static str {
    let can_list = subject.env.enumerate().is_some();
    match (can_list, subject.env.space().symmetries.len()) {
        (true, 0..=1) => "by state",
        (true, _) => "by state with its mirror images",
        (false, _) => "by episode, one state of each",
    }
}

/// Every concept at every site.
pub fn scores(
    subject: &Subject<'_>,
    study: &Study,
    (sites, asked): (&[&Site], &[usize]),
    (concepts, scores): (&[usize], &[Vec<Option<Estimate>>]),
    constant: &[usize],
) -> Figure {
    let known = &subject.env.space().concepts;
    let id = |&concept: &usize| known[concept].id.clone();
    let values = asked.iter().flat_map(|concept| {
        let place = concepts.iter().position(|one| one == concept);
        let at = move |of_site: &Vec<Option<Estimate>>| Some(of_site[place?]?.mean);
        scores.iter().map(at)
    });
    let mut numbers = vec![
        Number::new("states", "states", study.sample.states.len() as f64),
        Number::new("held_out", "of them held out", held_out(study)),
    ];
    if !constant.is_empty() {
        let names: Vec<String> = constant.iter().map(id).collect();
        let name = format!("do not vary here: {}", names.join(", "));
        let count = constant.len() as f64;
        numbers.push(Number::new("constant_concepts", &name, count).out_of(asked.len() as f64));
    }
    Figure {
        title: "Concepts by site".into(),
        caption: format!(
            "How well {} probes read each concept at each site: balanced accuracy from chance 0 to 1, or R² \
             of a number; mean of {} splits {}.",
            name_of(study.kind),
            study.splits.len(),
            unit_of_split(subject)
        ),
        body: Body::Heatmap {
            rows: Scale::labelled("concept", asked.iter().map(id).collect()),
            columns: Scale::labelled("site", sites.iter().map(|site| site.name.clone()).collect()),
            values: values.collect(),
            colour: Colour::Diverging {
                limit: 1.0,
                name: SCORE.into(),
            },
        },
        numbers,
    }
}

fn held_out(study: &Study) -> f64 {
    let sizes = study.splits.iter().map(|split| split.test.len() as f64);
    sizes.sum::<f64>() / study.splits.len() as f64
}

/// The same with controls, where they were measured: bars and a table. None where nothing was.
pub fn controls(
    subject: &Subject<'_>,
    study: &Study,
    rows: &[Row<'_>],
    focus: Option<&Row<'_>>,
) -> Vec<Figure> {
    let Some(focus) = focus else {
        return Vec::new();
    };
    let is_one = rows.iter().all(|row| row.concept == focus.concept);
    vec![
        bars(subject, rows, focus, is_one),
        table(subject, study, rows, focus),
    ]
}

fn bars(subject: &Subject<'_>, rows: &[Row<'_>], focus: &Row<'_>, is_one: bool) -> Figure {
    let id = |row: &Row<'_>| &subject.env.space().concepts[row.concept].id;
    let bars = rows.iter().map(|row| Bar {
        name: match is_one {
            true => row.site.name.clone(),
            false => format!("{}, {}", id(row), row.site.name),
        },
        value: row.trained.mean,
        control: row.untrained.map(|one| one.mean),
        site: row.site.name.clone(),
        unit: None,
    });
    let lowest = rows
        .iter()
        .flat_map(|row| [row.trained.mean, mean_of(row.untrained)])
        .fold(0.0, f32::min);
    let (title, caption) = match is_one {
        true => (
            "Score by site",
            format!(
                "How well {} is read at each site; ticks are the same site before training.",
                id(focus)
            ),
        ),
        false => (
            "Best site by concept",
            "How well each concept is read at the hidden site that serves it best; ticks are the same site \
             before training."
                .into(),
        ),
    };
    Figure {
        title: title.into(),
        caption,
        body: Body::Bars {
            x: Scale {
                domain: Some((lowest, 1.0)),
                ..Scale::numeric(SCORE, "")
            },
            bars: bars.collect(),
        },
        numbers: means(rows),
    }
}

/// Means over the rows of the score and of each control.
fn means(rows: &[Row<'_>]) -> Vec<Number> {
    let mean = |of: &dyn Fn(&Row<'_>) -> f32| {
        rows.iter().map(|row| f64::from(of(row))).sum::<f64>() / rows.len() as f64
    };
    vec![
        Number::new("mean_score", "mean of these", mean(&|row| row.trained.mean)),
        Number::new(
            "mean_untrained",
            "untrained",
            mean(&|row| mean_of(row.untrained)),
        )
        .control(),
        Number::new(
            "mean_input",
            "from the input",
            mean(&|row| mean_of(row.input)),
        )
        .control(),
        Number::new(
            "mean_shuffled",
            "shuffled labels",
            mean(&|row| mean_of(row.shuffled)),
        )
        .control(),
    ]
}

fn table(subject: &Subject<'_>, study: &Study, rows: &[Row<'_>], focus: &Row<'_>) -> Figure {
    let known = &subject.env.space().concepts;
    let cell = |estimate: Option<Estimate>| match estimate {
        Some(estimate) => Cell::Number(estimate.mean.into()),
        None => Cell::Text("–".into()),
    };
    let is_sparse = study.kind == Kind::Sparse;
    let row = |row: &Row<'_>| {
        let mut cells = vec![
            Cell::Text(known[row.concept].id.clone()),
            Cell::Text(row.site.name.clone()),
            cell(Some(row.trained)),
            Cell::Number(row.trained.spread.into()),
            cell(row.untrained),
            cell(row.input),
            cell(row.shuffled),
            Cell::Number((row.trained.mean - mean_of(row.shuffled)).into()),
        ];
        if is_sparse {
            cells.push(Cell::Number(row.trained.read.into()));
        }
        cells
    };
    let mut columns = vec![
        "concept",
        "site",
        "score",
        "spread",
        "untrained",
        "input",
        "shuffled",
        "selectivity",
    ];
    if is_sparse {
        columns.push("elements");
    }
    let name = format!("{} at {}", known[focus.concept].id, focus.site.name);
    let shuffled = mean_of(focus.shuffled);
    let control = |id: &str, name: &str, value: f32| Number::new(id, name, value.into()).control();
    Figure {
        title: "Scores with controls".into(),
        caption: "Mean score and its deviation between splits, and the same from an untrained network, from \
                  the raw input and with shuffled labels; selectivity is the score less the latter."
            .into(),
        body: Body::Table {
            columns: columns.into_iter().map(str::to_owned).collect(),
            rows: rows.iter().map(row).collect(),
        },
        numbers: vec![
            Number::new("score", &name, focus.trained.mean.into()),
            control("score_untrained", "untrained", mean_of(focus.untrained)),
            control("score_input", "from the input", mean_of(focus.input)),
            control("score_shuffled", "shuffled labels", shuffled),
            Number::new("selectivity", "selectivity", (focus.trained.mean - shuffled).into()),
        ],
    }
}
