//! What taking elements of a site away does, over many states.

use super::Mode;
use crate::{
    env::Env,
    error::Result,
    model::{
        Site,
        evaluator::{Answers, Evaluator, masked_argmax, masked_softmax, observations},
        taps::{self, Bank, Edit, EditOp, Select},
    },
    op::{
        Subject, bank,
        episodes::{self, Player},
    },
    rng::Rng,
};

/// What an intervention, such as taking a unit away, did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::op) struct Effect {
    /// Mean KL divergence of the ablated policy from the whole one, in nats.
    pub divergence: f32,
    /// States in which the greedy choice changed.
    pub changed: usize,
    /// How much worse the policy is, as [`Worth`] measures it; none where nothing says.
    pub lost: Option<f32>,
}

/// How far the answers `ablated` have moved from `whole`.
pub(in crate::op) fn compare(
    whole: &Answers,
    ablated: &Answers,
    states: &[Box<dyn Env>],
) -> Effect {
    let mut effect = Effect {
        divergence: 0.0,
        changed: 0,
        lost: None,
    };
    for (row, state) in states.iter().enumerate() {
        let mut legal = vec![false; state.space().num_actions()];
        state.legal(&mut legal);
        let [before, after] = [whole, ablated].map(|answers| answers.logits_of(row));
        let (p, q) = (
            masked_softmax(before, &legal),
            masked_softmax(after, &legal),
        );
        effect.divergence += divergence(&p, &q) / states.len() as f32;
        effect.changed +=
            usize::from(masked_argmax(before, &legal) != masked_argmax(after, &legal));
    }
    effect
}

/// KL divergence of the policy `q` from `p`, in nats.
pub(in crate::op) fn divergence(p: &[f32], q: &[f32]) -> f32 {
    let pairs = p.iter().zip(q).filter(|(p, _)| **p > 0.0);
    let sum: f32 = pairs.map(|(p, q)| p * (p / q.max(1e-12)).ln()).sum();
    sum.max(0.0)
}

/// What a policy is worth.
pub(super) enum Worth {
    /// The value of each action in each of the states: the policy's mean over them, exactly.
    Exact(Vec<Vec<Option<f32>>>),
    /// Levels: the mean return of episodes that start there, drawn alike for every policy.
    Episodes(Vec<Box<dyn Env>>),
    /// A game that is too large to be solved.
    Unknown,
}

/// Episodes of a return.
const NUM_EPISODES: usize = 32;

impl Worth {
    /// By exact values where there are some, else by episodes where nobody plays against the agent.
    pub fn new(subject: &Subject<'_>, states: &[Box<dyn Env>]) -> Self {
        let alone = subject.env.space().num_players == 1;
        if alone || subject.env.enumerate().is_some() {
            let solved = states.iter().map(|state| {
                let optimum = state.optimum().filter(|optimum| optimum.exact)?;
                Some(optimum.action_values)
            });
            if let Some(values) = solved.collect() {
                return Self::Exact(values);
            }
        }
        match alone {
            true => {
                let mut rng = subject.rng.split("levels");
                Self::Episodes(episodes::levels(subject.env, NUM_EPISODES, &mut rng))
            }
            false => Self::Unknown,
        }
    }

    /// What it is called.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Exact(_) => "exact value of a choice",
            _ => "return",
        }
    }

    /// Of `evaluator`'s policy, whose answers on the states are `answers`.
    async fn of(
        &self,
        evaluator: &Evaluator,
        answers: &Answers,
        rng: &mut Rng,
    ) -> Result<Option<f32>> {
        match self {
            Self::Exact(values) => Ok(Some(expected(values, answers))),
            Self::Episodes(levels) => {
                let player = Player::Network(evaluator);
                let played = episodes::play(player, levels.clone(), rng, &mut |_, _| {}).await?;
                Ok(Some(episodes::mean_return(&played) as f32))
            }
            Self::Unknown => Ok(None),
        }
    }
}

/// Mean over states of what the policy's choice is worth.
fn expected(values: &[Vec<Option<f32>>], answers: &Answers) -> f32 {
    let one = |(row, values): (usize, &Vec<Option<f32>>)| {
        let legal: Vec<bool> = values.iter().map(Option::is_some).collect();
        let policy = masked_softmax(answers.logits_of(row), &legal);
        let pairs = policy.iter().zip(values);
        pairs
            .map(|(p, value)| p * value.unwrap_or(0.0))
            .sum::<f32>()
    };
    values.iter().enumerate().map(one).sum::<f32>() / values.len() as f32
}

/// A network whose parts are taken away over fixed states.
pub(super) struct Ablator<'a> {
    subject: &'a Subject<'a>,
    evaluator: &'a Evaluator,
    states: &'a [Box<dyn Env>],
    worth: &'a Worth,
    input: Vec<f32>,
    whole: Answers,
    /// What the whole network's policy is worth.
    pub score: Option<f32>,
    bank: Bank,
    op: EditOp,
}

impl<'a> Ablator<'a> {
    /// Runs the whole network.
    pub async fn new(
        subject: &'a Subject<'a>,
        evaluator: &'a Evaluator,
        states: &'a [Box<dyn Env>],
        mode: Mode,
        worth: &'a Worth,
    ) -> Result<Self> {
        let input = observations(states);
        let whole = evaluator.evaluate(input.clone(), states.len()).await?;
        let mut rng = subject.rng.split("play");
        Ok(Self {
            score: worth.of(evaluator, &whole, &mut rng).await?,
            bank: match mode {
                Mode::Zero => Bank::new(),
                _ => bank(evaluator, states, subject.sites).await?,
            },
            op: match mode {
                Mode::Zero => EditOp::Zero,
                Mode::Mean => EditOp::Mean,
                Mode::Resample => EditOp::Resample,
            },
            subject,
            evaluator,
            states,
            worth,
            input,
            whole,
        })
    }

    /// What it does to take these elements of a site away.
    pub async fn effect(&self, site: &Site, elements: Vec<usize>) -> Result<Effect> {
        let edit = Edit {
            site: site.name.clone(),
            select: Select::Units(elements),
            op: self.op.clone(),
        };
        let compiled = taps::compile(
            &[edit],
            self.subject.sites,
            &self.bank,
            &mut self.subject.rng.split("resample"),
            &self.evaluator.device,
        )?;
        let mut ablated = self.evaluator.clone();
        ablated.edits.extend(compiled);
        let count = self.states.len();
        let answers = ablated.evaluate(self.input.clone(), count).await?;
        let mut rng = self.subject.rng.split("play");
        let score = self.worth.of(&ablated, &answers, &mut rng).await?;
        Ok(Effect {
            lost: self.score.zip(score).map(|(whole, left)| whole - left),
            ..compare(&self.whole, &answers, self.states)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_divergence_by_hand() {
        assert_eq!(divergence(&[0.5, 0.5], &[0.5, 0.5]), 0.0);
        // ½ ln 2 + ½ ln ⅔.
        let found = divergence(&[0.5, 0.5, 0.0], &[0.25, 0.75, 0.0]);
        assert!((found - 0.5 * (4.0_f32 / 3.0).ln()).abs() < 1e-6);
    }

    #[test]
    fn a_policy_is_worth_the_mean_of_its_choices() {
        let answers = Answers {
            logits: vec![0.0, 0.0, 9.0, 3_f32.ln(), 0.0, 9.0],
            values: vec![0.0; 2],
        };
        let values = [
            vec![Some(1.0), Some(-1.0), None],
            vec![Some(1.0), Some(0.0), None],
        ];
        // Even chances of 1 and −1, then three to one of 1 and 0.
        assert!((expected(&values, &answers) - 0.375).abs() < 1e-6);
    }
}
