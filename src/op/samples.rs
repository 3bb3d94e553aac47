//! A site's activations over many states as a matrix, and what its directions have to do with the game:
//! the concept that each follows, and the boards at its ends.

use super::{
    Subject,
    ablate::last_hidden,
    figure::{Body, Colour, Figure},
    layout,
    linear::Matrix,
    value_map::correlation,
};
use crate::{
    backend,
    env::Env,
    error::{Error, Result},
    model::{
        Site,
        evaluator::{Answers, Evaluator, masked_softmax, observations},
        find_site,
        taps::Taps,
    },
};

/// The site called `name`, or the last one before the heads.
pub(super) fn choose<'a>(subject: &Subject<'a>, name: &str) -> Result<&'a Site> {
    match name {
        "" => Ok(last_hidden(subject.sites)),
        name => find_site(subject.sites, name),
    }
}

/// Cells of a site that has cells or other places, and 1 elsewhere.
pub(super) fn cells(site: &Site) -> usize {
    site.places().iter().map(|axis| axis.len).product()
}

/// Rows at most, states times cells: more would keep a page waiting.
const MAX_ROWS: usize = 8192;

/// How many states to sample at `site` when `asked` for so many.
pub(super) fn num_states(site: &Site, asked: usize) -> usize {
    asked.min(MAX_ROWS / cells(site)).max(2)
}

/// What a column of a site's matrix is called: a channel of a grid, a unit elsewhere.
pub(super) fn column_name(site: &Site, column: usize) -> String {
    let axes = site.axes.iter().filter(|axis| !axis.is_place()).cloned();
    let columns = Site::new(site.name.clone(), axes.collect(), site.stage);
    layout::element_name(&columns, column)
}

/// Activations of `states` at `site`: a row a state and a column a unit, or on a grid a row each cell of
/// a state and a column a channel.
pub(super) async fn sample(
    evaluator: &Evaluator,
    site: &Site,
    states: &[Box<dyn Env>],
) -> Result<Matrix> {
    if states.len() < 2 {
        return Err(Error::not_applicable(
            "this environment has too few states to compare",
        ));
    }
    let (_, mut recorded) = evaluator.record(observations(states), states.len()).await?;
    let values = recorded.remove(&site.name).unwrap_or_default();
    let cells = cells(site);
    let columns = site.len() / cells;
    let turned = values.chunks_exact(site.len()).flat_map(|state| {
        let cell = move |cell: usize| state.iter().skip(cell).step_by(cells).copied();
        (0..cells).flat_map(cell)
    });
    Ok(Matrix::new(turned.collect(), columns))
}

/// States of a pass over many: more would fill a page's memory.
const CHUNK: usize = 512;

/// Activations of any number of `states` at `site`, `[state × element]`.
pub(super) async fn activations(
    evaluator: &Evaluator,
    site: &Site,
    states: &[Box<dyn Env>],
) -> Result<Vec<f32>> {
    let mut found = Vec::with_capacity(states.len() * site.len());
    for chunk in states.chunks(CHUNK) {
        let seen = observations(chunk);
        let shape = [chunk.len(), seen.len() / chunk.len()];
        let input = backend::tensor(seen, shape, &evaluator.device); // [state, observation]
        let mut taps = Taps::edit(evaluator.edits.clone()).recording();
        evaluator.network.forward(input, &mut taps);
        if let Some(rows) = taps.get(&site.name) {
            found.extend(backend::read(rows.clone()).await?);
        }
    }
    Ok(found)
}

/// Answers to any number of `states`.
pub(super) async fn answers(evaluator: &Evaluator, states: &[Box<dyn Env>]) -> Result<Answers> {
    let mut all = Answers {
        logits: Vec::new(),
        values: Vec::with_capacity(states.len()),
    };
    for chunk in states.chunks(CHUNK) {
        let answers = evaluator.evaluate_states(chunk).await?;
        all.logits.extend(answers.logits);
        all.values.extend(answers.values);
    }
    Ok(all)
}

/// How strongly one unit answers to each state, from activations `[state × element]` of its site: of a
/// channel on a grid, its largest activation over the cells.
pub(super) fn responses(rows: &[f32], site: &Site, unit: usize) -> Vec<f32> {
    let cells = cells(site);
    let of = |row: &[f32]| {
        let own = row[unit * cells..(unit + 1) * cells].iter();
        own.fold(f32::NEG_INFINITY, |top, x| top.max(*x))
    };
    rows.chunks_exact(site.len()).map(of).collect()
}

/// The unit, or the channel of a grid, called `unit`; of −1, the one whose answers to the states vary most.
/// Errors: `Parameter` for a unit that the site lacks, `NotApplicable` for one that never varies.
pub(super) fn unit(site: &Site, unit: i64, rows: &[f32]) -> Result<usize> {
    let count = site.len() / cells(site);
    let spread = |unit: usize| Matrix::new(responses(rows, site, unit), 1).spread();
    let chosen = match usize::try_from(unit) {
        Ok(unit) if unit < count => unit,
        Ok(_) => {
            return Err(Error::Parameter {
                name: "unit".into(),
                got: unit.to_string(),
                allowed: format!("0 to {} at {}, or −1", count - 1, site.name),
            });
        }
        Err(_) => {
            (0..count)
                .map(|unit| (unit, spread(unit)))
                .fold(
                    (0, -1.0),
                    |best, one| if one.1 > best.1 { one } else { best },
                )
                .0
        }
    };
    match spread(chosen) > 0.0 {
        true => Ok(chosen),
        false => Err(Error::not_applicable(format!(
            "{} of {} is the same in every state",
            column_name(site, chosen),
            site.name
        ))),
    }
}

/// The refusal of a site that never varies.
pub(super) fn constant(site: &Site) -> Error {
    Error::not_applicable(format!(
        "{} is the same in every state, so there is nothing to take apart",
        site.name
    ))
}

/// Concepts of some states, by concept.
pub(super) struct Facts {
    names: Vec<String>,
    columns: Vec<Vec<f32>>,
}

/// The concept that something follows best.
pub(super) struct Followed {
    /// Its id.
    pub concept: String,
    /// Pearson's correlation with it.
    pub correlation: f32,
}

impl Facts {
    /// The concepts of `states`.
    pub fn new(states: &[Box<dyn Env>]) -> Self {
        let concepts = states.first().map(|state| &state.space().concepts);
        let names: Vec<String> = concepts
            .into_iter()
            .flatten()
            .map(|concept| concept.id.clone())
            .collect();
        let mut columns = vec![Vec::with_capacity(states.len()); names.len()];
        for state in states {
            let values = state.concepts();
            let places = columns.iter_mut().zip(values);
            places.for_each(|(column, value)| column.push(value));
        }
        Self { names, columns }
    }

    /// Ids of the concepts.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Pearson's correlation of `scores` (one a state) with each concept.
    pub fn all(&self, scores: &[f32]) -> Vec<Followed> {
        let pairs = self.names.iter().zip(&self.columns);
        let follow = |(name, column): (&String, &Vec<f32>)| Followed {
            concept: name.clone(),
            correlation: correlation(scores, column),
        };
        pairs.map(follow).collect()
    }

    /// The concept that `scores` (one a state) follow best, up or down; none where there are none.
    pub fn best(&self, scores: &[f32]) -> Option<Followed> {
        self.all(scores).into_iter().reduce(|best, one| {
            if one.correlation.abs() > best.correlation.abs() {
                one
            } else {
                best
            }
        })
    }

    /// Mean of each concept over the states at `places`.
    pub fn means(&self, places: &[usize]) -> Vec<f64> {
        let count = places.len().max(1) as f64;
        let mean = |column: &Vec<f32>| {
            places
                .iter()
                .map(|&place| f64::from(column[place]))
                .sum::<f64>()
                / count
        };
        self.columns.iter().map(mean).collect()
    }

    /// Mean of the best absolute correlation over several scores; none without concepts.
    pub fn mean_of_best<'a>(&self, all: impl Iterator<Item = &'a Vec<f32>>) -> Option<f64> {
        let best: Option<Vec<f64>> = all
            .map(|scores| Some(f64::from(self.best(scores)?.correlation.abs())))
            .collect();
        let best = best.filter(|best| !best.is_empty())?;
        Some(best.iter().sum::<f64>() / best.len() as f64)
    }
}

/// The place of the largest score; the first of equals.
pub(super) fn highest(scores: &[f32]) -> usize {
    (1..scores.len()).fold(0, |best, place| {
        if scores[place] > scores[best] {
            place
        } else {
            best
        }
    })
}

/// A state with the network's policy on it.
pub(super) async fn board(
    title: String,
    caption: String,
    evaluator: &Evaluator,
    state: &dyn Env,
) -> Result<Figure> {
    let answers = evaluator.evaluate_states(&[state.boxed()]).await?;
    let mut legal = vec![false; state.space().num_actions()];
    state.legal(&mut legal);
    let policy = masked_softmax(answers.logits_of(0), &legal);
    let values = policy.into_iter().zip(legal);
    Ok(Figure {
        title,
        caption,
        body: Body::Board {
            scene: state.scene(),
            state: Some(state.state()),
            values: values
                .map(|(value, legal)| legal.then_some(value))
                .collect(),
            colour: Colour::Sequential {
                limit: 1.0,
                name: "probability".into(),
            },
        },
        numbers: Vec::new(),
    })
}
