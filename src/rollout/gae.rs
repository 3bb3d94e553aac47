//! Generalised advantage estimation (Schulman et al. 2016, arXiv:1506.02438).

/// One step of one environment, as advantage estimation sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transition {
    /// The reward of the step.
    pub reward: f32,
    /// Value of the state it was taken in.
    pub value: f32,
    /// Value of the state it led to: 0 where the episode terminated, but the last state's own value
    /// where it was cut by a time limit.
    pub next_value: f32,
    /// Whether another episode follows.
    pub done: bool,
}

/// The advantage of each transition of `[step × num_lanes]`.
///
/// `δ = r + γ v′ − v`, and from the last step backwards `A = δ + γ λ A′` within an episode.
pub fn advantages(
    transitions: &[Transition],
    num_lanes: usize,
    gamma: f32,
    lambda: f32,
) -> Vec<f32> {
    let mut out = vec![0.0; transitions.len()];
    for index in (0..transitions.len()).rev() {
        let one = transitions[index];
        let delta = one.reward + gamma * one.next_value - one.value;
        let later = out.get(index + num_lanes).copied().unwrap_or(0.0);
        out[index] = delta
            + if one.done {
                0.0
            } else {
                gamma * lambda * later
            };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two lanes of three steps; the first lane's second step ends an episode.
    #[test]
    fn by_hand() {
        let step = |reward, value, next_value, done| Transition {
            reward,
            value,
            next_value,
            done,
        };
        let transitions = [
            step(1.0, 0.5, 0.25, false),
            step(0.0, 0.0, 1.0, false),
            step(2.0, 0.25, 0.0, true),
            step(0.0, 1.0, 1.0, false),
            step(0.0, 4.0, 2.0, false),
            step(1.0, 1.0, 3.0, true),
        ];
        let found = advantages(&transitions, 2, 0.5, 0.5);
        // Lane 0, backwards: −3; 1.75 (nothing of the next episode); 0.625 + 0.25 · 1.75.
        // Lane 1, backwards: 1.5 (cut, so its last state's value counts); −0.5 + 0.375; 0.5 − 0.03125.
        assert_eq!(found, [1.0625, 0.46875, 1.75, -0.125, -3.0, 1.5]);
    }
}
