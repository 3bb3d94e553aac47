//! Where the site that an answer is read off is a sum, such as a residual stream: what each head and layer
//! writes into it (TransformerLens' decomposition of the residual stream).
//!
//! Weights go back from a site to those that it is computed from directly, as gradients with all other sites
//! held; where the site is a linear map of them, in every state that is tried, they take its place. What is
//! left are the sites behind which something is not linear: heads, hidden units, the embedding.

use super::{
    super::{
        contrast::replace,
        figure::{Bar, Body, Figure, Number, Scale},
        gradient::gradients_inside,
        linear::dot,
        parts::Part,
        readout::Readouts,
    },
    Measure,
};
use crate::{
    backend,
    env::{self, Env},
    error::Result,
    model::{
        Output, Site,
        evaluator::Evaluator,
        taps::{SiteEdit, Taps},
    },
};
use burn::tensor::Tensor;
use std::collections::BTreeMap;

/// An error below this share of a sum's range is rounding.
const EXACT: f32 = 1e-3;

/// A site that writes into an answer, and what a unit of each of its elements is worth there.
struct Writer {
    /// Its place among the hidden sites.
    place: usize,
    weights: Vec<f32>,
}

/// The sites whose contributions sum to the answer that `weights` read off `sites[place]`.
async fn writers(
    evaluator: &Evaluator,
    state: &dyn Env,
    sites: &[&Site],
    recorded: &BTreeMap<String, Vec<f32>>,
    (place, weights): (usize, Vec<f32>),
) -> Result<Vec<Writer>> {
    let mut open = BTreeMap::from([(place, weights)]);
    let mut found = Vec::new();
    // The last first: all that reads a site has told its weights before it is taken apart.
    while let Some((place, weights)) = open.pop_last() {
        let writer = Writer { place, weights };
        let feeds = feeds(evaluator, state, sites, recorded, &writer).await?;
        if is_sum(&writer, &feeds, sites, recorded) {
            for feed in feeds {
                let sum = open
                    .entry(feed.place)
                    .or_insert_with(|| vec![0.0; feed.weights.len()]);
                sum.iter_mut()
                    .zip(&feed.weights)
                    .for_each(|(sum, x)| *sum += x);
            }
        } else {
            found.push(writer);
        }
    }
    found.reverse();
    Ok(found)
}

/// What `writer` is computed from directly, and the weights that its own make of them in `state`.
async fn feeds(
    evaluator: &Evaluator,
    state: &dyn Env,
    sites: &[&Site],
    recorded: &BTreeMap<String, Vec<f32>>,
    writer: &Writer,
) -> Result<Vec<Writer>> {
    let hold = |site: &&Site| -> SiteEdit {
        let all: Vec<usize> = (0..site.len()).collect();
        replace(
            site,
            &[all],
            &recorded[&site.name][..site.len()],
            &evaluator.device,
        )
    };
    let others = sites
        .iter()
        .enumerate()
        .filter(|(place, _)| *place != writer.place);
    let edits = others.map(|(_, site)| hold(site)).collect();
    let name = &sites[writer.place].name;
    let measure = |output: Output, taps: &Taps| -> Tensor<2> {
        let device = output.value.device();
        let count = writer.weights.len();
        let weights = backend::tensor(writer.weights.clone(), [1, count], &device); // [1, element]
        match taps.get(name) {
            Some(h) => (h.clone() * weights).sum_dim(1), // [1, 1]
            None => output.value * 0.0,                  // [1, 1]
        }
    };
    let before = &sites[..writer.place];
    if before.is_empty() {
        return Ok(Vec::new());
    }
    let input = (env::observation(state), 1);
    let mut found = gradients_inside(evaluator, input, before, edits, &measure).await?;
    let feed = |(place, site): (usize, &&Site)| {
        let weights = found.by_site.remove(&site.name)?;
        let feeds = weights.iter().any(|weight| *weight != 0.0);
        feeds.then_some(Writer { place, weights })
    };
    Ok(before.iter().enumerate().filter_map(feed).collect())
}

/// What `writer` brings in each state.
fn brings(writer: &Writer, sites: &[&Site], recorded: &BTreeMap<String, Vec<f32>>) -> Vec<f32> {
    let rows = recorded[&sites[writer.place].name].chunks_exact(writer.weights.len());
    rows.map(|row| dot(row, &writer.weights)).collect()
}

/// What several bring together in each state.
fn bring(writers: &[Writer], sites: &[&Site], recorded: &BTreeMap<String, Vec<f32>>) -> Vec<f32> {
    let mut sum = Vec::new();
    for writer in writers {
        let brought = brings(writer, sites, recorded);
        sum.resize(brought.len(), 0.0);
        sum.iter_mut().zip(brought).for_each(|(sum, x)| *sum += x);
    }
    sum
}

/// The largest deviation of `whole` from `parts` and a constant, as a share of the range of `whole`.
fn deviation(whole: &[f32], parts: &[f32]) -> f32 {
    let gaps = whole.iter().zip(parts).map(|(whole, part)| whole - part);
    range(gaps) / range(whole.iter().copied()).max(1e-6)
}

fn range(values: impl Iterator<Item = f32>) -> f32 {
    let ends = values.fold((f32::MAX, f32::MIN), |(low, high), x| {
        (low.min(x), high.max(x))
    });
    (ends.1 - ends.0).max(0.0)
}

/// Whether `writer` brings what `feeds` do, in all states.
fn is_sum(
    writer: &Writer,
    feeds: &[Writer],
    sites: &[&Site],
    recorded: &BTreeMap<String, Vec<f32>>,
) -> bool {
    let whole = brings(writer, sites, recorded);
    !feeds.is_empty() && deviation(&whole, &bring(feeds, sites, recorded)) < EXACT
}

/// A head, or a layer without heads.
struct Share {
    name: String,
    place: usize,
    /// Its first element.
    first: usize,
    is_head: bool,
    /// What it puts into the answer in the first state.
    value: f32,
}

/// Heads and layers in the order of their sites.
fn shares(
    writers: &[Writer],
    sites: &[&Site],
    recorded: &BTreeMap<String, Vec<f32>>,
) -> Vec<Share> {
    let mut shares = Vec::new();
    for Writer { place, weights } in writers {
        let site = sites[*place];
        let is_head = site.axes.iter().any(|axis| axis.name == "head");
        let part = if is_head { Part::Head } else { Part::Site };
        let row = &recorded[&site.name][..site.len()];
        for (group, elements) in part.groups(site).into_iter().enumerate() {
            shares.push(Share {
                name: part.name(site, group),
                place: *place,
                first: elements[0],
                is_head,
                value: elements.iter().map(|&e| row[e] * weights[e]).sum(),
            });
        }
    }
    shares
}

/// One network taken apart.
struct Apart {
    shares: Vec<Share>,
    /// The largest deviation of their sum from the answer over the states, as a share of its range.
    error: f32,
}

impl Apart {
    async fn new(
        evaluator: &Evaluator,
        state: &dyn Env,
        sites: &[&Site],
        readouts: &Readouts,
        last: (usize, Vec<f32>),
    ) -> Result<Self> {
        let recorded = &readouts.recorded;
        let whole = Writer {
            place: last.0,
            weights: last.1.clone(),
        };
        let writers = writers(evaluator, state, sites, recorded, last).await?;
        let whole = brings(&whole, sites, recorded);
        Ok(Self {
            error: deviation(&whole, &bring(&writers, sites, recorded)),
            shares: shares(&writers, sites, recorded),
        })
    }

    /// Share of all that is written, either way, that heads write.
    fn of_heads(&self) -> f64 {
        let size = |share: &Share| f64::from(share.value.abs());
        let all: f64 = self.shares.iter().map(size).sum();
        let heads = self.shares.iter().filter(|share| share.is_head);
        heads.map(size).sum::<f64>() / all.max(1e-12)
    }
}

/// What each head and layer puts into the answer that is read off `sites[place]`; none where that site is no
/// sum of others. `[trained, untrained]`, as are the networks.
pub(super) async fn figure(
    networks: [&Evaluator; 2],
    state: &dyn Env,
    sites: &[&Site],
    readouts: [&Readouts; 2],
    (measure, place): (&Measure, usize),
) -> Result<Option<Figure>> {
    let mut both = Vec::with_capacity(2);
    for (network, readouts) in networks.into_iter().zip(readouts) {
        let weights = measure.weights(&measure.maps(readouts)[place]);
        both.push(Apart::new(network, state, sites, readouts, (place, weights)).await?);
    }
    let [ours, control] = both.as_slice() else {
        return Ok(None);
    };
    if ours.shares.iter().all(|share| share.place == place) {
        return Ok(None);
    }
    let control_of = |share: &Share| {
        let same = |other: &&Share| (other.place, other.first) == (share.place, share.first);
        control.shares.iter().find(same).map(|other| other.value)
    };
    let bars = ours.shares.iter().map(|share| Bar {
        name: share.name.clone(),
        value: share.value,
        control: control_of(share),
        site: sites[share.place].name.clone(),
        unit: share.is_head.then_some(share.first),
    });
    Ok(Some(Figure {
        title: "Heads and layers".into(),
        caption: format!(
            "What each head and layer writes straight into the {}, as {} adds it up; with a constant they sum \
             to it, and ticks are before training.",
            measure.name, sites[place].name
        ),
        body: Body::Bars {
            x: Scale::numeric("contribution", ""),
            bars: bars.collect(),
        },
        numbers: vec![
            Number::new("heads_share", "written by heads", ours.of_heads()),
            Number::new("heads_share_untrained", "untrained", control.of_heads()).control(),
            Number::new(
                "writers_error",
                "largest error elsewhere",
                ours.error.into(),
            ),
            Number::new("writers_error_untrained", "untrained", control.error.into()).control(),
        ],
    }))
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::{
        model,
        op::{readout, reference_states},
        rng::Rng,
    };
    use burn::tensor::Device;
    use serde_json::{Value, json};

    /// Names and contributions to the value of a fresh network, and how exact they are elsewhere.
    fn apart(id: &str, parameters: Value) -> (Vec<String>, f32) {
        let env = (env::ENVS[0].make)(&json!({})).unwrap();
        let (space, device) = (env.space(), Device::flex());
        let make = model::entry(id).unwrap().make;
        let network = make(&parameters, space, &mut Rng::new(5), &device).unwrap();
        let all = network.sites(space);
        let sites = readout::hidden(&all).unwrap();
        let evaluator = Evaluator {
            network,
            device,
            edits: Vec::new(),
        };
        let states = reference_states(env.as_ref(), 32, &mut Rng::new(1));
        let found = readout::readouts(&evaluator, &sites, &states);
        let found = pollster::block_on(found).unwrap();
        let place = readout::last(&found.value).unwrap();
        let last = (place, found.value[place].weights[0].clone());
        let apart = Apart::new(&evaluator, states[0].as_ref(), &sites, &found, last);
        let apart = pollster::block_on(apart).unwrap();
        let names = apart.shares.into_iter().map(|share| share.name);
        (names.collect(), apart.error)
    }

    #[test]
    fn a_residual_stream_comes_apart_into_heads_and_layers() {
        let small = json!({"blocks": 2, "heads": 2, "head_width": 4, "mlp_width": 8});
        let (names, error) = apart("transformer", small);
        let expected = [
            "embed",
            "blocks.0.attn.z, head 0",
            "blocks.0.attn.z, head 1",
            "blocks.0.mlp.post",
            "blocks.1.attn.z, head 0",
            "blocks.1.attn.z, head 1",
            "blocks.1.mlp.post",
        ];
        assert_eq!(names, expected);
        assert!(error < 1e-4, "{error}");
    }

    #[test]
    fn what_follows_a_rectifier_stays_whole() {
        let (names, error) = apart("mlp", json!({"width": 8, "depth": 2}));
        assert_eq!((names, error), (vec!["blocks.1.post".to_owned()], 0.0));
        let (names, _) = apart("convnet", json!({"channels": 4, "blocks": 1}));
        assert_eq!(names, ["value.hidden"]);
    }
}
