//! Units of teacher and student, side by side.

use super::{Party, Said, number};
use crate::op::figure::{Body, Cell, Figure, Number};

/// The first of an ablation's bars: the unit that matters most.
fn strongest(figures: &[Figure]) -> Option<(&str, f32)> {
    figures.iter().find_map(|figure| match &figure.body {
        Body::Bars { bars, .. } => bars.first().map(|bar| (bar.name.as_str(), bar.value)),
        _ => None,
    })
}

/// Units without effect and units that matter most, in every layer of the trained networks.
pub fn vestigial(parties: &[Party<'_>], said: &[Said]) -> Figure {
    let row = |name: &str, (site, figures): &(String, Vec<Figure>)| {
        let cell = |id| match number(figures, id) {
            Some(number) => Cell::Number(number.value),
            None => Cell::Text("–".into()),
        };
        let units = number(figures, "vestigial_units").and_then(|number| number.out_of);
        let (unit, effect) = strongest(figures).unwrap_or_default();
        vec![
            Cell::Text(name.into()),
            Cell::Text(site.clone()),
            Cell::Number(units.unwrap_or(0.0)),
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
    let networks = parties.iter().zip(said);
    let rows = networks.flat_map(|(party, said)| said.units.iter().map(|one| row(party.name, one)));
    let units = parties.iter().zip(said);
    let units: Vec<(&str, Vec<&[Figure]>)> = units
        .filter(|(party, _)| party.is_trained())
        .map(|(party, said)| {
            let figures = said.units.iter().map(|one| one.1.as_slice());
            (party.id, figures.collect())
        })
        .collect();
    Figure {
        title: "Units side by side".into(),
        caption: "Units of each layer taken away one at a time in each network: how many hardly move the \
                  policy, and what the one that moves it most does."
            .into(),
        body: Body::Table {
            columns: columns.map(String::from).to_vec(),
            rows: rows.collect(),
        },
        numbers: counts(&units),
    }
}

/// Vestigial units of each network, over all layers.
fn counts(units: &[(&str, Vec<&[Figure]>)]) -> Vec<Number> {
    let count =
        |id: &str, name: &str, (value, all): (f64, f64)| Number::new(id, name, value).out_of(all);
    let of = |id: &str, number: &str| {
        let found = units.iter().find(|(network, _)| *network == id);
        found.map_or((0.0, 0.0), |(_, figures)| total(figures, number))
    };
    let ours = |id| of(id, "vestigial_units");
    let (student, teacher, equal) = (ours("student"), ours("teacher"), ours("equal"));
    let gone = (teacher.0 - student.0, teacher.1);
    let mut numbers = vec![
        count(
            "vestigial_gone",
            "vestigial units gone in the student",
            gone,
        ),
        count(
            "vestigial_student",
            "vestigial units of the student",
            student,
        ),
        count("vestigial_teacher", "of the teacher", teacher).control(),
    ];
    let before = |id| of(id, "vestigial_units_untrained");
    for (id, name, found) in [
        (
            "vestigial_equal",
            "of a student as wide as the teacher",
            equal,
        ),
        (
            "vestigial_student_untrained",
            "of the untrained student",
            before("student"),
        ),
        (
            "vestigial_teacher_untrained",
            "of the untrained teacher",
            before("teacher"),
        ),
    ] {
        numbers.extend((found.1 > 0.0).then(|| count(id, name, found).control()));
    }
    numbers
}

/// A number of some ablations, added up, and what it is out of.
fn total(units: &[&[Figure]], id: &str) -> (f64, f64) {
    let numbers = units.iter().filter_map(|figures| number(figures, id));
    numbers.fold((0.0, 0.0), |(sum, all), number| {
        (sum + number.value, all + number.out_of.unwrap_or(0.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_that_are_gone_are_the_teachers_less_the_students() {
        let ablated = |vestigial: f64, units: f64| {
            vec![Figure {
                title: "Units".into(),
                caption: "Units.".into(),
                body: Body::Table {
                    columns: Vec::new(),
                    rows: Vec::new(),
                },
                numbers: vec![Number::new("vestigial_units", "vestigial", vestigial).out_of(units)],
            }]
        };
        let layers = [
            ablated(3.0, 16.0),
            ablated(2.0, 16.0),
            ablated(1.0, 4.0),
            ablated(7.0, 32.0),
        ];
        let layers: Vec<&[Figure]> = layers.iter().map(Vec::as_slice).collect();
        let units = [
            ("teacher", layers[..2].to_vec()),
            ("student", layers[2..3].to_vec()),
            ("equal", layers[3..].to_vec()),
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
            ("vestigial_equal", 7.0, Some(32.0)),
        ];
        assert_eq!(found, expected);
    }
}
