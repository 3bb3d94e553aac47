//! Probes (Alain & Bengio 2016; McGrath et al. 2022): which concepts can be read from which site, beside what
//! an untrained network, the input and shuffled labels allow, and whether the policy uses what is read.

mod causal;
pub(super) mod data;
pub mod fit;
mod hidden;
mod report;

use super::{Meanwhile, OpEntry, Subject, Watch, Within, figure::Figure};
use crate::{
    error::{Error, Result},
    model::{Site, evaluator::Evaluator, find_site},
    rng::Rng,
    schema,
};
use data::{Sample, Split, Standard};
use fit::{Design, Loss, Ridge, Target};
use hidden::Hidden;
pub(super) use report::SCORE;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{cell::OnceCell, collections::BTreeMap};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "probe",
    title: "Probe for concepts",
    summary: "Which concepts can be read from which site, with controls, and whether the policy uses them.",
    schema: schema::schema_of::<Parameters>,
    num_states: 0,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "probe")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// What reads a concept.
    pub kind: Kind,
    /// The concept; every one when empty.
    #[schemars(extend("x-choices" = "concepts", "x-auto" = "every concept"))]
    pub concept: String,
    /// The site; every one when empty.
    #[schemars(extend("x-choices" = "sites", "x-auto" = "every site"))]
    pub site: String,
    /// Splits, each with probes of its own.
    #[schemars(range(min = 1, max = 20))]
    pub num_seeds: usize,
    /// States to learn from and be judged by.
    #[schemars(range(min = 64, max = 8192))]
    pub reference_states: usize,
    /// How much large weights cost.
    #[schemars(range(min = 1e-4, max = 10.0))]
    pub penalty: f32,
    /// Steps of training a sparse or nonlinear probe, at most.
    #[schemars(range(min = 1, max = 1000))]
    pub num_steps: usize,
    /// How far the direction is added, in deviations of the activation along it.
    #[schemars(range(min = 0.1, max = 20.0))]
    pub alpha: f32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            kind: Kind::Linear,
            concept: String::new(),
            site: String::new(),
            num_seeds: 5,
            reference_states: 1024,
            penalty: 0.03,
            num_steps: 100,
            alpha: 2.0,
        }
    }
}

/// What reads a concept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One direction: logistic regression of yes-or-no concepts, ridge regression of numbers.
    Linear,
    /// One direction of few elements: the same with an L1 penalty.
    Sparse,
    /// One direction in closed form, which is quickest: Fisher's discriminant of yes-or-no concepts, ridge
    /// regression of numbers.
    Discriminant,
    /// A few hidden ReLU units: slow, so choose a concept or a site.
    Nonlinear,
}

/// A fitted probe.
enum Probe {
    /// Weights, and the bias last.
    Linear(Vec<f32>),
    Hidden(Hidden),
}

impl Probe {
    fn answers(&self, design: &Design) -> Vec<f32> {
        match self {
            Self::Linear(parameters) => design.times(parameters),
            Self::Hidden(hidden) => hidden.answers(design),
        }
    }

    /// Elements of the site that it reads.
    fn num_read(&self, width: usize) -> usize {
        match self {
            Self::Linear(parameters) => parameters[..width].iter().filter(|x| **x != 0.0).count(),
            Self::Hidden(_) => width,
        }
    }
}

/// Activations of one split as features; what all concepts share is made once.
pub(super) struct Prepared {
    standard: Standard,
    pub train: Design,
    pub test: Design,
}

impl Prepared {
    pub fn new(activations: &[f32], width: usize, split: &Split) -> Self {
        let standard = Standard::new(activations, width, &split.train);
        Self {
            train: standard.design(activations, &split.train),
            test: standard.design(activations, &split.test),
            standard,
        }
    }
}

/// Fits probes on one set of features.
struct Fitter<'a> {
    train: &'a Design,
    study: &'a Study,
    ridge: OnceCell<Ridge<'a>>,
}

impl<'a> Fitter<'a> {
    fn new(train: &'a Design, study: &'a Study) -> Self {
        Self {
            train,
            study,
            ridge: OnceCell::new(),
        }
    }

    fn ridge(&self) -> &Ridge<'a> {
        let make = || Ridge::new(self.train, self.study.penalty);
        self.ridge.get_or_init(make)
    }

    /// Logistic regression of a class, ridge regression of a number.
    fn linear(&self, target: &Target) -> Probe {
        Probe::Linear(match target.loss {
            Loss::Logistic => fit::logistic(self.train, target, self.study.penalty),
            Loss::Squares => self.ridge().fit(&target.values),
        })
    }

    /// Errors: `Cancelled`.
    async fn fit(&self, target: &Target, rng: &mut Rng, watch: &dyn Watch) -> Result<Probe> {
        let Study {
            kind,
            penalty,
            num_steps,
            ..
        } = *self.study;
        let training = (penalty, num_steps);
        Ok(match (kind, target.loss) {
            (Kind::Linear, _) | (Kind::Discriminant, Loss::Squares) => self.linear(target),
            (Kind::Discriminant, Loss::Logistic) => {
                Probe::Linear(self.ridge().discriminant(&target.values))
            }
            (Kind::Sparse, _) => {
                Probe::Linear(fit::sparse(self.train, target, training, watch).await?)
            }
            (Kind::Nonlinear, _) => {
                Probe::Hidden(Hidden::fit(self.train, target, training, rng, watch).await?)
            }
        })
    }
}

/// A score over the seeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Estimate {
    pub mean: f32,
    /// Deviation between seeds; 0 of one.
    pub spread: f32,
    /// Elements that the probes read, on average.
    pub read: f32,
}

impl Estimate {
    /// Of scores and elements read; none of none.
    pub fn of(found: &[(f32, usize)]) -> Option<Self> {
        let count = found.len() as f32;
        if found.is_empty() {
            return None;
        }
        let mean = found.iter().map(|(score, _)| score).sum::<f32>() / count;
        let square: f32 = found.iter().map(|(score, _)| (score - mean).powi(2)).sum();
        Some(Self {
            mean,
            spread: (square / (count - 1.0).max(1.0)).sqrt(),
            read: found.iter().map(|(_, read)| *read as f32).sum::<f32>() / count,
        })
    }
}

/// States, splits and settings: everything but the activations.
pub(super) struct Study {
    pub sample: Sample,
    pub splits: Vec<Split>,
    kind: Kind,
    penalty: f32,
    num_steps: usize,
    rng: Rng,
}

impl Study {
    pub fn new(subject: &Subject<'_>, parameters: &Parameters) -> Self {
        let rng = subject.rng.split("probe");
        let count = parameters.reference_states;
        let sample = Sample::new(subject.env, count, &mut subject.rng.split("reference"));
        let split = |seed| sample.split(&mut rng.split(&format!("split {seed}")));
        Self {
            splits: (0..parameters.num_seeds).map(split).collect(),
            sample,
            kind: parameters.kind,
            penalty: parameters.penalty,
            num_steps: parameters.num_steps,
            rng,
        }
    }

    /// Whether some split can both teach and judge `concept`.
    fn varies(&self, concept: usize) -> bool {
        let values = &self.sample.concepts[concept];
        let varies = |rows| data::target(values, rows, self.sample.binary[concept]).is_some();
        let mut splits = self.splits.iter();
        splits.any(|split| varies(&split.train) && varies(&split.test))
    }

    /// Those of the concepts `asked` for that vary, and the others.
    /// Errors: `NotApplicable` where none does.
    pub fn varying(&self, asked: &[usize]) -> Result<(Vec<usize>, Vec<usize>)> {
        let (concepts, constant): (Vec<_>, Vec<_>) =
            asked.iter().partition(|&&concept| self.varies(concept));
        if concepts.is_empty() {
            return Err(Error::not_applicable(format!(
                "no concept asked for varies over {} states; ask for more states or another concept",
                self.sample.states.len()
            )));
        }
        Ok((concepts, constant))
    }

    /// Activations of its states.
    pub async fn record(&self, evaluator: &Evaluator) -> Result<Recorded> {
        let batch = self.sample.states.len();
        let (_, recorded) = evaluator
            .record(self.sample.observations.clone(), batch)
            .await?;
        Ok(recorded)
    }

    /// How well probes read `concepts` from `activations` `[state × element]`; with `is_shuffled`, when
    /// each state has another one's label. `watch` is told of each probe. Errors: `Cancelled`.
    pub async fn estimate(
        &self,
        activations: &[f32],
        concepts: &[usize],
        is_shuffled: bool,
        watch: &dyn Watch,
    ) -> Result<Vec<Option<Estimate>>> {
        let width = activations.len() / self.sample.states.len();
        let mut found = vec![Vec::new(); concepts.len()];
        for (seed, split) in self.splits.iter().enumerate() {
            let prepared = Prepared::new(activations, width, split);
            let fitter = Fitter::new(&prepared.train, self);
            for (found, &concept) in found.iter_mut().zip(concepts) {
                let mut values = self.sample.concepts[concept].clone();
                if is_shuffled {
                    let label = format!("shuffle {seed} {concept}");
                    self.rng.split(&label).shuffle(&mut values);
                }
                let is_binary = self.sample.binary[concept];
                let Some(target) = data::target(&values, &split.train, is_binary) else {
                    continue;
                };
                let mut rng = self.rng.split(&format!("hidden {seed}"));
                watch.step(seed, self.splits.len()).await?;
                let probe = fitter.fit(&target, &mut rng, watch).await?;
                let answers = probe.answers(&prepared.test);
                if let Some(score) = data::score(&values, split, is_binary, &answers) {
                    found.push((score, probe.num_read(width)));
                }
            }
        }
        Ok(found.iter().map(|found| Estimate::of(found)).collect())
    }
}

/// A concept at a site, with its controls.
struct Row<'a> {
    concept: usize,
    site: &'a Site,
    trained: Estimate,
    untrained: Option<Estimate>,
    input: Option<Estimate>,
    shuffled: Option<Estimate>,
}

impl Row<'_> {
    fn gain(&self) -> f32 {
        self.trained.mean - mean_of(self.untrained)
    }
}

/// A control that cannot be measured is at chance.
pub(super) fn mean_of(estimate: Option<Estimate>) -> f32 {
    estimate.map_or(0.0, |estimate| estimate.mean)
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let sites = match parameters.site.as_str() {
        "" => subject.sites.iter().collect(),
        name => vec![find_site(subject.sites, name)?],
    };
    let asked = asked(subject, &parameters.concept)?;
    let study = Study::new(subject, parameters);
    let (concepts, constant) = study.varying(&asked)?;
    let trained = study.record(&subject.evaluator).await?;
    let untrained = study.record(&subject.untrained).await?;
    let total = 3 * sites.len() + 2;
    let mut scores = Vec::with_capacity(sites.len());
    for (index, site) in sites.iter().enumerate() {
        let activations = trained.get(&site.name).map_or(&[][..], Vec::as_slice);
        let watch = Meanwhile {
            watch: subject.watch,
            done: index,
            total,
        };
        let found = study.estimate(activations, &concepts, false, &watch);
        scores.push(found.await?);
        subject.step(index + 1, total).await?;
    }
    let chosen = chosen(&sites, &concepts, &scores, !parameters.concept.is_empty());
    let watch = Within {
        watch: subject.watch,
        before: sites.len(),
        total,
    };
    let rows = controlled(&study, &chosen, (&trained, &untrained), &watch).await?;
    let focus = rows.iter().max_by(|one, other| {
        let is_hidden = |row: &Row<'_>| is_hidden(row.site);
        let order = is_hidden(one).cmp(&is_hidden(other));
        order.then(one.gain().total_cmp(&other.gain()))
    });
    let scored = (concepts.as_slice(), scores.as_slice());
    let mut figures = vec![report::scores(
        subject,
        &study,
        (&sites, &asked),
        scored,
        &constant,
    )];
    figures.extend(report::controls(subject, &study, &rows, focus));
    if let Some(focus) = focus {
        let activations = trained.get(&focus.site.name).map_or(&[][..], Vec::as_slice);
        let check = causal::check(subject, &study, focus, activations, parameters.alpha).await?;
        figures.extend(check);
    }
    subject.step(total, total).await?;
    Ok(figures)
}

/// The concept called `id`, or all. Errors: `UnknownId`, and `NotApplicable` where there are none.
pub(super) fn asked(subject: &Subject<'_>, id: &str) -> Result<Vec<usize>> {
    let known = &subject.env.space().concepts;
    if known.is_empty() {
        return Err(Error::not_applicable("this environment names no concepts"));
    }
    if id.is_empty() {
        return Ok((0..known.len()).collect());
    }
    let place = known.iter().position(|concept| concept.id == id);
    place
        .map(|place| vec![place])
        .ok_or_else(|| Error::UnknownId {
            kind: "concept",
            id: id.into(),
            allowed: known.iter().map(|concept| concept.id.clone()).collect(),
        })
}

pub(super) fn is_hidden(site: &Site) -> bool {
    !site.is_output() && site.name != "obs"
}

/// What is measured with controls: one concept at every site, or each concept at the hidden site from which
/// it is read best.
fn chosen<'a>(
    sites: &[&'a Site],
    concepts: &[usize],
    scores: &[Vec<Option<Estimate>>],
    is_one: bool,
) -> Vec<(usize, &'a Site, Estimate)> {
    let mut chosen = Vec::new();
    for (place, &concept) in concepts.iter().enumerate() {
        let scored = sites.iter().zip(scores);
        let scored = scored.filter_map(|(site, scores)| Some((concept, *site, scores[place]?)));
        let mut scored: Vec<_> = scored.collect();
        if !is_one {
            // Of equals the first, where the concept comes about.
            let best = scored.into_iter().rev().max_by(|one, other| {
                let order = is_hidden(one.1).cmp(&is_hidden(other.1));
                order.then(one.2.mean.total_cmp(&other.2.mean))
            });
            scored = best.into_iter().collect();
        }
        chosen.extend(scored);
    }
    chosen
}

/// Activations of every site, `[state × element]` by name.
pub(super) type Recorded = BTreeMap<String, Vec<f32>>;

/// The controls of what was `chosen`; `watch` is told twice the sites that are done.
async fn controlled<'a>(
    study: &Study,
    chosen: &[(usize, &'a Site, Estimate)],
    (trained, untrained): (&'a Recorded, &'a Recorded),
    watch: &dyn Watch,
) -> Result<Vec<Row<'a>>> {
    let mut concepts: Vec<usize> = chosen.iter().map(|one| one.0).collect();
    concepts.dedup();
    let mut names: Vec<&str> = chosen.iter().map(|one| one.1.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let total = 2 * names.len();
    let meanwhile = |done| Meanwhile { watch, done, total };
    let observations = &study.sample.observations;
    let input = study
        .estimate(observations, &concepts, false, &meanwhile(0))
        .await?;
    let mut controls = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        let here = chosen.iter().filter(|one| one.1.name == *name);
        let here: Vec<usize> = here.map(|one| one.0).collect();
        let at = |recorded: &'a Recorded| recorded.get(*name).map_or(&[][..], Vec::as_slice);
        let part = meanwhile(2 * index);
        let before = study.estimate(at(untrained), &here, false, &part).await?;
        let by_chance = study.estimate(at(trained), &here, true, &part).await?;
        for (concept, both) in here.iter().zip(before.into_iter().zip(by_chance)) {
            controls.insert((*concept, *name), both);
        }
        watch.step(2 * (index + 1), total).await?;
    }
    let row = |(concept, site, trained): (usize, &'a Site, Estimate)| {
        let (untrained, shuffled) = controls
            .get(&(concept, site.name.as_str()))
            .copied()
            .unwrap_or_default();
        let place = concepts.iter().position(|one| *one == concept);
        Row {
            concept,
            site,
            trained,
            untrained,
            input: place.and_then(|place| input[place]),
            shuffled,
        }
    };
    Ok(chosen.iter().copied().map(row).collect())
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use crate::{env, op::Patient};
    use pollster::block_on;
    use serde_json::json;

    const WIDTH: usize = 20;

    fn estimate(
        study: &Study,
        activations: &[f32],
        concepts: &[usize],
        is_shuffled: bool,
    ) -> Vec<Option<Estimate>> {
        block_on(study.estimate(activations, concepts, is_shuffled, &Patient)).unwrap()
    }

    impl Study {
        /// Linear probes on a sample of one's own.
        pub fn of(sample: Sample, num_seeds: u64, rng: Rng) -> Self {
            Self {
                splits: (0..num_seeds)
                    .map(|seed| sample.split(&mut rng.split(&format!("split {seed}"))))
                    .collect(),
                sample,
                kind: Kind::Linear,
                penalty: 0.01,
                num_steps: 100,
                rng,
            }
        }
    }

    /// Tic-tac-toe's states with concepts and activations of our own: one concept and one number that the
    /// activations hold along a direction each, and one concept that they know nothing of.
    pub(super) fn planted() -> (Study, Vec<f32>) {
        let env = (env::entry("tictactoe").unwrap().make)(&json!({})).unwrap();
        let rng = Rng::new(4);
        let mut sample = Sample::new(env.as_ref(), 2000, &mut rng.split("reference"));
        let (mut draws, mut activations) = (rng.split("draws"), Vec::new());
        sample.concepts = vec![Vec::new(); 3];
        sample.binary = vec![true, true, false];
        for _ in 0..2000 {
            let class = if draws.uniform() < 0.3 { 1.0 } else { 0.0 };
            let blind = if draws.uniform() < 0.5 { 1.0 } else { 0.0 };
            let number = draws.normal();
            for (values, value) in sample.concepts.iter_mut().zip([class, blind, number]) {
                values.push(value);
            }
            activations.extend((0..WIDTH).map(|element| match element % 4 {
                0 => 3.0 * class + draws.normal(),
                1 => 2.0 * number + draws.normal(),
                _ => draws.normal(),
            }));
        }
        let study = Study {
            splits: (0..5)
                .map(|seed| sample.split(&mut Rng::new(seed)))
                .collect(),
            sample,
            kind: Kind::Linear,
            penalty: 0.01,
            num_steps: 100,
            rng,
        };
        (study, activations)
    }

    #[test]
    fn what_is_planted_is_found_and_what_is_not_is_at_chance() {
        for kind in [
            Kind::Linear,
            Kind::Sparse,
            Kind::Discriminant,
            Kind::Nonlinear,
        ] {
            let (mut study, activations) = planted();
            study.kind = kind;
            let found = estimate(&study, &activations, &[0, 1, 2], false);
            let [class, blind, number] = [0, 1, 2].map(|place| found[place].unwrap());
            assert!(class.mean > 0.95, "{kind:?}: {class:?}");
            assert!(number.mean > 0.9, "{kind:?}: {number:?}");
            // 600 held-out states: an error of 0.04 for each split.
            assert!(blind.mean.abs() < 0.1, "{kind:?}: {blind:?}");
            let shuffled = estimate(&study, &activations, &[0], true)[0].unwrap();
            assert!(shuffled.mean.abs() < 0.1, "{kind:?}: {shuffled:?}");
        }
    }

    #[test]
    fn a_sparse_probe_reads_fewer_elements() {
        let (mut study, activations) = planted();
        let all = estimate(&study, &activations, &[2], false)[0].unwrap();
        (study.kind, study.penalty) = (Kind::Sparse, 0.1);
        let few = estimate(&study, &activations, &[2], false)[0].unwrap();
        assert_eq!(all.read, WIDTH as f32);
        assert!(few.read < 8.0 && few.mean > 0.9, "{few:?}");
    }

    #[test]
    fn an_estimate_is_a_mean_and_a_deviation() {
        let found = Estimate::of(&[(0.2, 3), (0.4, 5)]).unwrap();
        let expected = Estimate {
            mean: 0.3,
            spread: 0.02_f32.sqrt(),
            read: 4.0,
        };
        assert!((found.mean - expected.mean).abs() < 1e-6);
        assert!((found.spread - expected.spread).abs() < 1e-6);
        assert_eq!(found.read, expected.read);
        assert_eq!(Estimate::of(&[(0.2, 3)]).unwrap().spread, 0.0);
        assert_eq!(Estimate::of(&[]), None);
    }
}
