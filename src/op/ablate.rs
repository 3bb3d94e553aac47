//! Ablation: take parts of the network away, alone, in pairs or many at once, and see how far its play
//! moves and what it costs.

mod effect;
mod everywhere;
mod pairs;
mod sets;

pub(super) use effect::{compare, divergence};

use super::{
    OpEntry, Subject,
    figure::{Bar, Body, Colour, Figure, Number, Scale},
    layout, parts, reference_states,
};
use crate::{
    error::Result,
    model::{Site, find_site},
    schema,
};
use effect::{Ablator, Effect, Worth};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "ablate",
    title: "Ablate units",
    summary: "Takes units away, alone, in pairs or many at once, and measures how far the policy moves over many states.",
    schema: schema::schema_of::<Parameters>,
    num_states: 0,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "ablate")?;
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
    /// What is taken away together.
    pub part: Part,
    /// What a unit's activation is replaced with.
    pub mode: Mode,
    /// States to average over.
    #[schemars(range(min = 16, max = 8192))]
    pub reference_states: usize,
    /// Units to list, to pair, or to search for greedily.
    #[schemars(range(min = 1, max = 40))]
    pub top: usize,
    /// How the units of a growing set are chosen.
    pub choice: Choice,
    /// Random orders beside a growing set.
    #[schemars(range(min = 2, max = 50))]
    pub random_sets: usize,
    /// How much return, or exact value of a choice, a unit may cost that counts as costing none.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub tolerance: f32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            site: String::new(),
            part: Part::Unit,
            mode: Mode::Mean,
            reference_states: 512,
            top: 12,
            choice: Choice::Rank,
            random_sets: 5,
            tolerance: 0.001,
        }
    }
}

/// What is taken away together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Each unit of the site alone.
    Unit,
    /// Sets of growing size: the units that matter most, least, and random ones.
    Set,
    /// Pairs of the units that matter most.
    Pair,
    /// Each unit of every hidden site alone.
    Everywhere,
}

/// How the units of a growing set are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// By the effect of each alone.
    Rank,
    /// One after the other, each by the effect of the set with it.
    Greedy,
}

/// What a unit's activation is replaced with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Zero.
    Zero,
    /// Its mean over the reference states.
    Mean,
    /// Its value on another reference state.
    Resample,
}

/// A unit whose absence moves the policy by less than this, on average, is vestigial, in nats.
const VESTIGIAL: f32 = 1e-4;

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let site = match parameters.site.as_str() {
        "" => last_hidden(subject.sites),
        name => find_site(subject.sites, name)?,
    };
    let mut rng = subject.rng.split("reference");
    let states = reference_states(subject.env, parameters.reference_states, &mut rng);
    let worth = match parameters.part {
        Part::Set | Part::Everywhere => Worth::new(subject, &states),
        _ => Worth::Unknown,
    };
    if parameters.part == Part::Everywhere {
        return everywhere::run(subject, parameters, &states, &worth).await;
    }
    let units = units(site);
    let count = units.len();
    let total = match parameters.part {
        Part::Set => count + sets::num_steps(parameters, count),
        Part::Pair => count + pairs::num_steps(parameters.top, count),
        _ => 2 * count,
    };
    let ablator = Ablator::new(
        subject,
        &subject.evaluator,
        &states,
        parameters.mode,
        &worth,
    )
    .await?;
    let trained = singles(subject, &ablator, site, &units, (0, total)).await?;
    let both = (units.as_slice(), trained.as_slice());
    match parameters.part {
        Part::Set => sets::run(subject, parameters, &ablator, site, both, worth.name()).await,
        Part::Pair => pairs::run(subject, parameters, &ablator, site, both).await,
        _ => {
            let ablator = Ablator::new(
                subject,
                &subject.untrained,
                &states,
                parameters.mode,
                &worth,
            )
            .await?;
            let untrained = singles(subject, &ablator, site, &units, (count, total)).await?;
            Ok(figures(
                subject,
                parameters,
                site,
                states.len(),
                [&trained, &untrained],
            ))
        }
    }
}

/// Effects of each unit alone, as steps of `total` after `done`.
async fn singles(
    subject: &Subject<'_>,
    ablator: &Ablator<'_>,
    site: &Site,
    units: &[Vec<usize>],
    (done, total): (usize, usize),
) -> Result<Vec<Effect>> {
    let mut found = Vec::with_capacity(units.len());
    for (index, unit) in units.iter().enumerate() {
        found.push(ablator.effect(site, unit.clone()).await?);
        subject.step(done + index + 1, total).await?;
    }
    Ok(found)
}

/// The effect of each unit, and the units that matter.
fn figures(
    subject: &Subject<'_>,
    parameters: &Parameters,
    site: &Site,
    states: usize,
    [trained, untrained]: [&[Effect]; 2],
) -> Vec<Figure> {
    let units = units(site);
    let mut order: Vec<usize> = (0..units.len()).collect();
    order.sort_by(|&a, &b| trained[b].divergence.total_cmp(&trained[a].divergence));
    let bars = order.iter().take(parameters.top).map(|&unit| Bar {
        name: unit_name(site, &units[unit]),
        value: trained[unit].divergence,
        control: Some(untrained[unit].divergence),
        site: site.name.clone(),
        unit: Some(units[unit][0]),
    });
    let (top, median) = (order[0], order[order.len() / 2]);
    let values: Vec<Option<f32>> = trained
        .iter()
        .map(|effect| Some(effect.divergence))
        .collect();
    let shown = if units.len() < site.len() {
        Site::new(site.name.clone(), vec![site.axes[0].clone()], site.stage)
    } else {
        site.clone()
    };
    let limit = trained[top].divergence.max(1e-6);
    let colour = Colour::Sequential {
        limit,
        name: "divergence, nats".into(),
    };
    let of_units = |id: &str, name: &str, effects: &[Effect], idle: &dyn Fn(&Effect) -> bool| {
        let idle = effects.iter().filter(|effect| idle(effect)).count();
        Number::new(id, name, idle as f64).out_of(units.len() as f64)
    };
    let vestigial = |effect: &Effect| effect.divergence < VESTIGIAL;
    let idle = |effect: &Effect| effect.changed == 0;
    let of_choices = |id: &str, name: &str, effect: &Effect| {
        Number::new(id, name, effect.changed as f64).out_of(states as f64)
    };
    vec![
        Figure {
            title: "Effect of each unit".into(),
            caption: format!(
                "How far the policy moves over {states} states when one unit of {} is taken away: mean KL \
                 divergence from the whole network; dark matters most.",
                site.name
            ),
            body: Body::Maps {
                panels: layout::panels(&shown, &values, subject.env.space()),
                colour,
            },
            numbers: vec![
                of_units("vestigial_units", "vestigial units", trained, &vestigial),
                of_units("vestigial_units_untrained", "untrained", untrained, &vestigial).control(),
                of_units("idle_units", "units that change no choice", trained, &idle),
                of_units("idle_units_untrained", "untrained", untrained, &idle).control(),
            ],
        },
        Figure {
            title: "Units that matter".into(),
            caption: "The units whose absence moves the policy most; ticks are the same units before training."
                .into(),
            body: Body::Bars {
                x: Scale::numeric("mean KL divergence", "nats"),
                bars: bars.collect(),
            },
            numbers: vec![
                of_choices(
                    "moves_changed",
                    &format!("choices changed by {}", unit_name(site, &units[top])),
                    &trained[top],
                ),
                of_choices("moves_changed_median", "by the median unit", &trained[median]).control(),
                of_choices("moves_changed_untrained", "untrained", &untrained[top]).control(),
            ],
        },
    ]
}

/// The last site before the heads' answers.
pub(super) fn last_hidden(sites: &[Site]) -> &Site {
    let hidden = sites
        .iter()
        .rev()
        .find(|site| !site.is_output() && site.stage != crate::model::Stage::Motor);
    hidden.unwrap_or(&sites[0])
}

/// What is ablated together: heads, channels of a grid, units elsewhere. A head's units are one whole: turned
/// by any rotation that the weights after them undo, they would do the same.
fn units(site: &Site) -> Vec<Vec<usize>> {
    match site.axes.iter().any(|axis| axis.name == "head") {
        true => parts::Part::Head.groups(site),
        false => parts::Part::Channel.groups(site),
    }
}

fn unit_name(site: &Site, unit: &[usize]) -> String {
    let full = layout::element_name(site, unit[0]);
    match full.split_once(", ") {
        Some((channel, _)) if unit.len() > 1 => channel.to_owned(),
        _ => full,
    }
}
