//! Problem 8.19: what is in an agent and in its clone, at a quarter of its width.

use super::{Claim, Preset, tictactoe_alphazero};

/// The registry's line.
pub static PRESET: Preset = Preset {
    id: "tictactoe_clone",
    title: "Tic-tac-toe · clone",
    summary: "AlphaZero teaches a student a quarter as wide: what both know, and what only one of them needs.",
    problem: "8.19",
    ops: &["clone", "compare", "search_tree"],
    claims: &[
        // Measured on seeds 0 to 2: 142 to 172 choices (untrained 1,687 to 2,101); on seeds 3 to 5, 104 to 207.
        Claim::at_most(
            "student_suboptimal",
            300.0,
            "a twelfth of the weights is enough to choose nearly as well in all 4,520 positions",
        )
        .of("clone"),
        Claim::at_most(
            "student_lines_lost_search",
            0.0,
            "search repairs what the smaller network misses",
        )
        .of("clone"),
        // Seeds 0 to 2: 2, 1 and 2 gone, of 2 to 3; seeds 3 to 5: 4, 5 and 2, of 2 to 6.
        Claim::at_least(
            "vestigial_gone",
            1.0,
            "the teacher has a few units that do nothing, and the student fewer",
        )
        .of("compare"),
        Claim::at_most(
            "vestigial_student",
            2.0,
            "a quarter of the width has little room for units that do nothing",
        )
        .of("compare"),
        // Seeds 0 to 2: 10 to 12; seeds 3 to 5: 11 to 20. It is the width that takes them, not the teaching.
        Claim::at_least(
            "vestigial_equal",
            5.0,
            "a student as wide as its teacher has more of them than the teacher",
        )
        .of("compare")
        .with(&["equal_width=true"]),
    ],
    ..tictactoe_alphazero::PRESET
};
