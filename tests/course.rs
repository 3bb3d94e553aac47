//! Ops over a run's checkpoints: what was found of one is found once, forgotten with it, and the same as if it
//! had been looked for anew.

#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::tiny_run;
use glassbox::{
    backend::Pending,
    error::{Error, Result},
    op::{
        OPS, Patient, Watch,
        figure::{Body, Cell, Figure, Number},
    },
    preset,
    session::{block_on, run::Run},
};
use serde_json::{Value, json};
use std::cell::Cell as Counter;

/// Quick settings.
const QUICK: &str = r#"{"reference_states": 128, "num_seeds": 2}"#;

fn quick() -> Value {
    serde_json::from_str(QUICK).unwrap()
}

fn advance(run: &mut Run, updates: usize) {
    for _ in 0..updates {
        block_on(run.advance(&|_| {})).unwrap();
    }
}

fn ask_watched(run: &Run, op: &str, parameters: &Value, watch: &dyn Watch) -> Result<Vec<Figure>> {
    let entry = OPS.iter().find(|entry| entry.id == op).unwrap();
    let states = (preset::entry(&run.config().preset).unwrap().states)();
    let states = states.iter().take(entry.num_states).map(|state| {
        let mut env = run.env();
        env.set_state(state).unwrap();
        env
    });
    let states = states.collect();
    let (figures, _) = block_on(run.op(op, parameters, states, None, &[], watch))?;
    Ok(figures)
}

fn ask(run: &Run, op: &str, parameters: &Value) -> Vec<Figure> {
    ask_watched(run, op, parameters, &Patient).unwrap()
}

fn number(figures: &[Figure], id: &str) -> Number {
    let mut numbers = figures.iter().flat_map(|figure| &figure.numbers);
    numbers.find(|number| number.id == id).unwrap().clone()
}

#[test]
fn a_finding_is_kept_as_long_as_its_checkpoint() {
    let mut run = tiny_run(0);
    advance(&mut run, 4);
    for update in [0, 2, 4] {
        run.memory().remember(update, "seen", json!(update));
    }
    run.rewind(2).unwrap();
    assert_eq!(run.memory().recall(2, "seen"), Some(json!(2)));
    assert_eq!(run.memory().recall(4, "seen"), None, "update 4 is no more");
    advance(&mut run, 2);
    assert_eq!(
        run.memory().recall(4, "seen"),
        None,
        "another update 4 is another"
    );
    assert_eq!(run.memory().recall(0, "seen"), Some(json!(0)));
    assert_eq!(run.memory().recall(0, "other"), None);
}

#[test]
fn what_is_recalled_is_what_would_be_found_anew() {
    let asked = [
        ("what_when_where", quick()),
        ("dynamics", json!({"op": "pca", "reference_states": 64})),
    ];
    for (op, parameters) in &asked {
        let mut often = tiny_run(1);
        // Asked at every update, and of each checkpoint more than once.
        for _ in 0..4 {
            ask(&often, op, parameters);
            advance(&mut often, 1);
        }
        let mut once = tiny_run(1);
        advance(&mut once, 4);
        let expected = ask(&once, op, parameters);
        assert_eq!(ask(&often, op, parameters), expected, "{op}");
        assert_eq!(ask(&once, op, parameters), expected, "{op}, asked again");
        // Back and on again, with the same updates.
        often.rewind(2).unwrap();
        ask(&often, op, parameters);
        advance(&mut often, 2);
        assert_eq!(
            ask(&often, op, parameters),
            expected,
            "{op}, after going back"
        );
    }
}

/// Counts steps, and no longer waits after some.
struct Impatient {
    steps: Counter<usize>,
    most: usize,
}

impl Watch for Impatient {
    fn step(&self, _done: usize, _total: usize) -> Pending<'_, Result<()>> {
        self.steps.set(self.steps.get() + 1);
        let is_over = self.steps.get() > self.most;
        Box::pin(async move {
            match is_over {
                true => Err(Error::Cancelled),
                false => Ok(()),
            }
        })
    }
}

#[test]
fn an_op_that_is_called_off_ends_there_and_goes_on_where_it_was() {
    let mut run = tiny_run(2);
    advance(&mut run, 4);
    let steps = |run: &Run, most: usize| {
        let watch = Impatient {
            steps: Counter::new(0),
            most,
        };
        let found = ask_watched(run, "what_when_where", &quick(), &watch);
        (found, watch.steps.get())
    };
    let fresh = {
        let mut run = tiny_run(2);
        advance(&mut run, 4);
        steps(&run, usize::MAX)
    };
    // By then the first of the checkpoints has been looked at.
    let half = fresh.1 / 2;
    let (found, count) = steps(&run, half);
    assert_eq!(found, Err(Error::Cancelled));
    assert_eq!(count, half + 1);
    let (found, rest) = steps(&run, usize::MAX);
    assert_eq!(found, fresh.0);
    assert!(
        rest < fresh.1,
        "{rest} steps, and {} without memory",
        fresh.1
    );
}

/// The input does not change, so what it says plainly is no news of training.
#[test]
fn what_the_input_says_is_not_learned() {
    let mut run = tiny_run(0);
    advance(&mut run, 4);
    let figures = ask(
        &run,
        "what_when_where",
        &json!({"concept": "mine_center", "reference_states": 512}),
    );
    assert_eq!(number(&figures, "learned_concepts").value, 0.0);
    assert!(number(&figures, "score_input").value > 0.95);
    assert!(number(&figures, "score_shuffled").value.abs() < 0.25);
    let Body::Table { rows, .. } = &figures[2].body else {
        panic!("{:?}", figures[2].body);
    };
    let fates: Vec<&Cell> = rows.iter().map(|row| &row[1]).collect();
    assert!(matches!(fates[..], [Cell::Text(_)]), "{fates:?}");
}

#[test]
fn dynamics_follow_the_number_that_the_op_itself_gives() {
    let mut run = tiny_run(3);
    advance(&mut run, 4);
    let own = ask(&run, "what_when_where", &quick());
    let parameters = json!({
        "op": "probe", "number": "mean_score", "set": "reference_states=128, num_seeds=2",
    });
    let followed = ask(&run, "dynamics", &parameters);
    let Body::Lines { series, .. } = &followed[0].body else {
        panic!("{:?}", followed[0].body);
    };
    let updates: Vec<f32> = series[0].points.iter().map(|point| point.0).collect();
    assert_eq!(updates, [0.0, 2.0, 4.0]);
    let probed = ask(&run, "probe", &quick());
    let last = series[0].points[2].1;
    assert_eq!(
        f64::from(last),
        f64::from(number(&probed, "mean_score").value as f32)
    );
    // Controls come along, each by its name.
    let controls: Vec<&str> = series
        .iter()
        .filter(|one| one.control)
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(controls, ["untrained", "from the input", "shuffled labels"]);
    // An op over training sees the run as it was at each checkpoint.
    let parameters = json!({
        "op": "what_when_where", "number": "learned_concepts",
        "set": "reference_states=128, num_seeds=2",
    });
    let found = ask(&run, "dynamics", &parameters);
    let learned = number(&own, "learned_concepts").value;
    assert_eq!(number(&found, "last").value, learned);
    assert_eq!(number(&found, "first").value, 0.0);
}

#[test]
fn dynamics_follow_what_search_makes_of_a_checkpoint() {
    let mut run = tiny_run(0);
    advance(&mut run, 2);
    let set = json!({"op": "search_tree", "set": "reference_states=16,num_simulations=4"});
    let found = ask(&run, "dynamics", &set);
    let Body::Lines { series, .. } = &found[0].body else {
        panic!("no curve");
    };
    assert_eq!(series[0].points.len(), 2, "{series:?}");
}

#[test]
fn dynamics_refuse_themselves_what_trains_agents_and_numbers_that_are_none() {
    let run = tiny_run(0);
    let refused = |parameters: Value| ask_watched(&run, "dynamics", &parameters, &Patient);
    assert!(matches!(
        refused(json!({"op": "dynamics"})),
        Err(Error::NotApplicable { .. })
    ));
    for op in ["clone", "compare"] {
        let why = refused(json!({"op": op})).unwrap_err().to_string();
        assert!(why.contains("trains networks"), "{op}: {why}");
    }
    assert!(matches!(
        refused(json!({"op": "no_such_op"})),
        Err(Error::UnknownId { kind: "op", .. })
    ));
    assert!(matches!(
        refused(json!({"number": "no_such_number"})),
        Err(Error::UnknownId { kind: "number", .. })
    ));
    assert!(refused(json!({"set": "no equals sign"})).is_err());
    assert!(refused(json!({"set": "no_such_parameter=1"})).is_err());
}
