//! Concepts in teacher and student, side by side.

use super::{Party, Said};
use crate::{
    model::Site,
    op::figure::{Body, Cell, Colour, Figure, Number},
};

/// Scores of probes by concept, the best of any hidden site: `[concept]`.
fn best_by_concept(sites: &[Site], figures: &[Figure]) -> Option<Vec<(String, Option<f32>)>> {
    let Body::Heatmap {
        rows,
        columns,
        values,
        ..
    } = &figures.first()?.body
    else {
        return None;
    };
    let is_hidden = |name: &String| {
        let mut sites = sites.iter().filter(|site| super::is_hidden(site));
        sites.any(|site| site.name == *name)
    };
    let scores = values.chunks_exact(columns.labels.len().max(1));
    let best = |scores: &[Option<f32>]| {
        let places = columns.labels.iter().zip(scores);
        let hidden = places.filter(|(name, _)| is_hidden(name));
        hidden.filter_map(|(_, score)| *score).reduce(f32::max)
    };
    Some(rows.labels.iter().cloned().zip(scores.map(best)).collect())
}

/// How well each concept can be read from each network, and where teacher and student differ.
pub fn probed(parties: &[Party<'_>], said: &[Said]) -> Vec<Figure> {
    let networks = parties.iter().zip(said);
    let best: Option<Vec<_>> = networks
        .map(|(party, said)| best_by_concept(party.sites, said.concepts.as_deref()?))
        .collect();
    let Some(best) = best else {
        return Vec::new();
    };
    let cell = |score: Option<f32>| match score {
        Some(score) => Cell::Number(score.into()),
        None => Cell::Text("–".into()),
    };
    let row = |place: usize| {
        let mut cells = vec![Cell::Text(best[0][place].0.clone())];
        cells.extend(best.iter().map(|one| cell(one[place].1)));
        cells
    };
    let number = |id: &str, name: &str| {
        let place = parties.iter().position(|party| party.id == id)?;
        let scores = best[place].iter().filter_map(|one| one.1.map(f64::from));
        let scores: Vec<f64> = scores.collect();
        let mean = scores.iter().sum::<f64>() / scores.len().max(1) as f64;
        Some(Number::new(&format!("concepts_{id}"), name, mean))
    };
    let control = |id, name| number(id, name).map(Number::control);
    let numbers = [
        number("student", "mean probe score, student"),
        control("teacher", "teacher"),
        control("equal", "student of equal width"),
        control("teacher_untrained", "untrained teacher"),
        control("student_untrained", "untrained student"),
    ];
    let mut columns = vec!["concept".to_owned()];
    columns.extend(parties.iter().map(|party| party.name.to_owned()));
    let table = Figure {
        title: "Concepts side by side".into(),
        caption: "How well a linear probe reads each concept from the best hidden site of each network: balanced \
                  accuracy from chance 0 to 1, or R² of a number."
            .into(),
        body: Body::Table {
            columns,
            rows: (0..best[0].len()).map(row).collect(),
        },
        numbers: numbers.into_iter().flatten().collect(),
    };
    [Some(table), difference(&said[0], &said[1])]
        .into_iter()
        .flatten()
        .collect()
}

/// The student's probe scores less the teacher's, by concept and site.
fn difference(teacher: &Said, student: &Said) -> Option<Figure> {
    let scores = |said: &'_ Said| match &said.concepts.as_ref()?.first()?.body {
        Body::Heatmap {
            rows,
            columns,
            values,
            ..
        } => Some((rows.clone(), columns.clone(), values.clone())),
        _ => None,
    };
    let ((rows, columns, teacher), (_, _, student)) = (scores(teacher)?, scores(student)?);
    let less = |(one, other): (&Option<f32>, &Option<f32>)| Some((*other)? - (*one)?);
    let values: Vec<Option<f32>> = teacher.iter().zip(&student).map(less).collect();
    let most = values
        .iter()
        .flatten()
        .fold(0.05_f32, |top, x| top.max(x.abs()));
    Some(Figure {
        title: "Concepts won and lost".into(),
        caption: "Probe scores of the student less the teacher's, by concept and site: above zero where the student \
                  says more plainly what the state is like."
            .into(),
        body: Body::Heatmap {
            rows,
            columns,
            values,
            colour: Colour::Diverging {
                limit: most,
                name: "student less teacher".into(),
            },
        },
        numbers: Vec::new(),
    })
}
