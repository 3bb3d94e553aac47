//! PPO's reference check: cart pole with CleanRL's settings.

use super::{Claim, Preset};
use serde_json::json;

/// The registry's line.
pub static PRESET: Preset = Preset {
    id: "cartpole_ppo",
    title: "Cart pole · PPO",
    summary: "Learns to keep a pole up; the same settings as the reference implementation, step for step.",
    problem: "8.15",
    environment: "cartpole",
    model: "mlp",
    agent: "ppo",
    // 500,000 steps of 4 environments, 128 at a time.
    updates: 976,
    checkpoint_every: 61,
    parameters: || {
        json!({"model": {
            "width": 64, "depth": 2, "activation": "tanh", "init": "orthogonal",
            "separate": true, "bounded_value": false,
        }})
    },
    ops: &["patch", "activations", "ablate"],
    // The pole leans to the right, or to the left.
    states: || {
        vec![
            json!({"x": 0.0, "x_dot": 0.0, "theta": 0.05, "theta_dot": 0.0}),
            json!({"x": 0.0, "x_dot": 0.0, "theta": -0.05, "theta_dot": 0.0}),
        ]
    },
    claims: &[Claim::at_least(
        "return_train",
        475.0,
        "the task counts as solved there, of at most 500",
    )],
};
