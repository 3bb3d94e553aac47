//! Cart pole (Barto, Sutton & Anderson 1983), with gymnasium's constants and numbering: the reference
//! check of every policy-gradient learner.

use super::{
    Axis, Concept, Env, EnvEntry, Space, Step, legal_actions,
    scene::{Grid, Role, Scene, Stroke, Target},
};
use crate::{
    error::{Error, Result},
    rng::Rng,
    schema::{self, NoParameters},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// The registry's line.
pub static ENTRY: EnvEntry = EnvEntry {
    id: "cartpole",
    title: "Cart pole",
    summary: "Push a cart left or right so that the pole on it stays up.",
    schema: schema::schema_of::<NoParameters>,
    make: |value| {
        schema::parameters::<NoParameters>(value, "environment")?;
        Ok(Box::new(CartPole::default()))
    },
};

const GRAVITY: f64 = 9.8;
const MASS_POLE: f64 = 0.1;
const MASS: f64 = 1.0 + MASS_POLE;
/// Half the pole's length.
const LENGTH: f64 = 0.5;
const FORCE: f64 = 10.0;
const SECONDS: f64 = 0.02;
/// Past this angle, 12°, the pole has fallen.
const MAX_ANGLE: f64 = 12.0 * 2.0 * std::f64::consts::PI / 360.0;
const MAX_POSITION: f64 = 2.4;
const MAX_STEPS: usize = 500;

static SPACE: LazyLock<Space> = LazyLock::new(|| Space {
    observation: vec![Axis::labelled(
        "feature",
        &["position", "velocity", "angle", "angular velocity"],
    )],
    actions: vec!["left".into(), "right".into()],
    num_players: 1,
    max_steps: MAX_STEPS,
    continuing: false,
    concepts: vec![
        Concept::binary("leans_right", "The pole leans to the right."),
        Concept::binary("falls_right", "The pole's tip moves to the right."),
        Concept::numeric(
            "angle_in_half_a_second",
            "The angle in half a second at the present angular velocity, in radians.",
        ),
        Concept::numeric(
            "distance_to_edge",
            "How far the cart is from the nearer end of its track.",
        ),
    ],
    symmetries: Vec::new(),
});

/// The physical state, in gymnasium's names; lengths in metres, angles in radians.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CartPole {
    x: f64,
    x_dot: f64,
    theta: f64,
    theta_dot: f64,
    /// Steps taken, for the time limit.
    #[serde(default)]
    steps: usize,
}

impl CartPole {
    fn fallen(&self) -> bool {
        self.x.abs() > MAX_POSITION || self.theta.abs() > MAX_ANGLE
    }
}

impl Env for CartPole {
    fn space(&self) -> &Space {
        &SPACE
    }

    fn reset(&mut self, rng: &mut Rng) {
        let mut draw = || f64::from(rng.uniform()) * 0.1 - 0.05;
        *self = Self {
            x: draw(),
            x_dot: draw(),
            theta: draw(),
            theta_dot: draw(),
            steps: 0,
        };
    }

    fn step(&mut self, action: usize, _rng: &mut Rng) -> Result<Step> {
        if self.outcome().done() {
            return Err(Error::EpisodeOver);
        }
        if action >= 2 {
            return Err(Error::IllegalAction {
                action,
                legal: legal_actions(self),
            });
        }
        let force = if action == 1 { FORCE } else { -FORCE };
        let (sin, cos) = (libm::sin(self.theta), libm::cos(self.theta));
        let lever = MASS_POLE * LENGTH;
        let push = (force + lever * (self.theta_dot * self.theta_dot) * sin) / MASS;
        let spin =
            (GRAVITY * sin - cos * push) / (LENGTH * (4.0 / 3.0 - MASS_POLE * (cos * cos) / MASS));
        let acceleration = push - lever * spin * cos / MASS;
        // Euler's method, positions first.
        self.x += SECONDS * self.x_dot;
        self.x_dot += SECONDS * acceleration;
        self.theta += SECONDS * self.theta_dot;
        self.theta_dot += SECONDS * spin;
        self.steps += 1;
        Ok(self.outcome_with(1.0))
    }

    fn legal(&self, out: &mut [bool]) {
        out.fill(!self.outcome().done());
    }

    fn player(&self) -> usize {
        0
    }

    fn outcome(&self) -> Step {
        let step = self.outcome_with(1.0);
        if step.done() { step } else { Step::default() }
    }

    fn observe(&self, out: &mut [f32]) {
        for (slot, value) in out
            .iter_mut()
            .zip([self.x, self.x_dot, self.theta, self.theta_dot])
        {
            *slot = value as f32;
        }
    }

    fn scene(&self) -> Scene {
        // The track is 4.8 m wide and drawn over eight columns of three rows.
        let at = |x: f64| ((x / MAX_POSITION + 1.0) * 4.0) as f32;
        let (base, center) = (2.2, at(self.x));
        let (tip_x, tip_y) = (
            center + (1.6 * libm::sin(self.theta)) as f32,
            base - (1.6 * libm::cos(self.theta)) as f32,
        );
        let over = self.outcome().done();
        Scene {
            rows: 3,
            columns: 8,
            grid: Grid::Plain,
            sprites: Vec::new(),
            strokes: vec![
                Stroke::new("track", &[[0.0, base], [8.0, base]], 0.03, Role::Neutral),
                Stroke::new(
                    "cart",
                    &[[center - 0.5, base], [center + 0.5, base]],
                    0.4,
                    Role::Second,
                ),
                Stroke::new("pole", &[[center, base], [tip_x, tip_y]], 0.14, Role::First),
            ],
            targets: [(0, 0), (1, 7)]
                .map(|(action, column)| Target {
                    action,
                    row: 0,
                    column,
                    legal: !over,
                    shown: true,
                })
                .to_vec(),
            brushes: Vec::new(),
            status: if self.fallen() {
                format!("fallen after {} steps", self.steps)
            } else if over {
                format!("still up after {MAX_STEPS} steps")
            } else {
                format!("step {} of {MAX_STEPS}", self.steps)
            },
        }
    }

    fn state(&self) -> Value {
        json!(self)
    }

    fn set_state(&mut self, state: &Value) -> Result<()> {
        let new: Self = serde_json::from_value(state.clone()).map_err(|why| {
            Error::state(format!(
                "{why}; expected numbers \"x\", \"x_dot\", \"theta\" and \"theta_dot\", and optionally \
                 \"steps\""
            ))
        })?;
        if new.steps > MAX_STEPS {
            return Err(Error::state(format!(
                "steps is {}; allowed: 0 to {MAX_STEPS}",
                new.steps
            )));
        }
        *self = new;
        Ok(())
    }

    fn paint(&mut self, _row: usize, _column: usize, _brush: usize) -> Result<()> {
        Err(Error::not_applicable(
            "a cart pole has no cells to paint; give its state as numbers",
        ))
    }

    fn concepts(&self) -> Vec<f32> {
        vec![
            f32::from(self.theta > 0.0),
            f32::from(self.theta_dot > 0.0),
            (self.theta + 0.5 * self.theta_dot) as f32,
            (MAX_POSITION - self.x.abs()) as f32,
        ]
    }

    fn boxed(&self) -> Box<dyn Env> {
        Box::new(*self)
    }
}

impl CartPole {
    /// What a step that leads here brings.
    fn outcome_with(&self, reward: f32) -> Step {
        let terminated = self.fallen();
        Step {
            reward,
            terminated,
            truncated: !terminated && self.steps >= MAX_STEPS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand from rest: push = 10 / 1.1, spin = −push / (½ (4/3 − 0.1 / 1.1)).
    #[test]
    fn the_first_push_changes_velocities_alone() {
        let mut pole = CartPole::default();
        pole.step(1, &mut Rng::new(0)).unwrap();
        assert_eq!((pole.x, pole.theta), (0.0, 0.0));
        assert!((pole.x_dot - 0.195_121_951).abs() < 1e-8, "{pole:?}");
        assert!((pole.theta_dot + 0.292_682_926).abs() < 1e-8, "{pole:?}");
    }

    #[test]
    fn a_pole_that_falls_terminates_and_one_that_stands_is_cut() {
        let mut pole = CartPole {
            theta: 0.209,
            theta_dot: 1.0,
            ..CartPole::default()
        };
        let step = pole.step(0, &mut Rng::new(0)).unwrap();
        assert!(step.terminated && !step.truncated && step.reward == 1.0);
        let mut pole = CartPole {
            steps: MAX_STEPS - 1,
            ..CartPole::default()
        };
        let step = pole.step(0, &mut Rng::new(0)).unwrap();
        assert!(!step.terminated && step.truncated);
    }
}
