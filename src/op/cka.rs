//! Linear centred kernel alignment (Kornblith et al. 2019, arXiv:1905.00414): how alike two sites see the
//! same states, whatever rotation and scale lie between them.
//!
//! With few states and many units any two sites look somewhat alike; the control with shuffled states says
//! how much.

use super::{
    OpEntry, Subject,
    figure::{Body, Colour, Figure, Number, Scale, Series},
    linear::{Matrix, dot},
    reference_states,
};
use crate::{
    error::{Error, Result},
    model::{
        Site,
        evaluator::{Evaluator, observations},
    },
    rng::Rng,
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "cka",
    title: "Compare representations",
    summary: "How alike the sites of a network see the same states, and each site itself over training: linear CKA.",
    schema: schema::schema_of::<Parameters>,
    num_states: 0,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "cka")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// States to compare on.
    #[schemars(range(min = 16, max = 1024))]
    pub states: usize,
    /// Checkpoints to compare with at most, evenly spread over training.
    #[schemars(range(min = 2, max = 40))]
    pub checkpoints: usize,
    /// The seed of another agent to compare with, which is trained here as far as this one; −1 for none.
    #[schemars(range(min = -1, max = 1_000_000))]
    pub other_seed: i64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            states: 256,
            checkpoints: 12,
            other_seed: -1,
        }
    }
}

/// Products of all pairs of states at a site, about their mean and at length 1; none where the site is the
/// same in every state.
pub(super) type Kernel = Option<Vec<f32>>;

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let mut rng = subject.rng.split("reference");
    let states = reference_states(subject.env, parameters.states, &mut rng);
    if states.len() < 2 {
        return Err(Error::not_applicable(
            "this environment has too few states to compare",
        ));
    }
    let observed = observations(&states);
    let of = |evaluator: Evaluator| {
        let observed = observed.clone();
        let count = states.len();
        async move { kernels(&evaluator, subject.sites, observed, count).await }
    };
    let kept = checkpoints(subject, parameters.checkpoints);
    let total = kept.len() + 2;
    let agents = match u64::try_from(parameters.other_seed) {
        Ok(seed) => Some(subject.lab.twin(seed, subject.watch).await?),
        Err(_) => None,
    };
    let now = of(subject.evaluator.clone()).await?;
    subject.step(1, total).await?;
    let before = of(subject.untrained.clone()).await?;
    subject.step(2, total).await?;
    let mut course = vec![Vec::new(); subject.sites.len()];
    for (done, (update, evaluator)) in kept.into_iter().enumerate() {
        let then = of(evaluator).await?;
        let places = course.iter_mut().zip(now.iter().zip(&then));
        for (points, (now, then)) in places {
            points.extend(similarity(now, then).map(|y| (update as f32, y)));
        }
        subject.step(done + 3, total).await?;
    }
    let between = match agents {
        Some([first, last]) => {
            let theirs = [of(first).await?, of(last).await?];
            Some(two_agents(subject, &now, &before, &theirs))
        }
        None => None,
    };
    let mut figures: Vec<Figure> = between.into_iter().collect();
    figures.extend([
        pairs(subject.sites, &now, &before),
        heatmap(
            "Before training",
            "Linear CKA of all pairs of sites of the untrained network on the same states: what the \
             architecture alone makes alike.",
            subject.sites,
            &before,
            Vec::new(),
        ),
        over_training(subject, course, &now, &before),
    ]);
    Ok(figures)
}

/// This agent's sites with another's, whose kernels before and after training are `theirs`.
fn two_agents(
    subject: &Subject<'_>,
    now: &[Kernel],
    before: &[Kernel],
    theirs: &[Vec<Kernel>; 2],
) -> Figure {
    let sites = subject.sites;
    let names = || sites.iter().map(|site| site.name.clone()).collect();
    let [first, last] = theirs;
    let rows = now.iter();
    let values = rows.flat_map(|one| last.iter().map(move |other| similarity(one, other)));
    let numbers = [
        mean_of_same(sites, now, last)
            .map(|value| Number::new("similarity_agents", "CKA of equal hidden sites", value)),
        mean_of_same(sites, before, first).map(|value| {
            Number::new("similarity_agents_untrained", "both untrained", value).control()
        }),
        by_chance(sites, now, &mut subject.rng.split("shuffled")).map(|value| {
            Number::new("similarity_agents_shuffled", "states shuffled", value).control()
        }),
    ];
    Figure {
        title: "Two agents".into(),
        caption: "Linear CKA of this agent's sites, from the top, with those of an agent of another seed on the same \
                  states: 1 where they differ by a rotation and a scale."
            .into(),
        body: Body::Heatmap {
            rows: Scale::labelled("this agent's site", names()),
            columns: Scale::labelled("the other's site", names()),
            values: values.collect(),
            colour: Colour::Sequential {
                limit: 1.0,
                name: "CKA".into(),
            },
        },
        numbers: numbers.into_iter().flatten().collect(),
    }
}

/// Networks to compare with, the oldest first: the untrained one, and some checkpoints with the last.
fn checkpoints(subject: &Subject<'_>, most: usize) -> Vec<(usize, Evaluator)> {
    let mut all = subject.lab.checkpoints();
    if all.first().is_none_or(|(update, _)| *update > 0) {
        all.insert(0, (0, subject.untrained.clone()));
    }
    let last = all.len() - 1;
    let count = most.min(all.len());
    let is_kept = |place: usize| {
        (0..count).any(|index| (index * last).checked_div(count - 1).unwrap_or(0) == place)
    };
    all.into_iter()
        .enumerate()
        .filter(|(place, _)| is_kept(*place))
        .map(|(_, one)| one)
        .collect()
}

/// The kernel of every site.
pub(super) async fn kernels(
    evaluator: &Evaluator,
    sites: &[Site],
    observed: Vec<f32>,
    count: usize,
) -> Result<Vec<Kernel>> {
    let (_, mut recorded) = evaluator.record(observed, count).await?;
    Ok(sites
        .iter()
        .map(|site| kernel(&Matrix::new(recorded.remove(&site.name)?, site.len())))
        .collect())
}

fn kernel(activations: &Matrix) -> Kernel {
    if activations.spread() == 0.0 {
        return None;
    }
    let products = activations.centred().row_products();
    let length = products.energy().sqrt();
    let scaled = products
        .values
        .iter()
        .map(|x| (f64::from(*x) / length) as f32);
    Some(scaled.collect())
}

/// Linear CKA of two sites on the same states, 0 to 1.
pub(super) fn similarity(one: &Kernel, other: &Kernel) -> Option<f32> {
    Some(dot(one.as_ref()?, other.as_ref()?).clamp(0.0, 1.0))
}

/// The same kernel with its states in another order.
fn shuffled(kernel: &[f32], order: &[usize]) -> Vec<f32> {
    let row = |one: &usize| {
        let start = one * order.len();
        order.iter().map(move |other| kernel[start + other])
    };
    order.iter().flat_map(row).collect()
}

fn is_hidden(site: &Site) -> bool {
    !site.is_output() && site.name != "obs"
}

/// The mean; none of nothing.
fn mean(values: impl Iterator<Item = f32>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), x| (sum + f64::from(x), count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// Mean similarity of two different hidden sites.
fn mean_of_pairs(sites: &[Site], kernels: &[Kernel]) -> Option<f64> {
    let hidden: Vec<&Kernel> = sites
        .iter()
        .zip(kernels)
        .filter(|(site, _)| is_hidden(site))
        .map(|(_, kernel)| kernel)
        .collect();
    let pairs = (0..hidden.len()).flat_map(|one| (0..one).map(move |other| (one, other)));
    mean(pairs.filter_map(|(one, other)| similarity(hidden[one], hidden[other])))
}

/// Mean similarity of each hidden site with itself in the other network.
pub(super) fn mean_of_same(sites: &[Site], one: &[Kernel], other: &[Kernel]) -> Option<f64> {
    let places = sites.iter().zip(one.iter().zip(other));
    let hidden = places.filter(|(site, _)| is_hidden(site));
    mean(hidden.filter_map(|(_, (one, other))| similarity(one, other)))
}

fn pairs(sites: &[Site], now: &[Kernel], before: &[Kernel]) -> Figure {
    let numbers = [
        mean_of_pairs(sites, now)
            .map(|value| Number::new("mean_similarity", "mean of hidden pairs", value)),
        mean_of_pairs(sites, before)
            .map(|value| Number::new("mean_similarity_untrained", "untrained", value).control()),
    ];
    heatmap(
        "Similarity of sites",
        "Linear CKA of all pairs of sites on the same states: 1 where they differ by a rotation and a scale, \
         near 0 where they have nothing in common.",
        sites,
        now,
        numbers.into_iter().flatten().collect(),
    )
}

fn heatmap(
    title: &str,
    caption: &str,
    sites: &[Site],
    kernels: &[Kernel],
    numbers: Vec<Number>,
) -> Figure {
    let names = || sites.iter().map(|site| site.name.clone()).collect();
    let values = kernels
        .iter()
        .flat_map(|one| kernels.iter().map(move |other| similarity(one, other)));
    Figure {
        title: title.into(),
        caption: caption.into(),
        body: Body::Heatmap {
            rows: Scale::labelled("site", names()),
            columns: Scale::labelled("site", names()),
            values: values.collect(),
            colour: Colour::Sequential {
                limit: 1.0,
                name: "CKA".into(),
            },
        },
        numbers,
    }
}

fn over_training(
    subject: &Subject<'_>,
    course: Vec<Vec<(f32, f32)>>,
    now: &[Kernel],
    before: &[Kernel],
) -> Figure {
    let sites = subject.sites;
    let chance = by_chance(sites, now, &mut subject.rng.split("shuffled"));
    let updates = || course.iter().flatten().map(|(update, _)| *update);
    let ends = [
        updates().fold(f32::INFINITY, f32::min),
        updates().fold(f32::NEG_INFINITY, f32::max),
    ];
    let control = chance.filter(|_| ends[0] <= ends[1]).map(|chance| Series {
        name: "states shuffled".into(),
        points: ends.map(|update| (update, chance as f32)).to_vec(),
        control: true,
    });
    let numbers = [
        mean_of_same(sites, now, before).map(|value| {
            Number::new(
                "similarity_untrained",
                "hidden sites and themselves untrained",
                value,
            )
        }),
        chance.map(|value| Number::new("similarity_shuffled", "states shuffled", value).control()),
    ];
    // The observation is the same in every network.
    let series = sites
        .iter()
        .zip(course)
        .filter(|(site, points)| site.name != "obs" && !points.is_empty())
        .map(|(site, points)| Series {
            name: site.name.clone(),
            points,
            control: false,
        });
    Figure {
        title: "Similarity over training".into(),
        caption: "Linear CKA of each site as it is now with itself at the run's checkpoints; the first is the \
                  untrained network, and states out of order are what chance gives."
            .into(),
        body: Body::Lines {
            x: Scale::numeric("update", ""),
            y: Scale {
                domain: Some((0.0, 1.0)),
                ..Scale::numeric("CKA", "")
            },
            series: series.chain(control).collect(),
        },
        numbers: numbers.into_iter().flatten().collect(),
    }
}

/// Mean similarity of each hidden site with itself when the states of one are out of order.
pub(super) fn by_chance(sites: &[Site], now: &[Kernel], rng: &mut Rng) -> Option<f64> {
    let count = now.iter().flatten().next()?.len().isqrt();
    let mut order: Vec<usize> = (0..count).collect();
    rng.shuffle(&mut order);
    let other: Vec<Kernel> = now
        .iter()
        .map(|kernel| kernel.as_ref().map(|kernel| shuffled(kernel, &order)))
        .collect();
    mean_of_same(sites, now, &other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(rows: usize, columns: usize, seed: u64) -> Matrix {
        let mut rng = Rng::new(seed);
        Matrix::new((0..rows * columns).map(|_| rng.normal()).collect(), columns)
    }

    fn of(one: &Matrix, other: &Matrix) -> f32 {
        similarity(&kernel(one), &kernel(other)).unwrap()
    }

    #[test]
    fn equal_rotated_scaled_and_moved_data_are_wholly_alike() {
        let one = random(50, 3, 0);
        assert!((of(&one, &one) - 1.0).abs() < 1e-5);
        let (sine, cosine) = 0.7_f32.sin_cos();
        let turned = one.each_row().flat_map(|row| {
            let (x, y) = (row[0], row[1]);
            [
                5.0 * (cosine * x - sine * y) + 1.0,
                5.0 * (sine * x + cosine * y) - 2.0,
                5.0 * row[2],
            ]
        });
        assert!((of(&one, &Matrix::new(turned.collect(), 3)) - 1.0).abs() < 1e-4);
    }

    #[test]
    fn independent_data_are_little_alike_and_stretching_costs() {
        let (one, other) = (random(400, 3, 0), random(400, 3, 1));
        assert!(of(&one, &other) < 0.05, "{}", of(&one, &other));
        // Of two directions of equal variance, one is made ten times as long.
        let stretched = one.each_row().flat_map(|row| [10.0 * row[0], row[1]]);
        let plain = one.each_row().flat_map(|row| [row[0], row[1]]);
        let found = of(
            &Matrix::new(plain.collect(), 2),
            &Matrix::new(stretched.collect(), 2),
        );
        // (100 + 1) / (√2 √(100² + 1)) for exactly orthogonal ones.
        assert!((found - 0.714).abs() < 0.05, "{found}");
    }

    #[test]
    fn similarity_by_hand() {
        // Three states on a line at −1, 0, 1 and at 1, 0, 1: about the mean ⅓, −⅔, ⅓.
        let one = Matrix::new(vec![-1.0, 0.0, 1.0], 1);
        let other = Matrix::new(vec![1.0, 0.0, 1.0], 1);
        assert!(of(&one, &other).abs() < 1e-6);
        let between = Matrix::new(vec![0.0, 0.0, 1.0], 1);
        // (1·1)² over 2 · ⅔.
        assert!((of(&one, &between) - 0.75).abs() < 1e-6);
        assert_eq!(kernel(&Matrix::new(vec![2.0; 3], 1)), None);
    }

    #[test]
    fn out_of_order_states_are_no_longer_themselves() {
        let kernel = kernel(&random(60, 4, 2)).unwrap();
        let same: Vec<usize> = (0..60).collect();
        assert_eq!(shuffled(&kernel, &same), kernel);
        let turned: Vec<usize> = (0..60).rev().collect();
        let other = shuffled(&kernel, &turned);
        assert_eq!(other[0], kernel[59 * 60 + 59]);
        assert!(similarity(&Some(kernel), &Some(other)).unwrap() < 0.3);
    }
}
