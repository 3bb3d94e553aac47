//! Activation steering with a pair of states: the difference of their activations at a site, added or
//! subtracted wherever the agent stands. With cheese and without, it is the cheese vector of the maze-policy
//! follow-up to Langosco et al. (UlisseMini/procgen-tools).

mod carriers;

use super::{
    OpEntry, Subject,
    episodes::{self, Player},
    figure::{Body, Figure, Number, Scale, Series},
    walk,
};
use crate::{
    env::{Env, Placement},
    error::{Error, Result},
    model::{
        Site,
        evaluator::{Evaluator, observations},
        find_site,
        taps::{self, Bank, Edit, EditOp, Select},
    },
    rng::Rng,
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "steer",
    title: "Steer",
    summary: "Adds the difference between two boards' activations wherever the agent stands, and watches where it goes.",
    schema: schema::schema_of::<Parameters>,
    num_states: 2,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "steer")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// The site; the middle hidden one when empty.
    #[schemars(extend("x-choices" = "sites", "x-auto" = "middle hidden one"))]
    pub site: String,
    /// How often the difference, first board less second, is added; negative takes it away.
    #[schemars(range(min = -10.0, max = 10.0))]
    pub strength: f32,
    /// Episodes from the first board for each point of the curve.
    #[schemars(range(min = 1, max = 500))]
    pub episodes: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            site: String::new(),
            strength: 1.5,
            episodes: 50,
        }
    }
}

/// Points of the curve over strengths.
const NUM_STRENGTHS: usize = 9;
/// Random vectors that the control is averaged over.
const NUM_RANDOM: usize = 5;

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let (state, placements) = walk::placements(subject)?;
    if state.outcome().done() {
        return Err(Error::not_applicable(
            "the first board's episode is over; go back a move",
        ));
    }
    let site = match parameters.site.as_str() {
        "" => middle(subject.sites)?,
        name => find_site(subject.sites, name)?,
    };
    let vector = difference(subject, site).await?;
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if norm == 0.0 {
        return Err(Error::not_applicable(format!(
            "both boards have the same activations at {}, so there is no direction between them",
            site.name
        )));
    }
    let mut rng = subject.rng.split("steer");
    let random: Vec<Vec<f32>> = (0..NUM_RANDOM)
        .map(|_| random_vector(vector.len(), norm, &mut rng))
        .collect();
    let mut figures = fields(
        subject,
        parameters,
        (state, &placements),
        site,
        (&vector, &random),
    )
    .await?;
    figures.push(curve(subject, parameters, state, site, (&vector, &random)).await?);
    let found = carriers::find(subject, parameters, (state, &placements), site, &vector).await?;
    figures.extend(found);
    Ok(figures)
}

/// The hidden site in the middle of the network. Errors: `NotApplicable` where there is none.
pub(super) fn middle(sites: &[Site]) -> Result<&Site> {
    let hidden: Vec<&Site> = sites
        .iter()
        .filter(|site| !site.is_output() && site.name != "obs")
        .collect();
    hidden
        .get(hidden.len() / 2)
        .copied()
        .ok_or_else(|| Error::not_applicable("this network has no hidden site"))
}

/// Activations of the first board less those of the second.
async fn difference(subject: &Subject<'_>, site: &Site) -> Result<Vec<f32>> {
    let states = &subject.states;
    let clean = subject.clean();
    let (_, recorded) = clean.record(observations(states), states.len()).await?;
    let rows = recorded.get(&site.name).map_or(&[][..], Vec::as_slice);
    let (first, second) = rows.split_at(rows.len() / 2);
    Ok(first.iter().zip(second).map(|(a, b)| a - b).collect())
}

/// A random direction of length `norm`.
pub(super) fn random_vector(len: usize, norm: f32, rng: &mut Rng) -> Vec<f32> {
    let draw: Vec<f32> = (0..len).map(|_| rng.normal()).collect();
    let found = draw.iter().map(|x| x * x).sum::<f32>().sqrt();
    draw.into_iter()
        .map(|x| x * norm / found.max(f32::MIN_POSITIVE))
        .collect()
}

/// The network with `strength` times `vector` added at a site.
pub(super) fn steered(
    subject: &Subject<'_>,
    site: &Site,
    vector: &[f32],
    strength: f32,
) -> Result<Evaluator> {
    let edit = Edit {
        site: site.name.clone(),
        select: Select::All,
        op: EditOp::Add(vector.iter().map(|x| x * strength).collect()),
    };
    let clean = subject.clean();
    let edits = taps::compile(
        &[edit],
        subject.sites,
        &Bank::new(),
        &mut subject.rng.split("edits"),
        &clean.device,
    )?;
    Ok(Evaluator { edits, ..clean })
}

/// Arrows before, after and between, with how far random vectors of the same length move them.
async fn fields(
    subject: &Subject<'_>,
    parameters: &Parameters,
    (state, placements): (&dyn Env, &[Placement]),
    site: &Site,
    (vector, random): (&[f32], &[Vec<f32>]),
) -> Result<Vec<Figure>> {
    let strength = parameters.strength;
    let before = walk::arrows(&subject.clean(), placements).await?;
    let after = walk::arrows(&steered(subject, site, vector, strength)?, placements).await?;
    let change = walk::change(&before, &after);
    let mut controls = Vec::new();
    for vector in random {
        let other = walk::arrows(&steered(subject, site, vector, strength)?, placements).await?;
        controls.push(walk::mean_length(&walk::change(&before, &other)));
    }
    let numbers = vec![
        Number::new(
            "mean_change",
            "mean change of an arrow",
            walk::mean_length(&change),
        ),
        Number::new(
            "mean_change_random",
            "random vectors of that length",
            episodes::mean(controls.into_iter()),
        )
        .control(),
    ];
    Ok(vec![
        walk::field(
            "Steered",
            &format!(
                "Where the agent would go with {strength} times the difference of the boards added at {}.",
                site.name
            ),
            state,
            &after,
            1.0,
            Vec::new(),
        ),
        walk::field(
            "Difference",
            "What steering adds to each arrow; a cell without one is left as it was.",
            state,
            &change,
            0.5,
            numbers,
        ),
    ])
}

/// Mean return from the first board over strengths, with the vector and with random ones.
async fn curve(
    subject: &Subject<'_>,
    parameters: &Parameters,
    state: &dyn Env,
    site: &Site,
    (vector, random): (&[f32], &[Vec<f32>]),
) -> Result<Figure> {
    let reach = parameters.strength.abs().max(1.0);
    let strengths: Vec<f32> = (0..NUM_STRENGTHS)
        .map(|index| reach * (2.0 * index as f32 / (NUM_STRENGTHS - 1) as f32 - 1.0))
        .collect();
    let total = NUM_STRENGTHS * (1 + NUM_RANDOM) + carriers::STEPS;
    let mut done = 0;
    let mut ours = Vec::new();
    let mut control = Vec::new();
    for &strength in &strengths {
        let mut returns = Vec::new();
        for vector in [vector].into_iter().chain(random.iter().map(Vec::as_slice)) {
            let evaluator = steered(subject, site, vector, strength)?;
            returns.push(mean_return(&evaluator, subject, state, parameters.episodes).await?);
            done += 1;
            subject.step(done, total).await?;
        }
        ours.push((strength, returns[0] as f32));
        let others = episodes::mean(returns[1..].iter().copied());
        control.push((strength, others as f32));
    }
    let at = |points: &[(f32, f32)], strength: f32| {
        let nearest = points
            .iter()
            .min_by(|a, b| (a.0 - strength).abs().total_cmp(&(b.0 - strength).abs()));
        nearest.map_or(0.0, |point| f64::from(point.1))
    };
    let numbers = vec![
        Number::new("return_clean", "return without", at(&ours, 0.0)),
        Number::new(
            "return_steered",
            "return steered",
            at(&ours, parameters.strength),
        ),
        Number::new(
            "return_random",
            "random vectors",
            at(&control, parameters.strength),
        )
        .control(),
    ];
    let series = |name: &str, points, control| Series {
        name: name.into(),
        points,
        control,
    };
    Ok(Figure {
        title: "Return over strength".into(),
        caption:
            "Mean return of episodes from the first board, over how often the vector is added; \
                  random vectors are as long."
                .into(),
        body: Body::Lines {
            x: Scale::numeric("strength", ""),
            y: Scale::numeric("mean return", ""),
            series: vec![
                series("difference of boards", ours, false),
                series("random vectors", control, true),
            ],
        },
        numbers,
    })
}

async fn mean_return(
    evaluator: &Evaluator,
    subject: &Subject<'_>,
    state: &dyn Env,
    count: usize,
) -> Result<f64> {
    let starts = (0..count).map(|_| state.boxed()).collect();
    let player = Player::Network(evaluator);
    let mut rng = subject.rng.split("episodes");
    let played = episodes::play(player, starts, &mut rng, &mut |_, _| {}).await?;
    Ok(episodes::mean_return(&played))
}
