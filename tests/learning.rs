//! Learning, by results: agents reach a written bar on every one of three seeds, and an untrained
//! network is far from it.
//!
//! Connect 4's whole budget takes minutes a seed, so one claim is checked early in it.

#![cfg(not(target_arch = "wasm32"))]

use glassbox::{
    agent::collapse::Sign,
    backend::DeviceName,
    op::{self, figure::Number, score::Effort},
    preset::{self, Claim},
    schema,
    session::{block_on, config::RunConfig, protocol::Event, run::Run},
};
use serde_json::{Value, json};
use std::{cell::RefCell, collections::BTreeMap};

const SEEDS: [u64; 3] = [0, 1, 2];

/// Scores by id.
type Scores = BTreeMap<String, f64>;

fn by_id(scores: Vec<Number>) -> Scores {
    scores
        .into_iter()
        .map(|number| (number.id, number.value))
        .collect()
}

fn open(preset: &str, set: &[&str], seed: u64) -> Run {
    let set: Vec<String> = set.iter().map(|&pair| pair.to_owned()).collect();
    let config = RunConfig::of_preset(preset, &schema::set_pairs(&set).unwrap(), seed).unwrap();
    block_on(Run::open(config, DeviceName::Cpu)).unwrap()
}

fn score(run: &Run) -> Scores {
    block_on(async {
        let evaluator = run.evaluator(None, &[]).await.unwrap();
        by_id(run.score(&evaluator, Effort::Full).await.unwrap())
    })
}

/// Trains to the end of the budget, and prints what was told of collapses: a run may fall and learn again.
/// One checkpoint, so that time goes into training.
fn train(preset: &str, set: &[&str], seed: u64) -> Run {
    let mut run = open(preset, set, seed);
    let told = collapses(&mut run);
    println!("{preset}, seed {seed}: collapses {told:?}");
    run
}

fn trained(preset: &str, set: &[&str], seed: u64) -> Scores {
    score(&train(preset, set, seed))
}

/// The numbers of an op on a run's newest weights and its preset's states.
fn numbers(run: &Run, op: &str, parameters: &Value) -> Scores {
    let states = (preset::entry(&run.config().preset).unwrap().states)();
    let states = states.iter().map(|state| {
        let mut env = run.env();
        env.set_state(state).unwrap();
        env
    });
    let states = states.take(op::entry(op).unwrap().num_states).collect();
    let (_, numbers) = block_on(run.op(op, parameters, states, None, &[], &op::Patient)).unwrap();
    by_id(numbers)
}

/// Trains to the end of the budget. Returns updates and signs of the collapses that were told.
fn collapses(run: &mut Run) -> Vec<(usize, Sign)> {
    let told = RefCell::new(Vec::new());
    let sink = |event| {
        if let Event::Collapse { update, sign, .. } = event {
            told.borrow_mut().push((update, sign));
        }
    };
    while block_on(run.advance(&sink)).unwrap() {}
    told.into_inner()
}

fn holds(claim: &Claim, scores: &Scores) -> bool {
    let value = scores[claim.metric];
    claim.at_most.is_none_or(|most| value <= most)
        && claim.at_least.is_none_or(|least| value >= least)
}

/// Measured on seeds 0 to 2: 549 to 586 lines, 1,731 to 1,891 choices, 1,234 to 1,396 wins, 0.78 to 0.79.
#[test]
fn an_untrained_network_is_far_from_every_claim() {
    for seed in SEEDS {
        let scores = score(&open("tictactoe_alphazero", &[], seed));
        println!("seed {seed}, untrained: {scores:?}");
        assert!(
            scores["lines_lost_bare"] >= 200.0,
            "seed {seed}: {scores:?}"
        );
        assert!(scores["suboptimal"] >= 1000.0, "seed {seed}: {scores:?}");
        assert!(scores["missed_wins"] >= 600.0, "seed {seed}: {scores:?}");
        assert!(scores["value_error"] >= 0.5, "seed {seed}: {scores:?}");
    }
}

/// Measured on seeds 0 to 2: 0, 0 and 4 lines, 16, 48 and 30 choices, 0.12 to 0.14; no line with search.
#[test]
fn a_fifth_of_the_budget_teaches_tic_tac_toe_nearly() {
    for seed in SEEDS {
        let set = ["updates=120", "checkpoint_every=120"];
        let scores = trained("tictactoe_alphazero", &set, seed);
        println!("seed {seed}, 120 updates: {scores:?}");
        assert_eq!(scores["lines_lost_search"], 0.0, "seed {seed}: {scores:?}");
        assert!(scores["lines_lost_bare"] <= 20.0, "seed {seed}: {scores:?}");
        assert!(scores["suboptimal"] <= 100.0, "seed {seed}: {scores:?}");
        assert!(scores["value_error"] <= 0.25, "seed {seed}: {scores:?}");
    }
}

/// Trains three seeds of a preset to the end of its budget, and checks every claim.
fn check_claims(id: &str) {
    let preset = preset::entry(id).unwrap();
    // Ops may look over training; scores need its end alone.
    let every = match preset.claims.iter().any(|claim| claim.op.is_some()) {
        true => preset.checkpoint_every,
        false => preset.updates,
    };
    let every = format!("checkpoint_every={every}");
    for seed in SEEDS {
        let run = train(preset.id, &[&every], seed);
        let scores = score(&run);
        println!("{id}, seed {seed}: {scores:?}");
        for claim in preset.claims {
            let found = match claim.op {
                Some(op) => numbers(&run, op, &claim.parameters().unwrap()),
                None => scores.clone(),
            };
            println!(
                "{id}, seed {seed}: {} {}",
                claim.metric, found[claim.metric]
            );
            assert!(
                holds(claim, &found),
                "seed {seed}: {claim:?}, but {found:?}"
            );
        }
    }
}

/// Measured on seeds 0 to 2: no line and no suboptimal choice.
#[test]
fn the_whole_budget_makes_every_claim_of_tic_tac_toe_true() {
    check_claims("tictactoe_alphazero");
}

#[test]
fn the_whole_budget_makes_every_claim_of_the_clone_true() {
    check_claims("tictactoe_clone");
}

#[test]
fn the_whole_budget_makes_every_claim_of_the_transformer_true() {
    check_claims("tictactoe_transformer");
}

#[test]
fn the_whole_budget_makes_every_claim_of_cart_pole_true() {
    check_claims("cartpole_ppo");
}

#[test]
fn the_whole_budget_makes_every_claim_of_the_corner_maze_true() {
    check_claims("corner_maze_misgeneralisation");
}

/// The published shape: the more places the cheese lay in, the less it matters where it lies.
#[test]
fn a_larger_corner_closes_the_gap() {
    let run = open("corner_maze_misgeneralisation", &[], 0);
    let parameters = json!({
        "over": "training", "parameter": "corner", "values": "1, 6", "num_seeds": 3,
    });
    let found = numbers(&run, "misgeneralisation", &parameters);
    println!("gap over the corner's size: {found:?}");
    assert!(found["gap_first"] >= 0.4, "{found:?}");
    assert!(found["gap_last"] <= 0.25, "{found:?}");
}

#[test]
fn the_whole_budget_makes_every_claim_of_the_gridworld_true() {
    check_claims("gridworld_ppo");
}

#[test]
fn the_whole_budget_makes_every_claim_of_keys_and_chests_true() {
    check_claims("keys_chests");
}

#[test]
fn the_whole_budget_makes_every_claim_of_the_monsters_true() {
    check_claims("monster_gridworld");
}

/// The phases of Shah et al.: chopping that pays more and more, worlds that run out of trees, and a way of
/// chopping that lets them grow back and pays more than greed ever did.
#[test]
fn greed_runs_out_of_trees_and_is_given_up() {
    let mut num_told = 0;
    for seed in SEEDS {
        let mut run = open("tree_gridworld", &["checkpoint_every=1200"], seed);
        let (rewards, told) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
        let sink = |event| match event {
            Event::Update { metrics, .. } => rewards.borrow_mut().push(metrics["reward"]),
            Event::Collapse { update, .. } => told.borrow_mut().push(update),
            _ => {}
        };
        while block_on(run.advance(&sink)).unwrap() {}
        let means: Vec<f64> = rewards
            .into_inner()
            .chunks(20)
            .map(|chunk| chunk.iter().sum::<f64>() / chunk.len() as f64)
            .collect();
        let highest = |means: &[f64]| means.iter().copied().fold(0.0, f64::max);
        let greed = highest(&means[..8]);
        let collapse = means[..30].iter().copied().fold(1.0, f64::min);
        let end = highest(&means[means.len() - 5..]);
        println!(
            "trees, seed {seed}: {:.3} random, {greed:.3} greedy, {collapse:.3}, {end:.3}",
            means[0]
        );
        assert!(collapse <= 0.6 * greed, "seed {seed}: {means:?}");
        println!("trees, seed {seed}: told {:?}", told.borrow());
        num_told += usize::from(!told.into_inner().is_empty());
        assert!(end >= 1.15 * greed, "seed {seed}: {means:?}");
        for claim in preset::entry("tree_gridworld").unwrap().claims {
            assert!(holds(claim, &score(&run)), "seed {seed}: {claim:?}");
        }
    }
    // Rewards of single worlds scatter, so that a slow decline may pass for chance.
    assert!(
        num_told >= 2,
        "the collapse was told in {num_told} of 3 runs"
    );
}

/// The comparison of Shah et al.: what episodes of 25 steps taught, and what episodes of 200 do.
#[test]
fn an_agent_that_saw_the_monsters_gone_goes_for_apples() {
    for seed in SEEDS {
        let set = ["environment.max_steps=200", "checkpoint_every=300"];
        let scores = trained("monster_gridworld", &set, seed);
        println!("200 steps, seed {seed}: {scores:?}");
        assert!(scores["return_test"] >= 18.0, "seed {seed}: {scores:?}");
    }
}

/// Four hundred times the rate of the preset: the first steps make the policy sure of one action.
#[test]
fn a_rate_far_too_high_is_told_within_a_few_updates() {
    for seed in SEEDS {
        let set = [
            "updates=12",
            "agent.learning_rate=0.1",
            "checkpoint_every=12",
        ];
        let told = collapses(&mut open("cartpole_ppo", &set, seed));
        assert!(
            matches!(told[..], [(3..=10, Sign::Entropy)]),
            "seed {seed}: {told:?}"
        );
    }
}

/// Two hundred times the rate: what is learned is lost again, or steps leave the clip far behind.
#[test]
fn every_run_that_falls_apart_is_told() {
    let set = [
        "updates=100",
        "agent.learning_rate=0.05",
        "agent.anneal=false",
        "checkpoint_every=100",
    ];
    let told: Vec<_> = SEEDS
        .iter()
        .map(|&seed| collapses(&mut open("cartpole_ppo", &set, seed)))
        .collect();
    println!("{told:?}");
    assert!(told.iter().all(|told| !told.is_empty()), "{told:?}");
}

/// Ten minutes a seed; `make bench` trains seed 0 and prints its scores.
#[test]
#[ignore = "ten minutes a seed"]
fn the_whole_budget_makes_every_claim_of_connect_4_true() {
    check_claims("connect4_alphazero");
}

/// The bar was set after seeds 1 to 3 had 36 to 41 blunders of 128 at 150 updates; untrained 86 (seed 0).
#[test]
fn a_small_part_of_its_budget_teaches_connect_4_to_see_threats() {
    let preset = preset::entry("connect4_alphazero").unwrap();
    let claim = preset
        .claims
        .iter()
        .find(|claim| claim.metric == "blunders")
        .unwrap();
    let untrained = score(&open(preset.id, &[], 0));
    assert!(!holds(claim, &untrained), "untrained: {untrained:?}");
    for seed in SEEDS {
        let set = ["updates=400", "checkpoint_every=400"];
        let scores = trained(preset.id, &set, seed);
        println!("seed {seed}, 400 updates: {scores:?}");
        assert!(holds(claim, &scores), "seed {seed}: {scores:?}");
    }
}
