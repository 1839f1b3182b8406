//! Models under attack along gradients: accuracy with intervals, overall, class by class and slice by
//! slice, beside the baseline's, with checks of soundness and inputs that transfer.

use super::attack_checks::{AttackTally, StrengthTally};
use super::attack_error::AttackError;
use super::attack_gradient::AttackGradient;
use super::attack_plan::{AttackPlan, float_entries};
use super::gradient_attack::GradientAttack;
use super::input_box::InputBox;
use super::perturbations::spreads;
use super::robustness_test::{SPREAD, TestedModel, compare, first};
use crate::evaluate::EvaluationTask;
use crate::evaluate::intervals::BootstrapSampling;
use crate::evaluate::prediction::{ModelOutputs, PredictError, Predictor};
use paring_agent::arrays::Array;
use paring_core::error_chain::error_chain;
use paring_core::schema::{
    AttackFacts, AttackGradientSource, AttackMethod, AttackNorm, AttackedPart, InputDisturbance,
    RobustnessScore, TaskKind,
};
use paring_core::stats::{self, SamplingDesign};
use paring_data::Dataset;
use std::collections::{BTreeMap, BTreeSet};

/// Samples, task and plan of attacks.
#[derive(Clone, Copy, Debug)]
pub struct AttackTest<'a> {
    /// The task: a classification.
    pub task: &'a EvaluationTask,
    /// The data.
    pub data: &'a Dataset,
    /// The attacks.
    pub plan: &'a AttackPlan,
    /// Seeds random starts and intervals.
    pub seed: u64,
    /// Groups of the evaluated samples that are resampled whole.
    pub groups: Option<&'a [String]>,
    /// Columns with the slice of each evaluated sample.
    pub slices: &'a [(String, Vec<String>)],
}

/// Attacked inputs, chunk by chunk.
type AttackedChunks = Vec<BTreeMap<String, Array>>;

/// A model that was attacked: what others are held against, and inputs that may fool them too.
#[derive(Clone, Debug)]
pub struct AttackedModel {
    clean: ModelOutputs,
    /// By method, norm and position of the strength.
    answers: BTreeMap<(AttackMethod, AttackNorm, usize), ModelOutputs>,
    /// Inputs found by PGD on a baseline, by norm and position of the strength.
    inputs: BTreeMap<(AttackNorm, usize), AttackedChunks>,
    without_own: Option<String>,
}

/// Answers to the inputs that PGD found on the baseline, by norm and position of the strength.
type TransferredAnswers = BTreeMap<(AttackNorm, usize), ModelOutputs>;

/// Samples under attack and the classes that they are held to.
struct AttackSubject<'a> {
    model: &'a TestedModel<'a>,
    clean: ModelOutputs,
    samples: Vec<usize>,
    classes: Vec<i64>,
    space: InputBox,
    /// Entries of one sample's float inputs.
    entries: usize,
}

impl AttackTest<'_> {
    /// Scores of a model under attack, beside the baseline's where one was attacked before.
    ///
    /// Without gradients of its own, for the reason given, a model is asked only the inputs that fool
    /// the baseline.
    ///
    /// # Errors
    /// [`AttackError`] where samples cannot be read or asked, or the baseline has no gradients.
    pub fn run(
        &self,
        model: &TestedModel,
        gradient: Result<&AttackGradient, String>,
        baseline: Option<&AttackedModel>,
    ) -> Result<(Vec<RobustnessScore>, AttackedModel), AttackError> {
        if self.task.kind != TaskKind::Classification || self.data.targets.is_some() {
            return Err(AttackError::NotClasses);
        }
        let subject = self.subject(model, baseline)?;
        let clean = subject.clean.clone();
        let mut own = AttackedModel {
            clean,
            answers: BTreeMap::new(),
            inputs: BTreeMap::new(),
            without_own: gradient.as_ref().err().cloned(),
        };
        let mut scores = Vec::new();
        let transferred =
            baseline.map(|own| self.transferred(&subject, own)).transpose()?.unwrap_or_default();
        if let Ok(gradient) = gradient {
            match self.attacked(&subject, gradient, &mut own, &transferred) {
                Ok(tallies) => {
                    scores = self.own_scores(&subject, gradient, &own, (baseline, &tallies))
                }
                Err(error @ (AttackError::Gradient(_) | AttackError::ZeroGradient))
                    if baseline.is_some() =>
                {
                    own.without_own = Some(error_chain(&error));
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(baseline) = baseline {
            let without_own = own.without_own.clone();
            scores.extend(self.transfer_scores(&subject, baseline, &transferred, without_own));
            // Nobody is asked what fools a variant.
            own.inputs.clear();
        }
        Ok((scores, own))
    }

    fn subject<'m>(
        &self,
        model: &'m TestedModel<'m>,
        baseline: Option<&AttackedModel>,
    ) -> Result<AttackSubject<'m>, AttackError> {
        let asked = |count: usize| -> Vec<usize> {
            model.clean.samples.iter().copied().take(count).collect()
        };
        let seen = self.data.inputs_at(&asked(SPREAD))?;
        let entries = float_entries(&seen);
        let samples = asked(self.plan.bounded_samples(entries));
        let clean = first(model.clean, samples.len());
        let named = baseline.map_or(&clean, |baseline| &baseline.clean);
        let classes = match clean.labelled() {
            true => clean.labels.clone(),
            false => named.class.iter().map(|class| class.unwrap_or(-1)).collect(),
        };
        let space = InputBox::new(&spreads(&seen), self.plan.range);
        Ok(AttackSubject { model, clean, samples, classes, space, entries })
    }

    /// Attacks of every norm and strength, and what they leave right.
    fn attacked(
        &self,
        subject: &AttackSubject,
        gradient: &AttackGradient,
        own: &mut AttackedModel,
        transferred: &TransferredAnswers,
    ) -> Result<BTreeMap<AttackNorm, AttackTally>, AttackError> {
        gradient.refuse_zero(self.data, &subject.samples, &subject.classes)?;
        let mut tallies = BTreeMap::new();
        for norm in [AttackNorm::Linf, AttackNorm::L2] {
            let strengths = self.plan.strengths(norm);
            if strengths.is_empty() {
                continue;
            }
            let right = |attack: &GradientAttack| -> Result<usize, AttackError> {
                Ok(subject.right(&self.answers(subject, gradient, attack)?.1))
            };
            let pgd = |strength| self.plan.attack(AttackMethod::Pgd, norm, strength, self.seed);
            let unbounded = match norm {
                AttackNorm::Linf => 1.0,
                AttackNorm::L2 => (subject.entries as f64).sqrt(),
            };
            let mut tally = AttackTally {
                samples: subject.samples.len(),
                classes: subject.clean.width,
                clean: subject.right(&subject.clean),
                zero: right(&GradientAttack { steps: 1, restarts: 1, ..pgd(0.0) })?,
                unbounded: right(&pgd(unbounded))?,
                rows: Vec::new(),
            };
            for (place, strength) in strengths.iter().enumerate() {
                let fast = self.plan.attack(AttackMethod::Fgsm, norm, *strength, self.seed);
                let (_, fast) = self.answers(subject, gradient, &fast)?;
                let attack = pgd(*strength);
                let (inputs, found) = self.answers(subject, gradient, &attack)?;
                let half = GradientAttack { steps: (attack.steps / 2).max(1), ..attack };
                tally.rows.push(StrengthTally {
                    strength: *strength,
                    fgsm: subject.right(&fast),
                    half: right(&half)?,
                    pgd: subject.right(&found),
                    transfer: transferred.get(&(norm, place)).map(|found| subject.right(found)),
                });
                own.answers.insert((AttackMethod::Fgsm, norm, place), fast);
                own.answers.insert((AttackMethod::Pgd, norm, place), found);
                own.inputs.insert((norm, place), inputs);
            }
            tallies.insert(norm, tally);
        }
        Ok(tallies)
    }

    fn answers(
        &self,
        subject: &AttackSubject,
        gradient: &AttackGradient,
        attack: &GradientAttack,
    ) -> Result<(AttackedChunks, ModelOutputs), AttackError> {
        let asked = (subject.samples.as_slice(), subject.classes.as_slice());
        let inputs = attack.inputs(gradient, &subject.space, self.data, asked)?;
        let found = answers_to(subject.model.predictor, self.data, &inputs, &subject.samples)?;
        Ok((inputs, found))
    }

    fn own_scores(
        &self,
        subject: &AttackSubject,
        gradient: &AttackGradient,
        own: &AttackedModel,
        (baseline, tallies): (Option<&AttackedModel>, &BTreeMap<AttackNorm, AttackTally>),
    ) -> Vec<RobustnessScore> {
        let mut scores = Vec::new();
        for (norm, tally) in tallies {
            for method in [AttackMethod::Fgsm, AttackMethod::Pgd] {
                for (place, strength) in self.plan.strengths(*norm).iter().enumerate() {
                    let key = (method, *norm, place);
                    let Some(now) = own.answers.get(&key) else { continue };
                    let attack = self.plan.attack(method, *norm, *strength, self.seed);
                    let base = baseline.and_then(|base| base.answers.get(&key));
                    let facts = AttackFacts {
                        unsound: tally.broken(method, *strength, attack.steps),
                        ..self.facts(subject, &attack, gradient.source())
                    };
                    scores.extend(self.score(subject, (&attack, facts), now, base.zip(baseline)));
                }
            }
        }
        scores
    }

    /// Answers to the inputs that PGD found on the baseline.
    fn transferred(
        &self,
        subject: &AttackSubject,
        baseline: &AttackedModel,
    ) -> Result<TransferredAnswers, AttackError> {
        let ask = |inputs| answers_to(subject.model.predictor, self.data, inputs, &subject.samples);
        let each = baseline.inputs.iter().map(|(key, inputs)| Ok((*key, ask(inputs)?)));
        each.collect()
    }

    /// Scores on the inputs that PGD found on the baseline.
    fn transfer_scores(
        &self,
        subject: &AttackSubject,
        baseline: &AttackedModel,
        transferred: &TransferredAnswers,
        without_own: Option<String>,
    ) -> Vec<RobustnessScore> {
        let mut scores = Vec::new();
        for ((norm, place), now) in transferred {
            let Some(strength) = self.plan.strengths(*norm).get(*place) else { continue };
            let attack = self.plan.attack(AttackMethod::Transfer, *norm, *strength, self.seed);
            let facts = AttackFacts {
                without_own: without_own.clone(),
                ..self.facts(subject, &attack, AttackGradientSource::Baseline)
            };
            let base = baseline.answers.get(&(AttackMethod::Pgd, *norm, *place));
            let pair = base.map(|base| (base, baseline));
            scores.extend(self.score(subject, (&attack, facts), now, pair));
        }
        scores
    }

    fn facts(
        &self,
        subject: &AttackSubject,
        attack: &GradientAttack,
        gradients: AttackGradientSource,
    ) -> AttackFacts {
        AttackFacts {
            steps: attack.steps,
            restarts: attack.restarts,
            gradients,
            without_own: None,
            range: subject.space.source,
            unsound: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// The score of one attack; `None` where the metric has no value.
    fn score(
        &self,
        subject: &AttackSubject,
        (attack, facts): (&GradientAttack, AttackFacts),
        now: &ModelOutputs,
        base: Option<(&ModelOutputs, &AttackedModel)>,
    ) -> Option<RobustnessScore> {
        let groups: Option<Vec<String>> =
            self.groups.map(|all| all.iter().take(now.len()).cloned().collect());
        let sampling = BootstrapSampling {
            groups: groups.as_deref(),
            resamples: 2_000,
            seed: self.seed,
            ..BootstrapSampling::default()
        };
        let pair = base.map(|(now, baseline)| (now.clone(), baseline.clean.clone()));
        let found = compare(self.task, now, &subject.clean, pair.as_ref(), &sampling)?;
        let parts = self.parts(subject, now, groups.as_deref());
        Some(RobustnessScore {
            disturbance: InputDisturbance::of_attack(attack.method, attack.norm),
            strength: attack.strength,
            attack: Some(AttackFacts { parts, ..facts }),
            ..found
        })
    }

    /// Shares of right answers class by class and slice by slice.
    fn parts(
        &self,
        subject: &AttackSubject,
        now: &ModelOutputs,
        groups: Option<&[String]>,
    ) -> Vec<AttackedPart> {
        let part = |of: String, own: &dyn Fn(usize) -> bool| {
            let positions: Vec<usize> = (0..now.len()).filter(|at| own(*at)).collect();
            let hit = |at: &usize| f64::from(subject.is_right(now, *at));
            let hits: Vec<f64> = positions.iter().map(hit).collect();
            let groups: Option<Vec<String>> =
                groups.map(|all| positions.iter().map(|at| all[*at].clone()).collect());
            let design =
                groups.as_deref().map_or(SamplingDesign::Independent, SamplingDesign::Groups);
            let value = stats::proportion_interval(&hits, design)?;
            Some(AttackedPart { of, samples: hits.len(), value })
        };
        let classes: BTreeSet<i64> = subject.classes.iter().copied().collect();
        let mut parts: Vec<AttackedPart> = classes
            .iter()
            .filter_map(|class| part(format!("class {class}"), &|at| subject.classes[at] == *class))
            .collect();
        for (column, values) in self.slices {
            let each: BTreeSet<&String> = values.iter().take(now.len()).collect();
            let own = |value: &&String| {
                part(format!("{column} = {value}"), &|at| values.get(at) == Some(*value))
            };
            parts.extend(each.iter().filter_map(own));
        }
        parts
    }
}

impl AttackSubject<'_> {
    fn is_right(&self, answers: &ModelOutputs, at: usize) -> bool {
        answers.class.get(at).copied().flatten() == self.classes.get(at).copied()
    }

    fn right(&self, answers: &ModelOutputs) -> usize {
        (0..answers.len()).filter(|at| self.is_right(answers, *at)).count()
    }
}

impl AttackedModel {
    /// Answers under one attack of the plan; `None` where the model was not attacked so.
    pub fn answers(
        &self,
        plan: &AttackPlan,
        (method, norm): (AttackMethod, AttackNorm),
        strength: f64,
    ) -> Option<&ModelOutputs> {
        let place = plan.strengths(norm).iter().position(|own| *own == strength)?;
        self.answers.get(&(method, norm, place))
    }

    /// The reason why the model's own gradients were not followed.
    pub fn without_own(&self) -> Option<&str> {
        self.without_own.as_deref()
    }
}

impl AttackPlan {
    /// Of the samples those that attacks look at: to be attacked, or for the range of the inputs.
    pub fn looked_at<'s>(&self, samples: &'s [usize]) -> &'s [usize] {
        &samples[..samples.len().min(self.samples.max(SPREAD))]
    }
}

/// A model's answers to attacked inputs of samples.
fn answers_to(
    predictor: &Predictor,
    data: &Dataset,
    inputs: &[BTreeMap<String, Array>],
    samples: &[usize],
) -> Result<ModelOutputs, PredictError> {
    let mut all: Option<ModelOutputs> = None;
    for (chunk, inputs) in GradientAttack::chunks(samples).zip(inputs) {
        let own = predictor.answers_to(data, inputs, chunk)?;
        match &mut all {
            None => all = Some(own),
            Some(all) => all.append(own),
        }
    }
    all.map_or_else(|| predictor.answers(data, &[], &|_| ()), Ok)
}
