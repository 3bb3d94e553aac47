//! What the network does with one state: every site's activations, and the units that this state
//! moves furthest from their habit.

use super::{
    OpEntry, Subject,
    figure::{Bar, Body, Colour, Figure, Number, Panel, Scale},
    layout, reference_states,
};
use crate::{
    env::observation,
    error::{Error, Result},
    model::{
        Site,
        evaluator::{Evaluator, observations},
    },
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "activations",
    title: "Show activations",
    summary: "Every site's activations on the board, and the units that it moves furthest from their mean.",
    schema: schema::schema_of::<Parameters>,
    num_states: 1,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "activations")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// The site to show; all when empty.
    #[schemars(extend("x-choices" = "sites", "x-auto" = "every site"))]
    pub site: String,
    /// States that the mean and deviation of each unit are taken over.
    #[schemars(range(min = 16, max = 4096))]
    pub reference_states: usize,
    /// Units to list.
    #[schemars(range(min = 1, max = 40))]
    pub top: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            site: String::new(),
            reference_states: 512,
            top: 12,
        }
    }
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let [state] = subject.states.as_slice() else {
        return Err(Error::not_applicable("this op looks at one state"));
    };
    let chosen: Vec<&Site> = if parameters.site.is_empty() {
        subject.sites.iter().collect()
    } else {
        vec![crate::model::find_site(subject.sites, &parameters.site)?]
    };
    let here = observation(state.as_ref());
    let mut rng = subject.rng.split("reference");
    let others = observations(&reference_states(
        subject.env,
        parameters.reference_states,
        &mut rng,
    ));
    let (_, now) = subject.evaluator.record(here.clone(), 1).await?;
    let mut units = surprises(&subject.evaluator, &chosen, &here, &others).await?;
    let untrained = surprises(&subject.untrained, &chosen, &here, &others).await?;
    units.sort_by(|a, b| b.score.abs().total_cmp(&a.score.abs()));
    let of_untrained = untrained
        .iter()
        .fold(0.0_f32, |top, unit| top.max(unit.score.abs()));
    let bars = units.iter().take(parameters.top).map(|unit| Bar {
        name: format!(
            "{}, {}",
            chosen[unit.site].name,
            layout::element_name(chosen[unit.site], unit.index)
        ),
        value: unit.score,
        control: untrained
            .iter()
            .find(|other| (other.site, other.index) == (unit.site, unit.index))
            .map(|other| other.score),
        site: chosen[unit.site].name.clone(),
        unit: Some(unit.index),
    });
    let active = share_active(&now, &chosen);
    let top = units.first().map(|unit| f64::from(unit.score.abs()));
    let mut figures = vec![Figure {
        title: "Activations".into(),
        caption:
            "Each site's activations on this board, as a share of the site's largest; orange is \
                  positive, blue negative."
                .into(),
        body: Body::Maps {
            panels: maps(subject, &chosen, &now),
            colour: Colour::Diverging {
                limit: 1.0,
                name: "share of the site's largest".into(),
            },
        },
        numbers: Vec::new(),
    }];
    // Input and output have no hidden units, so there is nothing more to say of them.
    if let Some(top) = top {
        figures[0].numbers.push(Number::new(
            "active_share",
            "hidden units active",
            f64::from(active),
        ));
        figures.push(Figure {
            title: "Unusual units".into(),
            caption: format!(
                "Units whose activation here is furthest from its mean over {} reference states, in \
                 standard deviations; ticks are the same units before training.",
                others.len() / here.len()
            ),
            body: Body::Bars { x: Scale::numeric("deviation from the mean", "σ"), bars: bars.collect() },
            numbers: vec![
                Number::new("largest_deviation", "largest", top).unit("σ"),
                Number::new("largest_deviation_untrained", "untrained", f64::from(of_untrained))
                    .unit("σ")
                    .control(),
            ],
        });
    }
    Ok(figures)
}

/// How far one unit is from its habit.
struct Surprise {
    site: usize,
    index: usize,
    score: f32,
}

/// The deviation of every hidden unit from its mean over `others`, in standard deviations.
async fn surprises(
    evaluator: &Evaluator,
    sites: &[&Site],
    here: &[f32],
    others: &[f32],
) -> Result<Vec<Surprise>> {
    let count = others.len() / here.len();
    let (_, now) = evaluator.record(here.to_vec(), 1).await?;
    let (_, all) = evaluator.record(others.to_vec(), count).await?;
    let mut found = Vec::new();
    for (place, site) in sites.iter().enumerate() {
        let (Some(now), Some(all)) = (now.get(&site.name), all.get(&site.name)) else {
            continue;
        };
        if site.is_output() || site.name == "obs" {
            continue;
        }
        for (index, &value) in now.iter().enumerate() {
            let column = || all.iter().skip(index).step_by(site.len());
            let mean = column().sum::<f32>() / count as f32;
            let variance = column().map(|x| (x - mean) * (x - mean)).sum::<f32>() / count as f32;
            // A unit that never varies has no habit to break.
            if variance > 1e-8 {
                found.push(Surprise {
                    site: place,
                    index,
                    score: (value - mean) / variance.sqrt(),
                });
            }
        }
    }
    Ok(found)
}

/// Share of hidden units above zero.
fn share_active(now: &BTreeMap<String, Vec<f32>>, sites: &[&Site]) -> f32 {
    let hidden = || {
        sites
            .iter()
            .filter(|site| !site.is_output() && site.name != "obs")
    };
    let values = || hidden().filter_map(|site| now.get(&site.name)).flatten();
    let total = values().count().max(1);
    values().filter(|x| **x > 0.0).count() as f32 / total as f32
}

fn maps(subject: &Subject<'_>, sites: &[&Site], now: &BTreeMap<String, Vec<f32>>) -> Vec<Panel> {
    sites
        .iter()
        .flat_map(|site| {
            let values = now.get(&site.name).map_or(&[][..], Vec::as_slice);
            let largest = values.iter().fold(1e-6_f32, |top, x| top.max(x.abs()));
            let scaled: Vec<_> = values.iter().map(|x| Some(x / largest)).collect();
            layout::panels(site, &scaled, subject.env.space())
        })
        .collect()
}
