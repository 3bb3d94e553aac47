//! What a comparison of two boards measures on a network's answers, on the host and as a tensor that
//! gradients can be taken of.

use crate::{
    backend,
    env::{Env, Space},
    error::{Error, Result},
    model::{
        Output,
        evaluator::{Answers, masked_argmax, masked_softmax},
    },
};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The logit difference where the two boards' choices differ and are legal on both, else the value.
    #[default]
    Auto,
    /// Logit of the clean board's choice less logit of the corrupt board's.
    LogitDifference,
    /// Log-odds of the clean board's choice among the actions legal on both.
    LogOdds,
    /// KL divergence from the clean board's policy, over the actions legal on both.
    Divergence,
    /// The value head.
    Value,
}

/// What a gauge reads off the answers, of its two actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Logit of the first action less logit of the second.
    LogitDifference,
    /// Log-odds of the first action among those that count.
    LogOdds,
    /// KL divergence from a policy, over the actions that count.
    Divergence,
    /// The value.
    Value,
    /// Logit of the first action.
    Logit,
    /// Log-probability of the first action among those that count.
    LogProbability,
}

/// A measure settled on one or two boards.
#[derive(Debug, Clone)]
pub(super) struct Gauge {
    /// What is measured.
    pub kind: Kind,
    /// The choices on the clean and on the corrupt board, or the best two on one.
    pub actions: [usize; 2],
    /// The actions that count, legal on all boards: the logit of an illegal one is never trained, so it
    /// says nothing.
    both: Vec<usize>,
    /// The first board's policy over them.
    policy: Vec<f32>,
}

impl Gauge {
    /// Settles `measure` on `[clean, corrupt]` with the network's answers to both, in that order.
    /// Errors: `NotApplicable` where the measure has no meaning on these boards.
    pub fn new(measure: Measure, states: [&dyn Env; 2], answers: &Answers) -> Result<Self> {
        let mut legal = states.map(|state| vec![false; state.space().num_actions()]);
        let mut actions = [0; 2];
        for (row, state) in states.into_iter().enumerate() {
            state.legal(&mut legal[row]);
            actions[row] = masked_argmax(answers.logits_of(row), &legal[row]).ok_or_else(|| {
                Error::not_applicable("one of the two states has no legal action")
            })?;
        }
        let shared: Vec<bool> = legal[0]
            .iter()
            .zip(&legal[1])
            .map(|(a, b)| *a && *b)
            .collect();
        let both: Vec<usize> = (0..shared.len()).filter(|&action| shared[action]).collect();
        let comparable = actions[0] != actions[1] && actions.iter().all(|&action| shared[action]);
        let kind = match measure {
            Measure::LogitDifference => Kind::LogitDifference,
            Measure::Auto if comparable => Kind::LogitDifference,
            Measure::Auto | Measure::Value => Kind::Value,
            Measure::LogOdds => Kind::LogOdds,
            Measure::Divergence => Kind::Divergence,
        };
        match kind {
            Kind::LogitDifference if !comparable => Err(Error::not_applicable(
                "a logit difference needs two boards on which the agent chooses differently, both choices legal \
                 on both; measure the value, or change a board",
            )),
            Kind::LogOdds if !shared[actions[0]] || both.len() < 2 => Err(Error::not_applicable(
                "log-odds need the clean board's choice and another action to be legal on both boards; \
                 measure the value, or change a board",
            )),
            Kind::Divergence if both.len() < 2 => Err(Error::not_applicable(
                "a divergence needs two actions that are legal on both boards; measure the value, or change a \
                 board",
            )),
            _ => {
                let policy = masked_softmax(answers.logits_of(0), &shared);
                let policy = both.iter().map(|&action| policy[action]).collect();
                Ok(Self {
                    kind,
                    actions,
                    both,
                    policy,
                })
            }
        }
    }

    /// Settles `kind` on one board with the network's answer to it. Errors: `NotApplicable` where there is
    /// no choice.
    pub fn alone(kind: Kind, state: &dyn Env, answers: &Answers) -> Result<Self> {
        let mut legal = vec![false; state.space().num_actions()];
        state.legal(&mut legal);
        let logits = answers.logits_of(0);
        let policy = masked_softmax(logits, &legal);
        let both: Vec<usize> = (0..legal.len()).filter(|&action| legal[action]).collect();
        let first = masked_argmax(logits, &legal);
        let first = first.ok_or_else(|| Error::not_applicable("this state has no legal action"))?;
        legal[first] = false;
        let second = masked_argmax(logits, &legal);
        if second.is_none() && kind != Kind::Value && kind != Kind::Logit {
            return Err(Error::not_applicable(
                "only one action is legal on this board; look at the value or the logit",
            ));
        }
        let policy = both.iter().map(|&action| policy[action]).collect();
        let actions = [first, second.unwrap_or(first)];
        Ok(Self {
            kind,
            actions,
            both,
            policy,
        })
    }

    /// As a parameter that means the same on other boards.
    pub fn measure(&self) -> Measure {
        match self.kind {
            Kind::LogOdds | Kind::LogProbability => Measure::LogOdds,
            Kind::Divergence => Measure::Divergence,
            Kind::Value => Measure::Value,
            Kind::LogitDifference | Kind::Logit => Measure::LogitDifference,
        }
    }

    /// The measure of one state's answers.
    pub fn of(&self, logits: &[f32], value: f32) -> f32 {
        let [clean, corrupt] = self.actions;
        match self.kind {
            Kind::Value => value,
            Kind::LogOdds => {
                let others = self.both.iter().filter(|&&action| action != clean);
                logits[clean] - log_sum_exp(others.map(|&action| logits[action]))
            }
            Kind::Divergence => {
                let total = log_sum_exp(self.both.iter().map(|&action| logits[action]));
                let terms = self.policy.iter().zip(&self.both);
                terms
                    .filter(|(p, _)| **p > 0.0)
                    .map(|(p, &action)| p * (p.ln() - (logits[action] - total)))
                    .sum()
            }
            Kind::LogProbability => {
                logits[clean] - log_sum_exp(self.both.iter().map(|&action| logits[action]))
            }
            Kind::Logit => logits[clean],
            Kind::LogitDifference => logits[clean] - logits[corrupt],
        }
    }

    /// The measure of each row of answers.
    pub fn rows(&self, answers: &Answers) -> Vec<f32> {
        let row = |row: usize| self.of(answers.logits_of(row), answers.values[row]);
        (0..answers.values.len()).map(row).collect()
    }

    /// The same as a tensor, `[batch, 1]`, through which gradients flow.
    pub fn tensor(&self, output: Output) -> Tensor<2> {
        let [clean, corrupt] = self.actions;
        let logits = output.logits;
        let device = logits.device();
        let column = |action: usize| logits.clone().narrow(1, action, 1); // [batch, 1]
        match self.kind {
            Kind::Value => output.value,
            Kind::LogOdds => {
                let others: Vec<usize> =
                    self.both.iter().copied().filter(|&a| a != clean).collect();
                let others = logits.clone().select(1, indices(&others, &device)); // [batch, other]
                // x − log softmax(x) is the logarithm of the sum, in every column.
                let first = others.clone().narrow(1, 0, 1); // [batch, 1]
                column(clean) - first + activation::log_softmax(others, 1).narrow(1, 0, 1)
            }
            Kind::Divergence => {
                let chosen = logits.clone().select(1, indices(&self.both, &device)); // [batch, both]
                let log_policy = activation::log_softmax(chosen, 1); // [batch, both]
                let width = self.policy.len();
                let policy = backend::tensor(self.policy.clone(), [1, width], &device); // [1, both]
                let positive = self.policy.iter().filter(|p| **p > 0.0);
                let entropy: f32 = positive.map(|p| p * p.ln()).sum();
                (policy.expand(log_policy.dims()) * log_policy)
                    .sum_dim(1)
                    .neg()
                    + entropy
            }
            Kind::LogProbability => {
                let all = logits.clone().select(1, indices(&self.both, &device)); // [batch, both]
                let first = all.clone().narrow(1, 0, 1); // [batch, 1]
                column(clean) - first + activation::log_softmax(all, 1).narrow(1, 0, 1)
            }
            Kind::Logit => column(clean),
            Kind::LogitDifference => column(clean) - column(corrupt),
        }
    }

    /// What is measured, for a caption.
    pub fn describe(&self, space: &Space) -> String {
        let [clean, corrupt] = self.actions.map(|action| &space.actions[action]);
        match self.kind {
            Kind::Value => "value".into(),
            Kind::LogOdds => format!("log-odds of {clean}"),
            Kind::Divergence => "policy".into(),
            Kind::LogProbability => format!("log-probability of {clean}"),
            Kind::Logit => format!("logit of {clean}"),
            Kind::LogitDifference => format!("preference for {clean} over {corrupt}"),
        }
    }

    /// What it is called, for a message.
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Value => "value",
            Kind::LogOdds => "log-odds",
            Kind::Divergence => "policy",
            Kind::LogProbability => "log-probability",
            Kind::Logit => "logit",
            Kind::LogitDifference => "logit difference",
        }
    }
}

fn log_sum_exp(values: impl Iterator<Item = f32> + Clone) -> f32 {
    let top = values.clone().fold(f32::NEG_INFINITY, f32::max);
    top + values.map(|x| (x - top).exp()).sum::<f32>().ln()
}

fn indices(places: &[usize], device: &Device) -> Tensor<1, Int> {
    let places: Vec<i64> = places.iter().map(|&place| place as i64).collect();
    let count = places.len();
    Tensor::from_data(TensorData::new(places, [count]), device)
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use super::*;
    use serde_json::json;

    fn board(cells: [u8; 9]) -> Box<dyn Env> {
        let mut env = (crate::env::entry("tictactoe").unwrap().make)(&json!({})).unwrap();
        env.set_state(&json!({"board": cells, "player": 0}))
            .unwrap();
        env
    }

    /// On both boards squares 7 and 8 are free, and one more.
    fn boards() -> [Box<dyn Env>; 2] {
        [
            board([1, 1, 2, 2, 2, 1, 0, 0, 0]),
            board([1, 1, 0, 2, 2, 1, 2, 0, 0]),
        ]
    }

    /// Logits of the clean and of the corrupt board, and of a run in between.
    fn answers() -> Answers {
        let row = |seven: f32, eight: f32| {
            let mut logits = vec![9.0; 9]; // the taken squares' count for nothing
            [2, 6].into_iter().for_each(|square| logits[square] = -1.0);
            (logits[7], logits[8]) = (seven, eight);
            logits
        };
        Answers {
            logits: [row(2.0, 1.0), row(0.0, 3.0), row(1.0, 1.0)].concat(),
            values: vec![0.5, -0.5, 0.25],
        }
    }

    fn measured(measure: Measure) -> Vec<f32> {
        let boards = boards();
        let states = [boards[0].as_ref(), boards[1].as_ref()];
        read(&Gauge::new(measure, states, &answers()).unwrap())
    }

    /// The rows of `answers` on the host, which the device agrees with.
    fn read(gauge: &Gauge) -> Vec<f32> {
        let answers = answers();
        let host = gauge.rows(&answers);
        let device = Device::flex();
        let output = Output {
            logits: backend::tensor(answers.logits, [3, 9], &device),
            value: backend::tensor(answers.values, [3, 1], &device),
        };
        let there = pollster::block_on(backend::read(gauge.tensor(output))).unwrap();
        for (host, there) in host.iter().zip(there) {
            assert!((host - there).abs() < 1e-5, "{gauge:?}: {host} {there}");
        }
        host
    }

    fn close(ours: &[f32], expected: &[f32]) {
        let pairs = ours.iter().zip(expected);
        pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-4, "{ours:?} {expected:?}"));
    }

    #[test]
    fn measures_are_what_they_are_by_hand_on_host_and_device() {
        close(&measured(Measure::LogitDifference), &[1.0, -3.0, 0.0]);
        close(&measured(Measure::Auto), &[1.0, -3.0, 0.0]);
        close(&measured(Measure::Value), &[0.5, -0.5, 0.25]);
        // Of two actions the log-odds are the difference of their logits.
        close(&measured(Measure::LogOdds), &[1.0, -3.0, 0.0]);
        // p = 1/(1+e⁻¹) = .7311: Σ p ln(p/q) with q = .0474 and with q = ½.
        close(&measured(Measure::Divergence), &[0.0, 1.6596, 0.1109]);
    }

    #[test]
    fn one_board_has_its_best_two_actions() {
        let boards = boards();
        let alone = |kind| read(&Gauge::alone(kind, boards[0].as_ref(), &answers()).unwrap());
        close(&alone(Kind::LogitDifference), &[1.0, -3.0, 0.0]);
        close(&alone(Kind::Logit), &[2.0, 0.0, 1.0]);
        close(&alone(Kind::Value), &[0.5, -0.5, 0.25]);
        // ln(e²/(e⁻¹ + e² + e)), and so on: square 6 is free here too.
        close(&alone(Kind::LogProbability), &[-0.3490, -3.0659, -0.7586]);
    }

    #[test]
    fn a_choice_that_is_illegal_on_the_other_board_cannot_be_compared() {
        let boards = [
            board([1, 2, 0, 0, 0, 0, 0, 0, 0]),
            board([1, 0, 2, 0, 0, 0, 0, 0, 0]),
        ];
        let prefer = |action: usize| {
            (0..9)
                .map(|a| f32::from(u8::from(a == action)))
                .collect::<Vec<_>>()
        };
        let answers = Answers {
            logits: [prefer(2), prefer(8)].concat(),
            values: vec![0.0; 2],
        };
        let gauge =
            |measure| Gauge::new(measure, [boards[0].as_ref(), boards[1].as_ref()], &answers);
        assert_eq!(gauge(Measure::Auto).unwrap().kind, Kind::Value);
        for measure in [Measure::LogitDifference, Measure::LogOdds] {
            assert!(
                matches!(gauge(measure), Err(Error::NotApplicable { .. })),
                "{measure:?}"
            );
        }
        assert!(gauge(Measure::Divergence).is_ok());
    }
}
