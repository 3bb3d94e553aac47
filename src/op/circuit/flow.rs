//! A network run edge by edge: every part is computed anew from its own parents, and reads each of them as
//! the circuit has it where their edge is kept, and as the corrupt board's run has it where the edge is cut.
//!
//! Parts that are alike on both boards stay as they are, and so are no way around what is cut.
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
    /// Where each node's elements begin among those of all nodes, and how many there are.
    moved: Vec<(usize, usize)>,
    /// Nodes of each site that edges enter.
    targets: Vec<Vec<usize>>,
    /// Whether what comes in at a site is a linear map of its parents.
    linear: Vec<bool>,
    /// Where it is, the edges' parts of it one after the other, each `[element that the edge leads to × element
    /// that it comes from]`; and where each begins.
    maps: Vec<f32>,
    starts: Vec<usize>,
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
        let count: usize = by_site
            .iter()
            .zip(&traced.wiring.parents)
            .map(entering)
            .sum();
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
            moved: Vec::new(),
            targets: vec![Vec::new(); num_sites],
            linear: vec![false; num_sites],
            maps: Vec::new(),
            starts: Vec::new(),
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
        places
            .map(|(linear, targets)| if *linear { 0 } else { targets.len() })
            .sum()
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
        let (mut next, mut element) = (0, 0);
        for node in 0..self.nodes.len() {
            let width = self.nodes[node].elements.len();
            self.moved.push((element, width));
            element += width;
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
                let mut random =
                    || -> Vec<f32> { clean.iter().map(|_| scale * rng.normal()).collect() };
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
        let slopes = wiring
            .slopes(self.traced.evaluator, contrast, &elements)
            .await?;
        for edge in std::mem::take(&mut self.edges) {
            let (from, to) = (&self.nodes[edge.from], &self.nodes[edge.to]);
            let start = self.maps.len();
            if self.linear[to.site] {
                for row in &slopes[first[edge.to]..][..to.elements.len()] {
                    let row = &row[from.site];
                    self.maps
                        .extend(from.elements.iter().map(|&element| row[element]));
                }
                if self.maps[start..].iter().all(|x| *x == 0.0) {
                    self.maps.truncate(start);
                    continue;
                }
            }
            self.edges.push(edge);
            self.starts.push(start);
        }
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
        let moves = self.moves(contrast, place, sets.len(), state)?;
        let mut came = contrast.at(1, entry)?.repeat(sets.len());
        for (row, keep) in sets.iter().enumerate() {
            let (before, came) = came.split_at_mut(row * entry.len());
            let before = before
                .len()
                .checked_sub(entry.len())
                .map(|start| &before[start..]);
            let same = row > 0 && moves[row] == moves[row - 1];
            for &target in &self.targets[place] {
                let (edges, elements) = (self.into[target].clone(), &self.nodes[target].elements);
                // Rows that ACDC asks for are alike in most parts.
                match before {
                    Some(before) if same && sets[row - 1][edges.clone()] == keep[edges.clone()] => {
                        elements.iter().for_each(|&e| came[e] = before[e]);
                    }
                    _ => edges.filter(|&edge| keep[edge]).for_each(|edge| {
                        let (start, width) = self.moved[self.edges[edge].from];
                        let moved = &moves[row][start..start + width];
                        let map = self.maps[self.starts[edge]..].chunks_exact(width);
                        for (&element, map) in elements.iter().zip(map) {
                            came[element] += map.iter().zip(moved).map(|(w, x)| w * x).sum::<f32>();
                        }
                    }),
                }
            }
        }
        if entry == site {
            return Ok(came);
        }
        let edits = vec![self.held(entry, &came, sets.len())];
        self.read(contrast, edits, sets.len(), site).await
    }

    /// What the circuit's activations are away from the corrupt board's, of all nodes that feed a site: by
    /// row, node by node as `moved` has it.
    fn moves(
        &self,
        contrast: &Contrast,
        place: usize,
        rows: usize,
        state: &State,
    ) -> Result<Vec<Vec<f32>>> {
        let (wiring, len) = (
            &self.traced.wiring,
            self.moved.last().map_or(0, |(start, width)| start + width),
        );
        let mut moves = vec![vec![0.0; len]; rows];
        for (node, &(start, _)) in self.nodes.iter().zip(&self.moved) {
            if !wiring.parents[place].contains(&node.site) {
                continue;
            }
            let corrupt = contrast.at(1, wiring.sites[node.site])?;
            let own = state[node.site].chunks_exact(corrupt.len());
            for (moves, own) in moves.iter_mut().zip(own) {
                let moved = node.elements.iter().map(|&e| own[e] - corrupt[e]);
                moves[start..]
                    .iter_mut()
                    .zip(moved)
                    .for_each(|(to, x)| *to = x);
            }
        }
        Ok(moves)
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
        let (starts, corrupt) = self.reading(contrast, place)?;
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
                let values: Vec<f32> = rows
                    .iter()
                    .flat_map(|row| &row[here.clone()])
                    .copied()
                    .collect();
                self.held(parent_site, &values, rows.len())
            });
            found.extend(
                self.read(contrast, edits.collect(), rows.len(), site)
                    .await?,
            );
        }
        let mut values = contrast.at(1, site)?.repeat(sets.len());
        for (row, target, at) in wanted {
            for &element in &self.nodes[target].elements {
                values[row * site.len() + element] = found[at * site.len() + element];
            }
        }
        Ok(values)
    }

    /// What a part of a site reads where all its edges are cut, parent after parent; and where each begins.
    fn reading(&self, contrast: &Contrast, place: usize) -> Result<(Vec<usize>, Vec<f32>)> {
        let wiring = &self.traced.wiring;
        let (mut starts, mut corrupt) = (vec![0; place], Vec::new());
        for &parent in &wiring.parents[place] {
            starts[parent] = corrupt.len();
            corrupt.extend_from_slice(contrast.at(1, wiring.sites[parent])?);
        }
        Ok((starts, corrupt))
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
            None => Err(Error::not_applicable(format!(
                "{} was not recorded",
                site.name
            ))),
        }
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::{
        env::{self, Env},
        model::{self, evaluator::Evaluator},
        op::{
            circuit::keep::joined,
            measure::Measure,
            parts::Part,
            wiring::{Trace, Wiring},
        },
    };
    use burn::tensor::Device;
    use serde_json::{Value, json};

    fn board(cells: [u8; 9]) -> Box<dyn Env> {
        let mut env = (env::entry("tictactoe").unwrap().make)(&json!({})).unwrap();
        env.set_state(&json!({"board": cells, "player": 0}))
            .unwrap();
        env
    }

    const CLEAN: [u8; 9] = [1, 0, 2, 2, 1, 0, 0, 0, 0];
    const CORRUPT: [[u8; 9]; 2] = [[0, 1, 2, 2, 1, 0, 0, 0, 0], [1, 0, 2, 0, 1, 0, 2, 0, 0]];

    /// An untrained network, its sites, and a clean board beside some corrupt ones.
    fn contrasts(id: &str, parameters: &Value) -> (Evaluator, Vec<Site>, Vec<Contrast>) {
        let clean = board(CLEAN);
        let device = Device::flex();
        let make = model::entry(id).unwrap().make;
        let network = make(parameters, clean.space(), &mut Rng::new(5), &device).unwrap();
        let sites = network.sites(clean.space());
        let evaluator = Evaluator {
            network,
            device,
            edits: Vec::new(),
        };
        let contrast = |corrupt: [u8; 9]| {
            let corrupt = board(corrupt);
            let states = [clean.as_ref(), corrupt.as_ref()];
            pollster::block_on(Contrast::new(&evaluator, states, Measure::Value)).unwrap()
        };
        let contrasts = CORRUPT.into_iter().map(contrast).collect();
        (evaluator, sites, contrasts)
    }

    fn traced<'a>(evaluator: &'a Evaluator, sites: &'a [Site], pairs: Vec<Contrast>) -> Traced<'a> {
        let wiring = Wiring::find(evaluator, &pairs, sites, Rng::new(0));
        let wiring = pollster::block_on(wiring).unwrap();
        let direction = Direction::Denoise;
        let trace = |pair| {
            let trace = Trace::new(evaluator, pair, direction, &wiring.sites, 3);
            pollster::block_on(trace).unwrap()
        };
        let traces = pairs.iter().map(trace).collect();
        Traced {
            evaluator,
            wiring,
            direction,
            pairs,
            traces,
        }
    }

    fn networks() -> [(&'static str, Value); 3] {
        [
            ("mlp", json!({"width": 8, "depth": 2})),
            (
                "mlp",
                json!({"width": 8, "depth": 2, "separate": true, "activation": "tanh"}),
            ),
            (
                "convnet",
                json!({"channels": 3, "blocks": 1, "value_width": 6}),
            ),
        ]
    }

    #[test]
    fn what_comes_in_is_a_sum_before_an_activation_and_not_behind_it() {
        let linear = |id: &str, parameters: &Value| -> Vec<(String, bool)> {
            let (evaluator, sites, pairs) = contrasts(id, parameters);
            let traced = traced(&evaluator, &sites, pairs);
            let nodes = joined(&traced, &traced.wiring.nodes(Part::Channel)).unwrap();
            let flow = pollster::block_on(Flow::new(&traced, &nodes, Rng::new(1))).unwrap();
            let names = traced.wiring.sites.iter().map(|site| site.name.clone());
            names.zip(flow.linear.clone()).skip(1).collect()
        };
        let expected = |pairs: &[(&str, bool)]| -> Vec<(String, bool)> {
            pairs
                .iter()
                .map(|&(name, is)| (name.to_owned(), is))
                .collect()
        };
        let [mlp, _, convnet] = networks();
        let mlp = linear(mlp.0, &mlp.1);
        let of_sums = [
            ("blocks.0.post", true),
            ("blocks.1.post", true),
            ("policy", true),
            ("value", false),
        ];
        assert_eq!(mlp, expected(&of_sums));
        let convnet = linear(convnet.0, &convnet.1);
        let of_rectified = [
            ("stem.post", false),
            ("blocks.0.mid", false),
            ("blocks.0.out", false),
            ("policy.features", false),
            ("policy", true),
            ("value.features", false),
            ("value.hidden", false),
            ("value", false),
        ];
        assert_eq!(convnet, expected(&of_rectified));
    }

    #[test]
    fn sums_are_what_parts_read_one_by_one() {
        for (id, parameters) in networks() {
            let (evaluator, sites, pairs) = contrasts(id, &parameters);
            let traced = traced(&evaluator, &sites, pairs);
            let nodes = joined(&traced, &traced.wiring.nodes(Part::Channel)).unwrap();
            let flow = |sums: bool| {
                let mut flow = pollster::block_on(Flow::new(&traced, &nodes, Rng::new(1))).unwrap();
                flow.linear.iter_mut().for_each(|linear| *linear &= sums);
                flow
            };
            let [quick, slow] = [flow(true), flow(false)];
            let mut rng = Rng::new(2);
            let mut set = |share: f32| -> Vec<bool> {
                quick.edges.iter().map(|_| rng.uniform() < share).collect()
            };
            let sets: Vec<Vec<bool>> = [0.1, 0.3, 0.5, 0.5, 0.7, 0.9, 0.95, 1.1, -0.1]
                .into_iter()
                .map(&mut set)
                .collect();
            for pair in 0..2 {
                let [quick, slow] = [&quick, &slow]
                    .map(|flow| pollster::block_on(flow.shares(pair, &sets)).unwrap());
                for (quick, slow) in quick.iter().zip(&slow) {
                    assert!((quick - slow).abs() < 1e-4, "{id}: {quick} and {slow}");
                }
                let ends = &quick[sets.len() - 2..];
                assert!(
                    (ends[0] - 1.0).abs() < 1e-4,
                    "{id}: all edges give {}",
                    ends[0]
                );
                assert!(ends[1].abs() < 1e-4, "{id}: no edge gives {}", ends[1]);
                assert!(
                    quick[..7]
                        .iter()
                        .any(|share| (share - 1.0).abs() > 1e-2 && share.abs() > 1e-2),
                    "{id}: nothing in between: {quick:?}"
                );
            }
        }
    }

    /// The network with all that is in none of `nodes` held at its activation on the clean board.
    fn frozen(traced: &Traced<'_>, nodes: &[Node], contrast: &Contrast) -> Evaluator {
        let mut evaluator = traced.evaluator.clone();
        for (place, site) in traced.wiring.sites.iter().enumerate() {
            let mut rest: Vec<usize> = (0..site.len()).collect();
            let here = nodes.iter().filter(|node| node.site == place);
            here.for_each(|node| rest.retain(|element| !node.elements.contains(element)));
            let clean = contrast.at(0, site).unwrap();
            let edit = replace(site, &[rest], clean, &evaluator.device);
            evaluator.edits.push(edit);
        }
        evaluator
    }

    /// Cutting one edge of the whole is path patching of the corrupt run into the clean one.
    #[test]
    fn an_edge_cut_alone_is_a_path_patched() {
        for (id, parameters) in networks() {
            let (evaluator, sites, pairs) = contrasts(id, &parameters);
            let traced = traced(&evaluator, &sites, pairs);
            let nodes = joined(&traced, &traced.wiring.nodes(Part::Channel)).unwrap();
            let flow = pollster::block_on(Flow::new(&traced, &nodes, Rng::new(1))).unwrap();
            let all = vec![true; flow.edges.len()];
            let without = |edge: usize| {
                let mut set = all.clone();
                set[edge] = false;
                set
            };
            let sets: Vec<Vec<bool>> = (0..all.len()).map(without).collect();
            for (pair, contrast) in traced.pairs.iter().enumerate() {
                let left = pollster::block_on(flow.shares(pair, &sets)).unwrap();
                let (wiring, evaluator) = (&traced.wiring, frozen(&traced, &nodes, contrast));
                let direction = Direction::Noise;
                let lost = wiring.exact(&evaluator, contrast, direction, &nodes, &flow.edges);
                let lost = pollster::block_on(lost).unwrap();
                for (edge, (left, lost)) in flow.edges.iter().zip(left.iter().zip(&lost)) {
                    let away = (1.0 - left - lost).abs();
                    assert!(away < 1e-4, "{id}, {edge:?}: {left} and {lost}");
                }
                assert!(lost.iter().any(|lost| lost.abs() > 1e-2), "{id}: {lost:?}");
            }
        }
    }

    #[test]
    fn scores_of_pairs_are_means() {
        let (id, parameters) = networks()[0].clone();
        let (evaluator, sites, pairs) = contrasts(id, &parameters);
        let [_, second] = <[Contrast; 2]>::try_from(contrasts(id, &parameters).2)
            .ok()
            .unwrap();
        let [first, _] = <[Contrast; 2]>::try_from(contrasts(id, &parameters).2)
            .ok()
            .unwrap();
        let both = traced(&evaluator, &sites, pairs);
        let nodes = both.wiring.nodes(Part::Unit);
        let links = |traced: &Traced<'_>| pollster::block_on(traced.links(&nodes)).unwrap();
        let apart = [first, second].map(|pair| traced(&evaluator, &sites, vec![pair]));
        let [one, other] = [0, 1].map(|pair: usize| links(&apart[pair]));
        for ((both, one), other) in links(&both).iter().zip(&one).zip(&other) {
            assert_eq!([both.from, both.to], [one.from, one.to]);
            assert!((both.weight - (one.weight + other.weight) / 2.0).abs() < 1e-6);
        }
        let scores = both.node_scores(&nodes).unwrap();
        let [one, other] = [0, 1].map(|pair: usize| apart[pair].node_scores(&nodes).unwrap());
        for (both, (one, other)) in scores.iter().zip(one.iter().zip(&other)) {
            assert!((both - (one + other) / 2.0).abs() < 1e-6);
        }
        assert!(one != other, "the pairs have the same scores");
    }
}
