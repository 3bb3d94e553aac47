//! Problem 8.3 on a game too large to enumerate: AlphaZero on Connect 4.

use super::{Claim, Preset};
use serde_json::json;

/// The registry's line.
pub static PRESET: Preset = Preset {
    id: "connect4_alphazero",
    title: "Connect 4 · AlphaZero",
    summary: "Learns threats from self-play; its search is measured against a player that looks three plies ahead.",
    problem: "8.3",
    environment: "connect4",
    model: "convnet",
    agent: "alphazero",
    updates: 9500,
    checkpoint_every: 250,
    parameters: || {
        json!({
            "environment": {"solver_depth": 6},
            "model": {"channels": 16, "blocks": 2},
            "agent": {"num_games": 64, "num_steps": 2, "play_simulations": 100, "replay_size": 50_000, "opening_plies": 24},
        })
    },
    ops: &["patch", "activations", "ablate"],
    // Discs to move, with three in a row: the other side's third ring stands elsewhere, or blocks them.
    states: || {
        let board = |third: usize| {
            let mut board = vec![0_u8; 42];
            board[35..38].fill(1);
            [40, 41, third].into_iter().for_each(|ring| board[ring] = 2);
            json!({"board": board, "player": 0})
        };
        vec![board(34), board(38)]
    },
    claims: &[
        Claim::at_least(
            "wins_search",
            80.0,
            "a hundred simulations on the trained network see further than three plies",
        ),
        Claim::at_most(
            "blunders",
            40.0,
            "it sees most of the threats that alpha-beta can prove within six plies",
        ),
    ],
};
