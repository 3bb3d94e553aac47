//! What must hold for any input: of search, of taps and edits, of files and of sessions.

#![cfg(not(target_arch = "wasm32"))]

mod common;

use burn::{
    module::Module,
    tensor::{Tensor, TensorData},
};
use common::{
    TINY, ask, bits, device, environment, evaluator, export, handle, random_game, random_state,
    tiny_session,
};
use glassbox::{
    agent::mcts::{self, Config, Found, Rule},
    backend,
    env::{Axis, Env, legal_actions, observation},
    error::{Error, Result},
    model::{
        Site, Stage,
        evaluator::Evaluator,
        taps::{self, Bank, Change, Edit, EditOp, Select, SiteEdit, Taps},
        weights::{Archive, Array},
    },
    preset,
    rng::Rng,
    rollout::gae::{self, Transition},
    session::{
        Session, block_on,
        config::RunConfig,
        protocol::{Command, Event, ExportKind},
    },
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// Environments and the models that the properties of networks are tried on.
const NETWORKS: [(&str, &str); 4] = [
    ("tictactoe", "mlp"),
    ("tictactoe", "convnet"),
    ("connect4", "convnet"),
    ("tictactoe", "transformer"),
];

/// The sites that the answers of a small network are read off.
fn last_hidden(model: &str) -> &'static [&'static str] {
    match model {
        "mlp" => &["blocks.2.post"],
        "convnet" => &["policy.features", "value.hidden"],
        _ => &["blocks.0.resid_post"],
    }
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

// --- Search ----------------------------------------------------------------------------------

fn config(rule: Rule, num_simulations: usize, noise: f32) -> Config {
    Config {
        rule,
        num_simulations,
        c_init: 1.25,
        c_base: 19_652.0,
        dirichlet_alpha: 1.0,
        noise,
        max_considered: 16,
    }
}

fn search(state: &dyn Env, evaluator: &Evaluator, config: &Config, seed: u64) -> Found {
    let (roots, mut rng) = ([state.boxed()], Rng::new(seed));
    block_on(mcts::search(&roots, evaluator, config, &mut rng))
        .unwrap()
        .remove(0)
}

fn rules() -> impl Strategy<Value = Rule> {
    prop_oneof![Just(Rule::Puct), Just(Rule::Gumbel)]
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn a_search_spends_every_simulation_on_legal_moves(
        seed: u64, which in 0..NETWORKS.len(), rule in rules(), simulations in 1..60_usize, noise in 0.0..1.0_f32,
        considered in 1..20_usize,
    ) {
        let (id, model) = NETWORKS[which];
        let start = environment(id);
        let state = random_state(start.as_ref(), seed);
        let (evaluator, _) = evaluator(model, start.as_ref(), seed);
        let config = Config { max_considered: considered, ..config(rule, simulations, noise) };
        let found = search(state.as_ref(), &evaluator, &config, seed);
        let legal = legal_actions(state.as_ref());
        prop_assert_eq!(found.visits.iter().sum::<u32>() as usize, simulations);
        prop_assert!(legal.contains(&found.action));
        prop_assert!((found.policy.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        prop_assert!((found.prior.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        for action in 0..found.visits.len() {
            prop_assert!(found.policy[action] >= 0.0);
            prop_assert_eq!(found.q[action].is_some(), found.visits[action] > 0);
            prop_assert!(found.q[action].is_none_or(|q| q.abs() <= 1.0 + 1e-5));
            if !legal.contains(&action) {
                prop_assert_eq!((found.visits[action], found.policy[action], found.prior[action]), (0, 0.0, 0.0));
            }
        }
        prop_assert!(found.value.abs() <= 1.0 + 1e-5);
    }

    #[test]
    fn the_visits_of_a_tree_are_one_and_those_of_the_children(
        seed: u64, which in 0..NETWORKS.len(), rule in rules(), simulations in 1..60_usize,
    ) {
        let (id, model) = NETWORKS[which];
        let start = environment(id);
        let roots = [random_state(start.as_ref(), seed)];
        let (evaluator, _) = evaluator(model, start.as_ref(), seed);
        let config = config(rule, simulations, 0.0);
        let explored = block_on(mcts::explore(&roots, &evaluator, &config, &mut Rng::new(0))).unwrap();
        let (found, tree) = &explored[0];
        prop_assert_eq!(found, &search(roots[0].as_ref(), &evaluator, &config, 0));
        prop_assert_eq!(tree[0].visits as usize, simulations);
        for (index, node) in tree.iter().enumerate() {
            let children: Vec<_> = tree.iter().filter(|one| one.parent == Some(index)).collect();
            let below: u32 = children.iter().map(|child| child.visits).sum();
            prop_assert!(node.parent.map_or(index == 0, |parent| parent < index));
            prop_assert!(children.is_empty() || !node.is_over);
            if !node.is_over {
                // The first simulation that comes to a node ends there; none ends at the root.
                prop_assert_eq!(node.visits, below + u32::from(index > 0));
            }
            if node.parent == Some(0) {
                prop_assert_eq!(node.visits, found.visits[node.action]);
                prop_assert_eq!(Some(node.value), found.q[node.action]);
            }
        }
    }

    #[test]
    fn a_search_without_noise_draws_nothing(seed: u64, rule in rules()) {
        let start = environment("tictactoe");
        let state = random_state(start.as_ref(), seed);
        let (evaluator, _) = evaluator("mlp", start.as_ref(), seed);
        let config = config(rule, 20, 0.0);
        let one = search(state.as_ref(), &evaluator, &config, 1);
        prop_assert_eq!(one, search(state.as_ref(), &evaluator, &config, 2));
    }

    #[test]
    fn roots_searched_together_are_searched_as_each_alone(seed: u64, rule in rules()) {
        let start = environment("tictactoe");
        let (evaluator, _) = evaluator("mlp", start.as_ref(), seed);
        let roots: Vec<_> = (0..5).map(|other| random_state(start.as_ref(), seed ^ other)).collect();
        let config = config(rule, 24, 0.0);
        let together = block_on(mcts::search(&roots, &evaluator, &config, &mut Rng::new(0))).unwrap();
        for (root, found) in roots.iter().zip(together) {
            let alone = search(root.as_ref(), &evaluator, &config, 0);
            prop_assert_eq!((alone.action, alone.visits), (found.action, found.visits));
        }
    }

    #[test]
    fn a_mate_in_one_is_found_with_an_untrained_network(seed: u64, which in 0..NETWORKS.len(), rule in rules()) {
        let (id, model) = NETWORKS[which];
        let start = environment(id);
        // The last state but one of a game that was won.
        let game = (0..).map(|n| random_game(start.as_ref(), seed ^ n)).find(|game| {
            game[game.len() - 1].outcome().reward > 0.0
        }).unwrap();
        let state = &game[game.len() - 2];
        let (evaluator, _) = evaluator(model, start.as_ref(), seed);
        let found = search(state.as_ref(), &evaluator, &config(rule, 64, 0.0), 0);
        let mut after = state.clone();
        prop_assert!(after.step(found.action, &mut Rng::new(0)).unwrap().reward > 0.0, "{}", state.state());
        prop_assert_eq!(found.q[found.action], Some(1.0));
        prop_assert!(found.value > 0.5, "value {}", found.value);
    }
}

/// Positions of tic-tac-toe that are lost whatever one plays, with at most six empty squares.
fn lost_positions() -> Vec<Box<dyn Env>> {
    let all = environment("tictactoe").enumerate().unwrap();
    let is_lost =
        |state: &dyn Env| state.optimum().unwrap().value < 0.0 && legal_actions(state).len() <= 6;
    all.into_iter()
        .filter(|state| is_lost(state.as_ref()))
        .collect()
}

#[test]
fn a_forced_loss_is_seen_with_an_untrained_network() {
    let lost = lost_positions();
    assert!(lost.len() > 100, "{}", lost.len());
    let (evaluator, _) = evaluator("mlp", environment("tictactoe").as_ref(), 0);
    // Gumbel search's early halvings leave actions with few visits, whose values lag behind.
    for (rule, at_most) in [(Rule::Puct, -0.7), (Rule::Gumbel, -0.5)] {
        let (config, mut rng) = (config(rule, 400, 0.0), Rng::new(0));
        let found = block_on(mcts::search(&lost, &evaluator, &config, &mut rng)).unwrap();
        for (state, found) in lost.iter().zip(&found) {
            assert!(
                found.value < at_most,
                "{rule:?} at {}: {found:?}",
                state.state()
            );
        }
    }
}

// --- Advantages -------------------------------------------------------------------------------

/// A step with a reward, two values and whether it ended its episode.
fn transitions() -> impl Strategy<Value = (usize, Vec<Transition>)> {
    let number = || -2.0..2.0_f32;
    let one = (number(), number(), number(), prop::bool::weighted(0.2)).prop_map(
        |(reward, value, next_value, done)| Transition {
            reward,
            value,
            next_value,
            done,
        },
    );
    (1..4_usize, 1..12_usize).prop_flat_map(move |(lanes, steps)| {
        (
            Just(lanes),
            prop::collection::vec(one.clone(), lanes * steps),
        )
    })
}

proptest! {
    /// `A_t = Σ_k (γ λ)^k δ_{t+k}`, up to the end of the episode or of what was played.
    #[test]
    fn advantages_are_as_defined((lanes, steps) in transitions(), gamma in 0.0..1.0_f32, lambda in 0.0..1.0_f32) {
        let found = gae::advantages(&steps, lanes, gamma, lambda);
        for (start, found) in found.iter().enumerate() {
            let (mut sum, mut weight) = (0.0, 1.0);
            for step in steps[start..].iter().step_by(lanes) {
                sum += weight * (step.reward + gamma * step.next_value - step.value);
                weight *= gamma * lambda;
                if step.done {
                    break;
                }
            }
            prop_assert!((found - sum).abs() < 1e-4, "{found} for {sum}");
        }
    }
}

// --- Taps and edits --------------------------------------------------------------------------

/// A batch of three states' observations.
fn batch(env: &dyn Env, seed: u64) -> Vec<f32> {
    (0..3)
        .flat_map(|other| observation(random_state(env, seed ^ other).as_ref()))
        .collect()
}

/// Logits and values as bits.
fn answer_bits(evaluator: &Evaluator, input: &[f32], rows: usize) -> Vec<u32> {
    let answers = block_on(evaluator.evaluate(input.to_vec(), rows)).unwrap();
    bits(&[answers.logits, answers.values].concat())
}

/// `evaluator` with edits compiled against no reference states.
fn edited(evaluator: &Evaluator, sites: &[Site], edits: &[Edit]) -> Result<Evaluator> {
    let edits = taps::compile(
        edits,
        sites,
        &Bank::new(),
        &mut Rng::new(0),
        &evaluator.device,
    )?;
    Ok(Evaluator {
        edits,
        ..evaluator.clone()
    })
}

fn edit(site: &Site, op: EditOp) -> Edit {
    Edit {
        site: site.name.clone(),
        select: Select::All,
        op,
    }
}

/// An edit that replaces a whole site, row by row.
fn replacement(site: &Site, rows: &[f32], evaluator: &Evaluator) -> SiteEdit {
    let shape = [rows.len() / site.len(), site.len()];
    SiteEdit {
        site: site.name.clone(),
        mask: Tensor::from_data(
            TensorData::new(vec![true; site.len()], [1, site.len()]),
            &evaluator.device,
        ),
        change: Change::Replace(backend::tensor(rows.to_vec(), shape, &evaluator.device)),
    }
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn looking_changes_no_answer_to_the_bit(seed: u64, which in 0..NETWORKS.len()) {
        let (id, model) = NETWORKS[which];
        let env = environment(id);
        let (evaluator, sites) = evaluator(model, env.as_ref(), seed);
        let input = batch(env.as_ref(), seed);
        let off = answer_bits(&evaluator, &input, 3);
        let (answers, recorded) = block_on(evaluator.record(input.clone(), 3)).unwrap();
        prop_assert_eq!(&bits(&[answers.logits, answers.values].concat()), &off, "recording");
        for site in &sites {
            let mut patched = evaluator.clone();
            patched.edits.push(replacement(site, &recorded[&site.name], &evaluator));
            prop_assert_eq!(&answer_bits(&patched, &input, 3), &off, "{} patched with itself", site.name);
            let scaled = edited(&evaluator, &sites, &[edit(site, EditOp::Scale(1.0))]).unwrap();
            prop_assert_eq!(&answer_bits(&scaled, &input, 3), &off, "{} times one", site.name);
        }
        let all = sites.iter().map(|site| replacement(site, &recorded[&site.name], &evaluator)).collect();
        let patched = Evaluator { edits: all, ..evaluator };
        prop_assert_eq!(answer_bits(&patched, &input, 3), off, "all sites patched with themselves");
    }

    #[test]
    fn zeroing_makes_zeros_there_and_nowhere_else(seed: u64, which in 0..NETWORKS.len(), place: prop::sample::Index) {
        let (id, model) = NETWORKS[which];
        let env = environment(id);
        let (evaluator, sites) = evaluator(model, env.as_ref(), seed);
        let input = batch(env.as_ref(), seed);
        let (_, before) = block_on(evaluator.record(input.clone(), 3)).unwrap();
        for site in &sites {
            let unit = place.index(site.len());
            let op = Edit { select: Select::Units(vec![unit]), ..edit(site, EditOp::Zero) };
            let (_, after) = block_on(edited(&evaluator, &sites, &[op]).unwrap().record(input.clone(), 3)).unwrap();
            for (index, (after, before)) in after[&site.name].iter().zip(&before[&site.name]).enumerate() {
                let expected = if index % site.len() == unit { 0.0 } else { *before };
                prop_assert_eq!(*after, expected, "{} {}", site.name, index);
            }
        }
    }

    /// The last hidden sites decide the answer alone: with another state's activations there, its answer comes.
    #[test]
    fn another_states_last_activations_bring_its_answer(seed: u64, which in 0..NETWORKS.len()) {
        let (id, model) = NETWORKS[which];
        let last = last_hidden(model);
        let env = environment(id);
        let (evaluator, sites) = evaluator(model, env.as_ref(), seed);
        let [mine, other] = [seed, !seed].map(|seed| observation(random_state(env.as_ref(), seed).as_ref()));
        let (_, donor) = block_on(evaluator.record(other.clone(), 1)).unwrap();
        let edits: Vec<_> = last.iter().map(|name| {
            let site = glassbox::model::find_site(&sites, name).unwrap();
            edit(site, EditOp::Replace(donor[*name].clone()))
        }).collect();
        let patched = edited(&evaluator, &sites, &edits).unwrap();
        prop_assert_eq!(answer_bits(&patched, &mine, 1), answer_bits(&evaluator, &other, 1));
    }

    #[test]
    fn adding_and_scaling_do_what_they_say(seed: u64, factor in -3.0..3.0_f32) {
        let env = environment("tictactoe");
        let (evaluator, sites) = evaluator("mlp", env.as_ref(), seed);
        let input = batch(env.as_ref(), seed);
        let (_, before) = block_on(evaluator.record(input.clone(), 3)).unwrap();
        let site = glassbox::model::find_site(&sites, "blocks.1.pre").unwrap();
        let amounts: Vec<f32> = (0..site.len()).map(|index| index as f32).collect();
        for (op, expected) in [
            (EditOp::Add(amounts), (|x: f32, index: usize, _: f32| x + index as f32) as fn(f32, usize, f32) -> f32),
            (EditOp::Scale(factor), |x, _, factor| x * factor),
        ] {
            let edited = edited(&evaluator, &sites, &[edit(site, op)]).unwrap();
            let (_, after) = block_on(edited.record(input.clone(), 3)).unwrap();
            for (index, (after, before)) in after[&site.name].iter().zip(&before[&site.name]).enumerate() {
                prop_assert_eq!(*after, expected(*before, index % site.len(), factor));
            }
        }
    }

    #[test]
    fn nothing_is_left_along_a_direction_projected_out(seed: u64) {
        let env = environment("tictactoe");
        let (evaluator, sites) = evaluator("mlp", env.as_ref(), seed);
        let site = glassbox::model::find_site(&sites, "blocks.1.post").unwrap();
        let mut rng = Rng::new(seed);
        let direction: Vec<f32> = (0..site.len()).map(|_| rng.normal()).collect();
        let edited = edited(&evaluator, &sites, &[edit(site, EditOp::ProjectOut(direction.clone()))]).unwrap();
        let (_, after) = block_on(edited.record(batch(env.as_ref(), seed), 3)).unwrap();
        for row in after[&site.name].chunks_exact(site.len()) {
            let along: f32 = row.iter().zip(&direction).map(|(x, d)| x * d).sum();
            prop_assert!(along.abs() < 1e-4, "{along}");
        }
    }

    #[test]
    fn means_and_resamples_come_from_the_reference_states(seed: u64) {
        let env = environment("tictactoe");
        let (evaluator, sites) = evaluator("mlp", env.as_ref(), seed);
        let site = glassbox::model::find_site(&sites, "blocks.0.post").unwrap();
        let rows: Vec<Vec<f32>> = [1.0, 2.0, 6.0].map(|x| vec![x; site.len()]).into();
        let bank = Bank::from([(site.name.clone(), rows.clone())]);
        let run = |op| {
            let edits = taps::compile(&[edit(site, op)], &sites, &bank, &mut Rng::new(seed), &evaluator.device);
            let edited = Evaluator { edits: edits.unwrap(), ..evaluator.clone() };
            block_on(edited.record(batch(env.as_ref(), seed), 3)).unwrap().1[&site.name].clone()
        };
        // (1 + 2 + 6) / 3 = 3.
        prop_assert!(run(EditOp::Mean).iter().all(|x| (x - 3.0).abs() < 1e-6));
        prop_assert!(run(EditOp::Resample).chunks_exact(site.len()).all(|row| rows.iter().any(|one| one == row)));
    }

    /// Gradients by a zero leaf at sites whose way to the answer is smooth, against central differences.
    #[test]
    fn the_gradient_at_a_site_is_the_slope_of_the_answer(seed: u64, which in 0..NETWORKS.len()) {
        let (id, model) = NETWORKS[which];
        let last = last_hidden(model);
        let env = environment(id);
        let (evaluator, sites) = evaluator(model, env.as_ref(), seed);
        let input = observation(random_state(env.as_ref(), seed).as_ref());
        for name in last {
            let site = glassbox::model::find_site(&sites, name).unwrap();
            let gradient = gradient(&evaluator, site, &input);
            for unit in 0..site.len().min(12) {
                let at = |step: f32| {
                    let mut amounts = vec![0.0; site.len()];
                    amounts[unit] = step;
                    let moved = edited(&evaluator, &sites, &[edit(site, EditOp::Add(amounts))]).unwrap();
                    let answers = block_on(moved.evaluate(input.clone(), 1)).unwrap();
                    answers.logits[0] + answers.values[0]
                };
                let slope = (at(0.02) - at(-0.02)) / 0.04;
                prop_assert!((slope - gradient[unit]).abs() < 1e-3, "{}: {} and {}", name, slope, gradient[unit]);
            }
        }
    }
}

/// The gradient of the first logit plus the value by the activations of `site`.
fn gradient(evaluator: &Evaluator, site: &Site, input: &[f32]) -> Vec<f32> {
    let device = device().autodiff();
    let network = evaluator.network.clone().to_device(&device).train();
    let zero = Tensor::<2>::zeros([1, site.len()], &device).require_grad(); // [1, element]
    let edit = SiteEdit {
        site: site.name.clone(),
        mask: Tensor::from_data(
            TensorData::new(vec![true; site.len()], [1, site.len()]),
            &device,
        ),
        change: Change::Add(zero.clone()),
    };
    let input = backend::tensor(input.to_vec(), [1, input.len()], &device);
    let output = network.forward(input, &mut Taps::edit(vec![edit]));
    let gradients = (output.logits.narrow(1, 0, 1) + output.value)
        .sum()
        .backward();
    block_on(backend::read(zero.grad(&gradients).unwrap())).unwrap()
}

#[test]
fn the_gradient_is_not_zero_everywhere() {
    let env = environment("tictactoe");
    let (evaluator, sites) = evaluator("mlp", env.as_ref(), 0);
    // With a stone on the board: on an empty one every first unit stands at the kink of its ReLU.
    let input = observation(random_game(env.as_ref(), 0)[3].as_ref());
    for site in &sites {
        let found = gradient(&evaluator, site, &input);
        assert!(found.iter().any(|x| *x != 0.0), "{}", site.name);
    }
}

#[test]
fn a_selection_along_an_axis_is_its_slice() {
    let axes = vec![
        Axis::new("channel", 2),
        Axis::new("row", 3),
        Axis::new("column", 4),
    ];
    let site = Site::new("grid", axes, Stage::Analysis);
    let along = |axis: &str, indices: &[usize]| {
        taps::selection(
            &Select::Along {
                axis: axis.into(),
                indices: indices.into(),
            },
            &site,
        )
    };
    assert_eq!(
        along("channel", &[1]).unwrap(),
        (12..24).collect::<Vec<_>>()
    );
    assert_eq!(along("row", &[1]).unwrap(), [4, 5, 6, 7, 16, 17, 18, 19]);
    assert_eq!(
        along("column", &[0, 3]).unwrap(),
        [0, 3, 4, 7, 8, 11, 12, 15, 16, 19, 20, 23]
    );
    assert_eq!(taps::selection(&Select::All, &site).unwrap().len(), 24);
    assert!(matches!(along("row", &[3]), Err(Error::Parameter { .. })));
    assert!(matches!(
        along("unit", &[0]),
        Err(Error::UnknownId { kind: "axis", .. })
    ));
    assert!(matches!(
        taps::selection(&Select::Units(vec![24]), &site),
        Err(Error::Parameter { .. })
    ));
}

#[test]
fn edits_that_do_not_fit_are_refused() {
    let env = environment("tictactoe");
    let (evaluator, sites) = evaluator("mlp", env.as_ref(), 0);
    let site = glassbox::model::find_site(&sites, "blocks.0.post").unwrap();
    let elsewhere = Site::new("nowhere", vec![], Stage::Motor);
    for (edit, code) in [
        (edit(&elsewhere, EditOp::Zero), "unknown_id"),
        (edit(site, EditOp::Replace(vec![1.0; 3])), "shape"),
        (edit(site, EditOp::Add(Vec::new())), "shape"),
        (edit(site, EditOp::Add(vec![f32::NAN; 8])), "not_finite"),
        (edit(site, EditOp::Scale(f32::INFINITY)), "not_finite"),
        (
            edit(site, EditOp::ProjectOut(vec![0.0; 8])),
            "not_applicable",
        ),
        (edit(site, EditOp::Mean), "not_applicable"),
    ] {
        let error = edited(&evaluator, &sites, std::slice::from_ref(&edit)).unwrap_err();
        assert_eq!(error.code(), code, "{edit:?}");
    }
}

#[test]
fn an_edit_reads_the_same_from_json_as_it_writes() {
    for (text, op) in [
        (r#"{"site":"policy","op":"zero"}"#, EditOp::Zero),
        (
            r#"{"site":"policy","select":"all","op":{"scale":2.0}}"#,
            EditOp::Scale(2.0),
        ),
    ] {
        let edit: Edit = serde_json::from_str(text).unwrap();
        assert_eq!(
            edit,
            Edit {
                site: "policy".into(),
                select: Select::All,
                op
            }
        );
        assert_eq!(
            serde_json::from_value::<Edit>(serde_json::to_value(&edit).unwrap()).unwrap(),
            edit
        );
    }
    assert!(serde_json::from_str::<Edit>(r#"{"site":"policy","op":"explode"}"#).is_err());
    assert!(serde_json::from_str::<Edit>(r#"{"site":"policy","op":"zero","when":"now"}"#).is_err());
}

// --- Files -----------------------------------------------------------------------------------

fn archives() -> impl Strategy<Value = Archive> {
    let array = (1..4_usize, 1..5_usize).prop_flat_map(|(rows, columns)| {
        prop::collection::vec(-1e30..1e30_f32, rows * columns).prop_map(move |data| Array {
            shape: vec![rows, columns],
            data,
        })
    });
    let arrays = prop::collection::btree_map("[a-z]{1,6}(\\.[a-z]{1,6}){0,2}", array, 0..5);
    (arrays, any::<u64>(), 1e-6..1.0_f64, "[a-z ]{2,9}x").prop_map(|(arrays, seed, rate, text)| {
        // A rate must come back to the bit, or a resumed run goes another way.
        let metadata =
            json!({"seed": seed, "agent": {"learning_rate": rate, "id": text}, "note": text});
        Archive {
            arrays,
            metadata: metadata.as_object().unwrap().clone(),
        }
    })
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn an_archive_read_back_is_the_archive_written(archive in archives()) {
        prop_assert_eq!(Archive::from_bytes(&archive.to_bytes().unwrap()).unwrap(), archive);
    }

    #[test]
    fn random_bytes_are_no_archive(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let answer = Archive::from_bytes(&bytes);
        prop_assert!(matches!(answer, Err(Error::Checkpoint { .. })), "{:?}", answer);
    }
}

fn import(bytes: Vec<u8>) -> Result<Vec<Event>> {
    handle(
        &mut Session::new(),
        Command::Import {
            bytes,
            device: Default::default(),
        },
    )
}

/// A file of a tiny run after two updates, with everything in it.
static WHOLE_FILE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut session = tiny_session(1);
    ask(&mut session, &json!({"type": "advance", "updates": 2})).unwrap();
    export(&mut session, ExportKind::Everything)
});

/// The file of a changed archive.
fn changed(change: impl FnOnce(&mut Archive)) -> Vec<u8> {
    let mut archive = Archive::from_bytes(&WHOLE_FILE).unwrap();
    change(&mut archive);
    archive.to_bytes().unwrap()
}

#[test]
fn a_file_cut_short_anywhere_is_refused() {
    let file = WHOLE_FILE.clone();
    assert!(import(file.clone()).is_ok());
    for length in (0..256)
        .chain((256..file.len()).step_by(97))
        .chain([file.len() - 1])
    {
        let answer = import(file[..length].to_vec());
        assert!(
            matches!(answer, Err(Error::Checkpoint { .. })),
            "{length} of {} bytes",
            file.len()
        );
    }
    let longer = [file, vec![0]].concat();
    assert!(matches!(import(longer), Err(Error::Checkpoint { .. })));
}

proptest! {
    #![proptest_config(cases(96))]

    /// Whatever a flipped bit makes of a file, it is a run that can train or a clear error, never a panic.
    #[test]
    fn a_flipped_bit_never_panics(place: prop::sample::Index, bit in 0..8_u8, early: bool) {
        let mut file = WHOLE_FILE.clone();
        // Half of them in the header, where they do most.
        let at = place.index(if early { 4000.min(file.len()) } else { file.len() });
        file[at] ^= 1 << bit;
        let mut session = Session::new();
        if handle(&mut session, Command::Import { bytes: file, device: Default::default() }).is_ok() {
            let _ = ask(&mut session, &json!({"type": "advance", "updates": 1}));
        }
    }
}

/// A safetensors file with this header and these bytes.
fn raw(header: &str, data: &[u8]) -> Vec<u8> {
    [
        &(header.len() as u64).to_le_bytes(),
        header.as_bytes(),
        data,
    ]
    .concat()
}

#[test]
fn foreign_and_hostile_files_are_refused() {
    let huge = u64::MAX;
    for (what, file) in [
        (
            "a header longer than the file",
            [&u64::MAX.to_le_bytes()[..], b"{}"].concat(),
        ),
        ("no JSON", raw("not json", &[])),
        ("no tensors of ours", raw("{}", &[])),
        (
            "a shape that overflows",
            raw(
                &format!(
                    r#"{{"a":{{"dtype":"F32","shape":[{huge},{huge}],"data_offsets":[0,4]}}}}"#
                ),
                &[0; 4],
            ),
        ),
        (
            "more than there is",
            raw(
                r#"{"a":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4000000]}}"#,
                &[0; 4],
            ),
        ),
        (
            "a shape of other length",
            raw(
                r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,4]}}"#,
                &[0; 4],
            ),
        ),
        (
            "another type",
            raw(
                r#"{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}"#,
                &[0; 4],
            ),
        ),
        (
            "not a number",
            raw(
                r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
                &f32::NAN.to_le_bytes(),
            ),
        ),
        (
            "infinity",
            raw(
                r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
                &f32::INFINITY.to_le_bytes(),
            ),
        ),
        ("a picture", b"\x89PNG\r\n\x1a\n and so on".to_vec()),
    ] {
        match import(file) {
            Err(Error::Checkpoint { why }) => assert!(!why.is_empty(), "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

/// Changes one entry of the run's configuration in a file.
fn configured(key: &str, value: Value) -> Vec<u8> {
    changed(|archive| archive.metadata["parameters"][key] = value)
}

/// Changes the learner's state in a file.
fn taught(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    changed(|archive| change(&mut archive.metadata["learner"]))
}

#[test]
fn a_file_that_contradicts_itself_is_refused() {
    let over = json!({"board": [1, 1, 1, 2, 2, 0, 0, 0, 0], "player": 1});
    for (what, file) in [
        (
            "no parameters",
            changed(|archive| drop(archive.metadata.remove("parameters"))),
        ),
        (
            "parameters of another kind",
            changed(|archive| archive.metadata["parameters"] = json!(7)),
        ),
        (
            "no update",
            changed(|archive| drop(archive.metadata.remove("update"))),
        ),
        (
            "an update beyond the budget",
            changed(|archive| archive.metadata["update"] = json!(5)),
        ),
        ("an unknown preset", configured("preset", json!("nonesuch"))),
        (
            "no checkpoint ever",
            configured("checkpoint_every", json!(0)),
        ),
        (
            "a budget without end",
            configured("updates", json!(u64::MAX)),
        ),
        (
            "a width of nothing",
            configured("model", json!({"width": 0})),
        ),
        (
            "a network too large",
            configured("model", json!({"width": 1_000_000_000})),
        ),
        (
            "another width",
            configured("model", json!({"width": 9, "depth": 1})),
        ),
        ("more games", configured("agent", json!({"num_games": 5}))),
        (
            "a parameter that is none",
            configured("agent", json!({"nonesuch": 5})),
        ),
        (
            "a missing tensor",
            changed(|archive| drop(archive.arrays.remove("policy.weight"))),
        ),
        (
            "a tensor of another shape",
            changed(|archive| {
                archive.arrays.insert(
                    "policy.weight".into(),
                    Array {
                        shape: vec![9, 9],
                        data: vec![0.0; 81],
                    },
                );
            }),
        ),
        (
            "moments of another size",
            changed(|archive| {
                archive
                    .arrays
                    .insert("optimiser.first".into(), Array::vector(vec![0.0; 3]));
            }),
        ),
        (
            "a replay of another size",
            changed(|archive| {
                archive
                    .arrays
                    .insert("replay.value".into(), Array::vector(vec![0.0; 3]));
            }),
        ),
        (
            "no replay",
            changed(|archive| drop(archive.arrays.remove("replay.policy"))),
        ),
        (
            "no learner's update",
            taught(|learner| drop(learner.as_object_mut().unwrap().remove("update"))),
        ),
        (
            "a replay place off the ring",
            taught(|learner| learner["replay_next"] = json!(1_000_000)),
        ),
        (
            "a generator of another kind",
            taught(|learner| learner["rng"] = json!("dice")),
        ),
        (
            "fewer games",
            taught(|learner| drop(learner["games"].as_array_mut().unwrap().pop())),
        ),
        (
            "an impossible board",
            taught(|learner| learner["games"][0][0]["board"] = json!([2, 2, 2, 0, 0, 0, 0, 0, 0])),
        ),
        (
            "a game that has ended",
            taught(|learner| learner["games"][0][0] = over.clone()),
        ),
        (
            "a third player",
            taught(|learner| {
                learner["games"]
                    .as_array_mut()
                    .unwrap()
                    .iter_mut()
                    .for_each(|game| {
                        game[1]
                            .as_array_mut()
                            .unwrap()
                            .iter_mut()
                            .for_each(|player| *player = json!(2));
                    });
            }),
        ),
    ] {
        let error = import(file).map(drop).expect_err(what);
        let expected = ["checkpoint", "parameter", "state", "unknown_id"];
        assert!(expected.contains(&error.code()), "{what}: {error}");
    }
}

#[test]
fn a_step_draws_otherwise_with_another_seed() {
    let mut session = Session::new();
    let set = json!({"environment.min_regrowth": 0.5, "environment.max_regrowth": 0.5});
    let open = json!({"type": "open", "preset": "tree_gridworld", "seed": 0, "set": set});
    ask(&mut session, &open).unwrap();
    let state = (preset::entry("tree_gridworld").unwrap().states)()[0].clone();
    let mut after = |seed: u64| {
        let step = json!({"type": "step", "state": state, "action": 0, "seed": seed});
        serde_json::to_string(&ask(&mut session, &step).unwrap()).unwrap()
    };
    let states: Vec<String> = (0..16).map(&mut after).collect();
    assert_eq!(states[3], after(3));
    assert!(states.iter().any(|other| *other != states[0]));
}

#[test]
fn a_refused_command_leaves_the_session_as_it_was() {
    let mut session = tiny_session(2);
    ask(&mut session, &json!({"type": "advance", "updates": 1})).unwrap();
    let before = export(&mut session, ExportKind::Everything);
    let start = json!({"board": [0, 0, 0, 0, 0, 0, 0, 0, 0]});
    let won = json!({"board": [1, 1, 1, 2, 2, 0, 0, 0, 0]});
    for (command, code) in [
        (json!({"type": "dance"}), "parse"),
        (
            json!({"type": "open", "preset": "nonesuch", "seed": 0}),
            "unknown_id",
        ),
        (
            json!({"type": "open", "preset": "tictactoe_alphazero", "seed": 0, "set": {"width": 0}}),
            "parameter",
        ),
        (
            json!({"type": "step", "state": start, "action": 9}),
            "illegal_action",
        ),
        (
            json!({"type": "step", "state": won, "action": 8}),
            "episode_over",
        ),
        (
            json!({"type": "inject", "state": {"board": [2, 2, 2, 1, 1, 1, 0, 0, 0]}}),
            "state",
        ),
        (
            json!({"type": "inject", "state": {"board": [1, 1, 0, 0, 0, 0, 0, 0, 0]}}),
            "state",
        ),
        (
            json!({"type": "paint", "state": start, "row": 3, "column": 0, "brush": 0}),
            "state",
        ),
        (
            json!({"type": "shift", "state": start, "from": [9, 9], "to": [0, 0]}),
            "state",
        ),
        (
            json!({"type": "look", "state": start, "checkpoint": 3}),
            "unknown_id",
        ),
        (
            json!({"type": "look", "state": start, "edits": [{"site": "nonesuch", "op": "zero"}]}),
            "unknown_id",
        ),
        (json!({"type": "score", "checkpoint": 99}), "unknown_id"),
        (json!({"type": "op", "op": "nonesuch"}), "unknown_id"),
        (
            json!({"type": "op", "op": "patch", "states": [start]}),
            "not_applicable",
        ),
        (
            json!({"type": "op", "op": "ablate", "parameters": {"top": 0}}),
            "parameter",
        ),
        (
            json!({"type": "export", "what": "everything", "checkpoint": 0}),
            "not_applicable",
        ),
        (json!({"type": "import", "bytes": [1, 2, 3]}), "checkpoint"),
    ] {
        let error = ask(&mut session, &command).expect_err(&command.to_string());
        assert_eq!(error.code(), code, "{command}: {error}");
        assert!(
            export(&mut session, ExportKind::Everything) == before,
            "{command}"
        );
    }
    assert_eq!(
        ask(
            &mut Session::new(),
            &json!({"type": "advance", "updates": 1})
        )
        .unwrap_err(),
        Error::NoRun
    );
}

#[test]
fn a_position_that_has_ended_can_be_looked_at() {
    let mut session = tiny_session(2);
    for board in [[1, 1, 1, 2, 2, 0, 0, 0, 0], [1, 2, 1, 1, 2, 2, 2, 1, 1]] {
        let look = json!({"type": "look", "state": {"board": board}, "search": true});
        match &ask(&mut session, &look).unwrap()[..] {
            [Event::View(view)] => {
                assert!(view.at.terminated && view.at.legal.is_empty());
                assert!(view.network.is_none() && view.search.is_none());
                assert!(view.sites.iter().all(|site| !site.is_empty()));
            }
            other => panic!("{other:?}"),
        }
    }
}

// --- Runs ------------------------------------------------------------------------------------

/// Everything that a tiny run says and is after its training, in `parts` commands.
fn trained(seed: u64, parts: &[usize]) -> (String, Vec<u8>) {
    let mut session = tiny_session(seed);
    let mut events = Vec::new();
    for updates in parts {
        events.extend(
            ask(
                &mut session,
                &json!({"type": "advance", "updates": updates}),
            )
            .unwrap(),
        );
    }
    (
        serde_json::to_string(&events).unwrap(),
        export(&mut session, ExportKind::Everything),
    )
}

#[test]
fn two_sessions_of_one_seed_agree_to_the_bit_and_of_two_seeds_do_not() {
    let whole = trained(5, &[4]);
    assert!(trained(5, &[4]) == whole);
    assert!(
        trained(5, &[1, 2, 1]) == whole,
        "what is asked at once or in turn must not matter"
    );
    assert!(trained(6, &[4]).1 != whole.1);
}

#[test]
fn looking_in_between_does_not_change_the_training() {
    let mut session = tiny_session(5);
    let start = json!({"board": [0, 0, 0, 0, 0, 0, 0, 0, 0]});
    for _ in 0..4 {
        ask(&mut session, &json!({"type": "advance", "updates": 1})).unwrap();
        ask(
            &mut session,
            &json!({"type": "look", "state": start, "search": true}),
        )
        .unwrap();
        ask(&mut session, &json!({"type": "score"})).unwrap();
        let edits = json!([{"site": "blocks.0.post", "op": "resample"}]);
        ask(
            &mut session,
            &json!({"type": "op", "op": "ablate", "edits": edits}),
        )
        .unwrap();
    }
    assert!(export(&mut session, ExportKind::Everything) == trained(5, &[4]).1);
}

#[test]
fn a_run_saved_and_opened_again_goes_on_as_if_it_had_never_stopped() {
    let mut session = tiny_session(5);
    ask(&mut session, &json!({"type": "advance", "updates": 2})).unwrap();
    let bytes = export(&mut session, ExportKind::Everything);
    let mut later = Session::new();
    handle(
        &mut later,
        Command::Import {
            bytes,
            device: Default::default(),
        },
    )
    .unwrap();
    ask(&mut later, &json!({"type": "advance", "updates": 2})).unwrap();
    assert!(export(&mut later, ExportKind::Everything) == trained(5, &[4]).1);
}

#[test]
fn weights_alone_open_as_the_same_network_and_do_not_train_on() {
    let mut session = tiny_session(5);
    ask(&mut session, &json!({"type": "advance", "updates": 2})).unwrap();
    let bytes = export(&mut session, ExportKind::Weights);
    let mut later = Session::new();
    handle(
        &mut later,
        Command::Import {
            bytes: bytes.clone(),
            device: Default::default(),
        },
    )
    .unwrap();
    assert!(export(&mut later, ExportKind::Weights) == bytes);
    let score = json!({"type": "score"});
    let text = |events: Vec<Event>| serde_json::to_string(&events).unwrap();
    assert_eq!(
        text(ask(&mut later, &score).unwrap()),
        text(ask(&mut session, &score).unwrap())
    );
    // A learner without its optimiser and games would train from its first weights.
    assert!(ask(&mut later, &json!({"type": "advance", "updates": 1})).is_err());
}

#[test]
fn an_export_carries_the_metadata_that_rebuilds_its_network() {
    let mut session = tiny_session(5);
    let archive = Archive::from_bytes(&export(&mut session, ExportKind::Weights)).unwrap();
    let keys: Vec<_> = archive.metadata.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "agent",
            "architecture",
            "environment",
            "parameters",
            "seed",
            "update"
        ]
    );
    let architecture = &archive.metadata["architecture"];
    assert_eq!(architecture["id"], "mlp");
    let sizes = ["width", "depth"].map(|name| &architecture["parameters"][name]);
    assert_eq!(sizes, [&json!(8), &json!(1)]);
    assert_eq!(
        (&archive.metadata["seed"], &archive.metadata["update"]),
        (&json!(5), &json!(0))
    );
    let shapes: Vec<_> = archive
        .arrays
        .iter()
        .map(|(name, array)| (name.as_str(), array.shape.clone()))
        .collect();
    assert_eq!(
        shapes,
        [
            ("blocks.0.bias", vec![8]),
            ("blocks.0.weight", vec![8, 18]),
            ("policy.bias", vec![9]),
            ("policy.weight", vec![9, 8]),
            ("value.bias", vec![1]),
            ("value.weight", vec![1, 8]),
        ]
    );
}

// --- Parameters ------------------------------------------------------------------------------

#[test]
fn parameters_are_set_by_dotted_or_plain_name() {
    let of = |name: &str| {
        let set = Map::from_iter([(name.to_owned(), json!(16))]);
        RunConfig::of_preset("tictactoe_alphazero", &set, 0)
            .unwrap()
            .flat()
            .unwrap()["model.width"]
            .clone()
    };
    assert_eq!((of("model.width"), of("width")), (json!(16), json!(16)));
    assert_eq!(
        TINY.len(),
        common::tiny_config(0)
            .flat()
            .unwrap()
            .iter()
            .filter(|(name, value)| { TINY.contains(&format!("{name}={value}").as_str()) })
            .count()
    );
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn a_parameter_off_its_range_is_refused_with_its_range(over in 1..1_000_000_i64, which in 0..6_usize) {
        let (name, low, high) = [
            ("model.width", 1, 1024),
            ("model.depth", 1, 8),
            ("agent.num_games", 1, 1024),
            ("agent.batch_size", 1, 4096),
            ("updates", 1, 1_000_000),
            ("checkpoint_every", 1, 1_000_000),
        ][which];
        for value in [json!(low - over), json!(high + over), json!(1.5), json!("many"), json!(null), json!([1])] {
            let set = Map::from_iter([(name.to_owned(), value.clone())]);
            match RunConfig::of_preset("tictactoe_alphazero", &set, 0) {
                Err(Error::Parameter { name: told, got, allowed }) => {
                    prop_assert_eq!((told.as_str(), got), (name, value.to_string()));
                    prop_assert_eq!(allowed, format!("integer from {low} to {high}"));
                }
                other => prop_assert!(false, "{} = {}: {:?}", name, value, other),
            }
        }
    }

    #[test]
    fn a_parameter_of_an_unknown_name_is_answered_with_the_known_ones(name in "[a-z]{3,9}") {
        let set = Map::from_iter([(name.clone(), json!(1))]);
        match RunConfig::of_preset("tictactoe_alphazero", &set, 0) {
            Err(Error::Parameter { allowed, .. }) => prop_assert!(allowed.contains("agent.num_games"), "{}", allowed),
            // A few plain names are those of parameters; then the value fits or is refused with its range.
            other => prop_assert!(["width", "depth", "noise", "updates"].contains(&name.as_str()), "{:?}", other),
        }
    }
}
