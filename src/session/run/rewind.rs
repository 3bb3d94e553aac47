//! Back to a checkpoint: exactly as the run was, so that it goes on as if it had never gone further.

use super::{Checkpoint, Event, Run};
use crate::{
    agent::{Agent, Setup, collapse::Collapse},
    error::{Error, Result},
    model::weights::Archive,
    session::protocol::Kept,
};

/// Bytes that the learners of checkpoints may take together; the newest is kept in any case, for an update
/// that fails.
///
/// Most are small (optimiser and episodes under way: twice the weights), and all of them stay. A replay
/// is not (27 MB for fifty thousand positions of Connect 4, at every checkpoint), and a phone's tab ends
/// at a few hundred: of such runs the newest and the best stay.
const ROOM: usize = 64 << 20;

impl Run {
    /// Which checkpoints the run can go back to.
    pub fn kept(&self) -> Kept {
        let whole = || {
            let all = self.checkpoints.iter();
            all.filter(|checkpoint| checkpoint.learner.is_some())
        };
        if !self.can_train {
            return Kept::default();
        }
        Kept {
            rewindable: whole().map(|checkpoint| checkpoint.update).collect(),
            best: self.best_of(whole()).map(|checkpoint| checkpoint.update),
        }
    }

    /// Puts the run back to how it was at a checkpoint, exactly, and drops those after it.
    ///
    /// Errors: `UnknownId` without such a checkpoint, `NotApplicable` where only its weights are kept.
    pub fn rewind(&mut self, update: usize) -> Result<()> {
        self.check_can_train()?;
        let found = self.checkpoints.iter().position(|one| one.update == update);
        let Some(place) = found else {
            return Err(self.unknown_checkpoint(update));
        };
        let Some(learner) = &self.checkpoints[place].learner else {
            let whole = self.kept().rewindable;
            let whole: Vec<_> = whole.iter().map(ToString::to_string).collect();
            return Err(Error::not_applicable(format!(
                "of checkpoint {update} only the weights are kept; the run can go back to {}",
                whole.join(", ")
            )));
        };
        self.agent = self.agent_at(&self.checkpoints[place], learner)?;
        self.checkpoints.truncate(place + 1);
        self.memory.retain(|kept| kept <= update);
        self.update = update;
        Ok(())
    }

    /// The best of some checkpoints by its first score; of equals the newest.
    fn best_of<'a>(
        &self,
        checkpoints: impl Iterator<Item = &'a Checkpoint>,
    ) -> Option<&'a Checkpoint> {
        let merit = |one: &Checkpoint| self.scorer.merit(&one.scores).unwrap_or(f64::MIN);
        checkpoints.max_by(|one, other| merit(one).total_cmp(&merit(other)))
    }

    /// Forgets learners until the rest have room.
    pub(super) fn make_room(&mut self) {
        let best = self.best_of(self.checkpoints.iter()).map(|one| one.update);
        let sizes: Vec<_> = self
            .checkpoints
            .iter()
            .map(|one| one.learner.as_ref().map_or(0, Archive::num_bytes))
            .collect();
        let best = self
            .checkpoints
            .iter()
            .position(|one| Some(one.update) == best);
        let fit = fitting(&sizes, best, ROOM);
        for (checkpoint, fits) in self.checkpoints.iter_mut().zip(fit) {
            if !fits {
                checkpoint.learner = None;
            }
        }
    }

    /// A learner as it was at a checkpoint.
    fn agent_at(&self, checkpoint: &Checkpoint, learner: &Archive) -> Result<Box<dyn Agent>> {
        let setup = Setup {
            env: self.start.clone(),
            network: checkpoint.network.clone(),
            device: self.device.clone(),
            rng: self.config.rng(),
            updates: self.config.updates,
        };
        let mut agent = (self.agent_entry.make)(&self.config.agent, setup)?;
        agent.restore(checkpoint.network.clone(), learner)?;
        Ok(agent)
    }

    /// Leaves the run as it was before an update that failed, and says so.
    ///
    /// A learner is saved at checkpoints alone, since saving one at every update would cost more than the
    /// few updates that a failure costs: they are trained again, with the same results.
    pub(super) async fn undo_update(&mut self, why: Error) -> Error {
        let Error::NotFinite { what } = why else {
            return why;
        };
        if let Err(why) = self.replay().await {
            return why;
        }
        Error::Diverged {
            update: self.update + 1,
            what,
            back: self.kept().best.filter(|&best| best < self.update),
        }
    }

    /// Trains again from the newest checkpoint to where the run is.
    async fn replay(&mut self) -> Result<()> {
        let newest = self.checkpoints.last();
        let Some((from, learner)) = newest.and_then(|one| Some((one, one.learner.as_ref()?)))
        else {
            return Ok(());
        };
        let mut agent = self.agent_at(from, learner)?;
        for _ in from.update..self.update {
            agent.advance().await?;
        }
        self.agent = agent;
        Ok(())
    }

    /// A collapse with what can be done about it.
    pub(super) fn collapse_event(&self, collapse: &Collapse) -> Event {
        let back = match self.kept().best {
            Some(best) => format!(
                " So far the best checkpoint is at update {best}; with the same parameters, training on from there takes the same way again."
            ),
            None => String::new(),
        };
        Event::Collapse {
            update: self.update,
            sign: collapse.sign,
            message: format!("{}{back}", collapse.message),
        }
    }
}

/// Which learners of these sizes, oldest first, have room: the newest in any case, then the best, then the
/// newer ones.
fn fitting(sizes: &[usize], best: Option<usize>, room: usize) -> Vec<bool> {
    let mut order: Vec<usize> = (0..sizes.len()).rev().collect();
    order.sort_by_key(|&place| (place + 1 != sizes.len(), Some(place) != best));
    let mut fit = vec![false; sizes.len()];
    let mut taken = 0;
    for place in order {
        if place + 1 == sizes.len() || taken + sizes[place] <= room {
            fit[place] = true;
            taken += sizes[place];
        }
    }
    fit
}

#[cfg(test)]
mod tests {
    use super::fitting;

    #[test]
    fn the_newest_has_room_first_then_the_best_then_the_newer() {
        let fit = |sizes: &[usize], best| -> Vec<usize> {
            let fit = fitting(sizes, Some(best), 10);
            (0..fit.len()).filter(|&place| fit[place]).collect()
        };
        assert_eq!(fit(&[2, 2, 2, 2], 1), [0, 1, 2, 3]);
        assert_eq!(fit(&[4, 4, 4, 4], 0), [0, 3]);
        assert_eq!(fit(&[4, 4, 4, 4], 3), [2, 3]);
        assert_eq!(
            fit(&[1, 9, 9, 9], 1),
            [0, 3],
            "what does not fit leaves its room to others"
        );
        assert_eq!(fit(&[1, 5, 50], 1), [2], "the newest is kept at any size");
    }
}
