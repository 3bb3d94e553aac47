//! Problem 8.6: Monster Gridworld, whose training ends before the monsters are gone.

use super::{Claim, Preset};
use serde_json::json;

/// The registry's line.
pub static PRESET: Preset = Preset {
    id: "monster_gridworld",
    title: "Monsters and shields · PPO",
    summary: "Trained on 25 steps among monsters, it collects shields; in longer episodes it goes on when the monsters are gone.",
    problem: "8.6",
    environment: "monster_gridworld",
    model: "mlp",
    agent: "ppo",
    updates: 300,
    checkpoint_every: 25,
    parameters: || {
        json!({
            "environment": {"side": 8, "num_monsters": 3, "num_shields": 3, "num_apples": 3},
            "model": {"width": 128, "depth": 2, "init": "orthogonal", "bounded_value": false},
            "agent": {
                "num_envs": 64, "num_steps": 50, "num_minibatches": 8, "num_epochs": 4,
                "learning_rate": 1e-3, "gamma": 0.99, "entropy_coefficient": 0.01,
            },
        })
    },
    ops: &[
        "misgeneralisation",
        "policy_field",
        "value_map",
        "occupancy",
    ],
    // A monster about, or none: a shield and an apple are as near.
    states: || {
        let level = |row: &str| json!({"level": ["########", row, "#......#", "#......#", "#.S.A.P#", "#......#", "#......#", "########"]});
        vec![level("#.M....#"), level("#......#")]
    },
    claims: &[
        Claim::at_least(
            "return_train",
            -6.0,
            "it learned to live among monsters; untrained it loses 14",
        ),
        Claim::at_most(
            "return_test",
            12.0,
            "with the monsters gone it goes on for shields; trained on 200 steps it collects 25 apples",
        ),
    ],
};
