//! Attribution patching: what patching would restore, predicted for every part at once from gradients
//! (Nanda 2023, "Attribution patching"; Syed et al. 2023, arXiv:2310.10348), beside what it restores in
//! fact. A part's score is its change between the two runs times the measure's slope; over several inputs
//! between the runs the slope is a mean (Hanna et al. 2024, arXiv:2403.17806). The same for links between
//! parts of consecutive sites: see `wiring`. Scores are averaged over the two boards given and further
//! pairs, and so is what patching restores.

use super::{
    OpEntry, Subject,
    contrast::Direction,
    curve::{mean_rows, ranked},
    figure::{self, Bar, Body, Colour, Figure, Number, Scale},
    measure::Measure,
    parts::Part,
    traced::Traced,
    value_map::correlation,
    wiring::{Link, Node, Trace, Wiring},
};
use crate::{error::Result, model::Site, rng::Rng, schema};
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
    /// Further pairs of boards to average over.
    #[schemars(range(min = 0, max = 64))]
    pub pairs: usize,
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
            pairs: 8,
        }
    }
}

/// Bars of the strongest parts.
const NUM_BARS: usize = 16;
/// Shuffles of the controls: one in twenty of them is as high as the highest.
const NUM_SHUFFLES: usize = 20;

/// Predictions and facts of a site's parts, as shares: means over the pairs.
struct Effects<'a> {
    site: &'a Site,
    predicted: Vec<f32>,
    /// With the slope of the patched run alone.
    at_once: Vec<f32>,
    /// With the slopes of other elements, by shuffle.
    shuffled: Vec<Vec<f32>>,
    exact: Vec<f32>,
    /// Prediction and fact on the two boards given alone.
    given: [Vec<f32>; 2],
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let &Parameters {
        measure,
        direction,
        steps,
        pairs,
        ..
    } = parameters;
    let traced = Traced::new(subject, measure, direction, steps, pairs).await?;
    let once = traced.again(subject.sites, 1).await?;
    let mut rng = subject.rng.split("shuffled");
    let mut effects = Vec::with_capacity(subject.sites.len());
    let work = subject.sites.len() + 2;
    for (index, site) in subject.sites.iter().enumerate() {
        effects.push(Effects::new(parameters, &traced, &once, site, &mut rng).await?);
        subject.step(index + 1, work).await?;
    }
    let links = links(subject, parameters, &traced).await?;
    subject.step(work, work).await?;
    // Where each site is one part there is nothing to rank, and no other part to take slopes from.
    let agreement = effects
        .iter()
        .any(|one| one.exact.len() > 1)
        .then(|| Agreement::new(&effects));
    let weak = agreement.as_ref().is_some_and(Agreement::is_weak);
    let figure = agreement.map(|all| all.figure(&traced, &effects));
    let mut figures: Vec<Figure> = figure.into_iter().collect();
    figures.extend([
        map(subject, parameters, &traced, &effects, weak),
        strongest(parameters, &traced, &effects),
    ]);
    figures.extend(links);
    Ok(figures)
}

impl<'a> Effects<'a> {
    async fn new(
        parameters: &Parameters,
        traced: &Traced<'_>,
        once: &[Trace],
        site: &'a Site,
        rng: &mut Rng,
    ) -> Result<Self> {
        let groups = parameters.part.groups(site);
        let [_, from] = parameters.direction.rows();
        let (mut predicted, mut at_once, mut exact) = (Vec::new(), Vec::new(), Vec::new());
        let mut shuffled = vec![Vec::new(); NUM_SHUFFLES];
        for (index, pair) in traced.pairs.iter().enumerate() {
            predicted.push(traced.traces[index].scores(pair, site, &groups)?);
            at_once.push(once[index].scores(pair, site, &groups)?);
            for all in &mut shuffled {
                all.push(traced.traces[index].shuffled(pair, site, &groups, rng)?);
            }
            let donor = pair.at(from, site)?;
            let shares = pair.shares(traced.evaluator, parameters.direction, site, &groups, donor);
            exact.push(shares.await?);
        }
        Ok(Self {
            site,
            predicted: mean_rows(predicted.iter()),
            at_once: mean_rows(at_once.iter()),
            shuffled: shuffled.iter().map(|all| mean_rows(all.iter())).collect(),
            exact: mean_rows(exact.iter()),
            given: [predicted, exact].map(|mut all| all.swap_remove(0)),
        })
    }
}

/// How far predictions follow facts over all inner parts.
struct Agreement {
    found: f64,
    at_once: f64,
    /// Mean and highest of the shuffles.
    shuffled: [f64; 2],
}

impl Agreement {
    fn new(effects: &[Effects]) -> Self {
        let inner = || effects.iter().skip(1).filter(|one| !one.site.is_output());
        let joined =
            |pick: &dyn Fn(&Effects) -> Vec<f32>| -> Vec<f32> { inner().flat_map(pick).collect() };
        let exact = joined(&|one| one.exact.clone());
        let against = |values: Vec<f32>| f64::from(correlation(&values, &exact));
        let shuffles =
            (0..NUM_SHUFFLES).map(|index| against(joined(&|one| one.shuffled[index].clone())));
        Self {
            found: against(joined(&|one| one.predicted.clone())),
            at_once: against(joined(&|one| one.at_once.clone())),
            shuffled: mean_and_highest(shuffles),
        }
    }

    fn is_weak(&self) -> bool {
        self.found <= self.shuffled[1]
    }

    /// The same site by site.
    fn figure(&self, traced: &Traced<'_>, effects: &[Effects]) -> Figure {
        let bars = effects.iter().filter(|one| one.exact.len() > 1).map(|one| {
            let shuffles = one.shuffled.iter();
            let chance = shuffles.map(|shuffled| correlation(shuffled, &one.exact));
            Bar {
                name: one.site.name.clone(),
                value: correlation(&one.predicted, &one.exact),
                control: Some(chance.sum::<f32>() / NUM_SHUFFLES as f32),
                site: one.site.name.clone(),
                unit: None,
            }
        });
        let pairs = on_pairs(traced);
        let caption = match self.is_weak() {
            false => format!(
                "Correlation over each site's parts between what gradients predict and what patching \
                 restores{pairs}; the tick takes each slope from another part."
            ),
            true => format!(
                "Weak evidence: what gradients predict follows what patching restores no better than slopes of \
                 other parts do; correlation by site{pairs}."
            ),
        };
        let [mean, high] = self.shuffled;
        Figure {
            title: "Agreement with patching".into(),
            caption,
            body: Body::Bars {
                x: Scale::numeric("correlation", ""),
                bars: bars.collect(),
            },
            numbers: vec![
                Number::new("correlation", "over all inner parts", self.found),
                Number::new("correlation_one_step", "with one step", self.at_once),
                Number::new("correlation_shuffled", "slopes of other parts", mean).control(),
                Number::new("correlation_shuffled_high", "highest of 20 shuffles", high).control(),
            ],
        }
    }
}

fn mean_and_highest(values: impl Iterator<Item = f64> + Clone) -> [f64; 2] {
    let mean = values.clone().sum::<f64>() / NUM_SHUFFLES as f64;
    [mean, values.fold(f64::NEG_INFINITY, f64::max)]
}

/// `, mean of 9 pairs of boards`, for a caption; nothing where there is one.
fn on_pairs(traced: &Traced<'_>) -> String {
    match traced.pairs.len() {
        1 => String::new(),
        count => format!(", mean of {count} pairs of boards"),
    }
}

/// Predictions on the two boards given, each site in its own geometry.
fn map(
    subject: &Subject<'_>,
    parameters: &Parameters,
    traced: &Traced<'_>,
    effects: &[Effects],
    weak: bool,
) -> Figure {
    let panels = effects.iter().flat_map(|one| {
        let values: Vec<Option<f32>> = one.given[0].iter().copied().map(Some).collect();
        parameters
            .part
            .panels(one.site, &values, subject.env.space())
    });
    let [into, from] = parameters.direction.names();
    let what = traced.pairs[0].gauge.describe(subject.env.space());
    let error = effects
        .iter()
        .flat_map(|one| one.given[0].iter().zip(&one.given[1]));
    let error = error.fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
    let caption = match weak {
        false => format!(
            "What gradients predict of the share of the {from} board's {what} that each part would restore in \
             the {into} run; orange restores, blue opposes."
        ),
        true => format!(
            "Weak evidence: these predictions of what each part restores of the {from} board's {what} follow \
             patching no better than slopes of other parts do."
        ),
    };
    Figure {
        title: "Predicted patching map".into(),
        caption,
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
fn strongest(parameters: &Parameters, traced: &Traced<'_>, effects: &[Effects]) -> Figure {
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
    places.truncate(NUM_BARS);
    let bars = places.iter().map(|&(one, group)| Bar {
        name: parameters.part.name(one.site, group),
        value: one.exact[group],
        control: Some(one.predicted[group]),
        site: one.site.name.clone(),
        unit: Some(parameters.part.groups(one.site)[group][0]),
    });
    let error = |predicted: &dyn Fn(&Effects) -> Vec<f32>| {
        let missed = places
            .iter()
            .map(|&(one, group)| (one.exact[group] - predicted(one)[group]).abs());
        f64::from(missed.sum::<f32>() / places.len() as f32)
    };
    let found = error(&|one| one.predicted.clone());
    let [mut chance, mut least] = [0.0, f64::INFINITY];
    for index in 0..NUM_SHUFFLES {
        let one = error(&|one| one.shuffled[index].clone());
        (chance, least) = (chance + one / NUM_SHUFFLES as f64, least.min(one));
    }
    let pairs = on_pairs(traced);
    let caption = match found < least {
        true => format!(
            "What the strongest inner parts restore when they are patched, and as a tick what gradients predict \
             of them{pairs}."
        ),
        false => format!(
            "Weak evidence: of what the strongest inner parts restore when they are patched, gradients predict \
             (the tick) no more than slopes of other parts do{pairs}."
        ),
    };
    Figure {
        title: "Strongest parts".into(),
        caption,
        body: Body::Bars {
            x: Scale::numeric("share restored", ""),
            bars: bars.collect(),
        },
        numbers: vec![
            Number::new("mean_error", "mean error of these", found),
            Number::new("mean_error_shuffled", "with slopes of other parts", chance).control(),
            Number::new("mean_error_shuffled_least", "least of 20 shuffles", least).control(),
        ],
    }
}

/// The strongest links, and how well their scores follow path patching; none where nothing is linked.
async fn links(
    subject: &Subject<'_>,
    parameters: &Parameters,
    traced: &Traced<'_>,
) -> Result<Option<Figure>> {
    let nodes = leading(parameters, traced)?;
    let mut links = traced.links(&nodes).await?;
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
    let exact = traced.exact_links(&nodes, &checked).await?;
    let mut weights: Vec<f32> = checked.iter().map(|link| link.weight).collect();
    let found = f64::from(correlation(&weights, &exact));
    let mut rng = subject.rng.split("shuffled links");
    let shuffles: Vec<f64> = (0..NUM_SHUFFLES)
        .map(|_| {
            rng.shuffle(&mut weights);
            f64::from(correlation(&weights, &exact))
        })
        .collect();
    let [chance, high] = mean_and_highest(shuffles.into_iter());
    let pairs = on_pairs(traced);
    let caption = match found > high {
        true => format!(
            "Links between parts of consecutive sites by what gradients predict them to restore{pairs}; wide ones \
             matter most, orange restores, blue opposes."
        ),
        false => format!(
            "Weak evidence: what gradients predict of these links follows path patching no better than other links' \
             scores do{pairs}; wide ones are predicted to matter most."
        ),
    };
    Ok(Some(Figure {
        title: "Strongest links".into(),
        caption,
        body: graph(&traced.wiring, &nodes, &links),
        numbers: vec![
            Number::new("link_correlation", "correlation with path patching", found),
            Number::new("link_correlation_shuffled", "scores of other links", chance).control(),
            Number::new(
                "link_correlation_shuffled_high",
                "highest of 20 shuffles",
                high,
            )
            .control(),
        ],
    }))
}

/// The nodes of each site with the largest scores: those that change and matter.
fn leading(parameters: &Parameters, traced: &Traced<'_>) -> Result<Vec<Node>> {
    let nodes = traced.wiring.nodes(parameters.part);
    let found = traced.node_scores(&nodes)?;
    let mut leading = Vec::new();
    for place in 0..traced.wiring.sites.len() {
        let here = (0..nodes.len()).filter(|&node| nodes[node].site == place);
        let here: Vec<usize> = here.filter(|&node| found[node] != 0.0).collect();
        let sizes: Vec<f32> = here.iter().map(|&node| found[node].abs()).collect();
        let mut order = ranked(&sizes);
        order.truncate(parameters.parts);
        order.sort_unstable();
        leading.extend(order.into_iter().map(|place| nodes[here[place]].clone()));
    }
    Ok(leading)
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
