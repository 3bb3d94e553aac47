//! Adam (Kingma & Ba 2015, arXiv:1412.6980), with gradient clipping by global norm.
//!
//! Ours rather than burn's, because a checkpoint must carry the moments: burn's record reads them back
//! synchronously, which panics on WebGPU in a browser, and keys them by random ids.

use crate::{
    backend,
    error::Result,
    model::{
        Network,
        panels::{LANES, Lanes},
        weights::{Archive, Array},
    },
};
use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Device, Gradients, Tensor},
};

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-5;

/// The optimiser's state: both moments of every weight as one vector, in module order.
#[derive(Debug, Clone)]
pub struct Adam {
    moments: Option<[Tensor<1>; 2]>,
    time: i32,
    gradient_norm: Option<Tensor<1>>,
}

/// How far a step goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// The learning rate.
    pub rate: f32,
    /// L2 penalty, added to the gradient.
    pub decay: f32,
    /// Largest global norm of the gradient; longer ones are scaled down to it.
    pub max_norm: Option<f32>,
}

impl Default for Adam {
    fn default() -> Self {
        Self::new()
    }
}

impl Adam {
    /// Before the first step.
    pub fn new() -> Self {
        Self {
            moments: None,
            time: 0,
            gradient_norm: None,
        }
    }

    /// Goes on from both moments after `time` steps.
    pub fn resume(moments: [Tensor<1>; 2], time: i32) -> Self {
        Self {
            moments: (time > 0).then_some(moments),
            time,
            gradient_norm: None,
        }
    }

    /// Both moments of every weight in module order, `[weight]`; none before the first step.
    pub fn moments(&self) -> Option<[Tensor<1>; 2]> {
        self.moments.clone()
    }

    /// Steps so far.
    pub fn time(&self) -> i32 {
        self.time
    }

    /// Global norm of the last gradient before it was scaled down, `[1]`; none without a limit.
    pub fn gradient_norm(&self) -> Option<Tensor<1>> {
        self.gradient_norm.clone()
    }

    /// One step down the gradients of `network`.
    ///
    /// All weights are joined into one vector: in small networks time goes by the operation, and this
    /// needs a dozen in place of a dozen for each tensor.
    pub fn step(
        &mut self,
        network: Network,
        gradients: &Gradients,
        Rate {
            rate,
            decay,
            max_norm,
        }: Rate,
    ) -> Network {
        let mut joiner = Joiner {
            gradients,
            found: Vec::new(),
            weights: Vec::new(),
            decay,
        };
        network.visit(&mut joiner);
        let mut gradient = Tensor::cat(joiner.found, 0); // [weight]
        if decay > 0.0 {
            gradient = gradient + Tensor::cat(joiner.weights, 0) * decay; // [weight]
        }
        if let Some(max_norm) = max_norm {
            let norm = (gradient.clone() * gradient.clone()).sum().sqrt(); // [1]
            let scale = (norm.clone() + 1e-6).recip() * max_norm; // [1]
            gradient = gradient * scale.clamp_max(1.0);
            self.gradient_norm = Some(norm);
        }
        let squared = gradient.clone() * gradient.clone(); // [weight]
        let (first, second) = match self.moments.take() {
            Some([first, second]) => (
                first * BETA_1 + gradient * (1.0 - BETA_1),
                second * BETA_2 + squared * (1.0 - BETA_2),
            ),
            None => (gradient * (1.0 - BETA_1), squared * (1.0 - BETA_2)),
        };
        self.time += 1;
        let root = (1.0 - BETA_2.powi(self.time)).sqrt();
        let rate = rate / (1.0 - BETA_1.powi(self.time));
        // The bias of the second moment is corrected before ε is added, as in PyTorch.
        let change = first.clone() * rate / (second.clone().sqrt() / root + EPSILON); // [weight]
        self.moments = Some([first, second]);
        network.map(&mut Mover { change, offset: 0 })
    }

    /// Writes the state into an archive.
    pub async fn save(&self, archive: &mut Archive) -> Result<()> {
        archive
            .metadata
            .insert("optimiser_time".into(), self.time.into());
        if let Some([first, second]) = &self.moments {
            for (name, tensor) in [("optimiser.first", first), ("optimiser.second", second)] {
                let data = backend::read(tensor.clone()).await?;
                archive.arrays.insert(name.into(), Array::vector(data));
            }
        }
        Ok(())
    }

    /// Reads the state from an archive. Errors: moments that do not fit the network.
    pub fn load(archive: &Archive, num_weights: usize, device: &Device) -> Result<Self> {
        let time = archive
            .metadata
            .get("optimiser_time")
            .and_then(serde_json::Value::as_i64);
        let time = time.and_then(|time| i32::try_from(time).ok()).unwrap_or(0);
        if time <= 0 {
            return Ok(Self::new());
        }
        let moment = |name| -> Result<Tensor<1>> {
            let data = archive.array(name, &[num_weights])?.to_vec();
            Ok(backend::tensor(data, [num_weights], device))
        };
        let moments = [moment("optimiser.first")?, moment("optimiser.second")?];
        Ok(Self::resume(moments, time))
    }
}

/// The `time`th step in plain numbers, counted from 1: what `Adam::step` does, in place.
///
/// Returns the gradient's global norm before it was scaled down.
pub fn step(
    weights: &mut [Lanes],
    gradient: &mut [Lanes],
    [first, second]: [&mut [Lanes]; 2],
    time: i32,
    Rate {
        rate,
        decay,
        max_norm,
    }: Rate,
) -> f32 {
    if decay > 0.0 {
        let pairs = gradient
            .as_flattened_mut()
            .iter_mut()
            .zip(weights.as_flattened());
        pairs.for_each(|(gradient, weight)| *gradient += decay * weight);
    }
    // A sum for each lane, which the processor adds side by side.
    let mut squares = [0.0; LANES];
    for lanes in gradient.iter() {
        squares
            .iter_mut()
            .zip(lanes)
            .for_each(|(sum, x)| *sum += x * x);
    }
    let norm = squares.iter().sum::<f32>().sqrt();
    let scale = max_norm.map_or(1.0, |max| (max / (norm + 1e-6)).min(1.0));
    let root = (1.0 - BETA_2.powi(time)).sqrt();
    let rate = rate / (1.0 - BETA_1.powi(time));
    let moments = first
        .as_flattened_mut()
        .iter_mut()
        .zip(second.as_flattened_mut());
    let weights = weights.as_flattened_mut().iter_mut();
    for ((weight, gradient), (first, second)) in weights.zip(gradient.as_flattened()).zip(moments) {
        let gradient = gradient * scale;
        *first = *first * BETA_1 + gradient * (1.0 - BETA_1);
        *second = *second * BETA_2 + gradient * gradient * (1.0 - BETA_2);
        *weight -= *first * rate / (second.sqrt() / root + EPSILON);
    }
    norm
}

/// Joins gradients (and weights, for decay) in module order.
struct Joiner<'a> {
    gradients: &'a Gradients,
    found: Vec<Tensor<1>>,
    weights: Vec<Tensor<1>>,
    decay: f32,
}

impl ModuleVisitor for Joiner<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let weight = param.val();
        let count = weight.shape().num_elements();
        let gradient = weight.grad(self.gradients).map_or_else(
            || Tensor::zeros([count], &weight.device().inner()),
            |g| g.reshape([count]),
        );
        self.found.push(gradient);
        if self.decay > 0.0 {
            self.weights.push(weight.inner().reshape([count]));
        }
    }
}

/// Cosine between two gradients on the weights that both move; none where there are none.
pub async fn cosine(network: &Network, one: &Gradients, other: &Gradients) -> Result<Option<f64>> {
    let mut pairs = Pairs {
        one,
        other,
        products: Vec::new(),
    };
    network.visit(&mut pairs);
    if pairs.products.is_empty() {
        return Ok(None);
    }
    let numbers = backend::read(Tensor::cat(pairs.products, 0)).await?; // [weight tensor × 3]
    let sum = |part: usize| {
        let parts = numbers.iter().skip(part).step_by(3);
        parts.map(|&x| f64::from(x)).sum::<f64>()
    };
    let lengths = (sum(1) * sum(2)).sqrt();
    Ok((lengths > 0.0).then(|| sum(0) / lengths))
}

/// For each weight with two gradients their product and the square of each.
struct Pairs<'a> {
    one: &'a Gradients,
    other: &'a Gradients,
    products: Vec<Tensor<1>>,
}

impl ModuleVisitor for Pairs<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let weight = param.val();
        if let (Some(one), Some(other)) = (weight.grad(self.one), weight.grad(self.other)) {
            self.products.extend([
                (one.clone() * other.clone()).sum(),
                (one.clone() * one).sum(),
                (other.clone() * other).sum(),
            ]);
        }
    }
}

/// Subtracts each weight's part of the joined change.
struct Mover {
    change: Tensor<1>,
    offset: usize,
}

impl ModuleMapper for Mover {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, weight, mapper) = param.consume();
        let shape = weight.dims();
        let count = shape.iter().product();
        let change = self
            .change
            .clone()
            .narrow(0, self.offset, count)
            .reshape(shape);
        self.offset += count;
        let moved = Tensor::from_inner(weight.inner() - change).require_grad();
        Param::from_mapped_value(id, moved, mapper)
    }
}
