//! What an agent will do: its greedy line of play from each state, in a game with the same network as its own
//! opponent.

use crate::{
    agent::Decision,
    env::Env,
    error::Result,
    model::evaluator::Evaluator,
    op::{Subject, Watch, reference_states},
};

/// Plies that the agent has played before a state on its own line.
const LEAD: usize = 2;
/// Directions in which a cell is left, and never.
pub const NUM_WAYS: usize = 5;
const NEVER: usize = 4;

/// A line of play from a state.
pub struct Line {
    pub start: Box<dyn Env>,
    /// Whether the agent itself has come to the start from elsewhere.
    pub is_own: bool,
    pub actions: Vec<usize>,
    /// Whether each action is among the best, where that is known for every state of the game.
    pub best: Vec<bool>,
    /// Where the agent stands, from the start on; empty where nothing walks on a grid.
    pub cells: Vec<(usize, usize)>,
}

impl Line {
    /// The action `ply` plies ahead; `over` where the episode has ended by then.
    pub fn action(&self, ply: usize, over: usize) -> usize {
        self.actions.get(ply).copied().unwrap_or(over)
    }

    /// By which side each cell of a grid of `(rows, columns)` is left next, or that it is not.
    pub fn ways(&self, (rows, columns): (usize, usize)) -> Vec<usize> {
        let mut ways = vec![NEVER; rows * columns];
        for two in self.cells.windows(2) {
            let ((row, column), (to_row, to_column)) = (two[0], two[1]);
            let way = match (to_row.cmp(&row), to_column.cmp(&column)) {
                (std::cmp::Ordering::Less, _) => 0,
                (std::cmp::Ordering::Greater, _) => 1,
                (_, std::cmp::Ordering::Less) => 2,
                (_, std::cmp::Ordering::Greater) => 3,
                _ => continue,
            };
            let cell = &mut ways[row * columns + column];
            if *cell == NEVER {
                *cell = way;
            }
        }
        ways
    }
}

/// Lines of `horizon` plies at most from `count` reference states, of which every other one is played on for
/// a few plies first: those starts are on the agent's own line. `watch` is told plies.
pub async fn lines(
    subject: &Subject<'_>,
    count: usize,
    horizon: usize,
    watch: &dyn Watch,
) -> Result<Vec<Line>> {
    let mut rng = subject.rng.split("lines");
    let mut states = reference_states(subject.env, count, &mut subject.rng.split("reference"));
    let own = |index: usize| index % 2 == 1;
    for _ in 0..LEAD {
        let open = going_on(&states, own);
        for (index, action) in choices(&subject.evaluator, &states, &open).await? {
            states[index].step(action, &mut rng)?;
        }
    }
    let fresh = |(index, start): (usize, Box<dyn Env>)| Line {
        is_own: own(index),
        actions: Vec::new(),
        best: Vec::new(),
        cells: start.agent_cell().into_iter().collect(),
        start,
    };
    let mut lines: Vec<Line> = states.into_iter().enumerate().map(fresh).collect();
    lines.retain(|line| !line.start.outcome().done());
    let mut states: Vec<Box<dyn Env>> = lines.iter().map(|line| line.start.clone()).collect();
    let knows_best = subject.env.enumerate().is_some();
    for ply in 0..horizon {
        let open = going_on(&states, |_| true);
        for (index, action) in choices(&subject.evaluator, &states, &open).await? {
            let (state, line) = (&mut states[index], &mut lines[index]);
            if let Some(optimum) = state.optimum().filter(|_| knows_best) {
                line.best.push(optimum.is_best(action));
            }
            state.step(action, &mut rng)?;
            line.actions.push(action);
            line.cells.extend(state.agent_cell());
        }
        watch.step(ply + 1, horizon).await?;
    }
    Ok(lines)
}

/// Those of the states asked for that have not ended.
fn going_on(states: &[Box<dyn Env>], is_asked: impl Fn(usize) -> bool) -> Vec<usize> {
    let goes_on = |index: &usize| is_asked(*index) && !states[*index].outcome().done();
    (0..states.len()).filter(goes_on).collect()
}

/// The likeliest action in each of the states `open`.
async fn choices(
    evaluator: &Evaluator,
    states: &[Box<dyn Env>],
    open: &[usize],
) -> Result<Vec<(usize, usize)>> {
    let asked: Vec<Box<dyn Env>> = open.iter().map(|&index| states[index].clone()).collect();
    let decided = Decision::bare(evaluator, &asked).await?;
    let actions = decided.iter().map(|decision| decision.action);
    Ok(open.iter().copied().zip(actions).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env;
    use serde_json::json;

    #[test]
    fn a_cell_is_left_as_it_is_left_first() {
        let start = (env::entry("tictactoe").unwrap().make)(&json!({})).unwrap();
        let line = Line {
            start,
            is_own: false,
            actions: vec![7, 3],
            best: Vec::new(),
            // Right, a bump, down, back up, left: the cell in the middle is left down first.
            cells: vec![(0, 0), (0, 1), (0, 1), (1, 1), (0, 1), (0, 0)],
        };
        assert_eq!(line.ways((2, 2)), [3, 1, NEVER, 0]);
        assert_eq!(line.action(1, 9), 3);
        assert_eq!(line.action(2, 9), 9);
    }
}
