//! Steepest ascent over valid states, from several starts at once.

use super::{Found, Place, Target, summary};
use crate::{
    env::Env,
    error::{Error, Result},
    op::{Subject, neighbours::neighbours, samples},
};

/// Neighbours of a state that are looked at, at most: all of them on small boards.
const NUM_NEIGHBOURS: usize = 96;

/// Climbs from each of `starts` until no neighbour is higher, or for `steps`; steps are told as of `count`,
/// those done before and the total.
pub(super) async fn search(
    subject: &Subject<'_>,
    target: Target<'_>,
    starts: Vec<Box<dyn Env>>,
    steps: usize,
    count: (usize, usize),
) -> Result<Found> {
    let mut rng = subject.rng.split("neighbours");
    let mut states = starts;
    let mut heights = heights(target, &states).await?;
    let mut open: Vec<usize> = (0..states.len()).collect();
    let mut curve = vec![summary(&heights)];
    for step in 0..steps {
        let mut owners = Vec::new();
        let mut tried = Vec::new();
        for &place in &open {
            let near = neighbours(states[place].as_ref(), NUM_NEIGHBOURS, &mut rng);
            owners.extend(std::iter::repeat_n(place, near.len()));
            tried.extend(near);
        }
        let found = self::heights(target, &tried).await?;
        let mut moved = Vec::new();
        for ((place, state), height) in owners.into_iter().zip(tried).zip(found) {
            if height > heights[place] {
                heights[place] = height;
                states[place] = state;
                if moved.last() != Some(&place) {
                    moved.push(place);
                }
            }
        }
        curve.push(summary(&heights));
        subject.step(count.0 + step + 1, count.1).await?;
        open = moved;
        if open.is_empty() {
            break;
        }
    }
    let best = samples::highest(&heights);
    let state = states.get(best).cloned();
    Ok(Found {
        activation: curve.last().map_or(0.0, |top| top[0]),
        place: Place::State(
            state.ok_or_else(|| Error::not_applicable("there is no state to start from"))?,
        ),
        curve,
        ends: heights,
    })
}

async fn heights(target: Target<'_>, states: &[Box<dyn Env>]) -> Result<Vec<f32>> {
    let rows = samples::activations(target.evaluator, target.site, states).await?;
    Ok(samples::responses(&rows, target.site, target.unit))
}
