//! Plans read from an agent that searches, and from one that does not.

#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::ask;
use glassbox::{
    op::figure::{Body, Figure, Number},
    session::{Session, protocol::Event},
};
use serde_json::{Value, json};

/// What `planning` finds of a preset's network before its training.
fn plans(preset: &str, set: &Value) -> (Vec<Figure>, Vec<Number>) {
    let mut session = Session::new();
    let open = json!({"type": "open", "preset": preset, "set": set, "seed": 0});
    ask(&mut session, &open).unwrap();
    let command = json!({
        "type": "op", "op": "planning", "states": [], "checkpoint": null, "edits": [],
        "parameters": {"reference_states": 400, "num_seeds": 2, "plies": 2},
    });
    let events = ask(&mut session, &command).unwrap();
    let found = events.into_iter().find_map(|event| match event {
        Event::Figures {
            figures, numbers, ..
        } => Some((figures, numbers)),
        _ => None,
    });
    found.unwrap()
}

fn number(numbers: &[Number], id: &str) -> f64 {
    numbers.iter().find(|one| one.id == id).unwrap().value
}

fn columns(figures: &[Figure]) -> Vec<String> {
    let table = figures.iter().find_map(|figure| match &figure.body {
        Body::Table { columns, .. } => Some(columns.clone()),
        _ => None,
    });
    table.unwrap()
}

#[test]
fn half_of_the_states_are_nodes_of_the_search_where_there_is_one() {
    let set = json!({"model.width": 16, "agent.play_simulations": 8});
    let (figures, numbers) = plans("tictactoe_alphazero", &set);
    assert!(columns(&figures).contains(&"on the tree".to_owned()));
    assert_eq!(number(&numbers, "states"), 400.0);
    assert_eq!(number(&numbers, "states_on"), 200.0);
    for id in ["f1_now", "f1_now_on", "f1_now_off"] {
        let score = number(&numbers, id);
        // The policy's own answer can be read from the layer before it.
        assert!(score > 0.3 && score <= 1.0, "{id}: {score}");
    }
}

#[test]
fn an_agent_that_does_not_search_has_its_own_line() {
    let set = json!({"model.width": 16, "environment.side": 5, "environment.max_steps": 16});
    let (figures, numbers) = plans("corner_maze_misgeneralisation", &set);
    assert!(columns(&figures).contains(&"own line".to_owned()));
    let (on, all) = (number(&numbers, "states_on"), number(&numbers, "states"));
    assert!(0.0 < on && on < all, "{on} of {all}");
}
