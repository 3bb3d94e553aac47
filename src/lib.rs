//! Glassbox: train small reinforcement-learning agents in a browser tab, and take them apart.
//!
//! Modules stand in dependency order: each may use only what stands above it (`ARCHITECTURE.md`).

#![warn(clippy::unwrap_used)]

pub mod error;
pub mod rng;
pub mod schema;

pub mod env;

pub mod rollout;

pub mod backend;
pub mod model;

pub mod agent;

pub mod op;

pub mod preset;

pub mod session;

#[cfg(target_arch = "wasm32")]
pub mod bridge;
