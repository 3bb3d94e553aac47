//! Activation patching: copy a part of one state's activations into another state's run, and ask how
//! much of the first one's answer comes back (Heimersheim & Nanda 2024, "How to use and interpret
//! activation patching").
//!
//! Denoising puts clean activations into the corrupt run: is this part sufficient? Noising puts corrupt
//! ones into the clean run: is it necessary? Scores are normalised so that 0 is the run that was
//! patched and 1 is the run that the patch came from. Beside the two boards given, further pairs are
//! sought on which the agent chooses differently, and means are over all of them.

mod enough;

use super::{
    OpEntry, Subject,
    ablate::last_hidden,
    contrast::{Contrast, Direction},
    curve::{mean_and_spread, mean_rows},
    figure::{Bar, Body, Colour, Figure, Number, Scale},
    measure::Measure,
    parts::Part,
    reference_states,
    samples::highest,
};
use crate::{
    error::Result,
    model::{Site, evaluator::observations, find_site},
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "patch",
    title: "Patch activations",
    summary: "Copies parts of the clean board's activations into the corrupt board's run, and measures how \
              much of the clean answer returns.",
    schema: schema::schema_of::<Parameters>,
    num_states: 2,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "patch")?;
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
    /// The site whose parts are copied together, the strongest first; the last hidden one when empty.
    #[schemars(extend("x-choices" = "sites", "x-auto" = "last hidden one"))]
    pub site: String,
    /// Further pairs of boards to average over.
    #[schemars(range(min = 0, max = 64))]
    pub pairs: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            direction: Direction::default(),
            part: Part::default(),
            measure: Measure::default(),
            site: String::new(),
            pairs: 8,
        }
    }
}

/// Random donors of the control.
const NUM_DONORS: usize = 32;

/// Shares of one pair: by site, one a part.
type Shares = Vec<Vec<f32>>;

/// A part of a site.
#[derive(Clone, Copy)]
struct Place {
    site: usize,
    group: usize,
}

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let site = match parameters.site.as_str() {
        "" => last_hidden(subject.sites),
        name => find_site(subject.sites, name)?,
    };
    let given = Contrast::given(subject, parameters.measure).await?;
    let mut pairs = vec![given];
    pairs.extend(Contrast::further(subject, pairs[0].gauge.measure(), parameters.pairs).await?);
    let work = work(subject, &pairs);
    let mut shares = Vec::with_capacity(pairs.len());
    for (index, pair) in pairs.iter().enumerate() {
        shares.push(
            effects(
                subject,
                parameters,
                pair,
                (index * subject.sites.len(), work),
            )
            .await?,
        );
    }
    let donors = Donors::new(subject).await?;
    let enough = enough::figure(subject, parameters, site, &pairs, &shares, &donors).await?;
    let bars = strongest(subject, parameters, &pairs, &shares, &donors).await?;
    subject.step(work, work).await?;
    let map = map(subject, parameters, &pairs, &shares, &donors).await?;
    Ok(vec![enough, map, bars])
}

/// Steps of the whole: each pair's sites, then each pair's curves, then the figures.
fn work(subject: &Subject<'_>, pairs: &[Contrast]) -> usize {
    pairs.len() * (subject.sites.len() + 1) + 1
}

/// How much of the donor run's answer each part of each site restores. Steps are told as so many after
/// `before` of `total`.
async fn effects(
    subject: &Subject<'_>,
    parameters: &Parameters,
    pair: &Contrast,
    (before, total): (usize, usize),
) -> Result<Shares> {
    let direction = parameters.direction;
    let [_, from] = direction.rows();
    let mut shares = Vec::with_capacity(subject.sites.len());
    for (index, site) in subject.sites.iter().enumerate() {
        let (groups, donor) = (parameters.part.groups(site), pair.at(from, site)?);
        let evaluator = &subject.evaluator;
        shares.push(
            pair.shares(evaluator, direction, site, &groups, donor)
                .await?,
        );
        subject.step(before + index + 1, total).await?;
    }
    Ok(shares)
}

/// Activations of random states: whatever they restore as well is no finding.
struct Donors {
    count: usize,
    recorded: std::collections::BTreeMap<String, Vec<f32>>,
}

impl Donors {
    async fn new(subject: &Subject<'_>) -> Result<Self> {
        let mut rng = subject.rng.split("donors");
        let states = reference_states(subject.env, NUM_DONORS, &mut rng);
        if states.is_empty() {
            return Ok(Self {
                count: 0,
                recorded: Default::default(),
            });
        }
        let evaluator = &subject.evaluator;
        let (_, recorded) = evaluator
            .record(observations(&states), states.len())
            .await?;
        Ok(Self {
            count: states.len(),
            recorded,
        })
    }

    fn at(&self, site: &Site) -> &[f32] {
        self.recorded.get(&site.name).map_or(&[], Vec::as_slice)
    }

    /// What one part restores from each donor, the least first.
    async fn shares(
        &self,
        subject: &Subject<'_>,
        direction: Direction,
        pair: &Contrast,
        site: &Site,
        group: &[usize],
    ) -> Result<Vec<f32>> {
        let groups = vec![group.to_vec(); self.count];
        let values = self.at(site);
        let mut shares = pair
            .shares(&subject.evaluator, direction, site, &groups, values)
            .await?;
        shares.sort_by(f32::total_cmp);
        Ok(shares)
    }
}

/// The value that a share of sorted numbers lies below; 0 where there are none.
fn quantile(sorted: &[f32], share: f32) -> f32 {
    let place = (share * (sorted.len().max(1) - 1) as f32).round() as usize;
    sorted.get(place).copied().unwrap_or(0.0)
}

/// The inner part that restores most: input and output restore everything by construction.
fn best(sites: &[Site], shares: &Shares) -> Option<Place> {
    let inner = (1..sites.len()).filter(|&site| !sites[site].is_output());
    let places = inner.map(|site| Place {
        site,
        group: highest(&shares[site]),
    });
    places.max_by(|a, b| {
        let [a, b] = [a, b].map(|place| shares[place.site][place.group]);
        a.total_cmp(&b)
    })
}

/// The shares of the two boards given, each site in its own geometry.
async fn map(
    subject: &Subject<'_>,
    parameters: &Parameters,
    pairs: &[Contrast],
    shares: &[Shares],
    donors: &Donors,
) -> Result<Figure> {
    let (part, direction) = (parameters.part, parameters.direction);
    let mut panels = Vec::new();
    for (site, shares) in subject.sites.iter().zip(&shares[0]) {
        let values: Vec<Option<f32>> = shares.iter().copied().map(Some).collect();
        panels.extend(part.panels(site, &values, subject.env.space()));
    }
    let [into, from] = direction.names();
    let what = pairs[0].gauge.describe(subject.env.space());
    let mut caption = format!(
        "Share of the {from} board's {what} that returns when one part of its activations is copied into the \
         {into} run; orange restores, blue opposes."
    );
    let mut numbers = Vec::new();
    if let Some(place) = best(subject.sites, &shares[0]) {
        let site = &subject.sites[place.site];
        let share = shares[0][place.site][place.group];
        let group = &part.groups(site)[place.group];
        let random = donors
            .shares(subject, direction, &pairs[0], site, group)
            .await?;
        let high = quantile(&random, 0.95);
        if share <= high {
            caption = format!(
                "Weak evidence: the strongest part restores no more than random boards do; orange restores \
                 the {from} board's {what} in the {into} run, blue opposes."
            );
        }
        numbers = vec![
            Number::new(
                "best_share",
                &part.name(site, place.group),
                f64::from(share),
            ),
            Number::new(
                "random_donor",
                "median of random donors",
                f64::from(quantile(&random, 0.5)),
            )
            .control(),
            Number::new("random_donor_high", "highest twentieth", f64::from(high)).control(),
        ];
    }
    Ok(Figure {
        title: "Patching map".into(),
        caption,
        body: Body::Maps {
            panels,
            colour: Colour::Diverging {
                limit: 1.0,
                name: "share restored".into(),
            },
        },
        numbers,
    })
}

/// The part of each site that restores most on average, and the runs' own measures.
async fn strongest(
    subject: &Subject<'_>,
    parameters: &Parameters,
    pairs: &[Contrast],
    shares: &[Shares],
    donors: &Donors,
) -> Result<Figure> {
    let (part, direction) = (parameters.part, parameters.direction);
    let mut bars = Vec::with_capacity(subject.sites.len());
    for (index, site) in subject.sites.iter().enumerate() {
        let means = mean_rows(shares.iter().map(|shares| &shares[index]));
        let (group, groups) = (highest(&means), part.groups(site));
        let mut control = 0.0;
        for pair in pairs {
            let random = donors
                .shares(subject, direction, pair, site, &groups[group])
                .await?;
            control += quantile(&random, 0.5) / pairs.len() as f32;
        }
        bars.push(Bar {
            name: part.name(site, group),
            value: means[group],
            control: Some(control),
            site: site.name.clone(),
            unit: Some(groups[group][0]),
        });
    }
    let [into, from] = direction.names();
    let [start, end] = direction.rows().map(|row| f64::from(pairs[0].ends[row]));
    let best: Vec<f32> = shares
        .iter()
        .filter_map(|shares| {
            let place = best(subject.sites, shares)?;
            Some(shares[place.site][place.group])
        })
        .collect();
    let (mean, spread) = mean_and_spread(&best);
    Ok(Figure {
        title: "Strongest part by site".into(),
        caption: format!(
            "The part of each site that restores most of the {from} answer, as a mean over {} pairs of boards; \
             the tick is the same part from random boards.",
            pairs.len()
        ),
        body: Body::Bars {
            x: Scale::numeric("share restored", ""),
            bars,
        },
        numbers: vec![
            Number::new("best_share_mean", "each pair's strongest inner part", mean),
            Number::new("best_share_spread", "deviation over pairs", spread),
            Number::new("patched_end", &format!("{into} run"), start),
            Number::new("donor_end", &format!("{from} run"), end),
        ],
    })
}
