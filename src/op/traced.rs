//! Pairs of boards, how the sites between are wired, and slopes on the way from one run to the other: what
//! attribution patching and circuits start from. Scores are means over the pairs.

use super::{
    Subject,
    contrast::{Contrast, Direction},
    curve::mean_rows,
    measure::{Kind, Measure},
    wiring::{Link, Node, Trace, Wiring},
};
use crate::{
    env::Space,
    error::{Error, Result},
    model::{Site, evaluator::Evaluator},
};

/// Pairs and their traces.
pub(super) struct Traced<'a> {
    pub evaluator: &'a Evaluator,
    pub wiring: Wiring<'a>,
    pub direction: Direction,
    /// The two boards that the op was given, then the further pairs.
    pub pairs: Vec<Contrast>,
    /// One a pair, of every site.
    pub traces: Vec<Trace>,
}

impl<'a> Traced<'a> {
    /// The boards given and up to `further` pairs, with slopes on `steps` inputs. Errors: `NotApplicable`
    /// where the measure means nothing on the boards given, hardly differs or has no slope.
    pub async fn new(
        subject: &'a Subject<'_>,
        measure: Measure,
        direction: Direction,
        steps: usize,
        further: usize,
    ) -> Result<Self> {
        let evaluator = &subject.evaluator;
        let mut pairs = vec![Contrast::given(subject, measure).await?];
        if pairs[0].gauge.kind == Kind::Divergence && (direction, steps) == (Direction::Noise, 1) {
            return Err(Error::not_applicable(
                "the divergence from the clean policy has no slope on the clean board; take more steps, \
                 another measure or the other direction",
            ));
        }
        pairs.extend(Contrast::further(subject, pairs[0].gauge.measure(), further).await?);
        let rng = subject.rng.split("wiring");
        let wiring = Wiring::find(evaluator, &pairs, subject.sites, rng).await?;
        let mut traced = Self {
            evaluator,
            wiring,
            direction,
            pairs,
            traces: Vec::new(),
        };
        traced.traces = traced.again(subject.sites, steps).await?;
        Ok(traced)
    }

    /// Traces with another number of inputs on the way.
    pub async fn again(&self, sites: &[Site], steps: usize) -> Result<Vec<Trace>> {
        let sites: Vec<&Site> = sites.iter().collect();
        let mut traces = Vec::with_capacity(self.pairs.len());
        for pair in &self.pairs {
            traces.push(Trace::new(self.evaluator, pair, self.direction, &sites, steps).await?);
        }
        Ok(traces)
    }

    /// What each group of elements of `site` is predicted to restore.
    pub fn scores(&self, site: &Site, groups: &[Vec<usize>]) -> Result<Vec<f32>> {
        let both = self.pairs.iter().zip(&self.traces);
        let all = both.map(|(pair, trace)| trace.scores(pair, site, groups));
        Ok(mean_rows(all.collect::<Result<Vec<_>>>()?.iter()))
    }

    /// The same of nodes.
    pub fn node_scores(&self, nodes: &[Node]) -> Result<Vec<f32>> {
        let mut scores = Vec::with_capacity(nodes.len());
        for (place, site) in self.wiring.sites.iter().enumerate() {
            let here = nodes.iter().filter(|node| node.site == place);
            let groups: Vec<Vec<usize>> = here.map(|node| node.elements.clone()).collect();
            scores.extend(self.scores(site, &groups)?);
        }
        Ok(scores)
    }

    /// Scores of all links between `nodes` that join a site with one that it feeds, ordered by where they
    /// lead to and then by where they come from.
    pub async fn links(&self, nodes: &[Node]) -> Result<Vec<Link>> {
        let mut links: Vec<Link> = Vec::new();
        let count = self.pairs.len() as f32;
        for (pair, trace) in self.pairs.iter().zip(&self.traces) {
            let found = self.wiring.links(self.evaluator, pair, trace, nodes);
            let found = found.await?;
            if links.is_empty() {
                let start = |link: Link| Link {
                    weight: 0.0,
                    ..link
                };
                links = found.iter().copied().map(start).collect();
            }
            links
                .iter_mut()
                .zip(found)
                .for_each(|(link, one)| link.weight += one.weight / count);
        }
        Ok(links)
    }

    /// What each link restores in fact.
    pub async fn exact_links(&self, nodes: &[Node], links: &[Link]) -> Result<Vec<f32>> {
        let mut all = Vec::with_capacity(self.pairs.len());
        for pair in &self.pairs {
            let (wiring, evaluator) = (&self.wiring, self.evaluator);
            let exact = wiring.exact(evaluator, pair, self.direction, nodes, links);
            all.push(exact.await?);
        }
        Ok(mean_rows(all.iter()))
    }

    /// Whether some of the node's elements differ between the boards of some pair.
    pub fn changes(&self, node: &Node) -> Result<bool> {
        let site = self.wiring.sites[node.site];
        for pair in &self.pairs {
            let (clean, corrupt) = (pair.at(0, site)?, pair.at(1, site)?);
            if node.elements.iter().any(|&e| clean[e] != corrupt[e]) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the measure depends on `site` on some pair.
    pub fn matters(&self, site: &Site) -> bool {
        self.traces.iter().any(|trace| trace.matters(site))
    }

    /// Whether it depends on the node itself.
    pub fn node_matters(&self, node: &Node) -> bool {
        let site = self.wiring.sites[node.site];
        let depends = |trace: &Trace| trace.matter(site, &node.elements);
        self.traces.iter().any(depends)
    }

    /// What is measured, for a caption.
    pub fn describe(&self, space: &Space) -> String {
        match self.pairs.as_slice() {
            [only] => only.gauge.describe(space),
            all => format!("{} on {} pairs of boards", all[0].gauge.name(), all.len()),
        }
    }
}
