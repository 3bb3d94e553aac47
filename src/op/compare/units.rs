//! Units of teacher and student, side by side.

use super::NAMES;
use crate::op::figure::{Body, Cell, Figure, Number};

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
pub struct Ablated {
    pub network: &'static str,
    pub site: String,
    pub figures: Vec<Figure>,
}

/// Units without effect and units that matter most, in every layer of both networks.
pub fn vestigial(units: &[Ablated]) -> Figure {
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

#[cfg(test)]
mod tests {
    use super::*;

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
