//! Problem 8.3 with attention: AlphaZero on tic-tac-toe, its network a transformer over the nine cells.

use super::{Claim, Preset, tictactoe_alphazero};
use serde_json::json;

/// Parameters of `ablate`: the heads of the first block.
const HEADS: &[&str] = &["site=blocks.0.attn.z"];

/// The registry's line.
pub static PRESET: Preset = Preset {
    id: "tictactoe_transformer",
    title: "Tic-tac-toe · transformer",
    summary: "Learns never to lose, with attention between the nine cells; its answers come apart exactly into heads and layers.",
    model: "transformer",
    updates: 200,
    parameters: || json!({"model": {"blocks": 2}}),
    ops: &[
        "direct_attribution",
        "patch",
        "ablate",
        "lens",
        "activations",
    ],
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
        // Where answers come from: 0.47 to 0.67 on seeds 0 to 8, and 0.15 to 0.51 before training.
        Claim::at_most(
            "writers_error",
            0.001,
            "without layer normalisation the answers are plain sums of what heads and layers write",
        )
        .of("direct_attribution"),
        Claim::at_least(
            "heads_share",
            0.4,
            "about half of what is written into a choice comes straight from heads",
        )
        .of("direct_attribution"),
        // What heads do: choices changed are 61 to 105 of 512 and before training 7 to 18, on seeds 0 to 8.
        // Which block's heads carry a difference between two boards is another thing on other seeds.
        Claim::at_most(
            "vestigial_units",
            0.0,
            "training gives each of four heads work",
        )
        .of("ablate")
        .with(HEADS),
        Claim::at_least(
            "vestigial_units_untrained",
            4.0,
            "before it no head matters",
        )
        .of("ablate")
        .with(HEADS),
        Claim::at_least(
            "moves_changed",
            40.0,
            "without its foremost head the network chooses otherwise on many of 512 boards",
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
    ..tictactoe_alphazero::PRESET
};
