//! Units that play no part, over all hidden sites.

use super::{
    Parameters, VESTIGIAL,
    effect::{Ablator, Effect, Worth},
    units,
};
use crate::{
    env::Env,
    error::{Error, Result},
    model::Site,
    op::{
        Subject,
        figure::{Body, Cell, Figure, Number},
    },
};

/// Units that are named in a row of the table.
const NUM_NAMED: usize = 12;

/// How many units of a site do nothing, by what they do nothing to.
#[derive(Debug, Clone, Default, PartialEq)]
struct Idle {
    units: usize,
    /// They move the policy by less than [`VESTIGIAL`].
    policy: usize,
    /// They cost no return beyond the tolerance; none where nothing says.
    worth: Option<usize>,
    /// They change no choice: these.
    choices: Vec<usize>,
}

impl Idle {
    fn of(effects: &[Effect], tolerance: f32) -> Self {
        let count = |idle: &dyn Fn(&Effect) -> bool| effects.iter().filter(|one| idle(one)).count();
        let known = effects.iter().all(|one| one.lost.is_some());
        let keeps = |one: &Effect| one.lost.is_some_and(|lost| lost.abs() <= tolerance);
        Self {
            units: effects.len(),
            policy: count(&|one| one.divergence < VESTIGIAL),
            worth: known.then(|| count(&keeps)),
            choices: (0..effects.len())
                .filter(|&unit| effects[unit].changed == 0)
                .collect(),
        }
    }
}

/// A table of all hidden sites, and the same network untrained.
pub(super) async fn run(
    subject: &Subject<'_>,
    parameters: &Parameters,
    states: &[Box<dyn Env>],
    worth: &Worth,
) -> Result<Vec<Figure>> {
    let is_hidden = |site: &&Site| !site.is_output() && site.name != "obs";
    let sites: Vec<&Site> = subject.sites.iter().filter(is_hidden).collect();
    if sites.is_empty() {
        return Err(Error::not_applicable("this network has no hidden site"));
    }
    let total = 2 * sites.iter().map(|site| units(site).len()).sum::<usize>();
    let mut done = 0;
    let mut networks = Vec::with_capacity(2);
    for evaluator in [&subject.evaluator, &subject.untrained] {
        let ablator = Ablator::new(subject, evaluator, states, parameters.mode, worth).await?;
        let mut rows = Vec::with_capacity(sites.len());
        for site in &sites {
            let mut effects = Vec::new();
            for unit in units(site) {
                effects.push(ablator.effect(site, unit).await?);
                done += 1;
                subject.step(done, total).await?;
            }
            rows.push(Idle::of(&effects, parameters.tolerance));
        }
        networks.push(rows);
    }
    let untrained = networks.pop().unwrap_or_default();
    let trained = networks.pop().unwrap_or_default();
    Ok(vec![table(
        &sites,
        &trained,
        &untrained,
        states.len(),
        worth.name(),
    )])
}

fn table(
    sites: &[&Site],
    trained: &[Idle],
    untrained: &[Idle],
    states: usize,
    worth: &str,
) -> Figure {
    let valued = trained
        .iter()
        .chain(untrained)
        .all(|idle| idle.worth.is_some());
    let count = |number: usize| Cell::Number(number as f64);
    let row = |place: usize| {
        let (idle, control) = (&trained[place], &untrained[place]);
        let mut cells = vec![
            Cell::Text(sites[place].name.clone()),
            count(idle.units),
            count(idle.policy),
            count(control.policy),
            count(idle.choices.len()),
            count(control.choices.len()),
        ];
        if valued {
            cells.extend([idle, control].map(|one| count(one.worth.unwrap_or(0))));
        }
        cells.push(Cell::Text(named(&idle.choices)));
        cells
    };
    let mut columns = vec![
        "site",
        "units",
        "policy kept",
        "untrained",
        "choices kept",
        "untrained",
    ];
    if valued {
        columns.extend(["return kept", "untrained"]);
    }
    columns.push("units that change no choice");
    let sum =
        |rows: &[Idle], of: &dyn Fn(&Idle) -> usize| rows.iter().map(of).sum::<usize>() as f64;
    let all = sum(trained, &|idle| idle.units);
    let mut numbers = Vec::new();
    let mut both = |id: &str, name: &str, of: &dyn Fn(&Idle) -> usize| {
        numbers.push(Number::new(id, name, sum(trained, of)).out_of(all));
        let id = format!("{id}_untrained");
        numbers.push(
            Number::new(&id, "untrained", sum(untrained, of))
                .out_of(all)
                .control(),
        );
    };
    both(
        "vestigial_everywhere",
        "units that leave the policy alone",
        &|idle| idle.policy,
    );
    both("idle_everywhere", "units that change no choice", &|idle| {
        idle.choices.len()
    });
    if valued {
        let name = format!("units that cost no {worth}");
        both("harmless_everywhere", &name, &|idle| {
            idle.worth.unwrap_or(0)
        });
    }
    Figure {
        title: "Units without effect".into(),
        caption: format!(
            "How many units of each hidden site can be taken away, one at a time, and leave the policy, every \
             choice on {states} states, or the {worth} as it was."
        ),
        body: Body::Table {
            columns: columns.into_iter().map(String::from).collect(),
            rows: (0..sites.len()).map(row).collect(),
        },
        numbers,
    }
}

/// The first of some units in words.
fn named(units: &[usize]) -> String {
    let first: Vec<String> = units
        .iter()
        .take(NUM_NAMED)
        .map(ToString::to_string)
        .collect();
    match units.len().saturating_sub(NUM_NAMED) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_units_are_counted_by_hand() {
        let effect = |divergence, changed, lost| Effect {
            divergence,
            changed,
            lost: Some(lost),
        };
        let effects = [
            effect(0.0, 0, 0.0),
            effect(0.5, 0, 0.0),
            effect(0.5, 3, 0.4),
            effect(0.5, 3, -0.4),
        ];
        let idle = Idle::of(&effects, 0.1);
        assert_eq!(
            (idle.policy, idle.worth, idle.choices),
            (1, Some(2), vec![0, 1])
        );
        let unknown = [Effect {
            lost: None,
            ..effects[0]
        }];
        assert_eq!(Idle::of(&unknown, 0.1).worth, None);
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(named(&[3, 5]), "3, 5");
        let many: Vec<usize> = (0..14).collect();
        assert_eq!(
            named(&many),
            "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 2 more"
        );
    }
}
