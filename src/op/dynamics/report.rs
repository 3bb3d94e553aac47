//! Training dynamics, as figures.

use super::{
    Curve, Followed,
    settling::{SETTLED, Settling, settled},
    sudden,
};
use crate::op::figure::{Body, Figure, Number, Scale, Series};

/// Sudden changes that are drawn, the largest first.
const MAX_DRAWN: usize = 4;

/// The number over training, its sudden changes drawn over it.
pub fn curve(followed: &Followed, curve: &Curve, jump: f32) -> Figure {
    let values: Vec<f32> = curve.points.iter().map(|point| point.1).collect();
    let step = |place: &usize| (values[place + 1] - values[*place]).abs();
    let mut places = sudden(&values, jump);
    let count = places.len();
    places.sort_by(|one, other| step(other).total_cmp(&step(one)));
    let mut series = vec![Series {
        name: curve.number.name.clone(),
        points: curve.points.clone(),
        control: false,
    }];
    series.extend(places.iter().take(MAX_DRAWN).map(|&place| Series {
        name: format!("sudden at {}", curve.points[place + 1].0),
        points: curve.points[place..place + 2].to_vec(),
        control: false,
    }));
    series.extend(curve.controls.iter().map(|(name, points)| Series {
        name: name.clone(),
        points: points.clone(),
        control: true,
    }));
    let largest =
        (0..values.len().saturating_sub(1)).max_by(|one, other| step(one).total_cmp(&step(other)));
    let mut numbers = vec![
        Number::new("sudden_changes", "sudden changes", count as f64)
            .out_of(values.len().saturating_sub(1) as f64),
    ];
    if let Some(place) = largest {
        let change = f64::from(values[place + 1] - values[place]);
        numbers.push(Number::new("largest_change", "largest change", change));
        let update = f64::from(curve.points[place + 1].0);
        numbers.push(Number::new("largest_change_at", "seen at", update).unit("updates"));
    }
    if let (Some(first), Some(last)) = (values.first(), values.last()) {
        numbers.push(Number::new("last", "at the end", f64::from(*last)));
        numbers.push(Number::new("first", "untrained", f64::from(*first)).control());
    }
    Figure {
        title: "Over training".into(),
        caption: format!(
            "{} of {} at each checkpoint; a change is sudden if it is {jump} times the median step and a \
             tenth of the range.",
            curve.number.id, followed.entry.id
        ),
        body: Body::Lines {
            x: Scale::numeric("update", ""),
            y: Scale::numeric(&curve.number.name, &curve.number.unit),
            series,
        },
        numbers,
    }
}

/// Policy against value.
pub fn settling(found: &Settling) -> Figure {
    let points = |values: &[f32]| {
        let updates = found.updates.iter().map(|update| *update as f32);
        updates.zip(values.iter().copied()).collect::<Vec<_>>()
    };
    let series = |name: &str, points, control| Series {
        name: name.into(),
        points,
        control,
    };
    let at = |values: &[f32]| {
        found
            .updates
            .get(settled(values))
            .map_or(0.0, |x| *x as f64)
    };
    let first = |values: &[f32]| f64::from(values.first().copied().unwrap_or(0.0));
    let number =
        |id: &str, name: &str, values: &[f32]| Number::new(id, name, at(values)).unit("updates");
    let chance = vec![found.chance; found.updates.len()];
    Figure {
        title: "Policy against value".into(),
        caption: format!(
            "How like the newest checkpoint each one is over {} states: the share of equal choices, and the \
             correlation of values; from {SETTLED} on it is settled.",
            found.num_states
        ),
        body: Body::Lines {
            x: Scale::numeric("update", ""),
            y: Scale::numeric("agreement with the end", ""),
            series: vec![
                series("policy", points(&found.policy), false),
                series("value", points(&found.value), false),
                series("choices by chance", points(&chance), true),
            ],
        },
        numbers: vec![
            number("policy_settled", "policy settled at", &found.policy),
            number("value_settled", "value settled at", &found.value),
            Number::new(
                "policy_untrained",
                "policy, untrained",
                first(&found.policy),
            )
            .control(),
            Number::new("policy_chance", "policy, by chance", found.chance.into()).control(),
            Number::new("value_untrained", "value, untrained", first(&found.value)).control(),
        ],
    }
}
