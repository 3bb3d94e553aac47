//! The one error type: what went wrong, and what would have been right.

use serde::Serialize;

/// The result of anything that user input can make fail.
pub type Result<T> = std::result::Result<T, Error>;

/// Every error that a person can cause. Its text says what was wrong and what is allowed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// An id that no registry holds.
    #[error("there is no {kind} named \"{id}\"; allowed: {}", allowed.join(", "))]
    UnknownId {
        /// What was looked for: `environment`, `agent`, `model`, `op`, `preset`, `site` …
        kind: &'static str,
        /// The id that was given.
        id: String,
        /// The ids that exist.
        allowed: Vec<String>,
    },
    /// A parameter off its range or of the wrong type.
    #[error("parameter {name} is {got}; allowed: {allowed}")]
    Parameter {
        /// Dotted name of the parameter.
        name: String,
        /// What was given, as JSON.
        got: String,
        /// What is allowed, in words.
        allowed: String,
    },
    /// A move that the rules forbid.
    #[error("action {action} is illegal here; legal actions: {}", list(legal))]
    IllegalAction {
        /// The action that was asked for.
        action: usize,
        /// The actions that are legal.
        legal: Vec<usize>,
    },
    /// A step after the end.
    #[error("the episode has ended; reset it, or inject another state, before stepping again")]
    EpisodeOver,
    /// A state that the environment cannot be in.
    #[error("impossible state: {why}")]
    State {
        /// What is wrong with it and what is allowed.
        why: String,
    },
    /// A checkpoint that cannot be read.
    #[error("not a usable checkpoint: {why}")]
    Checkpoint {
        /// What is wrong with it and what is allowed.
        why: String,
    },
    /// An evidence sheet that cannot be read or replayed.
    #[error("not a usable evidence sheet: {why}")]
    Sheet {
        /// What is wrong with it and what is allowed.
        why: String,
    },
    /// Text that does not parse.
    #[error("cannot read {what}: {why}")]
    Parse {
        /// What was being read.
        what: String,
        /// What the parser said.
        why: String,
    },
    /// Data of the wrong shape.
    #[error("{what} has {got} numbers; expected {expected}")]
    Shape {
        /// What was given.
        what: String,
        /// How many numbers it has.
        got: usize,
        /// How many it should have.
        expected: usize,
    },
    /// An op, score or edit that does not fit this agent, model or environment.
    #[error("does not apply: {why}")]
    NotApplicable {
        /// Why it does not apply.
        why: String,
    },
    /// A compute device that is not to be had.
    #[error("device not available: {why}")]
    Device {
        /// What the device's driver said.
        why: String,
    },
    /// A number that stopped being finite.
    #[error("{what} is not finite any more; lower the learning rate, or go back to a checkpoint")]
    NotFinite {
        /// Which number.
        what: String,
    },
    /// An update of training that came to nothing; the run is as it was before.
    #[error(
        "update {update} diverged: {what} was not finite, so the run is as it was before; {}",
        advice(*back)
    )]
    Diverged {
        /// The update that failed.
        update: usize,
        /// Which number.
        what: String,
        /// The best checkpoint that the run can go back to.
        back: Option<usize>,
    },
    /// Work that nobody waits for any more; the session is as it was before.
    #[error("cancelled; everything is as it was before")]
    Cancelled,
    /// A command that needs an open run.
    #[error("no run is open; open a preset first")]
    NoRun,
    /// A file that cannot be read or written.
    #[error("{path}: {why}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        why: String,
    },
}

impl Error {
    /// A stable word for programs: `unknown_id`, `parameter`, `illegal_action` ….
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownId { .. } => "unknown_id",
            Self::Parameter { .. } => "parameter",
            Self::IllegalAction { .. } => "illegal_action",
            Self::EpisodeOver => "episode_over",
            Self::State { .. } => "state",
            Self::Checkpoint { .. } => "checkpoint",
            Self::Sheet { .. } => "sheet",
            Self::Parse { .. } => "parse",
            Self::Shape { .. } => "shape",
            Self::NotApplicable { .. } => "not_applicable",
            Self::Device { .. } => "device",
            Self::NotFinite { .. } => "not_finite",
            Self::Diverged { .. } => "diverged",
            Self::Cancelled => "cancelled",
            Self::NoRun => "no_run",
            Self::File { .. } => "file",
        }
    }

    /// `Error::State` with a reason.
    pub fn state(why: impl Into<String>) -> Self {
        Self::State { why: why.into() }
    }

    /// `Error::Checkpoint` with a reason.
    pub fn checkpoint(why: impl Into<String>) -> Self {
        Self::Checkpoint { why: why.into() }
    }

    /// `Error::Sheet` with a reason.
    pub fn sheet(why: impl Into<String>) -> Self {
        Self::Sheet { why: why.into() }
    }

    /// `Error::NotApplicable` with a reason.
    pub fn not_applicable(why: impl Into<String>) -> Self {
        Self::NotApplicable { why: why.into() }
    }

    /// `Error::Parse` of `what`.
    pub fn parse(what: impl Into<String>, why: impl ToString) -> Self {
        Self::Parse {
            what: what.into(),
            why: why.to_string(),
        }
    }
}

/// `{code, message}`, as the command line and the page report an error.
impl Serialize for Error {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut out = serializer.serialize_struct("Error", 2)?;
        out.serialize_field("code", self.code())?;
        out.serialize_field("message", &self.to_string())?;
        out.end()
    }
}

/// What to do about a divergence.
fn advice(back: Option<usize>) -> String {
    let lower = "open it with a lower learning rate";
    match back {
        Some(update) => format!("go back to the best checkpoint, at update {update}, or {lower}"),
        None => lower.into(),
    }
}

fn list(values: &[usize]) -> String {
    match values {
        [] => "none".into(),
        _ => values
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    }
}
