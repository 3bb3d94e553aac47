//! Problem 8.3 at its smallest: AlphaZero on tic-tac-toe, where every answer can be checked.

use super::{Claim, Preset};
use serde_json::json;

/// Parameters of `circuit`: edges are cut, not whole parts.
const EDGES: &[&str] = &["prune=edges"];

/// The registry's line.
pub static PRESET: Preset = Preset {
    id: "tictactoe_alphazero",
    title: "Tic-tac-toe · AlphaZero",
    summary: "Learns perfect play in seconds; every one of the 4,520 positions can be checked by minimax.",
    problem: "8.3",
    environment: "tictactoe",
    model: "mlp",
    agent: "alphazero",
    updates: 700,
    checkpoint_every: 10,
    parameters: || json!({"model": {"width": 128, "depth": 3}}),
    ops: &[
        "patch",
        "circuit",
        "activations",
        "ablate",
        "what_when_where",
        "concept_value",
        "dynamics",
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
        Claim::at_most(
            "suboptimal",
            5.0,
            "games start after random moves, so the network is right off its own lines too",
        ),
        // What carries a choice: 17 to 21 units and 0.95 to 1.00 on seeds 0 to 5.
        Claim::at_most(
            "parts_for_90",
            32.0,
            "a quarter of the last layer is enough for nine tenths of a preference between two moves",
        )
        .of("patch"),
        Claim::at_least(
            "faithfulness",
            0.9,
            "the parts that are kept bring the preference back by themselves",
        )
        .of("circuit"),
        Claim::at_most(
            "faithfulness_random",
            0.4,
            "as many parts picked at random do not",
        )
        .of("circuit"),
        // Edges: 537 to 748 of some 10,000 on seeds 0 to 2, 634 to 703 on seeds 3 to 5.
        Claim::at_most(
            "circuit_size",
            1000.0,
            "a tenth of the network's edges is enough for that preference",
        )
        .of("circuit")
        .with(EDGES),
        Claim::at_least(
            "faithfulness",
            0.95,
            "the edges that are kept bring it back, with all others cut at once",
        )
        .of("circuit")
        .with(EDGES),
        Claim::at_most(
            "faithfulness_random",
            0.05,
            "as many edges picked at random bring back nothing",
        )
        .of("circuit")
        .with(EDGES),
        // What is learned, in which order, and where.
        Claim::at_most(
            "learned_at_can_win_now",
            10.0,
            "a winning move ends the game, so its value needs no other to be known",
        )
        .of("what_when_where"),
        Claim::at_least(
            "learned_at_drawn",
            20.0,
            "that nobody wins is known once wins and losses are",
        )
        .of("what_when_where"),
        Claim::at_least(
            "learned_depth",
            0.7,
            "what training teaches is read best from the last layers, what the board says from the first",
        )
        .of("what_when_where"),
        Claim::at_least(
            "like_truth",
            0.95,
            "the value weighs concepts as the true value does",
        )
        .of("concept_value"),
        Claim::at_most(
            "value_settled",
            160.0,
            "the value is known early, and choices among equals go on changing",
        )
        .of("dynamics"),
        Claim::at_least(
            "policy_settled",
            200.0,
            "of equally good moves self-play prefers now one, now another",
        )
        .of("dynamics"),
    ],
};
