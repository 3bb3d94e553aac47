//! A transformer encoder (Vaswani et al. 2017, arXiv:1706.03762) whose tokens are the cells of a grid, or the
//! numbers of a flat observation: self-attention without a mask, then a perceptron, each adding to the
//! residual stream.
//!
//! There is no layer normalisation, as in Elhage et al. 2021, "A Mathematical Framework for Transformer
//! Circuits": the stream is a plain sum of what the embedding, the heads and the perceptrons write, and the
//! answers are linear in it, so that they come apart exactly into heads and layers. In place of it the writes
//! start small, by one over the root of their number (Radford et al. 2019, as GPT-2 has it), which is enough
//! for networks of a few blocks. Sites have TransformerLens' names; axes that are places come last, so that
//! a unit is drawn as a board.

use super::{ModelEntry, Network, Output, Site, Stage, action_axis, linear, normal, taps::Taps};
use crate::{
    env::{Axis, Space},
    error::{Error, Result},
    rng::Rng,
    schema,
};
use burn::{
    module::{Module, Param},
    nn::Linear,
    tensor::{Device, Tensor, activation},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: ModelEntry = ModelEntry {
    id: "transformer",
    title: "Transformer encoder",
    summary: "Cells as tokens, blocks of multi-head self-attention and a perceptron, a policy and a value read off the residual stream.",
    schema: schema::schema_of::<Parameters>,
    make: |value, space, rng, device| {
        let parameters = schema::parameters(value, "model")?;
        Transformer::new(&parameters, space, rng, device).map(Network::Transformer)
    },
};

/// Sizes of the network.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// Blocks of attention and perceptron.
    #[schemars(range(min = 1, max = 8))]
    pub blocks: usize,
    /// Attention heads of a block.
    #[schemars(range(min = 1, max = 16))]
    pub heads: usize,
    /// Units of a head; the residual stream has as many as all heads of a block together.
    #[schemars(range(min = 1, max = 64), extend("x-scales" = true))]
    pub head_width: usize,
    /// Hidden units of each block's perceptron.
    #[schemars(range(min = 1, max = 1024), extend("x-scales" = true))]
    pub mlp_width: usize,
    /// Whether a tanh keeps the value between −1 and 1, as it is in games that are won or lost.
    pub bounded_value: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            blocks: 1,
            heads: 4,
            head_width: 8,
            mlp_width: 64,
            bounded_value: true,
        }
    }
}

/// Most tokens: every one attends to every other.
const MAX_TOKENS: usize = 196;

/// The network.
#[derive(Module, Debug)]
pub struct Transformer {
    embed: Linear,
    /// `[1, position, unit]`.
    position: Param<Tensor<3>>,
    blocks: Vec<Block>,
    policy: Linear,
    value: Linear,
    /// Numbers of a token, and tokens.
    #[module(skip)]
    input: [usize; 2],
    #[module(skip)]
    bounded_value: bool,
}

/// `x + attention(x)`, then the same plus a perceptron of it.
#[derive(Module, Debug)]
pub struct Block {
    attn: Attention,
    mlp: Perceptron,
}

/// Multi-head self-attention. Keys have no bias: it would add the same to all scores of a query, and softmax
/// takes that away.
#[derive(Module, Debug)]
pub struct Attention {
    q: Linear,
    k: Linear,
    v: Linear,
    out: Linear,
    #[module(skip)]
    heads: usize,
}

/// Linear, ReLU, linear.
#[derive(Module, Debug)]
pub struct Perceptron {
    hidden: Linear,
    out: Linear,
}

impl Transformer {
    /// A network with fresh weights. Errors: `NotApplicable` where there are too many tokens.
    pub fn new(
        parameters: &Parameters,
        space: &Space,
        rng: &mut Rng,
        device: &Device,
    ) -> Result<Self> {
        let p = parameters;
        let [features, tokens] = tokens(space);
        if tokens > MAX_TOKENS {
            return Err(Error::not_applicable(format!(
                "the transformer takes up to {MAX_TOKENS} cells or numbers as tokens, and this observation \
                 has {tokens}; use the convnet or the mlp here"
            )));
        }
        let width = p.heads * p.head_width;
        let write = 1.0 / (2.0 * p.blocks as f32).sqrt();
        let relu = 2_f32.sqrt();
        let embed = linear(features, width, 1.0, rng, device);
        let position = normal([1, tokens, width], 1, 0.5, rng, device);
        let mut linear = |inputs, outputs, gain| linear(inputs, outputs, gain, rng, device);
        let blocks = (0..p.blocks)
            .map(|_| Block {
                attn: Attention {
                    q: linear(width, width, 1.0),
                    k: Linear {
                        bias: None,
                        ..linear(width, width, 1.0)
                    },
                    v: linear(width, width, 1.0),
                    out: linear(width, width, write),
                    heads: p.heads,
                },
                mlp: Perceptron {
                    hidden: linear(width, p.mlp_width, relu),
                    out: linear(p.mlp_width, width, write),
                },
            })
            .collect();
        Ok(Self {
            embed,
            position,
            blocks,
            // Small heads, so that an untrained policy is near uniform.
            policy: linear(tokens * width, space.num_actions(), 0.1),
            value: linear(tokens * width, 1, 0.1),
            input: [features, tokens],
            bounded_value: p.bounded_value,
        })
    }

    /// `observation` `[batch, feature × token]`.
    pub fn forward(&self, observation: Tensor<2>, taps: &mut Taps) -> Output {
        let batch = observation.dims()[0];
        let [features, tokens] = self.input;
        let input = observation.reshape([batch, features, tokens]); // [batch, feature, token]
        let input = taps.at(format_args!("obs"), input).permute([0, 2, 1]); // [batch, token, feature]
        let embedded = self
            .embed
            .forward(input.reshape([batch * tokens, features])); // [batch × token, unit]
        let embedded = split(embedded, batch) + self.position.val(); // [batch, token, unit]
        let mut stream = tap(taps, format_args!("embed"), embedded); // [batch, token, unit]
        for (index, block) in self.blocks.iter().enumerate() {
            let name = format_args!("blocks.{index}");
            let written = block.attn.forward(stream.clone(), name, taps); // [batch, token, unit]
            let written = tap(taps, format_args!("{name}.attn_out"), written);
            stream = tap(taps, format_args!("{name}.resid_mid"), stream + written);
            let hidden = activation::relu(on_rows(&block.mlp.hidden, stream.clone())); // [batch, token, unit]
            let hidden = tap(taps, format_args!("{name}.mlp.post"), hidden);
            let written = on_rows(&block.mlp.out, hidden); // [batch, token, unit]
            let written = tap(taps, format_args!("{name}.mlp_out"), written);
            stream = tap(taps, format_args!("{name}.resid_post"), stream + written);
        }
        let width = stream.dims()[2];
        let read = stream.reshape([batch, tokens * width]); // [batch, token × unit]
        let logits = self.policy.forward(read.clone()); // [batch, action]
        let mut value = self.value.forward(read); // [batch, 1]
        if self.bounded_value {
            value = activation::tanh(value);
        }
        Output {
            logits: taps.at(format_args!("policy"), logits),
            value: taps.at(format_args!("value"), value),
        }
    }

    /// The sites, from input to output.
    pub fn sites(&self, space: &Space) -> Vec<Site> {
        let places = places(space);
        let width = self.position.dims()[2];
        let over = |leading: &[(&str, usize)]| -> Vec<Axis> {
            let leading = leading.iter().map(|&(name, len)| Axis::new(name, len));
            leading.chain(places.iter().cloned()).collect()
        };
        let stream = || over(&[("unit", width)]);
        let mut sites = vec![
            Site::new("obs", space.observation.clone(), Stage::Sensory),
            Site::new("embed", stream(), Stage::Sensory),
        ];
        for (index, block) in self.blocks.iter().enumerate() {
            let heads = block.attn.heads;
            let each = || over(&[("head", heads), ("unit", width / heads)]);
            let pair = |name| Axis {
                name,
                ..token_axis(&places)
            };
            let pattern = vec![
                Axis::new("head", heads),
                pair("query".into()),
                pair("key".into()),
            ];
            let hidden = block.mlp.hidden.weight.dims()[1];
            let axes = [
                ("attn.q", each()),
                ("attn.k", each()),
                ("attn.v", each()),
                ("attn.pattern", pattern),
                ("attn.z", each()),
                ("attn_out", stream()),
                ("resid_mid", stream()),
                ("mlp.post", over(&[("unit", hidden)])),
                ("mlp_out", stream()),
                ("resid_post", stream()),
            ];
            sites.extend(axes.into_iter().map(|(name, axes)| {
                Site::new(format!("blocks.{index}.{name}"), axes, Stage::Analysis)
            }));
        }
        sites.extend([
            Site::new("policy", vec![action_axis(space)], Stage::Motor),
            Site::new("value", vec![Axis::new("value", 1)], Stage::Motor),
        ]);
        sites
    }
}

impl Attention {
    /// `stream` `[batch, token, unit]` to what is written to it, of the same shape.
    fn forward(&self, stream: Tensor<3>, block: std::fmt::Arguments, taps: &mut Taps) -> Tensor<3> {
        let [batch, tokens, width] = stream.dims();
        let units = width / self.heads;
        let mut part = |name: &str, layer: &Linear| {
            let part = on_rows(layer, stream.clone()).reshape([batch, tokens, self.heads, units]);
            let part = part.permute([0, 2, 3, 1]); // [batch, head, unit, token]
            taps.at(format_args!("{block}.attn.{name}"), part)
        };
        let (q, k, v) = (part("q", &self.q), part("k", &self.k), part("v", &self.v));
        // Laid out anew, since how a product is summed depends on how its factors lie in memory, and a tap
        // that listens moves them.
        let all = batch * self.heads;
        let by_token = |part: Tensor<4>| part.permute([0, 1, 3, 2]).reshape([all, tokens, units]);
        let scores = by_token(q).matmul(k.reshape([all, units, tokens])); // [batch × head, query, key]
        let pattern = activation::softmax(scores / (units as f32).sqrt(), 2);
        let pattern = pattern.reshape([batch, self.heads, tokens, tokens]); // [batch, head, query, key]
        let pattern = taps.at(format_args!("{block}.attn.pattern"), pattern);
        let pattern = pattern.reshape([all, tokens, tokens]); // [batch × head, query, key]
        let z = pattern.matmul(by_token(v)); // [batch × head, query, unit]
        let z = z
            .reshape([batch, self.heads, tokens, units])
            .permute([0, 1, 3, 2]);
        let z = taps.at(format_args!("{block}.attn.z"), z); // [batch, head, unit, query]
        let z = z.permute([0, 3, 1, 2]).reshape([batch, tokens, width]); // [batch, token, head × unit]
        on_rows(&self.out, z)
    }
}

/// `layer` on each token of `h` `[batch, token, input]`, as one product: `[batch, token, output]`.
fn on_rows(layer: &Linear, h: Tensor<3>) -> Tensor<3> {
    let [batch, tokens, inputs] = h.dims();
    split(layer.forward(h.reshape([batch * tokens, inputs])), batch)
}

/// `h` `[batch × token, unit]` as `[batch, token, unit]`.
fn split(h: Tensor<2>, batch: usize) -> Tensor<3> {
    let [rows, width] = h.dims();
    h.reshape([batch, rows / batch, width])
}

/// A tap of `h` `[batch, token, unit]`, which the outside sees as `[batch, unit, token]`.
fn tap(taps: &mut Taps, site: std::fmt::Arguments, h: Tensor<3>) -> Tensor<3> {
    taps.at(site, h.permute([0, 2, 1])).permute([0, 2, 1])
}

/// The axes along which tokens lie: rows and columns of planes, else the observation's numbers in turn.
fn places(space: &Space) -> Vec<Axis> {
    match space.observation.as_slice() {
        [_, row, column] => vec![row.clone(), column.clone()],
        [only] => vec![Axis {
            name: "position".into(),
            ..only.clone()
        }],
        _ => vec![Axis::new("position", space.observation_len())],
    }
}

/// Numbers of a token, and tokens.
fn tokens(space: &Space) -> [usize; 2] {
    let tokens = places(space).iter().map(|axis| axis.len).product();
    [space.observation_len() / tokens, tokens]
}

/// All tokens in one axis, labelled by their places.
fn token_axis(places: &[Axis]) -> Axis {
    match places {
        [row, column] => Axis {
            name: "position".into(),
            len: row.len * column.len,
            labels: (0..row.len * column.len)
                .map(|cell| {
                    let (r, c) = (cell / column.len, cell % column.len);
                    format!("{}, {}", row.place(r), column.place(c))
                })
                .collect(),
        },
        _ => places[0].clone(),
    }
}

// What blocks to read a tensor back is not there in a browser.
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::{
        backend, env,
        model::taps::{self, Bank, Edit, EditOp, Select},
    };
    use std::collections::BTreeMap;

    fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        pollster::block_on(backend::read(tensor)).unwrap()
    }

    fn close(found: &[f32], expected: &[f32], what: &str) {
        assert_eq!(found.len(), expected.len(), "{what}");
        for (index, (x, y)) in found.iter().zip(expected).enumerate() {
            assert!((x - y).abs() < 1e-5, "{what} {index}: {x}, not {y}");
        }
    }

    /// A square layer without bias, its weights row by row.
    fn layer(weights: [f32; 4]) -> Linear {
        let device = Device::flex();
        Linear {
            weight: Param::from_tensor(backend::tensor(weights.to_vec(), [2, 2], &device)),
            bias: Some(Param::from_tensor(Tensor::zeros([2], &device))),
        }
    }

    /// A network of two blocks with larger weights than fresh ones have, so that nothing is near uniform.
    fn network(space: &Space) -> Transformer {
        let (mut rng, device) = (Rng::new(3), Device::flex());
        let parameters = Parameters {
            blocks: 2,
            ..Parameters::default()
        };
        let mut network = Transformer::new(&parameters, space, &mut rng, &device).unwrap();
        for block in &mut network.blocks {
            let louder = |linear: &mut Linear| {
                linear.weight = Param::from_tensor(linear.weight.val() * 2.0);
            };
            [&mut block.attn.q, &mut block.attn.k]
                .into_iter()
                .for_each(louder);
        }
        network
    }

    fn tictactoe() -> Box<dyn env::Env> {
        (env::entry("tictactoe").unwrap().make)(&serde_json::json!({})).unwrap()
    }

    /// Two boards, `[batch × plane × cell]`.
    const BOARDS: [f32; 36] = [
        1., 0., 0., 0., 1., 0., 0., 0., 0., 0., 0., 1., 1., 0., 0., 0., 0., 0., //
        0., 1., 0., 0., 1., 0., 0., 0., 1., 0., 0., 0., 1., 0., 1., 1., 0., 0.,
    ];

    fn record(
        network: &Transformer,
        boards: &[f32],
        edits: Vec<taps::SiteEdit>,
    ) -> BTreeMap<String, Vec<f32>> {
        let input = backend::tensor(boards.to_vec(), [2, 18], &Device::flex()); // [batch, observation]
        let mut taps = Taps::edit(edits).recording();
        network.forward(input, &mut taps);
        let recorded = taps.into_recorded().into_iter();
        recorded
            .map(|(name, values)| (name, read(values)))
            .collect()
    }

    #[test]
    fn attention_by_hand() {
        // Two heads of one unit. Head 0 reads unit 0 with log 3 as its scale, so that the first token gives
        // three quarters of its attention to itself; the second asks for nothing, so that it attends evenly.
        let log_3 = 3_f32.ln();
        let attention = Attention {
            q: layer([log_3, 0.0, 0.0, 0.0]),
            k: layer([1.0, 0.0, 0.0, 1.0]),
            v: layer([4.0, 0.0, 0.0, 2.0]),
            out: layer([0.0, 1.0, 1.0, 0.0]),
            heads: 2,
        };
        let stream = backend::tensor(vec![1.0, 0.0, 0.0, 1.0], [1, 2, 2], &Device::flex()); // [batch, token, unit]
        let mut taps = Taps::record();
        let written = attention.forward(stream, format_args!("b"), &mut taps);
        let recorded = |site: &str| read(taps.get(site).unwrap().clone());
        let pattern = [0.75, 0.25, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5];
        close(&recorded("b.attn.pattern"), &pattern, "pattern");
        // [head, unit, token]: three quarters and a half of 4, then halves of 2.
        close(&recorded("b.attn.z"), &[3.0, 2.0, 1.0, 1.0], "z");
        // [token, unit], the two units exchanged.
        close(&read(written), &[1.0, 3.0, 1.0, 2.0], "written");
    }

    #[test]
    fn every_query_shares_out_its_attention() {
        let env = tictactoe();
        let recorded = record(&network(env.space()), &BOARDS, Vec::new());
        for block in 0..2 {
            let pattern = &recorded[&format!("blocks.{block}.attn.pattern")];
            assert_eq!(pattern.len(), 2 * 4 * 9 * 9);
            for row in pattern.chunks_exact(9) {
                assert!(row.iter().all(|share| *share > 0.0), "{row:?}");
                close(&[row.iter().sum()], &[1.0], "sum");
            }
            let most = pattern.iter().fold(0.0_f32, |most, x| most.max(*x));
            assert!(most > 0.3, "all of it is near uniform: {most}");
        }
    }

    /// Without positions the encoder does not know the order of its tokens.
    #[test]
    fn tokens_that_move_with_their_positions_take_their_activations_along() {
        let env = tictactoe();
        let one = network(env.space());
        let order = [4, 0, 8, 2, 1, 7, 3, 6, 5];
        let moved = |values: &[f32]| -> Vec<f32> {
            let rows = values.chunks_exact(9);
            rows.flat_map(|row| order.map(|place| row[place])).collect()
        };
        let mut other = one.clone();
        let width = one.position.dims()[2];
        let positions = read(one.position.val());
        let positions = order
            .iter()
            .flat_map(|&place| positions[place * width..(place + 1) * width].to_vec());
        other.position = Param::from_tensor(backend::tensor(
            positions.collect(),
            [1, 9, width],
            &Device::flex(),
        ));
        let before = record(&one, &BOARDS, Vec::new());
        let after = record(&other, &moved(&BOARDS), Vec::new());
        let unmoved = record(&one, &moved(&BOARDS), Vec::new());
        for site in [
            "blocks.0.attn.z",
            "blocks.0.mlp.post",
            "blocks.1.resid_post",
        ] {
            close(&after[site], &moved(&before[site]), site);
            let gap = unmoved[site].iter().zip(moved(&before[site]));
            let gap = gap.fold(0.0_f32, |gap, (x, y)| gap.max((x - y).abs()));
            assert!(gap > 0.01, "{site}: positions do not matter");
        }
    }

    #[test]
    fn the_residual_stream_is_the_sum_of_what_is_written_and_the_answers_are_linear_in_it() {
        let env = tictactoe();
        let network = network(env.space());
        let recorded = record(&network, &BOARDS, Vec::new());
        let writers = [
            "embed",
            "blocks.0.attn_out",
            "blocks.0.mlp_out",
            "blocks.1.attn_out",
            "blocks.1.mlp_out",
        ];
        let mut sum = vec![0.0; 2 * 9 * 32];
        for writer in writers {
            sum.iter_mut()
                .zip(&recorded[writer])
                .for_each(|(sum, x)| *sum += x);
        }
        close(&sum, &recorded["blocks.1.resid_post"], "stream");
        let (weight, bias) = (
            read(network.value.weight.val()),
            read(network.value.bias.as_ref().unwrap().val()),
        );
        for (state, value) in sum.chunks_exact(9 * 32).zip(&recorded["value"]) {
            let terms = (0..9 * 32).map(|index| weight[index] * state[index % 32 * 9 + index / 32]);
            close(
                &[libm::tanhf(terms.sum::<f32>() + bias[0])],
                &[*value],
                "value",
            );
        }
    }

    #[test]
    fn an_edit_of_any_site_changes_what_follows() {
        let env = tictactoe();
        let network = network(env.space());
        let sites = network.sites(env.space());
        let edited = |site: &str, select: Select, op: EditOp| {
            let edit = Edit {
                site: site.into(),
                select,
                op,
            };
            let device = Device::flex();
            let edits = taps::compile(&[edit], &sites, &Bank::new(), &mut Rng::new(0), &device);
            record(&network, &BOARDS, edits.unwrap())
        };
        let before = record(&network, &BOARDS, Vec::new());
        for site in &sites {
            let select = Select::Units(vec![site.len() / 2]);
            let after = edited(&site.name, select, EditOp::Add(vec![1.0]));
            let answers = if site.name == "value" {
                "value"
            } else {
                "policy"
            };
            let change = before[answers].iter().zip(&after[answers]);
            let change = change.fold(0.0_f32, |change, (x, y)| change.max((x - y).abs()));
            assert!(change > 1e-5, "{}: {change}", site.name);
        }
        // A head that looks nowhere but at its own token brings its values.
        let own: Vec<f32> = (0..4 * 81)
            .map(|index| f32::from(u8::from(index % 81 % 10 == 0)))
            .collect();
        let after = edited("blocks.1.attn.pattern", Select::All, EditOp::Replace(own));
        close(&after["blocks.1.attn.z"], &before["blocks.1.attn.v"], "z");
        let head = Select::Along {
            axis: "head".into(),
            indices: vec![2],
        };
        let after = edited("blocks.0.attn.pattern", head, EditOp::Zero);
        for (head, z) in after["blocks.0.attn.z"].chunks_exact(8 * 9).enumerate() {
            assert_eq!(head % 4 == 2, z.iter().all(|z| *z == 0.0), "head {head}");
        }
    }

    #[test]
    fn tokens_are_cells_or_numbers_and_not_too_many() {
        let cartpole = (env::entry("cartpole").unwrap().make)(&serde_json::json!({})).unwrap();
        assert_eq!(tokens(tictactoe().space()), [2, 9]);
        assert_eq!(tokens(cartpole.space()), [1, 4]);
        let make = env::entry("gridworld").unwrap().make;
        let made = |side: usize| {
            let env = make(&serde_json::json!({"side": side})).unwrap();
            let parameters = Parameters::default();
            Transformer::new(&parameters, env.space(), &mut Rng::new(0), &Device::flex())
        };
        assert!(made(14).is_ok());
        let made = made(15);
        assert!(matches!(made, Err(Error::NotApplicable { .. })));
    }
}
