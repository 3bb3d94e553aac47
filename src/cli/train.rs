//! The command `train`.

use super::{file_error, named, open, print, write};
use glassbox::{
    backend::DeviceName,
    error::Result,
    op::figure::Number,
    schema,
    session::{block_on, config::RunConfig, protocol::Event, run::Run},
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::{cell::RefCell, fs, path::Path, time::Instant};

/// Trains a preset, or goes on with a file; prints metrics as they come.
pub(super) fn train(
    preset: &str,
    set: &[String],
    seed: u64,
    out: &Path,
    checkpoints: Option<&Path>,
    resume: Option<&Path>,
) -> Result<()> {
    let mut run = match resume {
        Some(path) => {
            let run = open(path)?;
            if run.config().preset != preset {
                return Err(file_error(
                    path,
                    format!("it is of {}, not of {preset}", run.config().preset),
                ));
            }
            run
        }
        None => {
            let config = RunConfig::of_preset(preset, &schema::set_pairs(set)?, seed)?;
            block_on(Run::open(config, DeviceName::Cpu))?
        }
    };
    if let Some(folder) = checkpoints {
        fs::create_dir_all(folder).map_err(|why| file_error(folder, why))?;
    }
    // Better now than after the training.
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
        return Err(file_error(parent, "there is no such folder"));
    }
    let bar = progress_bar(run.config().updates as u64);
    bar.set_position(run.update_of(None) as u64);
    let start = Instant::now();
    let last: RefCell<Option<(usize, Vec<Number>)>> = RefCell::new(None);
    let failed: RefCell<Result<()>> = RefCell::new(Ok(()));
    let sink = |event: Event| {
        let printed = match event {
            Event::Update { update, metrics } => {
                bar.set_position(update as u64);
                print(&json!({"update": update, "metrics": metrics}))
            }
            Event::Checkpoint { update, scores, .. } => {
                let printed = print(&json!({"update": update, "scores": named(&scores)}));
                last.replace(Some((update, scores)));
                printed
            }
            Event::Collapse {
                update,
                sign,
                message,
            } => {
                bar.suspend(|| eprintln!("glassbox: collapse at update {update}. {message}"));
                print(&json!({"update": update, "collapse": {"sign": sign, "message": message}}))
            }
            _ => Ok(()),
        };
        if printed.is_err() {
            *failed.borrow_mut() = printed;
        }
    };
    let mut written = None;
    loop {
        let more = block_on(run.advance(&sink))?;
        failed.replace(Ok(()))?;
        let newest = last.borrow().as_ref().map(|(update, _)| *update);
        if let Some(folder) = checkpoints.filter(|_| newest.is_some() && newest != written) {
            let update = newest.unwrap_or_default();
            let bytes = block_on(run.weights(newest))?.to_bytes()?;
            write(
                &folder.join(format!("update{update:06}.safetensors")),
                &bytes,
            )?;
            written = newest;
        }
        if !more {
            break;
        }
    }
    bar.finish_and_clear();
    write(out, &block_on(run.everything(None))?.to_bytes()?)?;
    let scores = last
        .borrow()
        .as_ref()
        .map(|(_, scores)| named(scores))
        .unwrap_or_default();
    print(&json!({"summary": {
        "preset": run.config().preset,
        "seed": run.config().seed,
        "updates": run.update_of(None),
        "seconds": start.elapsed().as_secs_f64(),
        "scores": scores,
        "out": out,
    }}))
}

/// A bar on stderr; hidden where stderr is no terminal.
fn progress_bar(updates: u64) -> ProgressBar {
    let bar = ProgressBar::new(updates);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos} of {len} updates, {eta} left") {
        bar.set_style(style);
    }
    bar
}
