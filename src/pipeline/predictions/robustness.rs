//! Robustness of variants to disturbed inputs, each beside the baseline.

use crate::evaluate::{
    AttackGradient, AttackTest, AttackedModel, ModelOutputs, Predictor, RobustnessTest, TestedModel,
};
use crate::pipeline::panic_isolation::{attempt, reason};
use crate::pipeline::{EvaluationSetup, Folders, PipelineError, VariantEvaluation, read_answers};
use paring_core::schema::{RobustnessScore, VariantRecord};
use paring_onnx::graph::Graph;

/// Adds what disturbed inputs do to the evaluations of variants, the baseline first, that were
/// assessed before; `done` is told after each. One that breaks on them is not evaluated, with the
/// reason.
///
/// # Errors
/// [`PipelineError`] where the baseline cannot be asked.
pub fn evaluate_disturbed(
    folders: &Folders,
    subject: &EvaluationSetup,
    variants: &[VariantRecord],
    how: &RobustnessTest,
    evaluations: &mut [VariantEvaluation],
    done: &mut dyn FnMut(&str),
) -> Result<(), PipelineError> {
    let groups = subject.own_groups();
    let slices = subject.own_slices();
    let mut attacks = AttackedVariants { subject, folders, how, slices: &slices, baseline: None };
    let mut baseline: Option<(Predictor, ModelOutputs)> = None;
    for (variant, VariantEvaluation { quality: assessed, .. }) in variants.iter().zip(evaluations) {
        let Ok(quality) = assessed else { continue };
        let found = attempt(&variant.name, || {
            let predictor = subject.predictor(folders, variant)?;
            let clean = read_answers(&folders.scores(&variant.name), subject.task.kind)?;
            let asked = TestedModel { predictor: &predictor, clean: &clean };
            let base = baseline.as_ref().map(|(predictor, clean)| TestedModel { predictor, clean });
            let found =
                how.run(subject.task, subject.data, &asked, base.as_ref(), groups.as_deref());
            let mut found = found.map_err(|source| PipelineError::Predict {
                variant: variant.name.clone(),
                source,
            })?;
            found.extend(attacks.attack(variant, &asked, groups.as_deref())?);
            Ok((found, predictor, clean))
        });
        match found {
            Ok((scores, predictor, clean)) => {
                quality.evaluation.robustness = scores;
                baseline.get_or_insert((predictor, clean));
            }
            Err(error) if baseline.is_none() => return Err(error),
            Err(error) => *assessed = Err(reason(&error)),
        }
        done(&variant.name);
    }
    Ok(())
}

/// Attacks on variants, each beside the baseline, which comes first.
struct AttackedVariants<'a> {
    subject: &'a EvaluationSetup<'a>,
    folders: &'a Folders,
    how: &'a RobustnessTest,
    slices: &'a [(String, Vec<String>)],
    baseline: Option<AttackedModel>,
}

impl AttackedVariants<'_> {
    /// Scores of a variant under the attacks that are asked for, if any are.
    fn attack(
        &mut self,
        variant: &VariantRecord,
        asked: &TestedModel,
        groups: Option<&[String]>,
    ) -> Result<Vec<RobustnessScore>, PipelineError> {
        let Some(plan) = &self.how.attack else { return Ok(Vec::new()) };
        let EvaluationSetup { data, task, .. } = *self.subject;
        let failed = |source| PipelineError::Attack {
            variant: variant.name.clone(),
            source: Box::new(source),
        };
        let gradient = attack_gradient(self.subject, self.folders, variant);
        if let (None, Err(_)) = (&self.baseline, &gradient) {
            return gradient.map(|_| Vec::new());
        }
        let gradient = gradient.as_ref().map_err(|error| reason(error).0);
        let seed = self.how.seed;
        let test = AttackTest { task, data, plan, seed, groups, slices: self.slices };
        let found = test.run(asked, gradient, self.baseline.as_ref());
        let (scores, attacked) = found.map_err(failed)?;
        self.baseline.get_or_insert(attacked);
        Ok(scores)
    }
}

/// The gradients of a variant at its inputs.
///
/// # Errors
/// [`PipelineError`] where its file cannot be read or a node passes no gradient.
fn attack_gradient(
    subject: &EvaluationSetup,
    folders: &Folders,
    variant: &VariantRecord,
) -> Result<AttackGradient, PipelineError> {
    let name = || variant.name.clone();
    let path = folders.variants().join(&variant.file);
    let graph =
        Graph::load(&path).map_err(|source| PipelineError::Graph { variant: name(), source })?;
    let EvaluationSetup { dims, batch, output, task, .. } = *subject;
    AttackGradient::load(&graph, dims, batch, (output, task.scores))
        .map_err(|source| PipelineError::Attack { variant: name(), source: Box::new(source) })
}
