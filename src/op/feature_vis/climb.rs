//! Best-first search over valid states, from several starts at once: each looks around the highest state that
//! it has met, and so leaves a height that is only a local one.

use super::{Effort, Found, Place, Target, summary};
use crate::{
    env::Env,
    error::{Error, Result},
    op::{Subject, neighbours::neighbours, samples},
    rng::Rng,
};
use std::collections::HashSet;

/// Neighbours of a state that are looked at, at most: all of them on small boards.
const NUM_NEIGHBOURS: usize = 96;
/// One start's search: the states that it was the first to meet and has not looked around yet.
struct Climber {
    open: Vec<(f32, Box<dyn Env>)>,
    best: (f32, Box<dyn Env>),
}

impl Climber {
    fn new(height: f32, start: Box<dyn Env>) -> Self {
        Self {
            open: vec![(height, start.clone())],
            best: (height, start),
        }
    }

    /// Takes the highest open state, and returns its neighbours that nobody has met.
    fn look_around(&mut self, met: &mut HashSet<String>, rng: &mut Rng) -> Vec<Box<dyn Env>> {
        let heights: Vec<f32> = self.open.iter().map(|(height, _)| *height).collect();
        if heights.is_empty() {
            return Vec::new();
        }
        let (_, state) = self.open.swap_remove(samples::highest(&heights));
        let mut near = neighbours(state.as_ref(), NUM_NEIGHBOURS, rng);
        near.retain(|state| met.insert(state.state().to_string()));
        near
    }

    fn meet(&mut self, height: f32, state: Box<dyn Env>) {
        if height > self.best.0 {
            self.best = (height, state.clone());
        }
        self.open.push((height, state));
    }
}

/// Searches from each of `starts` for `steps`, or until no state is left; steps are told as of `count`, those
/// done before and the total.
pub(super) async fn search(
    subject: &Subject<'_>,
    target: Target<'_>,
    starts: Vec<Box<dyn Env>>,
    steps: usize,
    count: (usize, usize),
) -> Result<Found> {
    if starts.is_empty() {
        return Err(Error::not_applicable("there is no state to start from"));
    }
    let mut rng = subject.rng.split("neighbours");
    let mut met: HashSet<String> = starts.iter().map(|one| one.state().to_string()).collect();
    let heights = heights(target, &starts).await?;
    let starts = heights.iter().copied().zip(starts);
    let mut climbers: Vec<Climber> = starts
        .map(|(height, start)| Climber::new(height, start))
        .collect();
    let ends = |climbers: &[Climber]| -> Vec<f32> {
        climbers.iter().map(|climber| climber.best.0).collect()
    };
    let mut curve = vec![summary(&ends(&climbers))];
    for step in 0..steps {
        let (mut owners, mut tried) = (Vec::new(), Vec::new());
        for (place, climber) in climbers.iter_mut().enumerate() {
            let near = climber.look_around(&mut met, &mut rng);
            owners.extend(std::iter::repeat_n(place, near.len()));
            tried.extend(near);
        }
        let found = self::heights(target, &tried).await?;
        for ((place, state), height) in owners.into_iter().zip(tried).zip(found) {
            climbers[place].meet(height, state);
        }
        curve.push(summary(&ends(&climbers)));
        subject.step(count.0 + step + 1, count.1).await?;
        if climbers.iter().all(|climber| climber.open.is_empty()) {
            break;
        }
    }
    let best = climbers
        .swap_remove(samples::highest(&ends(&climbers)))
        .best;
    Ok(Found {
        activation: best.0,
        place: Place::State(best.1),
        curve,
        effort: Effort::Tried(met.len()),
    })
}

async fn heights(target: Target<'_>, states: &[Box<dyn Env>]) -> Result<Vec<f32>> {
    let rows = samples::activations(target.evaluator, target.site, states).await?;
    Ok(samples::responses(&rows, target.site, target.unit))
}
