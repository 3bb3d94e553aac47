//! The tree that a search grows (Silver et al. 2018), with the network whole and with a part of it taken
//! away: what search repairs of a damaged network, in one state and over many.

use super::{
    OpEntry, Subject, bank,
    figure::{Bar, Body, Branch, Cell, Colour, Figure, Number, Scale},
    reference_states, samples,
};
use crate::{
    agent::{Decision, Explored},
    env::{Env, Optimum, legal_actions},
    error::{Error, Result},
    model::{
        Site,
        evaluator::Evaluator,
        taps::{self, Bank, Edit, EditOp, Select},
    },
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "search_tree",
    title: "Search tree",
    summary: "The tree that the agent's search grows, and what it repairs once a part of the network is taken away.",
    schema: schema::schema_of::<Parameters>,
    num_states: 1,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "search_tree")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// Simulations of each search; as many as the agent has at play when 0.
    #[schemars(range(max = 1600), extend("x-auto" = "as at play"))]
    pub num_simulations: usize,
    /// What damages the network.
    pub damage: Damage,
    /// The site to damage; the last one before the heads when empty.
    #[schemars(extend("x-choices" = "sites", "x-auto" = "last before the heads"))]
    pub site: String,
    /// What is taken away there, such as `0, 4-9`: units, or channels of a grid; a random half when empty.
    #[schemars(extend("x-auto" = "a random half"))]
    pub units: String,
    /// What taken activations become.
    pub mode: Mode,
    /// States over which errors are counted.
    #[schemars(range(min = 16, max = 1024))]
    pub reference_states: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            num_simulations: 0,
            damage: Damage::Site,
            site: String::new(),
            units: String::new(),
            mode: Mode::Zero,
            reference_states: 512,
        }
    }
}

/// What damages the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Damage {
    /// Units of a site are taken away, on top of the session's edits.
    Site,
    /// The session's edits; the network without them is the whole one.
    Session,
}

/// What taken activations become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Zero.
    Zero,
    /// Their mean over the reference states.
    Mean,
}

/// Nodes of a drawn tree, the most visited.
const NUM_DRAWN: usize = 60;
/// States that are searched together.
const CHUNK: usize = 32;

/// The whole network, the damaged one and the untrained one.
const NAMES: [&str; 3] = ["whole", "damaged", "untrained"];

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let [state, ..] = subject.states.as_slice() else {
        return Err(Error::not_applicable("this op looks at a state"));
    };
    let count = parameters.reference_states;
    let states = reference_states(subject.env, count, &mut subject.rng.split("reference"));
    let damage = damaged(subject, parameters, &states).await?;
    let one = std::slice::from_ref(state);
    let simulations = Some(parameters.num_simulations).filter(|count| *count > 0);
    let mut pair = Vec::with_capacity(2);
    for evaluator in &damage.networks[..2] {
        let mut found = subject.lab.explore(evaluator, one, simulations).await?;
        pair.extend(found.pop());
    }
    let [whole, broken] = pair.as_slice() else {
        return Err(Error::not_applicable("the search came to nothing"));
    };
    let bare = Decision::bare(&damage.networks[1], one).await?;
    let errors = Errors::count(subject, &damage.networks, &states, simulations).await?;
    let optimum = state.optimum();
    let caption = |what: &str| {
        format!(
            "The {NUM_DRAWN} most visited nodes of {} simulations {what}; size is visits, colour the value \
             for who chose the move, and the line is what the search would play.",
            whole.decision.simulations
        )
    };
    Ok(vec![
        drawn(
            "Search tree",
            caption("with the network whole"),
            state.as_ref(),
            whole,
        ),
        drawn(
            "Damaged network's tree",
            caption(&format!("with {}", damage.name)),
            state.as_ref(),
            broken,
        ),
        choices(
            state.as_ref(),
            [whole, broken],
            bare[0].action,
            optimum.as_ref(),
        ),
        errors.figure(&damage.name),
    ])
}

/// The networks to compare, and what was done to the second, in words.
struct Damaged {
    networks: [Evaluator; 3],
    name: String,
}

/// Takes the units away. Errors: units off the site, a session without edits.
async fn damaged(
    subject: &Subject<'_>,
    parameters: &Parameters,
    states: &[Box<dyn Env>],
) -> Result<Damaged> {
    let site = samples::choose(subject, &parameters.site)?;
    let units = chosen_units(subject, parameters, site)?;
    if parameters.damage == Damage::Session {
        if subject.evaluator.edits.is_empty() {
            return Err(Error::not_applicable(
                "the session has no edits; make one, or let the op damage a site",
            ));
        }
        return Ok(Damaged {
            networks: [
                subject.clean(),
                subject.evaluator.clone(),
                subject.untrained.clone(),
            ],
            name: "the session's edits".into(),
        });
    }
    let (op, reference) = match parameters.mode {
        Mode::Zero => (EditOp::Zero, Bank::new()),
        Mode::Mean => (
            EditOp::Mean,
            bank(&subject.evaluator, states, subject.sites).await?,
        ),
    };
    let cells = samples::cells(site);
    let edit = Edit {
        site: site.name.clone(),
        select: Select::Units(
            units
                .iter()
                .flat_map(|&unit| unit * cells..(unit + 1) * cells)
                .collect(),
        ),
        op,
    };
    let mut broken = subject.evaluator.clone();
    let mut rng = subject.rng.split("resample");
    broken.edits.extend(taps::compile(
        &[edit],
        subject.sites,
        &reference,
        &mut rng,
        &broken.device,
    )?);
    let axis = site.axes.first().map_or("unit", |axis| axis.name.as_str());
    Ok(Damaged {
        networks: [subject.evaluator.clone(), broken, subject.untrained.clone()],
        name: format!(
            "{} of {} {axis}s of {} away",
            units.len(),
            num_units(site),
            site.name
        ),
    })
}

/// Units of a site, or its channels on a grid.
fn num_units(site: &Site) -> usize {
    site.len() / samples::cells(site)
}

/// The units to take away, ascending.
fn chosen_units(subject: &Subject<'_>, parameters: &Parameters, site: &Site) -> Result<Vec<usize>> {
    let count = num_units(site);
    let mut units = if parameters.units.trim().is_empty() {
        let mut all: Vec<usize> = (0..count).collect();
        subject.rng.split("damage").shuffle(&mut all);
        all.truncate(count.div_ceil(2));
        all
    } else {
        let listed = listed(&parameters.units);
        let inside = listed.filter(|units| units.iter().all(|unit| *unit < count));
        inside.ok_or_else(|| Error::Parameter {
            name: "search_tree.units".into(),
            got: parameters.units.clone(),
            allowed: format!(
                "numbers and ranges from 0 to {} at {}, such as 0, 4-9",
                count - 1,
                site.name
            ),
        })?
    };
    units.sort_unstable();
    units.dedup();
    Ok(units)
}

/// `0, 4-6` as 0, 4, 5, 6; none where that is not what it says.
fn listed(text: &str) -> Option<Vec<usize>> {
    let mut units = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let [first, last] = [first, last].map(|end| end.trim().parse::<usize>().ok());
        // Bounded, so that a slip of the finger asks for no million units.
        let (first, last) = (first?, last.filter(|last| *last < 1 << 16)?);
        if first > last {
            return None;
        }
        units.extend(first..=last);
    }
    Some(units)
}

/// A search's tree as a figure.
fn drawn(title: &str, caption: String, state: &dyn Env, found: &Explored) -> Figure {
    let all = &found.branches;
    let mut order: Vec<usize> = (0..all.len()).collect();
    // A parent has at least its children's visits and comes before them, so none is cut off.
    order.sort_by_key(|&node| (std::cmp::Reverse(all[node].visits), node));
    order.truncate(NUM_DRAWN);
    order.sort_unstable();
    let line = line(found);
    let place = |node: usize| order.binary_search(&node).ok();
    let names = &state.space().actions;
    let nodes: Vec<Branch> = order
        .iter()
        .map(|&node| {
            let branch = &all[node];
            Branch {
                parent: branch.parent.and_then(place),
                name: match branch.parent {
                    Some(_) => names[branch.action].clone(),
                    None => "this state".into(),
                },
                visits: branch.visits,
                value: branch.parent.map(|_| branch.value),
                prior: branch.parent.map(|_| branch.prior),
                chosen: line.contains(&node),
            }
        })
        .collect();
    let values = nodes.iter().filter_map(|node| node.value);
    Figure {
        title: title.into(),
        caption,
        body: Body::Tree {
            colour: Colour::Diverging {
                limit: values.fold(1e-3, |top: f32, value| top.max(value.abs())),
                name: "value for who chose it".into(),
            },
            nodes,
        },
        numbers: Vec::new(),
    }
}

/// Nodes of the line that would be played: the search's choice, and then what was visited most.
fn line(found: &Explored) -> Vec<usize> {
    let all = &found.branches;
    let mut line = vec![0];
    let mut at = all
        .iter()
        .position(|one| one.parent == Some(0) && one.action == found.decision.action);
    while let Some(node) = at {
        line.push(node);
        let children = (0..all.len()).filter(|&child| all[child].parent == Some(node));
        at = children.max_by_key(|&child| (all[child].visits, std::cmp::Reverse(child)));
    }
    line
}

/// Each action at the root, in both searches.
fn choices(
    state: &dyn Env,
    [whole, broken]: [&Explored; 2],
    bare: usize,
    optimum: Option<&Optimum>,
) -> Figure {
    let number = |value: Option<f32>| match value {
        Some(value) => Cell::Number(value.into()),
        None => Cell::Text("–".into()),
    };
    let row = |action: usize| {
        let mut cells = vec![Cell::Text(state.space().actions[action].clone())];
        for (whole, broken) in [
            (Some(whole.prior[action]), Some(broken.prior[action])),
            (
                Some(whole.decision.visits[action] as f32),
                Some(broken.decision.visits[action] as f32),
            ),
            (whole.decision.q[action], broken.decision.q[action]),
        ] {
            cells.extend([number(whole), number(broken)]);
        }
        cells.extend(optimum.map(|truth| number(truth.action_values[action])));
        cells
    };
    let columns = [
        "action",
        "prior",
        "prior, damaged",
        "visits",
        "visits, damaged",
        "value",
        "value, damaged",
        "truth",
    ];
    let is_right = |action: usize| match optimum {
        Some(truth) => truth.is_best(action),
        None => action == whole.decision.action,
    };
    let right = |id: &str, name: &str, action: usize| {
        Number::new(id, name, f64::from(u8::from(is_right(action)))).out_of(1.0)
    };
    Figure {
        title: "Root actions".into(),
        caption: format!(
            "The network's prior, the search's visits and mean value of each action, with the network whole \
             and damaged{}; right is {}.",
            if optimum.is_some() {
                ", beside its true value"
            } else {
                ""
            },
            if optimum.is_some() {
                "an optimal action"
            } else {
                "what the whole network's search plays"
            },
        ),
        body: Body::Table {
            columns: columns[..7 + usize::from(optimum.is_some())]
                .iter()
                .map(|&name| name.into())
                .collect(),
            rows: legal_actions(state).into_iter().map(row).collect(),
        },
        numbers: vec![
            right(
                "right_damaged_search",
                "damaged, with search: right here",
                broken.decision.action,
            ),
            right("right_damaged_bare", "damaged, bare", bare).control(),
            right("right_search", "whole, with search", whole.decision.action).control(),
        ],
    }
}

/// How often each network's choice is wrong, bare and with search.
struct Errors {
    /// `[network][bare, search]`.
    wrong: [[usize; 2]; 3],
    /// What uniformly random legal actions would get wrong.
    random: f64,
    count: usize,
    is_exact: bool,
}

impl Errors {
    /// Right is the optimum where it is known for every state, else what the whole network's search plays.
    async fn count(
        subject: &Subject<'_>,
        networks: &[Evaluator; 3],
        states: &[Box<dyn Env>],
        simulations: Option<usize>,
    ) -> Result<Self> {
        let chunks = states.chunks(CHUNK);
        let total = (networks.len() + 1) * chunks.len();
        let mut truth = Vec::with_capacity(states.len());
        for (done, chunk) in chunks.clone().enumerate() {
            truth.extend(chunk.iter().map(|state| state.optimum()));
            subject.step(done + 1, total).await?;
        }
        let truth: Option<Vec<Optimum>> = truth.into_iter().collect();
        let mut played = [const { Vec::new() }; 3];
        for (index, evaluator) in networks.iter().enumerate() {
            for (done, chunk) in chunks.clone().enumerate() {
                let bare = Decision::bare(evaluator, chunk).await?;
                let found = subject.lab.explore(evaluator, chunk, simulations).await?;
                let pairs = bare.iter().zip(&found);
                played[index]
                    .extend(pairs.map(|(bare, found)| [bare.action, found.decision.action]));
                subject
                    .step((index + 1) * chunks.len() + done + 1, total)
                    .await?;
            }
        }
        let is_right = |row: usize, action: usize| match &truth {
            Some(truth) => truth[row].is_best(action),
            None => played[0][row][1] == action,
        };
        let wrong = [0, 1, 2].map(|network: usize| {
            [0, 1].map(|kind: usize| {
                let choices = played[network].iter().enumerate();
                choices
                    .filter(|(row, both)| !is_right(*row, both[kind]))
                    .count()
            })
        });
        let by_chance = states.iter().enumerate().map(|(row, state)| {
            let legal = legal_actions(state.as_ref());
            let wrong = legal
                .iter()
                .filter(|&&action| !is_right(row, action))
                .count();
            wrong as f64 / legal.len() as f64
        });
        Ok(Self {
            wrong,
            random: by_chance.sum(),
            count: states.len(),
            is_exact: truth.is_some(),
        })
    }

    fn figure(&self, damage: &str) -> Figure {
        let share = |wrong: f64| (wrong / self.count as f64) as f32;
        let bar = |(name, [bare, search]): (&&str, &[usize; 2])| Bar {
            name: (*name).into(),
            value: share(*search as f64),
            control: Some(share(*bare as f64)),
            site: String::new(),
            unit: None,
        };
        let bars = NAMES.iter().zip(&self.wrong).map(bar);
        let random = Bar {
            name: "random choices".into(),
            value: share(self.random),
            control: None,
            site: String::new(),
            unit: None,
        };
        let number = |id: &str, name: &str, wrong: f64| {
            Number::new(id, name, wrong).out_of(self.count as f64)
        };
        let [whole, broken, untrained] = self.wrong.map(|pair| pair.map(|wrong| wrong as f64));
        Figure {
            title: "What search repairs".into(),
            caption: format!(
                "Share of {} states in which the choice with search is {}; ticks are the bare network's \
                 choice; damaged is {damage}.",
                self.count,
                if self.is_exact {
                    "wrong by ground truth"
                } else {
                    "not that of the whole network's search"
                },
            ),
            body: Body::Bars {
                x: Scale::numeric("share of wrong choices", ""),
                bars: bars.chain([random]).collect(),
            },
            numbers: vec![
                number(
                    "errors_damaged_search",
                    "wrong choices, damaged, with search",
                    broken[1],
                ),
                number("errors_damaged_bare", "damaged, bare", broken[0]).control(),
                number("errors_search", "whole, with search", whole[1]).control(),
                number("errors_bare", "whole, bare", whole[0]).control(),
                number(
                    "errors_untrained_search",
                    "untrained, with search",
                    untrained[1],
                )
                .control(),
                number("errors_untrained_bare", "untrained, bare", untrained[0]).control(),
                number("errors_random", "random choices", self.random).control(),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::mcts;

    #[test]
    fn units_are_numbers_and_ranges() {
        assert_eq!(listed("0, 4-6"), Some(vec![0, 4, 5, 6]));
        assert_eq!(listed(" 3 "), Some(vec![3]));
        for wrong in ["", "a", "3-", "5-4", "1,,2", "-1", "0-99999999999"] {
            assert_eq!(listed(wrong), None, "{wrong}");
        }
    }

    /// A root with two moves, of which the second was played and answered.
    fn small() -> Explored {
        let branch = |parent, action, visits, value| mcts::Branch {
            parent,
            action,
            prior: 0.5,
            visits,
            value,
            is_over: false,
        };
        Explored {
            decision: Decision {
                action: 4,
                policy: vec![0.0; 9],
                value: 0.1,
                logits: Vec::new(),
                visits: vec![1, 0, 0, 0, 3, 0, 0, 0, 0],
                q: vec![None; 9],
                simulations: 4,
            },
            prior: vec![1.0 / 9.0; 9],
            branches: vec![
                branch(None, 0, 4, 0.1),
                branch(Some(0), 0, 1, -0.5),
                branch(Some(0), 4, 3, 0.3),
                branch(Some(2), 1, 1, 0.2),
                branch(Some(2), 2, 1, -0.4),
            ],
        }
    }

    #[test]
    fn the_line_goes_through_the_choice_and_the_most_visited_answers() {
        assert_eq!(line(&small()), [0, 2, 3]);
    }

    #[test]
    fn a_drawn_tree_keeps_the_most_visited_nodes_and_their_parents() {
        let env = (crate::env::entry("tictactoe").unwrap().make)(&serde_json::json!({})).unwrap();
        let mut found = small();
        // A hundred more children of the first move, all visited less than the rest of the tree.
        for action in 0..100 {
            let mut leaf = found.branches[1].clone();
            (leaf.parent, leaf.action, leaf.visits) = (Some(1), action % 9, 0);
            found.branches.push(leaf);
        }
        let figure = drawn("Tree", "A tree.".into(), env.as_ref(), &found);
        let Body::Tree { nodes, .. } = figure.body else {
            panic!("no tree")
        };
        assert_eq!(nodes.len(), NUM_DRAWN);
        assert_eq!(nodes[2].visits, 3);
        assert!(nodes[0].chosen && !nodes[1].chosen && nodes[2].chosen && nodes[3].chosen);
        assert!(nodes[5..].iter().all(|node| node.parent == Some(1)));
    }
}
