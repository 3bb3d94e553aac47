//! Weights in and out: safetensors with PyTorch's names and layouts.
//!
//! A linear weight is `[out, in]` in a file and `[in, out]` in burn; everything else is alike.

use super::Network;
use crate::{
    backend,
    error::{Error, Result},
};
use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Device, Tensor, TensorData},
};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};

/// A tensor on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its numbers, row-major.
    pub data: Vec<f32>,
}

impl Array {
    /// A vector.
    pub fn vector(data: Vec<f32>) -> Self {
        Self {
            shape: vec![data.len()],
            data,
        }
    }
}

/// Named arrays, and facts about them as JSON.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Archive {
    /// Arrays by name: module paths for weights.
    pub arrays: BTreeMap<String, Array>,
    /// The header's metadata.
    pub metadata: Map<String, Value>,
}

/// Largest file that is read: far above any network of this size, far below what exhausts a tab.
const MAX_BYTES: usize = 256 << 20;

impl Archive {
    /// The archive as a safetensors file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let bytes: Vec<(&String, &Array, Vec<u8>)> = self
            .arrays
            .iter()
            .map(|(name, array)| {
                (
                    name,
                    array,
                    array.data.iter().flat_map(|x| x.to_le_bytes()).collect(),
                )
            })
            .collect();
        let views = bytes
            .iter()
            .map(|(name, array, data)| {
                let view = TensorView::new(Dtype::F32, array.shape.clone(), data)
                    .map_err(|why| Error::checkpoint(why.to_string()))?;
                Ok((name.as_str(), view))
            })
            .collect::<Result<Vec<_>>>()?;
        // Text stays itself; everything structured is JSON text, as safetensors wants strings.
        let metadata: HashMap<String, String> = self
            .metadata
            .iter()
            .map(|(key, value)| {
                (
                    key.clone(),
                    value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned),
                )
            })
            .collect();
        let file = safetensors::serialize(views, Some(metadata))
            .map_err(|why| Error::checkpoint(why.to_string()))?;
        Ok(with_sorted_header(&file).unwrap_or(file))
    }

    /// Reads a safetensors file. Errors: `Error::Checkpoint` for anything truncated, foreign or hostile.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_BYTES {
            return Err(Error::checkpoint(format!(
                "{} bytes; at most {MAX_BYTES} are read",
                bytes.len()
            )));
        }
        let refuse = |why: String| {
            Error::checkpoint(format!(
                "{why}; expected a safetensors file that Glassbox exported"
            ))
        };
        let (_, header) =
            SafeTensors::read_metadata(bytes).map_err(|why| refuse(why.to_string()))?;
        let file = SafeTensors::deserialize(bytes).map_err(|why| refuse(why.to_string()))?;
        let mut arrays = BTreeMap::new();
        for (name, view) in file.tensors() {
            if view.dtype() != Dtype::F32 {
                return Err(refuse(format!(
                    "tensor {name} is {:?}, not F32",
                    view.dtype()
                )));
            }
            let data: Vec<f32> = view
                .data()
                .chunks_exact(4)
                .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
                .collect();
            if data.iter().any(|x| !x.is_finite()) {
                return Err(refuse(format!(
                    "tensor {name} holds numbers that are not finite"
                )));
            }
            arrays.insert(
                name,
                Array {
                    shape: view.shape().to_vec(),
                    data,
                },
            );
        }
        let metadata = header.metadata().clone().unwrap_or_default();
        let metadata = metadata
            .into_iter()
            .map(|(key, text)| {
                let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
                (key, value)
            })
            .collect();
        Ok(Self { arrays, metadata })
    }

    /// About how many bytes it takes: its numbers, and its metadata as text.
    pub fn num_bytes(&self) -> usize {
        let numbers: usize = self.arrays.values().map(|array| 4 * array.data.len()).sum();
        let texts = self.metadata.values().map(|value| value.to_string().len());
        numbers + texts.sum::<usize>()
    }

    /// The array `name` with exactly `shape`, or `Error::Checkpoint`.
    pub fn array(&self, name: &str, shape: &[usize]) -> Result<&[f32]> {
        let array = self
            .arrays
            .get(name)
            .ok_or_else(|| Error::checkpoint(format!("tensor {name} is missing")))?;
        if array.shape == shape {
            Ok(&array.data)
        } else {
            Err(Error::checkpoint(format!(
                "tensor {name} has shape {:?}; this network needs {shape:?}",
                array.shape
            )))
        }
    }
}

/// A safetensors file with the keys of its header in order, so that equal archives are equal bytes.
fn with_sorted_header(file: &[u8]) -> Option<Vec<u8>> {
    let (length, rest) = file.split_first_chunk::<8>()?;
    let (header, data) = rest.split_at_checked(u64::from_le_bytes(*length) as usize)?;
    let header: BTreeMap<String, Value> = serde_json::from_slice(header).ok()?;
    let mut header = serde_json::to_vec(&header).ok()?;
    // Data is aligned to eight bytes, as the format recommends.
    header.resize(header.len().next_multiple_of(8), b' ');
    Some(
        [
            &(header.len() as u64).to_le_bytes(),
            header.as_slice(),
            data,
        ]
        .concat(),
    )
}

/// The weights of a network by module path, in PyTorch's layouts.
pub async fn collect(network: &Network) -> Result<BTreeMap<String, Array>> {
    let mut collector = Collector::default();
    network.visit(&mut collector);
    let mut arrays = BTreeMap::new();
    for (name, shape, tensor) in collector.found {
        let data = backend::read(tensor).await?;
        arrays.insert(name, Array { shape, data });
    }
    Ok(arrays)
}

/// The network with weights from an archive. Errors: a missing tensor or one of another shape.
pub fn load(network: Network, archive: &Archive, device: &Device) -> Result<Network> {
    let mut loader = Loader {
        path: Path::default(),
        archive,
        device,
        error: None,
    };
    let network = network.map(&mut loader);
    loader.error.map_or(Ok(network), Err)
}

/// The path of the parameter being visited; enum layers have no name in PyTorch.
#[derive(Default)]
struct Path(Vec<(String, String)>);

impl Path {
    fn enter(&mut self, name: &str, container: &str) {
        self.0.push((name.to_owned(), container.to_owned()));
    }

    fn exit(&mut self) {
        self.0.pop();
    }

    fn name(&self) -> String {
        let named = self
            .0
            .iter()
            .filter(|(_, container)| !container.starts_with("Enum:"));
        named
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>()
            .join(".")
    }
}

#[derive(Default)]
struct Collector {
    path: Path,
    found: Vec<(String, Vec<usize>, Tensor<1>)>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val().inner();
        let tensor = if D == 2 { tensor.transpose() } else { tensor };
        let shape = tensor.dims().to_vec();
        let flat = tensor.reshape([shape.iter().product::<usize>()]); // [element]
        self.found.push((self.path.name(), shape, flat));
    }
}

struct Loader<'a> {
    path: Path,
    archive: &'a Archive,
    device: &'a Device,
    error: Option<Error>,
}

impl ModuleMapper for Loader<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let mut shape = param.val().dims().to_vec();
        if D == 2 {
            shape.reverse();
        }
        match self.archive.array(&self.path.name(), &shape) {
            Ok(data) => {
                // Transposed on the host, so that the tensor is laid out as a fresh one would be.
                let data = match shape.as_slice() {
                    &[outputs, inputs] => {
                        shape.reverse();
                        (0..inputs * outputs)
                            .map(|i| data[i % outputs * inputs + i / outputs])
                            .collect()
                    }
                    _ => data.to_vec(),
                };
                Param::from_tensor(Tensor::from_data(TensorData::new(data, shape), self.device))
            }
            Err(error) => {
                self.error.get_or_insert(error);
                param
            }
        }
    }
}
