//! Training steps in plain numbers, for the length of an update: between updates a network and its optimiser
//! are tensors, here as everywhere.

use super::adam::{self, Adam, Rate};
use crate::{
    backend,
    error::{Error, Result},
    model::{
        Network,
        mlp::fused::Fused,
        panels::{LANES, Lanes},
    },
};
use burn::tensor::Device;

/// A network and its optimiser.
pub struct Learner {
    /// The network as it is now.
    pub network: Fused,
    /// Both moments of every weight, laid out as the weights are.
    moments: [Vec<Lanes>; 2],
    time: i32,
}

impl Learner {
    /// None where `Fused` leaves the network to the library. Errors: `Device`.
    pub async fn of(network: &Network, adam: &Adam, device: &Device) -> Result<Option<Self>> {
        let Some(mut network) = Fused::of(network, device) else {
            return Ok(None);
        };
        let moments = match adam.moments() {
            Some([first, second]) => {
                let panels = |numbers: Vec<f32>| {
                    let panels = network.to_panels(&numbers);
                    panels.ok_or_else(|| Error::checkpoint("moments of another network"))
                };
                [
                    panels(backend::read(first).await?)?,
                    panels(backend::read(second).await?)?,
                ]
            }
            None => {
                let zeros = vec![[0.0; LANES]; network.weights_mut().len()];
                [zeros.clone(), zeros]
            }
        };
        Ok(Some(Self {
            network,
            moments,
            time: adam.time(),
        }))
    }

    /// One step down `gradient`. Returns its norm before it was scaled down.
    pub fn step(&mut self, mut gradient: Vec<Lanes>, rate: Rate) -> f32 {
        self.time += 1;
        let [first, second] = &mut self.moments;
        let weights = self.network.weights_mut();
        adam::step(weights, &mut gradient, [first, second], self.time, rate)
    }

    /// `network`, with the weights as they are now, and its optimiser.
    pub fn finish(self, network: Network, device: &Device) -> (Network, Adam) {
        let moments = self.moments.map(|panels| {
            let numbers = self.network.to_module_order(&panels);
            let count = numbers.len();
            backend::tensor(numbers, [count], device) // [weight]
        });
        let adam = Adam::resume(moments, self.time);
        (self.network.write(network), adam)
    }
}

/// Cosine between two gradients; none where one is zero.
pub fn cosine(one: &[Lanes], other: &[Lanes]) -> Option<f64> {
    let product = |a: &[Lanes], b: &[Lanes]| {
        let pairs = a.as_flattened().iter().zip(b.as_flattened());
        pairs
            .map(|(&x, &y)| f64::from(x) * f64::from(y))
            .sum::<f64>()
    };
    let lengths = (product(one, one) * product(other, other)).sqrt();
    (lengths > 0.0).then(|| product(one, other) / lengths)
}

/// Puts log-probabilities in the logits' place; `mask` is 0 where legal and very negative elsewhere.
pub fn log_softmax(logits: &mut [f32], mask: &[f32]) {
    logits.iter_mut().zip(mask).for_each(|(x, mask)| *x += mask);
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = logits.iter().map(|x| (x - top).exp()).sum();
    let normaliser = top + sum.ln();
    logits.iter_mut().for_each(|x| *x -= normaliser);
}
