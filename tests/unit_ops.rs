//! Ops about single units, layers and states, on networks written by hand, so that every answer is known,
//! and on random ones, where what must hold is known.
//!
//! On tic-tac-toe the first hidden unit counts the mover's stones in the top row less the opponent's, the
//! second sees an opponent in the centre, the third sees a corner and is wired to nothing, and the fourth is
//! always on.

#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::{
    bench::{number, run_on},
    device, environment,
};
use glassbox::{
    env::{self, Env},
    model::{
        self, Network,
        evaluator::{Evaluator, masked_argmax},
        weights::{self, Archive},
    },
    op::figure::{Bar, Body, Cell, Figure},
    rng::Rng,
    session::block_on,
};
use serde_json::{Value, json};

/// Weights `(index, number)` of an array.
type Weights = (&'static str, Vec<(usize, f32)>);

/// A perceptron of one hidden layer with these weights and zeros elsewhere.
fn perceptron(env: &dyn Env, width: usize, bounded: bool, weights: &[Weights]) -> Evaluator {
    let parameters = json!({"width": width, "depth": 1, "bounded_value": bounded});
    let make = model::entry("mlp").unwrap().make;
    let device = device();
    let blank: Network = make(&parameters, env.space(), &mut Rng::new(0), &device).unwrap();
    let mut arrays = block_on(weights::collect(&blank)).unwrap();
    arrays.values_mut().for_each(|array| array.data.fill(0.0));
    for (name, numbers) in weights {
        let array = arrays.get_mut(*name).unwrap();
        numbers
            .iter()
            .for_each(|&(index, number)| array.data[index] = number);
    }
    let archive = Archive {
        arrays,
        ..Archive::default()
    };
    Evaluator {
        network: weights::load(blank, &archive, &device).unwrap(),
        device,
        edits: Vec::new(),
    }
}

/// The network of tic-tac-toe.
fn by_hand() -> Evaluator {
    let row = [
        (0, 1.0),
        (1, 1.0),
        (2, 1.0),
        (9, -1.0),
        (10, -1.0),
        (11, -1.0),
    ];
    let seen = [row.as_slice(), &[(18 + 9 + 4, 1.0), (2 * 18 + 8, 1.0)]].concat();
    perceptron(
        environment("tictactoe").as_ref(),
        4,
        true,
        &[
            ("blocks.0.weight", seen),
            ("blocks.0.bias", vec![(3, 1.0)]),
            // Square 2 by the top row, 8 by the opponent's centre, 4 always.
            (
                "policy.weight",
                vec![(2 * 4, 3.0), (8 * 4 + 1, 4.0), (4 * 4 + 3, 1.0)],
            ),
            (
                "policy.bias",
                (0..9)
                    .map(|action| (action, 0.05 * action as f32))
                    .collect(),
            ),
            ("value.weight", vec![(0, 0.5), (1, -0.5)]),
            ("value.bias", vec![(0, 0.1)]),
        ],
    )
}

/// An op on the network written by hand.
fn run(id: &str, parameters: Value, states: Vec<Box<dyn Env>>) -> Vec<Figure> {
    let env = environment("tictactoe");
    run_on(&by_hand(), env.as_ref(), id, parameters, states).unwrap()
}

fn bars<'a>(figures: &'a [Figure], title: &str) -> &'a [Bar] {
    match &figures
        .iter()
        .find(|figure| figure.title == title)
        .unwrap()
        .body
    {
        Body::Bars { bars, .. } => bars,
        other => panic!("no bars: {other:?}"),
    }
}

fn board(cells: [u8; 9], player: u8) -> Box<dyn Env> {
    let mut env = environment("tictactoe");
    env.set_state(&json!({"board": cells, "player": player}))
        .unwrap();
    env
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
}

#[test]
fn a_unit_that_is_wired_to_nothing_is_vestigial() {
    let count = |mode: &str| {
        let parameters = json!({"mode": mode, "reference_states": 5000});
        let figures = run("ablate", parameters, Vec::new());
        (
            number(&figures, "vestigial_units"),
            number(&figures, "idle_units"),
        )
    };
    // The one that is always on is its own mean, and matters only where it is set to zero.
    assert_eq!(count("mean").0, 2.0);
    assert_eq!(count("zero").0, 1.0);
    assert!(count("zero").1 >= 1.0);
    let parameters = json!({"part": "everywhere", "reference_states": 5000});
    let figures = run("ablate", parameters, Vec::new());
    // Two before the activation function and the same two after it.
    assert_eq!(number(&figures, "vestigial_everywhere"), 4.0);
    assert_eq!(number(&figures, "vestigial_everywhere_untrained"), 4.0);
    assert!(number(&figures, "idle_everywhere") >= 4.0);
    assert!(number(&figures, "harmless_everywhere") >= 4.0);
}

#[test]
fn what_matters_least_can_go_and_what_matters_most_cannot() {
    for choice in ["rank", "greedy"] {
        let parameters = json!({"part": "set", "top": 2, "choice": choice});
        let figures = run("ablate", parameters, Vec::new());
        assert_eq!(number(&figures, "removable_units"), 2.0);
        assert_eq!(number(&figures, "divergence_least"), 0.0);
        let [most, random] =
            ["divergence_most", "divergence_random"].map(|id| number(&figures, id));
        assert!(
            most >= random && random >= 0.0 && most > 0.1,
            "{choice}: {most} {random}"
        );
        assert_eq!(number(&figures, "lost_least"), 0.0);
    }
}

#[test]
fn units_without_effect_interact_with_nothing() {
    let figures = run("ablate", json!({"part": "pair"}), Vec::new());
    let Body::Heatmap { rows, values, .. } = &figures[0].body else {
        panic!("no heatmap");
    };
    let size = rows.labels.len();
    assert_eq!(size, 4);
    for (place, name) in rows.labels.iter().enumerate() {
        let row = values[place * size..(place + 1) * size].iter().flatten();
        if name == "unit 2" || name == "unit 3" {
            assert!(row.clone().all(|x| x.abs() < 1e-6), "{name}: {values:?}");
        }
    }
    assert!(number(&figures, "strongest_interaction").abs() > 1e-3);
}

#[test]
fn contributions_are_activation_times_weight_and_sum_to_the_answer() {
    // Two in the top row, and the opponent in the centre: the units are 2, 1, 0 and 1.
    let state = || vec![board([1, 1, 0, 0, 2, 0, 2, 0, 0], 0)];
    let parts = |answer: &str| run("direct_attribution", json!({ "answer": answer }), state());
    let contributions = |figures: &[Figure]| -> Vec<f32> {
        match &figures[0].body {
            Body::Maps { panels, .. } => panels[0].values.iter().flatten().copied().collect(),
            other => panic!("no maps: {other:?}"),
        }
    };
    let expect = |figures: &[Figure], parts: [f32; 4], bias: f64, answer: f64| {
        for (found, expected) in contributions(figures).into_iter().zip(parts) {
            close(found.into(), expected.into());
        }
        close(number(figures, "bias"), bias);
        close(number(figures, "answer"), answer);
        close(number(figures, "completeness_error"), 0.0);
        assert_eq!(contributions(figures)[2], 0.0, "it is wired to nothing");
    };
    expect(&parts("logit"), [6.0, 0.0, 0.0, 0.0], 0.1, 6.1);
    // Less the mean of squares 3, 5, 7 and 8, of which the last has 4 of the second unit.
    expect(
        &parts("preference"),
        [6.0, -1.0, 0.0, 0.0],
        0.1 - 0.2875,
        4.8125,
    );
    expect(&parts("value"), [1.0, -0.5, 0.0, 0.0], 0.1, 0.6_f64.tanh());
    let figures = parts("logit");
    let top = &bars(&figures, "Largest contributions")[0];
    assert_eq!((top.name.as_str(), top.unit), ("unit 0", Some(0)));
}

#[test]
fn a_lens_on_the_last_site_agrees_with_the_policy() {
    let state = || vec![board([1, 1, 0, 0, 2, 0, 2, 0, 0], 0)];
    let direct = run("lens", json!({"lens": "direct"}), state());
    let agreement = bars(&direct, "Agreement by layer");
    assert_eq!(agreement.last().unwrap().name, "blocks.0.post");
    assert_eq!(number(&direct, "agreement_last"), 1.0);
    let table = direct
        .iter()
        .find(|figure| figure.title == "Lens by site")
        .unwrap();
    let Body::Table { rows, .. } = &table.body else {
        panic!("no table");
    };
    let divergence = |row: &[Cell]| match row[3] {
        Cell::Number(number) => number,
        _ => panic!("no number: {row:?}"),
    };
    // Before its activation function the top row can count below zero, which the maps were not made for.
    assert!(
        divergence(&rows[0]) > 0.01 && divergence(&rows[1]) < 1e-6,
        "{rows:?}"
    );
    let tuned = run(
        "lens",
        json!({"penalty": 1e-6, "reference_states": 4520}),
        state(),
    );
    assert!(number(&tuned, "agreement_last") > 0.99);
    assert!(number(&tuned, "agreement_input") < number(&tuned, "agreement_last"));
    assert!(number(&tuned, "agreement_chance") < 0.5);
    close(number(&tuned, "value"), 0.6_f64.tanh());
    let last = bars(&tuned, "Value by layer").last().unwrap();
    assert_eq!(last.control, Some(0.6_f32.tanh()));
}

#[test]
fn examples_are_the_states_that_a_unit_was_made_for() {
    let parameters = json!({"site": "blocks.0.post", "unit": 0});
    let figures = run("dataset_examples", parameters, Vec::new());
    assert_eq!(number(&figures, "max_activation"), 2.0);
    let all = environment("tictactoe").enumerate().unwrap();
    let count = |state: &dyn Env| {
        let seen = env::observation(state);
        seen[..3].iter().sum::<f32>() - seen[9..12].iter().sum::<f32>()
    };
    let active = all
        .iter()
        .filter(|state| count(state.as_ref()) > 0.0)
        .count();
    assert_eq!(number(&figures, "active_states"), active as f64);
    let parameters = json!({"site": "blocks.0.post", "unit": 4});
    let env = environment("tictactoe");
    let answer = run_on(
        &by_hand(),
        env.as_ref(),
        "dataset_examples",
        parameters,
        Vec::new(),
    );
    let refusal = answer.unwrap_err().to_string();
    assert!(refusal.contains("0 to 3"), "{refusal}");
}

#[test]
fn the_search_finds_the_exact_maximum_of_a_line_detector() {
    let parameters = json!({"site": "blocks.0.post", "unit": 0});
    let figures = run("feature_vis", parameters, Vec::new());
    assert_eq!(number(&figures, "activation_found"), 2.0);
    assert_eq!(number(&figures, "maximum_found"), 1.0);
    assert_eq!(number(&figures, "share_of_maximum"), 1.0);
    let Body::Board { scene, .. } = &figures[0].body else {
        panic!("no board");
    };
    let top: Vec<_> = scene
        .sprites
        .iter()
        .filter(|sprite| sprite.row == 0)
        .collect();
    assert!(top.len() == 2 && top[0].role == top[1].role, "{top:?}");
}

/// On a continuous observation the gradient leads to the edge of what was observed.
#[test]
fn the_ascent_ends_at_the_edge_of_the_observed_range() {
    let env = (env::entry("cartpole").unwrap().make)(&json!({})).unwrap();
    // Angle less position; four numbers are observed.
    let weights = [
        ("blocks.0.weight", vec![(2, 10.0), (0, -1.0)]),
        ("blocks.0.bias", vec![(0, 5.0)]),
    ];
    let evaluator = perceptron(env.as_ref(), 1, false, &weights);
    let parameters = json!({"site": "blocks.0.pre", "unit": 0, "states": 500});
    let figures = run_on(
        &evaluator,
        env.as_ref(),
        "feature_vis",
        parameters,
        Vec::new(),
    )
    .unwrap();
    let [found, example] =
        ["activation_found", "activation_example"].map(|id| number(&figures, id));
    assert!(found > example, "{found} {example}");
    let shown: Vec<f32> = bars(&figures, "State found")
        .iter()
        .map(|bar| bar.value)
        .collect();
    close(f64::from(5.0 + 10.0 * shown[2] - shown[0]), found);
    assert_eq!(
        number(&figures, "starts_agreeing"),
        16.0,
        "the map is linear: one corner is best"
    );
}

const SIDE: usize = 5;

/// The agent goes left, unless there is a wall in the middle: then right.
fn wall_watcher() -> (Box<dyn Env>, Evaluator) {
    let parameters = json!({"side": SIDE, "corner": 3, "max_steps": 20});
    let env = (env::entry("corner_maze").unwrap().make)(&parameters).unwrap();
    let weights = [
        ("blocks.0.weight", vec![(2 * SIDE + 2, 1.0)]),
        ("policy.weight", vec![(3, 5.0)]),
        ("policy.bias", vec![(1, 2.0)]),
    ];
    let evaluator = perceptron(env.as_ref(), 1, false, &weights);
    (env, evaluator)
}

/// The states of a row, which are what another op can be given.
fn pair_of(row: &[Cell]) -> [&Value; 2] {
    match row {
        [Cell::States { states }, ..] => [&states[0], &states[1]],
        _ => panic!("no states: {row:?}"),
    }
}

#[test]
fn a_counterfactual_differs_in_the_square_that_matters_alone() {
    let (env, evaluator) = wall_watcher();
    let figures = run_on(
        &evaluator,
        env.as_ref(),
        "counterfactual",
        json!({}),
        Vec::new(),
    )
    .unwrap();
    assert_eq!(number(&figures, "elements_changed"), 1.0);
    // From e²/(e² + 3) of left and 1/(e² + 3) of right to e²/(e⁵ + e² + 2) and e⁵/(e⁵ + e² + 2).
    let (two, five) = (2_f64.exp(), 5_f64.exp());
    let gained = five / (five + two + 2.0) - 1.0 / (two + 3.0);
    close(number(&figures, "policy_change"), gained);
    let table = figures
        .iter()
        .find(|figure| figure.title == "Minimal pairs")
        .unwrap();
    let Body::Table { rows, .. } = &table.body else {
        panic!("no table");
    };
    for row in rows {
        let [one, other] = pair_of(row);
        let level = |written: &Value| -> Vec<char> {
            let mut loaded = env.clone();
            loaded.set_state(written).unwrap();
            let state = loaded.state();
            let rows = state["level"].as_array().unwrap();
            rows.iter()
                .flat_map(|row| row.as_str().unwrap().chars())
                .collect()
        };
        let (one, other) = (level(one), level(other));
        let apart: Vec<usize> = (0..one.len())
            .filter(|&cell| one[cell] != other[cell])
            .collect();
        assert_eq!(apart, [2 * SIDE + 2]);
    }
}

#[test]
fn an_agent_that_sees_nothing_has_no_counterfactual() {
    let (env, _) = wall_watcher();
    let blind = perceptron(env.as_ref(), 1, false, &[("policy.bias", vec![(1, 2.0)])]);
    let answer = run_on(
        &blind,
        env.as_ref(),
        "counterfactual",
        json!({}),
        Vec::new(),
    );
    assert!(answer.unwrap_err().to_string().contains("no edit"));
}

// --- What holds for any network ----------------------------------------------------------------

fn for_random_networks(check: impl Fn(&Evaluator, &dyn Env, u64)) {
    for id in ["mlp", "convnet", "transformer"] {
        for seed in 0..3 {
            let env = environment("tictactoe");
            let (evaluator, _) = common::evaluator(id, env.as_ref(), seed);
            check(&evaluator, env.as_ref(), seed);
        }
    }
}

#[test]
fn contributions_of_any_network_sum_to_its_answers() {
    for_random_networks(|evaluator, env, seed| {
        for answer in ["preference", "logit", "value"] {
            let state = common::random_state(env, seed);
            let several = env::legal_actions(state.as_ref()).len() > 1;
            let parameters = json!({ "answer": answer });
            let found = run_on(
                evaluator,
                env,
                "direct_attribution",
                parameters,
                vec![state],
            );
            if several || answer != "preference" {
                let figures = found.unwrap();
                let error = number(&figures, "completeness_error");
                assert!(error < 1e-5, "{answer} of {seed}: {error}");
                let sum = number(&figures, "contributions_sum") + number(&figures, "bias");
                let answer = number(&figures, "answer");
                assert!((sum - answer).abs() < 1e-5 || (sum.tanh() - answer).abs() < 1e-5);
            }
        }
    });
}

#[test]
fn the_direct_lens_of_any_network_is_the_network_at_its_last_site() {
    for_random_networks(|evaluator, env, seed| {
        let parameters = json!({"lens": "direct", "reference_states": 128});
        let state = common::random_state(env, seed);
        let figures = run_on(evaluator, env, "lens", parameters, vec![state]).unwrap();
        let agreement = bars(&figures, "Agreement by layer");
        assert_eq!(agreement.last().unwrap().value, 1.0, "{agreement:?}");
    });
}

#[test]
fn no_search_finds_more_than_there_is() {
    for_random_networks(|evaluator, env, _| {
        let figures = run_on(
            evaluator,
            env,
            "feature_vis",
            json!({"starts": 4}),
            Vec::new(),
        )
        .unwrap();
        let [found, exact] =
            ["activation_found", "activation_example"].map(|id| number(&figures, id));
        assert!(found <= exact + 1e-5, "{found} {exact}");
    });
}

#[test]
fn choices_on_counterfactual_pairs_differ_when_they_are_loaded() {
    for_random_networks(|evaluator, env, seed| {
        let figures = run_on(evaluator, env, "counterfactual", json!({}), Vec::new()).unwrap();
        let table = figures
            .iter()
            .find(|figure| figure.title == "Minimal pairs")
            .unwrap();
        let Body::Table { rows, .. } = &table.body else {
            panic!("no table");
        };
        for row in rows {
            let [one, other] = pair_of(row);
            let choices = [one, other].map(|written| {
                let mut state = env.boxed();
                state.set_state(written).unwrap();
                let answers = block_on(evaluator.evaluate_states(&[state.clone()])).unwrap();
                let mut legal = vec![false; 9];
                state.legal(&mut legal);
                masked_argmax(answers.logits_of(0), &legal).unwrap()
            });
            assert_ne!(choices[0], choices[1], "seed {seed}: {one} {other}");
        }
    });
}
