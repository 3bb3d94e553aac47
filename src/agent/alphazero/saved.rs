//! All of a learner but its weights, to a checkpoint and back: so that a resumed run goes on exactly
//! as if it had never stopped.

use super::{AlphaZero, Example, Game};
use crate::{
    agent::{self, adam::Adam},
    error::{Error, Result},
    model::{
        Network,
        weights::{Archive, Array},
    },
    rng::Rng,
};
use burn::module::Module;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a checkpoint holds beside arrays.
#[derive(Serialize, Deserialize)]
struct Saved {
    rng: Rng,
    games_rng: Rng,
    update: usize,
    games_played: usize,
    replay_next: usize,
    /// The state of each game under way, and the player to move at each of its searched positions.
    games: Vec<(Value, Vec<usize>)>,
}

impl AlphaZero {
    /// Writes optimiser, generator, games under way and replay into `archive`.
    pub(super) async fn write(&self, archive: &mut Archive) -> Result<()> {
        self.trainer.adam.save(archive).await?;
        let (observations, policies, values, next) = self.replay.parts();
        let moves = || self.arena.games.iter().flat_map(|game| &game.moves);
        for (name, data) in [
            ("replay.observation", observations.to_vec()),
            ("replay.policy", policies.to_vec()),
            ("replay.value", values.to_vec()),
            (
                "game.observation",
                moves().flat_map(|one| one.observation.clone()).collect(),
            ),
            (
                "game.policy",
                moves().flat_map(|one| one.policy.clone()).collect(),
            ),
            ("game.value", moves().map(|one| one.value).collect()),
        ] {
            archive.arrays.insert(name.into(), Array::vector(data));
        }
        let players = |game: &Game| game.moves.iter().map(|one| one.player).collect();
        let saved = Saved {
            rng: self.rng.clone(),
            games_rng: self.arena.rng.clone(),
            update: self.update,
            games_played: self.games_played,
            replay_next: next,
            games: self
                .arena
                .games
                .iter()
                .map(|game| (game.env.state(), players(game)))
                .collect(),
        };
        agent::put_learner(archive, &saved)
    }

    /// Reads what `write` wrote. Errors: `Checkpoint`.
    pub(super) fn read(&mut self, network: Network, archive: &Archive) -> Result<()> {
        let saved: Saved = agent::learner(archive)?;
        let space = self.arena.start.space();
        let (width, actions) = (space.observation_len(), space.num_actions());
        let num_players = space.num_players;
        let array = |name: &str| {
            let missing = || Error::checkpoint(format!("tensor {name} is missing"));
            archive
                .arrays
                .get(name)
                .map(|array| array.data.clone())
                .ok_or_else(missing)
        };
        let count: usize = saved.games.iter().map(|(_, players)| players.len()).sum();
        let observations = archive.array("game.observation", &[count * width])?;
        let policies = archive.array("game.policy", &[count * actions])?;
        let values = archive.array("game.value", &[count])?;
        if saved.games.len() != self.arena.games.len() {
            return Err(Error::checkpoint("another number of games is under way"));
        }
        let mut row = 0;
        for (game, (state, players)) in self.arena.games.iter_mut().zip(&saved.games) {
            game.env.set_state(state)?;
            if game.env.outcome().done() || players.iter().any(|player| *player >= num_players) {
                return Err(Error::checkpoint(
                    "a game under way has ended, or has moves of no player",
                ));
            }
            game.moves = players
                .iter()
                .enumerate()
                .map(|(offset, &player)| Example {
                    observation: observations[(row + offset) * width..][..width].to_vec(),
                    policy: policies[(row + offset) * actions..][..actions].to_vec(),
                    player,
                    value: values[row + offset],
                })
                .collect();
            row += players.len();
        }
        self.replay.restore(
            array("replay.observation")?,
            array("replay.policy")?,
            array("replay.value")?,
            saved.replay_next,
        )?;
        let trainer = &mut self.trainer;
        trainer.adam = Adam::load(archive, network.num_params(), &trainer.device)?;
        trainer.put(network);
        self.arena.rng = saved.games_rng;
        (self.rng, self.update, self.games_played) = (saved.rng, saved.update, saved.games_played);
        Ok(())
    }
}
