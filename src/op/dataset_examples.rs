//! The states that a unit answers to most strongly (Zeiler & Fergus 2014's top images), how its activation
//! is distributed over all states, and which concepts it follows.

use super::{
    OpEntry, Subject,
    figure::{Bar, Body, Cell, Figure, Number, Scale, Series},
    reference_states,
    samples::{self, Facts},
};
use crate::{error::Result, model::Site, schema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "dataset_examples",
    title: "Most exciting states",
    summary: "The states that most excite a unit or channel, its distribution over states, and the concepts that it follows.",
    schema: schema::schema_of::<Parameters>,
    num_states: 0,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "dataset_examples")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// The site; the last hidden one when empty.
    #[schemars(extend("x-choices" = "sites", "x-auto" = "last hidden one"))]
    pub site: String,
    /// The unit, or the channel of a grid, from 0; −1 takes the one that varies most over the states.
    #[schemars(range(min = -1, max = 65_535), extend("x-auto" = "the one that varies most"))]
    pub unit: i64,
    /// States to choose from: all, where there are no more.
    #[schemars(range(min = 16, max = 16_384))]
    pub states: usize,
    /// States to show.
    #[schemars(range(min = 1, max = 12))]
    pub top: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            site: String::new(),
            unit: -1,
            states: 5000,
            top: 4,
        }
    }
}

/// The most exciting states that concepts are compared over.
const NUM_COMPARED: usize = 20;
/// Points of the curve of quantiles.
const NUM_QUANTILES: usize = 51;

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let site = samples::choose(subject, &parameters.site)?;
    let mut rng = subject.rng.split("reference");
    let states = reference_states(subject.env, parameters.states, &mut rng);
    let rows = samples::activations(&subject.evaluator, site, &states).await?;
    subject.step(1, 3).await?;
    let unit = samples::unit(site, parameters.unit, &rows)?;
    let ours = samples::responses(&rows, site, unit);
    let rows = samples::activations(&subject.untrained, site, &states).await?;
    let untrained = samples::responses(&rows, site, unit);
    subject.step(2, 3).await?;
    let name = format!("{} of {}", samples::column_name(site, unit), site.name);
    let order = ranked(&ours);
    let mut figures = vec![distribution(&name, [&ours, &untrained])];
    for (place, &state) in order.iter().take(parameters.top).enumerate() {
        let caption = format!(
            "Number {} of {} states by {name}, whose activation is {:.3} here; numbers are the agent's policy.",
            place + 1,
            states.len(),
            ours[state]
        );
        let title = format!("Example {}", place + 1);
        let state = states[state].as_ref();
        figures.push(samples::board(title, caption, &subject.evaluator, state).await?);
    }
    let facts = Facts::new(&states);
    figures.extend(concepts(&facts, site, unit, &name, [&ours, &untrained]));
    figures.extend(shared(&facts, &name, &order, states.len()));
    subject.step(3, 3).await?;
    Ok(figures)
}

/// States by activation, the highest first; the first of equals first.
fn ranked(responses: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..responses.len()).collect();
    order.sort_by(|&a, &b| responses[b].total_cmp(&responses[a]));
    order
}

/// Activations from the lowest to the highest.
fn distribution(name: &str, [ours, untrained]: [&[f32]; 2]) -> Figure {
    let sorted = |responses: &[f32]| -> Vec<f32> {
        let order = ranked(responses);
        order.iter().rev().map(|&place| responses[place]).collect()
    };
    let series = |name: &str, responses: &[f32], control| {
        let sorted = sorted(responses);
        let point = |index: usize| {
            let share = index as f32 / (NUM_QUANTILES - 1) as f32;
            (share, quantile(&sorted, share))
        };
        Series {
            name: name.into(),
            points: (0..NUM_QUANTILES).map(point).collect(),
            control,
        }
    };
    let mean = |responses: &[f32]| {
        responses.iter().map(|x| f64::from(*x)).sum::<f64>() / responses.len() as f64
    };
    let active = |responses: &[f32]| responses.iter().filter(|x| **x > 0.0).count() as f64;
    let highest = |responses: &[f32]| f64::from(responses[samples::highest(responses)]);
    let total = ours.len() as f64;
    Figure {
        title: "Distribution".into(),
        caption: format!(
            "The activation of {name} below which each share of {} states lies, beside the same unit before \
             training; of a channel, its largest over the cells.",
            ours.len()
        ),
        body: Body::Lines {
            x: Scale::numeric("share of states", ""),
            y: Scale::numeric("activation", ""),
            series: vec![
                series("this network", ours, false),
                series("untrained", untrained, true),
            ],
        },
        numbers: vec![
            Number::new("max_activation", "highest activation", highest(ours)),
            Number::new("max_activation_untrained", "untrained", highest(untrained)).control(),
            Number::new("mean_activation", "mean", mean(ours)),
            Number::new(
                "active_states",
                "states in which it is above 0",
                active(ours),
            )
            .out_of(total),
            Number::new("active_states_untrained", "untrained", active(untrained))
                .out_of(total)
                .control(),
        ],
    }
}

/// The value below which a share of sorted numbers lies, between neighbours in proportion.
fn quantile(sorted: &[f32], share: f32) -> f32 {
    let place = share * (sorted.len() - 1) as f32;
    let (low, part) = (place as usize, place.fract());
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + part * (sorted[high] - sorted[low])
}

/// Correlations with every concept; none without concepts.
fn concepts(
    facts: &Facts,
    site: &Site,
    unit: usize,
    name: &str,
    [ours, untrained]: [&[f32]; 2],
) -> Option<Figure> {
    let (mut found, control) = (facts.all(ours), facts.all(untrained));
    let best = |all: &[samples::Followed]| {
        all.iter()
            .map(|one| f64::from(one.correlation.abs()))
            .fold(0.0, f64::max)
    };
    let numbers = vec![
        Number::new(
            "best_concept_correlation",
            "with the concept that it follows best",
            best(&found),
        ),
        Number::new(
            "best_concept_correlation_untrained",
            "untrained",
            best(&control),
        )
        .control(),
    ];
    found.sort_by(|a, b| b.correlation.abs().total_cmp(&a.correlation.abs()));
    let bars: Vec<Bar> = found
        .into_iter()
        .map(|one| Bar {
            control: control
                .iter()
                .find(|other| other.concept == one.concept)
                .map(|other| other.correlation),
            value: one.correlation,
            name: one.concept,
            site: site.name.clone(),
            unit: Some(unit * samples::cells(site)),
        })
        .collect();
    (!bars.is_empty()).then(|| Figure {
        title: "Concepts it follows".into(),
        caption: format!(
            "Correlation of the activation of {name} with each concept over the states; ticks are the same unit \
             before training."
        ),
        body: Body::Bars {
            x: Scale {
                domain: Some((-1.0, 1.0)),
                ..Scale::numeric("correlation", "")
            },
            bars,
        },
        numbers,
    })
}

/// What the most exciting states have in common; none without concepts.
fn shared(facts: &Facts, name: &str, order: &[usize], states: usize) -> Option<Figure> {
    let top = &order[..order.len().min(NUM_COMPARED)];
    let (ours, all) = (facts.means(top), facts.means(order));
    let names = facts.names();
    let mut places: Vec<usize> = (0..names.len()).collect();
    let apart = |place: usize| (ours[place] - all[place]).abs();
    places.sort_by(|&a, &b| apart(b).total_cmp(&apart(a)));
    let row = |&place: &usize| {
        vec![
            Cell::Text(names[place].clone()),
            Cell::Number(ours[place]),
            Cell::Number(all[place]),
        ]
    };
    (!names.is_empty()).then(|| Figure {
        title: "What they share".into(),
        caption: format!(
            "The mean of each concept over the {} states that most excite {name}, beside all {states} states.",
            top.len()
        ),
        body: Body::Table {
            columns: ["concept", "most exciting", "all states"].map(String::from).to_vec(),
            rows: places.iter().map(row).collect(),
        },
        numbers: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_by_hand() {
        let sorted = [0.0, 1.0, 4.0];
        let found = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| quantile(&sorted, share));
        assert_eq!(found, [0.0, 0.5, 1.0, 2.5, 4.0]);
        assert_eq!(quantile(&[7.0], 0.3), 7.0);
    }

    #[test]
    fn the_first_of_equals_comes_first() {
        assert_eq!(ranked(&[1.0, 2.0, 2.0]), [1, 2, 0]);
    }
}
