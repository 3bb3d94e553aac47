//! Concepts in teacher and student, side by side.

use super::NAMES;
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

/// How well each concept can be read from each network, and where the two differ.
pub fn probed(sites: &[Site], concepts: &[Vec<Figure>]) -> Vec<Figure> {
    let best: Option<Vec<_>> = concepts
        .iter()
        .map(|figures| best_by_concept(sites, figures))
        .collect();
    let Some([teacher, student, first, fresh]) = best.as_deref() else {
        return Vec::new();
    };
    let cell = |score: Option<f32>| match score {
        Some(score) => Cell::Number(score.into()),
        None => Cell::Text("–".into()),
    };
    let row = |place: usize| {
        let mut cells = vec![Cell::Text(teacher[place].0.clone())];
        cells.extend([teacher, student, first, fresh].map(|one| cell(one[place].1)));
        cells
    };
    let mean = |one: &[(String, Option<f32>)]| {
        let scores: Vec<f64> = one.iter().filter_map(|one| one.1.map(f64::from)).collect();
        scores.iter().sum::<f64>() / scores.len().max(1) as f64
    };
    let mut columns = vec!["concept".to_owned()];
    columns.extend(NAMES.map(String::from));
    let table = Figure {
        title: "Concepts side by side".into(),
        caption: "How well a linear probe reads each concept from the best hidden site of each network: balanced \
                  accuracy from chance 0 to 1, or R² of a number."
            .into(),
        body: Body::Table {
            columns,
            rows: (0..teacher.len()).map(row).collect(),
        },
        numbers: vec![
            Number::new("concepts_student", "mean probe score, student", mean(student)),
            Number::new("concepts_teacher", "teacher", mean(teacher)).control(),
            Number::new("concepts_teacher_untrained", "untrained teacher", mean(first)).control(),
            Number::new("concepts_student_untrained", "untrained student", mean(fresh)).control(),
        ],
    };
    [Some(table), difference(concepts)]
        .into_iter()
        .flatten()
        .collect()
}

/// The student's probe scores less the teacher's, by concept and site.
fn difference(concepts: &[Vec<Figure>]) -> Option<Figure> {
    let scores = |place: usize| match &concepts.get(place)?.first()?.body {
        Body::Heatmap {
            rows,
            columns,
            values,
            ..
        } => Some((rows, columns, values)),
        _ => None,
    };
    let ((rows, columns, teacher), (_, _, student)) = (scores(0)?, scores(1)?);
    let less = |(one, other): (&Option<f32>, &Option<f32>)| Some((*other)? - (*one)?);
    let values: Vec<Option<f32>> = teacher.iter().zip(student).map(less).collect();
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
            rows: rows.clone(),
            columns: columns.clone(),
            values,
            colour: Colour::Diverging {
                limit: most,
                name: "student less teacher".into(),
            },
        },
        numbers: Vec::new(),
    })
}
