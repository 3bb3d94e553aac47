//! Problem 8.15 on the simplest world that still has walls, lava and choices: PPO on a few gridworlds.

use super::{Claim, Preset};
use serde_json::json;

/// The registry's line.
pub static PRESET: Preset = Preset {
    id: "gridworld_ppo",
    title: "Gridworld · PPO",
    summary: "Learns its way in eight small levels with walls and lava; draw a ninth and hand it over.",
    problem: "8.15",
    environment: "gridworld",
    model: "mlp",
    agent: "ppo",
    updates: 100,
    checkpoint_every: 10,
    parameters: || {
        json!({
            "environment": {"side": 7, "num_levels": 8, "num_lava": 1, "lava_reward": -0.3, "max_steps": 40},
            "model": {"width": 64, "depth": 2, "init": "orthogonal", "bounded_value": false},
            "agent": {
                "num_envs": 64, "num_steps": 64, "num_minibatches": 8, "num_epochs": 4,
                "learning_rate": 1.5e-3, "entropy_coefficient": 0.05, "max_gradient_norm": 0.3,
            },
        })
    },
    ops: &[
        "policy_field",
        "value_map",
        "occupancy",
        "misgeneralisation",
    ],
    // A wall less, or a wall more, on the short way to the goal.
    states: || {
        let level = |third: &str| json!({"level": ["#######", "#A....#", "#.###.#", third, "#.L.L.#", "#g...G#", "#######"]});
        vec![level("#.#...#"), level("#.#.#.#")]
    },
    claims: &[Claim::at_least(
        "optimal_share",
        0.95,
        "eight levels are few enough to learn by heart",
    )],
};
