//! Monte-Carlo tree search over a network, for many roots in lock-step.
//!
//! Every simulation walks down each tree, evaluates all new leaves in one batch, and backs up. Two
//! rules: PUCT with Dirichlet noise at the root (Silver et al. 2018) and Gumbel search (Danihelka et
//! al. 2022, "Policy improvement by planning with Gumbel").

use crate::{
    env::Env,
    error::Result,
    model::evaluator::{Evaluator, masked_softmax},
    rng::Rng,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Values closer together than this are not stretched to the whole of [0, 1].
///
/// The published 1e-8 turns a network's noise into near-certainty: with it the search overlooks forced
/// losses that untrained networks value like anything else, and loses more games at Connect 4.
const MIN_RANGE: f32 = 1.0;

/// How actions are chosen in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Prior-weighted upper confidence bound; the target is the visit distribution.
    Puct,
    /// Gumbel-top-k with sequential halving; the target is the improved policy over all actions.
    Gumbel,
}

/// Constants of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// How actions are chosen.
    pub rule: Rule,
    /// Evaluations after the root's.
    pub num_simulations: usize,
    /// PUCT's exploration rate is `ln((1 + N + c_base) / c_base) + c_init`.
    pub c_init: f32,
    /// See `c_init`.
    pub c_base: f32,
    /// Concentration of the root noise.
    pub dirichlet_alpha: f32,
    /// Weight of the root noise (PUCT), or scale of the Gumbel noise; 0 for deterministic play.
    pub noise: f32,
    /// Most root actions that Gumbel search considers.
    pub max_considered: usize,
}

/// What a search found at a root.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Visits of each action; they sum to the number of simulations.
    pub visits: Vec<u32>,
    /// Mean value of each visited action for the player to move.
    pub q: Vec<Option<f32>>,
    /// Value of the root for the player to move: the mean over visits (PUCT), or what the improved
    /// policy expects (Gumbel).
    pub value: f32,
    /// Policy target: visit shares (PUCT) or the improved policy (Gumbel).
    pub policy: Vec<f32>,
    /// The action to play: most visited (PUCT), or the winner of the halving (Gumbel).
    pub action: usize,
    /// The network's prior at the root, without noise.
    pub prior: Vec<f32>,
    /// The network's logits at the root.
    pub logits: Vec<f32>,
    /// The network's value of the root.
    pub raw_value: f32,
}

/// Searches from `roots`, none of which may have ended.
pub async fn search(
    roots: &[Box<dyn Env>],
    evaluator: &Evaluator,
    config: &Config,
    rng: &mut Rng,
) -> Result<Vec<Found>> {
    let trees = grow(roots, evaluator, config, rng).await?;
    Ok(trees.iter().map(|tree| tree.found(config)).collect())
}

/// The same, and the nodes of each tree.
pub async fn explore(
    roots: &[Box<dyn Env>],
    evaluator: &Evaluator,
    config: &Config,
    rng: &mut Rng,
) -> Result<Vec<(Found, Vec<Branch>)>> {
    let trees = grow(roots, evaluator, config, rng).await?;
    let both = |tree: &Tree| (tree.found(config), tree.branches());
    Ok(trees.iter().map(both).collect())
}

/// A node of a search's tree, to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Branch {
    /// Index of its parent; none for the root.
    pub parent: Option<usize>,
    /// The action that leads to it; 0 for the root.
    pub action: usize,
    /// The network's probability of that action, without noise; 1 for the root.
    pub prior: f32,
    /// Simulations that passed through it.
    pub visits: u32,
    /// Their mean value, for the player who chose the action; of the root, for the player to move.
    pub value: f32,
    /// Whether the episode is over there.
    pub is_over: bool,
}

async fn grow(
    roots: &[Box<dyn Env>],
    evaluator: &Evaluator,
    config: &Config,
    rng: &mut Rng,
) -> Result<Vec<Tree>> {
    let answers = evaluator.evaluate_states(roots).await?;
    let mut trees: Vec<Tree> = roots
        .iter()
        .enumerate()
        .map(|(row, root)| {
            Tree::new(
                root.clone(),
                answers.logits_of(row),
                answers.values[row],
                config,
                rng,
            )
        })
        .collect();
    let mut leaves = Vec::with_capacity(trees.len());
    for _ in 0..config.num_simulations {
        leaves.clear();
        let mut observations = Vec::new();
        for (index, tree) in trees.iter_mut().enumerate() {
            if let Some(node) = tree.simulate(config, rng) {
                let env = &tree.nodes[node].env;
                let start = observations.len();
                observations.resize(start + env.space().observation_len(), 0.0);
                env.observe(&mut observations[start..]);
                leaves.push((index, node));
            }
        }
        if leaves.is_empty() {
            continue;
        }
        let answers = evaluator.evaluate(observations, leaves.len()).await?;
        for (row, &(index, node)) in leaves.iter().enumerate() {
            trees[index].expand(node, answers.logits_of(row), answers.values[row]);
        }
    }
    Ok(trees)
}

/// A node and the statistics of its actions, from the viewpoint of its player to move.
struct Node {
    env: Box<dyn Env>,
    player: usize,
    /// Value by the network, or by the rules once the episode has ended.
    value: f32,
    terminal: bool,
    logits: Vec<f32>,
    legal: Vec<bool>,
    prior: Vec<f32>,
    visits: Vec<u32>,
    value_sum: Vec<f32>,
    /// Reward of stepping there; read once the child exists.
    reward: Vec<f32>,
    child: Vec<Option<usize>>,
}

impl Node {
    fn total_visits(&self) -> u32 {
        self.visits.iter().sum()
    }

    fn q(&self, action: usize) -> Option<f32> {
        (self.visits[action] > 0).then(|| self.value_sum[action] / self.visits[action] as f32)
    }

    /// Mean of the node's own value and all values backed up through it.
    fn mean_value(&self) -> f32 {
        let sum: f32 = self.value_sum.iter().sum();
        (self.value + sum) / (1 + self.total_visits()) as f32
    }

    /// Values with unvisited actions completed by the mixed estimate (Danihelka et al., appendix D),
    /// rescaled to [0, 1] over legal actions and weighted by the most visited count.
    fn completed(&self) -> Vec<f32> {
        let total = self.total_visits() as f32;
        let (mut weight, mut weighted) = (0.0, 0.0);
        for action in 0..self.prior.len() {
            if let Some(q) = self.q(action) {
                let prior = self.prior[action].max(f32::MIN_POSITIVE);
                weight += prior;
                weighted += prior * q;
            }
        }
        let mixed = if weight > 0.0 {
            (self.value + total * weighted / weight) / (1.0 + total)
        } else {
            self.value
        };
        let q: Vec<f32> = (0..self.prior.len())
            .map(|action| self.q(action).unwrap_or(mixed))
            .collect();
        let legal = || {
            q.iter()
                .zip(&self.legal)
                .filter(|(_, legal)| **legal)
                .map(|(q, _)| *q)
        };
        let low = legal().fold(f32::INFINITY, f32::min);
        let high = legal().fold(f32::NEG_INFINITY, f32::max);
        let most = self.visits.iter().copied().max().unwrap_or(0) as f32;
        let scale = 0.1 * (50.0 + most) / (high - low).max(MIN_RANGE);
        q.iter().map(|q| (q - low) * scale).collect()
    }

    /// The improved policy `softmax(logits + σ(completed q))`.
    fn improved(&self) -> Vec<f32> {
        let sharpened: Vec<f32> = self
            .logits
            .iter()
            .zip(self.completed())
            .map(|(x, q)| x + q)
            .collect();
        masked_softmax(&sharpened, &self.legal)
    }
}

struct Tree {
    nodes: Vec<Node>,
    /// Root priors with noise (PUCT), or Gumbel draws (Gumbel).
    root_noise: Vec<f32>,
    /// Gumbel: how many visits a root action must have to be considered, by simulation.
    schedule: Vec<u32>,
    /// Nodes and actions of the walk under way.
    path: Vec<(usize, usize)>,
}

impl Tree {
    fn new(root: Box<dyn Env>, logits: &[f32], value: f32, config: &Config, rng: &mut Rng) -> Self {
        let mut tree = Self {
            nodes: Vec::with_capacity(config.num_simulations + 1),
            root_noise: Vec::new(),
            schedule: Vec::new(),
            path: Vec::new(),
        };
        tree.add(root);
        tree.fill(0, logits, value);
        let root = &tree.nodes[0];
        let legal: Vec<usize> = (0..root.legal.len())
            .filter(|&action| root.legal[action])
            .collect();
        match config.rule {
            Rule::Puct => {
                let mut noisy = root.prior.clone();
                if config.noise > 0.0 {
                    let draw = rng.dirichlet(config.dirichlet_alpha, legal.len());
                    for (&action, noise) in legal.iter().zip(draw) {
                        noisy[action] = (1.0 - config.noise) * noisy[action] + config.noise * noise;
                    }
                }
                tree.root_noise = noisy;
            }
            Rule::Gumbel => {
                let draw = |_| {
                    if config.noise > 0.0 {
                        config.noise * rng.gumbel()
                    } else {
                        0.0
                    }
                };
                tree.root_noise = (0..root.legal.len()).map(draw).collect();
                let considered = config.max_considered.min(legal.len());
                tree.schedule = halving(considered, config.num_simulations);
            }
        }
        tree
    }

    /// Adds an unexpanded node.
    fn add(&mut self, env: Box<dyn Env>) -> usize {
        let actions = env.space().num_actions();
        let mut legal = vec![false; actions];
        env.legal(&mut legal);
        let player = env.player();
        let terminal = env.outcome().done();
        self.nodes.push(Node {
            env,
            player,
            terminal,
            legal,
            value: 0.0,
            logits: Vec::new(),
            prior: Vec::new(),
            visits: vec![0; actions],
            value_sum: vec![0.0; actions],
            reward: vec![0.0; actions],
            child: vec![None; actions],
        });
        self.nodes.len() - 1
    }

    fn fill(&mut self, node: usize, logits: &[f32], value: f32) {
        let node = &mut self.nodes[node];
        node.logits = logits.to_vec();
        node.prior = masked_softmax(logits, &node.legal);
        node.value = value;
    }

    /// Walks down to a new node. Returns it if the network must value it; otherwise backs up at once.
    fn simulate(&mut self, config: &Config, rng: &mut Rng) -> Option<usize> {
        self.path.clear();
        let mut at = 0;
        loop {
            let action = self.select(at, config);
            self.path.push((at, action));
            match self.nodes[at].child[action] {
                Some(child) if self.nodes[child].terminal => {
                    self.back_up(0.0, self.nodes[child].player);
                    return None;
                }
                Some(child) => at = child,
                None => {
                    let mut env = self.nodes[at].env.clone();
                    let step = env.step(action, rng).unwrap_or_default();
                    let child = self.add(env);
                    self.nodes[at].child[action] = Some(child);
                    self.nodes[at].reward[action] = step.reward;
                    if step.done() {
                        self.nodes[child].terminal = true;
                        self.back_up(0.0, self.nodes[child].player);
                        return None;
                    }
                    return Some(child);
                }
            }
        }
    }

    /// Gives a new node the network's answer and backs its value up.
    ///
    /// The path is still that of the walk that made it, because each tree has one walk at a time.
    fn expand(&mut self, node: usize, logits: &[f32], value: f32) {
        self.fill(node, logits, value);
        let player = self.nodes[node].player;
        self.back_up(value, player);
    }

    /// Adds `value` (for `player`) to every action on the path, each from its own player's viewpoint.
    fn back_up(&mut self, value: f32, player: usize) {
        let (mut value, mut player) = (value, player);
        for &(at, action) in self.path.iter().rev() {
            let node = &mut self.nodes[at];
            let seen = if node.player == player { value } else { -value };
            value = node.reward[action] + seen;
            player = node.player;
            node.visits[action] += 1;
            node.value_sum[action] += value;
        }
    }

    fn select(&self, at: usize, config: &Config) -> usize {
        let node = &self.nodes[at];
        let score: Vec<f32> = match (config.rule, at) {
            (Rule::Puct, _) => {
                let total = node.total_visits() as f32;
                let rate = ((1.0 + total + config.c_base) / config.c_base).ln() + config.c_init;
                let unvisited = node.mean_value();
                let prior = if at == 0 {
                    &self.root_noise
                } else {
                    &node.prior
                };
                (0..prior.len())
                    .map(|action| {
                        let explore = rate * prior[action] * total.max(1.0).sqrt();
                        node.q(action).unwrap_or(unvisited)
                            + explore / (1 + node.visits[action]) as f32
                    })
                    .collect()
            }
            (Rule::Gumbel, 0) => {
                let wanted = self.schedule[node.total_visits() as usize];
                let score = self.root_score();
                let considered = |action: &usize| node.visits[*action] == wanted;
                let any = (0..score.len()).any(|action| node.legal[action] && considered(&action));
                (0..score.len())
                    .map(|action| {
                        if !any || considered(&action) {
                            score[action]
                        } else {
                            -1e30
                        }
                    })
                    .collect()
            }
            (Rule::Gumbel, _) => {
                let total = 1.0 + node.total_visits() as f32;
                let improved = node.improved();
                (0..improved.len())
                    .map(|a| improved[a] - node.visits[a] as f32 / total)
                    .collect()
            }
        };
        crate::model::evaluator::masked_argmax(&score, &node.legal).unwrap_or(0)
    }

    /// Gumbel's root score: noise + logit + σ(completed q).
    fn root_score(&self) -> Vec<f32> {
        let root = &self.nodes[0];
        let completed = root.completed();
        (0..completed.len())
            .map(|a| self.root_noise[a] + root.logits[a] + completed[a])
            .collect()
    }

    /// The nodes in the order in which they were added, so that each comes after its parent.
    fn branches(&self) -> Vec<Branch> {
        let root = &self.nodes[0];
        let mut branches = vec![Branch {
            parent: None,
            action: 0,
            prior: 1.0,
            visits: root.total_visits(),
            value: root.mean_value(),
            is_over: root.terminal,
        }];
        let mut leads = vec![(0, 0); self.nodes.len()];
        for (parent, node) in self.nodes.iter().enumerate() {
            let children = node.child.iter().enumerate();
            children.for_each(|(action, child)| {
                child
                    .iter()
                    .for_each(|&child| leads[child] = (parent, action));
            });
        }
        for (node, &(parent, action)) in self.nodes.iter().zip(&leads).skip(1) {
            let from = &self.nodes[parent];
            branches.push(Branch {
                parent: Some(parent),
                action,
                prior: from.prior[action],
                visits: from.visits[action],
                value: from.q(action).unwrap_or(node.value),
                is_over: node.terminal,
            });
        }
        branches
    }

    fn found(&self, config: &Config) -> Found {
        let root = &self.nodes[0];
        let most = root.visits.iter().copied().max().unwrap_or(0);
        let (policy, score) = match config.rule {
            Rule::Puct => {
                let total = root.total_visits().max(1) as f32;
                let share: Vec<f32> = root.visits.iter().map(|&n| n as f32 / total).collect();
                let policy = if most == 0 { root.prior.clone() } else { share };
                // Among equally visited actions, the better valued.
                let score = (0..policy.len())
                    .map(|a| root.q(a).unwrap_or(-2.0))
                    .collect();
                (policy, score)
            }
            Rule::Gumbel => (root.improved(), self.root_score()),
        };
        let value = match config.rule {
            Rule::Puct => root.mean_value(),
            // What the improved policy expects: the mean over visits would count what was tried and found bad.
            Rule::Gumbel => {
                let expected =
                    |(action, p): (usize, &f32)| p * root.q(action).unwrap_or(root.value);
                policy.iter().enumerate().map(expected).sum()
            }
        };
        let top: Vec<bool> = (0..score.len())
            .map(|a| root.legal[a] && root.visits[a] == most)
            .collect();
        let action = crate::model::evaluator::masked_argmax(&score, &top).unwrap_or(0);
        Found {
            q: (0..policy.len()).map(|action| root.q(action)).collect(),
            visits: root.visits.clone(),
            value,
            action,
            policy,
            prior: root.prior.clone(),
            logits: root.logits.clone(),
            raw_value: root.value,
        }
    }
}

/// Sequential halving: for each simulation, the visits that an action must have to be considered.
fn halving(num_considered: usize, num_simulations: usize) -> Vec<u32> {
    if num_considered <= 1 {
        return (0..num_simulations as u32).collect();
    }
    let phases = num_considered.next_power_of_two().ilog2() as usize;
    let mut schedule = Vec::with_capacity(num_simulations);
    let mut visits = vec![0_u32; num_considered];
    let mut considered = num_considered;
    while schedule.len() < num_simulations {
        let extra = (num_simulations / (phases * considered)).max(1);
        for _ in 0..extra {
            schedule.extend_from_slice(&visits[..considered]);
            visits[..considered]
                .iter_mut()
                .for_each(|count| *count += 1);
        }
        considered = (considered / 2).max(2);
    }
    schedule.truncate(num_simulations);
    schedule
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_of_four_actions_in_sixteen_simulations() {
        // Two phases of eight: two visits each for four actions, then four each for two.
        assert_eq!(
            halving(4, 16),
            [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
        );
    }

    #[test]
    fn halving_fills_any_budget() {
        for considered in 1..10 {
            for simulations in 1..70 {
                assert_eq!(halving(considered, simulations).len(), simulations);
            }
        }
    }
}
