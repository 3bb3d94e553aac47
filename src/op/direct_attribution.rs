//! Direct attribution (TransformerLens' direct logit attribution): an answer as the sum of what each unit
//! of a site puts straight into it.
//!
//! From the last hidden site to the logits and to the value (before its tanh) the network is linear, so that
//! a unit's contribution is its activation times its weight, and contributions and bias sum to the answer.
//! Earlier sites have no such map. There activation times gradient says what flows through a site in this
//! one state, and how wrong that would be in others is reported. Where the site itself is a sum, such as a
//! residual stream, it comes apart into the heads and layers that write into it.

mod writers;

use super::{
    OpEntry, Subject,
    figure::{Bar, Body, Cell, Colour, Figure, Number, Scale},
    gradient::gradients,
    layout,
    linear::dot,
    readout::{self, Readout, Readouts},
    reference_states,
};
use crate::{
    backend,
    env::{self, Env},
    error::{Error, Result},
    model::{
        Output, Site,
        evaluator::{Evaluator, masked_argmax},
    },
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "direct_attribution",
    title: "Direct attribution",
    summary: "What each unit, channel and site puts straight into the board's choice or value; contributions sum to the answer.",
    schema: schema::schema_of::<Parameters>,
    num_states: 1,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "direct_attribution")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// What is taken apart.
    pub answer: Answer,
    /// Units to list.
    #[schemars(range(min = 1, max = 40))]
    pub top: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            answer: Answer::Preference,
            top: 12,
        }
    }
}

/// What is taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The logit of the likeliest action less the mean of the other legal ones.
    Preference,
    /// The logit of the likeliest action.
    Logit,
    /// The value, before its tanh where it has one.
    Value,
}

/// States on which a map is checked, this one among them.
const NUM_STATES: usize = 64;

/// An answer taken apart at one site of one network.
struct Parts {
    contributions: Vec<f32>,
    bias: f32,
    /// The answer that the network gives, and the one that the parts sum to.
    answers: [f32; 2],
}

/// What is measured: a factor for each answer.
struct Measure {
    answer: Answer,
    factors: Vec<f32>,
    name: String,
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let [state] = subject.states.as_slice() else {
        return Err(Error::not_applicable("this op looks at one state"));
    };
    let sites = readout::hidden(subject.sites)?;
    let mut rng = subject.rng.split("reference");
    let mut states = vec![state.clone()];
    states.extend(reference_states(subject.env, NUM_STATES - 1, &mut rng));
    let trained = readout::readouts(&subject.evaluator, &sites, &states).await?;
    subject.step(1, 3).await?;
    let untrained = readout::readouts(&subject.untrained, &sites, &states).await?;
    subject.step(2, 3).await?;
    let measure = measure(state.as_ref(), &trained, parameters.answer)?;
    let maps = measure.maps(&trained);
    let Some(place) = readout::last(maps) else {
        return Err(Error::not_applicable(
            "no site of this network has a linear map to the answer, so nothing sums to it",
        ));
    };
    let site = sites[place];
    let parts = parts(&measure, &trained, place, site);
    let control = self::parts(&measure, &untrained, place, site);
    let flows = flows(
        &subject.evaluator,
        state.as_ref(),
        &sites,
        &trained,
        &measure,
    )
    .await?;
    let ours = self::flows(
        &subject.untrained,
        state.as_ref(),
        &sites,
        &untrained,
        &measure,
    )
    .await?;
    subject.step(3, 3).await?;
    let mut figures = vec![
        map(subject, site, &measure, &parts, &control, parameters.top),
        units(
            site,
            &measure,
            [&parts.contributions, &control.contributions],
            parameters.top,
        ),
    ];
    let networks = [&subject.evaluator, &subject.untrained];
    let readouts = [&trained, &untrained];
    figures.extend(
        writers::figure(
            networks,
            state.as_ref(),
            &sites,
            readouts,
            (&measure, place),
        )
        .await?,
    );
    figures.extend(channels(
        site,
        &measure,
        [&parts.contributions, &control.contributions],
    ));
    if parameters.answer != Answer::Value {
        let row = &trained.recorded[&site.name][..site.len()];
        figures.push(actions(
            state.as_ref(),
            site,
            &maps[place],
            row,
            &parts,
            parameters.top,
        ));
    }
    figures.push(layers(&sites, &measure, [&flows, &ours]));
    figures.push(exactness(&sites, maps, measure.maps(&untrained), &flows));
    Ok(figures)
}

/// What is measured of `state`, the first of the readouts' states.
fn measure(state: &dyn Env, readouts: &Readouts, answer: Answer) -> Result<Measure> {
    if answer == Answer::Value {
        let bounded =
            readout::last(&readouts.value).is_some_and(|place| readouts.value[place].bounded);
        return Ok(Measure {
            answer,
            factors: vec![1.0],
            name: if bounded {
                "value before its tanh"
            } else {
                "value"
            }
            .into(),
        });
    }
    let mut legal = vec![false; state.space().num_actions()];
    state.legal(&mut legal);
    let others = legal
        .iter()
        .filter(|legal| **legal)
        .count()
        .saturating_sub(1);
    let choice = masked_argmax(readouts.answers.logits_of(0), &legal)
        .ok_or_else(|| Error::not_applicable("this state's episode is over; go back a move"))?;
    let mut factors = vec![0.0; legal.len()];
    let name = &state.space().actions[choice];
    if answer == Answer::Preference {
        if others == 0 {
            return Err(Error::not_applicable(
                "there is one legal action, so nothing is preferred to another; take the logit",
            ));
        }
        let share = -1.0 / others as f32;
        let pairs = factors.iter_mut().zip(&legal);
        pairs
            .filter(|(_, legal)| **legal)
            .for_each(|(factor, _)| *factor = share);
    }
    factors[choice] = 1.0;
    Ok(Measure {
        answer,
        factors,
        name: match answer {
            Answer::Preference => format!("preference for {name}"),
            _ => format!("logit of {name}"),
        },
    })
}

impl Measure {
    fn maps<'a>(&self, readouts: &'a Readouts) -> &'a [Readout] {
        match self.answer {
            Answer::Value => &readouts.value,
            _ => &readouts.logits,
        }
    }

    /// What it makes of a map's weights, `[element]`.
    fn weights(&self, map: &Readout) -> Vec<f32> {
        let mut weights = vec![0.0; map.weights.first().map_or(0, Vec::len)];
        for (row, factor) in map.weights.iter().zip(&self.factors) {
            weights
                .iter_mut()
                .zip(row)
                .for_each(|(sum, x)| *sum += factor * x);
        }
        weights
    }

    /// Of all logits, or of the one value.
    fn of(&self, answers: &[f32]) -> f32 {
        dot(&self.factors, answers)
    }
}

/// The answer in the first state, taken apart at a site.
fn parts(measure: &Measure, readouts: &Readouts, place: usize, site: &Site) -> Parts {
    let map = &measure.maps(readouts)[place];
    let row = &readouts.recorded[&site.name][..site.len()];
    let given = match measure.answer {
        Answer::Value => readouts.answers.values[0],
        _ => measure.of(readouts.answers.logits_of(0)),
    };
    let weights = measure.weights(map);
    let contributions: Vec<f32> = row
        .iter()
        .zip(weights)
        .map(|(x, weight)| x * weight)
        .collect();
    let bias = measure.of(&map.bias);
    let sum = contributions.iter().sum::<f32>() + bias;
    let found = if map.bounded { libm::tanhf(sum) } else { sum };
    Parts {
        contributions,
        bias,
        answers: [given, found],
    }
}

/// Activation times gradient of the measure in the first state, summed over each site.
async fn flows(
    evaluator: &Evaluator,
    state: &dyn Env,
    sites: &[&Site],
    readouts: &Readouts,
    measure: &Measure,
) -> Result<Vec<f32>> {
    let device = evaluator.device.clone().autodiff();
    let count = measure.factors.len();
    let factors = backend::tensor(measure.factors.clone(), [1, count], &device); // [1, answer]
    let is_value = measure.answer == Answer::Value;
    let of = |output: Output| match is_value {
        true => output.value,                                  // [1, 1]
        false => (output.logits * factors.clone()).sum_dim(1), // [1, 1]
    };
    let found = gradients(evaluator, env::observation(state), 1, sites, &of).await?;
    let bounded = measure
        .maps(readouts)
        .iter()
        .any(|map| map.is_linear() && map.bounded);
    let value = readouts.answers.values[0];
    // The slope of the tanh, as the gradient has it, is taken back; where it is 0 nothing flows.
    let scale = match bounded {
        true => 1.0 / (1.0 - value * value).max(f32::EPSILON),
        false => 1.0,
    };
    let flow = |site: &&Site| {
        let row = &readouts.recorded[&site.name][..site.len()];
        scale * dot(row, &found.by_site[&site.name])
    };
    Ok(sites.iter().map(flow).collect())
}

/// Elements by the size of their contributions, the largest first.
fn ranked(contributions: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..contributions.len()).collect();
    order.sort_by(|&a, &b| contributions[b].abs().total_cmp(&contributions[a].abs()));
    order
}

/// Share of all that is contributed, either way, that the `top` largest have.
fn concentration(contributions: &[f32], top: usize) -> f64 {
    let size = |&element: &usize| f64::from(contributions[element].abs());
    let order = ranked(contributions);
    let all: f64 = order.iter().map(size).sum();
    order.iter().take(top).map(size).sum::<f64>() / all.max(1e-12)
}

fn map(
    subject: &Subject<'_>,
    site: &Site,
    measure: &Measure,
    parts: &Parts,
    control: &Parts,
    top: usize,
) -> Figure {
    let values: Vec<Option<f32>> = parts.contributions.iter().copied().map(Some).collect();
    let limit = parts
        .contributions
        .iter()
        .fold(1e-6_f32, |top, x| top.max(x.abs()));
    let sum: f32 = parts.contributions.iter().sum();
    let [given, found] = parts.answers;
    let shares = [parts, control].map(|one| concentration(&one.contributions, top));
    let off = |parts: &Parts| f64::from((parts.answers[1] - parts.answers[0]).abs());
    Figure {
        title: "Contributions".into(),
        caption: format!(
            "What each element of {} puts into the {}: its activation times its weight; with the bias they sum \
             to the answer.",
            site.name, measure.name
        ),
        body: Body::Maps {
            panels: layout::panels(site, &values, subject.env.space()),
            colour: Colour::Diverging {
                limit,
                name: "contribution".into(),
            },
        },
        numbers: vec![
            Number::new("answer", "the network's answer", given.into()),
            Number::new(
                "answer_of_parts",
                "the answer that the parts give",
                found.into(),
            ),
            Number::new("contributions_sum", "sum of contributions", sum.into()),
            Number::new("bias", "bias", parts.bias.into()),
            Number::new("completeness_error", "completeness error", off(parts)),
            Number::new("completeness_error_untrained", "untrained", off(control)).control(),
            Number::new(
                "top_share",
                &format!("share of the {top} largest"),
                shares[0],
            ),
            Number::new("top_share_untrained", "untrained", shares[1]).control(),
        ],
    }
}

fn units(site: &Site, measure: &Measure, [ours, control]: [&[f32]; 2], top: usize) -> Figure {
    let bars = ranked(ours).into_iter().take(top).map(|element| Bar {
        name: layout::element_name(site, element),
        value: ours[element],
        control: Some(control[element]),
        site: site.name.clone(),
        unit: Some(element),
    });
    Figure {
        title: "Largest contributions".into(),
        caption: format!(
            "The elements of {} that put most into the {}, for it or against it; ticks are the same elements \
             before training.",
            site.name, measure.name
        ),
        body: Body::Bars {
            x: Scale::numeric("contribution", ""),
            bars: bars.collect(),
        },
        numbers: Vec::new(),
    }
}

/// The same by the first axis of a site that has several: channels of a grid, or heads.
fn channels(site: &Site, measure: &Measure, [ours, control]: [&[f32]; 2]) -> Option<Figure> {
    let [first, _, ..] = site.axes.as_slice() else {
        return None;
    };
    let size = site.len() / first.len;
    let sums = |parts: &[f32]| -> Vec<f32> {
        parts
            .chunks_exact(size)
            .map(|part| part.iter().sum())
            .collect()
    };
    let (ours, control) = (sums(ours), sums(control));
    let bars = ranked(&ours).into_iter().map(|place| Bar {
        name: first.place(place),
        value: ours[place],
        control: Some(control[place]),
        site: site.name.clone(),
        unit: Some(place * size),
    });
    Some(Figure {
        title: format!("Contributions by {}", first.name),
        caption: format!(
            "What each {} of {} puts into the {}, summed over its elements; ticks are the same before training.",
            first.name, site.name, measure.name
        ),
        body: Body::Bars {
            x: Scale::numeric("contribution", ""),
            bars: bars.collect(),
        },
        numbers: Vec::new(),
    })
}

/// What the largest contributors put into each legal action's logit.
fn actions(
    state: &dyn Env,
    site: &Site,
    map: &Readout,
    row: &[f32],
    parts: &Parts,
    top: usize,
) -> Figure {
    let mut legal = vec![false; map.weights.len()];
    state.legal(&mut legal);
    let count = legal.iter().filter(|legal| **legal).count().max(1) as f32;
    let order: Vec<usize> = ranked(&parts.contributions).into_iter().take(top).collect();
    let values = order.iter().flat_map(|&element| {
        let into: Vec<f32> = map
            .weights
            .iter()
            .map(|weights| weights[element] * row[element])
            .collect();
        let legal_ones = into.iter().zip(&legal).filter(|(_, legal)| **legal);
        let mean = legal_ones.map(|(x, _)| x).sum::<f32>() / count;
        let shown = into.into_iter().zip(&legal);
        shown
            .map(|(x, legal)| legal.then_some(x - mean))
            .collect::<Vec<_>>()
    });
    let values: Vec<Option<f32>> = values.collect();
    let limit = values
        .iter()
        .flatten()
        .fold(1e-6_f32, |top, x| top.max(x.abs()));
    Figure {
        title: "Units and actions".into(),
        caption: format!(
            "What each of these elements of {} puts into each legal action's logit, less its mean over them: \
             orange speaks for the action, blue against it.",
            site.name
        ),
        body: Body::Heatmap {
            rows: Scale::labelled(
                "element",
                order
                    .iter()
                    .map(|&element| layout::element_name(site, element))
                    .collect(),
            ),
            columns: Scale::labelled("action", state.space().actions.clone()),
            values,
            colour: Colour::Diverging {
                limit,
                name: "contribution".into(),
            },
        },
        numbers: Vec::new(),
    }
}

fn layers(sites: &[&Site], measure: &Measure, [ours, control]: [&[f32]; 2]) -> Figure {
    let bars = sites.iter().enumerate().map(|(place, site)| Bar {
        name: site.name.clone(),
        value: ours[place],
        control: Some(control[place]),
        site: site.name.clone(),
        unit: None,
    });
    Figure {
        title: "Flow through sites".into(),
        caption: format!(
            "Activation times gradient of the {}, summed over each site: what of it flows through there, biases \
             left out; ticks are before training.",
            measure.name
        ),
        body: Body::Bars {
            x: Scale::numeric("sum of activation × gradient", ""),
            bars: bars.collect(),
        },
        numbers: Vec::new(),
    }
}

/// Where the map to the answer is linear, and how wrong it would be elsewhere.
fn exactness(sites: &[&Site], maps: &[Readout], untrained: &[Readout], flows: &[f32]) -> Figure {
    let row = |(place, site): (usize, &&Site)| {
        let linear = if maps[place].is_linear() { "yes" } else { "no" };
        vec![
            Cell::Text(site.name.clone()),
            Cell::Number(flows[place].into()),
            Cell::Number(maps[place].error.into()),
            Cell::Number(untrained[place].error.into()),
            Cell::Text(linear.into()),
        ]
    };
    let linear = maps.iter().filter(|map| map.is_linear()).count();
    let columns = ["site", "flow", "error elsewhere", "untrained", "linear"];
    Figure {
        title: "Where contributions are exact".into(),
        caption: format!(
            "The largest error over {NUM_STATES} states, as a share of the answers' range, if each site's map \
             to the answer were linear; where it is, contributions are exact."
        ),
        body: Body::Table {
            columns: columns.map(String::from).to_vec(),
            rows: sites.iter().enumerate().map(row).collect(),
        },
        numbers: vec![
            Number::new(
                "linear_sites",
                "sites with exact contributions",
                linear as f64,
            )
            .out_of(sites.len() as f64),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concentration_by_hand() {
        assert_eq!(concentration(&[1.0, -3.0, 0.0, 4.0], 2), 7.0 / 8.0);
        assert_eq!(concentration(&[0.0, 0.0], 1), 0.0);
    }

    #[test]
    fn the_largest_contributions_come_first_whatever_their_sign() {
        assert_eq!(ranked(&[1.0, -3.0, 2.0]), [1, 2, 0]);
    }
}
