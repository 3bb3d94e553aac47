//! Worlds on a grid: levels can be solved, optima are what optimal play collects, wrong levels are refused
//! with what is wrong, and the rules do what their papers say.

#![cfg(not(target_arch = "wasm32"))]

use glassbox::{
    env::{self, Env, Step, legal_actions},
    error::Error,
    rng::Rng,
};
use serde_json::{Value, json};

fn make(id: &str, parameters: Value) -> Box<dyn Env> {
    (env::entry(id).unwrap().make)(&parameters).unwrap()
}

/// Worlds of every layout, with and without doors and lava, that have an exact optimum.
fn solved() -> Vec<Box<dyn Env>> {
    let mut worlds = vec![
        make("corner_maze", json!({"side": 7, "corner": 5})),
        make("maze", json!({"side": 9, "region": 7})),
        make("keys_chests", json!({"side": 7})),
        make(
            "keys_chests",
            json!({"side": 7, "scarce": "chests", "key_reward": -0.1}),
        ),
    ];
    for layout in ["blocks", "rooms", "maze"] {
        for (doors, lava) in [(0, 0), (1, 2), (2, 1)] {
            worlds.push(make(
                "gridworld",
                json!({
                    "side": 9, "layout": layout, "num_doors": doors, "num_lava": lava,
                    "num_small_goals": 1, "max_steps": 80,
                }),
            ));
        }
    }
    worlds
}

const CHANCE: u64 = 12;

#[test]
fn every_level_that_is_made_can_be_solved() {
    for mut world in solved() {
        for seed in 0..CHANCE {
            world.reset(&mut Rng::new(seed));
            let optimum = world.optimum().unwrap();
            assert!(optimum.exact && optimum.value > 0.0, "{}", world.state());
        }
    }
}

/// Whoever takes a best action each time collects exactly what was promised, and a random player no more.
#[test]
fn optimal_play_collects_the_optimum() {
    for mut world in solved() {
        for seed in 0..CHANCE {
            let rng = &mut Rng::new(seed);
            world.reset(rng);
            let (start, promised) = (world.boxed(), world.optimum().unwrap().value);
            let play = |mut world: Box<dyn Env>, rng: &mut Rng, is_random: bool| {
                let mut total = 0.0;
                while !world.outcome().done() {
                    let optimum = world.optimum().unwrap();
                    let legal = legal_actions(world.as_ref());
                    let action = match is_random {
                        true => legal[rng.below(legal.len())],
                        false => *legal.iter().find(|&&one| optimum.is_best(one)).unwrap(),
                    };
                    total += world.step(action, rng).unwrap().reward;
                }
                total
            };
            let found = play(start.boxed(), rng, false);
            assert!(
                (found - promised).abs() < 1e-4,
                "{}: {found}, promised {promised}",
                start.state()
            );
            if seed < 3 {
                assert!(play(start.boxed(), rng, true) <= promised + 1e-4);
            }
        }
    }
}

fn refused(world: &mut dyn Env, state: &Value) -> String {
    let before = world.state();
    let Err(Error::State { why }) = world.set_state(state) else {
        panic!("{state} was taken");
    };
    assert_eq!(world.state(), before, "the old state stays");
    why
}

#[test]
fn levels_that_are_none_are_refused_with_what_is_wrong() {
    let mut world = make("gridworld", json!({"side": 5}));
    let level = |rows: [&str; 5]| json!({ "level": rows });
    for (rows, why) in [
        (
            ["#####", "#...#", "#...#", "#...#", "#####"],
            "no agent (A)",
        ),
        (["#####", "#A..#", "#...#", "#...#", "#####"], "no goal"),
        (
            ["#####", "#A.A#", "#...#", "#..G#", "#####"],
            "2 of agent (A)",
        ),
        (
            ["#####", "#A#.#", "###.#", "#..G#", "#####"],
            "no way leads",
        ),
        (
            ["#####", "#AD.#", "###.#", "#..G#", "#####"],
            "no way leads",
        ),
        (
            ["#####", "#AL.#", "###.#", "#..G#", "#####"],
            "no way leads",
        ),
        (["#.###", "#A..#", "#...#", "#..G#", "#####"], "border"),
        (["#####", "#A.X#", "#...#", "#..G#", "#####"], "each one of"),
    ] {
        let found = refused(world.as_mut(), &level(rows));
        assert!(found.contains(why), "{rows:?}: {found}");
    }
    let short = json!({"level": ["#####", "#A.G#"]});
    assert!(refused(world.as_mut(), &short).contains("5 rows of 5"));
    let mut world = make("keys_chests", json!({"side": 7}));
    let level = |row: &str| json!({"level": ["#######", row, "#.....#", "#.###.#", "#.....#", "#.....#", "#######"]});
    for (row, why) in [
        ("#A...K#", "no chest"),
        ("#A...C#", "no key"),
        ("#KC...#", "no agent"),
        ("#A.KCA#", "2 of agent"),
    ] {
        assert!(refused(world.as_mut(), &level(row)).contains(why), "{row}");
    }
}

#[test]
fn parameters_that_do_not_go_together_are_refused() {
    for (id, parameters, name) in [
        ("gridworld", json!({"layout": "maze", "side": 8}), "side"),
        ("gridworld", json!({"side": 4, "num_goals": 5}), "side"),
        (
            "gridworld",
            json!({"side": 5, "level": "#####/#A..#/#...#/#...#/#####"}),
            "level",
        ),
        (
            "gridworld",
            json!({"side": 9, "level": "#####/#A.G#/#...#/#...#/#####"}),
            "level",
        ),
        ("corner_maze", json!({"side": 6, "corner": 5}), "corner"),
        ("keys_chests", json!({"side": 8}), "side"),
        (
            "tree_gridworld",
            json!({"side": 4, "num_trees": 4}),
            "num_trees",
        ),
        (
            "monster_gridworld",
            json!({"side": 5, "num_monsters": 8}),
            "side",
        ),
    ] {
        let answer = (env::entry(id).unwrap().make)(&parameters);
        let Some(Error::Parameter { name: found, .. }) = answer.err() else {
            panic!("{id} took {parameters}");
        };
        assert_eq!(found, format!("environment.{name}"), "{id}");
    }
}

fn step(world: &mut dyn Env, action: usize) -> Step {
    world.step(action, &mut Rng::new(0)).unwrap()
}

const UP: usize = 0;
const LEFT: usize = 1;
const DOWN: usize = 2;
const RIGHT: usize = 3;

#[test]
fn a_door_takes_a_key_and_lava_ends_the_episode() {
    let mut world = make("gridworld", json!({"side": 6, "haste": 0.0}));
    world
        .set_state(&json!({"level": ["######", "#K.A##", "####D#", "#L..G#", "######", "######"]}))
        .unwrap_err();
    world
        .set_state(&json!({"level": ["######", "#KA.##", "###D##", "#L..G#", "######", "######"]}))
        .unwrap();
    step(world.as_mut(), RIGHT);
    step(world.as_mut(), DOWN);
    assert_eq!(world.state()["level"][1], "#K.A##", "the door is locked");
    let path = [LEFT, LEFT, RIGHT, RIGHT, DOWN];
    path.into_iter().for_each(|action| {
        step(world.as_mut(), action);
    });
    assert_eq!(world.state()["level"][2], "###A##");
    assert_eq!(world.state()["keys"], 0, "the key is spent");
    step(world.as_mut(), DOWN);
    let mut other = world.boxed();
    let goal = step(world.as_mut(), RIGHT);
    assert_eq!((goal.reward, goal.terminated), (1.0, true));
    step(other.as_mut(), LEFT);
    let lava = step(other.as_mut(), LEFT);
    assert_eq!((lava.reward, lava.terminated), (-1.0, true));
}

#[test]
fn the_number_of_levels_is_what_training_sees() {
    let mut world = make("gridworld", json!({"side": 7, "num_levels": 3}));
    let levels = |world: &mut dyn Env| {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..60 {
            world.reset(&mut Rng::new(seed));
            seen.insert(world.state().to_string());
        }
        seen.len()
    };
    assert_eq!(levels(world.as_mut()), 3);
    let mut elsewhere = world.elsewhere().unwrap();
    assert!(levels(elsewhere.as_mut()) > 50);
    let drawn = "#####/#A..#/#...#/#..G#/#####";
    let mut world = make("gridworld", json!({"side": 5, "level": drawn}));
    assert_eq!(levels(world.as_mut()), 1);
}

#[test]
fn keys_and_chests_change_places_elsewhere() {
    let count = |world: &dyn Env| {
        let level = world.state()["level"].to_string();
        let of = |what: char| level.chars().filter(|one| *one == what).count();
        (of('K'), of('C'))
    };
    let mut world = make("keys_chests", json!({"side": 9, "count": 2}));
    world.reset(&mut Rng::new(1));
    assert_eq!(count(world.as_ref()), (2, 4));
    let mut other = world.elsewhere().unwrap();
    other.reset(&mut Rng::new(1));
    assert_eq!(count(other.as_ref()), (4, 2));
}

#[test]
fn a_chest_takes_a_key_and_never_blocks() {
    let mut world = make("keys_chests", json!({"side": 7, "haste": 0.0}));
    world
        .set_state(&json!({"level": ["#######", "#AC.KC#", "#######", "#######", "#######", "#######", "#######"]}))
        .unwrap();
    assert_eq!(step(world.as_mut(), RIGHT).reward, 0.0, "no key in hand");
    assert_eq!(world.state()["on_chest"], true);
    step(world.as_mut(), RIGHT);
    step(world.as_mut(), RIGHT);
    assert_eq!(world.state()["keys"], 1);
    let last = step(world.as_mut(), RIGHT);
    assert_eq!(
        (last.reward, last.terminated),
        (1.0, true),
        "the only key is spent"
    );
}

#[test]
fn without_trees_next_to_none_grow_and_the_world_goes_on() {
    let mut world = make("tree_gridworld", json!({"side": 5, "num_trees": 3}));
    world
        .set_state(&json!({"level": ["#####", "#AT.#", "#...#", "#...#", "#####"]}))
        .unwrap();
    let rng = &mut Rng::new(3);
    let chopped = world.step(RIGHT, &mut Rng::new(0)).unwrap();
    assert_eq!(chopped.reward, 1.0);
    world
        .set_state(&json!({"level": ["#####", "#A..#", "#...#", "#...#", "#####"]}))
        .unwrap();
    for turn in 0..500 {
        let now = world.step(turn % 4, rng).unwrap();
        assert_eq!((now.reward, now.done()), (0.0, false));
    }
}

fn monsters(rows: [&str; 6], shields: usize, set: Value) -> Box<dyn Env> {
    let mut parameters = json!({"side": 6, "num_monsters": 1, "num_shields": 1, "num_apples": 1, "double_move": 0.0});
    for (name, value) in set.as_object().unwrap() {
        parameters[name] = value.clone();
    }
    let mut world = make("monster_gridworld", parameters);
    world
        .set_state(&json!({"level": rows, "shields": shields}))
        .unwrap();
    world
}

#[test]
fn a_strike_costs_a_shield_and_the_monster_or_a_point() {
    let rows = ["######", "#AM.P#", "#....#", "#....#", "#...S#", "######"];
    let mut bare = monsters(rows, 0, json!({}));
    // Up is a wall: the agent stays, and the monster beside it strikes.
    assert_eq!(step(bare.as_mut(), UP).reward, -1.0);
    let left = |world: &dyn Env| world.state()["level"].to_string().contains(['M', 'X', 'Y']);
    assert!(left(bare.as_ref()));
    let mut shielded = monsters(rows, 1, json!({}));
    assert_eq!(step(shielded.as_mut(), UP).reward, 0.0);
    assert!(!left(shielded.as_ref()));
    assert_eq!(shielded.state()["shields"], 0);
}

#[test]
fn monsters_come_straight_and_apples_come_back() {
    let rows = ["######", "#AP..#", "#....#", "#....#", "#S..M#", "######"];
    let mut world = monsters(rows, 0, json!({}));
    let far = |world: &dyn Env| {
        let concept = |id: &str| world.space().concepts.iter().position(|one| one.id == id);
        world.concepts()[concept("distance_to_monster").unwrap()]
    };
    assert_eq!(far(world.as_ref()), 6.0);
    assert_eq!(step(world.as_mut(), RIGHT).reward, 1.0);
    // The agent came one step nearer, and so did the monster.
    assert_eq!(far(world.as_ref()), 4.0);
    assert!(world.state()["level"].to_string().contains(['P', 'Y']));
    let mut soft = monsters(rows, 0, json!({"pursuit": "soft", "wall_probability": 0.0}));
    step(soft.as_mut(), RIGHT);
    assert!(!soft.state()["level"].to_string().contains(['P', 'Y']));
}

/// The agent of the paper is trained on 25 steps and met again on 200.
#[test]
fn elsewhere_monsters_have_time_to_be_gone() {
    let world = make("monster_gridworld", json!({}));
    assert_eq!(world.space().max_steps, 25);
    assert_eq!(world.elsewhere().unwrap().space().max_steps, 200);
    assert_eq!(world.space().observation_shape(), [5, 14, 14]);
    let trees = make("tree_gridworld", json!({}));
    assert_eq!(trees.space().observation_shape(), [2, 12, 12]);
    assert!(trees.space().continuing);
}
