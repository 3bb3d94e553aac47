//! What is learned when, and where (McGrath et al. 2022): how well each concept can be read from each site and
//! from the answers at each checkpoint of a run, beside what the untrained network, the input and shuffled
//! labels allow.

mod report;

use super::{
    Meanwhile, OpEntry, Subject, course,
    figure::Figure,
    probe::{self, Estimate, Kind, Study},
};
use crate::{
    error::{Error, Result},
    model::{Site, evaluator::Evaluator},
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "what_when_where",
    title: "What, when, where",
    summary: "How well each concept can be read from each site over training, and in which order they are learned.",
    schema: schema::schema_of::<Parameters>,
    num_states: 0,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "what_when_where")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// The concept; every one when empty.
    #[schemars(extend("x-choices" = "concepts", "x-auto" = "every concept"))]
    pub concept: String,
    /// What reads a concept.
    pub kind: Kind,
    /// Checkpoints to look at, at most: more early ones than late ones.
    #[schemars(range(min = 2, max = 60))]
    pub checkpoints: usize,
    /// States to learn from and be judged by.
    #[schemars(range(min = 64, max = 8192))]
    pub reference_states: usize,
    /// Splits, each with probes of its own.
    #[schemars(range(min = 1, max = 20))]
    pub num_seeds: usize,
    /// How much large weights cost.
    #[schemars(range(min = 1e-4, max = 10.0))]
    pub penalty: f32,
    /// Steps of training a sparse or nonlinear probe, at most.
    #[schemars(range(min = 1, max = 1000))]
    pub num_steps: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            concept: String::new(),
            kind: Kind::Discriminant,
            checkpoints: 20,
            reference_states: 1024,
            num_seeds: 3,
            penalty: 0.03,
            num_steps: 100,
        }
    }
}

/// A score must rise by this much over training for a concept to be learned.
const LEAST: f32 = 0.1;

/// Scores of the concepts at the sites of one checkpoint, `[site][concept]`.
type Scores = Vec<Vec<Option<Estimate>>>;

/// How well concepts are read over training.
struct Course<'a> {
    /// Indices of the concepts that vary.
    concepts: Vec<usize>,
    /// The hidden sites, then the answers.
    sites: Vec<&'a Site>,
    num_hidden: usize,
    updates: Vec<usize>,
    /// A checkpoint each.
    scores: Vec<Scores>,
}

impl Course<'_> {
    /// The hidden site that serves the concept in place `concept` best at a checkpoint, the first of equals.
    fn best(&self, checkpoint: usize, concept: usize) -> Option<(usize, Estimate)> {
        let sites = self.scores[checkpoint].iter().enumerate();
        sites
            .take(self.num_hidden)
            .filter_map(|(site, scores)| Some((site, scores[concept]?)))
            .reduce(|best, one| match one.1.mean > best.1.mean {
                true => one,
                false => best,
            })
    }

    /// The best score of a concept at each checkpoint.
    fn bests(&self, concept: usize) -> Vec<f32> {
        let best = |checkpoint| self.best(checkpoint, concept);
        let bests = (0..self.updates.len()).map(best);
        bests
            .map(|best| best.map_or(0.0, |one| one.1.mean))
            .collect()
    }
}

/// What training does to a concept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// Learned at the checkpoint in this place.
    Learned(usize),
    /// Read about as well before training.
    Unchanged,
    /// Read worse than before training.
    Lost,
}

/// What training does to a concept with these best scores, the untrained network's first: it is learned at the
/// first checkpoint from which on its score stays above half-way between untrained and final.
fn fate(bests: &[f32]) -> Fate {
    let (Some(first), Some(last)) = (bests.first(), bests.last()) else {
        return Fate::Unchanged;
    };
    let gain = last - first;
    if gain < LEAST {
        return match gain <= -LEAST {
            true => Fate::Lost,
            false => Fate::Unchanged,
        };
    }
    let half = first + 0.5 * gain;
    Fate::Learned(
        bests
            .iter()
            .rposition(|score| *score <= half)
            .map_or(0, |place| place + 1),
    )
}

/// A concept with its controls at the site that serves it best at the end.
struct Row {
    /// Its place among those that vary.
    place: usize,
    fate: Fate,
    site: usize,
    score: Estimate,
    untrained: Option<Estimate>,
    input: Option<Estimate>,
    shuffled: Option<Estimate>,
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let asked = probe::asked(subject, &parameters.concept)?;
    let study = Study::new(
        subject,
        &probe::Parameters {
            kind: parameters.kind,
            num_seeds: parameters.num_seeds,
            reference_states: parameters.reference_states,
            penalty: parameters.penalty,
            num_steps: parameters.num_steps,
            ..probe::Parameters::default()
        },
    );
    let (concepts, constant) = study.varying(&asked)?;
    // The input is the same at every checkpoint: a control.
    let sites = subject.sites.iter().filter(|site| site.name != "obs");
    let (mut sites, answers): (Vec<&Site>, Vec<&Site>) =
        sites.partition(|site| probe::is_hidden(site));
    let num_hidden = sites.len();
    if num_hidden == 0 {
        return Err(Error::not_applicable("this network has no hidden site"));
    }
    sites.extend(answers);
    let kept = course::checkpoints(subject, parameters.checkpoints);
    let total = (kept.len() + 1) * sites.len();
    let key = format!("what_when_where {parameters:?}");
    let mut course = Course {
        concepts,
        sites,
        num_hidden,
        updates: Vec::new(),
        scores: Vec::new(),
    };
    for (index, (update, evaluator)) in kept.iter().enumerate() {
        let before = index * course.sites.len();
        let look = scores(subject, &study, &course, evaluator, (before, total));
        let found = course::once(subject, *update, &key, look).await?;
        course.updates.push(*update);
        course.scores.push(found);
        subject.step(before + course.sites.len(), total).await?;
    }
    let rows = match kept.last() {
        Some((_, newest)) => rows(subject, &study, &course, newest, total).await?,
        None => Vec::new(),
    };
    let constant: Vec<usize> = constant;
    Ok(report::figures(subject, &study, &course, &rows, &constant))
}

/// The scores of one checkpoint; `steps` are those done before and all.
async fn scores(
    subject: &Subject<'_>,
    study: &Study,
    course: &Course<'_>,
    evaluator: &Evaluator,
    (before, total): (usize, usize),
) -> Result<Scores> {
    let recorded = study.record(evaluator).await?;
    let mut found = Vec::with_capacity(course.sites.len());
    for (index, site) in course.sites.iter().enumerate() {
        let activations = recorded.get(&site.name).map_or(&[][..], Vec::as_slice);
        let watch = Meanwhile {
            watch: subject.watch,
            done: before + index,
            total,
        };
        let scores = study.estimate(activations, &course.concepts, false, &watch);
        found.push(scores.await?);
    }
    Ok(found)
}

/// Every concept with its controls, in the order in which they are learned; the rest by their gain.
async fn rows(
    subject: &Subject<'_>,
    study: &Study,
    course: &Course<'_>,
    newest: &Evaluator,
    total: usize,
) -> Result<Vec<Row>> {
    let last = course.updates.len() - 1;
    let recorded = study.record(newest).await?;
    let before = total - course.sites.len();
    let meanwhile = |done| Meanwhile {
        watch: subject.watch,
        done,
        total,
    };
    let observations = &study.sample.observations;
    let input = study
        .estimate(observations, &course.concepts, false, &meanwhile(before))
        .await?;
    let mut rows = Vec::new();
    for (index, site) in course.sites.iter().enumerate() {
        let bests = (0..course.concepts.len()).filter_map(|place| {
            let (site, score) = course.best(last, place)?;
            Some((place, site, score))
        });
        let here: Vec<_> = bests.filter(|one| one.1 == index).collect();
        let concepts: Vec<usize> = here.iter().map(|one| course.concepts[one.0]).collect();
        let activations = recorded.get(&site.name).map_or(&[][..], Vec::as_slice);
        let watch = meanwhile(before + index);
        let shuffled = study.estimate(activations, &concepts, true, &watch).await?;
        rows.extend(
            here.iter()
                .zip(shuffled)
                .map(|(&(place, site, score), shuffled)| Row {
                    place,
                    fate: fate(&course.bests(place)),
                    site,
                    score,
                    untrained: course.best(0, place).map(|one| one.1),
                    input: input[place],
                    shuffled,
                }),
        );
        subject.step(before + index + 1, total).await?;
    }
    let gain = |row: &Row| row.score.mean - probe::mean_of(row.untrained);
    rows.sort_by(|one, other| {
        let order = one.fate.cmp(&other.fate);
        order.then(gain(other).total_cmp(&gain(one)))
    });
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_concept_is_learned_where_its_score_stays_above_half_way() {
        // From 0.2 to 0.8, half-way is 0.5: 0.6 at place 1 does not stay.
        assert_eq!(fate(&[0.2, 0.6, 0.4, 0.55, 0.7, 0.8]), Fate::Learned(3));
        assert_eq!(fate(&[0.2, 0.8]), Fate::Learned(1));
        assert_eq!(fate(&[0.9, 0.1, 0.95]), Fate::Unchanged);
        assert_eq!(fate(&[0.5, 0.5, 0.59]), Fate::Unchanged);
        assert_eq!(fate(&[0.5, 0.9, 0.3]), Fate::Lost);
        assert_eq!(fate(&[0.5]), Fate::Unchanged);
    }

    #[test]
    fn what_is_learned_comes_in_order_and_what_is_lost_last() {
        let mut fates = [
            Fate::Lost,
            Fate::Unchanged,
            Fate::Learned(4),
            Fate::Learned(2),
        ];
        fates.sort();
        let expected = [
            Fate::Learned(2),
            Fate::Learned(4),
            Fate::Unchanged,
            Fate::Lost,
        ];
        assert_eq!(fates, expected);
    }
}
