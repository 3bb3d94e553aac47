//! The core checks again, in a headless browser: what the tab computes is what the command line does.

#![cfg(target_arch = "wasm32")]

use glassbox::{
    backend::DeviceName,
    session::{
        Session,
        catalogue::catalogue,
        protocol::{Command, Event, ExportKind},
    },
};
use serde_json::{Map, Value, json};
use std::{cell::RefCell, collections::BTreeMap};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Carries out commands and keeps their events.
async fn run(
    session: &mut Session,
    command: Command,
) -> Result<Vec<Event>, glassbox::error::Error> {
    let events = RefCell::new(Vec::new());
    session
        .handle(command, &|event| events.borrow_mut().push(event))
        .await?;
    Ok(events.into_inner())
}

fn small() -> Map<String, Value> {
    let small = json!({"model.width": 32, "num_games": 8, "num_simulations": 8, "num_steps": 2, "batch_size": 32});
    small.as_object().cloned().unwrap_or_default()
}

fn open(set: Map<String, Value>) -> Command {
    Command::Open {
        preset: "tictactoe_alphazero".into(),
        set,
        seed: 7,
        device: DeviceName::Cpu,
    }
}

/// Opens a run, trains `updates`, and returns its metrics and all of its state as a file.
async fn trained(set: Map<String, Value>, updates: usize) -> (Vec<BTreeMap<String, f64>>, Vec<u8>) {
    let mut session = Session::new();
    run(&mut session, open(set)).await.unwrap();
    let events = run(&mut session, Command::Advance { updates })
        .await
        .unwrap();
    let metrics = events
        .into_iter()
        .filter_map(|event| match event {
            Event::Update { metrics, .. } => Some(metrics),
            _ => None,
        })
        .collect();
    let export = Command::Export {
        checkpoint: None,
        what: ExportKind::Everything,
    };
    let file = run(&mut session, export)
        .await
        .unwrap()
        .into_iter()
        .find_map(|event| match event {
            Event::File { bytes, .. } => Some(bytes),
            _ => None,
        });
    (metrics, file.unwrap())
}

/// Files agree in everything but the order of their header, which safetensors leaves open.
fn archive(bytes: &[u8]) -> glassbox::model::weights::Archive {
    glassbox::model::weights::Archive::from_bytes(bytes).unwrap()
}

#[wasm_bindgen_test]
fn the_catalogue_lists_every_slice() {
    let catalogue = catalogue();
    assert!(!catalogue.environments.is_empty() && !catalogue.agents.is_empty());
    assert!(
        !catalogue.models.is_empty() && !catalogue.ops.is_empty() && !catalogue.presets.is_empty()
    );
}

#[wasm_bindgen_test]
async fn two_runs_of_one_seed_agree_to_the_bit() {
    let first = trained(small(), 4).await;
    let second = trained(small(), 4).await;
    assert_eq!(first.0, second.0);
    assert_eq!(archive(&first.1), archive(&second.1));
}

#[wasm_bindgen_test]
async fn a_restored_run_goes_on_as_if_it_had_never_stopped() {
    let (_, half) = trained(small(), 2).await;
    let (_, whole) = trained(small(), 4).await;
    let mut session = Session::new();
    run(
        &mut session,
        Command::Import {
            bytes: half,
            device: DeviceName::Cpu,
        },
    )
    .await
    .unwrap();
    run(&mut session, Command::Advance { updates: 2 })
        .await
        .unwrap();
    let export = Command::Export {
        checkpoint: None,
        what: ExportKind::Everything,
    };
    let events = run(&mut session, export).await.unwrap();
    let [Event::File { bytes, .. }] = events.as_slice() else {
        panic!("no file")
    };
    assert_eq!(archive(bytes), archive(&whole));
}

/// The metrics of the first update of the default preset, as the command line prints them.
#[wasm_bindgen_test]
async fn the_first_update_agrees_with_the_command_line() {
    let native: Value = serde_json::from_str(include_str!("golden/first_update.json")).unwrap();
    let (metrics, _) = trained(Map::new(), 1).await;
    for (name, value) in native["metrics"].as_object().unwrap() {
        let (here, there) = (metrics[0][name], value.as_f64().unwrap());
        assert!(
            (here - there).abs() <= 1e-4 * there.abs().max(1.0),
            "{name}: {here} here, {there} natively"
        );
    }
}

#[wasm_bindgen_test]
async fn bad_input_is_an_error_and_the_run_goes_on() {
    let mut session = Session::new();
    assert_eq!(
        run(&mut session, Command::Advance { updates: 1 })
            .await
            .unwrap_err()
            .code(),
        "no_run"
    );
    run(&mut session, open(small())).await.unwrap();
    let two_winners = json!({"board": [1, 1, 1, 2, 2, 2, 0, 0, 0], "player": 0});
    let error = run(&mut session, Command::Inject { state: two_winners })
        .await
        .unwrap_err();
    assert_eq!(error.code(), "state");
    let import = Command::Import {
        bytes: vec![0xff; 64],
        device: DeviceName::Cpu,
    };
    assert_eq!(
        run(&mut session, import).await.unwrap_err().code(),
        "checkpoint"
    );
    assert_eq!(
        run(&mut session, Command::Advance { updates: 1 })
            .await
            .unwrap()
            .len(),
        1
    );
}

#[wasm_bindgen_test]
async fn a_preset_s_ops_run_on_its_own_states() {
    let mut session = Session::new();
    run(&mut session, open(small())).await.unwrap();
    let catalogue = catalogue();
    let preset = &catalogue.presets[0];
    let shown = catalogue
        .ops
        .iter()
        .filter(|op| preset.ops.contains(&op.id));
    for op in shown {
        let command = Command::Op {
            op: op.id.clone(),
            parameters: Value::Null,
            states: preset.states[..op.num_states].to_vec(),
            checkpoint: None,
            edits: Vec::new(),
        };
        let events = run(&mut session, command).await.unwrap();
        let figures = events
            .iter()
            .any(|event| matches!(event, Event::Figures { figures, .. } if !figures.is_empty()));
        assert!(figures, "{} drew nothing", op.id);
    }
}
