//! Counterfactual states: what is the least change of the board that makes the agent do something else?
//! (Wachter et al. 2017's counterfactual explanations, over states that play can reach.)

use super::{
    OpEntry, Subject,
    figure::{Bar, Body, Cell, Figure, Number, Scale},
    pairs::{Compared, Edits, Flip, variation},
    reference_states, samples,
};
use crate::{
    env::Env,
    error::{Error, Result},
    model::evaluator::{Evaluator, masked_softmax},
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "counterfactual",
    title: "Counterfactual states",
    summary: "Pairs of states one edit apart on which the agent chooses differently, ready to be patched.",
    schema: schema::schema_of::<Parameters>,
    num_states: 0,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "counterfactual")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// States whose every edit is tried.
    #[schemars(range(min = 16, max = 2048))]
    pub reference_states: usize,
    /// Pairs to list.
    #[schemars(range(min = 1, max = 20))]
    pub top: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            reference_states: 128,
            top: 6,
        }
    }
}

/// Bars of the share of edits that matter, at most.
const NUM_BARS: usize = 12;

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let mut rng = subject.rng.split("reference");
    let states = reference_states(subject.env, parameters.reference_states, &mut rng);
    let count = states.len();
    let total = count + 2;
    let edits = Edits::of(subject, states, Some(total)).await?;
    let ours = edits.compare(&subject.evaluator).await?;
    subject.step(count + 1, total).await?;
    let untrained = edits.compare(&subject.untrained).await?;
    subject.step(total, total).await?;
    let found = ours.nearest(&edits, parameters.top);
    let Some(best) = found.first() else {
        return Err(Error::not_applicable(
            "no edit of these states changes the agent's choice between actions that are legal before and after it",
        ));
    };
    let pair = edits.states_of(best);
    let control = change_in(&subject.untrained, pair).await?;
    let mut figures = boards(subject, best, pair).await?;
    figures[0].numbers = vec![
        Number::new(
            "policy_change",
            "change of the policy",
            best.policy_change.into(),
        ),
        Number::new(
            "policy_change_untrained",
            "untrained, same pair",
            control.into(),
        )
        .control(),
        Number::new(
            "elements_changed",
            "elements of the observation changed",
            best.elements as f64,
        ),
    ];
    figures.push(table(&edits, &found));
    figures.extend(by_size(&edits, &ours, &untrained));
    Ok(figures)
}

/// How far a network's policy moves from one state to the other.
async fn change_in(evaluator: &Evaluator, pair: [&dyn Env; 2]) -> Result<f32> {
    let answers = evaluator
        .evaluate_states(&pair.map(|state| state.boxed()))
        .await?;
    let policy = |row: usize| {
        let mut legal = vec![false; pair[row].space().num_actions()];
        pair[row].legal(&mut legal);
        masked_softmax(answers.logits_of(row), &legal)
    };
    Ok(variation(&policy(0), &policy(1)))
}

/// The best pair with the policy on each.
async fn boards(subject: &Subject<'_>, flip: &Flip, pair: [&dyn Env; 2]) -> Result<Vec<Figure>> {
    let actions = &subject.env.space().actions;
    let mut figures = Vec::with_capacity(2);
    for (side, title) in ["One state", "Its counterfactual"].into_iter().enumerate() {
        let [own, other] = [side, 1 - side].map(|side| &actions[flip.choices[side]]);
        let caption = format!(
            "The agent chooses {own} here and {other} on its twin, one edit away; numbers are the policy, and both \
             are legal on both."
        );
        figures.push(samples::board(title.into(), caption, &subject.evaluator, pair[side]).await?);
    }
    Ok(figures)
}

/// The pairs in full: their states are what another op can be given.
fn table(edits: &Edits, found: &[Flip]) -> Figure {
    let row = |flip: &Flip| {
        let pair = edits.states_of(flip);
        let actions = &pair[0].space().actions;
        vec![
            Cell::States {
                states: pair.map(|state| state.state()).to_vec(),
            },
            Cell::Text(
                flip.choices
                    .map(|choice| actions[choice].as_str())
                    .join(" → "),
            ),
            Cell::Number(flip.elements as f64),
            Cell::Number(flip.policy_change.into()),
            Cell::Number(flip.values[0].into()),
            Cell::Number(flip.values[1].into()),
        ]
    };
    let columns = [
        "states",
        "choices",
        "elements changed",
        "policy change",
        "value",
        "other value",
    ];
    Figure {
        title: "Minimal pairs".into(),
        caption: "Pairs of states one edit apart with different choices, the smallest change of the observation first, \
                  then the largest of the policy; each can be put on the two boards."
            .into(),
        body: Body::Table {
            columns: columns.map(String::from).to_vec(),
            rows: found.iter().map(row).collect(),
        },
        numbers: vec![Number::new("pairs", "pairs listed", found.len() as f64)],
    }
}

/// Share of the edits that change the choice, by how many elements of the observation they change; none where
/// that says nothing, as where every number moves with every step.
fn by_size(edits: &Edits, ours: &Compared, untrained: &Compared) -> Option<Figure> {
    let sizes: Vec<usize> = edits.elements().collect();
    let of = |found: &Compared, size: usize| found.share(|edit| sizes[edit] == size);
    let known: BTreeSet<usize> = sizes
        .iter()
        .copied()
        .filter(|&size| of(ours, size).is_some())
        .collect();
    let bars: Vec<Bar> = known
        .into_iter()
        .take(NUM_BARS)
        .filter_map(|size| {
            Some(Bar {
                name: if size == 1 {
                    "1 element".into()
                } else {
                    format!("{size} elements")
                },
                value: of(ours, size)? as f32,
                control: of(untrained, size).map(|share| share as f32),
                site: String::new(),
                unit: None,
            })
        })
        .collect();
    let mut numbers = vec![Number::new(
        "flip_share",
        "edits that change the choice",
        ours.share(|_| true)?,
    )];
    if let Some(share) = untrained.share(|_| true) {
        numbers.push(Number::new("flip_share_untrained", "untrained", share).control());
    }
    Some(Figure {
        title: "How fragile choices are".into(),
        caption: "Share of single edits that change the agent's choice, by how many elements of the observation they \
                  change; ticks are an untrained network."
            .into(),
        body: Body::Bars {
            x: Scale::numeric("share of edits", ""),
            bars,
        },
        numbers,
    })
}
