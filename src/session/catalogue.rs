//! Everything that is registered, as data: what the page builds itself from.

use super::protocol::{Catalogue, Entry, OpEntry, PresetEntry};
use crate::{agent::AGENTS, backend, env::ENVS, model::MODELS, op::OPS, preset::PRESETS};
use serde_json::{Map, Value};

/// The catalogue.
pub fn catalogue() -> Catalogue {
    let entry = |id: &str, title: &str, summary: &str, schema: fn() -> Value| Entry {
        id: id.into(),
        title: title.into(),
        summary: summary.into(),
        schema: schema(),
    };
    Catalogue {
        environments: ENVS
            .iter()
            .map(|e| entry(e.id, e.title, e.summary, e.schema))
            .collect(),
        agents: AGENTS
            .iter()
            .map(|e| entry(e.id, e.title, e.summary, e.schema))
            .collect(),
        models: MODELS
            .iter()
            .map(|e| entry(e.id, e.title, e.summary, e.schema))
            .collect(),
        ops: OPS
            .iter()
            .map(|op| OpEntry {
                id: op.id.into(),
                title: op.title.into(),
                summary: op.summary.into(),
                schema: (op.schema)(),
                num_states: op.num_states,
            })
            .collect(),
        presets: PRESETS
            .iter()
            .map(|preset| PresetEntry {
                id: preset.id.into(),
                title: preset.title.into(),
                summary: preset.summary.into(),
                problem: preset.problem.into(),
                environment: preset.environment.into(),
                model: preset.model.into(),
                agent: preset.agent.into(),
                updates: preset.updates,
                parameters: dotted(&(preset.parameters)()),
                ops: preset.ops.iter().map(|&id| id.to_owned()).collect(),
                states: (preset.states)(),
                claims: preset.claims.to_vec(),
            })
            .collect(),
        devices: backend::devices(),
    }
}

/// `{"agent": {"noise": 1}}` as `{"agent.noise": 1}`.
fn dotted(parameters: &Value) -> Map<String, Value> {
    let mut flat = Map::new();
    for (scope, values) in parameters.as_object().into_iter().flatten() {
        for (name, value) in values.as_object().into_iter().flatten() {
            flat.insert(format!("{scope}.{name}"), value.clone());
        }
    }
    flat
}
