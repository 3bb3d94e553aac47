//! Feature visualisation (Erhan et al. 2009; Olah et al. 2017) over states that play can reach: which one
//! excites a unit most?
//!
//! Where a state can be edited cell by cell, the search goes from several states through those one edit away,
//! the highest first. Where a state is numbers, the gradient is followed within the range that was observed.
//! Where all states are known, the search is checked against the exact maximum.

mod ascent;
mod climb;

use super::{
    OpEntry, Subject,
    figure::{Bar, Body, Figure, Number, Scale, Series},
    layout,
    neighbours::is_editable,
    reference_states, samples,
};
use crate::{
    env::{Env, observation},
    error::Result,
    model::{Site, evaluator::Evaluator},
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "feature_vis",
    title: "Feature visualisation",
    summary: "Searches for the valid state that most excites a unit or channel, beside the best among many states.",
    schema: schema::schema_of::<Parameters>,
    num_states: 0,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "feature_vis")?;
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
    /// States that the search starts from.
    #[schemars(range(min = 1, max = 256))]
    pub starts: usize,
    /// Steps of the search, at most.
    #[schemars(range(min = 1, max = 500))]
    pub steps: usize,
    /// States that the search is compared with: all, where there are no more.
    #[schemars(range(min = 16, max = 16_384))]
    pub states: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            site: String::new(),
            unit: -1,
            starts: 16,
            steps: 120,
            states: 5000,
        }
    }
}

/// A unit of a site of a network.
#[derive(Clone, Copy)]
struct Target<'a> {
    evaluator: &'a Evaluator,
    site: &'a Site,
    unit: usize,
}

/// What a search came to.
struct Found {
    /// The highest activation.
    activation: f32,
    /// Where it is.
    place: Place,
    /// The highest activation and the mean over starts, before the first step and after each.
    curve: Vec<[f32; 2]>,
    effort: Effort,
}

/// What a search took, and whether it can be trusted.
enum Effort {
    /// States that were looked at.
    Tried(usize),
    /// Starts that ended at the highest activation, and all of them.
    Agreeing(usize, usize),
}

/// Where the highest activation was found.
enum Place {
    State(Box<dyn Env>),
    Observation(Vec<f32>),
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let site = samples::choose(subject, &parameters.site)?;
    let mut rng = subject.rng.split("reference");
    let states = reference_states(subject.env, parameters.states, &mut rng);
    let rows = samples::activations(&subject.evaluator, site, &states).await?;
    let unit = samples::unit(site, parameters.unit, &rows)?;
    let responses = samples::responses(&rows, site, unit);
    let best = samples::highest(&responses);
    let exact = subject
        .env
        .enumerate()
        .is_some_and(|all| all.len() <= states.len());
    let mut order: Vec<usize> = (0..states.len()).collect();
    subject.rng.split("starts").shuffle(&mut order);
    order.truncate(parameters.starts);
    let starts: Vec<_> = order.iter().map(|&place| states[place].clone()).collect();
    let mut searches = Vec::with_capacity(2);
    for (network, evaluator) in [&subject.evaluator, &subject.untrained]
        .into_iter()
        .enumerate()
    {
        let target = Target {
            evaluator,
            site,
            unit,
        };
        let count = (network * parameters.steps, 2 * parameters.steps);
        searches.push(match is_editable(subject) {
            true => climb::search(subject, target, starts.clone(), parameters.steps, count).await?,
            false => {
                ascent::search(subject, target, &starts, &states, parameters.steps, count).await?
            }
        });
    }
    subject
        .step(2 * parameters.steps, 2 * parameters.steps)
        .await?;
    let name = format!("{} of {}", samples::column_name(site, unit), site.name);
    let (ours, control) = (&searches[0], &searches[1]);
    let mut figures = vec![place(subject, &name, ours, states[best].as_ref()).await?];
    figures[0].numbers = numbers(ours, control, responses[best], exact);
    let caption = format!(
        "The one of {} states that most excites {name}, with an activation of {:.3}; numbers are the agent's \
         policy.",
        states.len(),
        responses[best]
    );
    let state = states[best].as_ref();
    figures.push(samples::board("Best example".into(), caption, &subject.evaluator, state).await?);
    figures.push(curve(&name, ours, control, responses[best]));
    Ok(figures)
}

/// How far below the best an activation may be that counts as the same.
fn is_near(one: f32, best: f32) -> bool {
    (best - one).abs() <= 1e-4 * best.abs().max(1e-3)
}

fn numbers(ours: &Found, control: &Found, best: f32, exact: bool) -> Vec<Number> {
    let mut numbers = vec![
        Number::new(
            "activation_found",
            "activation found",
            ours.activation.into(),
        ),
        Number::new("activation_example", "best among states", best.into()).control(),
        Number::new(
            "activation_untrained",
            "untrained, same search",
            control.activation.into(),
        )
        .control(),
        match ours.effort {
            Effort::Tried(count) => Number::new("states_tried", "states looked at", count as f64),
            Effort::Agreeing(count, all) => {
                Number::new("starts_agreeing", "starts that end there", count as f64)
                    .out_of(all as f64)
            }
        },
    ];
    if exact {
        let found = f64::from(u8::from(is_near(ours.activation, best)));
        numbers.push(Number::new("maximum_found", "exact maximum found", found).out_of(1.0));
        if best > 0.0 {
            let share = f64::from(ours.activation / best);
            numbers.push(Number::new(
                "share_of_maximum",
                "share of the exact maximum",
                share,
            ));
        }
    }
    numbers
}

/// What the search found, as a board or as numbers.
async fn place(subject: &Subject<'_>, name: &str, found: &Found, best: &dyn Env) -> Result<Figure> {
    let title = "State found".to_owned();
    match &found.place {
        Place::State(state) => {
            let caption = format!(
                "The state at which the search for {name} ended highest, with an activation of {:.3}; numbers are \
                 the agent's policy.",
                found.activation
            );
            samples::board(title, caption, &subject.evaluator, state.as_ref()).await
        }
        Place::Observation(values) => {
            let input = Site::new(
                "obs",
                subject.env.space().observation.clone(),
                crate::model::Stage::Sensory,
            );
            let best = observation(best);
            let known = subject.sites.iter().any(|site| site.name == "obs");
            let bars = values.iter().enumerate().map(|(element, value)| Bar {
                name: layout::element_name(&input, element),
                value: *value,
                control: Some(best[element]),
                site: if known { "obs".into() } else { String::new() },
                unit: Some(element),
            });
            Ok(Figure {
                title,
                caption: format!(
                    "The observation within the observed range at which the search for {name} ended highest; ticks \
                     are the best example's."
                ),
                body: Body::Bars {
                    x: Scale::numeric("observed", ""),
                    bars: bars.collect(),
                },
                numbers: Vec::new(),
            })
        }
    }
}

fn curve(name: &str, ours: &Found, control: &Found, best: f32) -> Figure {
    let last = ours.curve.len().max(control.curve.len()).max(2) - 1;
    let series = |name: &str, found: &Found, which: usize, control| Series {
        name: name.into(),
        points: found
            .curve
            .iter()
            .enumerate()
            .map(|(step, both)| (step as f32, both[which]))
            .collect(),
        control,
    };
    Figure {
        title: "Search".into(),
        caption: format!(
            "The activation of {name} over the steps of the search: the best start and the mean of all, beside the \
             best example and an untrained network."
        ),
        body: Body::Lines {
            x: Scale::numeric("step", ""),
            y: Scale::numeric("activation", ""),
            series: vec![
                series("best start", ours, 0, false),
                series("mean of starts", ours, 1, false),
                Series {
                    name: "best example".into(),
                    points: vec![(0.0, best), (last as f32, best)],
                    control: true,
                },
                series("untrained, best start", control, 0, true),
            ],
        },
        numbers: Vec::new(),
    }
}

/// The highest of some activations and their mean.
fn summary(activations: &[f32]) -> [f32; 2] {
    let top = activations
        .iter()
        .copied()
        .fold(f32::NEG_INFINITY, f32::max);
    [
        top,
        activations.iter().sum::<f32>() / activations.len().max(1) as f32,
    ]
}
