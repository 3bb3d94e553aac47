//! Ops and their evidence: `op` runs one and may write it down, `sheet` runs it again.

use super::{file_error, named, print, write};
use glassbox::{
    backend::DeviceName,
    error::{Error, Result},
    model::taps::Edit,
    schema,
    session::{
        Session, block_on,
        protocol::{Command, Event, ExportKind},
        sheet::{Evidence, Sheet, compare},
    },
};
use serde_bytes::ByteBuf;
use serde_json::{Value, json};
use std::{cell::RefCell, fs, path::Path};

/// Runs an op on a file and prints its figures and numbers; `sheet` is where to write them as evidence.
pub fn run_op(
    file: &Path,
    op: String,
    set: &[String],
    states: &[String],
    edits: &[Edit],
    sheet: Option<&Path>,
) -> Result<()> {
    let bytes = fs::read(file).map_err(|why| file_error(file, why))?;
    let entry = glassbox::op::entry(&op)?;
    let mut session = Session::new();
    let device = DeviceName::Cpu;
    answers(&mut session, Command::Import { bytes, device })?;
    let states = if states.is_empty() {
        let own = (session.run()?.config().preset()?.states)();
        own.into_iter().take(entry.num_states).collect()
    } else {
        states
            .iter()
            .map(|text| {
                serde_json::from_str(text)
                    .map_err(|why| Error::parse(format!("--state {text}"), why))
            })
            .collect::<Result<Vec<Value>>>()?
    };
    let parameters = Value::Object(schema::set_pairs(set)?);
    let command = Command::Op {
        op: op.clone(),
        parameters: parameters.clone(),
        states: states.clone(),
        checkpoint: None,
        edits: edits.to_vec(),
    };
    for event in answers(&mut session, command)? {
        let Event::Figures {
            figures,
            numbers,
            update,
            read,
            checkpoints,
        } = event
        else {
            continue;
        };
        print(&json!({"figures": figures, "numbers": named(&numbers)}))?;
        let Some(path) = sheet else { continue };
        let evidence = Evidence {
            op: op.clone(),
            parameters: parameters.clone(),
            states: states.clone(),
            edits: edits.to_vec(),
            update,
            checkpoints,
            device,
            figures,
            numbers,
            weights: weights_of(&mut session, &read)?,
        };
        write(path, &Sheet::of(vec![evidence])?.to_bytes()?)?;
    }
    Ok(())
}

/// Exported weights of some updates.
fn weights_of(session: &mut Session, updates: &[usize]) -> Result<Vec<ByteBuf>> {
    let mut files = Vec::with_capacity(updates.len());
    for &update in updates {
        let command = Command::Export {
            checkpoint: Some(update),
            what: ExportKind::Weights,
        };
        for event in answers(session, command)? {
            if let Event::File { bytes, .. } = event {
                files.push(ByteBuf::from(bytes));
            }
        }
    }
    Ok(files)
}

/// All that a session answers to a command.
fn answers(session: &mut Session, command: Command) -> Result<Vec<Event>> {
    let events = RefCell::new(Vec::new());
    block_on(session.handle(command, &|event| events.borrow_mut().push(event)))?;
    Ok(events.into_inner())
}

/// Replays a sheet and prints how its numbers compare; whether all agree.
pub fn sheet(file: &Path, tolerance: f64) -> Result<bool> {
    if !(tolerance.is_finite() && tolerance >= 0.0) {
        return Err(Error::Parameter {
            name: "tolerance".into(),
            got: tolerance.to_string(),
            allowed: "number of at least 0".into(),
        });
    }
    let bytes = fs::read(file).map_err(|why| file_error(file, why))?;
    let sheet = Sheet::from_bytes(&bytes)?;
    let archives = sheet.archives()?;
    let mut agreeing = 0;
    for (place, entry) in sheet.entries.iter().enumerate() {
        let recomputed = block_on(entry.replay(&archives));
        let recomputed = recomputed
            .map_err(|why| Error::sheet(format!("entry {}, {}: {why}", place + 1, entry.op)))?;
        let numbers = compare(&entry.numbers, &recomputed, tolerance);
        let agrees = numbers.iter().all(|number| number.agrees);
        agreeing += usize::from(agrees);
        print(&json!({
            "entry": place + 1,
            "op": entry.op,
            "preset": entry.run.preset,
            "seed": entry.run.seed,
            "update": entry.update,
            "agrees": agrees,
            "numbers": numbers,
        }))?;
    }
    print(&json!({"summary": {
        "entries": sheet.entries.len(),
        "agree": agreeing,
        "tolerance": tolerance,
        "bytes_of_weights": sheet.num_bytes_of_weights(),
    }}))?;
    Ok(agreeing == sheet.entries.len())
}
