//! Two units taken away together: is that more or less than the sum of either alone?
//!
//! A divergence grows with the square of a small change. So two units that push the policy the same way
//! do more together than the sum, two that push against each other do less, and independent ones neither.

use super::{
    Parameters,
    effect::{Ablator, Effect},
    sets::moments,
    unit_name,
};
use crate::{
    error::{Error, Result},
    model::Site,
    op::{
        Subject,
        figure::{Body, Colour, Figure, Number, Scale},
    },
};

/// Pairs of the most important `top` of `units`.
pub(super) fn num_steps(top: usize, units: usize) -> usize {
    let top = top.min(units);
    2 * (top * top.saturating_sub(1) / 2)
}

/// The interaction of each pair of the most important units, beside as many random pairs. `singles` are the
/// effects of the units alone.
pub(super) async fn run(
    subject: &Subject<'_>,
    parameters: &Parameters,
    ablator: &Ablator<'_>,
    site: &Site,
    (units, singles): (&[Vec<usize>], &[Effect]),
) -> Result<Vec<Figure>> {
    if units.len() < 2 {
        return Err(Error::not_applicable(format!(
            "{} has no two units",
            site.name
        )));
    }
    let mut order: Vec<usize> = (0..units.len()).collect();
    order.sort_by(|&a, &b| singles[b].divergence.total_cmp(&singles[a].divergence));
    order.truncate(parameters.top.max(2));
    let size = order.len();
    let top: Vec<[usize; 2]> = (0..size)
        .flat_map(|b| (0..b).map(move |a| [a, b]))
        .collect();
    let mut rng = subject.rng.split("pairs");
    let random = |_: usize| {
        let one = rng.below(units.len());
        [one, (one + 1 + rng.below(units.len() - 1)) % units.len()]
    };
    let random: Vec<[usize; 2]> = (0..top.len()).map(random).collect();
    let (mut done, total) = (units.len(), units.len() + 2 * top.len());
    let mut interactions = Vec::with_capacity(2 * top.len());
    let chosen = top.iter().map(|pair| pair.map(|place| order[place]));
    for [a, b] in chosen.chain(random) {
        let elements = units[a].iter().chain(&units[b]).copied().collect();
        let both = ablator.effect(site, elements).await?;
        interactions.push(both.divergence - singles[a].divergence - singles[b].divergence);
        done += 1;
        subject.step(done, total).await?;
    }
    let control = interactions.split_off(top.len());
    let mut values = vec![None; size * size];
    for ([a, b], interaction) in top.iter().zip(&interactions) {
        values[a * size + b] = Some(*interaction);
        values[b * size + a] = Some(*interaction);
    }
    let names = || {
        order
            .iter()
            .map(|&unit| unit_name(site, &units[unit]))
            .collect()
    };
    let strongest = interactions
        .iter()
        .fold(0.0_f32, |top, x| if x.abs() > top.abs() { *x } else { top });
    let size_of = |values: &[f32]| moments(values.iter().map(|x| x.abs())).0;
    Ok(vec![Figure {
        title: "Interaction of pairs".into(),
        caption: format!(
            "Divergence of the policy without two units of {} less the sum of either alone; orange: more than \
             the sum, as of units that help each other, blue: less.",
            site.name
        ),
        body: Body::Heatmap {
            rows: Scale::labelled("unit", names()),
            columns: Scale::labelled("unit", names()),
            values,
            colour: Colour::Diverging {
                limit: strongest.abs().max(1e-6),
                name: "interaction, nats".into(),
            },
        },
        numbers: vec![
            Number::new(
                "strongest_interaction",
                "strongest interaction",
                strongest.into(),
            )
            .unit("nats"),
            Number::new("mean_interaction", "mean size", size_of(&interactions)).unit("nats"),
            Number::new("mean_interaction_random", "random pairs", size_of(&control))
                .unit("nats")
                .control(),
        ],
    }])
}
