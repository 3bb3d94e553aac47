//! What the agent would do at every cell where it could stand, as arrows: the vector field view of the
//! maze-policy follow-up to Langosco et al. 2022 (UlisseMini/procgen-tools).

use super::{
    OpEntry, Subject,
    figure::{Body, Colour, Figure, Number},
};
use crate::{
    agent::Decision,
    env::{
        Placement,
        scene::{Role, Scene, Stroke},
    },
    error::{Error, Result},
    model::evaluator::Evaluator,
    schema::{self, NoParameters},
};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "policy_field",
    title: "Policy field",
    summary: "An arrow at every free cell: where the agent would go from there, as it is and edited.",
    schema: schema::schema_of::<NoParameters>,
    num_states: 1,
    run: |subject, value| {
        Box::pin(async move {
            schema::parameters::<NoParameters>(value, "policy_field")?;
            run(subject).await
        })
    },
};

/// A net direction at a cell, `(right, down)`, at most 1 long on each axis.
type Arrow = ((usize, usize), (f32, f32));

async fn run(subject: &Subject<'_>) -> Result<Vec<Figure>> {
    let [state] = subject.states.as_slice() else {
        return Err(Error::not_applicable("this op looks at one state"));
    };
    let placements = state.placements();
    if placements.is_empty() {
        return Err(Error::not_applicable(
            "nothing in this environment stands on one cell and moves to the next",
        ));
    }
    let (scene, num_actions) = (state.scene(), state.space().num_actions());
    let clean = Evaluator {
        edits: Vec::new(),
        ..subject.evaluator.clone()
    };
    let before = arrows(&clean, &placements).await?;
    let untrained = arrows(&subject.untrained, &placements).await?;
    let right = |arrows: &[Arrow]| share_of_best(arrows, &placements);
    let numbers = vec![
        Number::new(
            "on_a_shortest_way",
            "arrows along a shortest way",
            right(&before),
        )
        .out_of(placements.len() as f64),
        Number::new(
            "on_a_shortest_way_untrained",
            "untrained",
            right(&untrained),
        )
        .out_of(placements.len() as f64)
        .control(),
    ];
    let mut figures = vec![figure(
        "Policy field",
        "Each arrow is where the agent would go from that cell: its probabilities of right and down \
         less those of left and up.",
        (drawn(&scene, &before, 1.0), num_actions),
        numbers,
    )];
    if !subject.evaluator.edits.is_empty() {
        let after = arrows(&subject.evaluator, &placements).await?;
        let change: Vec<Arrow> = before
            .iter()
            .zip(&after)
            .map(|(&(cell, (x, y)), &(_, (u, v)))| (cell, (u - x, v - y)))
            .collect();
        let total: f32 = change.iter().map(|&(_, (x, y))| x.hypot(y)).sum();
        let mean = Number::new(
            "mean_change",
            "mean change of an arrow",
            f64::from(total) / change.len() as f64,
        );
        figures.push(figure(
            "Edited",
            "The same with the edits of this session.",
            (drawn(&scene, &after, 1.0), num_actions),
            Vec::new(),
        ));
        figures.push(figure(
            "Difference",
            "What the edits add to each arrow; a cell without one is left as it was.",
            (drawn(&scene, &change, 0.5), num_actions),
            vec![mean],
        ));
    }
    Ok(figures)
}

fn figure(
    title: &str,
    caption: &str,
    (scene, num_actions): (Scene, usize),
    numbers: Vec<Number>,
) -> Figure {
    Figure {
        title: title.into(),
        caption: caption.into(),
        body: Body::Board {
            scene,
            values: vec![None; num_actions],
            colour: Colour::Diverging {
                limit: 1.0,
                name: "probability".into(),
            },
        },
        numbers,
    }
}

/// The net direction at each placement.
async fn arrows(evaluator: &Evaluator, placements: &[Placement]) -> Result<Vec<Arrow>> {
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

/// Placements whose arrow points most along an action that is optimal there.
fn share_of_best(arrows: &[Arrow], placements: &[Placement]) -> f64 {
    let is_best = |(&(_, (x, y)), place): (&Arrow, &Placement)| {
        let Some(optimum) = place.env.optimum() else {
            return false;
        };
        let along = |target: &crate::env::scene::Target| {
            x * (target.column as f32 - place.cell.1 as f32)
                + y * (target.row as f32 - place.cell.0 as f32)
        };
        let targets = place.env.scene().targets;
        let chosen = targets.iter().max_by(|a, b| along(a).total_cmp(&along(b)));
        chosen.is_some_and(|target| optimum.is_best(target.action))
    };
    arrows
        .iter()
        .zip(placements)
        .filter(|&pair| is_best(pair))
        .count() as f64
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
