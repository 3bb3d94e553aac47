//! Goal misgeneralisation (Langosco et al. 2022, Shah et al. 2022): what an agent does on levels like those
//! it was trained on, and on others, over its training or over a parameter of its world.

use super::{
    OpEntry, Subject, Within,
    episodes::{self, Episode, Player},
    figure::{Body, Cell, Figure, Number, Scale, Series},
    occupancy::Counts,
    score::best_return,
    value_map::heatmap,
};
use crate::{
    env::Env,
    error::{Error, Result},
    model::evaluator::Evaluator,
    rng::Rng,
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "misgeneralisation",
    title: "Misgeneralisation",
    summary: "Return and where episodes end, on the levels of training and on others, over training or a parameter.",
    schema: schema::schema_of::<Parameters>,
    num_states: 0,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "misgeneralisation")?;
            run(subject, &parameters).await
        })
    },
};

/// What returns are drawn over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// The run's checkpoints.
    Checkpoints,
    /// A parameter of the environment, met by the agent as it is.
    Parameter,
    /// A parameter of the environment in which another agent is trained each time.
    Training,
}

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// What returns are drawn over.
    pub over: Over,
    /// The environment's parameter, where one is asked for.
    #[schemars(extend("x-choices" = "parameters", "x-auto" = "none"))]
    pub parameter: String,
    /// Its values, separated by commas, such as 1, 2, 4, 8.
    pub values: String,
    /// Agents to train for each value, with seeds of their own.
    #[schemars(range(min = 1, max = 10))]
    pub num_seeds: usize,
    /// Episodes of each return.
    #[schemars(range(min = 10, max = 1000))]
    pub episodes: usize,
    /// The concept to follow through episodes; the environment's first when empty.
    #[schemars(extend("x-choices" = "concepts", "x-auto" = "the first one"))]
    pub concept: String,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            over: Over::Checkpoints,
            parameter: String::new(),
            values: String::new(),
            num_seeds: 1,
            episodes: 100,
            concept: String::new(),
        }
    }
}

/// Most checkpoints that returns are taken of.
const MAX_CHECKPOINTS: usize = 20;

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    if subject.env.space().num_players != 1 {
        return Err(Error::not_applicable(
            "this looks at one player's levels; a game between two has none",
        ));
    }
    match parameters.over {
        Over::Checkpoints => {
            let followed = followed(subject, parameters)?;
            let mut figures = vec![over_checkpoints(subject, parameters).await?];
            figures.extend(episodes_now(subject, parameters, followed).await?);
            Ok(figures)
        }
        Over::Parameter | Over::Training => Ok(vec![over_parameter(subject, parameters).await?]),
    }
}

/// Mean return of `player` on levels of `env` that depend on nothing else.
async fn mean_return(player: Player<'_>, env: &dyn Env, count: usize, rng: &Rng) -> Result<f32> {
    let starts = episodes::levels(env, count, &mut rng.split("levels"));
    let played = episodes::play(player, starts, &mut rng.split("play"), &mut |_, _| {}).await?;
    Ok(episodes::mean_return(&played) as f32)
}

/// What can be had at best on those levels, where it is known.
fn best(env: &dyn Env, count: usize, rng: &Rng) -> Option<f32> {
    let levels = episodes::levels(env, count, &mut rng.split("levels"));
    best_return(&levels).map(|best| best as f32)
}

/// The levels of training and, where there are such, others.
fn distributions(env: &dyn Env) -> Vec<(&'static str, Box<dyn Env>)> {
    let elsewhere = env.elsewhere().map(|env| ("elsewhere", env));
    [("as trained", env.boxed())]
        .into_iter()
        .chain(elsewhere)
        .collect()
}

fn flat(name: &str, value: f32, (from, to): (f32, f32)) -> Series {
    Series {
        name: name.into(),
        points: vec![(from, value), (to, value)],
        control: true,
    }
}

async fn over_checkpoints(subject: &Subject<'_>, parameters: &Parameters) -> Result<Figure> {
    let rng = subject.rng.split("misgeneralisation");
    let all = subject.lab.checkpoints();
    // The last one always: figures are read from their end.
    let every = all.len().div_ceil(MAX_CHECKPOINTS).max(1);
    let kept: Vec<_> = all.into_iter().rev().step_by(every).collect();
    let worlds = distributions(subject.env);
    let total = kept.len() * worlds.len();
    let range = match (kept.last(), kept.first()) {
        (Some(first), Some(last)) => (first.0 as f32, last.0 as f32),
        _ => (0.0, 0.0),
    };
    let (mut series, mut numbers, mut done) = (Vec::new(), Vec::new(), 0);
    for (name, env) in &worlds {
        let mut points = Vec::new();
        for (update, evaluator) in kept.iter().rev() {
            let player = Player::Network(evaluator);
            let value = mean_return(player, env.as_ref(), parameters.episodes, &rng).await?;
            points.push((*update as f32, value));
            done += 1;
            subject.step(done, total).await?;
        }
        series.push(Series {
            name: (*name).into(),
            points,
            control: false,
        });
    }
    for (name, env) in worlds.iter().rev().take(1) {
        let random = mean_return(Player::Random, env.as_ref(), parameters.episodes, &rng).await?;
        series.push(flat("random play", random, range));
        numbers.push(
            Number::new(
                "return_random",
                &format!("random play, {name}"),
                random.into(),
            )
            .control(),
        );
        if let Some(best) = best(env.as_ref(), parameters.episodes, &rng) {
            series.push(flat("best possible", best, range));
        }
    }
    numbers.extend(judged(subject, parameters, &rng).await?);
    Ok(Figure {
        title: "Return over training".into(),
        caption:
            "Mean return of each checkpoint on new levels like those of training and on others; \
                  a gap that stays is a goal that misgeneralised."
                .into(),
        body: Body::Lines {
            x: Scale::numeric("update", ""),
            y: Scale::numeric("mean return", ""),
            series,
        },
        numbers,
    })
}

/// The agent's return as a share of the way from random play to a plain player's: the affinity of Shah
/// et al., where the environment has such a player.
async fn judged(subject: &Subject<'_>, parameters: &Parameters, rng: &Rng) -> Result<Vec<Number>> {
    let mut probe = subject.env.boxed();
    probe.reset(&mut rng.split("probe"));
    if probe.heuristic(&mut rng.split("probe")).is_none() {
        return Ok(Vec::new());
    }
    let (env, count) = (subject.env, parameters.episodes);
    let agent = mean_return(Player::Network(&subject.evaluator), env, count, rng).await?;
    let random = mean_return(Player::Random, env, count, rng).await?;
    let greedy = mean_return(Player::Heuristic, env, count, rng).await?;
    let affinity = match greedy == random {
        true => 0.0,
        false => (agent - random) / (greedy - random),
    };
    Ok(vec![
        Number::new("affinity", "affinity: 0 random, 1 greedy", affinity.into()),
        Number::new("return_greedy", "greedy player", greedy.into()).control(),
    ])
}

/// The concept to follow. Errors: `UnknownId` with those that there are.
fn followed(subject: &Subject<'_>, parameters: &Parameters) -> Result<usize> {
    let concepts = &subject.env.space().concepts;
    let known = || concepts.iter().map(|concept| concept.id.clone()).collect();
    match parameters.concept.as_str() {
        "" if concepts.is_empty() => Err(Error::not_applicable("this environment has no concepts")),
        "" => Ok(0),
        id => concepts
            .iter()
            .position(|concept| concept.id == id)
            .ok_or_else(|| Error::UnknownId {
                kind: "concept",
                id: id.into(),
                allowed: known(),
            }),
    }
}

/// Episodes of one player on one kind of level.
struct Played {
    name: String,
    control: bool,
    episodes: Vec<Episode>,
    /// Mean of the followed concept at each step, over the episodes that got there.
    course: Vec<(f32, f32)>,
}

async fn watch(
    name: String,
    player: Player<'_>,
    env: &dyn Env,
    (count, concept): (usize, usize),
    rng: &Rng,
) -> Result<Played> {
    let starts = episodes::levels(env, count, &mut rng.split("levels"));
    let mut sums: Vec<(f32, usize)> = vec![(0.0, 0); env.space().max_steps + 1];
    let visit = &mut |step: usize, env: &dyn Env| {
        sums[step].0 += env.concepts()[concept];
        sums[step].1 += 1;
    };
    let episodes = episodes::play(player, starts, &mut rng.split("play"), visit).await?;
    // A mean over the few episodes that go on longest would say little.
    let enough = (count / 10).max(1);
    let course = sums
        .iter()
        .enumerate()
        .filter(|(_, (_, seen))| *seen >= enough)
        .map(|(step, (sum, seen))| (step as f32, sum / *seen as f32));
    Ok(Played {
        name,
        control: !matches!(player, Player::Network(_)),
        course: course.collect(),
        episodes,
    })
}

/// How the agent as it is plays: the course of a concept, its end, and where episodes end.
async fn episodes_now(
    subject: &Subject<'_>,
    parameters: &Parameters,
    concept: usize,
) -> Result<Vec<Figure>> {
    let rng = subject.rng.split("episodes");
    let what = (parameters.episodes, concept);
    let mut played = Vec::new();
    for (name, env) in distributions(subject.env) {
        let player = Player::Network(&subject.evaluator);
        played.push(watch(name.into(), player, env.as_ref(), what, &rng).await?);
        let name = format!("random play, {name}");
        played.push(watch(name, Player::Random, env.as_ref(), what, &rng).await?);
    }
    let concepts = &subject.env.space().concepts;
    let followed = &concepts[concept];
    let series = played.iter().map(|one| Series {
        name: one.name.clone(),
        points: one.course.clone(),
        control: one.control,
    });
    let ends = |one: &Played, concept: usize| {
        episodes::mean(
            one.episodes
                .iter()
                .map(|episode| f64::from(episode.last.concepts()[concept])),
        )
    };
    let ids = [
        "end_train",
        "end_train_random",
        "end_test",
        "end_test_random",
    ];
    let numbers = played.iter().zip(ids).map(|(one, id)| {
        let number = Number::new(id, &format!("at the end, {}", one.name), ends(one, concept));
        match one.control {
            true => number.control(),
            false => number,
        }
    });
    let mut figures = vec![Figure {
        title: "Over an episode".into(),
        caption: format!(
            "Mean of the concept {} at each step of an episode, over those that go on: {}",
            followed.id, followed.summary
        ),
        body: Body::Lines {
            x: Scale::numeric("step", ""),
            y: Scale::numeric(&followed.id, ""),
            series: series.collect(),
        },
        numbers: numbers.collect(),
    }];
    figures.push(Figure {
        title: "When episodes end".into(),
        caption: "Mean of every concept in the last state of an episode, and how episodes went."
            .into(),
        body: Body::Table {
            columns: ["mean of"]
                .into_iter()
                .chain(played.iter().map(|one| one.name.as_str()))
                .map(str::to_owned)
                .collect(),
            rows: table(&played, subject),
        },
        numbers: Vec::new(),
    });
    if subject.env.agent_cell().is_some() && !subject.env.space().continuing {
        for (one, title) in played
            .iter()
            .filter(|one| !one.control)
            .zip(["Ends, as trained", "Ends elsewhere"])
        {
            let mut counts = Counts::new(subject.env)?;
            one.episodes
                .iter()
                .for_each(|episode| counts.add(episode.last.as_ref()));
            figures.push(heatmap(
                title,
                "Share of episodes that ended, or were cut, with the agent on each cell, over many levels.",
                counts.shares(),
                "share of episodes",
                Vec::new(),
            ));
        }
    }
    Ok(figures)
}

fn table(played: &[Played], subject: &Subject<'_>) -> Vec<Vec<Cell>> {
    let row = |name: &str, of: &dyn Fn(&Episode) -> f64| {
        let mut cells = vec![Cell::Text(name.into())];
        cells.extend(
            played
                .iter()
                .map(|one| Cell::Number(episodes::mean(one.episodes.iter().map(of)))),
        );
        cells
    };
    let mut rows = vec![
        row("return", &|one| one.total),
        row("steps", &|one| one.length as f64),
        row("share ended by the rules", &|one| {
            f64::from(u8::from(one.terminated))
        }),
    ];
    for (index, concept) in subject.env.space().concepts.iter().enumerate() {
        rows.push(row(&concept.id, &|one| {
            f64::from(one.last.concepts()[index])
        }));
    }
    rows
}

async fn over_parameter(subject: &Subject<'_>, parameters: &Parameters) -> Result<Figure> {
    let p = parameters;
    let known = subject.lab.parameters()?;
    if !known.contains(&p.parameter) {
        return Err(Error::not_applicable(format!(
            "\"{}\" is no numeric parameter of this environment; name one of {}",
            p.parameter,
            known.join(", ")
        )));
    }
    let rng = subject.rng.split("misgeneralisation");
    let is_training = p.over == Over::Training;
    let num_seeds = if is_training { p.num_seeds } else { 1 };
    let updates = subject.lab.updates();
    let mut series: Vec<Series> = Vec::new();
    let mut add = |name: &str, control: bool, point: (f32, f32)| {
        if let Some(one) = series.iter_mut().find(|one| one.name == name) {
            return one.points.push(point);
        }
        series.push(Series {
            name: name.into(),
            points: vec![point],
            control,
        });
    };
    let values = values(p, subject)?;
    let (mut gaps, mut done) = (Vec::new(), 0);
    for &value in &values {
        let env = subject.lab.environment(&p.parameter, value)?;
        let mut returns = vec![Vec::new(); 2];
        for seed in 0..num_seeds as u64 {
            let before = done * updates;
            let total = values.len() * num_seeds * updates;
            let watch = Within {
                watch: subject.watch,
                before,
                total,
            };
            let evaluator: Evaluator = match is_training {
                true => {
                    let lab = subject.lab;
                    lab.retrained(&p.parameter, value, seed, &watch).await?
                }
                false => subject.evaluator.clone(),
            };
            done += 1;
            subject.step(done * updates, total).await?;
            for ((_, env), returns) in distributions(env.as_ref()).iter().zip(&mut returns) {
                let player = Player::Network(&evaluator);
                returns.push(mean_return(player, env.as_ref(), p.episodes, &rng).await?);
            }
        }
        let mean = |returns: &[f32]| returns.iter().sum::<f32>() / returns.len() as f32;
        let x = value as f32;
        for ((name, _), returns) in distributions(env.as_ref()).iter().zip(&returns) {
            // The agent as it is was trained on one value alone: elsewhere is the same for all.
            if is_training || *name == "as trained" {
                add(name_of(is_training, name), false, (x, mean(returns)));
            }
        }
        if !returns[1].is_empty() {
            gaps.push(f64::from(mean(&returns[0]) - mean(&returns[1])));
        }
        let shown = env.elsewhere().filter(|_| is_training).unwrap_or(env);
        let random = mean_return(Player::Random, shown.as_ref(), p.episodes, &rng).await?;
        add("random play", true, (x, random));
        if let Some(best) = best(shown.as_ref(), p.episodes, &rng) {
            add("best possible", true, (x, best));
        }
    }
    let mut numbers = Vec::new();
    if let ([first, ..], Some(last)) = (gaps.as_slice(), gaps.last())
        && is_training
    {
        numbers.push(Number::new("gap_first", "gap at the first value", *first));
        numbers.push(Number::new("gap_last", "gap at the last value", *last));
    }
    Ok(Figure {
        title: "Return over parameter".into(),
        caption: if is_training {
            format!(
                "Mean return of agents trained with each value of {}, on levels like those of their \
                 training and elsewhere; controls are elsewhere.",
                p.parameter
            )
        } else {
            format!(
                "Mean return of this agent on levels with each value of {}, whatever it was trained on.",
                p.parameter
            )
        },
        body: Body::Lines {
            x: Scale::numeric(&p.parameter, ""),
            y: Scale::numeric("mean return", ""),
            series,
        },
        numbers,
    })
}

fn name_of(is_training: bool, name: &'static str) -> &'static str {
    match is_training {
        true => name,
        false => "this agent",
    }
}

/// The parameter's values. Errors: `Parameter` for fewer than two, for what is no number, and for what the
/// environment does not take.
fn values(parameters: &Parameters, subject: &Subject<'_>) -> Result<Vec<f64>> {
    let read = |text: &str| text.trim().parse::<f64>().ok().filter(|x| x.is_finite());
    let found: Option<Vec<f64>> = parameters.values.split(',').map(read).collect();
    let values = found
        .filter(|values| values.len() > 1)
        .ok_or_else(|| Error::Parameter {
            name: "misgeneralisation.values".into(),
            got: format!("\"{}\"", parameters.values),
            allowed: "two or more numbers separated by commas, such as 1, 2, 4, 8".into(),
        })?;
    for &value in &values {
        subject.lab.environment(&parameters.parameter, value)?;
    }
    Ok(values)
}
