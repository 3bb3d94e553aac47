//! A clean and a corrupt board: what the network does on both, and what comes of mixing the two runs.

use super::{
    Subject,
    measure::{Gauge, Measure},
    pairs::pairs,
};
use crate::{
    backend,
    env::{Env, observation},
    error::{Error, Result},
    model::{
        Site,
        evaluator::Evaluator,
        taps::{Change, SiteEdit},
    },
};
use burn::tensor::{Device, Tensor, TensorData};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which run is patched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Clean into corrupt: what is sufficient?
    #[default]
    Denoise,
    /// Corrupt into clean: what is necessary?
    Noise,
}

impl Direction {
    /// Places in a contrast of the run that is patched and of the run that the patch comes from.
    pub(super) fn rows(self) -> [usize; 2] {
        match self {
            Self::Denoise => [1, 0],
            Self::Noise => [0, 1],
        }
    }

    /// Their names.
    pub(super) fn names(self) -> [&'static str; 2] {
        self.rows().map(|row| ["clean", "corrupt"][row])
    }
}

/// Least difference between the runs that is worth explaining; below it the shares are noise.
const LEAST_DIFFERENCE: f32 = 1e-3;
/// Rows of one forward pass.
const MAX_ROWS: usize = 1024;

/// The two runs, clean and corrupt, and what is measured on them.
pub(super) struct Contrast {
    pub gauge: Gauge,
    /// Flat observations.
    pub observations: [Vec<f32>; 2],
    /// Activations of every site.
    pub recorded: [BTreeMap<String, Vec<f32>>; 2],
    /// The measure.
    pub ends: [f32; 2],
}

impl Contrast {
    /// Runs `[clean, corrupt]`. Errors: `NotApplicable` where the measure means nothing there, or
    /// hardly differs.
    pub async fn new(
        evaluator: &Evaluator,
        states: [&dyn Env; 2],
        measure: Measure,
    ) -> Result<Self> {
        let observations = states.map(observation);
        let (answers, recorded) = evaluator.record(observations.concat(), 2).await?;
        let gauge = Gauge::new(measure, states, &answers)?;
        let ends = [0, 1].map(|row| gauge.of(answers.logits_of(row), answers.values[row]));
        if (ends[1] - ends[0]).abs() < LEAST_DIFFERENCE {
            return Err(Error::not_applicable(format!(
                "the two boards give nearly the same {} ({:.4} and {:.4}), so there is no difference to restore",
                gauge.name(),
                ends[0],
                ends[1],
            )));
        }
        let split = |row: usize| {
            let one = |(name, values): (&String, &Vec<f32>)| {
                let len = values.len() / 2;
                (name.clone(), values[row * len..(row + 1) * len].to_vec())
            };
            recorded.iter().map(one).collect()
        };
        Ok(Self {
            gauge,
            observations,
            recorded: [split(0), split(1)],
            ends,
        })
    }

    /// The two boards that the op was given.
    pub async fn given(subject: &Subject<'_>, measure: Measure) -> Result<Self> {
        let [clean, corrupt] = subject.states.as_slice() else {
            return Err(Error::not_applicable(
                "patching needs two states, a clean and a corrupt one",
            ));
        };
        let states = [clean.as_ref(), corrupt.as_ref()];
        Self::new(&subject.evaluator, states, measure).await
    }

    /// Up to `count` further pairs, on which `measure` differs; fewer where there are no more.
    pub async fn further(
        subject: &Subject<'_>,
        measure: Measure,
        count: usize,
    ) -> Result<Vec<Self>> {
        let mut found = Vec::with_capacity(count);
        for [clean, corrupt] in pairs(subject, count).await? {
            let states = [clean.as_ref(), corrupt.as_ref()];
            match Self::new(&subject.evaluator, states, measure).await {
                Ok(contrast) => found.push(contrast),
                // Under an edit two boards may be the same to the network: they tell nothing.
                Err(Error::NotApplicable { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(found)
    }

    /// Activations at `site` of the clean (0) or the corrupt (1) run. Errors: a site that was not met.
    pub fn at(&self, row: usize, site: &Site) -> Result<&[f32]> {
        let values = self.recorded[row].get(&site.name).map(Vec::as_slice);
        values.ok_or_else(|| Error::not_applicable(format!("{} was not recorded", site.name)))
    }

    /// How far `measured` is from the run that is patched (0) to the run that the patch comes from (1).
    pub fn share(&self, direction: Direction, measured: f32) -> f32 {
        let [start, end] = direction.rows().map(|row| self.ends[row]);
        (measured - start) / (end - start)
    }

    /// How much of the donor run's answer each group of elements of `site` restores, with the donor's
    /// activations or others, `[1 or group × element]`: a row of a forward pass for each group.
    pub async fn shares(
        &self,
        evaluator: &Evaluator,
        direction: Direction,
        site: &Site,
        groups: &[Vec<usize>],
        donor: &[f32],
    ) -> Result<Vec<f32>> {
        let [into, _] = direction.rows();
        let mut shares = Vec::with_capacity(groups.len());
        for (index, groups) in groups.chunks(MAX_ROWS).enumerate() {
            let donor = match donor.len() > site.len() {
                true => &donor[index * MAX_ROWS * site.len()..][..groups.len() * site.len()],
                false => donor,
            };
            let mut patched = evaluator.clone();
            patched
                .edits
                .push(replace(site, groups, donor, &evaluator.device));
            let rows = groups.len();
            let input = self.observations[into].repeat(rows);
            let answers = patched.evaluate(input, rows).await?;
            let measured = self.gauge.rows(&answers).into_iter();
            shares.extend(measured.map(|measured| self.share(direction, measured)));
        }
        Ok(shares)
    }
}

/// An edit that gives row `i` of a batch the elements `groups[i]` of `site` from `values`,
/// `[1 or row × element]`.
pub(super) fn replace(
    site: &Site,
    groups: &[Vec<usize>],
    values: &[f32],
    device: &Device,
) -> SiteEdit {
    let (rows, len) = (groups.len(), site.len());
    let mut mask = vec![false; rows * len];
    for (row, group) in groups.iter().enumerate() {
        let row = &mut mask[row * len..(row + 1) * len];
        group.iter().for_each(|&index| row[index] = true);
    }
    let shape = [values.len() / len, len];
    SiteEdit {
        site: site.name.clone(),
        mask: Tensor::from_data(TensorData::new(mask, [rows, len]), device), // [row, element]
        change: Change::Replace(backend::tensor(values.to_vec(), shape, device)), // [1 or row, element]
    }
}
