//! The environments against OpenSpiel (`tests/golden/README.md`), and what must hold in any game.

#![cfg(not(target_arch = "wasm32"))]

use glassbox::{
    env::{self, Env, legal_actions, observation},
    error::Error,
    rng::Rng,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn make(id: &str) -> Box<dyn Env> {
    (env::entry(id).unwrap().make)(&Value::Null).unwrap()
}

fn golden(id: &str) -> Value {
    let path = format!("{}/tests/golden/{id}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Compares one state with entry `t` of a golden game.
fn compare(game: &dyn Env, record: &Value, t: usize, what: &str) {
    let at = |key: &str| &record[key][t];
    let outcome = game.outcome();
    assert_eq!(&game.state()["board"], at("boards"), "{what}");
    assert_eq!(json!(legal_actions(game)), *at("legal"), "{what}");
    assert_eq!(json!(outcome.terminated), *at("terminal"), "{what}");
    assert!(!outcome.truncated);
    if !outcome.terminated {
        assert_eq!(json!(game.player()), *at("players"), "{what}");
    }
    // `reward` is that of the player who moved last.
    let last = 1 - game.player();
    let returns = [0, 1].map(|player| match player == last {
        true => outcome.reward as i64,
        false => -(outcome.reward as i64),
    });
    assert_eq!(json!(returns), *at("returns"), "{what}");
}

fn replay(id: &str) {
    let golden = golden(id);
    for (index, record) in golden["games"].as_array().unwrap().iter().enumerate() {
        let mut rng = Rng::new(0);
        let mut game = make(id);
        compare(&*game, record, 0, &format!("{id}, game {index}, start"));
        for (t, action) in record["actions"].as_array().unwrap().iter().enumerate() {
            let what = format!("{id}, game {index}, after {} moves", t + 1);
            let step = game
                .step(action.as_u64().unwrap() as usize, &mut rng)
                .unwrap();
            assert_eq!(step, game.outcome(), "{what}");
            compare(&*game, record, t + 1, &what);
            let mut injected = make(id);
            injected
                .set_state(&json!({"board": record["boards"][t + 1]}))
                .unwrap();
            compare(&*injected, record, t + 1, &what);
        }
    }
}

#[test]
fn tictactoe_plays_as_openspiel() {
    replay("tictactoe");
}

#[test]
fn connect4_plays_as_openspiel() {
    replay("connect4");
}

/// Every state injected and pushed: to the last bits of double precision, in which `libm` and the
/// reference's C library may differ.
#[test]
fn cartpole_moves_as_gymnasium() {
    let golden = golden("cartpole");
    let steps = golden["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 100);
    for one in steps {
        let mut pole = make("cartpole");
        pole.set_state(&one["state"]).unwrap();
        let action = one["action"].as_u64().unwrap() as usize;
        let step = pole.step(action, &mut Rng::new(0)).unwrap();
        assert_eq!(json!(step.reward), one["reward"]);
        assert_eq!(json!(step.terminated), one["terminated"], "{one}");
        let state = pole.state();
        for (name, expected) in one["next"].as_object().unwrap() {
            let (found, expected) = (state[name].as_f64().unwrap(), expected.as_f64().unwrap());
            assert!((found - expected).abs() < 1e-12, "{name} of {one}: {found}");
        }
        for (found, expected) in observation(pole.as_ref())
            .iter()
            .zip(one["observation"].as_array().unwrap())
        {
            assert!((f64::from(*found) - expected.as_f64().unwrap()).abs() < 1e-6);
        }
    }
}

#[test]
fn tictactoe_is_solved_as_openspiel_solves_it() {
    let minimax = &golden("tictactoe")["minimax"];
    let all = make("tictactoe").enumerate().unwrap();
    assert_eq!(json!(all.len()), minimax["num_positions"]);
    for value in [-1, 0, 1] {
        let values = all.iter().map(|game| game.optimum().unwrap().value);
        let count = values.filter(|&found| found == value as f32).count();
        assert_eq!(json!(count), minimax["num_by_value"][value.to_string()]);
    }
    for position in minimax["positions"].as_array().unwrap() {
        let mut game = make("tictactoe");
        game.set_state(position).unwrap();
        let optimum = game.optimum().unwrap();
        assert!(optimum.exact);
        assert_eq!(Some(f64::from(optimum.value)), position["value"].as_f64());
        let best: Vec<_> = (0..9).filter(|&action| optimum.is_best(action)).collect();
        assert_eq!(json!(best), position["optimal"], "{position}");
    }
}

/// Number of move sequences of `depth` plies, games that end before counted as none.
fn perft(game: &dyn Env, depth: usize) -> usize {
    let moves = legal_actions(game);
    if depth <= 1 {
        return if depth == 0 { 1 } else { moves.len() };
    }
    let count = |action| {
        let mut child = game.boxed();
        child.step(action, &mut Rng::new(0)).unwrap();
        perft(&*child, depth - 1)
    };
    moves.into_iter().map(count).sum()
}

/// The same by the rules as a beginner writes them: lists, loops, no bits.
fn plain_perft(columns: &mut [Vec<usize>; 7], player: usize, depth: usize) -> usize {
    if depth == 0 {
        return 1;
    }
    let mut sum = 0;
    for column in 0..7 {
        if columns[column].len() == 6 {
            continue;
        }
        columns[column].push(player);
        let has = |c: i32, r: i32| {
            (0..7).contains(&c) && columns[c as usize].get(r as usize) == Some(&player)
        };
        let won = (0..42).any(|cell| {
            [(0, 1), (1, 0), (1, 1), (1, -1)]
                .iter()
                .any(|(dc, dr)| (0..4).all(|k| has(cell % 7 + k * dc, cell / 7 + k * dr)))
        });
        sum += match (won, depth) {
            (true, 2..) => 0,
            _ => plain_perft(columns, 1 - player, depth - 1),
        };
        columns[column].pop();
    }
    sum
}

#[test]
fn move_sequences_are_as_many_as_counted_without_bitboards() {
    let start = make("connect4");
    let counts: Vec<_> = (1..=7).map(|depth| perft(&*start, depth)).collect();
    assert_eq!(counts, [7, 49, 343, 2401, 16_807, 117_649, 823_536]);
    // From here columns fill up and games end within six plies.
    let mut middle = make("connect4");
    let mut columns: [Vec<usize>; 7] = Default::default();
    for (t, column) in [3, 3, 3, 3, 3, 2, 2, 4, 2, 2, 4, 2].into_iter().enumerate() {
        middle.step(column, &mut Rng::new(0)).unwrap();
        columns[column].push(t % 2);
    }
    for depth in 1..=5 {
        assert_eq!(perft(&*middle, depth), plain_perft(&mut columns, 0, depth));
    }
    // Tic-tac-toe: 9!/(9 − n)! until the first lines, 255,168 games in all.
    let counts: Vec<_> = (1..=5)
        .map(|depth| perft(&*make("tictactoe"), depth))
        .collect();
    assert_eq!(counts, [9, 72, 504, 3024, 15_120]);
}

/// A random game's states, the start included.
fn playout(id: &str, seed: u64) -> Vec<Box<dyn Env>> {
    let mut rng = Rng::new(seed);
    let mut states = vec![make(id)];
    while let Some(mut game) = states.last().cloned().filter(|game| !game.outcome().done()) {
        let moves = legal_actions(&*game);
        game.step(moves[rng.below(moves.len())], &mut rng).unwrap();
        states.push(game);
    }
    states
}

/// What must hold in every state of a two-player board game.
fn check_state(game: &dyn Env, id: &str) {
    let (space, state, legal) = (game.space(), game.state(), legal_actions(game));
    let outcome = game.outcome();
    assert_eq!(outcome.done(), legal.is_empty());
    let stones = |n| {
        state["board"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|&v| *v == json!(n))
            .count()
    };
    assert_eq!(stones(1) - stones(2), game.player());

    let mut back = make(id);
    back.set_state(&state).unwrap();
    assert_eq!(back.state(), state);
    assert_eq!(observation(&*back), observation(game));
    assert_eq!(back.outcome(), outcome);

    for action in 0..space.num_actions() + 2 {
        let mut child = game.boxed();
        match child.step(action, &mut Rng::new(0)) {
            Ok(step) => {
                assert!(legal.contains(&action));
                assert_eq!(step, child.outcome());
                assert_ne!(child.player(), game.player());
                continue;
            }
            Err(error) if outcome.done() => assert_eq!(error, Error::EpisodeOver),
            Err(error) => {
                assert!(!legal.contains(&action));
                assert_eq!(
                    error,
                    Error::IllegalAction {
                        action,
                        legal: legal.clone()
                    }
                );
            }
        }
        assert_eq!(child.state(), state);
    }
    let scene = game.scene();
    assert_eq!(scene.sprites.len(), stones(1) + stones(2));
    for action in 0..space.num_actions() {
        let targets = || {
            scene
                .targets
                .iter()
                .filter(|target| target.action == action)
        };
        assert!(targets().all(|target| target.legal == legal.contains(&action)));
        assert!(targets().filter(|target| target.shown).count() <= 1);
        assert!(targets().any(|target| target.shown) || !legal.contains(&action));
    }
}

/// The board seen through each symmetry: an injected board must look, move and be valued so.
fn check_symmetries(game: &dyn Env, id: &str) {
    let space = game.space();
    let old = observation(game);
    let board = game.state()["board"].clone();
    for (index, symmetry) in space.symmetries.iter().enumerate() {
        let new: Vec<_> = symmetry.observation.iter().map(|&i| old[i]).collect();
        assert!(index > 0 || new == old);
        let cells: Vec<_> = symmetry.observation[..old.len() / 2]
            .iter()
            .map(|&i| &board[i])
            .collect();
        let mut image = make(id);
        image.set_state(&json!({ "board": cells })).unwrap();
        assert_eq!(observation(&*image), new);

        let mut masks = [
            vec![false; space.num_actions()],
            vec![false; space.num_actions()],
        ];
        game.legal(&mut masks[0]);
        image.legal(&mut masks[1]);
        let (values, image_values) = (game.optimum().unwrap(), image.optimum().unwrap());
        assert_eq!(values.value, image_values.value);
        for (new, &old) in symmetry.action.iter().enumerate() {
            assert_eq!(masks[1][new], masks[0][old]);
            assert_eq!(image_values.action_values[new], values.action_values[old]);
        }
        // Nothing that the concepts say depends on how the board lies.
        assert_eq!(image.concepts(), game.concepts());
        // Moving and then turning is turning and then moving.
        if let Some(new) = masks[1].iter().position(|&legal| legal) {
            let mut child = game.boxed();
            child.step(symmetry.action[new], &mut Rng::new(0)).unwrap();
            image.step(new, &mut Rng::new(0)).unwrap();
            let old = observation(&*child);
            let turned: Vec<_> = symmetry.observation.iter().map(|&i| old[i]).collect();
            assert_eq!(observation(&*image), turned);
        }
    }
}

#[test]
fn symmetries_are_permutations_and_all_different() {
    for (id, count) in [("tictactoe", 8), ("connect4", 2)] {
        let env = make(id);
        let symmetries = &env.space().symmetries;
        assert_eq!(symmetries.len(), count);
        for (index, symmetry) in symmetries.iter().enumerate() {
            assert!(!symmetries[..index].contains(symmetry));
            for map in [&symmetry.observation, &symmetry.action] {
                let mut sorted = map.clone();
                sorted.sort_unstable();
                assert!(sorted.iter().copied().eq(0..map.len()));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_games_keep_every_invariant(seed: u64) {
        for id in ["tictactoe", "connect4"] {
            let states = playout(id, seed);
            prop_assert!(states.len() <= states[0].space().max_steps + 1);
            for game in &states {
                check_state(&**game, id);
                check_symmetries(&**game, id);
            }
        }
    }

    #[test]
    fn an_edit_leaves_a_legal_state_or_changes_nothing(seed: u64) {
        let mut rng = Rng::new(seed);
        for id in ["tictactoe", "connect4"] {
            let states = playout(id, seed);
            let mut game = states[rng.below(states.len())].clone();
            let scene = game.scene();
            for _ in 0..30 {
                let before = game.state();
                let mut cell = || (rng.below(scene.rows), rng.below(scene.columns));
                let (from, to) = (cell(), cell());
                let edit = match rng.below(2) {
                    0 => game.paint(from.0, from.1, rng.below(3)),
                    _ => game.shift(from, to),
                };
                match edit {
                    Ok(()) => check_state(&*game, id),
                    Err(error) => {
                        prop_assert_eq!(error.code(), "state");
                        prop_assert_eq!(game.state(), before);
                    }
                }
            }
        }
    }
}

#[test]
fn the_reference_player_beats_chance_and_depth_beats_shallowness() {
    for (id, depths, games, bar) in [
        ("tictactoe", [9, 0], 200, 0.8),
        ("connect4", [3, 0], 60, 0.95),
        ("connect4", [5, 2], 100, 0.2),
    ] {
        let mut rng = Rng::new(11);
        let mut score = 0.0;
        for index in 0..games {
            let mut game = make(id);
            while !game.outcome().done() {
                let depth = depths[(game.player() + index) % 2];
                let action = game.reference_move(depth, &mut rng).unwrap();
                game.step(action, &mut rng).unwrap();
            }
            let strong_moved_last = game.player() % 2 != index % 2;
            score += game.outcome().reward * if strong_moved_last { 1.0 } else { -1.0 };
        }
        assert!(
            score / games as f32 >= bar,
            "{id} {depths:?}: {}",
            score / games as f32
        );
    }
}
