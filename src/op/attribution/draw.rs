//! What attributions look like, and whether what they point at matters.

use super::{Attribution, Method, Parameters, with};
use crate::{
    env::observation,
    error::Result,
    model::Site,
    op::{
        Subject,
        curve::{mean_rows, ranked, series, sizes},
        figure::{Body, Colour, Figure, Number, Scale},
        measure::Gauge,
        parts::Part,
        value_map::correlation,
    },
};

/// Random orders of the control.
const NUM_ORDERS: usize = 8;
/// The share of the elements whose removal is told as a number.
const STRONGEST: f32 = 0.1;

/// The map, and the untrained network's.
pub(super) fn maps(
    subject: &Subject<'_>,
    parameters: &Parameters,
    gauge: &Gauge,
    site: &Site,
    [trained, untrained]: [&Attribution; 2],
) -> Vec<Figure> {
    let (what, name) = (gauge.describe(subject.env.space()), &site.name);
    let number = |id: &str, name: &str, value: f32| Number::new(id, name, f64::from(value));
    let mut numbers = vec![number(
        "difference",
        "difference from the baseline",
        trained.difference(),
    )];
    let mut caption = format!(
        "Slope of the {what} at each element of {name}: orange would raise it, blue lower it."
    );
    if parameters.method != Method::Gradient {
        numbers.extend([
            number("attributed", "sum of the attributions", trained.sum()),
            Number::new(
                "completeness_error",
                "error of the sum, as a share",
                trained.error(),
            ),
        ]);
        caption = format!(
            "What each element of {name} adds to the {what}, compared with the baseline: orange speaks for it, \
             blue against."
        );
    }
    let alike = correlation(&trained.values, &untrained.values);
    let before = format!(
        "The untrained network's map of {name}, on its own scale: what looks alike comes from the board and the \
         architecture, not from what was learned."
    );
    let controls = vec![
        number(
            "difference_untrained",
            "its difference",
            untrained.difference(),
        )
        .control(),
        number(
            "likeness_untrained",
            "correlation with the trained map",
            alike,
        )
        .control(),
    ];
    vec![
        map(
            subject,
            gauge,
            site,
            ("Attribution", caption),
            trained,
            numbers,
        ),
        map(
            subject,
            gauge,
            site,
            ("Before training", before),
            untrained,
            controls,
        ),
    ]
}

fn map(
    subject: &Subject<'_>,
    gauge: &Gauge,
    site: &Site,
    (title, caption): (&str, String),
    attribution: &Attribution,
    numbers: Vec<Number>,
) -> Figure {
    let values = &attribution.values;
    let limit = values.iter().fold(1e-6_f32, |limit, x| limit.max(x.abs()));
    let some: Vec<Option<f32>> = values.iter().copied().map(Some).collect();
    Figure {
        title: title.into(),
        caption,
        body: Body::Maps {
            panels: Part::Unit.panels(site, &some, subject.env.space()),
            colour: Colour::Diverging {
                limit,
                name: gauge.name().into(),
            },
        },
        numbers,
    }
}

/// How much of the difference goes as the strongest elements return to the baseline, beside random ones.
pub(super) async fn removal(
    subject: &Subject<'_>,
    gauge: &Gauge,
    site: &Site,
    found: &Attribution,
) -> Result<Figure> {
    let [point, baseline] = &found.points;
    // Elements that are at the baseline already can lose nothing.
    let moved: Vec<usize> = (0..site.len())
        .filter(|&i| point[i] != baseline[i])
        .collect();
    let sign = found.difference().signum();
    let scores: Vec<f32> = moved
        .iter()
        .map(|&element| sign * found.values[element])
        .collect();
    let mut order: Vec<usize> = ranked(&scores)
        .into_iter()
        .map(|place| moved[place])
        .collect();
    let sizes = sizes(order.len());
    let strongest = lost(subject, gauge, site, found, (&order, &sizes)).await?;
    let mut rng = subject.rng.split("order");
    let mut random = Vec::with_capacity(NUM_ORDERS);
    for _ in 0..NUM_ORDERS {
        rng.shuffle(&mut order);
        random.push(lost(subject, gauge, site, found, (&order, &sizes)).await?);
    }
    let random = mean_rows(random.iter());
    let few = ((order.len() as f32 * STRONGEST).ceil() as usize).max(1);
    let place = sizes.iter().position(|&size| size >= few).unwrap_or(0);
    let [found, control] = [&strongest, &random].map(|curve| f64::from(curve[place]));
    let caption = match found > control {
        true => format!(
            "Share of the difference that is lost as elements of {} return to the baseline, those with the \
             largest attributions first; the control removes them in random order.",
            site.name
        ),
        false => format!(
            "Weak evidence: the difference goes no sooner as the elements of {} with the largest attributions \
             return to the baseline first than in random order.",
            site.name
        ),
    };
    Ok(Figure {
        title: "Removing the strongest".into(),
        caption,
        body: Body::Lines {
            x: Scale::numeric("elements at the baseline", ""),
            y: Scale::numeric("share lost", ""),
            series: vec![
                series("strongest first", &sizes, &strongest, false),
                series("random order", &sizes, &random, true),
            ],
        },
        numbers: vec![
            Number::new(
                "lost_strongest",
                &format!("lost without the strongest {}", sizes[place]),
                found,
            ),
            Number::new("lost_random", "random ones", control).control(),
        ],
    })
}

/// The share of the difference that is lost with the first so many of `order` at the baseline.
async fn lost(
    subject: &Subject<'_>,
    gauge: &Gauge,
    site: &Site,
    found: &Attribution,
    (order, sizes): (&[usize], &[usize]),
) -> Result<Vec<f32>> {
    let [point, baseline] = &found.points;
    let without = |&size: &usize| {
        let mut row = point.clone();
        order[..size]
            .iter()
            .for_each(|&element| row[element] = baseline[element]);
        row
    };
    let rows: Vec<f32> = sizes.iter().flat_map(without).collect();
    let board = observation(subject.states[0].as_ref());
    let measured = with(&subject.evaluator, gauge, &board, site, &rows).await?;
    let lost = measured
        .into_iter()
        .map(|measure| (found.ends[0] - measure) / found.difference());
    Ok(lost.collect())
}
