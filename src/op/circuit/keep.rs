//! What is kept, parts or edges, and what is left of the answer with that alone.

use super::flow::Flow;
use crate::{
    error::{Error, Result},
    op::{
        Subject,
        contrast::{Direction, replace},
        curve::{mean_rows, ranked},
        figure::Bar,
        traced::Traced,
        wiring::Node,
    },
    rng::Rng,
};
use std::collections::BTreeMap;

/// Rows of one forward pass.
const MAX_ROWS: usize = 512;
/// Candidates that ACDC tries to cut in one forward pass, at first and at most.
const LOOK_AHEAD: [usize; 2] = [8, 256];
/// Candidates that are cut alone.
const MAX_CHECKED: usize = 1024;

/// Something that may be kept or cut: an edge between two nodes, or a node, which then is both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub from: usize,
    pub to: usize,
}

/// The whole network: all candidates, and how what is left of the answer is found.
pub(super) struct Whole<'a> {
    pub traced: &'a Traced<'a>,
    pub nodes: &'a [Node],
    /// From the observation on.
    pub candidates: Vec<Candidate>,
    /// Their scores, as shares: means over the pairs.
    pub scores: Vec<f32>,
    /// Candidates of each site, or of each pair of sites.
    alike: Vec<Vec<usize>>,
    /// How edges are run; none where candidates are nodes.
    flow: Option<Flow<'a>>,
}

impl<'a> Whole<'a> {
    /// Every inner part that differs between the boards of some pair and that the measure depends on.
    pub fn of_nodes(traced: &'a Traced<'a>, nodes: &'a [Node]) -> Result<Self> {
        let mut candidates = Vec::new();
        for place in inner(traced, nodes)? {
            candidates.push(Candidate {
                from: place,
                to: place,
            });
        }
        let all = traced.node_scores(nodes)?;
        let scores = candidates.iter().map(|one| all[one.to]).collect();
        Self::new(traced, nodes, candidates, scores, None)
    }

    /// Every edge between `nodes`, which are those that change and those that count.
    pub async fn of_edges(traced: &'a Traced<'a>, nodes: &'a [Node], rng: Rng) -> Result<Self> {
        let flow = Flow::new(traced, nodes, rng).await?;
        let (candidates, scores) = flow
            .edges
            .iter()
            .map(|edge| {
                (
                    Candidate {
                        from: edge.from,
                        to: edge.to,
                    },
                    edge.weight,
                )
            })
            .unzip();
        Self::new(traced, nodes, candidates, scores, Some(flow))
    }

    fn new(
        traced: &'a Traced<'a>,
        nodes: &'a [Node],
        candidates: Vec<Candidate>,
        scores: Vec<f32>,
        flow: Option<Flow<'a>>,
    ) -> Result<Self> {
        if candidates.is_empty() {
            return Err(Error::not_applicable(
                "no inner part that the measure depends on differs between the two boards, so there is no \
                 circuit",
            ));
        }
        let mut alike: BTreeMap<[usize; 2], Vec<usize>> = BTreeMap::new();
        for (place, one) in candidates.iter().enumerate() {
            let sites = [one.from, one.to].map(|node| nodes[node].site);
            alike.entry(sites).or_default().push(place);
        }
        Ok(Self {
            traced,
            nodes,
            candidates,
            scores,
            alike: alike.into_values().collect(),
            flow,
        })
    }

    /// Whether edges are kept and cut, not nodes.
    pub fn is_of_edges(&self) -> bool {
        self.flow.is_some()
    }

    /// What candidates are called.
    pub fn plural(&self) -> &'static str {
        if self.is_of_edges() { "edges" } else { "parts" }
    }

    /// Rows of forward passes that one circuit takes.
    pub fn rows(&self) -> usize {
        self.flow.as_ref().map_or(1, |flow| flow.rows().max(1))
    }

    /// The share of the clean answer that is left with each set of kept candidates: by pair, one a set.
    pub async fn shares(&self, sets: &[Vec<bool>]) -> Result<Vec<Vec<f32>>> {
        let mut shares = Vec::with_capacity(self.traced.pairs.len());
        for pair in 0..self.traced.pairs.len() {
            shares.push(match &self.flow {
                Some(flow) => flow.shares(pair, sets).await?,
                None => self.mixed(pair, sets).await?,
            });
        }
        Ok(shares)
    }

    /// The same, as a mean over the pairs.
    pub async fn faithfulness(&self, sets: &[Vec<bool>]) -> Result<Vec<f32>> {
        Ok(mean_rows(self.shares(sets).await?.iter()))
    }

    /// How far from the whole network's answers each set of kept candidates is, summed over the pairs: what is
    /// needed on one of many counts as much as on one alone.
    async fn away(&self, sets: &[Vec<bool>]) -> Result<Vec<f32>> {
        let mut away = vec![0.0; sets.len()];
        for shares in self.shares(sets).await? {
            let pairs = away.iter_mut().zip(shares);
            pairs.for_each(|(away, share): (&mut f32, f32)| *away += (share - 1.0).abs());
        }
        Ok(away)
    }

    /// Shares with sets of nodes, on the clean board: all other elements of the candidates' sites have their
    /// activations on the corrupt one. Elements that are no candidates are alike on both, and stay so.
    async fn mixed(&self, pair: usize, sets: &[Vec<bool>]) -> Result<Vec<f32>> {
        let (contrast, evaluator) = (&self.traced.pairs[pair], self.traced.evaluator);
        let mut shares = Vec::with_capacity(sets.len());
        for sets in sets.chunks(MAX_ROWS) {
            let mut mixed = evaluator.clone();
            for here in &self.alike {
                let site = self.traced.wiring.sites[self.nodes[self.candidates[here[0]].to].site];
                let cut = |keep: &Vec<bool>| {
                    let mut cut = vec![true; site.len()];
                    let kept = here.iter().filter(|&&candidate| keep[candidate]);
                    kept.flat_map(|&one| &self.nodes[self.candidates[one].to].elements)
                        .for_each(|&element| cut[element] = false);
                    (0..site.len()).filter(|&element| cut[element]).collect()
                };
                let groups: Vec<Vec<usize>> = sets.iter().map(cut).collect();
                let corrupt = contrast.at(1, site)?;
                mixed
                    .edits
                    .push(replace(site, &groups, corrupt, &evaluator.device));
            }
            let rows = sets.len();
            let answers = mixed
                .evaluate(contrast.observations[0].repeat(rows), rows)
                .await?;
            let measured = contrast.gauge.rows(&answers).into_iter();
            shares.extend(measured.map(|measured| contrast.share(Direction::Denoise, measured)));
        }
        Ok(shares)
    }

    /// Length of each candidate's change between the boards, an edge's where it comes from; a mean over the
    /// pairs.
    pub fn changes(&self) -> Result<Vec<f32>> {
        let change = |one: &Candidate| {
            let node = &self.nodes[one.from];
            let site = self.traced.wiring.sites[node.site];
            let mut mean = 0.0;
            for pair in &self.traced.pairs {
                let (clean, corrupt) = (pair.at(0, site)?, pair.at(1, site)?);
                let squares = node
                    .elements
                    .iter()
                    .map(|&e| (clean[e] - corrupt[e]).powi(2));
                mean += squares.sum::<f32>().sqrt() / self.traced.pairs.len() as f32;
            }
            Ok(mean)
        };
        self.candidates.iter().map(change).collect()
    }

    /// The `size` candidates of the largest scores, whatever their sign.
    pub fn strongest(&self, size: usize) -> Vec<bool> {
        let sizes: Vec<f32> = self.scores.iter().map(|score| score.abs()).collect();
        let mut keep = vec![false; sizes.len()];
        ranked(&sizes)
            .into_iter()
            .take(size)
            .for_each(|place| keep[place] = true);
        keep
    }

    /// As many random candidates of each site, or between the same two sites, as `keep` has.
    pub fn random(&self, keep: &[bool], rng: &mut Rng) -> Vec<bool> {
        let mut random = keep.to_vec();
        for here in &self.alike {
            let mut kept: Vec<bool> = here.iter().map(|&candidate| keep[candidate]).collect();
            rng.shuffle(&mut kept);
            here.iter()
                .zip(kept)
                .for_each(|(&candidate, kept)| random[candidate] = kept);
        }
        random
    }

    /// ACDC: from the answers back, node by node and the smallest scores first, each candidate is cut, and
    /// kept after all where that takes the answer further from the whole network's than `threshold`. Edges
    /// into a part that nothing leaves any more are cut unseen.
    ///
    /// One pass tries many, and expects that all go as the last one did: row `i` has all up to `i` cut, and
    /// holds until one is kept; or it has `i` alone cut, and holds until one stays cut.
    pub async fn acdc(&self, subject: &Subject<'_>, threshold: f32) -> Result<Vec<bool>> {
        let mut order: Vec<usize> = (0..self.candidates.len()).collect();
        let key = |place: usize| {
            let to = self.candidates[place].to;
            (self.nodes[to].site, if self.is_of_edges() { to } else { 0 })
        };
        order.sort_by(|&a, &b| {
            let back = key(b).cmp(&key(a));
            back.then(self.scores[a].abs().total_cmp(&self.scores[b].abs()))
        });
        let mut keep = vec![true; order.len()];
        let mut away = self.away(std::slice::from_ref(&keep)).await?[0];
        let (mut next, mut ahead, mut cuts) = (0, LOOK_AHEAD[0], true);
        while next < order.len() {
            let (mut tried, mut end) = (Vec::new(), next);
            while end < order.len() && tried.len() < ahead {
                let idle = |flow: &Flow<'_>| flow.leads_nowhere(order[end], &keep);
                match self.flow.as_ref().is_some_and(idle) {
                    true => keep[order[end]] = false,
                    false => tried.push(end),
                }
                end += 1;
            }
            let mut row = keep.clone();
            let mut sets = Vec::with_capacity(tried.len());
            for &place in &tried {
                row[order[place]] = false;
                sets.push(row.clone());
                row[order[place]] = !cuts;
            }
            let found = self.away(&sets).await?.into_iter().zip(&tried).enumerate();
            ahead *= 2;
            for (index, (further, &place)) in found {
                let is_cut = further - away < threshold;
                keep[order[place]] = !is_cut;
                if is_cut {
                    away = further;
                }
                if is_cut != cuts {
                    (end, ahead, cuts) = (place + 1, 2 * index, is_cut);
                    break;
                }
            }
            ahead = ahead.clamp(LOOK_AHEAD[0], LOOK_AHEAD[1]);
            next = end;
            subject.step(40 + 50 * next / order.len(), 100).await?;
        }
        Ok(keep)
    }

    /// Candidates whose score is compared with what cutting them does: all, or the strongest and as many
    /// random others.
    pub fn checked(&self, rng: &mut Rng) -> Vec<usize> {
        let sizes: Vec<f32> = self.scores.iter().map(|score| score.abs()).collect();
        let mut order = ranked(&sizes);
        let mut rest = order.split_off(order.len().min(MAX_CHECKED / 2));
        rng.shuffle(&mut rest);
        rest.truncate(MAX_CHECKED / 2);
        order.extend(rest);
        order.sort_unstable();
        order
    }

    /// What the clean answer loses when each of these candidates alone is cut, as a mean over the pairs.
    pub async fn exact(&self, subject: &Subject<'_>, which: &[usize]) -> Result<Vec<f32>> {
        let mut keep = vec![true; self.candidates.len()];
        let all = self.faithfulness(std::slice::from_ref(&keep)).await?[0];
        let mut lost = Vec::with_capacity(which.len());
        for which in which.chunks(LOOK_AHEAD[1]) {
            let mut sets = Vec::with_capacity(which.len());
            for &one in which {
                keep[one] = false;
                sets.push(keep.clone());
                keep[one] = true;
            }
            let left = self.faithfulness(&sets).await?;
            lost.extend(left.into_iter().map(|share| all - share));
            subject
                .step(
                    90 + 10 * lost.len() / self.candidates.len().max(lost.len()),
                    100,
                )
                .await?;
        }
        Ok(lost)
    }

    /// A candidate as a bar.
    pub fn bar(&self, candidate: usize, value: f32, control: f32) -> Bar {
        let one = self.candidates[candidate];
        let name = |node: &Node| {
            let site = self.traced.wiring.sites[node.site];
            match node.name == site.name {
                true => site.name.clone(),
                false => format!("{}, {}", site.name, node.name),
            }
        };
        let [from, to] = [one.from, one.to].map(|node| &self.nodes[node]);
        Bar {
            name: match one.from == one.to {
                true => name(to),
                false => format!("{} → {}", name(from), name(to)),
            },
            value,
            control: Some(control),
            site: self.traced.wiring.sites[to.site].name.clone(),
            unit: to.elements.first().copied(),
        }
    }
}

/// Places of the inner nodes that differ between the boards of some pair and that the measure depends on.
fn inner(traced: &Traced<'_>, nodes: &[Node]) -> Result<Vec<usize>> {
    let mut inner = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        let site = traced.wiring.sites[node.site];
        let counts = node.site > 0 && !site.is_output() && traced.matters(site);
        if counts && traced.changes(node)? {
            inner.push(place);
        }
    }
    Ok(inner)
}

/// The nodes that edges may join: those that differ between boards, and the answers that count.
pub(super) fn joined(traced: &Traced<'_>, nodes: &[Node]) -> Result<Vec<Node>> {
    let inner = inner(traced, nodes)?;
    let mut joined = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        let counts = match (node.site, traced.wiring.sites[node.site].is_output()) {
            (0, _) => traced.changes(node)?,
            (_, true) => traced.node_matters(node),
            _ => inner.binary_search(&place).is_ok(),
        };
        if counts {
            joined.push(node.clone());
        }
    }
    Ok(joined)
}
