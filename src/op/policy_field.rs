//! What the agent would do at every cell where it could stand, as arrows: the vector field view of the
//! maze-policy follow-up to Langosco et al. 2022 (UlisseMini/procgen-tools).

use super::{
    OpEntry, Subject,
    figure::{Figure, Number},
    walk::{self, Arrow},
};
use crate::{
    env::Placement,
    error::Result,
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

async fn run(subject: &Subject<'_>) -> Result<Vec<Figure>> {
    let (state, placements) = walk::placements(subject)?;
    let before = walk::arrows(&subject.clean(), &placements).await?;
    let untrained = walk::arrows(&subject.untrained, &placements).await?;
    let mut numbers = Vec::new();
    if state.optimum().is_some() {
        let total = placements.len() as f64;
        let right = |id, name, arrows: &[Arrow]| {
            Number::new(id, name, share_of_best(arrows, &placements)).out_of(total)
        };
        numbers = vec![
            right("on_a_shortest_way", "arrows along a best way", &before),
            right("on_a_shortest_way_untrained", "untrained", &untrained).control(),
        ];
    }
    let mut figures = vec![walk::field(
        "Policy field",
        "Each arrow is where the agent would go from that cell: its probabilities of right and down \
         less those of left and up.",
        state,
        &before,
        1.0,
        numbers,
    )];
    if !subject.evaluator.edits.is_empty() {
        let after = walk::arrows(&subject.evaluator, &placements).await?;
        let change = walk::change(&before, &after);
        figures.push(walk::field(
            "Edited",
            "The same with the edits of this session.",
            state,
            &after,
            1.0,
            Vec::new(),
        ));
        let mean = walk::mean_length(&change);
        figures.push(walk::field(
            "Difference",
            "What the edits add to each arrow; a cell without one is left as it was.",
            state,
            &change,
            0.5,
            vec![Number::new("mean_change", "mean change of an arrow", mean)],
        ));
    }
    Ok(figures)
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
