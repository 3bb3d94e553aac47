//! Problem 8.19: what is in a teacher and in the student distilled from it, side by side. The same ops are
//! run on both, and their numbers compared.

use super::{
    OpEntry, Subject, Watch, ablate, cka, clone,
    distil::{self, Distilled},
    figure::{Body, Cell, Colour, Figure, Number, Scale},
    probe, reference_states,
};
use crate::{
    backend::Pending,
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
    summary: "Distils a student, and looks for the same concepts, units and representations in both networks.",
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
    /// Training steps of the student, taught as `clone` does.
    #[schemars(range(min = 1, max = 5000))]
    pub num_steps: usize,
    /// The site whose units are taken away one at a time; the last one of each hidden layer when empty.
    #[schemars(extend("x-choices" = "sites"))]
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

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let portion = |from, to| Portion {
        watch: subject.watch,
        from,
        to,
    };
    let setting = clone::Parameters {
        scale: parameters.scale,
        num_steps: parameters.num_steps,
        ..clone::Parameters::default()
    };
    let found = distil::distil(subject, setting.setting(), &portion(0, TOTAL / 2)).await?;
    let layers = match parameters.site.as_str() {
        "" => layers(subject.sites),
        name => vec![find_site(subject.sites, name)?.name.as_str()],
    };
    let networks = [
        (&found.teacher, &subject.untrained, subject.sites),
        (&found.student, &found.untrained, found.sites.as_slice()),
        (&subject.untrained, &subject.untrained, subject.sites),
        (&found.untrained, &found.untrained, found.sites.as_slice()),
    ];
    let probing = json!({"num_seeds": 1, "reference_states": 2 * parameters.reference_states});
    let (mut units, mut concepts) = (Vec::new(), Vec::new());
    for (place, (evaluator, untrained, sites)) in networks.into_iter().enumerate() {
        let from = TOTAL / 2 + 125 * place;
        let watch = portion(from, from + 25);
        let one = beside(subject, evaluator, untrained, sites, &watch);
        concepts.extend(if_any((probe::ENTRY.run)(&one, &probing).await)?);
        // The op measures each network's untrained self beside it.
        for (layer, site) in layers.iter().enumerate().filter(|_| place < 2) {
            let share = |layer| from + 25 + 100 * layer / layers.len();
            let watch = portion(share(layer), share(layer + 1));
            let one = beside(subject, evaluator, untrained, sites, &watch);
            let asked = json!({"site": site, "reference_states": parameters.reference_states});
            let figures = if_any((ablate::ENTRY.run)(&one, &asked).await)?;
            units.extend(figures.map(|figures| Ablated {
                network: NAMES[place],
                site: (*site).to_owned(),
                figures,
            }));
        }
    }
    let mut figures = vec![vestigial(&units)];
    figures.extend(probed(&found.sites, &concepts));
    figures.push(alike(subject, &found, parameters.reference_states).await?);
    subject.step(TOTAL, TOTAL).await?;
    Ok(figures)
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
    evaluator: &Evaluator,
    untrained: &Evaluator,
    sites: &'a [Site],
    watch: &'a dyn Watch,
) -> Subject<'a> {
    Subject {
        evaluator: evaluator.clone(),
        untrained: untrained.clone(),
        sites,
        env: subject.env,
        states: Vec::new(),
        rng: subject.rng.clone(),
        lab: subject.lab,
        watch,
    }
}

/// The networks that are looked at, in this order.
const NAMES: [&str; 4] = [
    "teacher",
    "student",
    "teacher, untrained",
    "student, untrained",
];

/// The number called `id` among the figures of an op.
fn number<'a>(figures: &'a [Figure], id: &str) -> Option<&'a Number> {
    let mut numbers = figures.iter().flat_map(|figure| &figure.numbers);
    numbers.find(|number| number.id == id)
}

/// The first of an ablation's bars: the unit that matters most.
fn strongest(figures: &[Figure]) -> Option<(&str, f32)> {
    figures.iter().find_map(|figure| match &figure.body {
        Body::Bars { bars, .. } => bars.first().map(|bar| (bar.name.as_str(), bar.value)),
        _ => None,
    })
}

/// What ablation said of a layer of a network.
struct Ablated {
    network: &'static str,
    site: String,
    figures: Vec<Figure>,
}

/// Units without effect and units that matter most, in every layer of both networks.
fn vestigial(units: &[Ablated]) -> Figure {
    let row = |one: &Ablated| {
        let cell = |id| match number(&one.figures, id) {
            Some(number) => Cell::Number(number.value),
            None => Cell::Text("–".into()),
        };
        let (unit, effect) = strongest(&one.figures).unwrap_or_default();
        vec![
            Cell::Text(one.network.into()),
            Cell::Text(one.site.clone()),
            Cell::Number(total(&[one], "vestigial_units").1),
            cell("vestigial_units"),
            Cell::Text(unit.into()),
            Cell::Number(effect.into()),
            cell("moves_changed"),
            cell("moves_changed_median"),
        ]
    };
    let columns = [
        "network",
        "site",
        "units",
        "vestigial",
        "strongest unit",
        "its effect, nats",
        "choices changed by it",
        "by the median unit",
    ];
    Figure {
        title: "Units side by side".into(),
        caption: "Units of each layer taken away one at a time in both networks: how many hardly move the \
                  policy, and what the one that moves it most does."
            .into(),
        body: Body::Table {
            columns: columns.map(String::from).to_vec(),
            rows: units.iter().map(row).collect(),
        },
        numbers: counts(units),
    }
}

/// Vestigial units of both networks, over all layers.
fn counts(units: &[Ablated]) -> Vec<Number> {
    let (student, teacher): (Vec<&Ablated>, Vec<&Ablated>) =
        units.iter().partition(|one| one.network == NAMES[1]);
    let count =
        |id: &str, name: &str, (value, all): (f64, f64)| Number::new(id, name, value).out_of(all);
    let [in_student, in_teacher] = [&student, &teacher].map(|of| total(of, "vestigial_units"));
    let gone = (in_teacher.0 - in_student.0, in_teacher.1);
    let mut numbers = vec![
        count(
            "vestigial_gone",
            "vestigial units gone in the student",
            gone,
        ),
        count(
            "vestigial_student",
            "vestigial units of the student",
            in_student,
        ),
        count("vestigial_teacher", "of the teacher", in_teacher).control(),
    ];
    for (id, name, of) in [
        (
            "vestigial_student_untrained",
            "of the untrained student",
            &student,
        ),
        (
            "vestigial_teacher_untrained",
            "of the untrained teacher",
            &teacher,
        ),
    ] {
        let found = total(of, "vestigial_units_untrained");
        numbers.extend((found.1 > 0.0).then(|| count(id, name, found).control()));
    }
    numbers
}

/// A number of some ablations, added up, and what it is out of.
fn total(units: &[&Ablated], id: &str) -> (f64, f64) {
    let numbers = units.iter().filter_map(|one| number(&one.figures, id));
    numbers.fold((0.0, 0.0), |(sum, all), number| {
        (sum + number.value, all + number.out_of.unwrap_or(0.0))
    })
}

/// Scores of probes by concept, the best of any hidden site: `[concept]`.
fn best_by_concept(sites: &[Site], figures: &[Figure]) -> Option<Vec<(String, Option<f32>)>> {
    let Body::Heatmap {
        rows,
        columns,
        values,
        ..
    } = &figures.first()?.body
    else {
        return None;
    };
    let is_hidden = |name: &String| {
        let mut sites = sites.iter().filter(|site| is_hidden(site));
        sites.any(|site| site.name == *name)
    };
    let scores = values.chunks_exact(columns.labels.len().max(1));
    let best = |scores: &[Option<f32>]| {
        let places = columns.labels.iter().zip(scores);
        let hidden = places.filter(|(name, _)| is_hidden(name));
        hidden.filter_map(|(_, score)| *score).reduce(f32::max)
    };
    Some(rows.labels.iter().cloned().zip(scores.map(best)).collect())
}

/// How well each concept can be read from each network, and where the two differ.
fn probed(sites: &[Site], concepts: &[Vec<Figure>]) -> Vec<Figure> {
    let best: Option<Vec<_>> = concepts
        .iter()
        .map(|figures| best_by_concept(sites, figures))
        .collect();
    let Some([teacher, student, first, fresh]) = best.as_deref() else {
        return Vec::new();
    };
    let cell = |score: Option<f32>| match score {
        Some(score) => Cell::Number(score.into()),
        None => Cell::Text("–".into()),
    };
    let row = |place: usize| {
        let mut cells = vec![Cell::Text(teacher[place].0.clone())];
        cells.extend([teacher, student, first, fresh].map(|one| cell(one[place].1)));
        cells
    };
    let mean = |one: &[(String, Option<f32>)]| {
        let scores: Vec<f64> = one.iter().filter_map(|one| one.1.map(f64::from)).collect();
        scores.iter().sum::<f64>() / scores.len().max(1) as f64
    };
    let mut columns = vec!["concept".to_owned()];
    columns.extend(NAMES.map(String::from));
    let table = Figure {
        title: "Concepts side by side".into(),
        caption: "How well a linear probe reads each concept from the best hidden site of each network: balanced \
                  accuracy from chance 0 to 1, or R² of a number."
            .into(),
        body: Body::Table {
            columns,
            rows: (0..teacher.len()).map(row).collect(),
        },
        numbers: vec![
            Number::new("concepts_student", "mean probe score, student", mean(student)),
            Number::new("concepts_teacher", "teacher", mean(teacher)).control(),
            Number::new("concepts_teacher_untrained", "untrained teacher", mean(first)).control(),
            Number::new("concepts_student_untrained", "untrained student", mean(fresh)).control(),
        ],
    };
    [Some(table), difference(concepts)]
        .into_iter()
        .flatten()
        .collect()
}

/// The student's probe scores less the teacher's, by concept and site.
fn difference(concepts: &[Vec<Figure>]) -> Option<Figure> {
    let scores = |place: usize| match &concepts.get(place)?.first()?.body {
        Body::Heatmap {
            rows,
            columns,
            values,
            ..
        } => Some((rows, columns, values)),
        _ => None,
    };
    let ((rows, columns, teacher), (_, _, student)) = (scores(0)?, scores(1)?);
    let less = |(one, other): (&Option<f32>, &Option<f32>)| Some((*other)? - (*one)?);
    let values: Vec<Option<f32>> = teacher.iter().zip(student).map(less).collect();
    let most = values
        .iter()
        .flatten()
        .fold(0.05_f32, |top, x| top.max(x.abs()));
    Some(Figure {
        title: "Concepts won and lost".into(),
        caption: "Probe scores of the student less the teacher's, by concept and site: above zero where the student \
                  says more plainly what the state is like."
            .into(),
        body: Body::Heatmap {
            rows: rows.clone(),
            columns: columns.clone(),
            values,
            colour: Colour::Diverging {
                limit: most,
                name: "student less teacher".into(),
            },
        },
        numbers: Vec::new(),
    })
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

    #[test]
    fn units_that_are_gone_are_the_teachers_less_the_students() {
        let ablated = |network, vestigial: f64, units: f64| Ablated {
            network,
            site: "h".into(),
            figures: vec![Figure {
                title: "Units".into(),
                caption: "Units.".into(),
                body: Body::Table {
                    columns: Vec::new(),
                    rows: Vec::new(),
                },
                numbers: vec![Number::new("vestigial_units", "vestigial", vestigial).out_of(units)],
            }],
        };
        let units = [
            ablated(NAMES[0], 3.0, 16.0),
            ablated(NAMES[0], 2.0, 16.0),
            ablated(NAMES[1], 1.0, 4.0),
        ];
        let found = counts(&units);
        let found: Vec<_> = found
            .iter()
            .map(|one| (one.id.as_str(), one.value, one.out_of))
            .collect();
        let expected = [
            ("vestigial_gone", 4.0, Some(32.0)),
            ("vestigial_student", 1.0, Some(4.0)),
            ("vestigial_teacher", 5.0, Some(32.0)),
        ];
        assert_eq!(found, expected);
    }
}
