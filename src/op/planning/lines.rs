//! What an agent will do: its greedy line of play from each state, in a game with the same network as its own
//! opponent.

use crate::{
    agent::Decision,
    env::Env,
    error::{Error, Result},
    model::evaluator::Evaluator,
    op::{Subject, Watch, reference_states},
    rng::Rng,
};
use std::collections::{BTreeMap, BTreeSet};

/// Plies that the agent has played before a state on its own line.
const LEAD: usize = 2;
/// States on its own line from which an agent that searches grows a tree each.
const NUM_TREES: usize = 128;
/// Directions in which a cell is left, and never.
pub const NUM_WAYS: usize = 5;
const NEVER: usize = 4;

/// A line of play from a state.
pub struct Line {
    pub start: Box<dyn Env>,
    /// Whether the start is on the ground.
    pub is_on: bool,
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

/// States that the agent has met, in thought or in play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// Nodes of the trees that it grows at its own positions.
    Tree,
    /// Where an agent that does not search comes by its own moves.
    Line,
}

/// Lines of `horizon` plies at most from up to `count` states, half of them on the ground. `watch` is told
/// plies.
pub async fn lines(
    subject: &Subject<'_>,
    count: usize,
    horizon: usize,
    watch: &dyn Watch,
) -> Result<(Ground, Vec<Line>)> {
    let mut rng = subject.rng.split("lines");
    let states = reference_states(subject.env, count, &mut subject.rng.split("reference"));
    let own = played_on(subject, &states, &mut rng).await?;
    let (ground, on, off) = match on_trees(subject, &own).await {
        Ok(tree) => {
            let mut off = states;
            off.retain(|state| !tree.contains_key(&key(state.as_ref())));
            let mut on: Vec<_> = tree.into_values().collect();
            rng.shuffle(&mut on);
            on.truncate(count / 2);
            (Ground::Tree, on, off)
        }
        // One state in two stays where it was.
        Err(Error::NotApplicable { .. }) => {
            let off = states.into_iter().step_by(2).collect();
            (Ground::Line, own, off)
        }
        Err(why) => return Err(why),
    };
    let room = count - on.len().min(count);
    let off = off.into_iter().take(room).map(|state| (false, state));
    let starts = on.into_iter().map(|state| (true, state)).chain(off);
    let fresh = |(is_on, start): (bool, Box<dyn Env>)| Line {
        is_on,
        actions: Vec::new(),
        best: Vec::new(),
        cells: start.agent_cell().into_iter().collect(),
        start,
    };
    let mut lines: Vec<Line> = starts.map(fresh).collect();
    let mut states: Vec<Box<dyn Env>> = lines.iter().map(|line| line.start.clone()).collect();
    let knows_best = subject.env.enumerate().is_some();
    for ply in 0..horizon {
        for (index, action) in choices(&subject.evaluator, &states).await? {
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
    Ok((ground, lines))
}

/// Every other one of `states`, some plies of the agent's later; without those that end.
async fn played_on(
    subject: &Subject<'_>,
    states: &[Box<dyn Env>],
    rng: &mut Rng,
) -> Result<Vec<Box<dyn Env>>> {
    let mut own: Vec<_> = states.iter().skip(1).step_by(2).cloned().collect();
    for _ in 0..LEAD {
        for (index, action) in choices(&subject.evaluator, &own).await? {
            own[index].step(action, rng)?;
        }
    }
    own.retain(|state| !state.outcome().done());
    Ok(own)
}

/// What a state is told apart by.
fn key(state: &dyn Env) -> String {
    state.state().to_string()
}

/// Distinct nodes of the trees that the agent grows at the first of `roots`, by what they are; those that end
/// the game are left out. Errors: `NotApplicable` where it does not search.
async fn on_trees(
    subject: &Subject<'_>,
    roots: &[Box<dyn Env>],
) -> Result<BTreeMap<String, Box<dyn Env>>> {
    let mut known = BTreeSet::new();
    let fresh = roots.iter().filter(|root| known.insert(key(root.as_ref())));
    let roots: Vec<Box<dyn Env>> = fresh.take(NUM_TREES).cloned().collect();
    let explored = subject
        .lab
        .explore(&subject.evaluator, &roots, None)
        .await?;
    let mut found = BTreeMap::new();
    for (root, explored) in roots.iter().zip(explored) {
        let mut nodes: Vec<Box<dyn Env>> = Vec::with_capacity(explored.branches.len());
        for branch in &explored.branches {
            let node = match branch.parent {
                None => root.clone(),
                Some(parent) => {
                    let mut node = nodes[parent].clone();
                    // A game that is searched leaves nothing to chance.
                    node.step(branch.action, &mut Rng::new(0))?;
                    node
                }
            };
            if !branch.is_over {
                found.insert(key(node.as_ref()), node.clone());
            }
            nodes.push(node);
        }
    }
    Ok(found)
}

/// The likeliest action in each of `states` that has not ended, by its place.
async fn choices(evaluator: &Evaluator, states: &[Box<dyn Env>]) -> Result<Vec<(usize, usize)>> {
    let goes_on = |index: &usize| !states[*index].outcome().done();
    let open: Vec<usize> = (0..states.len()).filter(goes_on).collect();
    let asked: Vec<Box<dyn Env>> = open.iter().map(|&index| states[index].clone()).collect();
    let decided = Decision::bare(evaluator, &asked).await?;
    let actions = decided.iter().map(|decision| decision.action);
    Ok(open.into_iter().zip(actions).collect())
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
            is_on: false,
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
