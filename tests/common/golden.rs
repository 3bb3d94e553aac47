//! Golden files: reading them, and comparing with them.

use super::device;
use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Gradients, Tensor},
};
use glassbox::{
    backend,
    env::Env,
    model::{
        self, Network,
        weights::{self, Archive, Array},
    },
    rng::Rng,
    session::block_on,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// PyTorch's numbers are float64 rounded to eight digits, ours are float32.
const TOLERANCE: f32 = 1e-5;

/// The golden file `id`.
pub fn file(id: &str) -> Value {
    let path = format!("{}/tests/golden/{id}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The network of the model `id` with the parameters in `arrays`.
pub fn network(
    id: &str,
    parameters: &Value,
    arrays: BTreeMap<String, Array>,
    env: &dyn Env,
) -> Network {
    let archive = Archive {
        arrays,
        ..Archive::default()
    };
    // Through a file, as a visitor would bring it.
    let archive = Archive::from_bytes(&archive.to_bytes().unwrap()).unwrap();
    let make = model::entry(id).unwrap().make;
    let network = make(parameters, env.space(), &mut Rng::new(0), &device()).unwrap();
    let names: Vec<_> = collect(&network).into_keys().collect();
    assert_eq!(names, archive.arrays.keys().cloned().collect::<Vec<_>>());
    weights::load(network, &archive, &device()).unwrap()
}

/// The gradients of `network` by name.
pub fn by_name(network: &Network, gradients: &Gradients) -> BTreeMap<String, Array> {
    collect(&network.clone().map(&mut GradientsAsWeights(gradients)))
}

/// The array under `value`: `{"shape", "data"}`.
pub fn array(value: &Value) -> Array {
    let numbers = |key: &str| value[key].as_array().unwrap().clone();
    Array {
        shape: numbers("shape")
            .iter()
            .map(|n| n.as_u64().unwrap() as usize)
            .collect(),
        data: numbers("data")
            .iter()
            .map(|n| n.as_f64().unwrap() as f32)
            .collect(),
    }
}

/// Arrays by name.
pub fn arrays(value: &Value) -> BTreeMap<String, Array> {
    value
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), array(value)))
        .collect()
}

/// Asserts that two lists of numbers agree within the tolerance.
pub fn close(what: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (index, (one, other)) in ours.iter().zip(theirs).enumerate() {
        assert!(
            (one - other).abs() <= TOLERANCE,
            "{what}[{index}]: {one}, in PyTorch {other}"
        );
    }
}

/// The same for arrays by name.
pub fn close_all(what: &str, ours: &BTreeMap<String, Array>, theirs: &BTreeMap<String, Array>) {
    assert!(
        ours.keys().eq(theirs.keys()),
        "{what}: {:?}, in PyTorch {:?}",
        ours.keys(),
        theirs.keys()
    );
    for (name, array) in ours {
        assert_eq!(array.shape, theirs[name].shape, "{what} of {name}");
        close(
            &format!("{what} of {name}"),
            &array.data,
            &theirs[name].data,
        );
    }
}

/// The numbers of a tensor.
pub fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    block_on(backend::read(tensor)).unwrap()
}

/// The weights of `network` by name.
pub fn collect(network: &Network) -> BTreeMap<String, Array> {
    block_on(weights::collect(network)).unwrap()
}

/// A network whose "weights" are the gradients of the one that it maps, so that they can be collected
/// by name and in PyTorch's layouts.
struct GradientsAsWeights<'a>(&'a Gradients);

impl ModuleMapper for GradientsAsWeights<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        Param::from_tensor(param.val().grad(self.0).unwrap())
    }
}
