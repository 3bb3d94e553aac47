//! Problem 8.19: what is in a teacher and in the student distilled from it, side by side. The same ops are
//! run on both, and their numbers compared. A second student, as wide as the teacher, can tell what the teaching
//! does from what the width does.

mod circuits;
mod concepts;
mod units;

use super::{
    OpEntry, Subject, Watch, ablate, circuit, cka, clone,
    distil::{self, Distilled},
    figure::{Body, Colour, Figure, Number, Scale},
    pairs, patch, probe, reference_states,
};
use crate::{
    backend::Pending,
    env::Env,
    error::{Error, Result},
    model::{
        Site, Stage,
        evaluator::{Evaluator, observations},
        find_site,
    },
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "compare",
    title: "Teacher and student",
    summary: "Distils a student, and looks for the same concepts, units, circuits and representations in both networks.",
    schema: schema::schema_of::<Parameters>,
    num_states: 0,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "compare")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// The student's width, as a share of the teacher's.
    #[schemars(range(min = 0.015625, max = 1.0))]
    pub scale: f32,
    /// Whether a second student is taught, as wide as the teacher: what the width does it does not show.
    pub equal_width: bool,
    /// Training steps of each student, taught as `clone` does.
    #[schemars(range(min = 1, max = 5000))]
    pub num_steps: usize,
    /// The site whose units are taken away one at a time; the last one of each hidden layer when empty.
    #[schemars(extend("x-choices" = "sites", "x-auto" = "last of each layer"))]
    pub site: String,
    /// States to compare on.
    #[schemars(range(min = 64, max = 1024))]
    pub reference_states: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        let clone::Parameters {
            scale, num_steps, ..
        } = clone::Parameters::default();
        Self {
            scale,
            equal_width: false,
            num_steps,
            site: String::new(),
            reference_states: 256,
        }
    }
}

/// Steps of the whole: half of them teach, the others look.
const TOTAL: usize = 1000;

/// Steps of a part, as steps of the whole.
struct Portion<'a> {
    watch: &'a dyn Watch,
    from: usize,
    to: usize,
}

impl Watch for Portion<'_> {
    fn step(&self, done: usize, total: usize) -> Pending<'_, Result<()>> {
        let within = (self.to - self.from) * done / total.max(1);
        self.watch.step(self.from + within, TOTAL)
    }
}

/// A network that is looked at.
struct Party<'a> {
    /// What it is called.
    name: &'static str,
    /// Its id among numbers.
    id: &'static str,
    evaluator: &'a Evaluator,
    /// Its first weights; itself where it was never trained.
    untrained: &'a Evaluator,
    sites: &'a [Site],
}

impl Party<'_> {
    fn is_trained(&self) -> bool {
        !self.id.ends_with("untrained")
    }
}

/// What the ops said of one network.
#[derive(Default)]
struct Said {
    concepts: Option<Vec<Figure>>,
    /// By layer.
    units: Vec<(String, Vec<Figure>)>,
    patched: Option<Vec<Figure>>,
    circuit: Option<Vec<Figure>>,
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let portion = |from, to| Portion {
        watch: subject.watch,
        from,
        to,
    };
    let setting = |scale| {
        let taught = clone::Parameters {
            scale,
            num_steps: parameters.num_steps,
            ..clone::Parameters::default()
        };
        taught.setting()
    };
    let half = TOTAL / 2;
    let middle = if parameters.equal_width {
        half / 2
    } else {
        half
    };
    let found = distil::distil(subject, setting(parameters.scale), &portion(0, middle)).await?;
    let equal = match parameters.equal_width {
        true => Some(distil::distil(subject, setting(1.0), &portion(middle, half)).await?),
        false => None,
    };
    let parties = parties(subject, &found, equal.as_ref());
    let pair = pairs::pairs(subject, 1).await?.pop();
    let share = |party| half + (TOTAL - half) * party / parties.len();
    let mut said = Vec::with_capacity(parties.len());
    for (place, party) in parties.iter().enumerate() {
        let watch = portion(share(place), share(place + 1));
        said.push(look(subject, parameters, party, pair.as_ref(), &watch).await?);
    }
    let mut figures = vec![units::vestigial(&parties, &said)];
    figures.extend(concepts::probed(&parties, &said));
    figures.extend(circuits::found(&parties, &said));
    figures.push(alike(subject, &found, parameters.reference_states).await?);
    subject.step(TOTAL, TOTAL).await?;
    Ok(figures)
}

/// Teacher, student, a student as wide as the teacher where there is one, and the first weights of the first
/// two.
fn parties<'a>(
    subject: &'a Subject<'_>,
    found: &'a Distilled,
    equal: Option<&'a Distilled>,
) -> Vec<Party<'a>> {
    let teacher = Party {
        name: "teacher",
        id: "teacher",
        evaluator: &found.teacher,
        untrained: &subject.untrained,
        sites: subject.sites,
    };
    let student = Party {
        name: "student",
        id: "student",
        evaluator: &found.student,
        untrained: &found.untrained,
        sites: &found.sites,
    };
    let before = |party: &Party<'a>, name, id| Party {
        name,
        id,
        evaluator: party.untrained,
        ..*party
    };
    let first = before(&teacher, "teacher, untrained", "teacher_untrained");
    let fresh = before(&student, "student, untrained", "student_untrained");
    let equal = equal.map(|equal| Party {
        name: "student of equal width",
        id: "equal",
        evaluator: &equal.student,
        untrained: &equal.untrained,
        sites: &equal.sites,
    });
    let mut parties = vec![teacher, student];
    parties.extend(equal);
    parties.extend([first, fresh]);
    parties
}

/// Asks every op about one network: for concepts, and where it is trained for units, and for what tells the
/// two states of `pair` apart.
async fn look(
    subject: &Subject<'_>,
    parameters: &Parameters,
    party: &Party<'_>,
    pair: Option<&[Box<dyn Env>; 2]>,
    watch: &Portion<'_>,
) -> Result<Said> {
    let mut said = Said::default();
    let at = |part: usize| watch.from + (watch.to - watch.from) * part / 10;
    let portion = |from, to| Portion { from, to, ..*watch };
    let probing = json!({"num_seeds": 1, "reference_states": 2 * parameters.reference_states});
    let part = portion(at(0), at(3));
    let one = beside(subject, party, &[], &part);
    said.concepts = if_any((probe::ENTRY.run)(&one, &probing).await)?;
    let layers = match parameters.site.as_str() {
        "" => layers(subject.sites),
        name => vec![find_site(subject.sites, name)?.name.as_str()],
    };
    // The op measures each network's untrained self beside it.
    for (layer, site) in layers.iter().enumerate().filter(|_| party.is_trained()) {
        let share = |layer| at(3) + (at(8) - at(3)) * layer / layers.len();
        let part = portion(share(layer), share(layer + 1));
        let one = beside(subject, party, &[], &part);
        let asked = json!({"site": site, "reference_states": parameters.reference_states});
        let figures = if_any((ablate::ENTRY.run)(&one, &asked).await)?;
        said.units
            .extend(figures.map(|figures| ((*site).to_owned(), figures)));
    }
    if let Some(pair) = pair.filter(|_| party.is_trained()) {
        let part = portion(at(8), at(9));
        let one = beside(subject, party, pair, &part);
        said.patched = if_any((patch::ENTRY.run)(&one, &json!({})).await)?;
        let part = portion(at(9), at(10));
        let one = beside(subject, party, pair, &part);
        said.circuit = if_any((circuit::ENTRY.run)(&one, &json!({})).await)?;
    }
    Ok(said)
}

/// The number called `id` among the figures of an op.
fn number<'a>(figures: &'a [Figure], id: &str) -> Option<&'a Number> {
    let mut numbers = figures.iter().flat_map(|figure| &figure.numbers);
    numbers.find(|number| number.id == id)
}

/// What an op found; none where it does not apply.
fn if_any(found: Result<Vec<Figure>>) -> Result<Option<Vec<Figure>>> {
    match found {
        Ok(figures) => Ok(Some(figures)),
        Err(Error::NotApplicable { .. }) => Ok(None),
        Err(why) => Err(why),
    }
}

/// The last site of each hidden layer: of `blocks.0.pre` and `blocks.0.post` the latter.
fn layers(sites: &[Site]) -> Vec<&str> {
    let hidden = sites
        .iter()
        .filter(|site| is_hidden(site) && site.stage != Stage::Motor);
    let layer = |name: &str| name.rsplit_once('.').map(|(layer, _)| layer.to_owned());
    let mut layers: Vec<&str> = Vec::new();
    for site in hidden {
        match layers.last_mut() {
            Some(last) if layer(last).is_some() && layer(last) == layer(&site.name) => {
                *last = &site.name;
            }
            _ => layers.push(&site.name),
        }
    }
    layers
}

fn is_hidden(site: &Site) -> bool {
    !site.is_output() && site.name != "obs"
}

/// Another network in the place of the subject's.
fn beside<'a>(
    subject: &'a Subject<'_>,
    party: &Party<'a>,
    states: &[Box<dyn Env>],
    watch: &'a dyn Watch,
) -> Subject<'a> {
    Subject {
        evaluator: party.evaluator.clone(),
        untrained: party.untrained.clone(),
        sites: party.sites,
        env: subject.env,
        states: states.to_vec(),
        rng: subject.rng.clone(),
        lab: subject.lab,
        watch,
    }
}

/// Linear CKA of the teacher's sites with the student's.
async fn alike(subject: &Subject<'_>, found: &Distilled, count: usize) -> Result<Figure> {
    let states = reference_states(subject.env, count, &mut subject.rng.split("reference"));
    let observed = observations(&states);
    let of = |evaluator: &Evaluator, sites: &[Site]| {
        let (evaluator, sites, observed) = (evaluator.clone(), sites.to_vec(), observed.clone());
        let count = states.len();
        async move { cka::kernels(&evaluator, &sites, observed, count).await }
    };
    let teacher = of(&found.teacher, subject.sites).await?;
    let student = of(&found.student, &found.sites).await?;
    let fresh = of(&found.untrained, &found.sites).await?;
    let chance = cka::by_chance(subject.sites, &teacher, &mut subject.rng.split("shuffled"));
    let names = |sites: &[Site]| sites.iter().map(|site| site.name.clone()).collect();
    let values = teacher
        .iter()
        .flat_map(|one| student.iter().map(move |other| cka::similarity(one, other)));
    let same = |other: &[cka::Kernel]| cka::mean_of_same(subject.sites, &teacher, other);
    let numbers = [
        same(&student)
            .map(|value| Number::new("similarity_student", "CKA of equal hidden sites", value)),
        same(&fresh).map(|value| {
            Number::new("similarity_student_untrained", "untrained student", value).control()
        }),
        chance.map(|value| Number::new("similarity_by_chance", "states shuffled", value).control()),
    ];
    Ok(Figure {
        title: "Similarity of sites".into(),
        caption: "Linear CKA of the teacher's sites, from the top, with the student's on the same states: 1 where they \
                  differ by a rotation and a scale."
            .into(),
        body: Body::Heatmap {
            rows: Scale::labelled("teacher's site", names(subject.sites)),
            columns: Scale::labelled("student's site", names(&found.sites)),
            values: values.collect(),
            colour: Colour::Sequential {
                limit: 1.0,
                name: "CKA".into(),
            },
        },
        numbers: numbers.into_iter().flatten().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Axis;

    #[test]
    fn a_layer_is_told_by_its_last_site() {
        let site = |name: &str, axis: &str, stage| Site::new(name, vec![Axis::new(axis, 4)], stage);
        let sites = [
            site("obs", "unit", Stage::Sensory),
            site("stem", "unit", Stage::Sensory),
            site("blocks.0.pre", "unit", Stage::Sensory),
            site("blocks.0.post", "unit", Stage::Sensory),
            site("blocks.1.post", "unit", Stage::Analysis),
            site("policy.hidden", "unit", Stage::Motor),
            site("policy", "action", Stage::Motor),
        ];
        assert_eq!(layers(&sites), ["stem", "blocks.0.post", "blocks.1.post"]);
    }
}
