//! Circuits of teacher and student, side by side.

use super::{Party, Said, number};
use crate::op::figure::{Body, Cell, Figure, Number};

/// What tells the two states of a minimal pair apart in each network; none where nothing does in any.
pub fn found(parties: &[Party<'_>], said: &[Said]) -> Option<Figure> {
    let share = |figures: &[Figure], id: &str| {
        let number = number(figures, id)?;
        Some(number.value / number.out_of.filter(|total| *total > 0.0)?)
    };
    let value = |figures: &[Figure], id: &str| number(figures, id).map(|number| number.value);
    let columns = [
        "network",
        "parts in the circuit",
        "of",
        "restored by it alone",
        "by random circuits",
        "lost without it",
        "parts patched for 90 %",
    ];
    let row = |party: &Party<'_>, said: &Said| {
        let circuit = said.circuit.as_deref().unwrap_or_default();
        let patched = said.patched.as_deref().unwrap_or_default();
        let total = number(circuit, "circuit_size").and_then(|number| number.out_of);
        let cells = [
            value(circuit, "circuit_size"),
            total,
            value(circuit, "faithfulness"),
            value(circuit, "faithfulness_random"),
            value(circuit, "completeness"),
            value(patched, "parts_for_90"),
        ];
        let mut row = vec![Cell::Text(party.name.into())];
        row.extend(cells.map(|cell| match cell {
            Some(value) => Cell::Number(value),
            None => Cell::Text("–".into()),
        }));
        row
    };
    let networks = || parties.iter().zip(said);
    networks().find(|(_, said)| said.circuit.is_some())?;
    let of = |id: &str, what: &str, name: &str| {
        let (_, said) = networks().find(|(party, _)| party.id == id)?;
        let circuit = said.circuit.as_deref()?;
        let found = match what {
            "circuit_share" => share(circuit, "circuit_size"),
            _ => value(circuit, what),
        };
        Some(Number::new(&format!("{what}_{id}"), name, found?))
    };
    let control = |id, what, name| of(id, what, name).map(Number::control);
    let numbers = [
        of(
            "student",
            "circuit_share",
            "share of parts in the student's circuit",
        ),
        control("teacher", "circuit_share", "in the teacher's"),
        control("equal", "circuit_share", "in a student's of equal width"),
        of(
            "student",
            "faithfulness",
            "restored by the student's circuit",
        ),
        control("teacher", "faithfulness", "by the teacher's"),
        control(
            "student",
            "faithfulness_random",
            "by random ones of the student",
        ),
    ];
    Some(Figure {
        title: "Circuits side by side".into(),
        caption: "What tells the two states of a minimal pair apart in each network: how many parts suffice, and what \
                  they restore of the answer, beside random circuits; a dash where the two get the same answer."
            .into(),
        body: Body::Table {
            columns: columns.map(String::from).to_vec(),
            rows: networks()
                .filter(|(party, _)| party.is_trained())
                .map(|(party, said)| row(party, said))
                .collect(),
        },
        numbers: numbers.into_iter().flatten().collect(),
    })
}
