//! Which units or channels of a steering vector carry what it does.

use super::{NUM_RANDOM, NUM_STRENGTHS, Parameters, mean_return, steered};
use crate::{
    env::{Env, Placement},
    error::Result,
    model::Site,
    op::{
        Subject,
        curve::{first_reaching, growing, mean_rows, ranked, series},
        figure::{Body, Figure, Number, Scale},
        parts::Part,
        walk::{self, Arrow},
    },
};

/// Random orders of the control.
const NUM_ORDERS: usize = 8;
/// Steps of the whole that this takes.
pub const STEPS: usize = NUM_ORDERS + 2;

/// How much of what a vector does to the arrows is done by some of its parts.
struct Carriers<'a> {
    subject: &'a Subject<'a>,
    placements: &'a [Placement],
    site: &'a Site,
    vector: &'a [f32],
    strength: f32,
    groups: Vec<Vec<usize>>,
    before: Vec<Arrow>,
    /// What the whole vector adds to each arrow.
    whole: Vec<Arrow>,
}

impl Carriers<'_> {
    /// The vector with these parts alone.
    fn only(&self, parts: &[usize]) -> Vec<f32> {
        let mut some = vec![0.0; self.vector.len()];
        let elements = parts.iter().flat_map(|&part| &self.groups[part]);
        elements.for_each(|&element| some[element] = self.vector[element]);
        some
    }

    /// The arrows' change along what the whole vector does to them: 1 for the whole vector.
    async fn share(&self, parts: &[usize]) -> Result<f32> {
        let some = self.only(parts);
        let network = steered(self.subject, self.site, &some, self.strength)?;
        let after = walk::arrows(&network, self.placements).await?;
        Ok(along(&walk::change(&self.before, &after), &self.whole))
    }

    /// Shares of the first parts of `order`, one for each of `sizes`.
    async fn curve(&self, order: &[usize], sizes: &[usize]) -> Result<Vec<f32>> {
        let mut shares = Vec::with_capacity(sizes.len());
        for &size in sizes {
            shares.push(self.share(&order[..size]).await?);
        }
        Ok(shares)
    }
}

/// How far changes go along others: their scalar product with them, as a share of theirs with themselves.
fn along(change: &[Arrow], whole: &[Arrow]) -> f32 {
    let product = |one: &[Arrow], other: &[Arrow]| -> f32 {
        let pairs = one.iter().zip(other);
        pairs.map(|((_, a), (_, b))| a.0 * b.0 + a.1 * b.1).sum()
    };
    product(change, whole) / product(whole, whole)
}

/// The parts, the one that does most first; none where the vector moves no arrow.
pub async fn find(
    subject: &Subject<'_>,
    parameters: &Parameters,
    (state, placements): (&dyn Env, &[Placement]),
    site: &Site,
    vector: &[f32],
) -> Result<Option<Figure>> {
    let strength = parameters.strength;
    let before = walk::arrows(&subject.clean(), placements).await?;
    let after = walk::arrows(&steered(subject, site, vector, strength)?, placements).await?;
    let whole = walk::change(&before, &after);
    if walk::mean_length(&whole) == 0.0 {
        return Ok(None);
    }
    let carriers = Carriers {
        subject,
        placements,
        site,
        vector,
        strength,
        groups: Part::Channel.groups(site),
        before,
        whole,
    };
    let count = carriers.groups.len();
    let done = NUM_STRENGTHS * (1 + NUM_RANDOM);
    let step = |more: usize| subject.step(done + more, done + STEPS);
    let mut alone = Vec::with_capacity(count);
    for part in 0..count {
        alone.push(carriers.share(&[part]).await?);
        step(0).await?;
    }
    let order = ranked(&alone);
    let quarter = count.div_ceil(4);
    let mut sizes = growing(count);
    if let Err(place) = sizes.binary_search(&quarter) {
        sizes.insert(place, quarter);
    }
    let ours = carriers.curve(&order, &sizes).await?;
    step(1).await?;
    let mut rng = subject.rng.split("orders");
    let mut curves = Vec::with_capacity(NUM_ORDERS);
    for draw in 0..NUM_ORDERS {
        let mut order: Vec<usize> = (0..count).collect();
        rng.shuffle(&mut order);
        curves.push(carriers.curve(&order, &sizes).await?);
        step(2 + draw).await?;
    }
    let random = mean_rows(curves.iter());
    let reached = [&ours, &random].map(|curve| first_reaching(curve, &sizes));
    // The whole vector is enough, and the last size is all of it.
    let [enough, by_chance] = reached.map(|size| size.unwrap_or(count));
    let of_quarter = |curve: &[f32]| {
        let mut points = sizes.iter().zip(curve);
        let found = points.find(|(size, _)| **size == quarter);
        found.map_or(0.0, |(_, share)| f64::from(*share))
    };
    let [by_quarter, by_any_quarter] = [&ours, &random].map(|curve| of_quarter(curve));
    let played = async |parts: &[usize]| {
        let network = steered(subject, site, &carriers.only(parts), strength)?;
        mean_return(&network, subject, state, parameters.episodes).await
    };
    let kept = played(&order[..enough]).await?;
    let left = played(&order[enough..]).await?;
    step(STEPS).await?;
    let name = match site.axes.len() {
        1 => "units",
        _ => "channels",
    };
    let total = count as f64;
    let is_weak = enough >= by_chance && by_quarter <= by_any_quarter;
    Ok(Some(Figure {
        title: "What carries it".into(),
        caption: format!(
            "{}Share of the change of the arrows that {name} of {} make alone, the strongest of the {count} first, \
             and in random order.",
            if is_weak { "Weak evidence: " } else { "" },
            site.name
        ),
        body: Body::Lines {
            x: Scale::numeric(&format!("{name} added"), ""),
            y: Scale::numeric("share of the change", ""),
            series: vec![
                series("strongest first", &sizes, &ours, false),
                series("random order", &sizes, &random, true),
            ],
        },
        numbers: vec![
            Number::new(
                "share_of_quarter",
                &format!("made by the strongest quarter of the {name}"),
                by_quarter,
            ),
            Number::new("share_of_quarter_random", "by any quarter", by_any_quarter).control(),
            Number::new(
                "carriers_for_90",
                &format!("{name} for 90 %"),
                enough as f64,
            )
            .out_of(total),
            Number::new(
                "carriers_for_90_random",
                "in random order",
                by_chance as f64,
            )
            .out_of(total)
            .control(),
            Number::new(
                "return_carriers",
                &format!("return with these {name}"),
                kept,
            ),
            Number::new("return_others", "with the others", left).control(),
        ],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_measured_along_the_whole_change() {
        let arrows = |all: &[(f32, f32)]| -> Vec<Arrow> {
            let cells = (0..).map(|column| (0, column));
            cells.zip(all.iter().copied()).collect()
        };
        let whole = arrows(&[(1.0, 0.0), (0.0, 2.0)]);
        assert_eq!(along(&whole, &whole), 1.0);
        // Half of the second arrow, and a turn of the first to the side: 2 of 5.
        assert_eq!(along(&arrows(&[(0.0, 3.0), (0.0, 1.0)]), &whole), 0.4);
        assert_eq!(along(&arrows(&[(-1.0, 0.0), (0.0, -2.0)]), &whole), -1.0);
    }
}
