//! Where the agent spends its time on a level, and where its episodes end.

use super::{
    OpEntry, Subject,
    episodes::{self, Episode, Player},
    figure::{Figure, Number},
    value_map::{OnGrid, heatmap},
};
use crate::{
    env::Env,
    error::{Error, Result},
    model::evaluator::Evaluator,
    rng::Rng,
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "occupancy",
    title: "Occupancy",
    summary: "Plays many episodes from this board, and counts where the agent has been and where it ended.",
    schema: schema::schema_of::<Parameters>,
    num_states: 1,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "occupancy")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// Episodes to play.
    #[schemars(range(min = 1, max = 1000))]
    pub episodes: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { episodes: 100 }
    }
}

/// Counts over the cells of a grid.
pub(super) struct Counts {
    rows: usize,
    columns: usize,
    counts: Vec<f32>,
}

impl Counts {
    /// None yet, on the grid of `env`. Errors: `NotApplicable` where nothing walks on it.
    pub fn new(env: &dyn Env) -> Result<Self> {
        if env.agent_cell().is_none() {
            return Err(Error::not_applicable(
                "nothing in this environment stands on one cell and moves to the next",
            ));
        }
        let scene = env.scene();
        Ok(Self {
            rows: scene.rows,
            columns: scene.columns,
            counts: vec![0.0; scene.rows * scene.columns],
        })
    }

    /// One more where the agent of `env` stands.
    pub fn add(&mut self, env: &dyn Env) {
        if let Some((row, column)) = env.agent_cell() {
            self.counts[row * self.columns + column] += 1.0;
        }
    }

    /// Cells that were counted at all.
    fn visited(&self) -> f64 {
        self.counts.iter().filter(|count| **count > 0.0).count() as f64
    }

    /// Shares of all counts; none on cells without any.
    pub fn shares(self) -> OnGrid {
        let total: f32 = self.counts.iter().sum();
        let share = |count: f32| (count > 0.0).then_some(count / total);
        OnGrid {
            rows: self.rows,
            columns: self.columns,
            values: self.counts.into_iter().map(share).collect(),
        }
    }
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let [state] = subject.states.as_slice() else {
        return Err(Error::not_applicable("this op looks at a state"));
    };
    if state.outcome().done() {
        return Err(Error::not_applicable(
            "this episode is over; go back a move",
        ));
    }
    let rng = subject.rng.split("occupancy");
    let count = parameters.episodes;
    let (seen, played) = play(&subject.evaluator, state.as_ref(), count, rng.clone()).await?;
    let (control_seen, control) = play(&subject.untrained, state.as_ref(), count, rng).await?;
    let mut ends = Counts::new(state.as_ref())?;
    played.iter().for_each(|one| ends.add(one.last.as_ref()));
    let numbers = vec![
        Number::new("mean_return", "mean return", episodes::mean_return(&played)),
        Number::new(
            "mean_return_untrained",
            "untrained",
            episodes::mean_return(&control),
        )
        .control(),
        Number::new("cells_visited", "cells visited", seen.visited()),
        Number::new(
            "cells_visited_untrained",
            "untrained",
            control_seen.visited(),
        )
        .control(),
    ];
    let ended = played.iter().filter(|one| one.terminated).count() as f64;
    Ok(vec![
        heatmap(
            "Occupancy",
            "Share of all steps that the agent spent on each cell, over many episodes from this board.",
            seen.shares(),
            "share of steps",
            numbers,
        ),
        heatmap(
            "Where episodes end",
            "Share of those episodes that ended, or were cut, with the agent on each cell.",
            ends.shares(),
            "share of episodes",
            vec![Number::new("ended", "ended by the rules", ended).out_of(played.len() as f64)],
        ),
    ])
}

async fn play(
    evaluator: &Evaluator,
    state: &dyn Env,
    count: usize,
    mut rng: Rng,
) -> Result<(Counts, Vec<Episode>)> {
    let mut seen = Counts::new(state)?;
    let starts = (0..count).map(|_| state.boxed()).collect();
    let player = Player::Network(evaluator);
    let visit = &mut |_: usize, env: &dyn Env| seen.add(env);
    let played = episodes::play(player, starts, &mut rng, visit).await?;
    Ok((seen, played))
}
