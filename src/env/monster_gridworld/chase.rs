//! Who moves where, and what comes of it when they meet.

use super::{MAX_HELD, World};
use crate::{
    env::grid::{Cell, Items},
    rng::Rng,
};

impl World {
    /// The agent's own move: its reward.
    pub(super) fn walk(&mut self, action: usize, rng: &mut Rng) -> f32 {
        let to = self.grid.moved(self.agent, action);
        if self.monsters.holds(to) {
            return self.strike(to, rng);
        }
        self.agent = to;
        if self.shields.holds(to) && self.held < MAX_HELD {
            self.shields.take(to);
            self.held += 1;
            if !self.is_soft()
                && let Some(cell) = self.empty(rng)
            {
                self.shields.put(cell);
            }
        }
        if !self.apples.take(to) {
            return 0.0;
        }
        if !self.is_soft()
            && let Some(cell) = self.empty(rng)
        {
            self.apples.put(cell);
        }
        1.0
    }

    /// The monster on `cell` and the agent meet: the reward.
    fn strike(&mut self, cell: Cell, rng: &mut Rng) -> f32 {
        if self.held > 0 {
            self.held -= 1;
            self.monsters.take(cell);
            return 0.0;
        }
        if let Some(back) = self.empty(rng) {
            self.monsters.take(cell);
            self.monsters.put(back);
        }
        -1.0
    }

    /// A monster's cell after one move, or none where it strikes; `ways` are steps to the agent around
    /// walls, for soft pursuers.
    fn pursue(&self, monster: Cell, ways: &[Option<usize>], rng: &mut Rng) -> Option<Cell> {
        let free = |cell: Cell| !self.monsters.holds(cell);
        let mut moves = [monster; 5];
        for (action, slot) in moves.iter_mut().take(4).enumerate() {
            let to = self.grid.moved(monster, action);
            *slot = if free(to) { to } else { monster };
        }
        let far = |cell: Cell| {
            cell.row.abs_diff(self.agent.row) + cell.column.abs_diff(self.agent.column)
        };
        let weights = if self.is_soft() {
            moves.map(|cell| {
                let steps = ways[self.grid.index(cell)].unwrap_or(usize::MAX);
                libm::expf(-self.parameters.optimality * steps as f32)
            })
        } else {
            moves.map(|cell| f32::from(far(cell) < far(monster)))
        };
        // Shut in behind others, or too far for any weight to be left: it stays.
        let to = match weights.iter().sum::<f32>() > 0.0 {
            true => moves[rng.weighted(&weights)],
            false => monster,
        };
        (to != self.agent).then_some(to)
    }

    /// Every monster's move: the reward of their strikes.
    pub(super) fn chase(&mut self, rng: &mut Rng) -> f32 {
        let mut reward = 0.0;
        let mut order = [Cell::default(); Items::MAX];
        let count = self.monsters.count();
        order
            .iter_mut()
            .zip(self.monsters.iter())
            .for_each(|(slot, cell)| *slot = cell);
        // By place, so that a state that was written and read plays on alike.
        order[..count].sort_unstable();
        let mut ways = Vec::new();
        if self.is_soft() {
            ways = self.grid.distances([self.agent]);
            rng.shuffle(&mut order[..count]);
        }
        for mut monster in order.into_iter().take(count) {
            let twice = !self.is_soft() && rng.uniform() < self.parameters.double_move;
            for _ in 0..1 + usize::from(twice) {
                match self.pursue(monster, &ways, rng) {
                    Some(to) => {
                        self.monsters.take(monster);
                        self.monsters.put(to);
                        monster = to;
                    }
                    None => {
                        reward += self.strike(monster, rng);
                        break;
                    }
                }
            }
        }
        reward
    }
}
