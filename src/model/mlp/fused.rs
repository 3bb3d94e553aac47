//! A multi-layer perceptron in plain numbers: its answers, and the gradient of a loss.
//!
//! burn records every operation and gives each its own tensor; in networks this small that costs more than
//! the arithmetic. Here a pass is a few products of matrices, one after the other. Nothing can be recorded
//! or edited on the way, so this is for learners alone; what it computes is what `Mlp::forward` says.

use super::{Activation, Mlp};
use crate::{
    backend,
    model::{
        Network,
        evaluator::Answers,
        panels::{
            LANES, Lanes, ROWS, add_column_sums, add_product, add_transposed_product, num_panels,
            put_row, repeat, row_of, transpose, vectorised,
        },
        tanh::approximate,
    },
};
use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    nn::Linear,
    tensor::{Device, Tensor},
};
use std::ops::Range;

/// Inputs of a layer at most; larger ones are left to the library. Natively that has kernels for more kinds
/// of vectors than there are here, and is the quicker one early.
const MAX_INPUTS: usize = if cfg!(target_arch = "wasm32") {
    512
} else {
    64
};
/// Rows of a pass at most, so that what it keeps stays near the processor.
const MAX_ROWS: usize = 128;

/// A network's weights, ready for passes.
#[derive(Debug, Clone)]
pub struct Fused {
    blocks: Vec<Layer>,
    value_blocks: Vec<Layer>,
    policy: Layer,
    value: Layer,
    activation: Activation,
    bounded_value: bool,
    weights: Vec<Lanes>,
    num_weights: usize,
}

/// A linear layer, and where its numbers stand among all.
#[derive(Debug, Clone)]
struct Layer {
    inputs: usize,
    outputs: usize,
    /// `[inputs, outputs]`.
    weight: Range<usize>,
    /// `[1, outputs]`.
    bias: Range<usize>,
}

/// A pass over some rows, and what it leaves behind.
#[derive(Debug, Default)]
struct Pass {
    /// A multiple of `ROWS`: what fills up the last few is answered too, but nothing hangs on it.
    rows: usize,
    /// `[row, input]`.
    input: Vec<Lanes>,
    /// What follows each hidden layer, `[row, unit]`.
    hidden: Vec<Vec<Lanes>>,
    /// The same for the value's own layers.
    value_hidden: Vec<Vec<Lanes>>,
    /// `[row, action]`; before the way back the loss' derivatives by them.
    logits: Vec<Lanes>,
    /// `[row, 1]`; likewise.
    values: Vec<Lanes>,
}

impl Fused {
    /// The weights of `network`; none where the library is to run it: on another device, as another kind
    /// of network, or with large layers.
    pub fn of(network: &Network, device: &Device) -> Option<Self> {
        let Network::Mlp(mlp) = network else {
            return None;
        };
        let small = |linear: &Linear| linear.weight.dims()[0] <= MAX_INPUTS;
        let fits = mlp.blocks.iter().chain([&mlp.policy]).all(small);
        (fits && *device == Device::flex()).then(|| Self::new(mlp))?
    }

    fn new(mlp: &Mlp) -> Option<Self> {
        let mut next = 0;
        let mut layer = |linear: &Linear| {
            let layer = Layer::at(next, linear);
            next = layer.bias.end;
            layer
        };
        let mut fused = Self {
            blocks: mlp.blocks.iter().map(&mut layer).collect(),
            value_blocks: mlp.value_blocks.iter().map(&mut layer).collect(),
            policy: layer(&mlp.policy),
            value: layer(&mlp.value),
            activation: mlp.activation,
            bounded_value: mlp.bounded_value,
            weights: Vec::new(),
            num_weights: mlp.num_params(),
        };
        let mut reader = Reader(Vec::with_capacity(fused.num_weights));
        mlp.visit(&mut reader);
        fused.weights = fused.to_panels(&reader.0)?;
        Some(fused)
    }

    /// `network`, of the same sizes, with these weights.
    pub fn write(&self, network: Network) -> Network {
        network.map(&mut Writer(&self.to_module_order(&self.weights)))
    }

    /// All weights, to be changed.
    pub fn weights_mut(&mut self) -> &mut [Lanes] {
        &mut self.weights
    }

    /// Those of a gradient that both policy and value contribute to.
    pub fn shared<'a>(&self, gradient: &'a [Lanes]) -> &'a [Lanes] {
        let layers = if self.value_blocks.is_empty() {
            self.blocks.as_slice()
        } else {
            &[]
        };
        &gradient[..layers.last().map_or(0, |layer| layer.bias.end)]
    }

    /// In module order.
    fn layers(&self) -> impl Iterator<Item = &Layer> {
        let trunks = self.blocks.iter().chain(&self.value_blocks);
        trunks.chain([&self.policy, &self.value])
    }

    /// A number for each weight in module order, laid out as the weights are; none where there are more or
    /// fewer.
    pub fn to_panels(&self, numbers: &[f32]) -> Option<Vec<Lanes>> {
        if numbers.len() != self.num_weights {
            return None;
        }
        let mut panels = vec![[0.0; LANES]; self.value.bias.end];
        let mut left = numbers;
        for layer in self.layers() {
            for (rows, place) in layer.parts() {
                let (matrix, rest) = left.split_at(rows * layer.outputs);
                for (row, numbers) in matrix.chunks_exact(layer.outputs).enumerate() {
                    put_row(rows, row, numbers, &mut panels[place.clone()]);
                }
                left = rest;
            }
        }
        Some(panels)
    }

    /// The other way.
    pub fn to_module_order(&self, panels: &[Lanes]) -> Vec<f32> {
        let mut numbers = Vec::with_capacity(self.num_weights);
        for layer in self.layers() {
            for (rows, place) in layer.parts() {
                for row in 0..rows {
                    let row = row_of(rows, row, &panels[place.clone()]);
                    numbers.extend(row.take(layer.outputs));
                }
            }
        }
        numbers
    }

    /// Logits and values of flat observations `[batch × observation]`.
    pub fn answer(&self, observations: &[f32], batch: usize) -> Answers {
        let width = observations.len() / batch;
        let mut answers = Answers {
            logits: Vec::with_capacity(batch * self.policy.outputs),
            values: Vec::with_capacity(batch),
        };
        let mut pass = Pass::default();
        for observations in observations.chunks(MAX_ROWS * width) {
            self.forward(observations.chunks_exact(width), &mut pass);
            for row in 0..observations.len() / width {
                let logits = row_of(pass.rows, row, &pass.logits);
                answers.logits.extend(logits.take(self.policy.outputs));
                answers.values.push(pass.values[row][0]);
            }
        }
        answers
    }

    /// The gradient of a loss that is a sum over rows, laid out as the weights are.
    ///
    /// `observe` gives a row's observation. `slope` gets a row's number, logits and value, puts the loss'
    /// derivative by each logit in its place, and returns that by the value.
    pub fn gradient<'a>(
        &self,
        batch: usize,
        observe: impl Fn(usize) -> &'a [f32],
        mut slope: impl FnMut(usize, &mut [f32], f32) -> f32,
    ) -> Vec<Lanes> {
        let mut gradient = vec![[0.0; LANES]; self.weights.len()];
        let mut pass = Pass::default();
        let mut logits = Vec::with_capacity(self.policy.outputs);
        for start in (0..batch).step_by(MAX_ROWS) {
            let count = MAX_ROWS.min(batch - start);
            self.forward((start..start + count).map(&observe), &mut pass);
            for row in 0..pass.rows {
                logits.clear();
                logits.extend(row_of(pass.rows, row, &pass.logits).take(self.policy.outputs));
                let value = pass.values[row][0];
                let mut by_value = 0.0;
                if row < count {
                    by_value = slope(start + row, &mut logits, value);
                } else {
                    logits.fill(0.0);
                }
                if self.bounded_value {
                    by_value *= 1.0 - value * value;
                }
                put_row(pass.rows, row, &logits, &mut pass.logits);
                pass.values[row][0] = by_value;
            }
            self.backward(&pass, &mut gradient);
        }
        gradient
    }

    fn forward<'a>(&self, observations: impl ExactSizeIterator<Item = &'a [f32]>, pass: &mut Pass) {
        let rows = observations.len().next_multiple_of(ROWS);
        pass.rows = rows;
        let inputs = self.layers().next().map_or(0, |layer| layer.inputs);
        pass.input.clear();
        pass.input.resize(num_panels(inputs) * rows, [0.0; LANES]);
        for (row, observation) in observations.enumerate() {
            put_row(rows, row, observation, &mut pass.input);
        }
        let hidden = self.trunk(&self.blocks, rows, &pass.input, &mut pass.hidden);
        self.linear(&self.policy, rows, hidden, &mut pass.logits);
        let hidden = if self.value_blocks.is_empty() {
            hidden
        } else {
            self.trunk(
                &self.value_blocks,
                rows,
                &pass.input,
                &mut pass.value_hidden,
            )
        };
        self.linear(&self.value, rows, hidden, &mut pass.values);
        if self.bounded_value {
            Activation::Tanh.put(&mut pass.values);
        }
    }

    /// What follows the last of `blocks`; `hidden` keeps what follows each.
    fn trunk<'a>(
        &self,
        blocks: &[Layer],
        rows: usize,
        input: &'a [Lanes],
        hidden: &'a mut Vec<Vec<Lanes>>,
    ) -> &'a [Lanes] {
        hidden.resize(blocks.len(), Vec::new());
        for (place, block) in blocks.iter().enumerate() {
            let (before, here) = hidden.split_at_mut(place);
            let input = before.last().map_or(input, Vec::as_slice);
            self.linear(block, rows, input, &mut here[0]);
            self.activation.put(&mut here[0]);
        }
        hidden.last().map_or(input, Vec::as_slice)
    }

    fn linear(&self, layer: &Layer, rows: usize, input: &[Lanes], out: &mut Vec<Lanes>) {
        repeat(rows, &self.weights[layer.bias.clone()], out);
        let weight = &self.weights[layer.weight.clone()];
        add_product(rows, layer.inputs, input, weight, out);
    }

    /// Adds to `gradient` what the derivatives in the place of logits and values bring.
    fn backward(&self, pass: &Pass, gradient: &mut [Lanes]) {
        let policy = (&self.policy, pass.logits.as_slice());
        let value = (&self.value, pass.values.as_slice());
        if self.value_blocks.is_empty() {
            let heads = [policy, value];
            self.trunk_backward(&self.blocks, &heads, pass, &pass.hidden, gradient);
        } else {
            self.trunk_backward(&self.blocks, &[policy], pass, &pass.hidden, gradient);
            self.trunk_backward(
                &self.value_blocks,
                &[value],
                pass,
                &pass.value_hidden,
                gradient,
            );
        }
    }

    /// From `heads`, each with the derivatives by its outputs, down through `blocks`.
    fn trunk_backward(
        &self,
        blocks: &[Layer],
        heads: &[(&Layer, &[Lanes])],
        pass: &Pass,
        hidden: &[Vec<Lanes>],
        gradient: &mut [Lanes],
    ) {
        let input_of = |place: usize| {
            if place == 0 {
                &pass.input
            } else {
                &hidden[place - 1]
            }
        };
        let mut slopes = Vec::new();
        for (head, by_output) in heads {
            head.add_gradient(pass.rows, input_of(blocks.len()), by_output, gradient);
            self.add_slopes(head, pass.rows, by_output, &mut slopes);
        }
        for (place, block) in blocks.iter().enumerate().rev() {
            self.activation.backward(&hidden[place], &mut slopes);
            block.add_gradient(pass.rows, input_of(place), &slopes, gradient);
            if place > 0 {
                let by_output = std::mem::take(&mut slopes);
                self.add_slopes(block, pass.rows, &by_output, &mut slopes);
            }
        }
    }

    /// Adds the derivatives by the inputs of `layer` to `by_input`, which may still be empty.
    fn add_slopes(
        &self,
        layer: &Layer,
        rows: usize,
        by_output: &[Lanes],
        by_input: &mut Vec<Lanes>,
    ) {
        by_input.resize(num_panels(layer.inputs) * rows, [0.0; LANES]);
        let weight = &self.weights[layer.weight.clone()];
        let transposed = transpose(layer.inputs, layer.outputs, weight);
        add_product(rows, layer.outputs, by_output, &transposed, by_input);
    }
}

impl Layer {
    fn at(start: usize, linear: &Linear) -> Self {
        let [inputs, outputs] = linear.weight.dims();
        let weight = start..start + num_panels(outputs) * inputs;
        let bias = weight.end..weight.end + num_panels(outputs);
        Self {
            inputs,
            outputs,
            weight,
            bias,
        }
    }

    /// Rows and place of weight and bias.
    fn parts(&self) -> [(usize, Range<usize>); 2] {
        [(self.inputs, self.weight.clone()), (1, self.bias.clone())]
    }

    fn add_gradient(
        &self,
        rows: usize,
        input: &[Lanes],
        by_output: &[Lanes],
        gradient: &mut [Lanes],
    ) {
        let weight = &mut gradient[self.weight.clone()];
        add_transposed_product(rows, self.inputs, input, by_output, weight);
        add_column_sums(rows, by_output, &mut gradient[self.bias.clone()]);
    }
}

impl Activation {
    fn put(self, numbers: &mut [Lanes]) {
        vectorised(
            #[inline(always)]
            || {
                let numbers = numbers.as_flattened_mut().iter_mut();
                match self {
                    // What is not a number stays so.
                    Self::Relu => numbers.for_each(|x| *x = if *x < 0.0 { 0.0 } else { *x }),
                    Self::Tanh => numbers.for_each(|x| *x = approximate(*x)),
                }
            },
        );
    }

    /// Turns derivatives by what it gave, `outputs`, into those by what it got.
    fn backward(self, outputs: &[Lanes], slopes: &mut [Lanes]) {
        let slopes = slopes.as_flattened_mut().iter_mut();
        let pairs = slopes.zip(outputs.as_flattened());
        match self {
            Self::Relu => pairs.for_each(|(slope, &y)| *slope = if y > 0.0 { *slope } else { 0.0 }),
            Self::Tanh => pairs.for_each(|(slope, &y)| *slope *= 1.0 - y * y),
        }
    }
}

/// Gathers the numbers of each tensor, which the processor has at hand: nothing blocks.
struct Reader(Vec<f32>);

impl ModuleVisitor for Reader {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = param.val().inner().try_into_data();
        if let Some(numbers) = data
            .as_ref()
            .ok()
            .and_then(|data| data.as_slice::<f32>().ok())
        {
            self.0.extend_from_slice(numbers);
        }
    }
}

/// Puts numbers into each tensor.
struct Writer<'a>(&'a [f32]);

impl ModuleMapper for Writer<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, weight, mapper) = param.consume();
        let shape = weight.dims();
        let (numbers, rest) = self.0.split_at(shape.iter().product());
        self.0 = rest;
        let tensor = backend::tensor(numbers.to_vec(), shape, &weight.device());
        Param::from_mapped_value(
            id,
            tensor.set_require_grad(weight.is_require_grad()),
            mapper,
        )
    }
}

// What blocks to read a tensor back is not there in a browser.
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::{
        env,
        model::{self, evaluator::Evaluator, taps::Taps},
        rng::Rng,
    };
    use burn::tensor::Gradients;
    use serde_json::{Value, json};

    /// Networks of one kind each, whose sizes fill panels and do not.
    fn kinds() -> Vec<(&'static str, Value)> {
        let kind = |width: usize, depth: usize, activation: &str, separate: bool, bounded: bool| {
            json!({
                "width": width, "depth": depth, "activation": activation, "separate": separate,
                "bounded_value": bounded,
            })
        };
        vec![
            ("cartpole", kind(64, 2, "tanh", true, false)),
            ("cartpole", kind(5, 1, "relu", false, false)),
            ("tictactoe", kind(12, 3, "relu", false, true)),
            ("tictactoe", kind(1, 2, "tanh", true, true)),
            ("connect4", kind(24, 2, "tanh", false, true)),
        ]
    }

    fn network(environment: &str, parameters: &Value, device: &Device) -> (Network, usize, usize) {
        let env = (env::entry(environment).unwrap().make)(&json!({})).unwrap();
        let make = model::entry("mlp").unwrap().make;
        let network = make(parameters, env.space(), &mut Rng::new(3), device).unwrap();
        (
            network,
            env.space().observation_len(),
            env.space().num_actions(),
        )
    }

    fn fused_of(network: &Network) -> Fused {
        let Network::Mlp(mlp) = network else {
            panic!("no perceptron");
        };
        Fused::new(mlp).unwrap()
    }

    fn draws(count: usize, label: &str) -> Vec<f32> {
        let mut rng = Rng::new(5).split(label);
        (0..count).map(|_| rng.normal()).collect()
    }

    fn assert_close(what: &str, ours: &[f32], theirs: &[f32]) {
        assert_eq!(ours.len(), theirs.len(), "{what}");
        // Sums of a few hundred terms in another order.
        for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            let off = (ours - theirs).abs();
            assert!(
                off <= 1e-5 * (10.0 + theirs.abs()),
                "{what}, {index}: {ours}, {theirs}"
            );
        }
    }

    #[test]
    fn it_answers_as_the_library_does() {
        for (environment, parameters) in kinds() {
            let device = Device::flex();
            let (network, inputs, _) = network(environment, &parameters, &device);
            let fused = fused_of(&network);
            let evaluator = Evaluator {
                network,
                device,
                edits: Vec::new(),
            };
            for batch in [1, 6, MAX_ROWS, 2 * MAX_ROWS + 3] {
                let observations = draws(batch * inputs, "observations");
                let ours = fused.answer(&observations, batch);
                let theirs = pollster::block_on(evaluator.evaluate(observations, batch)).unwrap();
                assert_close("logits", &ours.logits, &theirs.logits);
                assert_close("values", &ours.values, &theirs.values);
            }
        }
    }

    /// Of a loss that is linear in logits and values, with coefficients of their own in every row.
    #[test]
    fn its_gradient_is_that_of_the_library() {
        for (environment, parameters) in kinds() {
            let device = Device::flex().autodiff();
            let (network, inputs, actions) = network(environment, &parameters, &device);
            let fused = fused_of(&network);
            for batch in [1, 6, MAX_ROWS, 2 * MAX_ROWS + 3] {
                let observations = draws(batch * inputs, "observations");
                let by_logits = draws(batch * actions, "logits");
                let by_values = draws(batch, "values");
                let ours = fused.gradient(
                    batch,
                    |row| &observations[row * inputs..(row + 1) * inputs],
                    |row, logits, _| {
                        logits.copy_from_slice(&by_logits[row * actions..(row + 1) * actions]);
                        by_values[row]
                    },
                );
                let tensor = |data: &[f32], columns| {
                    backend::tensor(data.to_vec(), [batch, columns], &device) // [batch, columns]
                };
                let output = network.forward(tensor(&observations, inputs), &mut Taps::off());
                let loss = (output.logits * tensor(&by_logits, actions)).sum()
                    + (output.value * tensor(&by_values, 1)).sum();
                let gradients = loss.backward();
                let mut theirs = Gathered(&gradients, Vec::new());
                network.visit(&mut theirs);
                let what = format!("{environment}, {parameters}, {batch} rows");
                assert_close(&what, &fused.to_module_order(&ours), &theirs.1);
            }
        }
    }

    /// Gradients in module order.
    struct Gathered<'a>(&'a Gradients, Vec<f32>);

    impl ModuleVisitor for Gathered<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let data = param.val().grad(self.0).unwrap().into_data();
            self.1.extend_from_slice(data.as_slice::<f32>().unwrap());
        }
    }

    #[test]
    fn weights_come_back_as_they_went() {
        for (environment, parameters) in kinds() {
            let device = Device::flex().autodiff();
            let (network, ..) = network(environment, &parameters, &device);
            let mut fused = fused_of(&network);
            let numbers = draws(network.num_params(), "weights");
            let panels = fused.to_panels(&numbers).unwrap();
            fused.weights_mut().copy_from_slice(&panels);
            let mut reader = Reader(Vec::new());
            fused.write(network).visit(&mut reader);
            assert_eq!(reader.0, numbers);
        }
    }

    #[test]
    fn large_layers_and_other_networks_are_left_to_the_library() {
        let device = Device::flex();
        for (width, small) in [(MAX_INPUTS, true), (MAX_INPUTS + 1, false)] {
            let (network, ..) = network("cartpole", &json!({"width": width, "depth": 1}), &device);
            assert_eq!(Fused::of(&network, &device).is_some(), small);
        }
        let env = (env::entry("tictactoe").unwrap().make)(&json!({})).unwrap();
        let make = model::entry("convnet").unwrap().make;
        let network = make(&json!({}), env.space(), &mut Rng::new(0), &device).unwrap();
        assert!(Fused::of(&network, &device).is_none());
    }
}
