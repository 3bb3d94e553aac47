//! Ablation: take parts of the network away, one at a time, and see how far its play moves.

use super::{
    OpEntry, Subject, bank,
    figure::{Bar, Body, Colour, Figure, Number, Scale},
    layout, reference_states,
};
use crate::{
    env::Env,
    error::Result,
    model::{
        Site,
        evaluator::{Answers, Evaluator, masked_argmax, masked_softmax, observations},
        find_site,
        taps::{self, Bank, Edit, EditOp, Select},
    },
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "ablate",
    title: "Ablate units",
    summary: "Takes each unit of a site away in turn, and measures how far the policy moves over many states.",
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
    #[schemars(extend("x-choices" = "sites"))]
    pub site: String,
    /// What a unit's activation is replaced with.
    pub mode: Mode,
    /// States to average over.
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
            mode: Mode::Mean,
            reference_states: 512,
            top: 12,
        }
    }
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

/// A unit whose absence moves the policy by less than this is vestigial, in nats.
const VESTIGIAL: f32 = 1e-4;

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let site = match parameters.site.as_str() {
        "" => last_hidden(subject.sites),
        name => find_site(subject.sites, name)?,
    };
    let mut rng = subject.rng.split("reference");
    let states = reference_states(subject.env, parameters.reference_states, &mut rng);
    let units = units(site);
    let trained = effects(
        &subject.evaluator,
        subject,
        site,
        &units,
        &states,
        parameters.mode,
        true,
    )
    .await?;
    let untrained = effects(
        &subject.untrained,
        subject,
        site,
        &units,
        &states,
        parameters.mode,
        false,
    )
    .await?;
    let mut order: Vec<usize> = (0..units.len()).collect();
    order.sort_by(|&a, &b| trained[b].divergence.total_cmp(&trained[a].divergence));
    let bars = order.iter().take(parameters.top).map(|&unit| Bar {
        name: unit_name(site, &units[unit]),
        value: trained[unit].divergence,
        control: Some(untrained[unit].divergence),
        site: site.name.clone(),
        unit: Some(units[unit][0]),
    });
    let top = order[0];
    let median = order[order.len() / 2];
    let vestigial = trained
        .iter()
        .filter(|effect| effect.divergence < VESTIGIAL)
        .count();
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
    let total = states.len() as f64;
    Ok(vec![
        Figure {
            title: "Effect of each unit".into(),
            caption: format!(
                "How far the policy moves over {} states when one unit of {} is taken away: mean KL \
                 divergence from the whole network; dark matters most.",
                states.len(),
                site.name
            ),
            body: Body::Maps { panels: layout::panels(&shown, &values, subject.env.space()), colour },
            numbers: vec![
                Number::new("vestigial_units", "vestigial units", vestigial as f64).out_of(units.len() as f64),
            ],
        },
        Figure {
            title: "Units that matter".into(),
            caption: "The units whose absence moves the policy most; ticks are the same units before training.".into(),
            body: Body::Bars { x: Scale::numeric("mean KL divergence", "nats"), bars: bars.collect() },
            numbers: vec![
                Number::new("moves_changed", &format!("choices changed by {}", unit_name(site, &units[top])), trained[top].changed as f64)
                    .out_of(total),
                Number::new("moves_changed_median", "by the median unit", trained[median].changed as f64)
                    .out_of(total)
                    .control(),
                Number::new("moves_changed_untrained", "untrained", untrained[top].changed as f64)
                    .out_of(total)
                    .control(),
            ],
        },
    ])
}

/// The last site before the heads' answers.
pub(super) fn last_hidden(sites: &[Site]) -> &Site {
    let hidden = sites
        .iter()
        .rev()
        .find(|site| !site.is_output() && site.stage != crate::model::Stage::Motor);
    hidden.unwrap_or(&sites[0])
}

/// What is ablated together: channels of a grid, units elsewhere.
fn units(site: &Site) -> Vec<Vec<usize>> {
    match site.axes.as_slice() {
        [channel, row, column] => {
            let area = row.len * column.len;
            (0..channel.len)
                .map(|index| (index * area..(index + 1) * area).collect())
                .collect()
        }
        _ => (0..site.len()).map(|index| vec![index]).collect(),
    }
}

fn unit_name(site: &Site, unit: &[usize]) -> String {
    let full = layout::element_name(site, unit[0]);
    match full.split_once(", ") {
        Some((channel, _)) if unit.len() > 1 => channel.to_owned(),
        _ => full,
    }
}

/// What an intervention, such as taking a unit away, did.
pub(super) struct Effect {
    /// Mean KL divergence of the ablated policy from the whole one, in nats.
    pub(super) divergence: f32,
    /// States in which the greedy choice changed.
    pub(super) changed: usize,
}

async fn effects(
    evaluator: &Evaluator,
    subject: &Subject<'_>,
    site: &Site,
    units: &[Vec<usize>],
    states: &[Box<dyn Env>],
    mode: Mode,
    report: bool,
) -> Result<Vec<Effect>> {
    let input = observations(states);
    let whole = evaluator.evaluate(input.clone(), states.len()).await?;
    let bank = match mode {
        Mode::Zero => Bank::new(),
        _ => bank(evaluator, states, subject.sites).await?,
    };
    let op = match mode {
        Mode::Zero => EditOp::Zero,
        Mode::Mean => EditOp::Mean,
        Mode::Resample => EditOp::Resample,
    };
    let mut found = Vec::with_capacity(units.len());
    for (index, unit) in units.iter().enumerate() {
        let edit = Edit {
            site: site.name.clone(),
            select: Select::Units(unit.clone()),
            op: op.clone(),
        };
        let mut rng = subject.rng.split("resample");
        let compiled = taps::compile(&[edit], subject.sites, &bank, &mut rng, &evaluator.device)?;
        let mut ablated = evaluator.clone();
        ablated.edits.extend(compiled);
        let answers = ablated.evaluate(input.clone(), states.len()).await?;
        found.push(compare(&whole, &answers, states));
        if report {
            subject.step(index + 1, units.len()).await?;
        }
    }
    Ok(found)
}

/// How far the answers `ablated` have moved from `whole`.
pub(super) fn compare(whole: &Answers, ablated: &Answers, states: &[Box<dyn Env>]) -> Effect {
    let mut effect = Effect {
        divergence: 0.0,
        changed: 0,
    };
    for (row, state) in states.iter().enumerate() {
        let mut legal = vec![false; state.space().num_actions()];
        state.legal(&mut legal);
        let [before, after] = [whole, ablated].map(|answers| answers.logits_of(row));
        let (p, q) = (
            masked_softmax(before, &legal),
            masked_softmax(after, &legal),
        );
        let divergence: f32 = p
            .iter()
            .zip(&q)
            .filter(|(p, _)| **p > 0.0)
            .map(|(p, q)| p * (p / q.max(1e-12)).ln())
            .sum();
        effect.divergence += divergence.max(0.0) / states.len() as f32;
        effect.changed +=
            usize::from(masked_argmax(before, &legal) != masked_argmax(after, &legal));
    }
    effect
}
