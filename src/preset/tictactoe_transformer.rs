//! Problem 8.3 with attention: AlphaZero on tic-tac-toe, its network a transformer over the nine cells.

use super::{Claim, Preset};
use serde_json::json;

/// The registry's line.
pub static PRESET: Preset = Preset {
    id: "tictactoe_transformer",
    title: "Tic-tac-toe · transformer",
    summary: "Learns perfect play with attention between the nine cells; answers come apart exactly into heads and layers.",
    problem: "8.3",
    environment: "tictactoe",
    model: "transformer",
    agent: "alphazero",
    updates: 200,
    checkpoint_every: 10,
    parameters: || json!({}),
    ops: &[
        "direct_attribution",
        "patch",
        "ablate",
        "lens",
        "activations",
    ],
    // One stone moved: X wins on the diagonal, or in the middle column.
    states: || {
        vec![
            json!({"board": [1, 0, 2, 2, 1, 0, 0, 0, 0], "player": 0}),
            json!({"board": [0, 1, 2, 2, 1, 0, 0, 0, 0], "player": 0}),
        ]
    },
    claims: &[
        Claim::at_most(
            "lines_lost_bare",
            0.0,
            "tic-tac-toe is a draw, so a network that plays it right never loses a line",
        ),
        Claim::at_most(
            "lines_lost_search",
            0.0,
            "search repairs what the network misses",
        ),
        // The answers are read off a sum.
        Claim::at_most(
            "writers_error",
            0.001,
            "without layer normalisation the answers are plain sums of what heads and layers write",
        )
        .of("direct_attribution"),
        // Every head of the second block is needed, and before training none is.
        Claim::at_most(
            "vestigial_units",
            0.0,
            "there are four heads, and each has work",
        )
        .of("ablate")
        .with(&["site=blocks.1.attn.z"]),
        Claim::at_least(
            "moves_changed",
            40.0,
            "without its foremost head the network chooses otherwise on many of 512 boards",
        )
        .of("ablate")
        .with(&["site=blocks.1.attn.z"]),
        Claim::at_most(
            "moves_changed_untrained",
            30.0,
            "before training a head hardly matters",
        )
        .of("ablate")
        .with(&["site=blocks.1.attn.z"]),
    ],
};
