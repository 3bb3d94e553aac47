//! Problem 8.20: how an agent's insides change over its training. Any op's headline number at each checkpoint,
//! with its sudden changes, and whether the policy or the value settles first.

mod report;
mod settling;

use super::{
    Lab, OpEntry, Subject, Watch, course, entry,
    figure::{Figure, Number},
};
use crate::{
    agent::Explored,
    backend::Pending,
    env::Env,
    error::{Error, Result},
    model::evaluator::Evaluator,
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "dynamics",
    title: "Training dynamics",
    summary: "Any op's headline number over training, its sudden changes, and whether policy or value settles first.",
    schema: schema::schema_of::<Parameters>,
    num_states: 2,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "dynamics")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// The op whose number is followed.
    #[schemars(extend("x-choices" = "ops"))]
    pub op: String,
    /// The number's id; the op's first when empty.
    #[schemars(extend("x-auto" = "the first one"))]
    pub number: String,
    /// Parameters of the op that differ from its own, such as concept=must_block, num_seeds=2.
    pub set: String,
    /// Checkpoints to look at, at most: more early ones than late ones.
    #[schemars(range(min = 2, max = 60))]
    pub checkpoints: usize,
    /// A change is sudden from so many times the median step between checkpoints.
    #[schemars(range(min = 1.0, max = 100.0))]
    pub jump: f32,
    /// States on which policy and value are compared with their ends.
    #[schemars(range(min = 16, max = 4096))]
    pub reference_states: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            op: "pca".into(),
            number: String::new(),
            set: String::new(),
            checkpoints: 12,
            jump: 4.0,
            reference_states: 512,
        }
    }
}

/// The number with the controls beside it, at one checkpoint.
type Headline = Vec<Number>;

/// What is followed: an op with its parameters.
struct Followed {
    entry: &'static super::OpEntry,
    parameters: Value,
    number: String,
}

impl Followed {
    /// Errors: an unknown op, `NotApplicable` for this op, bad parameters.
    fn new(parameters: &Parameters) -> Result<Self> {
        let entry = entry(&parameters.op)?;
        if entry.id == ENTRY.id {
            return Err(Error::not_applicable(
                "this op cannot follow itself; choose another",
            ));
        }
        let pairs = parameters.set.split(',').map(str::trim);
        let pairs: Vec<String> = pairs
            .filter(|pair| !pair.is_empty())
            .map(str::to_owned)
            .collect();
        Ok(Self {
            entry,
            parameters: Value::Object(schema::set_pairs(&pairs)?),
            number: parameters.number.clone(),
        })
    }

    /// All that a headline depends on but its checkpoint.
    fn key(&self, subject: &Subject<'_>) -> String {
        let states = subject.states.iter().map(|state| state.state().to_string());
        format!(
            "dynamics {} {} {} {}",
            self.entry.id,
            self.parameters,
            self.number,
            states.take(self.entry.num_states).collect::<String>()
        )
    }

    /// The number and its controls at one checkpoint; none where the op does not give it there.
    /// Errors: the op's own; `UnknownId` for a number that it never gives, if `is_newest`.
    async fn at(
        &self,
        subject: &Subject<'_>,
        (update, evaluator): &(usize, Evaluator),
        (part, is_newest): (Part<'_>, bool),
    ) -> Result<Headline> {
        let lab = Moment {
            lab: subject.lab,
            checkpoints: match update {
                0 => vec![(0, subject.untrained.clone())],
                _ => vec![(0, subject.untrained.clone()), (*update, evaluator.clone())],
            },
        };
        let inner = Subject {
            evaluator: evaluator.clone(),
            untrained: subject.untrained.clone(),
            sites: subject.sites,
            env: subject.env,
            states: subject.states[..self.entry.num_states].to_vec(),
            rng: subject.rng.clone(),
            lab: &lab,
            watch: &part,
        };
        let figures = (self.entry.run)(&inner, &self.parameters).await?;
        let found = headline(&figures, &self.number);
        if found.is_empty() && is_newest {
            let numbers = figures.iter().flat_map(|figure| &figure.numbers);
            return Err(Error::UnknownId {
                kind: "number",
                id: self.number.clone(),
                allowed: numbers.map(|number| number.id.clone()).collect(),
            });
        }
        Ok(found)
    }
}

/// The number called `id`, or the first of all, and the controls that follow it.
fn headline(figures: &[Figure], id: &str) -> Headline {
    for figure in figures {
        let is_asked = |number: &Number| id.is_empty() || number.id == id;
        if let Some(place) = figure.numbers.iter().position(is_asked) {
            let number = figure.numbers[place].clone();
            let rest = figure.numbers[place + 1..].iter();
            let controls = rest.take_while(|next| next.control).cloned();
            return std::iter::once(number).chain(controls).collect();
        }
    }
    Vec::new()
}

/// Steps of the whole that a checkpoint's op has.
const STEPS: usize = 1000;

/// The part of the whole that one op is.
struct Part<'a> {
    watch: &'a dyn Watch,
    /// Ops done before, and all of them.
    before: usize,
    total: usize,
}

impl Watch for Part<'_> {
    fn step(&self, done: usize, total: usize) -> Pending<'_, Result<()>> {
        let within = (STEPS * done).checked_div(total).unwrap_or(STEPS);
        let done = self.before * STEPS + within;
        self.watch.step(done, self.total * STEPS)
    }
}

/// The run as it was at a checkpoint, for ops that look over training.
struct Moment<'a> {
    lab: &'a dyn Lab,
    checkpoints: Vec<(usize, Evaluator)>,
}

impl Lab for Moment<'_> {
    fn checkpoints(&self) -> Vec<(usize, Evaluator)> {
        self.checkpoints.clone()
    }

    fn recall(&self, update: usize, key: &str) -> Option<Value> {
        self.lab.recall(update, key)
    }

    fn remember(&self, update: usize, key: &str, found: Value) {
        self.lab.remember(update, key, found);
    }

    fn parameters(&self) -> Result<Vec<String>> {
        self.lab.parameters()
    }

    fn environment(&self, name: &str, value: f64) -> Result<Box<dyn Env>> {
        self.lab.environment(name, value)
    }

    fn retrained<'a>(
        &'a self,
        _name: &'a str,
        _value: f64,
        _seed: u64,
        _watch: &'a dyn Watch,
    ) -> Pending<'a, Result<Evaluator>> {
        Box::pin(async { Err(trains_anew()) })
    }

    fn twin<'a>(
        &'a self,
        _seed: u64,
        _watch: &'a dyn Watch,
    ) -> Pending<'a, Result<[Evaluator; 2]>> {
        Box::pin(async { Err(trains_anew()) })
    }

    fn fresh(&self, _scale: f64, _seed: u64) -> Result<Evaluator> {
        Err(trains_anew())
    }

    fn score<'a>(&'a self, evaluator: &'a Evaluator) -> Pending<'a, Result<Vec<Number>>> {
        self.lab.score(evaluator)
    }

    fn explore<'a>(
        &'a self,
        evaluator: &'a Evaluator,
        states: &'a [Box<dyn Env>],
        num_simulations: Option<usize>,
    ) -> Pending<'a, Result<Vec<Explored>>> {
        self.lab.explore(evaluator, states, num_simulations)
    }

    fn updates(&self) -> usize {
        self.lab.updates()
    }
}

fn trains_anew() -> Error {
    Error::not_applicable(
        "an op that trains networks is not followed over training: it would train anew at every checkpoint",
    )
}

/// A number over training, with its controls.
struct Curve {
    /// The number where it was last given.
    number: Number,
    /// Update and value.
    points: Vec<(f32, f32)>,
    /// Controls by name.
    controls: Vec<(String, Vec<(f32, f32)>)>,
}

impl Curve {
    /// Errors: `NotApplicable` where no checkpoint has the number.
    fn new(found: &[(usize, Headline)]) -> Result<Self> {
        let number = found
            .iter()
            .rev()
            .find_map(|(_, headline)| headline.first());
        let Some(number) = number else {
            return Err(Error::not_applicable("no checkpoint gives this number"));
        };
        let mut curve = Self {
            number: number.clone(),
            points: Vec::new(),
            controls: Vec::new(),
        };
        for (update, headline) in found {
            let point = |number: &Number| (*update as f32, number.value as f32);
            let Some((number, controls)) = headline.split_first() else {
                continue;
            };
            curve.points.push(point(number));
            for control in controls {
                let known = curve.controls.iter_mut().find(|one| one.0 == control.name);
                match known {
                    Some((_, points)) => points.push(point(control)),
                    None => curve
                        .controls
                        .push((control.name.clone(), vec![point(control)])),
                }
            }
        }
        Ok(curve)
    }
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    if subject.states.len() != ENTRY.num_states {
        return Err(Error::not_applicable(
            "this op hands a pair of states on to the op that it follows",
        ));
    }
    let followed = Followed::new(parameters)?;
    let key = followed.key(subject);
    let kept = course::checkpoints(subject, parameters.checkpoints);
    let total = kept.len() + 1;
    // The newest first: what it refuses, there is no need to ask of the others.
    let mut found = Vec::with_capacity(kept.len());
    for (index, one) in kept.iter().rev().enumerate() {
        let part = Part {
            watch: subject.watch,
            before: index,
            total,
        };
        let look = followed.at(subject, one, (part, index == 0));
        found.push((one.0, course::once(subject, one.0, &key, look).await?));
        subject.step((index + 1) * STEPS, total * STEPS).await?;
    }
    found.reverse();
    let curve = Curve::new(&found)?;
    let settled = settling::look(subject, &kept, parameters.reference_states).await?;
    subject.step(total * STEPS, total * STEPS).await?;
    Ok(vec![
        report::curve(&followed, &curve, parameters.jump),
        report::settling(&settled),
    ])
}

/// A change that is sudden against a range of less than this share of it is noise.
const LEAST_SHARE: f32 = 0.1;

/// Places `p` such that the step from `values[p]` to the next is sudden: at least `jump` times the median
/// absolute step, and a tenth of the whole range.
fn sudden(values: &[f32], jump: f32) -> Vec<usize> {
    let steps: Vec<f32> = values
        .windows(2)
        .map(|two| (two[1] - two[0]).abs())
        .collect();
    let mut sorted = steps.clone();
    sorted.sort_by(f32::total_cmp);
    let Some(median) = sorted.get(sorted.len() / 2) else {
        return Vec::new();
    };
    let highest = values.iter().copied().fold(f32::MIN, f32::max);
    let lowest = values.iter().copied().fold(f32::MAX, f32::min);
    let least = (jump * median).max(LEAST_SHARE * (highest - lowest));
    let is_sudden = |place: &usize| steps[*place] > 0.0 && steps[*place] >= least;
    (0..steps.len()).filter(is_sudden).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::figure::{Body, Scale};

    #[test]
    fn a_jump_is_sudden_and_a_slope_is_not() {
        let slope: Vec<f32> = (0..10).map(|x| 0.1 * x as f32).collect();
        assert!(sudden(&slope, 4.0).is_empty());
        // Steps of 0.1 but one of 0.5 up and one of 0.6 down: the median is 0.1.
        let jumps = [0.0, 0.1, 0.2, 0.7, 0.8, 0.9, 0.3, 0.4];
        assert_eq!(sudden(&jumps, 4.0), [2, 5]);
        assert_eq!(sudden(&jumps, 5.5), [5]);
    }

    #[test]
    fn where_most_steps_are_none_the_range_decides() {
        let flat = [0.0, 0.0, 0.0, 0.0, 0.02, 0.02, 1.0, 1.0];
        assert_eq!(sudden(&flat, 4.0), [5]);
        assert!(sudden(&[3.0; 5], 4.0).is_empty());
        assert!(sudden(&[3.0], 4.0).is_empty());
        assert!(sudden(&[], 4.0).is_empty());
    }

    fn figure(numbers: Vec<Number>) -> Figure {
        Figure {
            title: "Some".into(),
            caption: "Some.".into(),
            body: Body::Bars {
                x: Scale::default(),
                bars: Vec::new(),
            },
            numbers,
        }
    }

    #[test]
    fn a_headline_is_a_number_with_the_controls_that_follow_it() {
        let plain = |id: &str| Number::new(id, id, 1.0);
        let figures = [
            figure(vec![plain("a"), plain("b"), plain("b_untrained").control()]),
            figure(vec![plain("c").control()]),
        ];
        let ids = |asked: &str| -> Vec<String> {
            let found = headline(&figures, asked);
            found.into_iter().map(|number| number.id).collect()
        };
        assert_eq!(ids(""), ["a"]);
        assert_eq!(ids("b"), ["b", "b_untrained"]);
        assert_eq!(ids("c"), ["c"]);
        assert!(ids("d").is_empty());
    }

    #[test]
    fn what_some_checkpoints_lack_leaves_a_gap() {
        let at = |value| {
            vec![
                Number::new("a", "a", value),
                Number::new("b", "before", 0.5).control(),
            ]
        };
        let found = [(0, vec![]), (10, at(1.0)), (20, at(2.0))];
        let curve = Curve::new(&found).unwrap();
        assert_eq!(curve.points, [(10.0, 1.0), (20.0, 2.0)]);
        assert_eq!(curve.controls[0].1, [(10.0, 0.5), (20.0, 0.5)]);
        assert!(Curve::new(&found[..1]).is_err());
    }
}
