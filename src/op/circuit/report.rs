//! The circuit as a graph, and whether scores rank what it was chosen from as cutting does.

use super::{Parameters, keep::Whole};
use crate::{
    error::{Error, Result},
    op::{
        Subject, attribution_patch,
        curve::{mean_and_spread, rank_correlation, ranked},
        figure::{Body, Figure, Number, Scale},
        wiring::{Link, Node},
    },
    rng::Rng,
};

/// Links drawn at most, parts of a site, and bars.
const MAX_LINKS: usize = 80;
const MAX_DRAWN: usize = 16;

/// The circuit as a graph, and how faithful and complete it is beside random ones.
pub(super) async fn graph(
    subject: &Subject<'_>,
    parameters: &Parameters,
    whole: &Whole<'_>,
    keep: &[bool],
    rng: &mut Rng,
) -> Result<Figure> {
    let random = (0..parameters.random_circuits).map(|_| whole.random(keep, rng));
    let sets: Vec<Vec<bool>> = std::iter::once(keep.to_vec()).chain(random).collect();
    let others = sets.iter().map(|keep| keep.iter().map(|keep| !keep));
    let others: Vec<Vec<bool>> = others.map(Iterator::collect).collect();
    let by_pair = whole.shares(&sets[..1]).await?.concat();
    let alone = whole.faithfulness(&sets).await?;
    let left = whole.faithfulness(&others).await?;
    let lost: Vec<f32> = left.iter().map(|share| 1.0 - share).collect();
    let (mean, spread) = mean_and_spread(&alone[1..]);
    let lost_random = mean_and_spread(&lost[1..]).0;
    let weak = f64::from((alone[0] - 1.0).abs()) >= (mean - 1.0).abs() - spread;
    let drawing = match whole.is_of_edges() {
        true => edges(whole, keep),
        false => parts(whole, keep).await?,
    };
    if drawing.links.is_empty() {
        return Err(Error::not_applicable(
            "the circuit has no link with a slope, so there is nothing to draw",
        ));
    }
    let [alone, lost] = [alone[0], lost[0]].map(f64::from);
    let (kept, total) = (drawing.kept, whole.candidates.len());
    let name = format!("{} kept", whole.plural());
    let mut numbers = vec![
        Number::new("circuit_size", &name, kept as f64).out_of(total as f64),
        Number::new("faithfulness", "restored by the circuit alone", alone),
        Number::new("faithfulness_random", "random circuits", mean).control(),
        Number::new("faithfulness_random_spread", "their deviation", spread).control(),
        Number::new("completeness", "lost without the circuit", lost),
        Number::new("completeness_random", "without random ones", lost_random).control(),
    ];
    if by_pair.len() > 1 {
        let over_pairs = mean_and_spread(&by_pair).1;
        let number = Number::new("faithfulness_spread", "deviation over pairs", over_pairs);
        numbers.insert(2, number);
    }
    Ok(Figure {
        title: "Circuit".into(),
        caption: caption(subject, whole, &drawing, weak),
        body: attribution_patch::graph(&whole.traced.wiring, &drawing.nodes, &drawing.links),
        numbers,
    })
}

/// What is drawn of a circuit.
struct Drawing {
    nodes: Vec<Node>,
    links: Vec<Link>,
    /// How many candidates are kept, and how many of these are left out.
    kept: usize,
    hidden: usize,
}

/// What the graph shows; `weak` where random circuits do as well.
fn caption(subject: &Subject<'_>, whole: &Whole<'_>, drawing: &Drawing, weak: bool) -> String {
    let what = whole.traced.describe(subject.env.space());
    let (plural, kept, total) = (whole.plural(), drawing.kept, whole.candidates.len());
    let rest = match drawing.hidden {
        0 => String::new(),
        hidden => format!(" ({hidden} weaker ones are not drawn)"),
    };
    let links = if whole.is_of_edges() {
        ""
    } else {
        ", and their links"
    };
    match weak {
        false => format!(
            "The {kept} {plural} of {total} that are kept{rest} for the {what}{links}; wide ones carry most, orange \
             speaks for the clean answer."
        ),
        true => format!(
            "Weak evidence: these {kept} {plural} of {total}{rest} restore the {what} no better than random ones \
             do; wide links carry most."
        ),
    }
}

/// The strongest edges that are kept.
fn edges(whole: &Whole<'_>, keep: &[bool]) -> Drawing {
    let kept = (0..keep.len()).filter(|&place| keep[place]);
    let mut links: Vec<Link> = kept
        .map(|place| {
            let one = whole.candidates[place];
            Link {
                from: one.from,
                to: one.to,
                weight: whole.scores[place],
            }
        })
        .collect();
    let kept = links.len();
    links.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    links.truncate(MAX_LINKS);
    Drawing {
        nodes: whole.nodes.to_vec(),
        kept,
        hidden: kept - links.len(),
        links,
    }
}

/// Kept parts, what changes on the board and the answers that count, and the strongest links between them.
async fn parts(whole: &Whole<'_>, keep: &[bool]) -> Result<Drawing> {
    let (traced, nodes) = (whole.traced, whole.nodes);
    let mut is_kept = vec![false; nodes.len()];
    let candidates = whole.candidates.iter().zip(keep);
    candidates.for_each(|(one, keep)| is_kept[one.to] = *keep);
    let scores = traced.node_scores(nodes)?;
    let mut shown = Vec::new();
    let mut hidden = 0;
    for (place, site) in traced.wiring.sites.iter().enumerate() {
        let given = place == 0 || site.is_output();
        let counts = |&node: &usize| match given {
            true => scores[node] != 0.0,
            false => is_kept[node],
        };
        let here = (0..nodes.len()).filter(|&node| nodes[node].site == place);
        let here: Vec<usize> = here.filter(counts).collect();
        let sizes: Vec<f32> = here.iter().map(|&node| scores[node].abs()).collect();
        let mut order = ranked(&sizes);
        if !given {
            hidden += order.len().saturating_sub(MAX_DRAWN);
        }
        order.truncate(MAX_DRAWN);
        order.sort_unstable();
        shown.extend(order.into_iter().map(|place| nodes[here[place]].clone()));
    }
    let mut links = traced.links(&shown).await?;
    links.retain(|link| link.weight != 0.0);
    links.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    links.truncate(MAX_LINKS);
    Ok(Drawing {
        nodes: shown,
        links,
        kept: keep.iter().filter(|keep| **keep).count(),
        hidden,
    })
}

/// Whether scores rank candidates as cutting each alone does.
pub(super) async fn agreement(subject: &Subject<'_>, whole: &Whole<'_>) -> Result<Figure> {
    let which = whole.checked(&mut subject.rng.split("checked"));
    let exact = whole.exact(subject, &which).await?;
    let changes = whole.changes()?;
    let of = |all: &[f32]| -> Vec<f32> { which.iter().map(|&one| all[one].abs()).collect() };
    let effects: Vec<f32> = exact.iter().map(|x| x.abs()).collect();
    let agreement = f64::from(rank_correlation(&of(&whole.scores), &effects));
    let control = f64::from(rank_correlation(&of(&changes), &effects));
    let bars = ranked(&effects).into_iter().take(MAX_DRAWN).map(|place| {
        let one = which[place];
        whole.bar(one, exact[place], whole.scores[one])
    });
    let (what, of_all) = match whole.is_of_edges() {
        true => ("edge carries", "edge"),
        false => ("part has", "part"),
    };
    let caption = match agreement > control {
        true => format!(
            "What the clean answer loses when one {what} the corrupt board's activation, the most first; the tick \
             is the {of_all}'s score."
        ),
        false => format!(
            "Weak evidence: scores rank what the clean answer loses when one {what} the corrupt board's activation \
             no better than the change of activation alone; ticks are scores."
        ),
    };
    Ok(Figure {
        title: "Patched one by one".into(),
        caption,
        body: Body::Bars {
            x: Scale::numeric("share lost", ""),
            bars: bars.collect(),
        },
        numbers: vec![
            Number::new(
                "agreement",
                "rank correlation of scores and patching",
                agreement,
            ),
            Number::new(
                "agreement_change",
                "of the change of activation alone",
                control,
            )
            .control(),
        ],
    })
}
