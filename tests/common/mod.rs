//! What the integration tests share: small environments, networks, agents and runs.

// Each test file is a crate of its own and uses a part of this.
#![allow(dead_code)]

pub mod bench;
pub mod golden;

use burn::tensor::Device;
use glassbox::{
    backend,
    env::{self, Env, EnvEntry, legal_actions},
    error::{Error, Result},
    model::{self, ModelEntry, Network, Site, evaluator::Evaluator},
    rng::Rng,
    schema,
    session::{
        Session, block_on,
        config::RunConfig,
        protocol::{Command, Event, ExportKind},
        run::Run,
    },
};
use serde_json::{Map, Value, json};
use std::cell::RefCell;

/// The processor.
pub fn device() -> Device {
    block_on(backend::open(backend::DeviceName::Cpu)).unwrap()
}

/// The properties of a schema.
pub fn properties(schema: &Value) -> Map<String, Value> {
    schema["properties"]
        .as_object()
        .cloned()
        .unwrap_or_default()
}

/// Parameters with every integer at most `limit`, as far as its range allows: quick ones.
pub fn shrunk(schema: &Value, limit: u64) -> Value {
    let mut small = Map::new();
    for (name, property) in properties(schema) {
        if let Some(default) = property["default"].as_u64() {
            let least = property["minimum"].as_u64().unwrap_or(0);
            small.insert(name, json!(default.min(limit.max(least))));
        }
    }
    Value::Object(small)
}

/// The environment `id` in its first state.
pub fn environment(id: &str) -> Box<dyn Env> {
    small_environment(env::entry(id).unwrap())
}

/// Quick parameters of an environment: the smallest that go together.
pub fn small_parameters(entry: &EnvEntry) -> Value {
    let parameters = |limit| shrunk(&(entry.schema)(), limit);
    let fits = |parameters: &Value| (entry.make)(parameters).is_ok();
    (4..10).map(parameters).find(fits).unwrap()
}

/// An environment with quick parameters, in its first state.
pub fn small_environment(entry: &EnvEntry) -> Box<dyn Env> {
    let mut env = (entry.make)(&small_parameters(entry)).unwrap();
    env.reset(&mut Rng::new(0));
    env
}

/// A game of random moves from `start`: all its states, the last one over; of a world that never ends,
/// as many steps as it is watched for.
pub fn random_game(start: &dyn Env, seed: u64) -> Vec<Box<dyn Env>> {
    let mut rng = Rng::new(seed);
    let mut first = start.boxed();
    first.reset(&mut rng);
    let mut states = vec![first];
    let most = start.space().max_steps;
    while let Some(mut env) = states.last().cloned().filter(|env| !env.outcome().done()) {
        if states.len() > most {
            break;
        }
        let legal = legal_actions(env.as_ref());
        env.step(legal[rng.below(legal.len())], &mut rng).unwrap();
        states.push(env);
    }
    states
}

/// A state of a random game that has not ended.
pub fn random_state(start: &dyn Env, seed: u64) -> Box<dyn Env> {
    let states = random_game(start, seed);
    states[Rng::new(seed).split("place").below(states.len() - 1)].clone()
}

/// Activations that a small network has at most, where smaller parameters can bring that about.
const MOST_ACTIVATIONS: usize = 4096;

/// Parameters of a small network of `entry` for `env`, or the reason why it does not apply.
pub fn small_sizes(entry: &ModelEntry, env: &dyn Env) -> Result<Value> {
    let mut parameters = Value::Null;
    for limit in [8, 4, 2] {
        parameters = shrunk(&(entry.schema)(), limit);
        let network = (entry.make)(&parameters, env.space(), &mut Rng::new(0), &device())?;
        let sites = network.sites(env.space());
        if sites.iter().map(Site::len).sum::<usize>() <= MOST_ACTIVATIONS {
            break;
        }
    }
    Ok(parameters)
}

/// A small network of `entry` for `env`, or the reason why it does not apply.
pub fn small_network(entry: &ModelEntry, env: &dyn Env, seed: u64) -> Result<Network> {
    let parameters = small_sizes(entry, env)?;
    (entry.make)(&parameters, env.space(), &mut Rng::new(seed), &device())
}

/// An untrained evaluator of the model `id`, and its sites.
pub fn evaluator(id: &str, env: &dyn Env, seed: u64) -> (Evaluator, Vec<Site>) {
    let network = small_network(model::entry(id).unwrap(), env, seed).unwrap();
    let sites = network.sites(env.space());
    (
        Evaluator {
            network,
            device: device(),
            edits: Vec::new(),
        },
        sites,
    )
}

/// The bits of numbers: equal only if nothing at all differs.
pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Tic-tac-toe AlphaZero made so small that an update takes milliseconds.
pub const TINY: &[&str] = &[
    "updates=4",
    "checkpoint_every=2",
    "model.width=8",
    "model.depth=1",
    "agent.num_games=4",
    "agent.num_simulations=4",
    "agent.play_simulations=4",
    "agent.replay_size=64",
    "agent.batch_size=8",
    "agent.num_steps=2",
];

/// Cart pole with a step so large that the second update's gradients overflow.
pub const DIVERGING: &[&str] = &[
    "updates=8",
    "checkpoint_every=5",
    "model.activation=relu",
    "model.depth=8",
    "agent.num_steps=32",
    "agent.num_minibatches=1",
    "agent.num_epochs=1",
    "agent.anneal=false",
    "agent.learning_rate=1",
];

/// The configuration of a tiny run.
pub fn tiny_config(seed: u64) -> RunConfig {
    let set =
        schema::set_pairs(&TINY.iter().map(|&pair| pair.to_owned()).collect::<Vec<_>>()).unwrap();
    RunConfig::of_preset("tictactoe_alphazero", &set, seed).unwrap()
}

/// A tiny run at update 0.
pub fn tiny_run(seed: u64) -> Run {
    block_on(Run::open(tiny_config(seed), backend::DeviceName::Cpu)).unwrap()
}

/// A session with a tiny run.
pub fn tiny_session(seed: u64) -> Session {
    let mut session = Session::new();
    let set =
        schema::set_pairs(&TINY.iter().map(|&pair| pair.to_owned()).collect::<Vec<_>>()).unwrap();
    let open = json!({"type": "open", "preset": "tictactoe_alphazero", "set": set, "seed": seed});
    ask(&mut session, &open).unwrap();
    session
}

/// What `session` answers to a command, written as the page writes it.
pub fn ask(session: &mut Session, command: &Value) -> Result<Vec<Event>> {
    let command: Command =
        serde_json::from_value(command.clone()).map_err(|why| Error::parse("the command", why))?;
    handle(session, command)
}

/// What `session` answers to `command`.
pub fn handle(session: &mut Session, command: Command) -> Result<Vec<Event>> {
    let events = RefCell::new(Vec::new());
    block_on(session.handle(command, &|event| events.borrow_mut().push(event)))?;
    Ok(events.into_inner())
}

/// The newest state of the session's run as a file.
pub fn export(session: &mut Session, what: ExportKind) -> Vec<u8> {
    let events = handle(
        session,
        Command::Export {
            checkpoint: None,
            what,
        },
    )
    .unwrap();
    match events.into_iter().next() {
        Some(Event::File { bytes, .. }) => bytes,
        other => panic!("no file but {other:?}"),
    }
}
