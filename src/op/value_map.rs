//! What the agent expects from every cell where it could stand, beside what could be had from there.

use super::{
    OpEntry, Subject,
    figure::{Body, Colour, Figure, Number, Scale},
    walk::{self, on_grid},
};
use crate::{
    env::Placement,
    error::Result,
    model::evaluator::Evaluator,
    schema::{self, NoParameters},
};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "value_map",
    title: "Value map",
    summary: "The value of standing on each free cell, beside the best return from there where it is known.",
    schema: schema::schema_of::<NoParameters>,
    num_states: 1,
    run: |subject, value| {
        Box::pin(async move {
            schema::parameters::<NoParameters>(value, "value_map")?;
            run(subject).await
        })
    },
};

async fn run(subject: &Subject<'_>) -> Result<Vec<Figure>> {
    let (state, placements) = walk::placements(subject)?;
    let clean = subject.clean();
    let values = values(&clean, &placements).await?;
    let untrained = self::values(&subject.untrained, &placements).await?;
    let best: Option<Vec<f32>> = placements
        .iter()
        .map(|one| one.env.optimum().map(|optimum| optimum.value))
        .collect();
    let scene = state.scene();
    let grid = (scene.rows, scene.columns);
    let draw = |title: &str, caption: &str, values: &[f32], name: &str, numbers| {
        let cells = placements.iter().map(|one| one.cell);
        heatmap(title, caption, on_grid(grid, cells, values), name, numbers)
    };
    let mut numbers = Vec::new();
    if let Some(best) = &best {
        let agreement = |values: &[f32]| f64::from(correlation(values, best));
        numbers = vec![
            Number::new(
                "value_correlation",
                "correlation with the best return",
                agreement(&values),
            ),
            Number::new(
                "value_correlation_untrained",
                "untrained",
                agreement(&untrained),
            )
            .control(),
        ];
    }
    let mut figures = vec![draw(
        "Value map",
        "The network's value of the agent standing on each cell; cells without one are walls or taken.",
        &values,
        "value",
        numbers,
    )];
    if let Some(best) = &best {
        figures.push(draw(
            "Best return",
            "What an optimal agent would collect from each cell, computed exactly and without discount.",
            best,
            "return",
            Vec::new(),
        ));
    }
    if !subject.evaluator.edits.is_empty() {
        let edited = self::values(&subject.evaluator, &placements).await?;
        let change: Vec<f32> = edited.iter().zip(&values).map(|(a, b)| a - b).collect();
        let mean = change.iter().map(|x| f64::from(x.abs())).sum::<f64>() / change.len() as f64;
        figures.push(draw(
            "Difference",
            "What the edits of this session add to the value of each cell.",
            &change,
            "change of value",
            vec![Number::new(
                "mean_value_change",
                "mean change of a value",
                mean,
            )],
        ));
    }
    Ok(figures)
}

async fn values(evaluator: &Evaluator, placements: &[Placement]) -> Result<Vec<f32>> {
    let states: Vec<_> = placements.iter().map(|one| one.env.clone()).collect();
    Ok(evaluator.evaluate_states(&states).await?.values)
}

/// Values on the cells of a scene.
pub(super) struct OnGrid {
    pub rows: usize,
    pub columns: usize,
    pub values: Vec<Option<f32>>,
}

/// A map over the cells of a scene: signed values around zero, others from zero.
pub(super) fn heatmap(
    title: &str,
    caption: &str,
    map: OnGrid,
    name: &str,
    numbers: Vec<Number>,
) -> Figure {
    let found = || map.values.iter().flatten().copied();
    let limit = found().fold(1e-6, |limit: f32, x| limit.max(x.abs()));
    let name = name.to_owned();
    let colour = match found().any(|x| x < 0.0) {
        true => Colour::Diverging { limit, name },
        false => Colour::Sequential { limit, name },
    };
    let labels = |count: usize| (1..=count).map(|place| place.to_string()).collect();
    Figure {
        title: title.into(),
        caption: caption.into(),
        body: Body::Heatmap {
            rows: Scale::labelled("row", labels(map.rows)),
            columns: Scale::labelled("column", labels(map.columns)),
            values: map.values,
            colour,
        },
        numbers,
    }
}

/// Pearson's correlation; 0 where one of them does not vary.
pub(super) fn correlation(one: &[f32], other: &[f32]) -> f32 {
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    let (a, b) = (mean(one), mean(other));
    let products = |f: &dyn Fn(f32, f32) -> f32| -> f32 {
        one.iter().zip(other).map(|(x, y)| f(x - a, y - b)).sum()
    };
    let spread = products(&|x, _| x * x) * products(&|_, y| y * y);
    match spread > 0.0 {
        true => products(&|x, y| x * y) / spread.sqrt(),
        false => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlation_by_hand() {
        assert!((correlation(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]) - 1.0).abs() < 1e-6);
        assert!((correlation(&[1.0, 2.0, 3.0], &[1.0, 3.0, 2.0]) - 0.5).abs() < 1e-6);
        assert_eq!(correlation(&[1.0, 1.0], &[1.0, 2.0]), 0.0);
    }
}
