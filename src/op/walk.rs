//! What ops about agents on a grid share: arrows at every cell, numbers at every cell.

use super::{
    Subject,
    figure::{Body, Colour, Figure, Number},
    value_map::OnGrid,
};
use crate::{
    agent::Decision,
    env::{
        Env, Placement,
        scene::{Role, Scene, Stroke},
    },
    error::{Error, Result},
    model::evaluator::Evaluator,
};

/// A net direction at a cell, `(right, down)`, at most 1 long on each axis.
pub(super) type Arrow = ((usize, usize), (f32, f32));

/// The first state, and it with the agent at every cell where it may stand. Errors: `NotApplicable`.
pub(super) fn placements<'a>(subject: &'a Subject<'_>) -> Result<(&'a dyn Env, Vec<Placement>)> {
    let [state, ..] = subject.states.as_slice() else {
        return Err(Error::not_applicable("this op looks at a state"));
    };
    let placements = state.placements();
    if placements.is_empty() {
        return Err(Error::not_applicable(
            "nothing in this environment stands on one cell and moves to the next",
        ));
    }
    Ok((state.as_ref(), placements))
}

/// The net direction at each placement.
pub(super) async fn arrows(evaluator: &Evaluator, placements: &[Placement]) -> Result<Vec<Arrow>> {
    let states: Vec<_> = placements.iter().map(|one| one.env.clone()).collect();
    let decided = Decision::bare(evaluator, &states).await?;
    let arrow = |(place, decision): (&Placement, Decision)| {
        let (row, column) = place.cell;
        let mut sum = (0.0, 0.0);
        for target in place.env.scene().targets {
            let p = decision.policy[target.action];
            sum.0 += p * (target.column as f32 - column as f32);
            sum.1 += p * (target.row as f32 - row as f32);
        }
        (place.cell, sum)
    };
    Ok(placements.iter().zip(decided).map(arrow).collect())
}

/// What turns arrows `before` into `after`.
pub(super) fn change(before: &[Arrow], after: &[Arrow]) -> Vec<Arrow> {
    let less = |(&(cell, (x, y)), &(_, (u, v))): (&Arrow, &Arrow)| (cell, (u - x, v - y));
    before.iter().zip(after).map(less).collect()
}

/// Mean length of arrows.
pub(super) fn mean_length(arrows: &[Arrow]) -> f64 {
    let total: f32 = arrows.iter().map(|&(_, (x, y))| x.hypot(y)).sum();
    f64::from(total) / arrows.len().max(1) as f64
}

/// A figure of arrows on a state; one of length `unit` is 0.8 cells long.
pub(super) fn field(
    title: &str,
    caption: &str,
    state: &dyn Env,
    arrows: &[Arrow],
    unit: f32,
    numbers: Vec<Number>,
) -> Figure {
    Figure {
        title: title.into(),
        caption: caption.into(),
        body: Body::Board {
            scene: drawn(&state.scene(), arrows, unit),
            state: None,
            values: vec![None; state.space().num_actions()],
            colour: Colour::Diverging {
                limit: 1.0,
                name: "probability".into(),
            },
        },
        numbers,
    }
}

/// The scene without targets, with arrows; one of length `unit` is 0.8 cells long.
fn drawn(scene: &Scene, arrows: &[Arrow], unit: f32) -> Scene {
    let mut scene = scene.clone();
    (scene.targets, scene.brushes) = (Vec::new(), Vec::new());
    for &((row, column), (x, y)) in arrows {
        let length = x.hypot(y);
        if length < 0.05 * unit {
            continue;
        }
        let scale = 0.8 / unit * (unit / length).min(1.0);
        let (dx, dy) = (x * scale, y * scale);
        let (cx, cy) = (column as f32 + 0.5, row as f32 + 0.5);
        let tip = [cx + dx / 2.0, cy + dy / 2.0];
        // The head's sides: back from the tip, turned by 40° either way.
        let side = |turn: f32| {
            let (sin, cos) = (libm::sinf(turn), libm::cosf(turn));
            [
                tip[0] - 0.4 * (dx * cos - dy * sin),
                tip[1] - 0.4 * (dx * sin + dy * cos),
            ]
        };
        let tail = [cx - dx / 2.0, cy - dy / 2.0];
        let points = [tail, tip, side(0.7), tip, side(-0.7)];
        scene
            .strokes
            .push(Stroke::new("arrow", &points, 0.07, Role::Neutral));
    }
    scene
}

/// Values at cells of a grid of `(rows, columns)`; none elsewhere.
pub(super) fn on_grid(
    (rows, columns): (usize, usize),
    cells: impl Iterator<Item = (usize, usize)>,
    values: &[f32],
) -> OnGrid {
    let mut map = vec![None; rows * columns];
    for ((row, column), value) in cells.zip(values) {
        map[row * columns + column] = Some(*value);
    }
    OnGrid {
        rows,
        columns,
        values: map,
    }
}
