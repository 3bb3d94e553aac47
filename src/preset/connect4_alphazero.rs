//! Problem 8.3 on a game too large to enumerate: AlphaZero on Connect 4.

use super::{Claim, Preset};
use serde_json::json;

/// The registry's line.
pub static PRESET: Preset = Preset {
    id: "connect4_alphazero",
    title: "Connect 4 · AlphaZero",
    summary: "A residual network learns threats from self-play; search leans on it, then outgrows it.",
    problem: "8.3",
    environment: "connect4",
    model: "convnet",
    agent: "alphazero",
    updates: 1200,
    checkpoint_every: 40,
    parameters: || {
        json!({
            "environment": {"solver_depth": 6},
            "model": {"channels": 32, "blocks": 2},
            "agent": {"num_games": 64, "play_simulations": 100, "replay_size": 50_000, "opening_plies": 8},
        })
    },
    ops: &["patch", "activations", "ablate"],
    // X to move, with three in a row whose open end is there or taken.
    states: || {
        let board = |end: u8| {
            let mut board = vec![0_u8; 42];
            board[35..41].copy_from_slice(&[1, 1, 1, end, 0, 2]);
            board[34] = 2;
            board[41] = if end == 0 { 2 } else { 1 };
            json!({"board": board, "player": 0})
        };
        vec![board(0), board(2)]
    },
    claims: &[Claim {
        metric: "wins_search",
        at_most: None,
        at_least: Some(80.0),
        reason: "with 100 simulations it looks further than three plies where it matters",
    }],
};
