//! What makes a run: a preset, what differs from it, and a seed. The same configuration gives the same
//! numbers.

use crate::{
    agent, env,
    error::{Error, Result},
    model,
    preset::{self, Preset},
    rng::Rng,
    schema,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A run's whole configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// The preset's id.
    pub preset: String,
    /// Environment parameters.
    pub environment: Value,
    /// Model parameters.
    pub model: Value,
    /// Agent parameters.
    pub agent: Value,
    /// Budget of updates.
    pub updates: usize,
    /// Updates between checkpoints.
    pub checkpoint_every: usize,
    /// The seed.
    pub seed: u64,
}

/// The most updates that a run may have.
const MAX_UPDATES: u64 = 1_000_000;

impl RunConfig {
    /// A preset with some parameters set by dotted or, where that is unambiguous, by plain name.
    ///
    /// Errors: an unknown preset or name, a value off its range.
    pub fn of_preset(id: &str, set: &Map<String, Value>, seed: u64) -> Result<Self> {
        let preset = preset::entry(id)?;
        let base = (preset.parameters)();
        let part = |name: &str| base.get(name).cloned().unwrap_or_else(|| json!({}));
        let mut config = Self {
            preset: id.into(),
            environment: part("environment"),
            model: part("model"),
            agent: part("agent"),
            updates: preset.updates,
            checkpoint_every: preset.checkpoint_every,
            seed,
        };
        for (name, value) in set {
            config.set(preset, name, value)?;
        }
        config.validate(preset)?;
        Ok(config)
    }

    /// The preset that it came from.
    pub fn preset(&self) -> Result<&'static Preset> {
        preset::entry(&self.preset)
    }

    /// The generator that all others are split from.
    pub fn rng(&self) -> Rng {
        Rng::new(self.seed)
    }

    /// All parameters in force by dotted name, defaults included.
    pub fn flat(&self) -> Result<Map<String, Value>> {
        let preset = self.preset()?;
        let mut flat = Map::new();
        for (scope, schema, given) in self.scopes(preset)? {
            for (name, property) in properties(&schema) {
                let value = given
                    .get(&name)
                    .or_else(|| property.get("default"))
                    .cloned()
                    .unwrap_or(Value::Null);
                flat.insert(format!("{scope}.{name}"), value);
            }
        }
        flat.insert("updates".into(), self.updates.into());
        flat.insert("checkpoint_every".into(), self.checkpoint_every.into());
        Ok(flat)
    }

    /// Checks every part against its schema.
    pub fn validate(&self, preset: &Preset) -> Result<()> {
        in_range("updates", &self.updates.into())?;
        in_range("checkpoint_every", &self.checkpoint_every.into())?;
        // Building the parts is the check: each reads its own parameters.
        let environment = (env::entry(preset.environment)?.make)(&self.environment)?;
        let device = burn::tensor::Device::flex();
        let mut rng = self.rng();
        let network = (model::entry(preset.model)?.make)(
            &self.model,
            environment.space(),
            &mut rng,
            &device,
        )?;
        let setup = agent::Setup {
            env: environment,
            network,
            device,
            rng,
            updates: self.updates,
        };
        (agent::entry(preset.agent)?.make)(&self.agent, setup).map(drop)
    }

    fn scopes(&self, preset: &Preset) -> Result<[(&'static str, Value, &Value); 3]> {
        Ok([
            (
                "environment",
                (env::entry(preset.environment)?.schema)(),
                &self.environment,
            ),
            ("model", (model::entry(preset.model)?.schema)(), &self.model),
            ("agent", (agent::entry(preset.agent)?.schema)(), &self.agent),
        ])
    }

    fn set(&mut self, preset: &Preset, name: &str, value: &Value) -> Result<()> {
        match name {
            "updates" => self.updates = in_range(name, value)?,
            "checkpoint_every" => self.checkpoint_every = in_range(name, value)?,
            _ => {
                let (scope, key) = self.resolve(preset, name, value)?;
                let part = match scope {
                    "environment" => &mut self.environment,
                    "model" => &mut self.model,
                    _ => &mut self.agent,
                };
                if let Some(part) = part.as_object_mut() {
                    part.insert(key, value.clone());
                }
            }
        }
        Ok(())
    }

    /// The scope and key of a dotted or plain name.
    fn resolve(
        &self,
        preset: &Preset,
        name: &str,
        value: &Value,
    ) -> Result<(&'static str, String)> {
        let mut known = vec!["updates".to_owned(), "checkpoint_every".to_owned()];
        let mut found = Vec::new();
        for (scope, schema, _) in self.scopes(preset)? {
            for (key, _) in properties(&schema) {
                if name == key
                    || name
                        .strip_prefix(scope)
                        .and_then(|rest| rest.strip_prefix('.'))
                        == Some(&key)
                {
                    found.push((scope, key.clone()));
                }
                known.push(format!("{scope}.{key}"));
            }
        }
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(Error::Parameter {
                name: name.into(),
                got: value.to_string(),
                allowed: format!("one of {}", known.join(", ")),
            }),
            _ => Err(Error::Parameter {
                name: name.into(),
                got: value.to_string(),
                allowed: found
                    .iter()
                    .map(|(scope, key)| format!("{scope}.{key}"))
                    .collect::<Vec<_>>()
                    .join(" or "),
            }),
        }
    }
}

/// A number of updates. Errors: `Error::Parameter` off its range.
fn in_range(name: &str, value: &Value) -> Result<usize> {
    match value.as_u64() {
        Some(count) if (1..=MAX_UPDATES).contains(&count) => Ok(count as usize),
        _ => Err(Error::Parameter {
            name: name.into(),
            got: value.to_string(),
            allowed: format!("integer from 1 to {MAX_UPDATES}"),
        }),
    }
}

/// The properties of a schema.
fn properties(schema: &Value) -> Vec<(String, Value)> {
    match schema.get("properties") {
        Some(Value::Object(map)) => map
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        _ => Vec::new(),
    }
}

/// An environment by itself, with parameters as `replay` and `rollout` set them.
pub fn environment(id: &str, set: &[String]) -> Result<Box<dyn env::Env>> {
    (env::entry(id)?.make)(&Value::Object(schema::set_pairs(set)?))
}
