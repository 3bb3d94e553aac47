//! All of a learner but its weights, to a checkpoint and back.

use super::Ppo;
use crate::{
    agent::{self, adam::Adam, collapse::Detector},
    error::{Error, Result},
    model::{Network, weights::Archive},
    rng::Rng,
};
use burn::module::Module;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a checkpoint holds beside arrays.
#[derive(Serialize, Deserialize)]
struct Saved {
    rng: Rng,
    update: usize,
    ended: Vec<(f32, usize)>,
    /// State, return and length so far of the episode under way in each lane.
    lanes: Vec<(Value, f32, usize)>,
    /// Files of before there was one have none.
    #[serde(default)]
    detector: Detector,
}

impl Ppo {
    /// Writes optimiser, generator and episodes under way into `archive`.
    pub(super) async fn write(&self, archive: &mut Archive) -> Result<()> {
        self.adam.save(archive).await?;
        let saved = Saved {
            rng: self.rng.clone(),
            update: self.update,
            ended: self.ended.clone(),
            lanes: self
                .lanes
                .iter()
                .map(|lane| (lane.env.state(), lane.total, lane.length))
                .collect(),
            detector: self.detector.clone(),
        };
        agent::put_learner(archive, &saved)
    }

    /// Reads what `write` wrote. Errors: `Checkpoint`.
    pub(super) fn read(&mut self, network: Network, archive: &Archive) -> Result<()> {
        let saved: Saved = agent::learner(archive)?;
        if saved.lanes.len() != self.lanes.len() {
            return Err(Error::checkpoint("another number of episodes is under way"));
        }
        for (lane, (state, total, length)) in self.lanes.iter_mut().zip(saved.lanes) {
            lane.env.set_state(&state)?;
            if lane.env.outcome().done() {
                return Err(Error::checkpoint("an episode under way has ended"));
            }
            (lane.total, lane.length) = (total, length);
        }
        self.adam = Adam::load(archive, network.num_params(), &self.device)?;
        self.network = network.to_device(&self.device.clone().autodiff()).train();
        (self.rng, self.update, self.ended) = (saved.rng, saved.update, saved.ended);
        (self.detector, self.collapse) = (saved.detector, None);
        Ok(())
    }
}
