//! Which sites of a network are computed from which, and how much each connection carries: found through
//! taps alone, so that it holds for any network.
//!
//! Where every site but `t` is held at its value in some run, the activation that comes in at `t` depends
//! on the others by direct paths only. Let `z` be activations, `Δz` their difference between the two runs,
//! `L` the measure and `J(t, s)` the Jacobian of what comes in at `t` by what is held at `s`. Then
//!
//! `score(u → v) = Σ over e in u of Δz_e · mean over k of (J(v, e)ᵀ ∂L/∂z_v)`
//!
//! with gradients on the inputs `x + (k/n)(x' − x)`, k = 0 … n−1: edge attribution patching (Syed et al.
//! 2023, arXiv:2310.10348) for n = 1, and with integrated gradients (Hanna et al. 2024, arXiv:2403.17806)
//! beyond. Where `v` follows a linear map `W` and an activation `f`, `J(v, u)ᵀ ∂L/∂z_v` is
//! `W(v, u) f'(…) ∂L/∂z_v`, the weight times the gradient at the input of `v`, as those papers have it.

use super::{
    contrast::{Contrast, Direction, replace},
    gradient::{Gradients, gradients_inside},
    parts::Part,
};
use crate::{
    backend,
    error::Result,
    model::{
        Output, Site,
        evaluator::Evaluator,
        taps::{SiteEdit, Taps},
    },
    rng::Rng,
};
use burn::tensor::Tensor;
use std::collections::BTreeMap;

/// Rows of one forward and backward pass.
const MAX_ROWS: usize = 256;

/// The sites whose parts are nodes, and what feeds them.
pub(super) struct Wiring<'a> {
    /// From the observation on.
    pub sites: Vec<&'a Site>,
    /// For each, the places of those that it is computed from directly.
    pub parents: Vec<Vec<usize>>,
    /// For each, where that comes in: the site whose elementwise image it is, or itself.
    pub entries: Vec<&'a Site>,
}

/// A part of a site.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Place of its site in the wiring.
    pub site: usize,
    /// Flat indices of its elements.
    pub elements: Vec<usize>,
    /// Its name without the site's.
    pub name: String,
}

/// A connection of two nodes by direct paths.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Link {
    pub from: usize,
    pub to: usize,
    /// What it is predicted to restore, as a share.
    pub weight: f32,
}

impl<'a> Wiring<'a> {
    /// How `sites` are wired, on the clean runs of `contrasts`: what feeds a site on one of them feeds it. A
    /// site that is the elementwise image of its only parent, such as an activation after its sum, stands
    /// for both.
    pub async fn find(
        evaluator: &Evaluator,
        contrasts: &[Contrast],
        sites: &'a [Site],
        mut rng: Rng,
    ) -> Result<Self> {
        let all: Vec<&Site> = sites.iter().collect();
        let mut found = Vec::with_capacity(contrasts.len());
        for contrast in contrasts {
            found.push(Probed::new(evaluator, contrast, &all, &mut rng).await?);
        }
        let mut parents: Vec<Vec<usize>> = Vec::with_capacity(all.len());
        for to in 0..all.len() {
            let feeds = |&from: &usize| found.iter().any(|one| one.feeds(from, to));
            parents.push((0..to).filter(feeds).collect());
        }
        let mut entries: Vec<usize> = (0..all.len()).collect();
        let mut kept = vec![true; all.len()];
        for to in 0..all.len() {
            let [from] = parents[to][..] else { continue };
            let only_child = parents.iter().filter(|list| list.contains(&from)).count() == 1;
            let alike = all[from].axes == all[to].axes;
            if from > 0 && only_child && alike && found.iter().all(|one| one.is_image(from, to)) {
                kept[from] = false;
                entries[to] = entries[from];
                parents[to] = parents[from].clone();
            }
        }
        let place = |site: usize| kept[..site].iter().filter(|kept| **kept).count();
        let left = || (0..all.len()).filter(|&site| kept[site]);
        let places = |site: usize| parents[site].iter().map(|&parent| place(parent)).collect();
        Ok(Self {
            parents: left().map(places).collect(),
            entries: left().map(|site| all[entries[site]]).collect(),
            sites: left().map(|site| all[site]).collect(),
        })
    }

    /// Every part of every site; single elements of the observation and of the answers.
    pub fn nodes(&self, part: Part) -> Vec<Node> {
        let mut nodes = Vec::new();
        for (place, site) in self.sites.iter().enumerate() {
            let part = if place == 0 || site.is_output() {
                Part::Unit
            } else {
                part
            };
            for (group, elements) in part.groups(site).into_iter().enumerate() {
                let name = part.name(site, group);
                let name = name
                    .strip_prefix(&format!("{}, ", site.name))
                    .unwrap_or(&name)
                    .to_owned();
                nodes.push(Node {
                    site: place,
                    elements,
                    name,
                });
            }
        }
        nodes
    }

    /// Scores of all links between `nodes` that join a site with one that it feeds.
    pub async fn links(
        &self,
        evaluator: &Evaluator,
        contrast: &Contrast,
        trace: &Trace,
        nodes: &[Node],
    ) -> Result<Vec<Link>> {
        let targets: Vec<usize> = (0..nodes.len())
            .filter(|&node| nodes[node].site > 0)
            .collect();
        let steps = trace.steps;
        let changes = self.sites.iter().map(|site| trace.change(contrast, site));
        let changes: Vec<Vec<f32>> = changes.collect::<Result<_>>()?;
        let mut links = Vec::new();
        for targets in targets.chunks((MAX_ROWS / steps).max(1)) {
            let rows = targets.len() * steps;
            let free: Vec<usize> = (0..rows)
                .map(|row| nodes[targets[row / steps]].site)
                .collect();
            let probes: Vec<Vec<f32>> = (0..rows)
                .map(|row| {
                    let (node, step) = (&nodes[targets[row / steps]], row % steps);
                    let slopes = trace.slopes(self.sites[node.site], step);
                    let mut probe = vec![0.0; slopes.len()];
                    node.elements
                        .iter()
                        .for_each(|&element| probe[element] = slopes[element]);
                    probe
                })
                .collect();
            let values = |site: &Site| Ok(trace.recorded[&site.name].repeat(targets.len()));
            let edits = hold(evaluator, &self.sites, &free, &values)?;
            let input = (trace.input.repeat(targets.len()), rows);
            let measure = |_, taps: &Taps| projected(taps, &self.sites, &free, &probes);
            let found = gradients_inside(evaluator, input, &self.sites, edits, &measure).await?;
            for (place, &to) in targets.iter().enumerate() {
                let fed = |from: &usize| self.parents[nodes[to].site].contains(&nodes[*from].site);
                for from in (0..nodes.len()).filter(fed) {
                    let site = self.sites[nodes[from].site];
                    let slopes = &found.by_site[&site.name];
                    let slopes = &slopes[place * steps * site.len()..][..steps * site.len()];
                    let change = &changes[nodes[from].site];
                    let weight = scores(change, slopes, &nodes[from].elements);
                    links.push(Link { from, to, weight });
                }
            }
        }
        Ok(links)
    }

    /// The derivative of what comes in at single elements, each `(site, element)`, by everything else, in
    /// the clean run: for each row a slope by site and element.
    pub async fn slopes(
        &self,
        evaluator: &Evaluator,
        contrast: &Contrast,
        elements: &[(usize, usize)],
    ) -> Result<Vec<Vec<Vec<f32>>>> {
        let mut slopes = Vec::with_capacity(elements.len());
        for elements in elements.chunks(MAX_ROWS) {
            let rows = elements.len();
            let free: Vec<usize> = elements.iter().map(|&(site, _)| site).collect();
            let one = |&(site, element): &(usize, usize)| {
                let mut probe = vec![0.0; self.entries[site].len()];
                probe[element] = 1.0;
                probe
            };
            let probes: Vec<Vec<f32>> = elements.iter().map(one).collect();
            let values = |site: &Site| contrast.at(0, site).map(<[f32]>::to_vec);
            let edits = hold(evaluator, &self.sites, &free, &values)?;
            let input = (contrast.observations[0].repeat(rows), rows);
            let measure = |_, taps: &Taps| projected(taps, &self.entries, &free, &probes);
            let found = gradients_inside(evaluator, input, &self.sites, edits, &measure).await?;
            slopes.extend((0..rows).map(|row| {
                let of = |site: &&Site| {
                    let all = &found.by_site[&site.name];
                    all[row * site.len()..(row + 1) * site.len()].to_vec()
                };
                self.sites.iter().map(of).collect()
            }));
        }
        Ok(slopes)
    }

    /// What each link restores in fact: what comes in at `v` when `u` alone is the donor's, put into the
    /// patched run at `v` (path patching; Goldowsky-Dill et al. 2023, arXiv:2304.05969).
    pub async fn exact(
        &self,
        evaluator: &Evaluator,
        contrast: &Contrast,
        direction: Direction,
        nodes: &[Node],
        links: &[Link],
    ) -> Result<Vec<f32>> {
        let [into, from] = direction.rows();
        let mut found = Vec::with_capacity(links.len());
        for links in links.chunks(MAX_ROWS) {
            let rows = links.len();
            let free: Vec<usize> = links.iter().map(|link| nodes[link.to].site).collect();
            let values = |site: &Site| {
                let (own, donor) = (contrast.at(into, site)?, contrast.at(from, site)?);
                let mut all = own.repeat(rows);
                for (row, link) in links.iter().enumerate() {
                    let node = &nodes[link.from];
                    if self.sites[node.site] == site {
                        let start = row * site.len();
                        node.elements
                            .iter()
                            .for_each(|&e| all[start + e] = donor[e]);
                    }
                }
                Ok(all)
            };
            let mut held = evaluator.clone();
            held.edits
                .extend(hold(evaluator, &self.sites, &free, &values)?);
            let input = contrast.observations[into].repeat(rows);
            let (_, came) = held.record(input.clone(), rows).await?;
            let mut patched = evaluator.clone();
            for (place, site) in self.sites.iter().enumerate() {
                let groups: Vec<Vec<usize>> = links
                    .iter()
                    .map(|link| match nodes[link.to].site == place {
                        true => nodes[link.to].elements.clone(),
                        false => Vec::new(),
                    })
                    .collect();
                if groups.iter().any(|group| !group.is_empty()) {
                    patched.edits.push(replace(
                        site,
                        &groups,
                        &came[&site.name],
                        &evaluator.device,
                    ));
                }
            }
            let answers = patched.evaluate(input, rows).await?;
            let measured = contrast.gauge.rows(&answers).into_iter();
            found.extend(measured.map(|measured| contrast.share(direction, measured)));
        }
        Ok(found)
    }
}

/// What each site's two random directions are fed by: slopes with every other site held.
struct Probed<'a> {
    sites: &'a [&'a Site],
    /// Two a site.
    probes: Vec<Vec<f32>>,
    found: Gradients,
}

impl<'a> Probed<'a> {
    async fn new(
        evaluator: &Evaluator,
        contrast: &Contrast,
        sites: &'a [&'a Site],
        rng: &mut Rng,
    ) -> Result<Self> {
        let rows = 2 * sites.len();
        let free: Vec<usize> = (0..rows).map(|row| row / 2).collect();
        let probes: Vec<Vec<f32>> = free
            .iter()
            .map(|&site| (0..sites[site].len()).map(|_| rng.normal()).collect())
            .collect();
        let values = |site: &Site| contrast.at(0, site).map(<[f32]>::to_vec);
        let edits = hold(evaluator, sites, &free, &values)?;
        let input = (contrast.observations[0].repeat(rows), rows);
        let measure = |_, taps: &Taps| projected(taps, sites, &free, &probes);
        let found = gradients_inside(evaluator, input, sites, edits, &measure).await?;
        Ok(Self {
            sites,
            probes,
            found,
        })
    }

    fn slope(&self, from: usize, row: usize) -> &[f32] {
        let len = self.sites[from].len();
        &self.found.by_site[&self.sites[from].name][row * len..(row + 1) * len]
    }

    fn feeds(&self, from: usize, to: usize) -> bool {
        self.slope(from, 2 * to).iter().any(|x| *x != 0.0)
    }

    fn is_image(&self, from: usize, to: usize) -> bool {
        let slopes = [self.slope(from, 2 * to), self.slope(from, 2 * to + 1)];
        is_image(slopes, &self.probes[2 * to..][..2])
    }
}

/// The way from the patched run's input to the donor's: activations and slopes on some inputs between.
pub(super) struct Trace {
    /// Inputs on the way.
    pub steps: usize,
    direction: Direction,
    input: Vec<f32>,
    /// By site, `[step × element]`.
    recorded: BTreeMap<String, Vec<f32>>,
    /// By site, what the share grows by with each element, `[step × element]`.
    slopes: BTreeMap<String, Vec<f32>>,
}

impl Trace {
    /// The inputs `x + (k/steps)(x' − x)`, k = 0 … steps−1; with one step the patched run alone.
    pub async fn new(
        evaluator: &Evaluator,
        contrast: &Contrast,
        direction: Direction,
        sites: &[&Site],
        steps: usize,
    ) -> Result<Self> {
        let [into, from] = direction.rows();
        let (start, end) = (&contrast.observations[into], &contrast.observations[from]);
        let input: Vec<f32> = (0..steps)
            .flat_map(|step| {
                let share = step as f32 / steps as f32;
                start.iter().zip(end).map(move |(x, y)| x + share * (y - x))
            })
            .collect();
        let (_, recorded) = evaluator.record(input.clone(), steps).await?;
        let scale = contrast.ends[from] - contrast.ends[into];
        let measure = |output: Output| contrast.gauge.tensor(output) / scale;
        let found =
            super::gradient::gradients(evaluator, input.clone(), steps, sites, &measure).await?;
        Ok(Self {
            steps,
            direction,
            input,
            recorded,
            slopes: found.by_site,
        })
    }

    fn slopes(&self, site: &Site, step: usize) -> &[f32] {
        &self.slopes[&site.name][step * site.len()..(step + 1) * site.len()]
    }

    /// The donor's activations at `site` less the patched run's.
    fn change(&self, contrast: &Contrast, site: &Site) -> Result<Vec<f32>> {
        let [into, from] = self.direction.rows();
        let (own, donor) = (contrast.at(into, site)?, contrast.at(from, site)?);
        Ok(donor
            .iter()
            .zip(own)
            .map(|(donor, own)| donor - own)
            .collect())
    }

    /// What each group of elements of `site` is predicted to restore: its change times the mean slope.
    pub fn scores(
        &self,
        contrast: &Contrast,
        site: &Site,
        groups: &[Vec<usize>],
    ) -> Result<Vec<f32>> {
        let change = self.change(contrast, site)?;
        let slopes = &self.slopes[&site.name];
        Ok(groups
            .iter()
            .map(|group| scores(&change, slopes, group))
            .collect())
    }

    /// The same with the slopes of other elements of the site: what chance predicts.
    pub fn shuffled(
        &self,
        contrast: &Contrast,
        site: &Site,
        groups: &[Vec<usize>],
        rng: &mut Rng,
    ) -> Result<Vec<f32>> {
        let mut order: Vec<usize> = (0..site.len()).collect();
        rng.shuffle(&mut order);
        let rows = self.slopes[&site.name].chunks_exact(site.len());
        let slopes: Vec<f32> = rows
            .flat_map(|row| order.iter().map(|&place| row[place]).collect::<Vec<_>>())
            .collect();
        let change = self.change(contrast, site)?;
        Ok(groups
            .iter()
            .map(|group| scores(&change, &slopes, group))
            .collect())
    }

    /// Whether the measure depends on `site` anywhere on the way.
    pub fn matters(&self, site: &Site) -> bool {
        self.slopes[&site.name].iter().any(|slope| *slope != 0.0)
    }

    /// Whether it depends on some of these elements of `site`.
    pub fn matter(&self, site: &Site, elements: &[usize]) -> bool {
        let rows = 0..self.steps;
        rows.into_iter().any(|step| {
            let slopes = self.slopes(site, step);
            elements.iter().any(|&element| slopes[element] != 0.0)
        })
    }
}

/// `Σ over elements of change · mean slope`, with slopes `[step × element]`.
fn scores(change: &[f32], slopes: &[f32], elements: &[usize]) -> f32 {
    let (len, steps) = (change.len(), slopes.len() / change.len());
    let mean = |&element: &usize| {
        let column = slopes.iter().skip(element).step_by(len);
        change[element] * column.sum::<f32>() / steps as f32
    };
    elements.iter().map(mean).sum()
}

/// Edits that hold every site at `values` of it, but in each row the one that is `free` there.
fn hold(
    evaluator: &Evaluator,
    sites: &[&Site],
    free: &[usize],
    values: &dyn Fn(&Site) -> Result<Vec<f32>>,
) -> Result<Vec<SiteEdit>> {
    let edit = |(place, site): (usize, &&Site)| {
        let all: Vec<usize> = (0..site.len()).collect();
        let held = |&free: &usize| {
            if free == place {
                Vec::new()
            } else {
                all.clone()
            }
        };
        let groups: Vec<Vec<usize>> = free.iter().map(held).collect();
        Ok(replace(site, &groups, &values(site)?, &evaluator.device))
    };
    sites.iter().enumerate().map(edit).collect()
}

/// In each row the activation of its free site, projected on that row's probe: `[row, 1]`.
fn projected(taps: &Taps, sites: &[&Site], free: &[usize], probes: &[Vec<f32>]) -> Tensor<2> {
    let mut sum: Option<Tensor<2>> = None;
    for (place, site) in sites.iter().enumerate() {
        let Some(recorded) = taps.get(&site.name).filter(|_| free.contains(&place)) else {
            continue;
        };
        let zero = vec![0.0; site.len()];
        let rows = free.iter().zip(probes);
        let weights: Vec<f32> = rows
            .flat_map(|(&free, probe)| {
                if free == place {
                    probe.clone()
                } else {
                    zero.clone()
                }
            })
            .collect();
        let weights = backend::tensor(weights, recorded.dims(), &recorded.device()); // [row, element]
        let part = (recorded.clone() * weights).sum_dim(1); // [row, 1]
        sum = Some(match sum {
            Some(sum) => sum + part,
            None => part,
        });
    }
    // Every row has a free site, and every site is tapped.
    sum.unwrap_or_else(|| Tensor::zeros([free.len(), 1], &Default::default()))
}

/// Whether gradients through an elementwise map, of two probes: then `g_i = d_i p_i` with the same `d`.
fn is_image(slopes: [&[f32]; 2], probes: &[Vec<f32>]) -> bool {
    (0..probes[0].len()).all(|i| {
        let (one, other) = (slopes[0][i] * probes[1][i], slopes[1][i] * probes[0][i]);
        (one - other).abs() <= 1e-4 * (one.abs() + other.abs())
    })
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::op::measure::Measure;
    use crate::{env, model};
    use burn::tensor::Device;
    use serde_json::{Value, json};

    /// An untrained network of tic-tac-toe and its two boards.
    fn contrast(id: &str, parameters: Value) -> (Evaluator, Vec<Site>, Contrast) {
        let board = |cells: [u8; 9]| {
            let mut env = (env::entry("tictactoe").unwrap().make)(&json!({})).unwrap();
            env.set_state(&json!({"board": cells, "player": 0}))
                .unwrap();
            env
        };
        let boards = [
            board([1, 0, 2, 2, 1, 0, 0, 0, 0]),
            board([0, 1, 2, 2, 1, 0, 0, 0, 0]),
        ];
        let device = Device::flex();
        let make = model::entry(id).unwrap().make;
        let space = boards[0].space();
        let network = make(&parameters, space, &mut Rng::new(5), &device).unwrap();
        let sites = network.sites(space);
        let evaluator = Evaluator {
            network,
            device,
            edits: Vec::new(),
        };
        let states = [boards[0].as_ref(), boards[1].as_ref()];
        let contrast =
            pollster::block_on(Contrast::new(&evaluator, states, Measure::Value)).unwrap();
        (evaluator, sites, contrast)
    }

    fn wired(id: &str, parameters: Value) -> Vec<(String, Vec<String>)> {
        let (evaluator, sites, contrast) = contrast(id, parameters);
        let found = Wiring::find(
            &evaluator,
            std::slice::from_ref(&contrast),
            &sites,
            Rng::new(0),
        );
        let wiring = pollster::block_on(found).unwrap();
        let name = |&place: &usize| wiring.sites[place].name.clone();
        let pairs = wiring.sites.iter().zip(&wiring.parents);
        pairs
            .map(|(site, parents)| (site.name.clone(), parents.iter().map(name).collect()))
            .collect()
    }

    fn expected(pairs: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
        let own = |&(site, parents): &(&str, &[&str])| {
            (
                site.to_owned(),
                parents.iter().map(|&parent| parent.to_owned()).collect(),
            )
        };
        pairs.iter().map(own).collect()
    }

    #[test]
    fn layers_are_wired_one_after_the_other() {
        let found = wired("mlp", json!({"width": 8, "depth": 2}));
        let chain = expected(&[
            ("obs", &[]),
            ("blocks.0.post", &["obs"]),
            ("blocks.1.post", &["blocks.0.post"]),
            ("policy", &["blocks.1.post"]),
            ("value", &["blocks.1.post"]),
        ]);
        assert_eq!(found, chain);
        let found = wired(
            "mlp",
            json!({"width": 8, "depth": 1, "separate": true, "activation": "tanh"}),
        );
        let fork = expected(&[
            ("obs", &[]),
            ("blocks.0.post", &["obs"]),
            ("value_blocks.0.post", &["obs"]),
            ("policy", &["blocks.0.post"]),
            ("value", &["value_blocks.0.post"]),
        ]);
        assert_eq!(found, fork);
    }

    #[test]
    fn a_residual_block_is_fed_by_its_trunk_and_by_what_it_computes() {
        let found = wired(
            "convnet",
            json!({"channels": 4, "blocks": 1, "value_width": 8}),
        );
        let expected = expected(&[
            ("obs", &[]),
            ("stem.post", &["obs"]),
            ("blocks.0.mid", &["stem.post"]),
            ("blocks.0.out", &["stem.post", "blocks.0.mid"]),
            ("policy.features", &["blocks.0.out"]),
            ("policy", &["policy.features"]),
            ("value.features", &["blocks.0.out"]),
            ("value.hidden", &["value.features"]),
            ("value", &["value.hidden"]),
        ]);
        assert_eq!(found, expected);
    }

    /// Links that enter a node pass on what it is worth, as far as the network is linear on the way: here
    /// the answers are sums of what is left of the units.
    #[test]
    fn links_into_an_answer_add_up_to_it() {
        let (evaluator, sites, contrast) = contrast(
            "mlp",
            json!({"width": 8, "depth": 1, "bounded_value": false}),
        );
        let wiring = Wiring::find(
            &evaluator,
            std::slice::from_ref(&contrast),
            &sites,
            Rng::new(0),
        );
        let wiring = pollster::block_on(wiring).unwrap();
        let direction = Direction::Denoise;
        let trace = Trace::new(&evaluator, &contrast, direction, &wiring.sites, 3);
        let trace = pollster::block_on(trace).unwrap();
        let nodes = wiring.nodes(Part::Unit);
        let links =
            pollster::block_on(wiring.links(&evaluator, &contrast, &trace, &nodes)).unwrap();
        let into = |site: &str| -> Vec<Link> {
            let enters = |link: &&Link| wiring.sites[nodes[link.to].site].name == site;
            links.iter().filter(enters).copied().collect()
        };
        let sum: f32 = into("value").iter().map(|link| link.weight).sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
        assert!(
            into("policy").iter().all(|link| link.weight == 0.0),
            "the value has no use for logits"
        );
        let into_value = into("value");
        let exact = wiring.exact(&evaluator, &contrast, direction, &nodes, &into_value);
        let exact = pollster::block_on(exact).unwrap();
        for (link, exact) in into_value.iter().zip(exact) {
            assert!(
                (link.weight - exact).abs() < 1e-4,
                "{link:?}, in fact {exact}"
            );
        }
    }

    #[test]
    fn a_run_patched_with_itself_is_the_same_and_with_everything_the_other() {
        for (id, parameters) in [
            ("mlp", json!({"width": 8})),
            ("convnet", json!({"channels": 4})),
        ] {
            let (evaluator, sites, contrast) = contrast(id, parameters);
            for direction in [Direction::Denoise, Direction::Noise] {
                let [into, from] = direction.rows();
                for site in &sites {
                    let groups = Part::Unit.groups(site);
                    let own = contrast.at(into, site).unwrap();
                    let shares = contrast.shares(&evaluator, direction, site, &groups, own);
                    let shares = pollster::block_on(shares).unwrap();
                    assert!(
                        shares.iter().all(|share| share.abs() < 1e-4),
                        "{}: {shares:?}",
                        site.name
                    );
                }
                let all = Part::Site.groups(&sites[0]);
                let donor = contrast.at(from, &sites[0]).unwrap();
                let share = contrast.shares(&evaluator, direction, &sites[0], &all, donor);
                assert!((pollster::block_on(share).unwrap()[0] - 1.0).abs() < 1e-4);
            }
        }
    }
}
