//! Going back to a checkpoint: to the bit, for every agent, and never half way.

#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::{DIVERGING, TINY, ask, export, handle, shrunk, tiny_session};
use glassbox::{
    agent,
    error::Error,
    model::{
        self,
        weights::{Archive, Array},
    },
    preset::{PRESETS, Preset},
    schema,
    session::{
        Session,
        protocol::{Command, Event, ExportKind, Kept},
    },
};
use serde_json::{Map, Value, json};
use std::{cell::RefCell, collections::BTreeSet};

/// One preset of every agent.
fn presets() -> Vec<&'static Preset> {
    let mut seen = BTreeSet::new();
    let all = PRESETS.iter().copied();
    let one_each: Vec<_> = all.filter(|preset| seen.insert(preset.agent)).collect();
    assert!(one_each.len() > 1);
    one_each
}

/// A session with a preset made small, and a checkpoint every other update.
fn open(preset: &Preset) -> Session {
    let mut set = Map::from_iter([
        ("updates".to_owned(), json!(9)),
        ("checkpoint_every".to_owned(), json!(2)),
    ]);
    let parts = [
        ("agent", (agent::entry(preset.agent).unwrap().schema)()),
        ("model", (model::entry(preset.model).unwrap().schema)()),
    ];
    for (scope, schema) in parts {
        let small = shrunk(&schema, 8);
        for (name, value) in small.as_object().unwrap() {
            set.insert(format!("{scope}.{name}"), value.clone());
        }
    }
    let mut session = Session::new();
    let open = json!({"type": "open", "preset": preset.id, "set": set, "seed": 3});
    ask(&mut session, &open).unwrap();
    session
}

fn advance(session: &mut Session, updates: usize) -> String {
    let told = ask(session, &json!({"type": "advance", "updates": updates})).unwrap();
    serde_json::to_string(&told).unwrap()
}

fn everything(session: &mut Session) -> Vec<u8> {
    export(session, ExportKind::Everything)
}

fn rewind(session: &mut Session, checkpoint: usize) -> Kept {
    match &ask(
        session,
        &json!({"type": "rewind", "checkpoint": checkpoint}),
    )
    .unwrap()[..]
    {
        [Event::Rewound { update, kept }] if *update == checkpoint => kept.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_run_that_went_back_is_one_that_never_went_further_to_the_bit() {
    for preset in presets() {
        let mut session = open(preset);
        let id = preset.id;
        let start = everything(&mut session);
        advance(&mut session, 2);
        let then = everything(&mut session);
        let next = advance(&mut session, 5);
        let end = everything(&mut session);
        assert_eq!(rewind(&mut session, 2).rewindable, [0, 2], "{id}");
        assert!(everything(&mut session) == then, "{id}: not as it was");
        assert_eq!(session.run().unwrap().info().unwrap().checkpoints, [0, 2]);
        assert_eq!(advance(&mut session, 5), next, "{id}: another way");
        assert!(everything(&mut session) == end, "{id}: another end");
        rewind(&mut session, 0);
        assert!(everything(&mut session) == start, "{id}: not the start");
        advance(&mut session, 7);
        assert!(everything(&mut session) == end, "{id}: another end from 0");
    }
}

#[test]
fn every_checkpoint_tells_which_ones_can_be_gone_back_to_and_which_is_best() {
    let mut session = tiny_session(2);
    let told = ask(&mut session, &json!({"type": "advance", "updates": 4})).unwrap();
    let mut told: Vec<_> = told.iter().filter_map(checkpoint).collect();
    assert_eq!(told.len(), 2);
    assert_eq!(told[0].2.rewindable, [0, 2]);
    let (_, _, kept) = told.pop().unwrap();
    assert_eq!(kept.rewindable, [0, 2, 4]);
    let run = session.run().unwrap();
    assert_eq!(run.info().unwrap().kept, kept);
    let events = RefCell::new(Vec::new());
    run.report_checkpoints(&|event| events.borrow_mut().push(event));
    let events = events.into_inner();
    let all: Vec<_> = events.iter().filter_map(checkpoint).collect();
    assert_eq!(all.len(), 3);
    // Lines lost: fewer are better; of equals, the newer.
    let least = all
        .iter()
        .map(|(_, lost, _)| *lost)
        .fold(f64::MAX, f64::min);
    let best = all.iter().rfind(|(_, lost, _)| *lost == least);
    assert_eq!(kept.best, best.map(|(update, ..)| *update));
}

/// Update, first score and what is kept.
fn checkpoint(event: &Event) -> Option<(usize, f64, Kept)> {
    match event {
        Event::Checkpoint {
            update,
            scores,
            kept,
        } => Some((*update, scores[0].value, kept.clone())),
        _ => None,
    }
}

/// Learners of more than 64 MiB together: the newest alone is kept.
#[test]
fn a_checkpoint_without_room_for_its_learner_says_which_ones_have_it() {
    const COUNT: usize = 900_000;
    let mut session = Session::new();
    let mut texts: Vec<String> = TINY.iter().map(|&pair| pair.to_owned()).collect();
    texts.push(format!("agent.replay_size={COUNT}"));
    let set: Value = schema::set_pairs(&texts).unwrap().into();
    let open = json!({"type": "open", "preset": "tictactoe_alphazero", "set": set, "seed": 0});
    ask(&mut session, &open).unwrap();
    advance(&mut session, 1);
    let mut file = Archive::from_bytes(&everything(&mut session)).unwrap();
    let held = file.arrays["replay.value"].data.len();
    for (name, array) in &mut file.arrays {
        if name.starts_with("replay.") {
            *array = Array::vector(vec![0.0; COUNT * array.data.len() / held]);
        }
    }
    file.metadata["learner"]["replay_next"] = json!(0);
    let (bytes, device) = (file.to_bytes().unwrap(), Default::default());
    handle(&mut session, Command::Import { bytes, device }).unwrap();
    assert_eq!(session.run().unwrap().kept().rewindable, [1]);
    advance(&mut session, 1);
    assert_eq!(session.run().unwrap().kept().rewindable, [2]);
    let error = ask(&mut session, &json!({"type": "rewind", "checkpoint": 1})).unwrap_err();
    assert_eq!(
        error.to_string(),
        "does not apply: of checkpoint 1 only the weights are kept; the run can go back to 2"
    );
    assert_eq!(
        session.run().unwrap().info().unwrap().checkpoints,
        [0, 1, 2]
    );
    rewind(&mut session, 2);
}

#[test]
fn going_back_where_it_cannot_leaves_the_run_as_it_was() {
    let mut session = tiny_session(2);
    advance(&mut session, 3);
    let before = everything(&mut session);
    let no_such = ask(&mut session, &json!({"type": "rewind", "checkpoint": 3})).unwrap_err();
    assert_eq!(
        no_such.to_string(),
        "there is no checkpoint named \"3\"; allowed: 0, 2"
    );
    assert!(everything(&mut session) == before);
    assert_eq!(
        ask(
            &mut Session::new(),
            &json!({"type": "rewind", "checkpoint": 0})
        )
        .unwrap_err(),
        Error::NoRun
    );
    let bytes = export(&mut session, ExportKind::Weights);
    let device = Default::default();
    handle(&mut session, Command::Import { bytes, device }).unwrap();
    let error = ask(&mut session, &json!({"type": "rewind", "checkpoint": 0})).unwrap_err();
    assert!(error.to_string().contains("weights alone"), "{error}");
    assert_eq!(session.run().unwrap().kept(), Kept::default());
}

#[test]
fn a_run_from_a_file_goes_back_to_the_file_and_to_its_start() {
    let mut session = tiny_session(4);
    let start = everything(&mut session);
    advance(&mut session, 3);
    let bytes = everything(&mut session);
    let mut later = Session::new();
    let device = Default::default();
    let import = Command::Import {
        bytes: bytes.clone(),
        device,
    };
    handle(&mut later, import).unwrap();
    advance(&mut later, 1);
    rewind(&mut later, 3);
    assert!(everything(&mut later) == bytes);
    rewind(&mut later, 0);
    assert!(everything(&mut later) == start);
}

#[test]
fn an_update_that_diverges_leaves_the_run_as_it_was() {
    let texts: Vec<String> = DIVERGING.iter().map(|&pair| pair.to_owned()).collect();
    let set: Value = schema::set_pairs(&texts).unwrap().into();
    let open = json!({"type": "open", "preset": "cartpole_ppo", "set": set, "seed": 0});
    let mut session = Session::new();
    ask(&mut session, &open).unwrap();
    let start = everything(&mut session);
    advance(&mut session, 1);
    let before = everything(&mut session);
    // The same each time, since nothing of the failed update is left.
    for _ in 0..2 {
        let error = ask(&mut session, &json!({"type": "advance", "updates": 3})).unwrap_err();
        assert_eq!(error.code(), "diverged");
        assert_eq!(
            error.to_string(),
            "update 2 diverged: the gradient norm was not finite, so the run is as it was before; \
             go back to the best checkpoint, at update 0, or open it with a lower learning rate"
        );
        assert!(everything(&mut session) == before);
    }
    rewind(&mut session, 0);
    assert!(everything(&mut session) == start);
}
