//! Activation patching: copy a part of one state's activations into another state's run, and ask how
//! much of the first one's answer comes back (Heimersheim & Nanda 2024, "How to use and interpret
//! activation patching").
//!
//! Denoising puts clean activations into the corrupt run: is this part sufficient? Noising puts corrupt
//! ones into the clean run: is it necessary? Scores are normalised so that 0 is the run that was
//! patched and 1 is the run that the patch came from.

use super::{
    OpEntry, Subject,
    figure::{Bar, Body, Colour, Figure, Number, Panel, Scale},
    layout, reference_states,
};
use crate::{
    backend,
    env::observation,
    error::{Error, Result},
    model::{
        Site,
        evaluator::{Answers, Evaluator, masked_argmax},
        taps::{Change, SiteEdit},
    },
    schema,
};
use burn::tensor::{Tensor, TensorData};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "patch",
    title: "Patch activations",
    summary: "Copies parts of the clean board's activations into the corrupt board's run, and measures how \
              much of the clean answer returns.",
    schema: schema::schema_of::<Parameters>,
    num_states: 2,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "patch")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// Which run is patched.
    pub direction: Direction,
    /// What is copied at a time.
    pub part: Part,
    /// What is measured.
    pub measure: Measure,
}

/// Which run is patched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Clean into corrupt: what is sufficient?
    #[default]
    Denoise,
    /// Corrupt into clean: what is necessary?
    Noise,
}

/// What is copied at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Single elements: a unit, or a channel at a cell.
    #[default]
    Unit,
    /// Whole channels, or single units where there are none.
    Channel,
    /// Cells over all channels, or single units where there are none.
    Cell,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The logit difference where the two boards' choices differ and are legal on both, else the value.
    #[default]
    Auto,
    /// Logit of the clean board's choice less logit of the corrupt board's.
    LogitDifference,
    /// The value head.
    Value,
}

/// Least difference between the runs that is worth explaining; below it the shares are noise.
const LEAST_DIFFERENCE: f32 = 1e-3;
/// Random donors of the control.
const NUM_DONORS: usize = 32;

/// The two runs and what is measured on them.
struct Pair {
    measure: Measure,
    /// The choices on the clean and on the corrupt board.
    actions: [usize; 2],
    donor: BTreeMap<String, Vec<f32>>,
    own: BTreeMap<String, Vec<f32>>,
    receiver: Vec<f32>,
    /// The measure on the patched run and on the donor's.
    ends: [f32; 2],
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let pair = prepare(subject, parameters).await?;
    let mut panels = Vec::new();
    let mut bars = Vec::new();
    let mut best: Option<(f32, &Site, Vec<usize>)> = None;
    let mut own_worst = 0.0_f32;
    for (index, site) in subject.sites.iter().enumerate() {
        let groups = groups(site, parameters.part);
        let shares = shares(&subject.evaluator, &pair, site, &groups, &pair.donor).await?;
        let own = self::shares(&subject.evaluator, &pair, site, &groups, &pair.own).await?;
        own_worst = own
            .iter()
            .fold(own_worst, |worst, share| worst.max(share.abs()));
        panels.extend(draw(subject, site, &groups, &shares, parameters.part));
        let top = (0..shares.len())
            .max_by(|&a, &b| shares[a].total_cmp(&shares[b]))
            .unwrap_or(0);
        bars.push(Bar {
            name: format!(
                "{}, {}",
                site.name,
                group_name(site, &groups[top], parameters.part)
            ),
            value: shares[top],
            control: Some(own[top]),
            site: site.name.clone(),
            unit: Some(groups[top][0]),
        });
        // Input and output restore everything by construction; the finding lies between them.
        let inner = index > 0 && !site.is_output();
        if inner && best.as_ref().is_none_or(|(share, ..)| shares[top] > *share) {
            best = Some((shares[top], site, groups[top].clone()));
        }
        subject.step(index + 1, subject.sites.len()).await?;
    }
    let mut numbers = Vec::new();
    if let Some((share, site, group)) = best {
        let name = format!(
            "{}, {}",
            site.name,
            group_name(site, &group, parameters.part)
        );
        let donors = random_donors(subject, &pair, site, &group).await?;
        numbers.push(Number::new("best_share", &name, f64::from(share)));
        numbers
            .push(Number::new("self_patch", "patched with itself", f64::from(own_worst)).control());
        numbers.push(Number::new("random_donor", "random donor", f64::from(donors)).control());
    }
    let what = describe(subject, &pair);
    let (from, into) = match parameters.direction {
        Direction::Denoise => ("clean", "corrupt"),
        Direction::Noise => ("corrupt", "clean"),
    };
    Ok(vec![
        Figure {
            title: "Patching map".into(),
            caption: format!(
                "Share of the {from} board's {what} that returns when one part of its activations is copied \
                 into the {into} board's run; orange restores, blue opposes."
            ),
            body: Body::Maps {
                panels,
                colour: Colour::Diverging {
                    limit: 1.0,
                    name: "share restored".into(),
                },
            },
            numbers: numbers.clone(),
        },
        Figure {
            title: "Strongest part by site".into(),
            caption: format!(
                "The part of each site that restores most of the {from} board's {what}; the tick is the \
                 control, the board patched with itself."
            ),
            body: Body::Bars {
                x: Scale::numeric("share restored", ""),
                bars,
            },
            numbers: vec![
                Number::new(
                    "patched_end",
                    &format!("{into} run"),
                    f64::from(pair.ends[0]),
                ),
                Number::new("donor_end", &format!("{from} run"), f64::from(pair.ends[1])),
            ],
        },
    ])
}

/// Runs both boards and settles what is measured.
async fn prepare(subject: &Subject<'_>, parameters: &Parameters) -> Result<Pair> {
    let [clean, corrupt] = subject.states.as_slice() else {
        return Err(Error::not_applicable(
            "patching needs two states, a clean and a corrupt one",
        ));
    };
    let observed = [observation(clean.as_ref()), observation(corrupt.as_ref())];
    let (answers, recorded) = subject.evaluator.record(observed.concat(), 2).await?;
    let mut actions = [0; 2];
    let mut legal = [clean, corrupt].map(|state| vec![false; state.space().num_actions()]);
    for (row, state) in [clean, corrupt].into_iter().enumerate() {
        state.legal(&mut legal[row]);
        actions[row] = masked_argmax(answers.logits_of(row), &legal[row])
            .ok_or_else(|| Error::not_applicable("one of the two states has no legal action"))?;
    }
    // The logit of an illegal action is never trained, so it says nothing.
    let comparable = actions[0] != actions[1]
        && legal
            .iter()
            .all(|legal| actions.iter().all(|&action| legal[action]));
    let measure = match parameters.measure {
        Measure::Auto if comparable => Measure::LogitDifference,
        Measure::Auto => Measure::Value,
        Measure::LogitDifference if !comparable => {
            return Err(Error::not_applicable(
                "a logit difference needs two boards on which the agent chooses differently, both choices legal \
                 on both; measure the value, or change a board",
            ));
        }
        chosen => chosen,
    };
    let (from, into) = match parameters.direction {
        Direction::Denoise => (0, 1),
        Direction::Noise => (1, 0),
    };
    let row = |row: usize| {
        let split = |(name, values): (&String, &Vec<f32>)| {
            let len = values.len() / 2;
            (name.clone(), values[row * len..(row + 1) * len].to_vec())
        };
        recorded.iter().map(split).collect::<BTreeMap<_, _>>()
    };
    let ends = [into, from].map(|row| metric(&answers, row, measure, actions));
    if (ends[1] - ends[0]).abs() < LEAST_DIFFERENCE {
        return Err(Error::not_applicable(format!(
            "the two boards give nearly the same {} ({:.4} and {:.4}), so there is no difference to restore",
            measure_name(measure),
            ends[0],
            ends[1],
        )));
    }
    let [first, second] = observed;
    Ok(Pair {
        measure,
        actions,
        donor: row(from),
        own: row(into),
        receiver: if into == 0 { first } else { second },
        ends,
    })
}

/// The measure of one row of answers.
fn metric(answers: &Answers, row: usize, measure: Measure, actions: [usize; 2]) -> f32 {
    match measure {
        Measure::Value => answers.values[row],
        _ => {
            let logits = answers.logits_of(row);
            logits[actions[0]] - logits[actions[1]]
        }
    }
}

fn measure_name(measure: Measure) -> &'static str {
    match measure {
        Measure::Value => "value",
        _ => "logit difference",
    }
}

fn describe(subject: &Subject<'_>, pair: &Pair) -> String {
    match pair.measure {
        Measure::Value => "value".into(),
        _ => {
            let names = &subject.env.space().actions;
            let [clean, corrupt] = pair.actions.map(|action| &names[action]);
            format!("preference for {clean} over {corrupt}")
        }
    }
}

/// The elements that are copied together.
fn groups(site: &Site, part: Part) -> Vec<Vec<usize>> {
    let area = match site.axes.as_slice() {
        [_, row, column] => row.len * column.len,
        _ => 1,
    };
    let len = site.len();
    match part {
        Part::Channel if area > 1 => (0..len / area)
            .map(|c| (c * area..(c + 1) * area).collect())
            .collect(),
        Part::Cell if area > 1 => (0..area)
            .map(|cell| (cell..len).step_by(area).collect())
            .collect(),
        _ => (0..len).map(|index| vec![index]).collect(),
    }
}

fn group_name(site: &Site, group: &[usize], part: Part) -> String {
    let full = layout::element_name(site, group[0]);
    match (part, full.split_once(", ")) {
        (Part::Channel, Some((channel, _))) => channel.to_owned(),
        (Part::Cell, Some((_, cell))) => cell.to_owned(),
        _ => full,
    }
}

/// How much of the donor's answer each group restores: one forward pass with a row for each group.
async fn shares(
    evaluator: &Evaluator,
    pair: &Pair,
    site: &Site,
    groups: &[Vec<usize>],
    donor: &BTreeMap<String, Vec<f32>>,
) -> Result<Vec<f32>> {
    let (rows, len) = (groups.len(), site.len());
    let mut mask = vec![false; rows * len];
    for (row, group) in groups.iter().enumerate() {
        group
            .iter()
            .for_each(|&index| mask[row * len + index] = true);
    }
    let values = donor
        .get(&site.name)
        .ok_or_else(|| Error::not_applicable("a site was not recorded"))?;
    let mut patched = evaluator.clone();
    patched.edits.push(SiteEdit {
        site: site.name.clone(),
        mask: Tensor::from_data(TensorData::new(mask, [rows, len]), &evaluator.device), // [group, element]
        change: Change::Replace(backend::tensor(values.clone(), [1, len], &evaluator.device)),
    });
    let answers = patched.evaluate(pair.receiver.repeat(rows), rows).await?;
    let [start, end] = pair.ends;
    Ok((0..rows)
        .map(|row| (metric(&answers, row, pair.measure, pair.actions) - start) / (end - start))
        .collect())
}

/// Median share that the same part restores when it comes from random other states.
async fn random_donors(
    subject: &Subject<'_>,
    pair: &Pair,
    site: &Site,
    group: &[usize],
) -> Result<f32> {
    let states = reference_states(subject.env, NUM_DONORS, &mut subject.rng.split("donors"));
    let observations: Vec<f32> = states
        .iter()
        .flat_map(|state| observation(state.as_ref()))
        .collect();
    let (_, recorded) = subject.evaluator.record(observations, states.len()).await?;
    let values = recorded.get(&site.name).cloned().unwrap_or_default();
    let mut shares = Vec::with_capacity(states.len());
    for row in values.chunks_exact(site.len()) {
        let donor = BTreeMap::from([(site.name.clone(), row.to_vec())]);
        shares
            .extend(self::shares(&subject.evaluator, pair, site, &[group.to_vec()], &donor).await?);
    }
    shares.sort_by(f32::total_cmp);
    Ok(shares.get(shares.len() / 2).copied().unwrap_or(0.0))
}

/// The shares of a site in its own geometry.
fn draw(
    subject: &Subject<'_>,
    site: &Site,
    groups: &[Vec<usize>],
    shares: &[f32],
    part: Part,
) -> Vec<Panel> {
    let some: Vec<Option<f32>> = shares.iter().copied().map(Some).collect();
    if part == Part::Cell
        && let Some(panel) = layout::cells(site, &some)
    {
        return vec![panel];
    }
    let mut values = vec![None; site.len()];
    for (group, share) in groups.iter().zip(&some) {
        group.iter().for_each(|&index| values[index] = *share);
    }
    if part == Part::Channel && groups.len() < site.len() {
        // One square a channel: the share is the same all over it.
        let channels = Site::new(site.name.clone(), vec![site.axes[0].clone()], site.stage);
        return layout::panels(&channels, &some, subject.env.space());
    }
    layout::panels(site, &values, subject.env.space())
}
