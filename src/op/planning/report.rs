//! Plans that were read, as figures.

use super::{Estimate, Found, Scores, Source, Study, lines::Ground};
use crate::op::figure::{Bar, Body, Cell, Colour, Figure, Number, Scale};

/// Moves by site and ply, the best of them with controls, and ways on a grid.
pub fn figures(study: &Study, found: &Found<'_>) -> Vec<Figure> {
    let mut figures = vec![moves(study, found), table(study, found)];
    figures.extend(ways(study, found));
    figures
}

/// `now`, `1 ahead`, …
fn name_of(ply: usize) -> String {
    match ply {
        0 => "now".into(),
        ply => format!("{ply} ahead"),
    }
}

/// Scores of splits, on some of the states.
type On = fn(&Scores) -> &Vec<(f32, usize)>;

fn on_ground(ground: Ground) -> &'static str {
    match ground {
        Ground::Tree => "on the agent's search tree",
        Ground::Line => "on the agent's own line",
    }
}

/// What a ply is read from, and with what controls.
struct Row<'a> {
    ply: usize,
    site: &'a Source<'a>,
    /// Untrained, input, shuffled, policy.
    controls: [Option<&'a Scores>; 4],
}

/// The source that a question is read best from; the first of equals.
fn best<'a>(sources: &'a [Source<'a>], of: &dyn Fn(&Source<'_>) -> f32) -> Option<&'a Source<'a>> {
    sources.iter().reduce(|best, one| match of(one) > of(best) {
        true => one,
        false => best,
    })
}

fn row<'a>(found: &'a Found<'a>, ply: usize) -> Option<Row<'a>> {
    let of = |source: &Source<'_>| source.moves[ply].mean();
    // Controls may choose their site too.
    let highest = |sources: &'a [Source<'a>]| Some(&best(sources, &of)?.moves[ply]);
    Some(Row {
        ply,
        site: best(&found.sites, &of)?,
        controls: [
            highest(&found.untrained),
            Some(&found.input.moves[ply]),
            highest(&found.shuffled),
            found.policy.as_ref().map(|policy| &policy.moves[ply]),
        ],
    })
}

impl Row<'_> {
    fn scores(&self) -> &Scores {
        &self.site.moves[self.ply]
    }

    /// Whether the score stands above every control, on the same splits, by twice what the difference
    /// deviates between them.
    fn is_above(&self) -> bool {
        let above = |control: &&Scores| is_above(&self.scores().all, &control.all);
        self.controls.iter().flatten().all(above)
    }
}

fn is_above(scores: &[(f32, usize)], control: &[(f32, usize)]) -> bool {
    let differences: Vec<(f32, usize)> = scores
        .iter()
        .zip(control)
        .map(|(one, other)| (one.0 - other.0, 0))
        .collect();
    Estimate::of(&differences).is_some_and(|found| found.mean > 2.0 * found.spread)
}

fn moves(study: &Study, found: &Found<'_>) -> Figure {
    let sources = || {
        std::iter::once(&found.input)
            .chain(&found.sites)
            .chain(&found.policy)
    };
    let plies = 0..study.moves.len();
    let of_source = |source: &Source<'_>| -> Vec<Option<f32>> {
        let plies = source.moves.iter();
        plies
            .map(|scores| Some(Estimate::of(&scores.all)?.mean))
            .collect()
    };
    let rows = plies.clone().filter_map(|ply| row(found, ply));
    let above: Vec<bool> = rows.map(|row| row.is_above()).collect();
    // The move now is the policy's own answer.
    let ahead = above.iter().skip(1).take_while(|above| **above).count();
    let on = study.is_on.iter().filter(|on| **on).count() as f64;
    let name = format!("of them {}", on_ground(study.ground));
    Figure {
        title: "Coming moves".into(),
        caption: "How well the agent's coming moves are read from each site: macro F1 over actions, on states \
                  held out; the policy is its own logits, the columns are plies."
            .into(),
        body: Body::Heatmap {
            rows: Scale::labelled("site", sources().map(|source| source.name.clone()).collect()),
            columns: Scale::labelled("ply", plies.map(name_of).collect()),
            values: sources().flat_map(of_source).collect(),
            colour: Colour::Sequential {
                limit: 1.0,
                name: "macro F1".into(),
            },
        },
        numbers: vec![
            Number::new("plies_ahead", "plies ahead above all controls", ahead as f64)
                .out_of(study.moves.len() as f64 - 1.0),
            Number::new("states", "states", study.is_on.len() as f64),
            Number::new("states_on", &name, on),
        ],
    }
}

fn cell(estimate: Option<Estimate>) -> Cell {
    match estimate {
        Some(estimate) => Cell::Number(estimate.mean.into()),
        None => Cell::Text("–".into()),
    }
}

fn table(study: &Study, found: &Found<'_>) -> Figure {
    let rows: Vec<Row<'_>> = (0..study.moves.len())
        .filter_map(|ply| row(found, ply))
        .collect();
    let cells = |row: &Row<'_>| {
        let score = Estimate::of(&row.scores().all);
        let mut cells = vec![
            Cell::Text(name_of(row.ply)),
            Cell::Text(row.site.name.clone()),
            cell(score),
            Cell::Number(score.map_or(0.0, |one| one.spread).into()),
        ];
        let controls = row.controls.map(|control| Estimate::of(&control?.all));
        cells.extend(controls.map(cell));
        let parts = [&row.scores().on, &row.scores().off];
        cells.extend(parts.map(|part| cell(Estimate::of(part))));
        cells.push(match study.best[row.ply] {
            Some(share) => Cell::Number(share.into()),
            None => Cell::Text("–".into()),
        });
        cells
    };
    let columns = [
        "ply",
        "best at",
        "F1",
        "spread",
        "untrained",
        "input",
        "shuffled",
        "policy",
        match study.ground {
            Ground::Tree => "on the tree",
            Ground::Line => "own line",
        },
        "off it",
        "best moves",
    ];
    let mut numbers = Vec::new();
    for row in &rows {
        let id = |what: &str| match row.ply {
            0 => format!("f1_now{what}"),
            ply => format!("f1_{ply}_ahead{what}"),
        };
        let highest = |of: On| {
            let controls = row.controls.iter().flatten();
            controls
                .filter_map(|control| Some(Estimate::of(of(control))?.mean))
                .fold(0.0, f32::max)
        };
        let (on, off) = (on_ground(study.ground), "off it");
        let all: [(&str, &str, On); 3] = [
            (
                "",
                &format!("{}, from {}", name_of(row.ply), row.site.name),
                |one| &one.all,
            ),
            ("_on", on, |one| &one.on),
            ("_off", off, |one| &one.off),
        ];
        for (ground, name, of) in all {
            let Some(found) = Estimate::of(of(row.scores())) else {
                continue;
            };
            let control = id(&format!("{ground}_control"));
            numbers.push(Number::new(&id(ground), name, found.mean.into()));
            numbers.push(Number::new(&control, "highest control", highest(of).into()).control());
        }
    }
    Figure {
        title: "Moves with controls".into(),
        caption: format!(
            "Macro F1 at the best site, beside the best untrained site, the input, shuffled plans and the policy's \
             logits; then {} and off it, and the share of best moves.",
            on_ground(study.ground)
        ),
        body: Body::Table {
            columns: columns.map(str::to_owned).to_vec(),
            rows: rows.iter().map(cells).collect(),
        },
        numbers,
    }
}

/// By which side cells are left, by site; none where nothing walks on a grid.
fn ways(study: &Study, found: &Found<'_>) -> Option<Figure> {
    study.ways.as_ref()?;
    let of = |source: &Source<'_>| source.ways.as_ref().map_or(0.0, Scores::mean);
    let untrained = found.untrained.iter().map(|source| Some(of(source)));
    let controls = std::iter::once(None).chain(untrained);
    let sources = std::iter::once(&found.input).chain(&found.sites);
    let bars = sources.zip(controls).map(|(source, control)| Bar {
        name: source.name.clone(),
        value: of(source),
        control,
        site: source.site.map_or(String::new(), |site| site.name.clone()),
        unit: None,
    });
    let highest = |sources: &[Source<'_>]| best(sources, &of).map_or(0.0, of);
    let top = best(&found.sites, &of)?;
    Some(Figure {
        title: "Coming ways".into(),
        caption: "How well a probe reads by which side the agent will leave each cell, or that it will not: \
                  macro F1 of five classes; ticks are the same sites before training."
            .into(),
        body: Body::Bars {
            x: Scale {
                domain: Some((0.0, 1.0)),
                ..Scale::numeric("macro F1", "")
            },
            bars: bars.collect(),
        },
        numbers: vec![
            Number::new("ways_f1", &format!("from {}", top.name), of(top).into()),
            Number::new("ways_f1_untrained", "untrained", highest(&found.untrained).into()).control(),
            Number::new("ways_f1_input", "from the input", of(&found.input).into()).control(),
            Number::new("ways_f1_shuffled", "shuffled plans", highest(&found.shuffled).into()).control(),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::is_above;

    #[test]
    fn above_is_so_on_the_same_splits() {
        let scores = |values: [f32; 3]| values.map(|value| (value, 0));
        let found = scores([0.5, 0.6, 0.7]);
        // A difference of 0.1 each time, however much the splits differ.
        assert!(is_above(&found, &scores([0.4, 0.5, 0.6])));
        // Differences of 0.1, 0 and 0.2: they deviate by 0.1.
        assert!(!is_above(&found, &scores([0.4, 0.6, 0.5])));
        assert!(!is_above(&found, &found));
        assert!(!is_above(&[], &[]));
    }
}
