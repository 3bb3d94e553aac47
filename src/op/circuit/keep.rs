//! Which parts are kept, and what is left of the answer with them alone.

use crate::{
    error::Result,
    model::evaluator::Evaluator,
    op::{
        Subject,
        contrast::{Contrast, Direction, replace},
        curve::ranked,
        figure::Bar,
        wiring::{Node, Trace, Wiring},
    },
    rng::Rng,
};

/// Rows of one forward pass.
const MAX_ROWS: usize = 512;
/// Candidates that ACDC tries to cut in one forward pass.
const LOOK_AHEAD: usize = 32;

/// The whole network: every inner part that differs between the boards and that the measure depends on.
pub(super) struct Whole<'a> {
    evaluator: &'a Evaluator,
    pub contrast: &'a Contrast,
    wiring: &'a Wiring<'a>,
    nodes: &'a [Node],
    /// Places of the nodes that may be kept or cut, from the observation on.
    pub candidates: Vec<usize>,
}

impl<'a> Whole<'a> {
    pub fn new(
        evaluator: &'a Evaluator,
        contrast: &'a Contrast,
        wiring: &'a Wiring<'a>,
        trace: &Trace,
        nodes: &'a [Node],
    ) -> Result<Self> {
        let mut candidates = Vec::new();
        for (place, node) in nodes.iter().enumerate() {
            let site = wiring.sites[node.site];
            if node.site == 0 || site.is_output() || !trace.matters(site) {
                continue;
            }
            let (clean, corrupt) = (contrast.at(0, site)?, contrast.at(1, site)?);
            if node
                .elements
                .iter()
                .any(|&element| clean[element] != corrupt[element])
            {
                candidates.push(place);
            }
        }
        Ok(Self {
            evaluator,
            contrast,
            wiring,
            nodes,
            candidates,
        })
    }

    fn node(&self, candidate: usize) -> &Node {
        &self.nodes[self.candidates[candidate]]
    }

    /// Scores of the candidates, as shares.
    pub fn scores(&self, trace: &Trace) -> Result<Vec<f32>> {
        let score = |candidate: usize| {
            let node = self.node(candidate);
            let site = self.wiring.sites[node.site];
            Ok(trace.scores(self.contrast, site, std::slice::from_ref(&node.elements))?[0])
        };
        (0..self.candidates.len()).map(score).collect()
    }

    /// Length of each candidate's change between the boards.
    pub fn changes(&self) -> Result<Vec<f32>> {
        let change = |candidate: usize| {
            let node = self.node(candidate);
            let site = self.wiring.sites[node.site];
            let (clean, corrupt) = (self.contrast.at(0, site)?, self.contrast.at(1, site)?);
            let squares = node
                .elements
                .iter()
                .map(|&e| (clean[e] - corrupt[e]).powi(2));
            Ok(squares.sum::<f32>().sqrt())
        };
        (0..self.candidates.len()).map(change).collect()
    }

    /// The share of the clean answer that is left with each set of kept candidates, on the clean board: all
    /// other elements of the candidates' sites have their activations on the corrupt one. Elements that are
    /// no candidates are alike on both boards, and stay so.
    pub async fn faithfulness(&self, sets: &[Vec<bool>]) -> Result<Vec<f32>> {
        let mut shares = Vec::with_capacity(sets.len());
        for sets in sets.chunks(MAX_ROWS) {
            let mut mixed = self.evaluator.clone();
            for (place, site) in self.wiring.sites.iter().enumerate() {
                let here: Vec<usize> = (0..self.candidates.len())
                    .filter(|&candidate| self.node(candidate).site == place)
                    .collect();
                if here.is_empty() {
                    continue;
                }
                let cut = |keep: &Vec<bool>| {
                    let mut cut = vec![true; site.len()];
                    let kept = here.iter().filter(|&&candidate| keep[candidate]);
                    kept.flat_map(|&candidate| &self.node(candidate).elements)
                        .for_each(|&element| cut[element] = false);
                    (0..site.len()).filter(|&element| cut[element]).collect()
                };
                let groups: Vec<Vec<usize>> = sets.iter().map(cut).collect();
                let corrupt = self.contrast.at(1, site)?;
                mixed
                    .edits
                    .push(replace(site, &groups, corrupt, &self.evaluator.device));
            }
            let rows = sets.len();
            let input = self.contrast.observations[0].repeat(rows);
            let answers = mixed.evaluate(input, rows).await?;
            let measured = self.contrast.gauge.rows(&answers).into_iter();
            shares
                .extend(measured.map(|measured| self.contrast.share(Direction::Denoise, measured)));
        }
        Ok(shares)
    }

    /// The `size` candidates of the largest scores, whatever their sign.
    pub fn strongest(&self, scores: &[f32], size: usize) -> Vec<bool> {
        let sizes: Vec<f32> = scores.iter().map(|score| score.abs()).collect();
        let mut keep = vec![false; scores.len()];
        ranked(&sizes)
            .into_iter()
            .take(size)
            .for_each(|place| keep[place] = true);
        keep
    }

    /// As many random candidates of each site as `keep` has.
    pub fn random(&self, keep: &[bool], rng: &mut Rng) -> Vec<bool> {
        let mut random = keep.to_vec();
        for place in 0..self.wiring.sites.len() {
            let here: Vec<usize> = (0..self.candidates.len())
                .filter(|&candidate| self.node(candidate).site == place)
                .collect();
            let mut kept: Vec<bool> = here.iter().map(|&candidate| keep[candidate]).collect();
            rng.shuffle(&mut kept);
            here.iter()
                .zip(kept)
                .for_each(|(&candidate, kept)| random[candidate] = kept);
        }
        random
    }

    /// ACDC on parts: from the answers back, the smallest scores of each site first, each candidate is cut,
    /// and kept after all where that takes the answer further from the whole network's than `threshold`.
    ///
    /// One pass tries many: row `i` has the first `i` of them cut, so that rows hold until one is kept.
    pub async fn acdc(
        &self,
        subject: &Subject<'_>,
        scores: &[f32],
        threshold: f32,
    ) -> Result<Vec<bool>> {
        let mut order: Vec<usize> = (0..self.candidates.len()).collect();
        order.sort_by(|&a, &b| {
            let site = self.node(b).site.cmp(&self.node(a).site);
            site.then(scores[a].abs().total_cmp(&scores[b].abs()))
        });
        let mut keep = vec![true; order.len()];
        let mut away = (self.faithfulness(std::slice::from_ref(&keep)).await?[0] - 1.0).abs();
        let mut next = 0;
        while next < order.len() {
            let some = &order[next..(next + LOOK_AHEAD).min(order.len())];
            let mut sets = Vec::with_capacity(some.len());
            let mut cut = keep.clone();
            for &candidate in some {
                cut[candidate] = false;
                sets.push(cut.clone());
            }
            for (share, &candidate) in self.faithfulness(&sets).await?.into_iter().zip(some) {
                next += 1;
                let further = (share - 1.0).abs();
                if further - away >= threshold {
                    break;
                }
                keep[candidate] = false;
                away = further;
            }
            subject.step(order.len() + next, 2 * order.len()).await?;
        }
        Ok(keep)
    }

    /// What the clean answer loses when each candidate alone is corrupt.
    pub async fn exact(&self) -> Result<Vec<f32>> {
        let mut lost = vec![0.0; self.candidates.len()];
        for (place, site) in self.wiring.sites.iter().enumerate() {
            let here: Vec<usize> = (0..self.candidates.len())
                .filter(|&candidate| self.node(candidate).site == place)
                .collect();
            let groups: Vec<Vec<usize>> = here
                .iter()
                .map(|&candidate| self.node(candidate).elements.clone())
                .collect();
            let corrupt = self.contrast.at(1, site)?;
            let shares = self
                .contrast
                .shares(self.evaluator, Direction::Noise, site, &groups, corrupt)
                .await?;
            here.iter()
                .zip(shares)
                .for_each(|(&candidate, share)| lost[candidate] = share);
        }
        Ok(lost)
    }

    /// A candidate as a bar.
    pub fn bar(&self, candidate: usize, value: f32, control: f32) -> Bar {
        let node = self.node(candidate);
        let site = self.wiring.sites[node.site];
        Bar {
            name: match node.name == site.name {
                true => site.name.clone(),
                false => format!("{}, {}", site.name, node.name),
            },
            value,
            control: Some(control),
            site: site.name.clone(),
            unit: node.elements.first().copied(),
        }
    }
}
