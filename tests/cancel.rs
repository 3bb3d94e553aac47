//! An op that is called off half-way leaves the session as it was.

#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::{TINY, ask, export, handle, shrunk};
use glassbox::{
    error::{Error, Result},
    op::{OPS, OpEntry},
    schema,
    session::{
        Session,
        protocol::{Command, Event, ExportKind},
    },
};
use serde_json::{Value, json};
use std::{cell::Cell, rc::Rc};

/// Whoever waits: counts how often they are asked, and goes away after `patience` times.
#[derive(Clone)]
struct Visitor {
    asked: Rc<Cell<usize>>,
    patience: Rc<Cell<usize>>,
}

impl Visitor {
    /// A visitor in a session with a tiny run of two updates.
    fn arrive() -> (Self, Session) {
        let visitor = Self {
            asked: Rc::default(),
            patience: Rc::new(Cell::new(usize::MAX)),
        };
        let own = visitor.clone();
        let mut session = Session::cancellable(Box::new(move || {
            own.asked.set(own.asked.get() + 1);
            let waits = own.asked.get() <= own.patience.get();
            Box::pin(async move { waits })
        }));
        let pairs: Vec<String> = TINY.iter().map(|&pair| pair.to_owned()).collect();
        let set = schema::set_pairs(&pairs).unwrap();
        let open = json!({"type": "open", "preset": "tictactoe_alphazero", "set": set, "seed": 5});
        ask(&mut session, &open).unwrap();
        ask(&mut session, &json!({"type": "advance", "updates": 2})).unwrap();
        (visitor, session)
    }

    /// Waits for as many questions as that from now on.
    fn wait(&self, patience: usize) {
        self.asked.set(0);
        self.patience.set(patience);
    }
}

/// The numbers of an op, with quick parameters.
fn numbers(session: &mut Session, op: &OpEntry) -> Result<Vec<(String, u64)>> {
    let states = (session.run()?.config().preset()?.states)();
    let command = Command::Op {
        op: op.id.into(),
        parameters: shrunk(&(op.schema)(), 8),
        states: states.into_iter().take(op.num_states).collect(),
        checkpoint: None,
        edits: Vec::new(),
    };
    let events = handle(session, command)?;
    let figures = events.into_iter().find_map(|event| match event {
        Event::Figures { numbers, .. } => Some(numbers),
        _ => None,
    });
    let numbers = figures.unwrap().into_iter();
    Ok(numbers.map(|one| (one.id, one.value.to_bits())).collect())
}

#[test]
fn an_op_called_off_half_way_leaves_the_session_as_it_was() {
    let whole = ExportKind::Everything;
    let mut called_off = Vec::new();
    for op in OPS {
        // Ops may remember what they found, so that each is asked in a session of its own.
        let (visitor, mut session) = Visitor::arrive();
        visitor.wait(usize::MAX);
        let expected = match numbers(&mut session, op) {
            Err(Error::NotApplicable { .. }) => continue,
            other => other.unwrap(),
        };
        let steps = visitor.asked.get();
        let (visitor, mut session) = Visitor::arrive();
        let before = export(&mut session, whole);
        if steps > 0 {
            visitor.wait(steps / 2);
            assert_eq!(
                numbers(&mut session, op),
                Err(Error::Cancelled),
                "{}",
                op.id
            );
            assert_eq!(visitor.asked.get(), steps / 2 + 1, "{} goes on", op.id);
            called_off.push(op.id);
        }
        assert_eq!(export(&mut session, whole), before, "{}", op.id);
        visitor.wait(usize::MAX);
        assert_eq!(numbers(&mut session, op).unwrap(), expected, "{}", op.id);
    }
    for op in ["patch", "ablate", "probe", "nmf", "cka"] {
        assert!(
            called_off.contains(&op),
            "{op} cannot be called off: {called_off:?}"
        );
    }
}

#[test]
fn training_goes_on_after_an_op_that_was_called_off_as_if_nothing_had_been_asked() {
    let (visitor, mut asked) = Visitor::arrive();
    let (_, mut other) = Visitor::arrive();
    visitor.wait(1);
    let ablate = OPS.iter().find(|op| op.id == "ablate").unwrap();
    assert_eq!(numbers(&mut asked, ablate), Err(Error::Cancelled));
    let further = |session: &mut Session| -> Vec<u8> {
        let advance: Value = json!({"type": "advance", "updates": 2});
        ask(session, &advance).unwrap();
        export(session, ExportKind::Everything)
    };
    assert_eq!(further(&mut asked), further(&mut other));
}
