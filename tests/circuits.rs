//! What holds for patching, attribution and circuits on any network, and what PyTorch says of them on the
//! same weights (`tests/golden/README.md`).

#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::{
    bench::{figure, graph, map_of, number, run},
    environment,
    golden::{self, array, arrays},
    random_state, small_network,
};
use glassbox::{
    env::Env,
    error::Error,
    model::{MODELS, Network},
    op::figure::{Body, Figure},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// PyTorch's numbers are float64, ours are float32: they agree to this, relative to the largest.
const TOLERANCE: f32 = 1e-5;

/// Small networks of every model, with two random states of a game each.
fn for_pairs(mut check: impl FnMut(&str, &Network, &dyn Fn() -> Vec<Box<dyn Env>>)) {
    for model in MODELS {
        for seed in 0..4 {
            let env = environment("tictactoe");
            let network = small_network(model, env.as_ref(), seed).unwrap();
            let states = || {
                let seeds = [20 + 2 * seed, 21 + 2 * seed];
                seeds
                    .map(|seed| random_state(env.as_ref(), seed))
                    .into_iter()
                    .collect()
            };
            check(&format!("{} {seed}", model.id), &network, &states);
        }
    }
}

/// What an op answers, unless the two states give it nothing to compare.
fn ask(
    id: &str,
    network: &Network,
    parameters: &Value,
    states: Vec<Box<dyn Env>>,
) -> Option<Vec<Figure>> {
    match run(id, network, parameters, states) {
        Ok(figures) => Some(figures),
        Err(Error::NotApplicable { .. }) => None,
        Err(other) => panic!("{id}: {other}"),
    }
}

#[test]
fn patching_everything_gives_the_other_run() {
    let mut seen = 0;
    for_pairs(|what, network, states| {
        for measure in ["auto", "value", "log_odds", "divergence"] {
            for direction in ["denoise", "noise"] {
                let parameters =
                    json!({"part": "site", "direction": direction, "measure": measure, "pairs": 0});
                let Some(figures) = ask("patch", network, &parameters, states()) else {
                    continue;
                };
                let map = figure(&figures, "Patching map");
                let share = map_of(map, "obs")[0];
                assert!((share - 1.0).abs() < 1e-3, "{what}, {parameters}: {share}");
                let answer = if measure == "value" {
                    "value"
                } else {
                    "policy"
                };
                let other = if measure == "value" {
                    "policy"
                } else {
                    "value"
                };
                if measure != "auto" {
                    assert!(
                        (map_of(map, answer)[0] - 1.0).abs() < 1e-3,
                        "{what}, {parameters}"
                    );
                    assert!(map_of(map, other)[0].abs() < 1e-3, "{what}, {parameters}");
                }
                seen += 1;
            }
        }
    });
    assert!(seen > 20, "{seen}");
}

#[test]
fn attributions_sum_to_the_difference() {
    let mut seen = 0;
    for_pairs(|what, network, states| {
        let env = environment("tictactoe");
        for site in network.sites(env.space()) {
            for baseline in ["zero", "mean", "corrupt"] {
                for target in ["preference", "log_probability", "value"] {
                    let parameters = json!({
                        "site": site.name, "baseline": baseline, "target": target, "steps": 512, "reference_states": 16,
                    });
                    let Some(figures) = ask("attribution", network, &parameters, states()) else {
                        continue;
                    };
                    let (sum, difference) = (
                        number(&figures, "attributed"),
                        number(&figures, "difference"),
                    );
                    // Kinks between two of 512 points are missed: they cost less than this.
                    let bound = 1e-3 + 0.01 * difference.abs();
                    assert!(
                        (sum - difference).abs() < bound,
                        "{what}, {parameters}: {sum} {difference}"
                    );
                    let map: f32 = map_of(&figures[0], &site.name).iter().sum();
                    assert!(
                        (f64::from(map) - sum).abs() < 1e-4,
                        "{what}: the map is not what is summed"
                    );
                    seen += 1;
                }
            }
        }
    });
    assert!(seen > 100, "{seen}");
}

#[test]
fn a_circuit_of_everything_is_fully_faithful_and_complete() {
    let mut seen = BTreeMap::new();
    for_pairs(|what, network, states| {
        for (part, prune) in [
            ("unit", "nodes"),
            ("channel", "nodes"),
            ("site", "nodes"),
            ("channel", "edges"),
            ("site", "edges"),
        ] {
            let everything = json!({
                "method": "scores", "size": 65536, "part": part, "prune": prune, "random_circuits": 2,
            });
            let Some(figures) = ask("circuit", network, &everything, states()) else {
                continue;
            };
            let [faithful, random] =
                ["faithfulness", "faithfulness_random"].map(|id| number(&figures, id));
            assert!(
                (faithful - 1.0).abs() < 1e-4 && (random - 1.0).abs() < 1e-4,
                "{what} {part} {prune}: {faithful} {random}"
            );
            assert!(
                figures[0].caption.starts_with("Weak evidence"),
                "a random circuit of everything is the same: {}",
                figures[0].caption
            );
            // Where all that is computed from the board is the corrupt board's, so is the answer.
            assert!(
                (number(&figures, "completeness") - 1.0).abs() < 1e-4,
                "{what}"
            );
            let Body::Lines { series, .. } = &figure(&figures, "Faithfulness by size").body else {
                panic!("no lines");
            };
            assert!(
                series[0].points[0].1.abs() < 1e-4,
                "{what} {part} {prune}: nothing restores something"
            );
            assert!(
                series
                    .iter()
                    .flat_map(|line| &line.points)
                    .all(|point| point.1.is_finite()),
                "{what} {part} {prune}"
            );
            *seen
                .entry((what.split(' ').next().unwrap().to_owned(), prune))
                .or_insert(0) += 1;
        }
    });
    for model in MODELS {
        for prune in ["nodes", "edges"] {
            let count = seen
                .get(&(model.id.to_owned(), prune))
                .copied()
                .unwrap_or(0);
            assert!(count > 3, "{} {prune}: {count}", model.id);
        }
    }
}

#[test]
fn acdc_never_moves_further_than_its_cuts_allow() {
    for_pairs(|what, network, states| {
        for (threshold, prune, part) in [
            (0.0, "nodes", "unit"),
            (0.01, "nodes", "unit"),
            (0.1, "nodes", "unit"),
            (0.001, "edges", "channel"),
            (0.1, "edges", "channel"),
        ] {
            let parameters = json!({
                "method": "acdc", "threshold": threshold, "edge_threshold": threshold, "part": part,
                "prune": prune, "random_circuits": 2,
            });
            let Some(figures) = ask("circuit", network, &parameters, states()) else {
                continue;
            };
            let cut = {
                let sizes = figures[0]
                    .numbers
                    .iter()
                    .find(|number| number.id == "circuit_size")
                    .unwrap();
                sizes.out_of.unwrap() - sizes.value
            };
            let away = (number(&figures, "faithfulness") - 1.0).abs();
            assert!(
                away <= threshold * cut + 1e-4,
                "{what}: {away} after {cut} cuts of {threshold}"
            );
        }
    });
}

/// What ACDC keeps at a threshold, and how faithful that is.
fn acdc(
    network: &Network,
    prune: &str,
    threshold: f64,
    states: Vec<Box<dyn Env>>,
) -> Option<[f64; 3]> {
    let parameters = json!({
        "threshold": threshold, "edge_threshold": threshold, "prune": prune, "random_circuits": 2,
    });
    let figures = ask("circuit", network, &parameters, states)?;
    let size = &figures[0].numbers[0];
    Some([
        size.value,
        size.out_of.unwrap(),
        number(&figures, "faithfulness"),
    ])
}

/// At 1 everything goes that does not undo the whole answer by itself, which is most of it; at 0 only what is
/// not missed.
#[test]
fn acdc_cuts_all_that_it_may_and_keeps_all_that_matters() {
    let mut seen = 0;
    for_pairs(|what, network, states| {
        for prune in ["nodes", "edges"] {
            if let Some([kept, all, faithful]) = acdc(network, prune, 0.0, states()) {
                // Cutting may bring the answer nearer, but never takes it away.
                assert!((faithful - 1.0).abs() < 1e-4, "{what} {prune}: {faithful}");
                let most = acdc(network, prune, 1.0, states());
                if let Some([least, _, _]) = most {
                    assert!(
                        least <= all / 3.0 + 1.0 && least <= kept,
                        "{what} {prune}: {least} of {all}"
                    );
                }
                seen += 1;
            }
        }
    });
    assert!(seen > 8, "{seen}");
}

/// The golden file, its network, and its two boards.
fn golden_pair() -> (Value, Network, Vec<Box<dyn Env>>) {
    let file = golden::file("attribution");
    let env = environment("tictactoe");
    let parameters = json!({"width": 16, "depth": 2});
    let network = golden::network(
        "mlp",
        &parameters,
        arrays(&file["parameters"]),
        env.as_ref(),
    );
    let boards = file["boards"].as_array().unwrap().iter().map(|cells| {
        let mut env = environment("tictactoe");
        env.set_state(&json!({"board": cells, "player": 0}))
            .unwrap();
        env
    });
    let boards = boards.collect();
    (file, network, boards)
}

/// Asserts that `ours` is `theirs`, relative to the largest of them.
fn close(what: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let largest = theirs.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    for (index, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!(
            (a - b).abs() <= TOLERANCE * largest,
            "{what}[{index}]: {a}, in PyTorch {b}"
        );
    }
}

#[test]
fn integrated_gradients_are_pytorchs() {
    let (file, network, boards) = golden_pair();
    for case in file["integrated_gradients"].as_array().unwrap() {
        let keys = ["target", "site", "baseline", "steps"];
        let parameters: Value = keys
            .iter()
            .map(|&key| (key.to_owned(), case[key].clone()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let figures = run("attribution", &network, &parameters, boards.clone()).unwrap();
        let what = parameters.to_string();
        let theirs = array(&case["values"]).data;
        close(
            &what,
            &map_of(&figures[0], case["site"].as_str().unwrap()),
            &theirs,
        );
        let difference = case["difference"].as_f64().unwrap() as f32;
        close(
            &what,
            &[number(&figures, "difference") as f32],
            &[difference],
        );
        let error =
            (f64::from(theirs.iter().sum::<f32>() - difference) / f64::from(difference)).abs();
        assert!(
            (number(&figures, "completeness_error") - error).abs() < 1e-4,
            "{what}"
        );
    }
}

#[test]
fn link_scores_are_pytorchs() {
    let (file, network, boards) = golden_pair();
    for case in file["links"].as_array().unwrap() {
        let parameters = json!({
            "direction": case["direction"], "steps": case["steps"], "part": "unit", "links": 400, "parts": 64,
            "pairs": 0,
        });
        let figures = run("attribution_patch", &network, &parameters, boards.clone()).unwrap();
        let (nodes, edges) = graph(figure(&figures, "Strongest links"));
        let ours: BTreeMap<_, f32> = edges
            .iter()
            .map(|edge| {
                let [from, to] = [edge.from, edge.to].map(|node| &nodes[node]);
                (
                    (to.site.clone(), to.unit.unwrap(), from.unit.unwrap()),
                    edge.weight,
                )
            })
            .collect();
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        for (site, scores) in arrays(&case["scores"]) {
            let columns = scores.shape[1];
            for (index, &score) in scores.data.iter().enumerate() {
                let link = (site.clone(), index / columns, index % columns);
                // A link of exactly nothing is not drawn.
                expected.push(score);
                found.push(ours.get(&link).copied().unwrap_or(0.0));
            }
        }
        close(&parameters.to_string(), &found, &expected);
        let drawn = expected.iter().filter(|score| **score != 0.0).count();
        assert_eq!(
            ours.len(),
            drawn,
            "{parameters}: links that PyTorch does not have"
        );
    }
}
