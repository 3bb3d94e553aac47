//! Problem 8.3 with attention: AlphaZero on tic-tac-toe, its network a transformer over the nine cells.

use super::{Claim, Preset};
use serde_json::json;

/// Parameters of ops that look at the heads of the last block, each as a whole.
const HEADS: &[&str] = &["site=blocks.1.attn.z"];
const BY_HEAD: &[&str] = &["site=blocks.1.attn.z", "part=head"];

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
    parameters: || json!({"model": {"blocks": 2}}),
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
        // Where answers come from.
        Claim::at_most(
            "writers_error",
            0.001,
            "without layer normalisation the answers are plain sums of what heads and layers write",
        )
        .of("direct_attribution"),
        Claim::at_least(
            "heads_share",
            0.3,
            "heads write much of the answer themselves, and not through the perceptrons alone",
        )
        .of("direct_attribution"),
        // What the heads of the last block carry.
        Claim::at_least(
            "whole_site",
            0.5,
            "what cells tell each other in the last block is most of what sets two boards apart",
        )
        .of("patch")
        .with(BY_HEAD),
        Claim::at_most("vestigial_units", 0.0, "training gives each head work")
            .of("ablate")
            .with(HEADS),
        Claim::at_least("vestigial_units_untrained", 4.0, "before it none matters")
            .of("ablate")
            .with(HEADS),
        Claim::at_least(
            "moves_changed",
            50.0,
            "without its foremost head the network chooses otherwise on a tenth of the boards",
        )
        .of("ablate")
        .with(HEADS),
        Claim::at_most(
            "moves_changed_untrained",
            30.0,
            "an untrained network hardly does",
        )
        .of("ablate")
        .with(HEADS),
    ],
};
