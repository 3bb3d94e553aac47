//! How many parts of a site are enough: they are copied together, the strongest alone first.

use super::{
    super::{
        Subject,
        contrast::Contrast,
        figure::{Body, Figure, Number, Scale, Series},
    },
    Donors, Parameters, Shares,
};
use crate::{error::Result, model::Site, rng::Rng};

/// What counts as the whole answer, nearly.
const ENOUGH: f32 = 0.9;
/// Points of a curve at most.
const NUM_POINTS: usize = 128;
/// Random orders of the control.
const NUM_ORDERS: usize = 4;

/// Curves of one pair, one value a size.
struct Curves {
    ranked: Vec<f32>,
    random: Vec<f32>,
    donors: Vec<f32>,
}

/// Share restored against the number of parts of `site`, as a mean over the pairs.
pub(super) async fn figure(
    subject: &Subject<'_>,
    parameters: &Parameters,
    site: &Site,
    pairs: &[Contrast],
    shares: &[Shares],
    donors: &Donors,
) -> Result<Figure> {
    let place = subject
        .sites
        .iter()
        .position(|one| one == site)
        .unwrap_or(0);
    let sizes = sizes(shares[0][place].len());
    let mut all = Vec::with_capacity(pairs.len());
    for (index, pair) in pairs.iter().enumerate() {
        let rng = subject.rng.split("order").split(&index.to_string());
        let order = ranked(&shares[index][place]);
        all.push(
            curves(
                subject,
                parameters,
                site,
                pair,
                (&order, &sizes),
                donors,
                rng,
            )
            .await?,
        );
    }
    let total = shares[0][place].len();
    let mean = |pick: fn(&Curves) -> &Vec<f32>| mean_rows(all.iter().map(pick));
    let (found, random, donor) = (
        mean(|one| &one.ranked),
        mean(|one| &one.random),
        mean(|one| &one.donors),
    );
    let [into, from] = parameters.direction.names();
    let reached = |curve: &[f32]| first_reaching(curve, &sizes);
    let mut numbers = numbers(&all, &sizes, total, site);
    if numbers.is_empty() {
        let whole = found.last().copied().unwrap_or(0.0);
        let name = format!("all of {}", site.name);
        numbers.push(Number::new("whole_site", &name, f64::from(whole)));
    }
    let weak = match (reached(&found), reached(&random)) {
        (Some(found), Some(random)) => found >= random,
        (found, _) => found.is_none(),
    };
    let caption = match weak {
        false => format!(
            "Share of the {from} answer that returns as more of {} is copied into the {into} run, the strongest \
             parts first; mean over {} pairs of boards.",
            site.name,
            pairs.len()
        ),
        true => format!(
            "Weak evidence: the strongest parts of {} bring the {from} answer into the {into} run no sooner than \
             random ones; mean over {} pairs of boards.",
            site.name,
            pairs.len()
        ),
    };
    let series = |name: &str, values: &[f32], control| {
        let points = sizes.iter().zip(values);
        let points = points.map(|(&size, &value)| (size as f32, value)).collect();
        Series {
            name: name.into(),
            points,
            control,
        }
    };
    Ok(Figure {
        title: "Parts that suffice".into(),
        caption,
        body: Body::Lines {
            x: Scale::numeric("parts copied", ""),
            y: Scale::numeric("share restored", ""),
            series: vec![
                series("strongest first", &found, false),
                series("random order", &random, true),
                series("from random boards", &donor, true),
            ],
        },
        numbers,
    })
}

/// How many parts are enough, if they are on every pair.
fn numbers(all: &[Curves], sizes: &[usize], total: usize, site: &Site) -> Vec<Number> {
    let counts = |pick: fn(&Curves) -> &Vec<f32>| -> Option<Vec<f32>> {
        let reached = all.iter().map(|one| first_reaching(pick(one), sizes));
        reached.map(|size| size.map(|size| size as f32)).collect()
    };
    let (Some(found), Some(random)) = (counts(|one| &one.ranked), counts(|one| &one.random)) else {
        return Vec::new();
    };
    let (mean, spread) = mean_and_spread(&found);
    let name = format!("parts of {} for 90 %", site.name);
    vec![
        Number::new("parts_for_90", &name, mean).out_of(total as f64),
        Number::new("parts_for_90_spread", "deviation over pairs", spread),
        Number::new(
            "parts_for_90_random",
            "in random order",
            mean_and_spread(&random).0,
        )
        .out_of(total as f64)
        .control(),
    ]
}

async fn curves(
    subject: &Subject<'_>,
    parameters: &Parameters,
    site: &Site,
    pair: &Contrast,
    (order, sizes): (&[usize], &[usize]),
    donors: &Donors,
    mut rng: Rng,
) -> Result<Curves> {
    let (groups, direction) = (parameters.part.groups(site), parameters.direction);
    let first = |order: &[usize]| -> Vec<Vec<usize>> {
        let union = |&size: &usize| {
            order[..size]
                .iter()
                .flat_map(|&part| groups[part].clone())
                .collect()
        };
        sizes.iter().map(union).collect()
    };
    let [_, from] = direction.rows();
    let donor = pair.at(from, site)?;
    let evaluator = &subject.evaluator;
    let ranked = pair
        .shares(evaluator, direction, site, &first(order), donor)
        .await?;
    let mut random = Vec::with_capacity(NUM_ORDERS);
    let mut shuffled = order.to_vec();
    for _ in 0..NUM_ORDERS {
        rng.shuffle(&mut shuffled);
        random.push(
            pair.shares(evaluator, direction, site, &first(&shuffled), donor)
                .await?,
        );
    }
    let values = donors.at(site);
    let mut strangers = Vec::with_capacity(NUM_ORDERS);
    for _ in 0..NUM_ORDERS.min(donors.count) {
        let row = rng.below(donors.count) * site.len();
        let donor = &values[row..row + site.len()];
        strangers.push(
            pair.shares(evaluator, direction, site, &first(order), donor)
                .await?,
        );
    }
    Ok(Curves {
        ranked,
        random: mean_rows(random.iter()),
        donors: mean_rows(strangers.iter()),
    })
}

/// Parts by what they restore alone, the most first.
fn ranked(shares: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by(|&a, &b| shares[b].total_cmp(&shares[a]));
    order
}

/// Sizes from none to all: every one, or evenly spread where there are many.
fn sizes(total: usize) -> Vec<usize> {
    let points = total.min(NUM_POINTS);
    (0..=points)
        .map(|point| point * total / points.max(1))
        .collect()
}

/// The first size whose share is enough.
fn first_reaching(curve: &[f32], sizes: &[usize]) -> Option<usize> {
    let place = curve.iter().position(|&share| share >= ENOUGH)?;
    sizes.get(place).copied()
}

/// The mean of rows of equal length, element by element.
pub(super) fn mean_rows<'a>(rows: impl Iterator<Item = &'a Vec<f32>>) -> Vec<f32> {
    let (mut sum, mut count) = (Vec::new(), 0.0);
    for row in rows {
        sum.resize(row.len(), 0.0);
        sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        count += 1.0;
    }
    sum.into_iter().map(|sum: f32| sum / count).collect()
}

/// Mean and standard deviation; zeros of nothing.
pub(super) fn mean_and_spread(values: &[f32]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
    let squares = values.iter().map(|&x| (f64::from(x) - mean).powi(2));
    (mean, (squares.sum::<f64>() / count).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_run_from_none_to_all() {
        assert_eq!(sizes(3), [0, 1, 2, 3]);
        let many = sizes(1000);
        assert_eq!((many.len(), many[0], many[128]), (129, 0, 1000));
        assert!(many.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn parts_are_ranked_and_counted_by_hand() {
        assert_eq!(ranked(&[0.1, 0.5, -0.2]), [1, 0, 2]);
        assert_eq!(
            first_reaching(&[0.0, 0.5, 0.95, 0.8], &[0, 2, 4, 6]),
            Some(4)
        );
        assert_eq!(first_reaching(&[0.0, 0.5], &[0, 1]), None);
        assert_eq!(
            mean_rows([vec![1.0, 2.0], vec![3.0, 6.0]].iter()),
            [2.0, 4.0]
        );
        let (mean, spread) = mean_and_spread(&[1.0, 3.0]);
        assert_eq!((mean, spread), (2.0, 1.0));
    }
}
