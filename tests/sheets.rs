//! Evidence sheets: what is written is found again, what was changed is noticed, what is broken is refused.

#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::{ask, handle, shrunk, tiny_session};
use glassbox::{
    backend::DeviceName,
    error::{Error, Result},
    op::OPS,
    session::{
        Session, block_on,
        protocol::{Command, Event, ExportKind},
        sheet::{Evidence, Sheet, TOLERANCE, compare},
    },
};
use serde_bytes::ByteBuf;
use serde_json::{Value, json};

/// A tiny run of four updates, with checkpoints at 0, 2 and 4.
fn trained(seed: u64) -> Session {
    let mut session = tiny_session(seed);
    ask(&mut session, &json!({"type": "advance", "updates": 4})).unwrap();
    session
}

/// What an op finds at `checkpoint`, with the weights that it read.
fn found(
    session: &mut Session,
    op: &str,
    parameters: Value,
    checkpoint: Option<usize>,
) -> Result<Evidence> {
    let num_states = glassbox::op::entry(op)?.num_states;
    let states = (session.run()?.config().preset()?.states)();
    let states: Vec<Value> = states.into_iter().take(num_states).collect();
    let command = Command::Op {
        op: op.into(),
        parameters: parameters.clone(),
        states: states.clone(),
        checkpoint,
        edits: Vec::new(),
    };
    let answer = handle(session, command)?
        .into_iter()
        .find_map(|event| match event {
            Event::Figures {
                update,
                figures,
                numbers,
                read,
                checkpoints,
            } => Some((update, figures, numbers, read, checkpoints)),
            _ => None,
        });
    let (update, figures, numbers, read, checkpoints) = answer.unwrap();
    let own = update;
    let weights = read.iter().map(|&update| {
        let what = ExportKind::Weights;
        // What is newest need not be a checkpoint.
        let checkpoint = if update == own {
            checkpoint
        } else {
            Some(update)
        };
        match handle(session, Command::Export { checkpoint, what })
            .unwrap()
            .remove(0)
        {
            Event::File { bytes, .. } => ByteBuf::from(bytes),
            other => panic!("{other:?}"),
        }
    });
    Ok(Evidence {
        op: op.into(),
        parameters,
        states,
        edits: Vec::new(),
        update,
        checkpoints,
        device: DeviceName::Cpu,
        figures,
        numbers,
        weights: weights.collect(),
    })
}

/// Every op that applies to a tiny run of tic-tac-toe, with quick parameters.
fn all_evidence() -> Vec<Evidence> {
    let mut session = trained(3);
    let mut run = |op: &&glassbox::op::OpEntry| match found(
        &mut session,
        op.id,
        shrunk(&(op.schema)(), 8),
        None,
    ) {
        Ok(evidence) => Some(evidence),
        Err(Error::NotApplicable { .. }) => None,
        Err(why) => panic!("{}: {why}", op.id),
    };
    OPS.iter().copied().filter_map(|op| run(&op)).collect()
}

fn file(evidence: Vec<Evidence>) -> Value {
    let bytes = Sheet::of(evidence).unwrap().to_bytes().unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn read(file: &Value) -> Result<Sheet> {
    Sheet::from_bytes(file.to_string().as_bytes())
}

/// Whether each entry of a sheet agrees with itself run again.
fn agreeing(sheet: &Sheet, tolerance: f64) -> Vec<bool> {
    let archives = sheet.archives().unwrap();
    let agrees = |entry: &glassbox::session::sheet::Entry| {
        let again = block_on(entry.replay(&archives)).unwrap();
        assert!(!again.is_empty());
        compare(&entry.numbers, &again, tolerance)
            .iter()
            .all(|one| one.agrees)
    };
    sheet.entries.iter().map(agrees).collect()
}

#[test]
fn every_op_is_replayed_to_the_same_numbers() {
    let evidence = all_evidence();
    let ops: Vec<&str> = evidence.iter().map(|one| one.op.as_str()).collect();
    for op in ["patch", "ablate", "probe", "nmf", "cka"] {
        assert!(ops.contains(&op), "{op} is not among {ops:?}");
    }
    let sheet = read(&file(evidence.clone())).unwrap();
    let agreed = agreeing(&sheet, 0.0);
    let pairs = sheet.entries.iter().zip(&agreed);
    let others: Vec<&str> = pairs
        .filter(|(_, agrees)| !**agrees)
        .map(|(entry, _)| entry.op.as_str())
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn an_update_between_checkpoints_is_not_taken_for_one() {
    let mut session = tiny_session(3);
    ask(&mut session, &json!({"type": "advance", "updates": 3})).unwrap();
    for op in ["what_when_where", "concept_value", "dynamics", "cka"] {
        let parameters = shrunk(&(glassbox::op::entry(op).unwrap().schema)(), 8);
        let evidence = found(&mut session, op, parameters, None).unwrap();
        assert_eq!((evidence.update, evidence.weights.len()), (3, 3), "{op}");
        assert_eq!(evidence.checkpoints, [0, 2], "{op}");
        let sheet = read(&file(vec![evidence])).unwrap();
        assert_eq!(agreeing(&sheet, 0.0), [true], "{op}");
    }
}

#[test]
fn weights_are_written_once_and_those_of_checkpoints_only_where_they_are_looked_at() {
    let mut session = trained(3);
    let one = found(&mut session, "ablate", json!({}), None).unwrap();
    let other = found(&mut session, "ablate", json!({}), Some(2)).unwrap();
    assert_eq!((one.weights.len(), other.weights.len()), (2, 2));
    let both = file(vec![one.clone(), other]);
    assert_eq!(both["weights"].as_object().unwrap().len(), 3);
    assert_eq!(
        both["entries"][0]["weights"]["0"],
        both["entries"][1]["weights"]["0"]
    );
    let sheet = read(&both).unwrap();
    assert_eq!(agreeing(&sheet, 0.0), [true, true]);
    let size = |value: &Value| value.as_str().unwrap().len();
    let sizes = both["weights"].as_object().unwrap().values().map(size);
    assert_eq!(sheet.num_bytes_of_weights(), sizes.sum::<usize>());

    let looked = found(&mut session, "cka", json!({}), None).unwrap();
    assert_eq!(
        looked.weights.len(),
        3,
        "cka over checkpoints looks at all of them"
    );
}

#[test]
fn another_network_or_a_changed_number_is_noticed() {
    let mut session = trained(3);
    let evidence = found(&mut session, "ablate", json!({}), None).unwrap();
    let place = evidence
        .numbers
        .iter()
        .position(|one| one.value.abs() > 1e-3)
        .unwrap();
    let mut changed = file(vec![evidence.clone()]);
    let value = evidence.numbers[place].value;
    changed["entries"][0]["numbers"][place]["value"] = json!(value * 1.01);
    assert_eq!(agreeing(&read(&changed).unwrap(), TOLERANCE), [false]);
    changed["entries"][0]["numbers"][place]["value"] = json!(value * 1.0001);
    assert_eq!(agreeing(&read(&changed).unwrap(), TOLERANCE), [true]);

    // The numbers of update 4 beside the weights of update 2.
    let earlier = found(&mut session, "ablate", json!({}), Some(2)).unwrap();
    let swapped = Evidence {
        numbers: evidence.numbers,
        ..earlier
    };
    assert_eq!(
        agreeing(&read(&file(vec![swapped])).unwrap(), TOLERANCE),
        [false]
    );
}

#[test]
fn a_sheet_that_is_broken_is_refused_and_says_why() {
    let mut session = trained(3);
    let evidence = found(&mut session, "ablate", json!({}), None).unwrap();
    let good = file(vec![evidence.clone()]);
    let refused = |why: &str, change: &dyn Fn(&mut Value)| {
        let mut broken = good.clone();
        change(&mut broken);
        let error = read(&broken).unwrap_err();
        assert_eq!(error.code(), "sheet", "{error}");
        assert!(
            error.to_string().contains(why),
            "{error} does not say {why:?}"
        );
    };
    let first = |file: &Value| {
        file["weights"]
            .as_object()
            .unwrap()
            .keys()
            .next()
            .unwrap()
            .clone()
    };
    refused("format", &|file| file["format"] = json!("something else"));
    refused("its version is 2; this one reads version 1", &|file| {
        file["version"] = json!(2)
    });
    refused("no entries", &|file| file["entries"] = json!([]));
    refused("missing field `op`", &|file| {
        file["entries"][0].as_object_mut().unwrap().remove("op");
    });
    refused("unknown field `note`", &|file| {
        file["entries"][0]["note"] = json!("x")
    });
    refused("there is no op named \"telepathy\"", &|file| {
        file["entries"][0]["op"] = json!("telepathy");
    });
    refused("no numbers", &|file| {
        file["entries"][0]["numbers"] = json!([])
    });
    refused("the weights of update 3 are missing", &|file| {
        file["entries"][0]["update"] = json!(3);
    });
    refused("no weights named lost", &|file| {
        file["entries"][0]["weights"]["4"] = json!("lost");
    });
    refused("of another run", &|file| {
        file["entries"][0]["run"]["seed"] = json!(4)
    });
    refused("not those of update 4", &|file| {
        file["entries"][0]["weights"]["4"] = file["entries"][0]["weights"]["0"].clone();
    });
    refused("is not base64", &|file| {
        let name = first(file);
        file["weights"][name] = json!("§");
    });
    refused("not a usable checkpoint", &|file| {
        let name = first(file);
        file["weights"][name] = json!("AAAA");
    });
    for text in ["", "{", "[]", "null", "\u{0}\u{1}"] {
        let error = Sheet::from_bytes(text.as_bytes()).unwrap_err();
        assert_eq!(error.code(), "sheet", "{text:?}");
    }
    let bare = Evidence {
        weights: Vec::new(),
        ..evidence
    };
    assert_eq!(Sheet::of(vec![bare]).unwrap_err().code(), "sheet");
}
