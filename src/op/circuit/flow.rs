//! A network run edge by edge: every part is computed anew from its own parents, and reads each of them as
//! the circuit has it where their edge is kept, and as the corrupt board's run has it where the edge is cut.
//!
//! Site by site, from the observation on. What comes in at most sites is a linear map of what they are
//! computed from: there it is summed over the edges that are kept, and one row of a forward pass turns a
//! whole circuit's sums into activations. Elsewhere (an activation without a site before it, an attention
//! pattern) all parents are held as each part reads them, in a row for every different reading.

use crate::{
    backend,
    error::{Error, Result},
    model::{
        Site,
        evaluator::Answers,
        taps::{SiteEdit, Taps},
    },
    op::{
        contrast::{Contrast, Direction, replace},
        traced::Traced,
        wiring::{Link, Node},
    },
    rng::Rng,
};
use std::{collections::HashMap, ops::Range};

/// Rows of one forward pass.
const MAX_ROWS: usize = 512;
/// Edges that a network may have.
const MAX_EDGES: usize = 65_536;
/// Elements of a site whose linear map is looked for.
const MAX_ELEMENTS: usize = 1024;

/// Activations by site of the wiring, `[row × element]`.
type State = Vec<Vec<f32>>;

/// The edges between some nodes.
pub(super) struct Flow<'a> {
    traced: &'a Traced<'a>,
    nodes: &'a [Node],
    /// By where they lead to, and then by where they come from; their weights are scores.
    pub edges: Vec<Link>,
    /// Edges that enter each node.
    into: Vec<Range<usize>>,
    /// Edges that leave it.
    leaving: Vec<Vec<usize>>,
    /// Nodes of each site that edges enter.
    targets: Vec<Vec<usize>>,
    /// Whether what comes in at a site is a linear map of its parents.
    linear: Vec<bool>,
    /// Where it is, each edge's part of it, `[element that it leads to × element that it comes from]`.
    maps: Vec<Vec<f32>>,
    /// By pair, the run with every edge kept, of one row.
    whole: Vec<State>,
}

impl<'a> Flow<'a> {
    /// All edges between `nodes`, which are ordered by site. Errors: `NotApplicable` with their number where
    /// there are too many.
    pub async fn new(traced: &'a Traced<'a>, nodes: &'a [Node], rng: Rng) -> Result<Self> {
        let num_sites = traced.wiring.sites.len();
        let mut by_site = vec![0; num_sites];
        nodes.iter().for_each(|node| by_site[node.site] += 1);
        let entering = |(count, parents): (&usize, &Vec<usize>)| {
            count * parents.iter().map(|&parent| by_site[parent]).sum::<usize>()
        };
        let count: usize = by_site.iter().zip(&traced.wiring.parents).map(entering).sum();
        if count > MAX_EDGES {
            return Err(Error::not_applicable(format!(
                "there are {count} edges between the parts that change, and no more than {MAX_EDGES} can be \
                 pruned; take larger parts, or prune nodes"
            )));
        }
        let mut flow = Self {
            traced,
            nodes,
            edges: traced.links(nodes).await?,
            into: Vec::new(),
            leaving: vec![Vec::new(); nodes.len()],
            targets: vec![Vec::new(); num_sites],
            linear: vec![false; num_sites],
            maps: Vec::new(),
            whole: Vec::new(),
        };
        flow.find_linear(rng).await?;
        flow.find_maps().await?;
        flow.index();
        for (pair, contrast) in traced.pairs.iter().enumerate() {
            flow.whole.push(vec![contrast.observations[0].clone()]);
            let all = [vec![true; flow.edges.len()]];
            let state = flow.run(pair, &all, 1).await?;
            flow.whole[pair] = state;
        }
        Ok(flow)
    }

    /// Rows of forward passes that one circuit takes at most, where it takes more than one a site.
    pub fn rows(&self) -> usize {
        let places = self.linear.iter().zip(&self.targets);
        places.map(|(linear, targets)| if *linear { 0 } else { targets.len() }).sum()
    }

    /// Whether nothing that is kept leaves the node that `edge` leads to.
    pub fn leads_nowhere(&self, edge: usize, keep: &[bool]) -> bool {
        !self.is_live(self.edges[edge].to, keep)
    }

    fn is_live(&self, node: usize, keep: &[bool]) -> bool {
        self.traced.wiring.sites[self.nodes[node].site].is_output()
            || self.leaving[node].iter().any(|&edge| keep[edge])
    }

    fn index(&mut self) {
        let mut next = 0;
        for node in 0..self.nodes.len() {
            let start = next;
            while self.edges.get(next).is_some_and(|edge| edge.to == node) {
                self.leaving[self.edges[next].from].push(next);
                next += 1;
            }
            if next > start {
                self.targets[self.nodes[node].site].push(node);
            }
            self.into.push(start..next);
        }
    }

    /// Finds out where `h(c + a + b) = h(c + a) + h(c + b) − h(c)` and `h(c + 2a) = 2h(c + a) − h(c)`, for what
    /// comes in, `h`, and random `a` and `b` that are larger than the activations.
    async fn find_linear(&mut self, mut rng: Rng) -> Result<()> {
        let (wiring, contrast) = (&self.traced.wiring, &self.traced.pairs[0]);
        for place in 1..wiring.sites.len() {
            if wiring.entries[place].len() > MAX_ELEMENTS || wiring.parents[place].is_empty() {
                continue;
            }
            let mut edits = Vec::new();
            for &parent in &wiring.parents[place] {
                let site = wiring.sites[parent];
                let clean = contrast.at(0, site)?;
                let scale = 1.0 + 2.0 * clean.iter().fold(0.0_f32, |top, x| top.max(x.abs()));
                let mut random = || -> Vec<f32> { clean.iter().map(|_| scale * rng.normal()).collect() };
                let (a, b) = (random(), random());
                let mixed = |a_times: f32, b_times: f32| {
                    let moved = clean.iter().zip(&a).zip(&b);
                    moved.map(move |((c, a), b)| c + a_times * a + b_times * b)
                };
                let rows = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (2.0, 0.0)];
                let values: Vec<f32> = rows.into_iter().flat_map(|(a, b)| mixed(a, b)).collect();
                edits.push(self.held(site, &values, rows.len()));
            }
            let h = self.read(contrast, edits, 5, wiring.entries[place]).await?;
            let top = h.iter().fold(0.0_f32, |top, x| top.max(x.abs()));
            let at = |row: usize, element: usize| h[row * (h.len() / 5) + element];
            self.linear[place] = (0..h.len() / 5).all(|e| {
                let sum = at(3, e) - at(1, e) - at(2, e) + at(0, e);
                let twice = at(4, e) - 2.0 * at(1, e) + at(0, e);
                sum.abs().max(twice.abs()) <= 1e-4 * top
            });
        }
        Ok(())
    }

    /// The linear maps, edge by edge; edges that are none are dropped.
    async fn find_maps(&mut self) -> Result<()> {
        let (wiring, contrast) = (&self.traced.wiring, &self.traced.pairs[0]);
        let mut elements = Vec::new();
        let mut first = Vec::with_capacity(self.nodes.len());
        for node in self.nodes {
            first.push(elements.len());
            if self.linear[node.site] {
                elements.extend(node.elements.iter().map(|&element| (node.site, element)));
            }
        }
        let slopes = wiring.slopes(self.traced.evaluator, contrast, &elements).await?;
        for edge in &self.edges {
            let (from, to) = (&self.nodes[edge.from], &self.nodes[edge.to]);
            let mut map = Vec::new();
            if self.linear[to.site] {
                for row in &slopes[first[edge.to]..][..to.elements.len()] {
                    map.extend(from.elements.iter().map(|&element| row[from.site][element]));
                }
            }
            self.maps.push(map);
        }
        let linear = |edge: &Link| self.linear[self.nodes[edge.to].site];
        let pairs = std::mem::take(&mut self.edges).into_iter();
        let pairs = pairs.zip(std::mem::take(&mut self.maps));
        let kept = pairs.filter(|(edge, map)| !linear(edge) || map.iter().any(|x| *x != 0.0));
        (self.edges, self.maps) = kept.collect();
        Ok(())
    }

    /// The share of the clean answer that each set of kept edges restores on one pair.
    pub async fn shares(&self, pair: usize, sets: &[Vec<bool>]) -> Result<Vec<f32>> {
        let contrast = &self.traced.pairs[pair];
        let mut shares = Vec::with_capacity(sets.len());
        for sets in sets.chunks(MAX_ROWS) {
            let cut = |keep: &Vec<bool>| keep.iter().position(|keep| !keep);
            let first = sets.iter().filter_map(cut).min();
            let first = first.map(|edge| self.nodes[self.edges[edge].to].site);
            let first = first.unwrap_or(self.traced.wiring.sites.len());
            let state = self.run(pair, sets, first).await?;
            let answers = self.answers(state);
            let measured = contrast.gauge.rows(&answers).into_iter();
            shares.extend(measured.map(|measured| contrast.share(Direction::Denoise, measured)));
        }
        Ok(shares)
    }

    fn answers(&self, state: State) -> Answers {
        let mut answers = Answers {
            logits: Vec::new(),
            values: Vec::new(),
        };
        for (site, values) in self.traced.wiring.sites.iter().zip(state) {
            match site.axes.first() {
                Some(axis) if site.is_output() && axis.name == "value" => answers.values = values,
                Some(_) if site.is_output() => answers.logits = values,
                _ => {}
            }
        }
        answers
    }

    /// Activations with each set of kept edges; all edges into sites before `first` are kept.
    async fn run(&self, pair: usize, sets: &[Vec<bool>], first: usize) -> Result<State> {
        let contrast = &self.traced.pairs[pair];
        let mut state: State = Vec::new();
        for (place, site) in self.traced.wiring.sites.iter().enumerate() {
            let values = if place < first.max(1) {
                self.whole[pair][place].repeat(sets.len())
            } else if self.targets[place].is_empty() {
                contrast.at(1, site)?.repeat(sets.len())
            } else if self.linear[place] {
                self.summed(contrast, place, sets, &state).await?
            } else {
                self.held_apart(contrast, place, sets, &state).await?
            };
            state.push(values);
        }
        Ok(state)
    }

    /// Activations of a site of which what comes in is a sum.
    async fn summed(
        &self,
        contrast: &Contrast,
        place: usize,
        sets: &[Vec<bool>],
        state: &State,
    ) -> Result<Vec<f32>> {
        let (site, entry) = (
            self.traced.wiring.sites[place],
            self.traced.wiring.entries[place],
        );
        let mut moved: State = vec![Vec::new(); state.len()];
        for &parent in &self.traced.wiring.parents[place] {
            let corrupt = contrast.at(1, self.traced.wiring.sites[parent])?.iter().cycle();
            let values = state[parent].iter().zip(corrupt);
            moved[parent] = values.map(|(own, corrupt)| own - corrupt).collect();
        }
        let mut came = contrast.at(1, entry)?.repeat(sets.len());
        for (row, keep) in sets.iter().enumerate() {
            let came = &mut came[row * entry.len()..(row + 1) * entry.len()];
            for &target in &self.targets[place] {
                if !self.is_live(target, keep) {
                    continue;
                }
                for edge in self.into[target].clone().filter(|&edge| keep[edge]) {
                    let from = &self.nodes[self.edges[edge].from];
                    let width = self.traced.wiring.sites[from.site].len();
                    let moved = &moved[from.site][row * width..(row + 1) * width];
                    let rows = self.maps[edge].chunks_exact(from.elements.len());
                    for (&element, map) in self.nodes[target].elements.iter().zip(rows) {
                        let terms = map.iter().zip(&from.elements);
                        came[element] += terms.map(|(w, &e)| w * moved[e]).sum::<f32>();
                    }
                }
            }
        }
        if entry == site {
            return Ok(came);
        }
        let edits = vec![self.held(entry, &came, sets.len())];
        self.read(contrast, edits, sets.len(), site).await
    }

    /// Activations of any other site: each part from parents that are held as it reads them.
    async fn held_apart(
        &self,
        contrast: &Contrast,
        place: usize,
        sets: &[Vec<bool>],
        state: &State,
    ) -> Result<Vec<f32>> {
        let wiring = &self.traced.wiring;
        let site = wiring.sites[place];
        let mut starts = vec![0; state.len()];
        let mut corrupt = Vec::new();
        for &parent in &wiring.parents[place] {
            starts[parent] = corrupt.len();
            corrupt.extend_from_slice(contrast.at(1, wiring.sites[parent])?);
        }
        // What some part reads: equal readings share a row.
        let mut rows: Vec<Vec<f32>> = Vec::new();
        let mut known: HashMap<Vec<u32>, usize> = HashMap::new();
        let mut wanted = Vec::new();
        for (row, keep) in sets.iter().enumerate() {
            let live = |target: &&usize| self.is_live(**target, keep);
            for &target in self.targets[place].iter().filter(live) {
                let mut reading = corrupt.clone();
                for edge in self.into[target].clone().filter(|&edge| keep[edge]) {
                    let from = &self.nodes[self.edges[edge].from];
                    let own = &state[from.site][row * wiring.sites[from.site].len()..];
                    let elements = from.elements.iter();
                    elements.for_each(|&e| reading[starts[from.site] + e] = own[e]);
                }
                let key = reading.iter().map(|x| x.to_bits()).collect();
                let at = *known.entry(key).or_insert(rows.len());
                if at == rows.len() {
                    rows.push(reading);
                }
                wanted.push((row, target, at));
            }
        }
        let mut found = Vec::with_capacity(rows.len() * site.len());
        for rows in rows.chunks(MAX_ROWS) {
            let edits = wiring.parents[place].iter().map(|&parent| {
                let parent_site = wiring.sites[parent];
                let here = starts[parent]..starts[parent] + parent_site.len();
                let values: Vec<f32> = rows.iter().flat_map(|row| &row[here.clone()]).copied().collect();
                self.held(parent_site, &values, rows.len())
            });
            found.extend(self.read(contrast, edits.collect(), rows.len(), site).await?);
        }
        let mut values = contrast.at(1, site)?.repeat(sets.len());
        for (row, target, at) in wanted {
            for &element in &self.nodes[target].elements {
                values[row * site.len() + element] = found[at * site.len() + element];
            }
        }
        Ok(values)
    }

    /// An edit that gives a site other values in each row, `[row × element]`.
    fn held(&self, site: &Site, values: &[f32], rows: usize) -> SiteEdit {
        let all = vec![(0..site.len()).collect(); rows];
        replace(site, &all, values, &self.traced.evaluator.device)
    }

    /// Activations at one site of the clean run under further edits, `[row × element]`.
    async fn read(
        &self,
        contrast: &Contrast,
        edits: Vec<SiteEdit>,
        rows: usize,
        site: &Site,
    ) -> Result<Vec<f32>> {
        let evaluator = self.traced.evaluator;
        let edits = evaluator.edits.iter().cloned().chain(edits).collect();
        let mut taps = Taps::edit(edits).recording();
        let input = &contrast.observations[0];
        let input = backend::tensor(input.repeat(rows), [rows, input.len()], &evaluator.device); // [row, observation]
        evaluator.network.forward(input, &mut taps);
        match taps.into_recorded().remove(&site.name) {
            Some(values) => backend::read(values).await,
            None => Err(Error::not_applicable(format!("{} was not recorded", site.name))),
        }
    }
}
