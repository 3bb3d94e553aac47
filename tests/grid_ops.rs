//! Ops about agents on a grid, on a network written by hand, so that every answer is known.
//!
//! The network goes left, unless the cheese lies at the right of the middle row: then right, and its value
//! is 1.

#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::{bench::run_on, device};
use glassbox::{
    env::{self, Env},
    model::{
        self, Network,
        evaluator::Evaluator,
        weights::{self, Archive, Array},
    },
    op::figure::{Body, Figure},
    rng::Rng,
    session::block_on,
};
use serde_json::{Value, json};

const SIDE: usize = 5;
const AREA: usize = SIDE * SIDE;
/// The cell whose cheese the network sees.
const SEEN: (usize, usize) = (2, 3);

fn world() -> Box<dyn Env> {
    let parameters = json!({"side": SIDE, "corner": 3, "max_steps": 20});
    (env::entry("corner_maze").unwrap().make)(&parameters).unwrap()
}

/// An empty level with the mouse and the cheese at `(row, column)`.
fn level(mouse: (usize, usize), cheese: (usize, usize)) -> Box<dyn Env> {
    let at = |row, column| match (row, column) {
        _ if row % 4 == 0 || column % 4 == 0 => '#',
        cell if cell == mouse => 'M',
        cell if cell == cheese => 'C',
        _ => '.',
    };
    let rows: Vec<String> = (0..SIDE)
        .map(|row| (0..SIDE).map(|column| at(row, column)).collect())
        .collect();
    let mut env = world();
    env.set_state(&json!({ "level": rows })).unwrap();
    env
}

fn network() -> Network {
    let parameters = json!({"width": 2, "depth": 1, "bounded_value": false});
    let make = model::entry("mlp").unwrap().make;
    let (env, device) = (world(), device());
    let blank = make(&parameters, env.space(), &mut Rng::new(0), &device).unwrap();
    let mut arrays = block_on(weights::collect(&blank)).unwrap();
    let mut set = |name: &str, numbers: &[(usize, f32)]| {
        let array: &mut Array = arrays.get_mut(name).unwrap();
        array.data.fill(0.0);
        numbers
            .iter()
            .for_each(|&(index, number)| array.data[index] = number);
    };
    // The first unit sees the cheese, the second is always on.
    set(
        "blocks.0.weight",
        &[(2 * AREA + SEEN.0 * SIDE + SEEN.1, 1.0)],
    );
    set("blocks.0.bias", &[(1, 1.0)]);
    // Up, left, down, right, each with a weight of either unit.
    set("policy.weight", &[(2 + 1, 20.0), (3 * 2, 60.0)]);
    set("policy.bias", &[]);
    set("value.weight", &[(0, 1.0)]);
    set("value.bias", &[]);
    let archive = Archive {
        arrays,
        ..Archive::default()
    };
    weights::load(blank, &archive, &device).unwrap()
}

fn evaluator() -> Evaluator {
    Evaluator {
        network: network(),
        device: device(),
        edits: Vec::new(),
    }
}

fn run(id: &str, parameters: Value, states: Vec<Box<dyn Env>>) -> Vec<Figure> {
    run_on(&evaluator(), world().as_ref(), id, parameters, states).unwrap()
}

/// How far right each arrow of a figure points, in cells.
fn rightward(figure: &Figure) -> Vec<f32> {
    let Body::Board { scene, .. } = &figure.body else {
        panic!("{} is no board", figure.title);
    };
    let length = |points: &[[f32; 2]]| points[1][0] - points[0][0];
    scene
        .strokes
        .iter()
        .map(|arrow| length(&arrow.points))
        .collect()
}

fn number(figures: &[Figure], id: &str) -> f64 {
    let mut numbers = figures.iter().flat_map(|figure| &figure.numbers);
    let found = numbers.find(|number| number.id == id);
    found.unwrap_or_else(|| panic!("no {id}")).value
}

fn cells(figure: &Figure) -> &[Option<f32>] {
    match &figure.body {
        Body::Heatmap { values, .. } => values,
        other => panic!("no heatmap: {other:?}"),
    }
}

#[test]
fn arrows_point_where_the_agent_goes() {
    let left = rightward(&run("policy_field", json!({}), vec![level((1, 3), (3, 3))])[0]);
    assert_eq!(left.len(), 8, "one at every free cell but the cheese's");
    assert!(left.iter().all(|&far| far < -0.7), "{left:?}");
    let right = rightward(&run("policy_field", json!({}), vec![level((1, 3), SEEN)])[0]);
    assert!(right.iter().all(|&far| far > 0.7), "{right:?}");
}

#[test]
fn values_stand_on_their_cells() {
    let figures = run("value_map", json!({}), vec![level((1, 1), SEEN)]);
    let values = cells(&figures[0]);
    assert_eq!(values.iter().flatten().count(), 8);
    assert!(values.iter().flatten().all(|&value| value == 1.0));
    // The best return of the cell beside the cheese: one step of twenty, at nine tenths' haste.
    let best = cells(&figures[1])[2 * SIDE + 2].unwrap();
    assert!((best - (1.0 - 0.9 / 20.0)).abs() < 1e-6, "{best}");
}

#[test]
fn occupancy_counts_where_episodes_lead() {
    let figures = run(
        "occupancy",
        json!({"episodes": 10}),
        vec![level((1, 3), (3, 3))],
    );
    let sum: f32 = cells(&figures[0]).iter().flatten().sum();
    assert!((sum - 1.0).abs() < 1e-5);
    let mut expected = vec![None; AREA];
    expected[SIDE + 1] = Some(1.0);
    assert_eq!(cells(&figures[1]), expected, "all end in the corner");
    assert_eq!(number(&figures, "ended"), 0.0);
    assert_eq!(number(&figures, "mean_return"), 0.0);
}

#[test]
fn taking_the_direction_of_the_cheese_away_turns_the_agent_round() {
    let pair = || vec![level((2, 1), SEEN), level((2, 1), (3, 3))];
    let parameters = json!({"site": "blocks.0.post", "strength": -1.0, "episodes": 5});
    let figures = run("steer", parameters, pair());
    assert!(rightward(&figures[0]).iter().all(|&far| far < -0.7));
    assert_eq!(number(&figures, "return_steered"), 0.0);
    let found = number(&figures, "return_clean");
    assert!((found - (1.0 - 0.9 * 2.0 / 20.0)).abs() < 1e-5, "{found}");
    // One of the two units sees the cheese.
    assert_eq!(number(&figures, "carriers_for_90"), 1.0);
    assert_eq!(number(&figures, "carriers_for_90_random"), 2.0);
    assert!((number(&figures, "share_of_quarter") - 1.0).abs() < 1e-5);
    assert_eq!(number(&figures, "return_carriers"), 0.0);
    assert!((number(&figures, "return_others") - found).abs() < 1e-5);
    // Added to the other board it brings the cheese's pull to where no cheese is.
    let other = pair().into_iter().rev().collect();
    let parameters = json!({"site": "blocks.0.post", "strength": -1.0, "episodes": 5});
    assert!(
        rightward(&run("steer", parameters, other)[0])
            .iter()
            .all(|&far| far > 0.7)
    );
}

#[test]
fn retargeting_finds_the_plane_that_attracts() {
    let parameters = json!({"site": "obs", "row": SEEN.0 + 1, "column": SEEN.1 + 1, "value": 1.0});
    let figures = run("retarget", parameters, vec![level((1, 1), (3, 3))]);
    let Body::Bars { bars, .. } = &figures[2].body else {
        panic!("no bars");
    };
    assert_eq!(
        (bars[0].name.as_str(), bars[0].unit),
        ("plane cheese", Some(2))
    );
    assert!(
        bars[0].value > 1.0 && bars[1].value.abs() < 1e-3,
        "{bars:?}"
    );
    assert!(rightward(&figures[0]).iter().all(|&far| far > 0.7));
}

/// On its own levels and elsewhere it finds the cheese only where chance lays it on its way.
#[test]
fn episodes_end_where_the_agent_goes() {
    let figures = run("misgeneralisation", json!({"episodes": 40}), Vec::new());
    let ends = |title: &str| {
        let figure = figures.iter().find(|figure| figure.title == title);
        let all = cells(figure.unwrap());
        (1..4).filter_map(|row| all[row * SIDE + 1]).sum::<f32>()
    };
    assert!(ends("Ends, as trained") > 0.5 && ends("Ends elsewhere") > 0.5);
}
