//! An evidence sheet: figures with everything that they were made from, so that anyone can make them again.
//!
//! A file is JSON. Each entry is one run of an op: what it was given, the figures that were kept of it, and
//! its headline numbers. Training in a browser and natively drift apart, so that a sheet carries the weights
//! that its ops looked at: safetensors as `export` writes them, in base64, each once however many entries
//! share it. [`Entry::replay`] runs the op on them again; [`compare`] says whether its numbers are the same.

use super::{
    config::RunConfig,
    run::{self, Run},
};
use crate::{
    backend::DeviceName,
    error::{Error, Result},
    model::{taps::Edit, weights::Archive},
    op::{
        self, Patient,
        figure::{Figure, Number},
    },
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a file says that it is.
const FORMAT: &str = "glassbox evidence sheet";

/// The version of the format that is written, and the only one that is read.
const VERSION: u32 = 1;

/// The largest relative difference at which two numbers agree: far above what rounding makes of the same
/// weights on another machine, far below what matters.
pub const TOLERANCE: f64 = 1e-3;

/// Numbers below this are taken for rounding.
const NOISE: f64 = 1e-6;

/// One run of an op, as it is put on a sheet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    target_arch = "wasm32",
    derive(tsify::Tsify),
    tsify(missing_as_null, hashmap_as_object)
)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The op's id.
    pub op: String,
    /// Its parameters, where they differ from their defaults.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "unknown"))]
    pub parameters: Value,
    /// The states that it looked at.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "unknown[]"))]
    pub states: Vec<Value>,
    /// Edits of activations that were in force.
    pub edits: Vec<Edit>,
    /// The update whose network it looked at.
    pub update: usize,
    /// The checkpoints that the run had, where the op looked at them.
    pub checkpoints: Vec<usize>,
    /// Where tensors lived.
    pub device: DeviceName,
    /// The figures that were kept.
    pub figures: Vec<Figure>,
    /// Headline numbers of all figures, kept or not.
    pub numbers: Vec<Number>,
    /// Files that `export` wrote of the updates that `figures` says were read.
    #[cfg_attr(target_arch = "wasm32", tsify(type = "Uint8Array[]"))]
    pub weights: Vec<ByteBuf>,
}

/// A sheet as its file has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheet {
    format: String,
    version: u32,
    /// Version of Glassbox, and the processor that it ran on: `0.1.0 wasm32`.
    made_by: String,
    /// What is on it.
    pub entries: Vec<Entry>,
    /// Weights by the name that entries call them: safetensors in base64.
    weights: BTreeMap<String, String>,
}

/// One run of an op.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The op's id.
    pub op: String,
    /// Its parameters, where they differ from their defaults.
    pub parameters: Value,
    /// The states that it looked at.
    pub states: Vec<Value>,
    /// Edits of activations that were in force.
    pub edits: Vec<Edit>,
    /// The run: preset, parameters, seed.
    pub run: RunConfig,
    /// The update whose network it looked at.
    pub update: usize,
    /// The checkpoints that the run had, where the op looked at them.
    pub checkpoints: Vec<usize>,
    /// Where tensors lived.
    pub device: DeviceName,
    /// Names of the weights that it looked at, by update.
    pub weights: BTreeMap<usize, String>,
    /// The figures that were kept.
    pub figures: Vec<Figure>,
    /// Headline numbers of all figures, kept or not.
    pub numbers: Vec<Number>,
}

impl Sheet {
    /// A sheet of what was found. Errors: `Sheet` where something of it is missing or does not fit.
    pub fn of(evidence: Vec<Evidence>) -> Result<Self> {
        let mut sheet = Self {
            format: FORMAT.into(),
            version: VERSION,
            made_by: format!("{} {}", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH),
            entries: Vec::with_capacity(evidence.len()),
            weights: BTreeMap::new(),
        };
        for one in evidence {
            let mut named = BTreeMap::new();
            let mut run = None;
            for bytes in &one.weights {
                let (config, update) = run::origin(&Archive::from_bytes(bytes)?)?;
                named.insert(update, sheet.share(bytes));
                run = Some(config);
            }
            sheet.entries.push(Entry {
                run: run
                    .ok_or_else(|| Error::sheet(format!("{} comes without weights", one.op)))?,
                op: one.op,
                parameters: one.parameters,
                states: one.states,
                edits: one.edits,
                update: one.update,
                checkpoints: one.checkpoints,
                device: one.device,
                weights: named,
                figures: one.figures,
                numbers: one.numbers,
            });
        }
        sheet.archives()?;
        Ok(sheet)
    }

    /// The name of weights on this sheet, where equal ones have one name.
    fn share(&mut self, bytes: &[u8]) -> String {
        let text = BASE64.encode(bytes);
        let known = self.weights.iter().find(|(_, other)| **other == text);
        if let Some((name, _)) = known {
            return name.clone();
        }
        let name = format!("weights_{}", self.weights.len() + 1);
        self.weights.insert(name.clone(), text);
        name
    }

    /// The file.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec_pretty(self).map_err(|why| Error::sheet(why.to_string()))
    }

    /// Reads a file, and checks everything but the numbers. Errors: `Sheet` with what is wrong with it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|why| Error::sheet(format!("it is not JSON: {why}")))?;
        if value.get("format").and_then(Value::as_str) != Some(FORMAT) {
            return Err(Error::sheet(format!(
                "its format is not \"{FORMAT}\"; give a file that was exported as an evidence sheet"
            )));
        }
        if value.get("version").and_then(Value::as_u64) != Some(u64::from(VERSION)) {
            return Err(Error::sheet(format!(
                "its version is {}; this one reads version {VERSION}",
                value.get("version").unwrap_or(&Value::Null)
            )));
        }
        let sheet: Self =
            serde_json::from_value(value).map_err(|why| Error::sheet(why.to_string()))?;
        sheet.archives()?;
        Ok(sheet)
    }

    /// The weights by name, each checked against every entry that looks at them.
    pub fn archives(&self) -> Result<BTreeMap<String, Archive>> {
        if self.entries.is_empty() {
            return Err(Error::sheet("it has no entries"));
        }
        let mut archives = BTreeMap::new();
        for (name, text) in &self.weights {
            let bytes = BASE64.decode(text);
            let bytes =
                bytes.map_err(|why| Error::sheet(format!("{name} is not base64: {why}")))?;
            let archive = Archive::from_bytes(&bytes);
            let archive = archive.map_err(|why| Error::sheet(format!("{name}: {why}")))?;
            archives.insert(name.clone(), archive);
        }
        for (place, entry) in self.entries.iter().enumerate() {
            let check = entry.check(&archives);
            check
                .map_err(|why| Error::sheet(format!("entry {}, {}: {why}", place + 1, entry.op)))?;
        }
        Ok(archives)
    }

    /// Bytes that its weights take in the file.
    pub fn num_bytes_of_weights(&self) -> usize {
        self.weights.values().map(String::len).sum()
    }
}

impl Entry {
    /// Whether the op is known, and its weights are there and of this run.
    fn check(&self, archives: &BTreeMap<String, Archive>) -> Result<()> {
        op::entry(&self.op)?;
        for wanted in [0, self.update].iter().chain(&self.checkpoints) {
            if !self.weights.contains_key(wanted) {
                return Err(Error::sheet(format!(
                    "the weights of update {wanted} are missing"
                )));
            }
        }
        for (update, name) in &self.weights {
            let archive = archives
                .get(name)
                .ok_or_else(|| Error::sheet(format!("there are no weights named {name}")))?;
            let (config, of) = run::origin(archive)?;
            if of != *update || config != self.run {
                return Err(Error::sheet(format!(
                    "{name} are the weights of update {of} of another run, or not those of update {update}"
                )));
            }
        }
        if self.numbers.is_empty() {
            return Err(Error::sheet("it has no numbers to compare"));
        }
        Ok(())
    }

    /// Runs the op again, on the processor: its numbers. Errors: whatever the op says.
    pub async fn replay(&self, archives: &BTreeMap<String, Archive>) -> Result<Vec<Number>> {
        let own = self.weights.iter();
        let own = own.filter_map(|(update, name)| Some((*update, archives.get(name)?)));
        let run = Run::of_weights(
            self.run.clone(),
            &own.collect(),
            &self.checkpoints,
            self.update,
            DeviceName::Cpu,
        )
        .await?;
        let states = self.states.iter().map(|state| {
            let mut env = run.env();
            env.set_state(state).map(|()| env)
        });
        let states = states.collect::<Result<Vec<_>>>()?;
        let checkpoint = Some(self.update);
        let answer = run.answer(
            &self.op,
            &self.parameters,
            states,
            checkpoint,
            &self.edits,
            &Patient,
        );
        Ok(answer.await?.numbers)
    }
}

/// A number as it was, and as it is now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// Its id.
    pub id: String,
    /// What the sheet says; none where it does not have it.
    pub recorded: Option<f64>,
    /// What the op says now; none where it does not say it any more.
    pub recomputed: Option<f64>,
    /// Whether both are the same within the tolerance.
    pub agrees: bool,
}

/// Numbers side by side, in their order; `tolerance` is relative to the larger one.
pub fn compare(recorded: &[Number], recomputed: &[Number], tolerance: f64) -> Vec<Compared> {
    let mut left: Vec<&Number> = recomputed.iter().collect();
    let mut compared = Vec::with_capacity(recorded.len());
    for number in recorded {
        // Several figures may each have a number of one name: they come in the same order.
        let place = left.iter().position(|other| other.id == number.id);
        let other = place.map(|place| left.remove(place).value);
        compared.push(Compared {
            id: number.id.clone(),
            recorded: Some(number.value),
            recomputed: other,
            agrees: other.is_some_and(|other| agree(number.value, other, tolerance)),
        });
    }
    compared.extend(left.into_iter().map(|number| Compared {
        id: number.id.clone(),
        recorded: None,
        recomputed: Some(number.value),
        agrees: false,
    }));
    compared
}

fn agree(one: f64, other: f64, tolerance: f64) -> bool {
    (one - other).abs() <= tolerance * one.abs().max(other.abs()) + NOISE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(values: &[(&str, f64)]) -> Vec<Number> {
        let number = |&(id, value): &(&str, f64)| Number::new(id, id, value);
        values.iter().map(number).collect()
    }

    fn agreeing(one: &[(&str, f64)], other: &[(&str, f64)]) -> Vec<bool> {
        let all = compare(&numbers(one), &numbers(other), TOLERANCE);
        all.into_iter().map(|one| one.agrees).collect()
    }

    #[test]
    fn numbers_agree_within_a_thousandth() {
        assert_eq!(agreeing(&[("a", 2.0)], &[("a", 2.001)]), [true]);
        assert_eq!(agreeing(&[("a", 2.0)], &[("a", 2.003)]), [false]);
        assert_eq!(agreeing(&[("a", 0.0)], &[("a", 1e-7)]), [true]);
        assert_eq!(agreeing(&[("a", 0.001)], &[("a", 0.0011)]), [false]);
        assert_eq!(agreeing(&[("a", 1.0)], &[("a", f64::NAN)]), [false]);
    }

    #[test]
    fn what_is_missing_on_either_side_does_not_agree() {
        assert_eq!(
            agreeing(&[("a", 1.0), ("b", 2.0)], &[("b", 2.0)]),
            [false, true]
        );
        assert_eq!(
            agreeing(&[("a", 1.0)], &[("a", 1.0), ("b", 2.0)]),
            [true, false]
        );
        let twice = [("a", 1.0), ("a", 2.0)];
        assert_eq!(agreeing(&twice, &twice), [true, true]);
    }
}
