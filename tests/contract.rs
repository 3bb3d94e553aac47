//! One contract for every registered entry: whoever adds one gets these tests for nothing.
//!
//! Parameters are shrunk from their schemas, so that entries that do not exist yet are quick as well.

#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::{
    ask, bits, device, properties, random_game, random_state, shrunk, small_environment,
    small_network, small_parameters, small_sizes,
};
use glassbox::{
    agent::{AGENTS, Agent, AgentEntry, Explored, MetricInfo, Metrics, Setup},
    backend::{self, Pending},
    env::{ENVS, Env, EnvEntry, Optimum, Step, Symmetry, legal_actions, observation},
    error::{Error, Result},
    model::{
        MODELS, ModelEntry, Network, Site,
        evaluator::Evaluator,
        taps::Taps,
        weights::{self, Archive},
    },
    op::{
        Lab, OPS, OpEntry, Subject, Watch,
        figure::{Body, Colour, Figure, Number, Scale},
        score::Scorer,
    },
    preset::PRESETS,
    rng::Rng,
    session::{Session, block_on, config::RunConfig, protocol::Event},
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What every entry has: its room, id, title, summary and schema.
type Common = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Value,
);

fn entries() -> Vec<Common> {
    let mut all: Vec<Common> = Vec::new();
    all.extend(
        ENVS.iter()
            .map(|e| ("environment", e.id, e.title, e.summary, (e.schema)())),
    );
    all.extend(
        MODELS
            .iter()
            .map(|e| ("model", e.id, e.title, e.summary, (e.schema)())),
    );
    all.extend(
        AGENTS
            .iter()
            .map(|e| ("agent", e.id, e.title, e.summary, (e.schema)())),
    );
    all.extend(
        OPS.iter()
            .map(|e| ("op", e.id, e.title, e.summary, (e.schema)())),
    );
    all.extend(
        PRESETS
            .iter()
            .map(|e| ("preset", e.id, e.title, e.summary, json!({}))),
    );
    all
}

fn is_snake_case(id: &str) -> bool {
    id.starts_with(|letter: char| letter.is_ascii_lowercase())
        && id
            .chars()
            .all(|l| l.is_ascii_lowercase() || l.is_ascii_digit() || l == '_')
}

/// Whether `text` is one sentence: it ends in a period and holds no other.
fn is_sentence(text: &str) -> bool {
    text.ends_with('.') && !text.contains(". ") && text == text.trim() && !text.contains("  ")
}

/// Values that a property must refuse: of a wrong type, below and above its range.
fn bad_values(property: &Value) -> Vec<Value> {
    let mut bad = vec![json!({"no": "such"}), json!([[]])];
    if let Some(low) = property["minimum"].as_f64() {
        bad.push(json!(low - 1.0));
        bad.push(json!("much"));
    }
    if let Some(high) = property["maximum"].as_f64() {
        bad.push(json!(high * 2.0 + 1.0));
        bad.push(json!(high as u64 + 1));
    }
    if property.get("oneOf").is_some() || property.get("enum").is_some() {
        bad.push(json!("no_such_choice"));
    }
    bad
}

/// Checks that `make` takes the schema's defaults, and refuses what the schema does not allow with an
/// error that names the parameter.
fn check_parameters(id: &str, schema: &Value, make: &dyn Fn(&Value) -> Result<()>) {
    let defaults: Map<_, _> = properties(schema)
        .into_iter()
        .map(|(name, property)| (name, property["default"].clone()))
        .collect();
    make(&Value::Object(defaults)).unwrap();
    let refusals = properties(schema)
        .into_iter()
        .flat_map(|(name, property)| {
            bad_values(&property)
                .into_iter()
                .map(move |bad| (name.clone(), bad))
        })
        .chain([("no_such_parameter".to_owned(), json!(1))]);
    for (name, bad) in refusals {
        match make(&json!({ name.clone(): bad })) {
            Err(Error::Parameter {
                name: told,
                allowed,
                ..
            }) => {
                assert!(
                    told.ends_with(&name) && !allowed.is_empty(),
                    "{id}.{name}: {told}, {allowed}"
                );
            }
            other => panic!("{id}.{name} = {bad} gives {other:?}"),
        }
    }
    assert!(
        matches!(make(&json!([1])), Err(Error::Parameter { .. })),
        "{id} takes a list"
    );
}

#[test]
fn ids_are_unique_in_their_room_and_snake_case() {
    let mut seen = BTreeSet::new();
    for (room, id, ..) in entries() {
        assert!(is_snake_case(id), "{room} {id}");
        assert!(seen.insert((room, id)), "{room} {id} twice");
    }
}

#[test]
fn every_entry_says_what_it_is() {
    for (room, id, title, summary, _) in entries() {
        assert!(
            !title.is_empty() && title.len() <= 40 && !title.ends_with('.'),
            "{room} {id}: {title}"
        );
        assert!(
            is_sentence(summary) && summary.len() <= 160,
            "{room} {id}: {summary}"
        );
    }
}

#[test]
fn every_parameter_has_a_sentence_a_type_and_a_default() {
    for (room, id, _, _, schema) in entries() {
        for (name, property) in properties(&schema) {
            let at = format!("{room} {id}.{name}");
            let description = property["description"].as_str().unwrap_or_default();
            assert!(description.ends_with('.'), "{at}: {description:?}");
            assert!(
                property.get("type").is_some() || property.get("oneOf").is_some(),
                "{at} has no type"
            );
            assert!(property.get("default").is_some(), "{at} has no default");
            let is_number = matches!(property["type"].as_str(), Some("integer" | "number"));
            assert!(
                !is_number || property.get("maximum").is_some(),
                "{at} is unbounded"
            );
        }
    }
}

// --- Environments ----------------------------------------------------------------------------

/// A few random games of an environment.
fn games(entry: &EnvEntry) -> Vec<Vec<Box<dyn Env>>> {
    let start = small_environment(entry);
    (0..6)
        .map(|seed| random_game(start.as_ref(), seed))
        .collect()
}

/// Calls `check` with every state of a few random games of every environment.
fn for_states(check: impl Fn(&str, &dyn Env)) {
    for entry in ENVS {
        games(entry)
            .iter()
            .flatten()
            .for_each(|state| check(entry.id, state.as_ref()));
    }
}

fn mask(env: &dyn Env) -> Vec<bool> {
    // Filled with `true`, so that an environment must write every element.
    let mut mask = vec![true; env.space().num_actions()];
    env.legal(&mut mask);
    mask
}

/// Everything that can be seen of a state.
fn seen(env: &dyn Env) -> (Value, Vec<u32>, Vec<bool>, usize, String) {
    let outcome = format!("{:?} {:?} {:?}", env.outcome(), env.concepts(), env.scene());
    (
        env.state(),
        bits(&observation(env)),
        mask(env),
        env.player(),
        outcome,
    )
}

#[test]
fn environments_describe_their_spaces() {
    for entry in ENVS {
        let env = small_environment(entry);
        let space = env.space();
        assert_eq!(
            observation(env.as_ref()).len(),
            space.observation_shape().iter().product::<usize>()
        );
        for axis in &space.observation {
            assert!(!axis.name.is_empty() && axis.len > 0, "{}", entry.id);
            assert!(
                axis.labels.is_empty() || axis.labels.len() == axis.len,
                "{}",
                entry.id
            );
        }
        let actions: BTreeSet<_> = space.actions.iter().collect();
        assert_eq!(
            actions.len(),
            space.num_actions(),
            "{} has an action's name twice",
            entry.id
        );
        assert!(
            (1..=2).contains(&space.num_players) && space.max_steps > 0,
            "{}",
            entry.id
        );
        let concepts: BTreeSet<_> = space.concepts.iter().map(|concept| &concept.id).collect();
        assert_eq!(
            concepts.len(),
            space.concepts.len(),
            "{} has a concept twice",
            entry.id
        );
        for concept in &space.concepts {
            assert!(
                is_snake_case(&concept.id) && is_sentence(&concept.summary),
                "{concept:?}"
            );
        }
    }
}

#[test]
fn environments_take_only_the_parameters_of_their_schema() {
    for entry in ENVS {
        check_parameters(entry.id, &(entry.schema)(), &|value| {
            (entry.make)(value).map(drop)
        });
    }
}

#[test]
fn the_same_seed_gives_the_same_game() {
    for entry in ENVS {
        for (one, other) in games(entry).iter().zip(games(entry)) {
            let states = |game: &[Box<dyn Env>]| {
                game.iter()
                    .map(|env| seen(env.as_ref()))
                    .collect::<Vec<_>>()
            };
            assert!(states(one) == states(&other), "{}", entry.id);
        }
    }
}

#[test]
fn an_episode_has_legal_actions_until_its_end_and_none_after() {
    for_states(|id, state| {
        let any = mask(state).contains(&true);
        assert_eq!(any, !state.outcome().done(), "{id}: {}", state.state());
        assert!(state.player() < state.space().num_players);
    });
    for entry in ENVS {
        for game in games(entry) {
            assert!(game.len() <= game[0].space().max_steps + 1, "{}", entry.id);
        }
    }
}

#[test]
fn concepts_are_as_many_as_declared_and_finite() {
    for_states(|id, state| {
        let (values, concepts) = (state.concepts(), &state.space().concepts);
        assert_eq!(values.len(), concepts.len(), "{id}");
        for (value, concept) in values.iter().zip(concepts) {
            assert!(value.is_finite(), "{id}: {concept:?}");
            assert!(
                !concept.binary || [0.0, 1.0].contains(value),
                "{id}: {concept:?} is {value}"
            );
        }
    });
}

#[test]
fn a_state_written_and_injected_is_the_same_state() {
    for_states(|id, state| {
        let mut back = random_state(state, 3);
        back.set_state(&state.state()).unwrap();
        assert!(
            seen(back.as_ref()) == seen(state),
            "{id}: {}",
            state.state()
        );
        assert_eq!(back.optimum(), state.optimum());
    });
}

#[test]
fn a_state_that_is_none_is_refused_and_changes_nothing() {
    for_states(|id, state| {
        let mut env = state.boxed();
        for bad in [
            json!(null),
            json!({}),
            json!([]),
            json!("start"),
            json!(7),
            json!({"no_such": 1}),
        ] {
            match env.set_state(&bad) {
                Err(Error::State { why }) => assert!(!why.is_empty()),
                other => panic!("{id} takes {bad}: {other:?}"),
            }
            assert!(
                seen(env.as_ref()) == seen(state),
                "{id}: {bad} left its mark"
            );
        }
    });
}

#[test]
fn an_illegal_action_is_refused_with_the_legal_ones_and_changes_nothing() {
    for_states(|id, state| {
        let (mask, legal) = (mask(state), legal_actions(state));
        for action in (0..mask.len() + 2).chain([usize::MAX]) {
            let mut child = state.boxed();
            let answer = child.step(action, &mut Rng::new(1));
            if mask.get(action) == Some(&true) {
                let step = answer.unwrap();
                let ends = |step: Step| (step.terminated, step.truncated);
                let outcome = child.outcome();
                assert_eq!(ends(outcome), ends(step), "{id}");
                // Where the state tells the reward at all, it tells the right one.
                assert!(
                    outcome.reward == 0.0 || outcome.reward == step.reward,
                    "{id}"
                );
                assert!(
                    child.state() != state.state() || state.space().continuing,
                    "{id}: action {action} did nothing"
                );
                continue;
            }
            let expected = match state.outcome().done() {
                true => Error::EpisodeOver,
                false => Error::IllegalAction {
                    action,
                    legal: legal.clone(),
                },
            };
            assert_eq!(answer, Err(expected), "{id}");
            assert!(
                seen(child.as_ref()) == seen(state),
                "{id}: action {action} left its mark"
            );
        }
    });
}

#[test]
fn a_copy_goes_its_own_way() {
    for_states(|_, state| {
        let before = seen(state);
        let mut copy = state.boxed();
        if let Some(&action) = legal_actions(state).first() {
            copy.step(action, &mut Rng::new(0)).unwrap();
        }
        copy.reset(&mut Rng::new(5));
        assert!(seen(state) == before);
    });
}

#[test]
fn a_scene_has_a_place_for_every_legal_action() {
    for_states(|id, state| {
        let (scene, mask) = (state.scene(), mask(state));
        let inside = |row, column| row < scene.rows && column < scene.columns;
        assert!(
            scene
                .sprites
                .iter()
                .all(|s| inside(s.row, s.column) && !s.name.is_empty()),
            "{id}"
        );
        assert!(
            !scene.status.is_empty() && scene.status.len() <= 60,
            "{id}: {}",
            scene.status
        );
        for target in &scene.targets {
            assert!(inside(target.row, target.column), "{id}: {target:?}");
            assert_eq!(target.legal, mask[target.action], "{id}: {target:?}");
        }
        for action in legal_actions(state) {
            let shown = scene
                .targets
                .iter()
                .filter(|t| t.action == action && t.shown)
                .count();
            assert_eq!(
                shown, 1,
                "{id}: figures of action {action} are drawn on {shown} cells"
            );
        }
    });
}

#[test]
fn every_brush_leaves_a_possible_state_or_changes_nothing() {
    for_states(|id, state| {
        let scene = state.scene();
        let cells =
            (0..scene.rows).flat_map(|row| (0..scene.columns).map(move |column| (row, column)));
        for (row, column) in cells.chain([(scene.rows, 0), (0, scene.columns)]) {
            for brush in 0..=scene.brushes.len() {
                let mut painted = state.boxed();
                match painted.paint(row, column, brush) {
                    Ok(()) => {
                        let mut back = state.boxed();
                        back.set_state(&painted.state()).unwrap();
                        assert!(seen(back.as_ref()) == seen(painted.as_ref()), "{id}");
                    }
                    Err(Error::State { why }) => {
                        assert!(
                            !why.is_empty() && seen(painted.as_ref()) == seen(state),
                            "{id}"
                        );
                    }
                    // No brushes, no painting.
                    Err(Error::NotApplicable { .. }) if scene.brushes.is_empty() => {}
                    Err(other) => panic!("{id}: {other}"),
                }
            }
        }
    });
}

/// Values of symmetric actions must be equal, whatever they are.
fn under(symmetry: &Symmetry, optimum: Optimum) -> Vec<Option<f32>> {
    symmetry
        .action
        .iter()
        .map(|&old| optimum.action_values[old])
        .collect()
}

fn is_permutation(map: &[usize]) -> bool {
    map.iter().copied().collect::<BTreeSet<_>>() == (0..map.len()).collect()
}

#[test]
fn symmetries_are_permutations_and_the_identity_is_first() {
    for entry in ENVS {
        let env = small_environment(entry);
        let space = env.space();
        let identity = |map: &[usize]| map.iter().copied().eq(0..map.len());
        // Only self-play uses them so far.
        if space.symmetries.is_empty() {
            assert_eq!(space.num_players, 1, "{}", entry.id);
            continue;
        }
        assert!(
            identity(&space.symmetries[0].observation) && identity(&space.symmetries[0].action)
        );
        for (index, symmetry) in space.symmetries.iter().enumerate() {
            assert_eq!(symmetry.observation.len(), space.observation_len());
            assert_eq!(symmetry.action.len(), space.num_actions());
            assert!(is_permutation(&symmetry.observation) && is_permutation(&symmetry.action));
            assert!(
                !space.symmetries[..index].contains(symmetry),
                "{} has one twice",
                entry.id
            );
        }
    }
}

/// The image of a game under a symmetry is the game of the images of its actions, from a start that
/// is its own image.
#[test]
fn symmetries_keep_the_rules() {
    for entry in ENVS {
        for (seed, game) in games(entry).iter().enumerate() {
            for symmetry in &game[0].space().symmetries {
                let turned = |env: &dyn Env| -> Vec<f32> {
                    let old = observation(env);
                    symmetry.observation.iter().map(|&i| old[i]).collect()
                };
                let mut image = game[0].clone();
                let mut rng = Rng::new(seed as u64);
                for (state, next) in game.iter().zip(&game[1..]) {
                    assert_eq!(
                        observation(image.as_ref()),
                        turned(state.as_ref()),
                        "{}",
                        entry.id
                    );
                    let old = mask(state.as_ref());
                    let legal: Vec<bool> =
                        symmetry.action.iter().map(|&action| old[action]).collect();
                    assert_eq!(mask(image.as_ref()), legal, "{}", entry.id);
                    if let (Some(one), Some(other)) = (state.optimum(), image.optimum()) {
                        assert_eq!(one.value, other.value, "{}", entry.id);
                        assert_eq!(other.action_values, under(symmetry, one), "{}", entry.id);
                    }
                    // The move of the game, found by what it leads to.
                    let played = legal_actions(state.as_ref()).into_iter().find(|&action| {
                        let mut child = state.clone();
                        child.step(action, &mut Rng::new(0)).is_ok()
                            && child.state() == next.state()
                    });
                    let new = symmetry
                        .action
                        .iter()
                        .position(|&action| Some(action) == played)
                        .unwrap();
                    assert_eq!(
                        image.step(new, &mut rng).unwrap(),
                        next.outcome(),
                        "{}",
                        entry.id
                    );
                }
            }
        }
    }
}

#[test]
fn ground_truth_values_the_legal_actions_and_takes_the_best() {
    for_states(|id, state| {
        let Some(optimum) = state.optimum() else {
            return;
        };
        assert!(
            !optimum.method.is_empty() && optimum.value.is_finite(),
            "{id}"
        );
        let valued: Vec<bool> = optimum.action_values.iter().map(Option::is_some).collect();
        assert_eq!(valued, mask(state), "{id}");
        if let Some(best) = optimum
            .action_values
            .iter()
            .flatten()
            .copied()
            .reduce(f32::max)
        {
            assert_eq!(best, optimum.value, "{id}: {}", state.state());
        }
    });
}

#[test]
fn enumerated_states_are_distinct_and_not_over() {
    for entry in ENVS {
        let Some(all) = small_environment(entry).enumerate() else {
            continue;
        };
        let distinct: BTreeSet<_> = all.iter().map(|state| state.state().to_string()).collect();
        assert_eq!(distinct.len(), all.len(), "{}", entry.id);
        assert!(
            all.iter().all(|state| !state.outcome().done()),
            "{}",
            entry.id
        );
        for game in games(entry) {
            let last = game.len() - 1;
            assert!(
                game[..last]
                    .iter()
                    .all(|state| distinct.contains(&state.state().to_string()))
            );
        }
    }
}

#[test]
fn the_reference_opponent_plays_legal_moves_until_the_end() {
    for_states(|id, state| {
        for depth in [0, 2] {
            match state.reference_move(depth, &mut Rng::new(4)) {
                Some(action) => assert!(mask(state)[action], "{id}"),
                None => assert!(
                    state.outcome().done() || state.space().num_players == 1,
                    "{id}"
                ),
            }
        }
    });
}

#[test]
fn random_play_through_a_session_ends_and_is_the_same_for_one_seed() {
    for entry in ENVS {
        let play = |seed: u64| {
            let command = json!({
                "type": "rollout",
                "environment": entry.id,
                "set": small_parameters(entry),
                "episodes": 3,
                "seed": seed,
            });
            match &ask(&mut Session::new(), &command).unwrap()[..] {
                [Event::Episodes(found)] => *found,
                other => panic!("{}: {other:?}", entry.id),
            }
        };
        let found = play(1);
        assert_eq!(found, play(1), "{}", entry.id);
        assert_eq!(found.episodes, 3, "{}", entry.id);
        let most = small_environment(entry).space().max_steps;
        assert!((3..=3 * most).contains(&found.steps), "{}", entry.id);
    }
}

// --- Models ----------------------------------------------------------------------------------

/// Calls `check` with every environment and every small network that applies to it.
fn for_networks(mut check: impl FnMut(&EnvEntry, &'static ModelEntry, Box<dyn Env>, Network)) {
    for environment in ENVS {
        let env = small_environment(environment);
        let mut applied = 0;
        for entry in MODELS {
            match small_network(entry, env.as_ref(), 1) {
                Ok(network) => {
                    applied += 1;
                    check(environment, entry, env.clone(), network);
                }
                Err(Error::NotApplicable { why }) => assert!(!why.is_empty()),
                Err(other) => panic!("{} on {}: {other}", entry.id, environment.id),
            }
        }
        assert!(applied > 0, "no model applies to {}", environment.id);
    }
}

/// Five observations in one vector.
fn five(env: &dyn Env) -> Vec<f32> {
    (0..5)
        .flat_map(|seed| observation(random_state(env, seed).as_ref()))
        .collect()
}

/// Logits and values for five states, and all activations.
fn forward(network: &Network, env: &dyn Env) -> (Vec<f32>, Vec<f32>, Taps) {
    let input = backend::tensor(five(env), [5, env.space().observation_len()], &device());
    let mut taps = Taps::record();
    let output = network.forward(input, &mut taps);
    assert_eq!(output.logits.dims(), [5, env.space().num_actions()]);
    assert_eq!(output.value.dims(), [5, 1]);
    let read = |tensor| block_on(backend::read(tensor)).unwrap();
    (read(output.logits), read(output.value), taps)
}

fn weights_of(network: &Network) -> Archive {
    Archive {
        arrays: block_on(weights::collect(network)).unwrap(),
        ..Archive::default()
    }
}

#[test]
fn models_take_only_the_parameters_of_their_schema() {
    for entry in MODELS {
        let env = small_environment(ENVS[0]);
        check_parameters(entry.id, &(entry.schema)(), &|value| {
            (entry.make)(value, env.space(), &mut Rng::new(0), &device()).map(drop)
        });
    }
}

#[test]
fn a_model_records_exactly_the_sites_that_it_lists() {
    for_networks(|environment, entry, env, network| {
        let at = format!("{} on {}", entry.id, environment.id);
        let sites = network.sites(env.space());
        let (logits, values, taps) = forward(&network, env.as_ref());
        let recorded = taps.into_recorded();
        let listed: BTreeSet<_> = sites.iter().map(|site| site.name.clone()).collect();
        assert_eq!(listed.len(), sites.len(), "{at} lists a site twice");
        assert_eq!(listed, recorded.keys().cloned().collect(), "{at}");
        for site in &sites {
            assert_eq!(
                recorded[&site.name].dims(),
                [5, site.len()],
                "{at}: {}",
                site.name
            );
            assert!(
                site.axes
                    .iter()
                    .all(|axis| axis.labels.is_empty() || axis.labels.len() == axis.len)
            );
        }
        let read = |name: &str| block_on(backend::read(recorded[name].clone())).unwrap();
        assert_eq!(read("obs"), five(env.as_ref()), "{at}");
        let outputs: Vec<_> = sites
            .iter()
            .filter(|site| site.is_output())
            .map(|site| &site.name)
            .collect();
        assert_eq!(outputs, ["policy", "value"], "{at}");
        assert_eq!((read("policy"), read("value")), (logits, values), "{at}");
    });
}

#[test]
fn values_lie_between_a_loss_and_a_win_and_everything_is_finite() {
    for_networks(|_, entry, env, network| {
        let (logits, values, _) = forward(&network, env.as_ref());
        assert!(logits.iter().all(|x| x.is_finite()), "{}", entry.id);
        assert!(
            values.iter().all(|x| (-1.0..=1.0).contains(x)),
            "{}",
            entry.id
        );
        assert!(
            logits.iter().any(|x| *x != logits[0]),
            "{} says the same of everything",
            entry.id
        );
    });
}

#[test]
fn weights_come_from_the_seed_alone() {
    for_networks(|_, entry, env, network| {
        let again = small_network(entry, env.as_ref(), 1).unwrap();
        let other = small_network(entry, env.as_ref(), 2).unwrap();
        assert_eq!(weights_of(&again), weights_of(&network), "{}", entry.id);
        assert_ne!(weights_of(&other), weights_of(&network), "{}", entry.id);
    });
}

#[test]
fn weights_saved_and_loaded_give_the_same_answers_to_the_bit() {
    for_networks(|_, entry, env, network| {
        let archive = Archive::from_bytes(&weights_of(&network).to_bytes().unwrap()).unwrap();
        assert_eq!(archive, weights_of(&network), "{}", entry.id);
        let other = small_network(entry, env.as_ref(), 2).unwrap();
        let (logits, values, _) = forward(&network, env.as_ref());
        assert_ne!(forward(&other, env.as_ref()).0, logits);
        let loaded = weights::load(other, &archive, &device()).unwrap();
        let (same_logits, same_values, _) = forward(&loaded, env.as_ref());
        assert_eq!(bits(&same_logits), bits(&logits), "{}", entry.id);
        assert_eq!(bits(&same_values), bits(&values), "{}", entry.id);
    });
}

#[test]
fn weights_that_are_missing_or_of_another_shape_are_refused_by_name() {
    for_networks(|_, entry, env, network| {
        let whole = weights_of(&network);
        for name in whole.arrays.keys() {
            let mut missing = whole.clone();
            missing.arrays.remove(name);
            let mut other = whole.clone();
            other.arrays.get_mut(name).unwrap().shape.push(1);
            for broken in [missing, other] {
                let network = small_network(entry, env.as_ref(), 2).unwrap();
                match weights::load(network, &broken, &device()) {
                    Err(Error::Checkpoint { why }) => assert!(why.contains(name.as_str()), "{why}"),
                    other => panic!("{}: {:?}", entry.id, other.err()),
                }
            }
        }
    });
}

// --- Agents ----------------------------------------------------------------------------------

/// What an agent is made of, with weights of `seed`.
fn setup(env: &dyn Env, model: &ModelEntry, seed: u64) -> Setup {
    Setup {
        env: env.boxed(),
        network: small_network(model, env, seed).unwrap(),
        device: device(),
        rng: Rng::new(seed),
        updates: 20,
    }
}

fn small_agent(
    entry: &AgentEntry,
    env: &dyn Env,
    model: &ModelEntry,
    seed: u64,
) -> Result<Box<dyn Agent>> {
    (entry.make)(&shrunk(&(entry.schema)(), 6), setup(env, model, seed))
}

/// Calls `check` with every agent on every environment and model that it applies to.
fn for_agents(check: impl Fn(&AgentEntry, &ModelEntry, &dyn Env, Box<dyn Agent>)) {
    for entry in AGENTS {
        let mut applied = 0;
        for_networks(
            |_, model, env, _| match small_agent(entry, env.as_ref(), model, 1) {
                Ok(agent) => {
                    applied += 1;
                    check(entry, model, env.as_ref(), agent);
                }
                Err(Error::NotApplicable { why }) => assert!(!why.is_empty()),
                Err(other) => panic!("{}: {other}", entry.id),
            },
        );
        assert!(applied > 0, "{} applies to nothing", entry.id);
    }
}

fn evaluator_of(agent: &dyn Agent) -> Evaluator {
    Evaluator {
        network: agent.network(),
        device: device(),
        edits: Vec::new(),
    }
}

/// Weights and everything else of an agent, through a file.
fn saved(agent: &dyn Agent) -> Archive {
    let mut archive = weights_of(&agent.network());
    block_on(agent.save(&mut archive)).unwrap();
    Archive::from_bytes(&archive.to_bytes().unwrap()).unwrap()
}

fn advance(agent: &mut dyn Agent) -> Metrics {
    block_on(agent.advance()).unwrap()
}

#[test]
fn agents_take_only_the_parameters_of_their_schema() {
    for entry in AGENTS {
        let fits = |env: &dyn Env| (entry.make)(&Value::Null, setup(env, MODELS[0], 1)).is_ok();
        let mut all = ENVS.iter().map(|env| small_environment(env));
        let env = all
            .find(|env| fits(env.as_ref()))
            .unwrap_or_else(|| panic!("no environment is for {}", entry.id));
        check_parameters(entry.id, &(entry.schema)(), &|value| {
            (entry.make)(value, setup(env.as_ref(), MODELS[0], 1)).map(drop)
        });
    }
}

#[test]
fn agents_report_the_metrics_that_they_declare() {
    for entry in AGENTS {
        let ids: BTreeSet<_> = entry.metrics.iter().map(|metric| metric.id).collect();
        assert_eq!(
            ids.len(),
            entry.metrics.len(),
            "{} declares a metric twice",
            entry.id
        );
        assert!(
            entry
                .metrics
                .iter()
                .all(|metric| is_snake_case(metric.id) && !metric.name.is_empty())
        );
    }
    for_agents(|entry, _, env, mut agent| {
        let mut reported = BTreeSet::new();
        for _ in 0..12 {
            for (id, value) in advance(agent.as_mut()) {
                assert!(value.is_finite(), "{}: {id} is {value}", entry.id);
                reported.insert(id);
            }
        }
        let metrics = entry.metrics_in(env.space()).into_iter();
        let declared: BTreeSet<_> = metrics.map(|metric| metric.id.to_owned()).collect();
        assert_eq!(reported, declared, "{}", entry.id);
    });
}

#[test]
fn training_moves_the_weights() {
    for_agents(|entry, _, _, mut agent| {
        let before = weights_of(&agent.network());
        advance(agent.as_mut());
        assert_ne!(weights_of(&agent.network()), before, "{}", entry.id);
    });
}

#[test]
fn decisions_are_legal_and_always_the_same() {
    for_agents(|entry, _, env, agent| {
        let evaluator = evaluator_of(agent.as_ref());
        let states: Vec<_> = (0..8).map(|seed| random_state(env, seed)).collect();
        for search in [false, true] {
            if search && !entry.searches {
                continue;
            }
            let decide = |states: &[Box<dyn Env>]| {
                block_on(agent.decide(&evaluator, states, search)).unwrap()
            };
            assert_eq!(decide(&states), decide(&states), "{}", entry.id);
            assert_eq!(decide(&[]), []);
            for (state, decision) in states.iter().zip(decide(&states)) {
                let legal = mask(state.as_ref());
                assert!(legal[decision.action], "{}", entry.id);
                assert_eq!(decision.policy.len(), legal.len());
                assert!((decision.policy.iter().sum::<f32>() - 1.0).abs() < 1e-5);
                let stray = decision
                    .policy
                    .iter()
                    .zip(&legal)
                    .any(|(p, legal)| *p > 0.0 && !legal);
                assert!(!stray, "{} would play what the rules forbid", entry.id);
                let visits = decision.visits.iter().sum::<u32>() as usize;
                assert_eq!(
                    (visits, decision.simulations > 0),
                    (decision.simulations, search)
                );
                assert_eq!(decision.logits.is_empty(), search, "{}", entry.id);
            }
        }
    });
}

#[test]
fn an_agent_saved_restored_and_continued_never_stopped_to_the_bit() {
    for_agents(|entry, model, env, mut agent| {
        let at = format!("{} with {}", entry.id, model.id);
        for _ in 0..3 {
            advance(agent.as_mut());
        }
        let archive = saved(agent.as_ref());
        // Of another seed, so that whatever is not restored shows.
        let mut other = small_agent(entry, env, model, 9).unwrap();
        advance(other.as_mut());
        let network = weights::load(other.network(), &archive, &device()).unwrap();
        other.restore(network, &archive).unwrap();
        assert_eq!(
            saved(other.as_ref()),
            archive,
            "{at}: restoring is not saving undone"
        );
        for _ in 0..3 {
            assert_eq!(advance(other.as_mut()), advance(agent.as_mut()), "{at}");
        }
        assert_eq!(saved(other.as_ref()), saved(agent.as_ref()), "{at}");
    });
}

#[test]
fn an_agent_does_not_go_on_from_weights_alone() {
    for_agents(|entry, model, env, agent| {
        let archive = weights_of(&agent.network());
        let mut other = small_agent(entry, env, model, 9).unwrap();
        let answer = other.restore(agent.network(), &archive);
        assert!(
            matches!(answer, Err(Error::Checkpoint { .. })),
            "{}: {answer:?}",
            entry.id
        );
    });
}

// --- Ops -------------------------------------------------------------------------------------

/// What an op is run on: networks with wide heads, so that their answers differ from state to state.
struct Bench {
    env: Box<dyn Env>,
    sites: Vec<Site>,
    trained: Evaluator,
    untrained: Evaluator,
    model: &'static ModelEntry,
    /// An agent that searches, where one applies.
    searcher: Option<Box<dyn Agent>>,
}

impl Bench {
    fn new(env: Box<dyn Env>, entry: &'static ModelEntry) -> Self {
        let evaluator = |seed| Evaluator {
            network: small_network(entry, env.as_ref(), seed).unwrap(),
            device: device(),
            edits: Vec::new(),
        };
        let (trained, untrained) = (evaluator(1), evaluator(2));
        let mut searchers = AGENTS.iter().filter(|agent| agent.searches);
        Self {
            searcher: searchers.find_map(|agent| small_agent(agent, env.as_ref(), entry, 1).ok()),
            sites: trained.network.sites(env.space()),
            model: entry,
            env,
            trained,
            untrained,
        }
    }

    /// Runs `op` on `states` with the answers of a fixed generator.
    fn run(
        &self,
        op: &OpEntry,
        parameters: &Value,
        states: Vec<Box<dyn Env>>,
    ) -> Result<Vec<Figure>> {
        let subject = Subject {
            evaluator: self.trained.clone(),
            untrained: self.untrained.clone(),
            sites: &self.sites,
            env: self.env.as_ref(),
            states,
            rng: Rng::new(0),
            lab: self,
            watch: &Counted,
        };
        block_on((op.run)(&subject, parameters))
    }

    fn states(&self, op: &OpEntry) -> Vec<Box<dyn Env>> {
        (0..op.num_states as u64)
            .map(|seed| random_state(self.env.as_ref(), 10 + seed))
            .collect()
    }
}

/// Sees to it that progress never passes its end.
struct Counted;

impl Watch for Counted {
    fn step(&self, done: usize, total: usize) -> Pending<'_, Result<()>> {
        assert!(done <= total && total > 0);
        Box::pin(async { Ok(()) })
    }
}

/// A run of two checkpoints, whose environment has one parameter that changes nothing.
impl Lab for Bench {
    fn checkpoints(&self) -> Vec<(usize, Evaluator)> {
        vec![(0, self.untrained.clone()), (7, self.trained.clone())]
    }

    fn parameters(&self) -> Result<Vec<String>> {
        Ok(vec!["size".into()])
    }

    fn environment(&self, name: &str, _value: f64) -> Result<Box<dyn Env>> {
        assert_eq!(name, "size");
        Ok(self.env.clone())
    }

    fn retrained<'a>(
        &'a self,
        _name: &'a str,
        _value: f64,
        _seed: u64,
        watch: &'a dyn Watch,
    ) -> Pending<'a, Result<Evaluator>> {
        Box::pin(async {
            watch.step(1, 1).await?;
            Ok(self.trained.clone())
        })
    }

    fn twin<'a>(&'a self, _seed: u64, watch: &'a dyn Watch) -> Pending<'a, Result<[Evaluator; 2]>> {
        Box::pin(async {
            watch.step(1, 1).await?;
            Ok([self.untrained.clone(), self.trained.clone()])
        })
    }

    fn updates(&self) -> usize {
        1
    }

    fn fresh(&self, scale: f64, seed: u64) -> Result<Evaluator> {
        let parameters = small_sizes(self.model, self.env.as_ref())?;
        let parameters = self.model.scaled(&parameters, scale);
        let mut rng = Rng::new(seed);
        Ok(Evaluator {
            network: (self.model.make)(&parameters, self.env.space(), &mut rng, &device())?,
            ..self.trained.clone()
        })
    }

    fn score<'a>(&'a self, evaluator: &'a Evaluator) -> Pending<'a, Result<Vec<Number>>> {
        Box::pin(async {
            let answers = evaluator.evaluate(five(self.env.as_ref()), 5).await?;
            Ok(vec![Number::new(
                "first_value",
                "first value",
                answers.values[0].into(),
            )])
        })
    }

    fn explore<'a>(
        &'a self,
        evaluator: &'a Evaluator,
        states: &'a [Box<dyn Env>],
        num_simulations: Option<usize>,
    ) -> Pending<'a, Result<Vec<Explored>>> {
        match &self.searcher {
            Some(agent) => agent.explore(evaluator, states, num_simulations),
            None => Box::pin(async { Err(Error::not_applicable("nothing searches here")) }),
        }
    }
}

fn for_benches(mut check: impl FnMut(&Bench)) {
    for_networks(|_, entry, env, _| check(&Bench::new(env, entry)));
}

fn finite(what: &str, values: impl IntoIterator<Item = f32>) {
    for value in values {
        assert!(value.is_finite(), "{what} holds {value}");
    }
}

fn check_scale(what: &str, scale: &Scale) {
    assert!(!scale.name.is_empty(), "{what}: an axis without a name");
    if let Some((low, high)) = scale.domain {
        assert!(
            low.is_finite() && high.is_finite() && low < high,
            "{what}: {scale:?}"
        );
    }
}

fn check_colour(what: &str, colour: &Colour) {
    let (Colour::Diverging { limit, name } | Colour::Sequential { limit, name }) = colour;
    assert!(
        limit.is_finite() && *limit > 0.0 && !name.is_empty(),
        "{what}: {colour:?}"
    );
}

fn check_number(what: &str, number: &Number) {
    assert!(
        is_snake_case(&number.id) && !number.name.is_empty(),
        "{what}: {number:?}"
    );
    assert!(number.value.is_finite(), "{what}: {number:?}");
    assert!(
        number
            .out_of
            .is_none_or(|total| total.is_finite() && number.value <= total),
        "{what}: {number:?}"
    );
}

/// What holds for every figure, whatever it shows.
fn check_figure(what: &str, figure: &Figure, bench: &Bench) {
    let what = &format!("{what}, {}", figure.title);
    assert!(
        (1..=4).contains(&figure.title.split_whitespace().count()),
        "{what}"
    );
    assert!(is_sentence(&figure.caption), "{what}: {}", figure.caption);
    assert!(
        figure.caption.chars().count() <= 220,
        "{what}: {}",
        figure.caption
    );
    figure
        .numbers
        .iter()
        .for_each(|number| check_number(what, number));
    let known = |site: &str| site.is_empty() || bench.sites.iter().any(|one| one.name == site);
    match &figure.body {
        Body::Heatmap {
            rows,
            columns,
            values,
            colour,
        } => {
            check_scale(what, rows);
            check_scale(what, columns);
            check_colour(what, colour);
            finite(what, values.iter().flatten().copied());
            let count = rows.labels.len().max(1) * columns.labels.len().max(1);
            assert_eq!(values.len() % count, 0, "{what}");
        }
        Body::Maps { panels, colour } => {
            check_colour(what, colour);
            assert!(!panels.is_empty(), "{what}");
            for panel in panels {
                assert!(
                    !panel.name.is_empty() && known(&panel.site),
                    "{what}: {}",
                    panel.name
                );
                assert_eq!(
                    panel.rows * panel.columns,
                    panel.values.len(),
                    "{what}: {}",
                    panel.name
                );
                assert_eq!(
                    panel.labels.len(),
                    panel.values.len(),
                    "{what}: {}",
                    panel.name
                );
                finite(what, panel.values.iter().flatten().copied());
                assert!(
                    panel.values.iter().any(Option::is_some),
                    "{what}: {} is empty",
                    panel.name
                );
            }
        }
        Body::Lines { x, y, series } => {
            check_scale(what, x);
            check_scale(what, y);
            finite(
                what,
                series
                    .iter()
                    .flat_map(|one| &one.points)
                    .flat_map(|&(x, y)| [x, y]),
            );
            assert!(series.iter().all(|one| !one.name.is_empty()), "{what}");
        }
        Body::Bars { x, bars } => {
            check_scale(what, x);
            assert!(!bars.is_empty(), "{what}");
            assert!(
                bars.iter()
                    .all(|bar| !bar.name.is_empty() && known(&bar.site)),
                "{what}"
            );
            finite(
                what,
                bars.iter()
                    .flat_map(|bar| [Some(bar.value), bar.control])
                    .flatten(),
            );
        }
        Body::Table { columns, rows } => {
            assert!(
                !columns.is_empty() && rows.iter().all(|row| row.len() == columns.len()),
                "{what}"
            );
        }
        Body::Graph {
            columns,
            nodes,
            edges,
            colour,
        } => {
            check_colour(what, colour);
            assert!(!nodes.is_empty(), "{what}");
            for node in nodes {
                let is_placed = node.column < columns.len() && !node.name.is_empty();
                assert!(is_placed && known(&node.site), "{what}: {node:?}");
            }
            for edge in edges {
                let [from, to] = [edge.from, edge.to].map(|index| nodes[index].column);
                assert!(from < to && edge.weight.is_finite(), "{what}: {edge:?}");
            }
        }
        Body::Tree { nodes, colour } => {
            check_colour(what, colour);
            assert!(!nodes.is_empty() && nodes[0].parent.is_none(), "{what}");
            for (index, node) in nodes.iter().enumerate() {
                let is_rooted = index == 0 || node.parent.is_some_and(|parent| parent < index);
                assert!(is_rooted && !node.name.is_empty(), "{what}: {node:?}");
                finite(what, [node.value, node.prior].into_iter().flatten());
            }
        }
        Body::Board { values, colour, .. } => {
            check_colour(what, colour);
            assert_eq!(values.len(), bench.env.space().num_actions(), "{what}");
            finite(what, values.iter().flatten().copied());
        }
    }
}

/// Every choice of every enumerated parameter, one at a time; none changed first.
fn choices(schema: &Value) -> Vec<Value> {
    let mut all = vec![json!({})];
    for (name, property) in properties(schema) {
        let variants = property["oneOf"].as_array().cloned().unwrap_or_default();
        all.extend(
            variants
                .iter()
                .map(|variant| json!({ name.clone(): variant["const"] })),
        );
    }
    all
}

/// `chosen` over quick parameters.
fn quick(schema: &Value, chosen: &Value) -> Value {
    let mut parameters = shrunk(schema, 16);
    // A mean over two pairs of boards is one like any other.
    if parameters["pairs"].is_u64() {
        parameters["pairs"] = json!(1);
    }
    for (name, value) in chosen.as_object().unwrap() {
        parameters[name] = value.clone();
    }
    parameters
}

#[test]
fn ops_give_finite_figures_or_say_why_they_do_not_apply() {
    for op in OPS {
        let schema = (op.schema)();
        let mut drawn = 0;
        for_benches(|bench| {
            for chosen in choices(&schema) {
                let what = format!("{} with {chosen}", op.id);
                match bench.run(op, &quick(&schema, &chosen), bench.states(op)) {
                    Ok(figures) => {
                        drawn += 1;
                        assert!(!figures.is_empty(), "{what}");
                        figures
                            .iter()
                            .for_each(|figure| check_figure(&what, figure, bench));
                        let numbers = || figures.iter().flat_map(|figure| &figure.numbers);
                        let ids: BTreeSet<_> = numbers().map(|number| &number.id).collect();
                        assert_eq!(ids.len(), numbers().count(), "{what} gives a number twice");
                    }
                    Err(Error::NotApplicable { why }) => assert!(!why.is_empty(), "{what}"),
                    Err(other) => panic!("{what}: {other}"),
                }
            }
        });
        assert!(drawn > 0, "{} applied to nothing", op.id);
    }
}

#[test]
fn ops_that_ask_for_a_site_take_every_site_and_no_other() {
    for op in OPS {
        let schema = (op.schema)();
        for (name, property) in properties(&schema) {
            if property["x-choices"] != json!("sites") {
                continue;
            }
            // A third of a model's sites in each world, another third in the next.
            let mut worlds: BTreeMap<&str, usize> = BTreeMap::new();
            for_benches(|bench| {
                let world = worlds.entry(bench.model.id).or_default();
                *world += 1;
                let applies = bench.run(op, &quick(&schema, &json!({})), bench.states(op));
                for site in bench.sites.iter().skip(*world % 3).step_by(3) {
                    let what = format!("{} at {}", op.id, site.name);
                    let parameters = quick(&schema, &json!({ name.clone(): site.name }));
                    match bench.run(op, &parameters, bench.states(op)) {
                        // An output has no hidden units, so some ops have nothing to draw there; where
                        // it is for another reason, the site is named, or no site would do.
                        Err(Error::NotApplicable { why }) => assert!(
                            site.is_output()
                                || site.name == "obs"
                                || why.contains(&site.name)
                                || applies.is_err(),
                            "{what}: {why}"
                        ),
                        Err(other) => panic!("{what}: {other}"),
                        Ok(figures) => figures
                            .iter()
                            .for_each(|figure| check_figure(&what, figure, bench)),
                    }
                }
                let parameters = quick(&schema, &json!({ name.clone(): "no.such.site" }));
                let answer = bench.run(op, &parameters, bench.states(op));
                assert!(
                    applies.is_err()
                        || matches!(answer, Err(Error::UnknownId { kind: "site", .. })),
                    "{}",
                    op.id
                );
            });
        }
    }
}

#[test]
fn ops_answer_the_same_question_alike() {
    for op in OPS {
        for_benches(|bench| {
            let ask = || bench.run(op, &shrunk(&(op.schema)(), 16), bench.states(op));
            assert_eq!(ask(), ask(), "{}", op.id);
        });
    }
}

#[test]
fn ops_refuse_too_few_states() {
    for op in OPS.iter().filter(|op| op.num_states > 0) {
        for_benches(|bench| {
            let answer = bench.run(op, &json!({}), Vec::new());
            assert!(
                matches!(answer, Err(Error::NotApplicable { .. })),
                "{}",
                op.id
            );
        });
    }
}

#[test]
fn ops_take_only_the_parameters_of_their_schema() {
    let bench = Bench::new(small_environment(ENVS[0]), MODELS[0]);
    for op in OPS {
        let schema = (op.schema)();
        check_parameters(
            op.id,
            &schema,
            &|value| match bench.run(op, value, bench.states(op)) {
                Err(Error::NotApplicable { .. }) | Ok(_) => Ok(()),
                Err(other) => Err(other),
            },
        );
    }
}

// --- Presets ---------------------------------------------------------------------------------

#[test]
fn presets_name_registered_parts_and_problems() {
    let ids = |room: &str| -> BTreeSet<&str> {
        entries()
            .iter()
            .filter(|entry| entry.0 == room)
            .map(|entry| entry.1)
            .collect()
    };
    for preset in PRESETS {
        assert!(
            ids("environment").contains(preset.environment),
            "{}",
            preset.id
        );
        assert!(ids("model").contains(preset.model), "{}", preset.id);
        assert!(ids("agent").contains(preset.agent), "{}", preset.id);
        assert!(
            !preset.ops.is_empty() && preset.ops.iter().all(|op| ids("op").contains(op)),
            "{}",
            preset.id
        );
        let problem = preset
            .problem
            .strip_prefix("8.")
            .and_then(|number| number.parse::<u8>().ok());
        assert!(
            problem.is_some_and(|number| (1..=21).contains(&number)),
            "{}: {}",
            preset.id,
            preset.problem
        );
        assert!(
            preset.checkpoint_every > 0 && preset.checkpoint_every <= preset.updates,
            "{}",
            preset.id
        );
    }
}

#[test]
fn presets_have_parameters_that_their_parts_accept() {
    for preset in PRESETS {
        let config = RunConfig::of_preset(preset.id, &Map::new(), 0).unwrap();
        let flat = config.flat().unwrap();
        for (scope, values) in (preset.parameters)().as_object().unwrap() {
            for (name, value) in values.as_object().unwrap() {
                assert_eq!(&flat[&format!("{scope}.{name}")], value, "{}", preset.id);
            }
        }
        assert!(flat.values().all(|value| !value.is_null()), "{}", preset.id);
    }
}

fn environment_of(preset: &glassbox::preset::Preset) -> Box<dyn Env> {
    let parameters = (preset.parameters)()["environment"].clone();
    (glassbox::env::entry(preset.environment).unwrap().make)(&parameters).unwrap()
}

#[test]
fn presets_begin_with_two_states_of_their_environment_that_go_on() {
    for preset in PRESETS {
        let states = (preset.states)();
        assert_eq!(states.len(), 2, "{}", preset.id);
        assert_ne!(states[0], states[1], "{}", preset.id);
        for state in states {
            let mut env = environment_of(preset);
            env.set_state(&state).unwrap();
            assert!(!env.outcome().done(), "{}: {state}", preset.id);
        }
    }
}

#[test]
fn presets_claim_scores_that_their_environment_has() {
    for preset in PRESETS {
        let scorer = Scorer::new(environment_of(preset));
        assert!(!preset.claims.is_empty(), "{} claims nothing", preset.id);
        for claim in preset.claims {
            let is_score = |metric: &MetricInfo| metric.id == claim.metric;
            match claim.op {
                // That it gives such a number, the learning tests see.
                Some(op) => {
                    let known = properties(&(glassbox::op::entry(op).unwrap().schema)());
                    let set = claim.parameters().unwrap();
                    let set = set.as_object().unwrap();
                    assert!(set.keys().all(|name| known.contains_key(name)), "{claim:?}");
                    assert!(preset.ops.contains(&op), "{claim:?}");
                }
                None => assert!(scorer.metrics().iter().any(is_score), "{claim:?}"),
            }
            assert!(
                claim.at_most.is_some() || claim.at_least.is_some(),
                "{claim:?} cannot fail"
            );
            assert!(!claim.reason.is_empty(), "{claim:?}");
        }
    }
}

#[test]
fn an_unknown_id_is_answered_with_the_known_ones() {
    let errors = [
        glassbox::env::entry("nonesuch").err(),
        glassbox::model::entry("nonesuch").err(),
        glassbox::agent::entry("nonesuch").err(),
        glassbox::op::entry("nonesuch").err(),
        glassbox::preset::entry("nonesuch").err(),
    ];
    for ((room, known), error) in ["environment", "model", "agent", "op", "preset"]
        .map(|room| {
            (
                room,
                entries()
                    .into_iter()
                    .filter(|e| e.0 == room)
                    .map(|e| e.1.to_owned())
                    .collect(),
            )
        })
        .into_iter()
        .zip(errors)
    {
        let expected = Error::UnknownId {
            kind: room,
            id: "nonesuch".into(),
            allowed: known,
        };
        assert_eq!(error, Some(expected));
    }
}
