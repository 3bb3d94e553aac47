//! Retargeting: one channel of a site that keeps the grid's geometry is set at one cell, and the agent's
//! arrows are read: does it now walk there? (The channels of the maze-policy follow-up to Langosco et al.,
//! UlisseMini/procgen-tools.)

use super::{
    OpEntry, Subject,
    figure::{Bar, Body, Figure, Number, Scale},
    walk::{self, Arrow},
};
use crate::{
    env::Placement,
    error::{Error, Result},
    model::{
        Site,
        evaluator::Evaluator,
        find_site,
        taps::{self, Bank, Edit, EditOp, Select},
    },
    schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The registry's line.
pub static ENTRY: OpEntry = OpEntry {
    id: "retarget",
    title: "Retarget",
    summary: "Sets one channel at one cell, and sees whether the agent's arrows turn towards that cell.",
    schema: schema::schema_of::<Parameters>,
    num_states: 1,
    run: |subject, value| {
        Box::pin(async move {
            let parameters = schema::parameters(value, "retarget")?;
            run(subject, &parameters).await
        })
    },
};

/// What can be chosen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parameters {
    /// A site with rows and columns; the last such hidden one when empty, else the observation.
    #[schemars(extend("x-choices" = "sites", "x-auto" = "last hidden grid"))]
    pub site: String,
    /// The channel to set; the one that attracts most when absent.
    #[schemars(range(min = 0), extend("x-auto" = "the one that attracts most"))]
    pub channel: Option<usize>,
    /// Row of the cell, from 1; the middle one when absent.
    #[schemars(range(min = 1), extend("x-auto" = "the middle one"))]
    pub row: Option<usize>,
    /// Column of the cell, from 1; the middle one when absent.
    #[schemars(range(min = 1), extend("x-auto" = "the middle one"))]
    pub column: Option<usize>,
    /// What the channel is set to there.
    #[schemars(range(min = -100.0, max = 100.0))]
    pub value: f32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            site: String::new(),
            channel: None,
            row: None,
            column: None,
            value: 5.5,
        }
    }
}

/// Most channels to draw.
const TOP: usize = 12;

async fn run(subject: &Subject<'_>, parameters: &Parameters) -> Result<Vec<Figure>> {
    let (state, placements) = walk::placements(subject)?;
    let site = find(subject, parameters)?;
    let [channels, rows, columns] = [0, 1, 2].map(|axis| site.axes[axis].len);
    let row = parameters.row.unwrap_or(rows / 2 + 1);
    let column = parameters.column.unwrap_or(columns / 2 + 1);
    for (name, got, most) in [("row", row, rows), ("column", column, columns)] {
        if got > most {
            return Err(Error::Parameter {
                name: format!("retarget.{name}"),
                got: got.to_string(),
                allowed: format!("1 to {most}, as {} has that many", site.name),
            });
        }
    }
    if let Some(channel) = parameters.channel.filter(|&channel| channel >= channels) {
        return Err(Error::Parameter {
            name: "retarget.channel".into(),
            got: channel.to_string(),
            allowed: format!("0 to {}, as {} has that many", channels - 1, site.name),
        });
    }
    // A site may leave the border out that the scene draws.
    let scene = state.scene();
    let margin = scene.rows.saturating_sub(rows) / 2;
    let goal = (row - 1 + margin, column - 1 + margin);
    let before = walk::arrows(&subject.clean(), &placements).await?;
    let place = (row - 1) * columns + column - 1;
    let mut found = Vec::new();
    for channel in 0..channels {
        let element = channel * rows * columns + place;
        let evaluator = set(subject.clean(), subject, site, element, parameters.value)?;
        let after = walk::arrows(&evaluator, &placements).await?;
        found.push((channel, attraction(&before, &after, goal), after));
        subject.step(channel + 1, channels).await?;
    }
    let mean = found.iter().map(|one| one.1).sum::<f64>() / channels as f64;
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    let shown = match parameters.channel {
        Some(channel) => found.iter().position(|one| one.0 == channel).unwrap_or(0),
        None => 0,
    };
    let name = |channel: usize| site.axes[0].place(channel);
    let untrained = untrained_best(subject, parameters, (site, place), &placements, goal).await?;
    let (channel, strength, after) = &found[shown];
    let bars = found.iter().take(TOP).map(|(channel, strength, _)| Bar {
        name: name(*channel),
        value: *strength as f32,
        control: None,
        site: site.name.clone(),
        unit: Some(*channel),
    });
    Ok(vec![
        walk::field(
            "Retargeted",
            &format!(
                "Where the agent would go with {} of {} set to {} at row {row}, column {column}.",
                name(*channel),
                site.name,
                parameters.value
            ),
            state,
            after,
            1.0,
            vec![
                Number::new("attraction", "turn towards the cell", *strength),
                Number::new("attraction_mean", "mean of all channels", mean).control(),
                Number::new("attraction_untrained", "best of the untrained", untrained).control(),
            ],
        ),
        walk::field(
            "Difference",
            "What that adds to each arrow; a cell without one is left as it was.",
            state,
            &walk::change(&before, after),
            0.5,
            Vec::new(),
        ),
        Figure {
            title: "Channels that attract".into(),
            caption:
                "How far each channel, set at that cell, turns the agent's arrows towards it: mean \
                      over cells, 1 if each turned wholly."
                    .into(),
            body: Body::Bars {
                x: Scale::numeric("turn towards the cell", ""),
                bars: bars.collect(),
            },
            numbers: Vec::new(),
        },
    ])
}

/// The site to set. Errors: `UnknownId`, or `NotApplicable` for one without rows and columns.
fn find<'a>(subject: &'a Subject<'_>, parameters: &Parameters) -> Result<&'a Site> {
    let is_spatial = |site: &Site| matches!(site.axes.as_slice(), [_, row, column] if row.name == "row" && column.name == "column");
    let spatial = |site: &&Site| is_spatial(site);
    match parameters.site.as_str() {
        "" => {
            let mut hidden = subject.sites.iter().filter(|site| site.name != "obs");
            let last = hidden.rfind(spatial);
            last.or_else(|| subject.sites.iter().find(spatial))
                .ok_or_else(|| Error::not_applicable("no site here has rows and columns"))
        }
        name => {
            let site = find_site(subject.sites, name)?;
            is_spatial(site).then_some(site).ok_or_else(|| {
                Error::not_applicable(format!("{name} has no channels with rows and columns"))
            })
        }
    }
}

/// `network` with one element of a site set to `value`.
fn set(
    network: Evaluator,
    subject: &Subject<'_>,
    site: &Site,
    element: usize,
    value: f32,
) -> Result<Evaluator> {
    let edit = Edit {
        site: site.name.clone(),
        select: Select::Units(vec![element]),
        op: EditOp::Replace(vec![value]),
    };
    let edits = taps::compile(
        &[edit],
        subject.sites,
        &Bank::new(),
        &mut subject.rng.split("edits"),
        &network.device,
    )?;
    Ok(Evaluator { edits, ..network })
}

/// Mean over cells of how much arrows turned towards `goal`: the change's component in its direction.
fn attraction(before: &[Arrow], after: &[Arrow], goal: (usize, usize)) -> f64 {
    let towards = |&((row, column), (x, y)): &Arrow| {
        let (right, down) = (goal.1 as f32 - column as f32, goal.0 as f32 - row as f32);
        let far = right.hypot(down);
        (far > 0.0).then(|| f64::from((x * right + y * down) / far))
    };
    let change = walk::change(before, after);
    let turns: Vec<f64> = change.iter().filter_map(towards).collect();
    turns.iter().sum::<f64>() / turns.len().max(1) as f64
}

/// The most that a channel of the untrained network attracts: what chance alone gives.
async fn untrained_best(
    subject: &Subject<'_>,
    parameters: &Parameters,
    (site, place): (&Site, usize),
    placements: &[Placement],
    goal: (usize, usize),
) -> Result<f64> {
    let before = walk::arrows(&subject.untrained, placements).await?;
    let area = site.axes[1].len * site.axes[2].len;
    let mut most = f64::MIN;
    for channel in 0..site.axes[0].len {
        let element = channel * area + place;
        let network = subject.untrained.clone();
        let evaluator = set(network, subject, site, element, parameters.value)?;
        let after = walk::arrows(&evaluator, placements).await?;
        most = most.max(attraction(&before, &after, goal));
    }
    Ok(most)
}
