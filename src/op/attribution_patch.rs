//! Attribution patching: what patching would restore, predicted for every part at once from gradients
//! (Nanda 2023, "Attribution patching"; Syed et al. 2023, arXiv:2310.10348), beside what it restores in
//! fact. A part's score is its change between the two runs times the measure's slope; over several inputs
//! between the runs the slope is a mean (Hanna et al. 2024, arXiv:2403.17806). The same for links between
//! parts of consecutive sites: see `wiring`.

use super::{
    OpEntry, Subject,
    contrast::{Contrast, Direction},
    curve::ranked,
    figure::{self, Bar, Body, Colour, Figure, Number, Scale},
    measure::{Kind, Measure},
    parts::Part,
    value_map::correlation,
    wiring::{Link, Node, Trace, Wiring},
};
use crate::{
    error::{Error, Result},
    model::Site,
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "attribution_patch",
    title: "Attribution patching",
    summary: "Predicts from gradients what patching each part and each link would restore, and checks it.",
    schema: schema::schema_of::<Parameters>,
    num_states: 2,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "attribution_patch")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// Which run is patched.
    pub direction: Direction,
    /// What is copied at a time.
    pub part: Part,
    /// What is measured.
    pub measure: Measure,
    /// Inputs between the two runs at which slopes are taken; with 1 the patched run's alone.
    #[schemars(range(min = 1, max = 64))]
    pub steps: usize,
    /// Links to draw.
    #[schemars(range(min = 1, max = 400))]
    pub links: usize,
    /// Parts of each site between which links are sought, the strongest.
    #[schemars(range(min = 1, max = 64))]
    pub parts: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            direction: Direction::default(),
            part: Part::Channel,
            measure: Measure::default(),
            steps: 5,
            links: 40,
            parts: 16,
        }
    }
}

/// Bars of the strongest parts.
const NUM_BARS: usize = 16;

/// Predictions and facts of a site's parts, as shares.
struct Effects<'a> {
    site: &'a Site,
    predicted: Vec<f32>,
    /// With the slope of the patched run alone.
    at_once: Vec<f32>,
    /// With the slopes of other elements.
    shuffled: Vec<f32>,
    exact: Vec<f32>,
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let contrast = Contrast::given(subject, parameters.measure).await?;
    let (evaluator, direction) = (&subject.evaluator, parameters.direction);
    let all: Vec<&Site> = subject.sites.iter().collect();
    let trace = Trace::new(evaluator, &contrast, direction, &all, parameters.steps).await?;
    let flat = contrast.gauge.kind == Kind::Divergence
        && direction == Direction::Noise
        && parameters.steps == 1;
    if flat {
        return Err(Error::not_applicable(
            "the divergence from the clean policy has no slope on the clean board; take more steps, another \
             measure or the other direction",
        ));
    }
    let once = Trace::new(evaluator, &contrast, direction, &all, 1).await?;
    let [_, from] = direction.rows();
    let mut rng = subject.rng.split("shuffled");
    let mut effects = Vec::with_capacity(all.len());
    let work = all.len() + 3;
    for (index, site) in subject.sites.iter().enumerate() {
        let groups = parameters.part.groups(site);
        let donor = contrast.at(from, site)?;
        effects.push(Effects {
            site,
            predicted: trace.scores(&contrast, site, &groups)?,
            at_once: once.scores(&contrast, site, &groups)?,
            shuffled: trace.shuffled(&contrast, site, &groups, &mut rng)?,
            exact: contrast
                .shares(evaluator, direction, site, &groups, donor)
                .await?,
        });
        subject.step(index + 1, work).await?;
    }
    let wiring = Wiring::find(
        evaluator,
        &contrast,
        subject.sites,
        subject.rng.split("wiring"),
    )
    .await?;
    subject.step(work - 2, work).await?;
    let links = links(subject, parameters, &contrast, &trace, &wiring).await?;
    subject.step(work, work).await?;
    let mut figures: Vec<Figure> = agreement(&effects).into_iter().collect();
    figures.extend([
        map(subject, parameters, &contrast, &effects),
        strongest(parameters, &effects),
    ]);
    figures.extend(links);
    Ok(figures)
}

/// How well predictions follow facts, site by site; none where each site is one part.
fn agreement(effects: &[Effects]) -> Option<Figure> {
    if effects.iter().all(|one| one.exact.len() == 1) {
        return None;
    }
    let inner = || {
        effects
            .iter()
            .filter(|one| one.site.name != effects[0].site.name && !one.site.is_output())
    };
    let joined = |pick: for<'a> fn(&'a Effects<'a>) -> &'a Vec<f32>| -> Vec<f32> {
        inner().flat_map(pick).copied().collect()
    };
    let exact = joined(|one| &one.exact);
    let against = |pick| f64::from(correlation(&joined(pick), &exact));
    let found = against(|one| &one.predicted);
    let shuffled = against(|one| &one.shuffled);
    let bars = effects
        .iter()
        .filter(|one| one.exact.len() > 1)
        .map(|one| Bar {
            name: one.site.name.clone(),
            value: correlation(&one.predicted, &one.exact),
            control: Some(correlation(&one.shuffled, &one.exact)),
            site: one.site.name.clone(),
            unit: None,
        });
    let caption = match found > shuffled {
        true => {
            "Correlation over each site's parts between what gradients predict and what patching restores; \
                 the tick takes each slope from another part."
        }
        false => {
            "Weak evidence: what gradients predict follows what patching restores no better than slopes \
                  of other parts do; correlation by site."
        }
    };
    Some(Figure {
        title: "Agreement with patching".into(),
        caption: caption.into(),
        body: Body::Bars {
            x: Scale::numeric("correlation", ""),
            bars: bars.collect(),
        },
        numbers: vec![
            Number::new("correlation", "over all inner parts", found),
            Number::new(
                "correlation_one_step",
                "with one step",
                against(|one| &one.at_once),
            ),
            Number::new("correlation_shuffled", "slopes of other parts", shuffled).control(),
        ],
    })
}

/// Predictions, each site in its own geometry.
fn map(
    subject: &Subject<'_>,
    parameters: &Parameters,
    contrast: &Contrast,
    effects: &[Effects],
) -> Figure {
    let panels = effects.iter().flat_map(|one| {
        let values: Vec<Option<f32>> = one.predicted.iter().copied().map(Some).collect();
        parameters
            .part
            .panels(one.site, &values, subject.env.space())
    });
    let [into, from] = parameters.direction.names();
    let what = contrast.gauge.describe(subject.env.space());
    let error = effects
        .iter()
        .flat_map(|one| one.predicted.iter().zip(&one.exact));
    let error = error.fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
    Figure {
        title: "Predicted patching map".into(),
        caption: format!(
            "What gradients predict of the share of the {from} board's {what} that each part would restore in \
             the {into} run; orange restores, blue opposes."
        ),
        body: Body::Maps {
            panels: panels.collect(),
            colour: Colour::Diverging {
                limit: 1.0,
                name: "share predicted".into(),
            },
        },
        numbers: vec![Number::new(
            "largest_error",
            "largest error of a share",
            f64::from(error),
        )],
    }
}

/// The inner parts that restore most in fact, and their predictions.
fn strongest(parameters: &Parameters, effects: &[Effects]) -> Figure {
    let mut places: Vec<(&Effects, usize)> = effects
        .iter()
        .skip(1)
        .filter(|one| !one.site.is_output())
        .flat_map(|one| (0..one.exact.len()).map(move |group| (one, group)))
        .collect();
    if places.is_empty() {
        places = (0..effects[0].exact.len())
            .map(|group| (&effects[0], group))
            .collect();
    }
    places.sort_by(|a, b| b.0.exact[b.1].abs().total_cmp(&a.0.exact[a.1].abs()));
    let bars: Vec<Bar> = places
        .iter()
        .take(NUM_BARS)
        .map(|(one, group)| Bar {
            name: parameters.part.name(one.site, *group),
            value: one.exact[*group],
            control: Some(one.predicted[*group]),
            site: one.site.name.clone(),
            unit: Some(parameters.part.groups(one.site)[*group][0]),
        })
        .collect();
    let missed = bars
        .iter()
        .map(|bar| (bar.value - bar.control.unwrap_or(0.0)).abs())
        .sum::<f32>();
    let mean = f64::from(missed / bars.len() as f32);
    Figure {
        title: "Strongest parts".into(),
        caption: "What the strongest inner parts restore when they are patched, and as a tick what gradients \
                  predict of them."
            .into(),
        body: Body::Bars { x: Scale::numeric("share restored", ""), bars },
        numbers: vec![Number::new("mean_error", "mean error of these", mean)],
    }
}

/// The strongest links, and how well their scores follow path patching; none where nothing is linked.
async fn links(
    subject: &Subject<'_>,
    parameters: &Parameters,
    contrast: &Contrast,
    trace: &Trace,
    wiring: &Wiring<'_>,
) -> Result<Option<Figure>> {
    let nodes = leading(parameters, contrast, trace, wiring)?;
    let evaluator = &subject.evaluator;
    let mut links = wiring.links(evaluator, contrast, trace, &nodes).await?;
    links.retain(|link| link.weight != 0.0);
    if links.is_empty() {
        return Ok(None);
    }
    links.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    let drawn = parameters.links.min(links.len());
    // As many again that are weaker, so that agreement is not among the strongest alone.
    let mut weaker = links.split_off(drawn);
    subject.rng.split("links").shuffle(&mut weaker);
    weaker.truncate(drawn);
    let checked = [links.clone(), weaker].concat();
    let exact = wiring
        .exact(evaluator, contrast, parameters.direction, &nodes, &checked)
        .await?;
    let weights: Vec<f32> = checked.iter().map(|link| link.weight).collect();
    let mut shuffled = weights.clone();
    subject.rng.split("shuffled links").shuffle(&mut shuffled);
    let follows = |weights: &[f32]| f64::from(correlation(weights, &exact));
    let (found, chance) = (follows(&weights), follows(&shuffled));
    Ok(Some(Figure {
        title: "Strongest links".into(),
        caption: "Links between parts of consecutive sites by what gradients predict them to restore; wide ones \
                  matter most, orange restores, blue opposes."
            .into(),
        body: graph(wiring, &nodes, &links),
        numbers: vec![
            Number::new("link_correlation", "correlation with path patching", found),
            Number::new("link_correlation_shuffled", "scores of other links", chance).control(),
        ],
    }))
}

/// The nodes of each site with the largest scores: those that change and matter.
fn leading(
    parameters: &Parameters,
    contrast: &Contrast,
    trace: &Trace,
    wiring: &Wiring<'_>,
) -> Result<Vec<Node>> {
    let mut nodes = wiring.nodes(parameters.part);
    let mut scores = vec![0.0; nodes.len()];
    for (place, site) in wiring.sites.iter().enumerate() {
        let here: Vec<usize> = (0..nodes.len())
            .filter(|&node| nodes[node].site == place)
            .collect();
        let groups: Vec<Vec<usize>> = here
            .iter()
            .map(|&node| nodes[node].elements.clone())
            .collect();
        let found = trace.scores(contrast, site, &groups)?;
        for place in ranked(&found.iter().map(|score| score.abs()).collect::<Vec<_>>())
            .into_iter()
            .take(parameters.parts)
        {
            scores[here[place]] = found[place];
        }
    }
    let mut scores = scores.into_iter();
    nodes.retain(|_| scores.next().is_some_and(|score| score != 0.0));
    Ok(nodes)
}

/// Nodes that some link touches, and the links, as a figure's body.
pub(super) fn graph(wiring: &Wiring<'_>, nodes: &[Node], links: &[Link]) -> Body {
    let touched: Vec<usize> = (0..nodes.len())
        .filter(|node| {
            links
                .iter()
                .any(|link| link.from == *node || link.to == *node)
        })
        .collect();
    let columns: Vec<usize> = (0..wiring.sites.len())
        .filter(|&place| touched.iter().any(|&node| nodes[node].site == place))
        .collect();
    let at =
        |list: &[usize], wanted: usize| list.iter().position(|&one| one == wanted).unwrap_or(0);
    let limit = links
        .iter()
        .fold(0.0_f32, |limit, link| limit.max(link.weight.abs()));
    Body::Graph {
        columns: columns
            .iter()
            .map(|&place| wiring.sites[place].name.clone())
            .collect(),
        nodes: touched
            .iter()
            .map(|&node| figure::Node {
                name: nodes[node].name.clone(),
                column: at(&columns, nodes[node].site),
                site: wiring.sites[nodes[node].site].name.clone(),
                unit: nodes[node].elements.first().copied(),
            })
            .collect(),
        edges: links
            .iter()
            .map(|link| figure::Edge {
                from: at(&touched, link.from),
                to: at(&touched, link.to),
                weight: link.weight,
                control: false,
            })
            .collect(),
        colour: Colour::Diverging {
            limit: limit.max(1e-6),
            name: "share predicted".into(),
        },
    }
}
