//! Patching and circuits on a network written by hand, whose circuit is known.
//!
//! It plays tic-tac-toe by one thought: where two of a line's squares are mine and the third is empty, go
//! there. Its first layer has a unit for each line and square of it, its second one for each square. Both
//! have further units that follow the board as well, but on which no choice depends.

#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::{
    bench::{figure, graph, map_of, number, run},
    device, environment,
};
use glassbox::{
    env::Env,
    model::{
        self, Network,
        weights::{self, Archive},
    },
    op::figure::{Body, Figure},
    rng::Rng,
    session::block_on,
};
use serde_json::json;
use std::collections::BTreeSet;

const LINES: [[usize; 3]; 8] = [
    [0, 1, 2],
    [3, 4, 5],
    [6, 7, 8],
    [0, 3, 6],
    [1, 4, 7],
    [2, 5, 8],
    [0, 4, 8],
    [2, 4, 6],
];
const WIDTH: usize = 40;
/// How much a win is preferred.
const WIN: f32 = 5.0;

/// Each line and the square that would complete it: the first layer's units, in order.
fn threats() -> Vec<(usize, [usize; 2])> {
    let turned =
        |line: [usize; 3]| (0..3).map(move |k| (line[k], [line[(k + 1) % 3], line[(k + 2) % 3]]));
    LINES.into_iter().flat_map(turned).collect()
}

/// The network that wins where it can.
fn network() -> Network {
    let parameters = json!({"width": WIDTH, "depth": 2});
    let make = model::entry("mlp").unwrap().make;
    let (env, device) = (environment("tictactoe"), device());
    let blank = make(&parameters, env.space(), &mut Rng::new(0), &device).unwrap();
    let mut arrays = block_on(weights::collect(&blank)).unwrap();
    let mut set = |name: &str, numbers: &[([usize; 2], f32)]| {
        let array = arrays.get_mut(name).unwrap();
        array.data.fill(0.0);
        let columns = array.shape.get(1).copied().unwrap_or(1);
        numbers
            .iter()
            .for_each(|&([row, column], number)| array.data[row * columns + column] = number);
    };
    // Weights are `[out, in]`. A threat: both mine, the third square not theirs.
    let threats = threats();
    let mut first = Vec::new();
    let mut biases = Vec::new();
    for (unit, (third, pair)) in threats.iter().enumerate() {
        first.extend(pair.map(|square| ([unit, square], 1.0)));
        first.push(([unit, 9 + third], -1.0));
        biases.push(([unit, 0], -1.0));
    }
    // Nine that see a stone of mine on a square each: they change with the board, and nothing listens but
    // nine of the second layer, which raise all actions alike.
    first.extend((0..9).map(|square| ([24 + square, square], 1.0)));
    set("blocks.0.weight", &first);
    set("blocks.0.bias", &biases);
    let mut second: Vec<_> = threats
        .iter()
        .enumerate()
        .map(|(unit, (third, _))| ([*third, unit], 1.0))
        .collect();
    second.extend((0..9).map(|square| ([9 + square, 24 + square], 1.0)));
    set("blocks.1.weight", &second);
    set("blocks.1.bias", &[]);
    let mut policy: Vec<_> = (0..9).map(|square| ([square, square], WIN)).collect();
    policy.extend((0..9).flat_map(|action| (0..9).map(move |square| ([action, 9 + square], 0.3))));
    set("policy.weight", &policy);
    // Else the centre, then the first square.
    set(
        "policy.bias",
        &(0..9)
            .map(|a| ([a, 0], if a == 4 { 0.2 } else { -0.01 * a as f32 }))
            .collect::<Vec<_>>(),
    );
    set(
        "value.weight",
        &(0..9).map(|square| ([0, square], 1.0)).collect::<Vec<_>>(),
    );
    set("value.bias", &[]);
    let archive = Archive {
        arrays,
        ..Archive::default()
    };
    weights::load(blank, &archive, &device).unwrap()
}

fn board(cells: [u8; 9]) -> Box<dyn Env> {
    let mut env = environment("tictactoe");
    env.set_state(&json!({"board": cells, "player": 0}))
        .unwrap();
    env
}

/// Pairs of boards with one win each, and those wins: `(square, line's other squares)`.
type Known = ([[u8; 9]; 2], [(usize, [usize; 2]); 2]);

const PAIRS: [Known; 3] = [
    (
        [[1, 0, 2, 2, 1, 0, 0, 0, 0], [0, 1, 2, 2, 1, 0, 0, 0, 0]],
        [(8, [0, 4]), (7, [1, 4])],
    ),
    (
        [[1, 1, 0, 0, 2, 0, 0, 0, 2], [1, 0, 0, 0, 2, 0, 1, 0, 2]],
        [(2, [0, 1]), (3, [0, 6])],
    ),
    (
        [[0, 0, 1, 0, 2, 1, 2, 0, 0], [1, 0, 1, 0, 2, 0, 2, 0, 0]],
        [(8, [2, 5]), (1, [0, 2])],
    ),
];

fn states(known: &Known) -> Vec<Box<dyn Env>> {
    known.0.map(board).into_iter().collect()
}

/// The units that a pair's choices depend on, in each layer.
fn expected(known: &Known) -> BTreeSet<(String, usize)> {
    let unit = |(third, pair): (usize, [usize; 2])| {
        let same = |one: &(usize, [usize; 2])| {
            one.0 == third && pair.iter().all(|square| one.1.contains(square))
        };
        threats().iter().position(same).unwrap()
    };
    let both = known.1.into_iter();
    both.flat_map(|win| {
        [
            ("blocks.0.post".into(), unit(win)),
            ("blocks.1.post".into(), win.0),
        ]
    })
    .collect()
}

/// Precision and recall of what was found.
fn score(found: &BTreeSet<(String, usize)>, expected: &BTreeSet<(String, usize)>) -> [f64; 2] {
    let both = found.intersection(expected).count() as f64;
    [both / found.len() as f64, both / expected.len() as f64]
}

/// The hidden units of a circuit's graph.
fn kept(figures: &[Figure]) -> BTreeSet<(String, usize)> {
    let (nodes, _) = graph(figure(figures, "Circuit"));
    let hidden = nodes.iter().filter(|node| node.site.starts_with("blocks"));
    hidden
        .map(|node| (node.site.clone(), node.unit.unwrap()))
        .collect()
}

#[test]
fn each_board_has_the_win_that_is_written_beside_it() {
    for known in &PAIRS {
        for (cells, (square, pair)) in known.0.into_iter().zip(known.1) {
            assert!(
                pair.iter().all(|&mine| cells[mine] == 1) && cells[square] == 0,
                "{cells:?}"
            );
            let wins = threats().into_iter().filter(|(third, pair)| {
                cells[*third] == 0 && pair.iter().all(|&mine| cells[mine] == 1)
            });
            assert_eq!(wins.count(), 1, "{cells:?}");
            let mut after = board(cells);
            assert_eq!(after.step(square, &mut Rng::new(0)).unwrap().reward, 1.0);
        }
    }
}

#[test]
fn circuits_hold_exactly_the_units_that_count() {
    let network = network();
    for known in &PAIRS {
        for parameters in [
            json!({"method": "scores"}),
            json!({"method": "scores", "direction": "noise", "steps": 16}),
            json!({"method": "acdc", "threshold": 0.05}),
            json!({"method": "acdc", "threshold": 0.05, "measure": "divergence"}),
        ] {
            let figures = run("circuit", &network, &parameters, states(known)).unwrap();
            let found = score(&kept(&figures), &expected(known));
            assert_eq!(
                found,
                [1.0, 1.0],
                "precision and recall with {parameters} on {:?}: {:?}",
                known.0,
                kept(&figures)
            );
            let number = |id: &str| number(&figures, id);
            assert!((number("faithfulness") - 1.0).abs() < 1e-4, "{parameters}");
            assert!(number("completeness") > 0.99, "{parameters}");
            assert!(
                number("faithfulness_random") < 0.7,
                "{}",
                number("faithfulness_random")
            );
            assert_eq!(number("circuit_size"), 4.0);
        }
    }
}

/// An edge: the sites that it joins, and their units.
type Edge = [(String, usize); 2];

/// The edges that a pair's choices depend on: of each win from the stone that was moved to its threat, from
/// there to the square, and on to the square's action.
fn expected_edges(known: &Known) -> BTreeSet<Edge> {
    let moved = |square: &usize| known.0[0][*square] != known.0[1][*square];
    let edges = known.1.into_iter().flat_map(|(third, pair)| {
        let threat = threats()
            .iter()
            .position(|one| one.0 == third && pair.iter().all(|square| one.1.contains(square)));
        let way = [
            ("obs", *pair.iter().find(|square| moved(square)).unwrap()),
            ("blocks.0.post", threat.unwrap()),
            ("blocks.1.post", third),
            ("policy", third),
        ];
        let way = way.map(|(site, unit)| (site.to_owned(), unit));
        (0..3).map(move |place| [way[place].clone(), way[place + 1].clone()])
    });
    edges.collect()
}

/// The edges of a circuit's graph.
fn kept_edges(figures: &[Figure]) -> BTreeSet<Edge> {
    let (nodes, edges) = graph(figure(figures, "Circuit"));
    let end = |node: usize| (nodes[node].site.clone(), nodes[node].unit.unwrap());
    edges
        .iter()
        .map(|edge| [end(edge.from), end(edge.to)])
        .collect()
}

#[test]
fn circuits_of_edges_hold_exactly_the_edges_that_count() {
    let network = network();
    for known in &PAIRS {
        for parameters in [
            json!({"prune": "edges", "method": "acdc", "edge_threshold": 0.05}),
            json!({"prune": "edges", "method": "acdc", "edge_threshold": 0.05, "measure": "divergence"}),
            json!({"prune": "edges", "method": "scores", "size": 6, "steps": 16}),
            json!({"prune": "edges", "method": "scores", "size": 6, "steps": 16, "direction": "noise"}),
        ] {
            let figures = run("circuit", &network, &parameters, states(known)).unwrap();
            let (found, expected) = (kept_edges(&figures), expected_edges(known));
            let both = found.intersection(&expected).count() as f64;
            let [precision, recall] =
                [&found, &expected].map(|edges: &BTreeSet<Edge>| both / edges.len() as f64);
            assert_eq!(
                [precision, recall],
                [1.0, 1.0],
                "precision and recall with {parameters} on {:?}: {found:?}",
                known.0
            );
            let number = |id: &str| number(&figures, id);
            assert_eq!(number("circuit_size"), 6.0);
            assert!((number("faithfulness") - 1.0).abs() < 1e-4, "{parameters}");
            assert!(number("completeness") > 0.99, "{parameters}");
            assert!(
                number("faithfulness_random") < 0.5,
                "{}",
                number("faithfulness_random")
            );
        }
    }
}

/// With further pairs, a circuit serves all of them, and still has what the first one needs.
#[test]
fn a_circuit_of_many_pairs_restores_each_of_them() {
    let network = network();
    for prune in ["nodes", "edges"] {
        let parameters =
            json!({"prune": prune, "threshold": 0.05, "edge_threshold": 0.05, "pairs": 5});
        let figures = run("circuit", &network, &parameters, states(&PAIRS[0])).unwrap();
        let number = |id: &str| number(&figures, id);
        let one = if prune == "nodes" { 4.0 } else { 6.0 };
        assert!(number("circuit_size") > one, "{}", number("circuit_size"));
        assert!(
            (number("faithfulness") - 1.0).abs() < 0.05,
            "{}",
            number("faithfulness")
        );
        assert!(
            number("faithfulness_spread") < 0.1,
            "{}",
            number("faithfulness_spread")
        );
        assert!(
            number("faithfulness_random") < 0.5,
            "{}",
            number("faithfulness_random")
        );
        if prune == "nodes" {
            assert!(kept(&figures).is_superset(&expected(&PAIRS[0])));
        }
        assert!(
            figures[0].caption.contains("6 pairs"),
            "{}",
            figures[0].caption
        );
    }
}

#[test]
fn links_of_a_circuit_are_the_weights_that_count() {
    let figures = run(
        "circuit",
        &network(),
        &json!({"steps": 64}),
        states(&PAIRS[0]),
    )
    .unwrap();
    let (nodes, edges) = graph(figure(&figures, "Circuit"));
    // Half of the difference comes from gaining this win, half from losing that one: each passes on whole.
    let inner = edges.iter().filter(|edge| {
        [edge.from, edge.to]
            .iter()
            .all(|&node| nodes[node].site.starts_with("blocks"))
    });
    let weights: Vec<f32> = inner.map(|edge| edge.weight).collect();
    assert_eq!(weights.len(), 2, "{edges:?}");
    assert!(
        weights.iter().all(|weight| (weight - 0.5).abs() < 0.01),
        "{weights:?}"
    );
}

#[test]
fn patching_restores_half_with_each_unit_that_counts_and_nothing_with_others() {
    let network = network();
    for known in &PAIRS {
        for direction in ["denoise", "noise"] {
            let parameters = json!({"direction": direction});
            let figures = run("patch", &network, &parameters, states(known)).unwrap();
            let map = figure(&figures, "Patching map");
            let expected = expected(known);
            for site in ["blocks.0.post", "blocks.1.post"] {
                for (unit, share) in map_of(map, site).into_iter().enumerate() {
                    let half = if expected.contains(&(site.into(), unit)) {
                        0.5
                    } else {
                        0.0
                    };
                    assert!(
                        (share - half).abs() < 0.02,
                        "{site}, unit {unit} {direction}: {share}"
                    );
                }
            }
        }
    }
}

#[test]
fn patching_finds_that_two_units_suffice() {
    let figures = run("patch", &network(), &json!({"pairs": 0}), states(&PAIRS[0])).unwrap();
    assert_eq!(number(&figures, "parts_for_90"), 2.0);
    assert!(number(&figures, "parts_for_90_random") > 10.0);
}

#[test]
fn attribution_agrees_with_patching_where_the_way_is_straight() {
    // On the clean board its own win is seen and the other's is not: the slope of a unit that is off is
    // not seen at once, but over the way from one board to the other it is.
    let network = network();
    for known in &PAIRS {
        let parameters = json!({"part": "unit", "steps": 32, "pairs": 0});
        let figures = run("attribution_patch", &network, &parameters, states(known)).unwrap();
        assert!(
            number(&figures, "correlation") > 0.99,
            "{}",
            number(&figures, "correlation")
        );
        assert!(number(&figures, "correlation_shuffled").abs() < 0.5);
        let Body::Bars { bars, .. } = &figure(&figures, "Strongest parts").body else {
            panic!("no bars");
        };
        let found: BTreeSet<_> = bars[..8]
            .iter()
            .filter(|bar| bar.site.ends_with("post"))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|bar| (bar.site.clone(), bar.unit.unwrap()))
            .collect();
        assert_eq!(found, expected(known));
        for bar in &bars[..8] {
            assert!((bar.value - bar.control.unwrap()).abs() < 0.05, "{bar:?}");
        }
    }
}
