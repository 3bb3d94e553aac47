//! Many units taken away together: how many of them does the policy need, and how many can go?

use super::{
    Choice, Parameters,
    effect::{Ablator, Effect},
};
use crate::{
    error::Result,
    model::Site,
    op::{
        Subject,
        figure::{Body, Figure, Number, Scale, Series},
    },
};

/// Share of the choices that may change when units go that can go.
const SPARED: f64 = 0.01;

/// Effects of sets of growing size.
struct Curves {
    sizes: Vec<usize>,
    most: Vec<Effect>,
    least: Vec<Effect>,
    /// `[set][size]`.
    random: Vec<Vec<Effect>>,
}

/// Steps that the sets will take, beside those of single units.
pub(super) fn num_steps(parameters: &Parameters, units: usize) -> usize {
    let greedy = match parameters.choice {
        Choice::Rank => 0,
        Choice::Greedy => {
            let left = (0..parameters.top.min(units)).map(|taken| units - taken);
            2 * left.sum::<usize>()
        }
    };
    greedy + sizes(parameters, units).len() * (2 + parameters.random_sets)
}

/// The curves of sets by size, over `done` of `total` steps. `singles` are the effects of the units alone.
pub(super) async fn run(
    subject: &Subject<'_>,
    parameters: &Parameters,
    ablator: &Ablator<'_>,
    site: &Site,
    (units, singles): (&[Vec<usize>], &[Effect]),
    worth: &str,
) -> Result<Vec<Figure>> {
    let (mut done, total) = (
        units.len(),
        units.len() + num_steps(parameters, units.len()),
    );
    let sizes = sizes(parameters, units.len());
    let mut orders = Vec::new();
    for most in [true, false] {
        orders.push(match parameters.choice {
            Choice::Rank => ranked(singles, most),
            Choice::Greedy => {
                let count = parameters.top.min(units.len());
                let mut order: Vec<usize> = Vec::with_capacity(count);
                while order.len() < count {
                    let left: Vec<usize> = (0..units.len())
                        .filter(|unit| !order.contains(unit))
                        .collect();
                    let mut effects = Vec::with_capacity(left.len());
                    for &unit in &left {
                        let set = order.iter().chain([&unit]);
                        let elements = set.flat_map(|&unit| units[unit].clone()).collect();
                        effects.push(ablator.effect(site, elements).await?);
                        done += 1;
                        subject.step(done, total).await?;
                    }
                    order.push(left[ranked(&effects, most)[0]]);
                }
                order
            }
        });
    }
    let mut rng = subject.rng.split("sets");
    for _ in 0..parameters.random_sets {
        let mut order: Vec<usize> = (0..units.len()).collect();
        rng.shuffle(&mut order);
        orders.push(order);
    }
    let mut found = Vec::with_capacity(orders.len());
    for order in orders {
        let mut curve = Vec::with_capacity(sizes.len());
        for &size in &sizes {
            let elements = order[..size].iter().flat_map(|&unit| units[unit].clone());
            curve.push(ablator.effect(site, elements.collect()).await?);
            done += 1;
            subject.step(done, total).await?;
        }
        found.push(curve);
    }
    let random = found.split_off(2);
    let least = found.pop().unwrap_or_default();
    let curves = Curves {
        sizes,
        most: found.pop().unwrap_or_default(),
        least,
        random,
    };
    Ok(figures(&curves, parameters, site, units.len(), worth))
}

/// Units by their effect, the one of most (or of least) divergence first.
fn ranked(effects: &[Effect], most: bool) -> Vec<usize> {
    let mut order: Vec<usize> = (0..effects.len()).collect();
    order.sort_by(|&a, &b| {
        let order = effects[b].divergence.total_cmp(&effects[a].divergence);
        if most { order } else { order.reverse() }
    });
    order
}

/// 1, 2, 3, 4, 6, 8, 12 … up to all; every size up to the most that is searched for greedily.
fn sizes(parameters: &Parameters, units: usize) -> Vec<usize> {
    if parameters.choice == Choice::Greedy {
        return (1..=parameters.top.min(units)).collect();
    }
    let doubled = (0..usize::BITS).flat_map(|power| [2 << power, 3 << power]);
    let mut sizes: Vec<usize> = [1]
        .into_iter()
        .chain(doubled.take_while(|&size| size < units))
        .collect();
    if units > 1 {
        sizes.push(units);
    }
    sizes
}

fn figures(
    curves: &Curves,
    parameters: &Parameters,
    site: &Site,
    units: usize,
    worth: &str,
) -> Vec<Figure> {
    let how = match parameters.choice {
        Choice::Rank => "by their effect alone",
        Choice::Greedy => "greedily",
    };
    let divergence = |effect: &Effect| Some(effect.divergence);
    let last = |effects: &[Effect]| {
        effects
            .last()
            .map_or(0.0, |effect| f64::from(effect.divergence))
    };
    let place = curves.sizes.iter().position(|&size| size >= parameters.top);
    let place = place.unwrap_or(curves.sizes.len() - 1);
    let size = curves.sizes[place];
    let (mean, deviation) = moments(curves.random.iter().map(|set| set[place].divergence));
    let at = |effects: &[Effect]| f64::from(effects[place].divergence);
    let states = parameters.reference_states as f64;
    let kept = |effects: &[Effect]| {
        let kept = effects
            .iter()
            .take_while(|one| one.changed as f64 <= SPARED * states);
        kept.count()
            .checked_sub(1)
            .map_or(0, |place| curves.sizes[place]) as f64
    };
    let spared: f64 = curves.random.iter().map(|set| kept(set)).sum();
    let mut figures = vec![Figure {
        title: "Divergence by number".into(),
        caption: format!(
            "How far the policy moves when more and more units of {} are taken away together, chosen {how}, \
             beside {} random orders: their mean and one deviation either way.",
            site.name,
            curves.random.len()
        ),
        body: lines(curves, "mean KL divergence", "nats", &divergence),
        numbers: vec![
            Number::new(
                "divergence_most",
                &format!("{size} units that matter most"),
                at(&curves.most),
            )
            .unit("nats"),
            Number::new("divergence_least", "that matter least", at(&curves.least)).unit("nats"),
            Number::new("divergence_random", "random, mean", mean)
                .unit("nats")
                .control(),
            Number::new(
                "divergence_random_deviation",
                "random, deviation",
                deviation,
            )
            .unit("nats")
            .control(),
            Number::new("divergence_largest", "largest set", last(&curves.most)).unit("nats"),
            Number::new(
                "removable_units",
                "units that can go at 1 % of choices",
                kept(&curves.least),
            )
            .out_of(units as f64),
            Number::new(
                "removable_units_random",
                "random, mean",
                spared / curves.random.len() as f64,
            )
            .out_of(units as f64)
            .control(),
        ],
    }];
    let lost = |effect: &Effect| effect.lost;
    if curves.most.iter().all(|effect| effect.lost.is_some()) {
        let worst = curves.most[place].lost.map_or(0.0, f64::from);
        let least = curves.least[place].lost.map_or(0.0, f64::from);
        let random = moments(curves.random.iter().filter_map(|set| set[place].lost)).0;
        figures.push(Figure {
            title: "Loss by number".into(),
            caption: format!(
                "How much {worth} the policy loses when units of {} are taken away together; 0 is the whole \
                 network, and random orders are the control.",
                site.name
            ),
            body: lines(curves, &format!("{worth} lost"), "", &lost),
            numbers: vec![
                Number::new("lost_most", &format!("{size} units that matter most"), worst),
                Number::new("lost_least", "that matter least", least),
                Number::new("lost_random", "random, mean", random).control(),
            ],
        });
    }
    figures
}

fn lines(
    curves: &Curves,
    name: &str,
    unit: &str,
    measure: &dyn Fn(&Effect) -> Option<f32>,
) -> Body {
    let points = |values: Vec<f32>| -> Vec<(f32, f32)> {
        let sizes = curves.sizes.iter().map(|&size| size as f32);
        std::iter::once((0.0, 0.0))
            .chain(sizes.zip(values))
            .collect()
    };
    let of = |effects: &[Effect]| points(effects.iter().filter_map(measure).collect());
    let random = |shift: f64| {
        let at = |place: usize| {
            let (mean, deviation) =
                moments(curves.random.iter().filter_map(|set| measure(&set[place])));
            (mean + shift * deviation) as f32
        };
        points((0..curves.sizes.len()).map(at).collect())
    };
    let series = |name: &str, points, control| Series {
        name: name.into(),
        points,
        control,
    };
    Body::Lines {
        x: Scale::numeric("units taken away", ""),
        y: Scale::numeric(name, unit),
        series: vec![
            series("most important", of(&curves.most), false),
            series("least important", of(&curves.least), false),
            series("random", random(0.0), true),
            series("random, + deviation", random(1.0), true),
            series("random, − deviation", random(-1.0), true),
        ],
    }
}

/// Mean and standard deviation; zeros of none.
pub(super) fn moments(values: impl Iterator<Item = f32> + Clone) -> (f64, f64) {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().map(f64::from).sum::<f64>() / count;
    let square = values.map(|x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count;
    (mean, square.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_grow_by_halves_up_to_all() {
        let parameters = Parameters::default();
        assert_eq!(sizes(&parameters, 1), [1]);
        assert_eq!(sizes(&parameters, 7), [1, 2, 3, 4, 6, 7]);
        assert_eq!(sizes(&parameters, 8), [1, 2, 3, 4, 6, 8]);
        let greedy = Parameters {
            choice: Choice::Greedy,
            top: 3,
            ..parameters
        };
        assert_eq!(sizes(&greedy, 128), [1, 2, 3]);
        assert_eq!(
            num_steps(&greedy, 5),
            2 * (5 + 4 + 3) + 3 * (2 + greedy.random_sets)
        );
    }

    #[test]
    fn moments_by_hand() {
        assert_eq!(moments([1.0, 3.0].into_iter()), (2.0, 1.0));
        assert_eq!(moments(std::iter::empty()), (0.0, 0.0));
    }
}
