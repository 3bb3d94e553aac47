//! Non-negative matrix factorisation of a site's activations over many states (McGrath et al. 2022,
//! arXiv:2111.09259; Hilton et al. 2020, "Understanding RL Vision"): units that are active together.
//!
//! Explained variance is taken about each unit's mean, so that the mean alone explains nothing.

use super::{
    OpEntry, Subject,
    figure::{Body, Cell, Colour, Figure, Number, Scale, Series},
    hals::{self, Factorisation, Search},
    layout,
    linear::Matrix,
    reference_states,
    samples::{self, Facts},
};
use crate::{
    env::Env,
    error::{Error, Result},
    model::Site,
    rng::Rng,
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "nmf",
    title: "Factorise activations",
    summary: "Takes a site's activations over many states apart into a few groups of units that are active together.",
    schema: schema::schema_of::<Parameters>,
    num_states: 0,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "nmf")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// The site; the last one before the heads when empty.
    #[schemars(extend("x-choices" = "sites", "x-auto" = "last before the heads"))]
    pub site: String,
    /// Factors; 0 tries 1 to 16 and shows the fewest that explain four fifths of the variance, or else all.
    #[schemars(range(max = 64), extend("x-auto" = "enough for four fifths"))]
    pub rank: usize,
    /// Random starts of each factorisation, of which the best is kept.
    #[schemars(range(min = 1, max = 20))]
    pub restarts: usize,
    /// States to factorise over, or as many as fill 8,192 rows on a grid, where each cell is one.
    #[schemars(range(min = 16, max = 4096))]
    pub states: usize,
    /// What becomes of activations below zero, which no factors can make.
    pub negative: Negative,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            site: String::new(),
            rank: 0,
            restarts: 2,
            states: 512,
            negative: Negative::Refuse,
        }
    }
}

/// What becomes of negative activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Negative {
    /// A site that has any is refused.
    Refuse,
    /// They count as zero.
    PositivePart,
}

/// Ranks that are tried where none is chosen.
const RANKS: [usize; 5] = [1, 2, 4, 8, 16];
/// The share of variance at which factors are enough.
const ENOUGH: f64 = 0.8;
/// Factors of which the board that excites them most is drawn.
const NUM_BOARDS: usize = 4;
/// Factors that are drawn on each of these boards.
const NUM_MAPS: usize = 8;

/// What is taken apart, and its two controls.
struct Data {
    trained: Matrix,
    /// Each column of it in an order of its own: the same units, but not together.
    shuffled: Matrix,
    untrained: Matrix,
}

/// A rank's factorisations and the shares of variance that they explain; none where nothing varies.
struct Fit {
    rank: usize,
    trained: Factorisation,
    untrained: Factorisation,
    explained: f64,
    shuffled: Option<f64>,
    of_untrained: Option<f64>,
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let site = samples::choose(subject, &parameters.site)?;
    let count = samples::num_states(site, parameters.states);
    let mut rng = subject.rng.split("reference");
    let states = reference_states(subject.env, count, &mut rng);
    let data = data(subject, parameters, site, &states).await?;
    let most = data.trained.rows.min(data.trained.columns);
    let ranks: Vec<usize> = match parameters.rank {
        0 => RANKS.into_iter().filter(|rank| *rank <= most).collect(),
        rank if rank <= most => vec![rank],
        rank => {
            return Err(Error::Parameter {
                name: "nmf.rank".into(),
                got: rank.to_string(),
                allowed: format!("0 to {most} at {}", site.name),
            });
        }
    };
    let mut fits = Vec::with_capacity(ranks.len());
    let total = ranks.iter().sum();
    let mut done = 0;
    for rank in ranks {
        fits.push(fit(&data, rank, parameters.restarts, &subject.rng));
        done += rank;
        subject.step(done, total).await?;
    }
    let mut figures = Vec::new();
    if parameters.rank == 0 {
        figures.push(curve(&fits, site));
    }
    let enough = fits.iter().position(|fit| fit.explained >= ENOUGH);
    let shown = &fits[enough.unwrap_or(fits.len() - 1)];
    figures.push(factors(shown, site, states.len()));
    let scores = by_state(&shown.trained, samples::cells(site));
    figures.push(table(shown, site, &states, &scores));
    let excited: Vec<usize> = scores
        .iter()
        .take(NUM_BOARDS)
        .map(|scores| samples::highest(scores))
        .collect();
    figures.extend(maps(&shown.trained, site, &excited));
    for (factor, &state) in excited.iter().enumerate() {
        let caption = format!(
            "The one of {} boards on which factor {} of {} is strongest, with the agent's policy.",
            states.len(),
            factor + 1,
            site.name
        );
        let title = format!("Factor {} excited most", factor + 1);
        let state = states[state].as_ref();
        figures.push(samples::board(title, caption, &subject.evaluator, state).await?);
    }
    Ok(figures)
}

/// Activations of the network, shuffled and before training. Errors: `NotApplicable` where there are
/// negative ones, or nothing varies.
async fn data(
    subject: &Subject<'_>,
    parameters: &Parameters,
    site: &Site,
    states: &[Box<dyn Env>],
) -> Result<Data> {
    let mut trained = samples::sample(&subject.evaluator, site, states).await?;
    let mut untrained = samples::sample(&subject.untrained, site, states).await?;
    let is_negative = trained.values.iter().any(|x| *x < 0.0);
    if is_negative && parameters.negative == Negative::Refuse {
        return Err(Error::not_applicable(format!(
            "{} has negative activations, which no factors can make; choose a site after a ReLU, or take \
             the positive part",
            site.name
        )));
    }
    for matrix in [&mut trained, &mut untrained] {
        matrix.values.iter_mut().for_each(|x| *x = x.max(0.0));
    }
    if trained.spread() == 0.0 {
        return Err(samples::constant(site));
    }
    let shuffled = shuffled(&trained, &mut subject.rng.split("shuffled"));
    Ok(Data {
        trained,
        shuffled,
        untrained,
    })
}

/// Each column in an order of its own.
fn shuffled(matrix: &Matrix, rng: &mut Rng) -> Matrix {
    let mut shuffled = matrix.clone();
    for column in 0..matrix.columns {
        let places = || (column..matrix.values.len()).step_by(matrix.columns);
        let mut values: Vec<f32> = places().map(|place| matrix.values[place]).collect();
        rng.shuffle(&mut values);
        places()
            .zip(values)
            .for_each(|(place, value)| shuffled.values[place] = value);
    }
    shuffled
}

fn fit(data: &Data, rank: usize, restarts: usize, rng: &Rng) -> Fit {
    let search = Search {
        rank,
        restarts,
        max_sweeps: 200,
        tolerance: 2e-5,
    };
    let rng = rng.split(&format!("factors {rank}"));
    let factorise = |matrix| hals::factorise(matrix, search, &mut rng.clone());
    let explained = |matrix: &Matrix, found: &Factorisation| {
        let spread = matrix.spread();
        (spread > 0.0).then(|| 1.0 - found.error() / spread)
    };
    let (trained, untrained) = (factorise(&data.trained), factorise(&data.untrained));
    Fit {
        rank,
        explained: explained(&data.trained, &trained).unwrap_or(0.0),
        shuffled: explained(&data.shuffled, &factorise(&data.shuffled)),
        of_untrained: explained(&data.untrained, &untrained),
        trained,
        untrained,
    }
}

/// Explained variance against rank.
fn curve(fits: &[Fit], site: &Site) -> Figure {
    let series = |name: &str, control, of: &dyn Fn(&Fit) -> Option<f64>| Series {
        name: name.into(),
        points: fits
            .iter()
            .filter_map(|fit| Some((fit.rank as f32, of(fit)? as f32)))
            .collect(),
        control,
    };
    let all = [
        series("this network", false, &|fit| Some(fit.explained)),
        series("untrained", true, &|fit| fit.of_untrained),
        series("units shuffled", true, &|fit| fit.shuffled),
    ];
    Figure {
        title: "Explained variance".into(),
        caption: format!(
            "Share of the variance of {} that so many factors explain; in the shuffled control units are as \
             they were, but not together.",
            site.name
        ),
        body: Body::Lines {
            x: Scale::numeric("factors", ""),
            y: Scale::numeric("explained variance", ""),
            series: all
                .into_iter()
                .filter(|one| !one.points.is_empty())
                .collect(),
        },
        numbers: Vec::new(),
    }
}

/// The weight of each unit in each factor.
fn factors(fit: &Fit, site: &Site, num_states: usize) -> Figure {
    let factors = &fit.trained.factors;
    let axis = site.axes.first();
    let labels = axis.map_or_else(Vec::new, |axis| axis.labels.clone());
    let labels = if labels.len() == factors.columns {
        labels
    } else {
        Vec::new()
    };
    let columns = Scale {
        name: axis.map_or_else(|| "unit".into(), |axis| axis.name.clone()),
        labels,
        ..Scale::default()
    };
    let mut numbers = vec![
        Number::new("rank", "factors", fit.rank as f64),
        Number::new("explained_variance", "variance explained", fit.explained),
    ];
    let controls = [
        (
            "explained_variance_untrained",
            "untrained",
            fit.of_untrained,
        ),
        (
            "explained_variance_shuffled",
            "units shuffled",
            fit.shuffled,
        ),
    ];
    for (id, name, value) in controls {
        numbers.extend(value.map(|value| Number::new(id, name, value).control()));
    }
    Figure {
        title: "Factors".into(),
        caption: format!(
            "What belongs to each factor of {}, as a share of the factor's largest weight, over {num_states} \
             states; the factor with most of the activation is on top.",
            site.name
        ),
        body: Body::Heatmap {
            rows: Scale::labelled("factor", (1..=fit.rank).map(|k| k.to_string()).collect()),
            columns,
            values: factors.values.iter().map(|x| Some(*x)).collect(),
            colour: Colour::Sequential {
                limit: 1.0,
                name: "weight".into(),
            },
        },
        numbers,
    }
}

/// How strong each factor is in each state: at its strongest cell. `[factor][state]`.
fn by_state(found: &Factorisation, cells: usize) -> Vec<Vec<f32>> {
    let scores = |factor| {
        let weights: Vec<f32> = found.weights_of(factor).collect();
        let strongest = |state: &[f32]| state.iter().fold(0.0_f32, |top, x| top.max(*x));
        weights.chunks_exact(cells).map(strongest).collect()
    };
    (0..found.factors.rows).map(scores).collect()
}

/// What each factor is made of and what it follows.
fn table(fit: &Fit, site: &Site, states: &[Box<dyn Env>], scores: &[Vec<f32>]) -> Figure {
    let found = &fit.trained;
    let facts = Facts::new(states);
    let total = |factor: usize| {
        let columns: f32 = found.factors.row(factor).iter().sum();
        f64::from(columns) * found.weights_of(factor).map(f64::from).sum::<f64>()
    };
    let all: f64 = (0..fit.rank).map(total).sum();
    let row = |factor: usize| {
        let best = samples::highest(found.factors.row(factor));
        let top = samples::highest(&scores[factor]);
        let most = scores[factor][top];
        let active = scores[factor].iter().filter(|x| **x > 0.1 * most).count();
        let mut cells = vec![
            Cell::Text((factor + 1).to_string()),
            Cell::Number(total(factor) / all.max(f64::MIN_POSITIVE)),
            Cell::Number(active as f64 / states.len() as f64),
            Cell::Text(samples::column_name(site, best)),
        ];
        if let Some(followed) = facts.best(&scores[factor]) {
            cells.push(Cell::Text(followed.concept));
            cells.push(Cell::Number(followed.correlation.into()));
        }
        cells
    };
    let rows: Vec<Vec<Cell>> = (0..fit.rank).map(row).collect();
    let columns = [
        "factor",
        "share",
        "active in",
        "led by",
        "concept",
        "correlation",
    ];
    let width = rows.first().map_or(columns.len(), Vec::len);
    let before = by_state(&fit.untrained, samples::cells(site));
    let numbers = [
        facts.mean_of_best(scores.iter()).map(|value| {
            Number::new(
                "mean_concept_correlation",
                "best concept, mean over factors",
                value,
            )
        }),
        facts.mean_of_best(before.iter()).map(|value| {
            Number::new("mean_concept_correlation_untrained", "untrained", value).control()
        }),
    ];
    Figure {
        title: "Factors and concepts".into(),
        caption: "Each factor's share of all activation, the share of states where it is above a tenth of \
                  its most, its largest weight, and the concept that it correlates with best."
            .into(),
        body: Body::Table {
            columns: columns[..width].iter().map(|&name| name.into()).collect(),
            rows,
        },
        numbers: numbers.into_iter().flatten().collect(),
    }
}

/// On a grid: each factor on the cells of the boards that excite one most; none elsewhere.
fn maps(found: &Factorisation, site: &Site, excited: &[usize]) -> Option<Figure> {
    let cells = samples::cells(site);
    let rank = found.factors.rows;
    let mut panels = Vec::new();
    for (board, &state) in excited.iter().enumerate() {
        for factor in 0..rank.min(NUM_MAPS) {
            let weights: Vec<f32> = found.weights_of(factor).collect();
            let most = weights.iter().fold(f32::MIN_POSITIVE, |top, x| top.max(*x));
            let here = &weights[state * cells..(state + 1) * cells];
            let values: Vec<Option<f32>> = here.iter().map(|x| Some(x / most)).collect();
            let mut panel = layout::cells(site, &values)?;
            panel.name = format!("board {}, factor {}", board + 1, factor + 1);
            panels.push(panel);
        }
    }
    Some(Figure {
        title: "Factors on boards".into(),
        caption: format!(
            "Where each factor of {} is active on the boards below, as a share of its most anywhere; board \
             1 is the one that excites factor 1 most, and so on.",
            site.name
        ),
        body: Body::Maps {
            panels,
            colour: Colour::Sequential {
                limit: 1.0,
                name: "share of its most".into(),
            },
        },
        numbers: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix() -> Matrix {
        // Three units that are active together, and one by itself.
        let rows = (0..20).map(|row| [(row % 5) as f32, (row % 4) as f32]);
        Matrix::new(
            rows.flat_map(|[a, b]| [a, 2.0 * a, 0.5 * a, b]).collect(),
            4,
        )
    }

    #[test]
    fn shuffling_keeps_each_unit_and_parts_it_from_the_others() {
        let (before, after) = (matrix(), shuffled(&matrix(), &mut Rng::new(0)));
        for column in 0..4 {
            let sorted = |matrix: &Matrix| {
                let mut values: Vec<f32> = matrix.each_row().map(|row| row[column]).collect();
                values.sort_by(f32::total_cmp);
                values
            };
            assert_eq!(sorted(&before), sorted(&after));
        }
        assert!(after.each_row().any(|row| row[1] != 2.0 * row[0]));
    }

    #[test]
    fn two_factors_explain_what_is_together_and_less_once_it_is_shuffled() {
        let trained = matrix();
        let data = Data {
            shuffled: shuffled(&trained, &mut Rng::new(0)),
            untrained: Matrix::new(vec![1.0; 80], 4),
            trained,
        };
        let fit = fit(&data, 2, 3, &Rng::new(0));
        assert!(fit.explained > 0.99, "{}", fit.explained);
        assert!(fit.shuffled.unwrap() < 0.9, "{:?}", fit.shuffled);
        assert_eq!(fit.of_untrained, None, "nothing varies there");
    }
}
