//! Robustness of variants to disturbed inputs, each beside the baseline.

use crate::evaluate::{ModelOutputs, Predictor, RobustnessTest, TestedModel};
use crate::pipeline::panic_isolation::{attempt, reason};
use crate::pipeline::{EvaluationSetup, Folders, PipelineError, VariantEvaluation, read_answers};
use paring_core::schema::VariantRecord;

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
            let found = found.map_err(|source| PipelineError::Predict {
                variant: variant.name.clone(),
                source,
            })?;
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
