//! How many parts of a site are enough: they are copied together, the strongest alone first.

use super::{Donors, Parameters, Shares, work};
use crate::{
    error::Result,
    model::Site,
    op::{
        Subject,
        contrast::Contrast,
        curve::{first_reaching, mean_and_spread, mean_rows, ranked, series, sizes},
        figure::{Body, Figure, Number, Scale},
    },
    rng::Rng,
};

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
    let total = shares[0][place].len();
    let sizes = sizes(total);
    let mut all = Vec::with_capacity(pairs.len());
    for (index, pair) in pairs.iter().enumerate() {
        let rng = subject.rng.split("order").split(&index.to_string());
        let order = ranked(&shares[index][place]);
        let ranks = (order.as_slice(), sizes.as_slice());
        all.push(curves(subject, parameters, site, pair, ranks, donors, rng).await?);
        let done = pairs.len() * subject.sites.len() + index + 1;
        subject.step(done, work(subject, pairs)).await?;
    }
    let mean = |pick: fn(&Curves) -> &Vec<f32>| mean_rows(all.iter().map(pick));
    let found = mean(|one| &one.ranked);
    let random = mean(|one| &one.random);
    let mut numbers = numbers(&all, &sizes, total, site);
    if numbers.is_empty() {
        let whole = found.last().copied().unwrap_or(0.0);
        let name = format!("all of {}", site.name);
        numbers.push(Number::new("whole_site", &name, f64::from(whole)));
    }
    let reached = [&found, &random].map(|curve| first_reaching(curve, &sizes));
    Ok(Figure {
        title: "Parts that suffice".into(),
        caption: caption(parameters, site, pairs.len(), reached),
        body: Body::Lines {
            x: Scale::numeric("parts copied", ""),
            y: Scale::numeric("share restored", ""),
            series: vec![
                series("strongest first", &sizes, &found, false),
                series("random order", &sizes, &random, true),
                series("from random boards", &sizes, &mean(|one| &one.donors), true),
            ],
        },
        numbers,
    })
}

/// What the curves say, by the sizes at which the ranked and the random one are high enough.
fn caption(
    parameters: &Parameters,
    site: &Site,
    num_pairs: usize,
    [found, random]: [Option<usize>; 2],
) -> String {
    let ([into, from], name) = (parameters.direction.names(), &site.name);
    match (found, random) {
        (None, _) => format!(
            "Even all of {name} does not bring the {from} answer into the {into} run: what it restores as more is \
             copied, the strongest parts first; mean over {num_pairs} pairs of boards."
        ),
        (Some(found), Some(random)) if found >= random => format!(
            "Weak evidence: the strongest parts of {name} bring the {from} answer into the {into} run no sooner than \
             random ones; mean over {num_pairs} pairs of boards."
        ),
        _ => format!(
            "Share of the {from} answer that returns as more of {name} is copied into the {into} run, the strongest \
             parts first; mean over {num_pairs} pairs of boards."
        ),
    }
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
