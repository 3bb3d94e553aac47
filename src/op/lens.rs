//! What the network would do if it had to answer at each of its layers.
//!
//! The direct lens (nostalgebraist's logit lens, 2020) puts a site's activations through the network's own
//! last linear maps, where their axes agree. The tuned lens (Belrose et al. 2023) fits an affine map from
//! each site to the final answers, here by ridge regression on other states. Either is judged on states that
//! it was not fitted on; how much can be read off the input and off an untrained network is the control.

use super::{
    OpEntry, Subject,
    ablate::divergence,
    figure::{Bar, Body, Cell, Colour, Figure, Number, Scale},
    layout,
    probe::{
        data::{Sample, Split, Standard},
        fit::Ridge,
    },
    readout::{self, Readout},
    value_map::correlation,
};
use crate::{
    env::{Env, observation},
    error::{Error, Result},
    model::{
        Site,
        evaluator::{Answers, Evaluator, masked_argmax, masked_softmax},
    },
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "lens",
    title: "Lens on layers",
    summary: "The policy and the value read off every layer, and how often that is already the final choice.",
    schema: schema::schema_of::<Parameters>,
    num_states: 1,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "lens")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// What reads a layer.
    pub lens: Lens,
    /// States to fit on and to be judged by.
    #[schemars(range(min = 64, max = 8192))]
    pub reference_states: usize,
    /// How much large weights of the tuned lens cost.
    #[schemars(range(min = 1e-6, max = 10.0))]
    pub penalty: f32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            lens: Lens::Tuned,
            reference_states: 1024,
            penalty: 1e-3,
        }
    }
}

/// What reads a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lens {
    /// An affine map to the final answers, fitted for each site.
    Tuned,
    /// The network's own last linear maps, where axes agree.
    Direct,
}

/// Observations, logits and values: the whole of what is fitted and judged on.
struct Data {
    sample: Sample,
    split: Split,
    /// The network's own answers on the sample.
    answers: Answers,
    legal: Vec<Vec<bool>>,
}

/// What a lens reads at a site.
struct Reading {
    site: Site,
    /// Logits and value of the held-out states, and last of the board.
    answers: Answers,
    agreement: f64,
    divergence: f64,
    value_correlation: f64,
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let [state] = subject.states.as_slice() else {
        return Err(Error::not_applicable("this op looks at one state"));
    };
    if state.outcome().done() {
        return Err(Error::not_applicable(
            "this state's episode is over; go back a move",
        ));
    }
    let mut rng = subject.rng.split("reference");
    let mut sample = Sample::new(subject.env, parameters.reference_states, &mut rng);
    let split = sample.split(&mut subject.rng.split("held out"));
    if split.test.is_empty() {
        return Err(Error::not_applicable(
            "this environment has too few states to hold some out",
        ));
    }
    // The board is read as well, but nothing is fitted to it or judged by it.
    sample.states.push(state.clone());
    sample.observations.extend(observation(state.as_ref()));
    let count = sample.states.len();
    let (answers, recorded) = subject
        .evaluator
        .record(sample.observations.clone(), count)
        .await?;
    let legal = sample.states.iter().map(|state| {
        let mut legal = vec![false; state.space().num_actions()];
        state.legal(&mut legal);
        legal
    });
    let data = Data {
        legal: legal.collect(),
        sample,
        split,
        answers,
    };
    let others = &subject.untrained;
    let (_, control) = others
        .record(data.sample.observations.clone(), count)
        .await?;
    let readings = match parameters.lens {
        Lens::Tuned => {
            let total = 2 * subject.sites.len();
            let ours = tuned(subject, &data, &recorded, parameters.penalty, (0, total)).await?;
            let done = (subject.sites.len(), total);
            [
                ours,
                tuned(subject, &data, &control, parameters.penalty, done).await?,
            ]
        }
        Lens::Direct => {
            let ours = direct(subject, &subject.evaluator, &data, &recorded).await?;
            subject.step(1, 2).await?;
            [ours, direct(subject, others, &data, &control).await?]
        }
    };
    subject.step(1, 1).await?;
    let states = data.split.test.len();
    Ok(vec![
        boards(
            subject,
            state.as_ref(),
            &data,
            &readings[0],
            parameters.lens,
        ),
        agreement(&data, &readings, states, parameters.lens),
        values(&data, &readings[0]),
        table(&readings),
    ])
}

/// The sites that a lens can be held to: all but the answers.
fn read(sites: &[Site]) -> impl Iterator<Item = &Site> {
    sites.iter().filter(|site| !site.is_output())
}

/// An affine map at every site, fitted to the final logits (less their mean, which no policy sees) and value.
async fn tuned(
    subject: &Subject<'_>,
    data: &Data,
    recorded: &BTreeMap<String, Vec<f32>>,
    penalty: f32,
    (mut done, total): (usize, usize),
) -> Result<Vec<Reading>> {
    let count = data.sample.states.len();
    let actions = data.answers.logits_of(0).len();
    let target = |row: usize, answer: usize| match answer == actions {
        true => data.answers.values[row],
        false => {
            let logits = data.answers.logits_of(row);
            logits[answer] - logits.iter().sum::<f32>() / actions as f32
        }
    };
    let mut readings = Vec::new();
    for site in read(subject.sites) {
        let values = recorded.get(&site.name).map_or(&[][..], Vec::as_slice);
        let standard = Standard::new(values, site.len(), &data.split.train);
        let design = standard.design(values, &data.split.train);
        let all = standard.design(values, &(0..count).collect::<Vec<_>>());
        let ridge = Ridge::new(&design, penalty);
        let mut answers = Answers {
            logits: vec![0.0; count * actions],
            values: vec![0.0; count],
        };
        for answer in 0..=actions {
            let wanted = data.split.train.iter().map(|&row| target(row, answer));
            let mean = wanted.clone().sum::<f32>() / data.split.train.len() as f32;
            let fitted = ridge.fit(&wanted.map(|x| x - mean).collect::<Vec<_>>());
            for (row, x) in all.times(&fitted).into_iter().enumerate() {
                match answer == actions {
                    true => answers.values[row] = x + mean,
                    false => answers.logits[row * actions + answer] = x + mean,
                }
            }
        }
        readings.push(judged(site, answers, data));
        done += 1;
        subject.step(done, total).await?;
    }
    Ok(readings)
}

/// The network's own last maps at every site with the axes of theirs.
async fn direct(
    subject: &Subject<'_>,
    evaluator: &Evaluator,
    data: &Data,
    recorded: &BTreeMap<String, Vec<f32>>,
) -> Result<Vec<Reading>> {
    let sites = readout::hidden(subject.sites)?;
    let few = &data.sample.states[..data.sample.states.len().min(64)];
    let maps = readout::readouts(evaluator, &sites, few).await?;
    let (Some(policy), Some(value)) = (readout::last(&maps.logits), readout::last(&maps.value))
    else {
        return Err(Error::not_applicable(
            "no site of this network has a linear map to its answers; take the tuned lens",
        ));
    };
    let count = data.sample.states.len();
    let rows = |site: &Site, map: &Readout| -> Vec<f32> {
        let values = recorded.get(&site.name).map_or(&[][..], Vec::as_slice);
        values
            .chunks_exact(site.len())
            .flat_map(|row| map.answer(row))
            .collect()
    };
    let mut readings = Vec::new();
    for site in &sites {
        if site.axes != sites[policy].axes {
            continue;
        }
        // A value head with layers of its own reads other axes; there the value is left as the mean.
        let values = match site.axes == sites[value].axes {
            true => rows(site, &maps.value[value]),
            false => {
                let seen = data.split.train.iter().map(|&row| data.answers.values[row]);
                vec![seen.sum::<f32>() / data.split.train.len() as f32; count]
            }
        };
        let answers = Answers {
            logits: rows(site, &maps.logits[policy]),
            values,
        };
        readings.push(judged(site, answers, data));
    }
    Ok(readings)
}

/// How near a reading comes to the network's own answers on the held-out states.
fn judged(site: &Site, answers: Answers, data: &Data) -> Reading {
    let test = &data.split.test;
    let count = test.len() as f64;
    let (mut same, mut far) = (0.0, 0.0);
    for &row in test {
        let legal = &data.legal[row];
        let [own, found] = [&data.answers, &answers].map(|answers| answers.logits_of(row));
        same += f64::from(u8::from(
            masked_argmax(own, legal) == masked_argmax(found, legal),
        ));
        let [own, found] = [own, found].map(|logits| masked_softmax(logits, legal));
        far += f64::from(divergence(&own, &found));
    }
    let of = |values: &[f32]| -> Vec<f32> { test.iter().map(|&row| values[row]).collect() };
    let value_correlation = correlation(&of(&answers.values), &of(&data.answers.values));
    Reading {
        site: site.clone(),
        answers,
        agreement: same / count,
        divergence: far / count,
        value_correlation: value_correlation.into(),
    }
}

/// The policy of a row, none where an action is illegal.
fn policy(answers: &Answers, data: &Data, row: usize) -> Vec<Option<f32>> {
    let legal = &data.legal[row];
    let policy = masked_softmax(answers.logits_of(row), legal);
    policy
        .into_iter()
        .zip(legal)
        .map(|(p, legal)| legal.then_some(p))
        .collect()
}

/// The policy at every site on the board, and the final one.
fn boards(
    subject: &Subject<'_>,
    state: &dyn Env,
    data: &Data,
    readings: &[Reading],
    lens: Lens,
) -> Figure {
    let board = data.legal.len() - 1;
    let space = state.space();
    let actions = subject
        .sites
        .iter()
        .find(|site| site.axes.iter().any(|axis| axis.name == "action"));
    let panel = |site: &Site, name: String, answers: &Answers| {
        let shown = Site::new(
            name,
            actions.map_or_else(Vec::new, |site| site.axes.clone()),
            site.stage,
        );
        let mut panels = layout::panels(&shown, &policy(answers, data, board), space);
        panels
            .iter_mut()
            .for_each(|panel| panel.site.clone_from(&site.name));
        panels
    };
    let mut panels: Vec<_> = readings
        .iter()
        .flat_map(|one| panel(&one.site, one.site.name.clone(), &one.answers))
        .collect();
    if let Some(site) = actions {
        panels.extend(panel(site, "final".into(), &data.answers));
    }
    let how = match lens {
        Lens::Tuned => "by a map fitted on other states",
        Lens::Direct => "by the network's own last maps",
    };
    let choice = |answers: &Answers| masked_argmax(answers.logits_of(board), &data.legal[board]);
    let own = choice(&data.answers);
    let place = readings.iter().rposition(|one| choice(&one.answers) != own);
    let settled = place.map_or(0, |place| place + 1);
    let named = readings
        .get(settled)
        .map_or("the answer", |one| one.site.name.as_str());
    Figure {
        title: "Policy by layer".into(),
        caption: format!(
            "The policy on this board, read off each site {how}; the last panel is what the network does."
        ),
        body: Body::Maps {
            panels,
            colour: Colour::Sequential {
                limit: 1.0,
                name: "probability".into(),
            },
        },
        numbers: vec![
            Number::new(
                "settled_at",
                &format!("sites before the choice stands, at {named}"),
                settled as f64,
            )
            .out_of(readings.len() as f64),
        ],
    }
}

fn agreement(data: &Data, readings: &[Vec<Reading>; 2], states: usize, lens: Lens) -> Figure {
    let [ours, untrained] = readings;
    let bars = ours.iter().enumerate().map(|(place, one)| Bar {
        name: one.site.name.clone(),
        value: one.agreement as f32,
        control: untrained.get(place).map(|control| control.agreement as f32),
        site: one.site.name.clone(),
        unit: None,
    });
    let last = |readings: &[Reading]| readings.last().map_or(0.0, |one| one.agreement);
    let best = |readings: &[Reading]| readings.iter().map(|one| one.agreement).fold(0.0, f64::max);
    let chance = |&row: &usize| {
        let legal = data.legal[row].iter().filter(|legal| **legal).count();
        1.0 / legal.max(1) as f64
    };
    let chance = data.split.test.iter().map(chance).sum::<f64>() / states as f64;
    let mut numbers = vec![
        Number::new("agreement_last", "agreement at the last site", last(ours)),
        Number::new(
            "agreement_untrained",
            "best of an untrained network's sites",
            best(untrained),
        )
        .control(),
        Number::new("agreement_chance", "a random legal choice", chance).control(),
    ];
    if let Some(input) = ours.iter().find(|one| one.site.name == "obs") {
        numbers.insert(
            1,
            Number::new("agreement_input", "the input", input.agreement).control(),
        );
    }
    Figure {
        title: "Agreement by layer".into(),
        caption: format!(
            "Share of {states} held-out states in which what is read off a site is the network's final choice; \
             ticks {}.",
            match lens {
                Lens::Tuned => "read the same off an untrained network's sites",
                Lens::Direct => "hold an untrained network's own maps to the same choice",
            }
        ),
        body: Body::Bars {
            x: Scale {
                domain: Some((0.0, 1.0)),
                ..Scale::numeric("share that agrees", "")
            },
            bars: bars.collect(),
        },
        numbers,
    }
}

fn values(data: &Data, readings: &[Reading]) -> Figure {
    let board = data.legal.len() - 1;
    let own = data.answers.values[board];
    let bars = readings.iter().map(|one| Bar {
        name: one.site.name.clone(),
        value: one.answers.values[board],
        control: Some(own),
        site: one.site.name.clone(),
        unit: None,
    });
    Figure {
        title: "Value by layer".into(),
        caption: "The value of this board read off each site; ticks are the network's own value."
            .into(),
        body: Body::Bars {
            x: Scale::numeric("value", ""),
            bars: bars.collect(),
        },
        numbers: vec![Number::new("value", "the network's value", own.into())],
    }
}

fn table(readings: &[Vec<Reading>; 2]) -> Figure {
    let [ours, untrained] = readings;
    let row = |(one, control): (&Reading, &Reading)| {
        vec![
            Cell::Text(one.site.name.clone()),
            Cell::Number(one.agreement),
            Cell::Number(control.agreement),
            Cell::Number(one.divergence),
            Cell::Number(control.divergence),
            Cell::Number(one.value_correlation),
            Cell::Number(control.value_correlation),
        ]
    };
    let columns = [
        "site",
        "agreement",
        "untrained",
        "divergence, nats",
        "untrained",
        "value correlation",
        "untrained",
    ];
    Figure {
        title: "Lens by site".into(),
        caption: "How near each site's reading comes to the network's own policy and value on held-out states, \
                  beside an untrained network's sites."
            .into(),
        body: Body::Table {
            columns: columns.map(String::from).to_vec(),
            rows: ours.iter().zip(untrained).map(row).collect(),
        },
        numbers: Vec::new(),
    }
}
