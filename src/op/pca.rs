//! Principal components of a site's activations over many states: in how many directions they vary, and
//! what lies at either end of the first ones.

use super::{
    OpEntry, Subject,
    figure::{Bar, Body, Cell, Colour, Figure, Number, Scale, Series},
    linear::{self, Component, Matrix, dot},
    reference_states,
    samples::{self, Facts},
};
use crate::{
    env::Env,
    error::Result,
    model::{Site, evaluator::Evaluator},
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "pca",
    title: "Principal components",
    summary: "In how many directions a site's activations vary over many states, and what lies at either end of the first two.",
    schema: schema::schema_of::<Parameters>,
    num_states: 0,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "pca")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// The site; the last one before the heads when empty.
    #[schemars(extend("x-choices" = "sites", "x-auto" = "last before the heads"))]
    pub site: String,
    /// States to look at, or as many as fill 8,192 rows on a grid, where each cell is one.
    #[schemars(range(min = 16, max = 4096))]
    pub states: usize,
    /// Units to list of each of the first two components.
    #[schemars(range(min = 1, max = 40))]
    pub top: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            site: String::new(),
            states: 512,
            top: 12,
        }
    }
}

/// Components that are looked at closely.
const NUM_SHOWN: usize = 2;
/// Components in the table.
const NUM_LISTED: usize = 6;
/// Components in the spectrum.
const NUM_DRAWN: usize = 32;
/// Bins a side of the projection.
const NUM_BINS: usize = 12;

/// A network's components, and its states along them.
struct Projected {
    components: Vec<Component>,
    /// `[component][state]`, of the components that the table has.
    scores: Vec<Vec<f32>>,
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let site = samples::choose(subject, &parameters.site)?;
    let count = samples::num_states(site, parameters.states);
    let mut rng = subject.rng.split("reference");
    let states = reference_states(subject.env, count, &mut rng);
    let trained = project(&subject.evaluator, site, &states).await?;
    subject.step(1, 2).await?;
    let untrained = project(&subject.untrained, site, &states).await?;
    subject.step(2, 2).await?;
    if trained.components.is_empty() {
        return Err(samples::constant(site));
    }
    let mut figures = vec![
        spectrum(&trained.components, &untrained.components, site),
        table(&trained, &untrained, &states),
    ];
    if let [first, second, ..] = trained.scores.as_slice() {
        let values = subject.evaluator.evaluate_states(&states).await?.values;
        figures.push(projection(first, second, &values, site));
    }
    for (place, component) in trained.components.iter().take(NUM_SHOWN).enumerate() {
        figures.push(units(place, component, site, parameters.top));
        let scores = &trained.scores[place];
        let negated: Vec<f32> = scores.iter().map(|x| -x).collect();
        let ends = [
            ("highest", samples::highest(scores)),
            ("lowest", samples::highest(&negated)),
        ];
        for (end, state) in ends {
            let title = format!("Component {}, {end}", place + 1);
            let caption = format!(
                "The one of {} boards that lies {end} along component {} of {}, with the agent's policy.",
                states.len(),
                place + 1,
                site.name
            );
            let state = states[state].as_ref();
            figures.push(samples::board(title, caption, &subject.evaluator, state).await?);
        }
    }
    Ok(figures)
}

async fn project(evaluator: &Evaluator, site: &Site, states: &[Box<dyn Env>]) -> Result<Projected> {
    let data = samples::sample(evaluator, site, states).await?;
    let components = linear::principal(&data);
    let centred = data.centred();
    let cells = samples::cells(site);
    let scores = components
        .iter()
        .take(NUM_LISTED)
        .map(|component| along(&centred, &component.direction, cells))
        .collect();
    Ok(Projected { components, scores })
}

/// Each state's mean over its cells along `direction`.
fn along(centred: &Matrix, direction: &[f32], cells: usize) -> Vec<f32> {
    let rows: Vec<f32> = centred.each_row().map(|row| dot(row, direction)).collect();
    let mean = |state: &[f32]| state.iter().sum::<f32>() / cells as f32;
    rows.chunks_exact(cells).map(mean).collect()
}

/// Each component's share of the variance.
fn shares(components: &[Component]) -> Vec<f64> {
    let total: f64 = components.iter().map(|one| one.variance).sum();
    components.iter().map(|one| one.variance / total).collect()
}

/// In how many directions variance lies: 1 where it is all in one, their number where they are equal.
fn participation_ratio(shares: &[f64]) -> f64 {
    1.0 / shares.iter().map(|share| share * share).sum::<f64>()
}

/// How many components have nine tenths of the variance.
fn most_of(shares: &[f64]) -> f64 {
    let mut left = 0.9 - 1e-9;
    let needed = shares.iter().take_while(|share| {
        let more = left > 0.0;
        left -= **share;
        more
    });
    needed.count() as f64
}

fn spectrum(trained: &[Component], untrained: &[Component], site: &Site) -> Figure {
    let (mut series, mut numbers) = (Vec::new(), Vec::new());
    let networks = [
        ("this network", "", trained, false),
        ("untrained", "_untrained", untrained, true),
    ];
    for (name, suffix, components, control) in networks {
        if components.is_empty() {
            continue;
        }
        let shares = shares(components);
        let points = shares.iter().take(NUM_DRAWN).enumerate();
        series.push(Series {
            name: name.into(),
            points: points
                .map(|(place, share)| (place as f32 + 1.0, *share as f32))
                .collect(),
            control,
        });
        let mut number = |id: &str, name: &str, value| {
            let name = if control { "untrained" } else { name };
            let number = Number::new(&format!("{id}{suffix}"), name, value);
            numbers.push(if control { number.control() } else { number });
        };
        let ratio = participation_ratio(&shares);
        number("participation_ratio", "participation ratio", ratio);
        number("components_90", "components for 90 %", most_of(&shares));
    }
    // Each number beside its control.
    numbers.sort_by_key(|number| number.id.starts_with("components"));
    Figure {
        title: "Spectrum".into(),
        caption: format!(
            "Share of the variance of {} along each component; the participation ratio says in how many \
             directions it lies, as if they were equal.",
            site.name
        ),
        body: Body::Lines {
            x: Scale::numeric("component", ""),
            y: Scale::numeric("share of variance", ""),
            series,
        },
        numbers,
    }
}

/// What each component follows.
fn table(trained: &Projected, untrained: &Projected, states: &[Box<dyn Env>]) -> Figure {
    let facts = Facts::new(states);
    let shares = shares(&trained.components);
    let row = |(place, scores): (usize, &Vec<f32>)| {
        let mut cells = vec![
            Cell::Text((place + 1).to_string()),
            Cell::Number(shares[place]),
        ];
        if let Some(followed) = facts.best(scores) {
            cells.push(Cell::Text(followed.concept));
            cells.push(Cell::Number(followed.correlation.into()));
        }
        cells
    };
    let rows: Vec<Vec<Cell>> = trained.scores.iter().enumerate().map(row).collect();
    let columns = ["component", "share", "concept", "correlation"];
    let width = rows.first().map_or(columns.len(), Vec::len);
    let of = |projected: &Projected| facts.mean_of_best(projected.scores.iter().take(NUM_SHOWN));
    let numbers = [
        of(trained).map(|value| {
            Number::new(
                "mean_concept_correlation",
                "best concept, mean of the first two",
                value,
            )
        }),
        of(untrained).map(|value| {
            Number::new("mean_concept_correlation_untrained", "untrained", value).control()
        }),
    ];
    Figure {
        title: "Components and concepts".into(),
        caption:
            "The concept that each component correlates with best over these states, upwards or \
                  downwards."
                .into(),
        body: Body::Table {
            columns: columns[..width].iter().map(|&name| name.into()).collect(),
            rows,
        },
        numbers: numbers.into_iter().flatten().collect(),
    }
}

/// The mean value of the states in each bin of the first two components.
fn projection(first: &[f32], second: &[f32], values: &[f32], site: &Site) -> Figure {
    let across = Bins::of(first);
    let down = Bins::of(second);
    let mut sums = vec![(0.0, 0_u32); NUM_BINS * NUM_BINS];
    for ((x, y), value) in first.iter().zip(second).zip(values) {
        // Rows from the top, so that the second component points upwards.
        let (row, column) = (NUM_BINS - 1 - down.place(*y), across.place(*x));
        let (sum, count) = &mut sums[row * NUM_BINS + column];
        *sum += value;
        *count += 1;
    }
    let means: Vec<Option<f32>> = sums
        .iter()
        .map(|(sum, count)| (*count > 0).then(|| sum / *count as f32))
        .collect();
    let limit = means
        .iter()
        .flatten()
        .fold(1e-6, |top: f32, x| top.max(x.abs()));
    let mut rows = down.labels();
    rows.reverse();
    Figure {
        title: "States by component".into(),
        caption: format!(
            "States by how far they lie along the first two components of {}; colour is the mean of the \
             network's value there, and a dash is a place without states.",
            site.name
        ),
        body: Body::Heatmap {
            rows: Scale::labelled("component 2", rows),
            columns: Scale::labelled("component 1", across.labels()),
            values: means,
            colour: Colour::Diverging {
                limit,
                name: "value".into(),
            },
        },
        numbers: Vec::new(),
    }
}

/// Equal bins over what some numbers reach.
struct Bins {
    low: f32,
    width: f32,
}

impl Bins {
    fn of(values: &[f32]) -> Self {
        let low = values.iter().copied().fold(f32::INFINITY, f32::min);
        let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        Self {
            low,
            width: ((high - low) / NUM_BINS as f32).max(f32::MIN_POSITIVE),
        }
    }

    fn place(&self, value: f32) -> usize {
        (((value - self.low) / self.width) as usize).min(NUM_BINS - 1)
    }

    /// The middle of each bin.
    fn labels(&self) -> Vec<String> {
        (0..NUM_BINS)
            .map(|place| format!("{:.1}", self.low + self.width * (place as f32 + 0.5)))
            .collect()
    }
}

/// The units with most weight in a component.
fn units(place: usize, component: &Component, site: &Site, top: usize) -> Figure {
    let direction = &component.direction;
    let mut order: Vec<usize> = (0..direction.len()).collect();
    order.sort_by(|&a, &b| direction[b].abs().total_cmp(&direction[a].abs()));
    let bars = order.iter().take(top).map(|&unit| Bar {
        name: samples::column_name(site, unit),
        value: direction[unit],
        control: None,
        site: site.name.clone(),
        unit: Some(unit),
    });
    Figure {
        title: format!("Units of component {}", place + 1),
        caption: format!(
            "The weights of largest size in component {} of {}, a direction of length 1.",
            place + 1,
            site.name
        ),
        body: Body::Bars {
            x: Scale::numeric("weight", ""),
            bars: bars.collect(),
        },
        numbers: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_participation_ratio_counts_equal_directions() {
        assert_eq!(participation_ratio(&[1.0]), 1.0);
        assert_eq!(participation_ratio(&[0.25; 4]), 4.0);
        assert!((participation_ratio(&[0.5, 0.5, 0.0]) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn nine_tenths_are_reached_by_the_fewest_components() {
        assert_eq!(most_of(&[0.95, 0.05]), 1.0);
        assert_eq!(most_of(&[0.6, 0.3, 0.1]), 2.0);
        assert_eq!(most_of(&[0.5, 0.3, 0.2]), 3.0);
    }

    #[test]
    fn a_state_lies_where_the_mean_of_its_cells_lies() {
        let rows = Matrix::new(vec![1.0, 9.0, 3.0, 9.0, -2.0, 9.0, -2.0, 9.0], 2);
        assert_eq!(along(&rows, &[1.0, 0.0], 2), [2.0, -2.0]);
        assert_eq!(along(&rows, &[1.0, 0.0], 1), [1.0, 3.0, -2.0, -2.0]);
    }

    #[test]
    fn bins_take_the_least_and_the_most() {
        let bins = Bins::of(&[-6.0, 0.1, 6.0]);
        let places = [-6.0, -4.9, 0.1, 6.0].map(|x| bins.place(x));
        assert_eq!(places, [0, 1, 6, NUM_BINS - 1]);
        assert_eq!(Bins::of(&[3.0, 3.0]).place(3.0), 0);
    }
}
