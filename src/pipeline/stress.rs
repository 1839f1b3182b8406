//! How variants bear disturbed inputs, each beside the baseline.

use super::{Folders, PipelineError, Quality, Subject, read_answers};
use crate::evaluate::{Answers, Asked, Predictor, Stress};
use crate::record::VariantRecord;

/// Adds what disturbed inputs do to the evaluations of variants, the baseline first, that were
/// assessed before; `done` is told after each.
///
/// # Errors
/// [`PipelineError`] names the variant.
pub fn stress(
    folders: &Folders,
    subject: &Subject,
    variants: &[VariantRecord],
    how: &Stress,
    qualities: &mut [Quality],
    done: &mut dyn FnMut(&str),
) -> Result<(), PipelineError> {
    let groups = subject.own_groups();
    let mut baseline: Option<(Predictor, Answers)> = None;
    for (variant, quality) in variants.iter().zip(qualities) {
        let predictor = subject.predictor(folders, variant)?;
        let path = folders.scores(&variant.name);
        let clean = read_answers(&path, subject.task.kind)?;
        let asked = Asked { predictor: &predictor, clean: &clean };
        let base = baseline.as_ref().map(|(predictor, clean)| Asked { predictor, clean });
        let found = how.run(subject.task, subject.data, &asked, base.as_ref(), groups.as_deref());
        quality.evaluation.robustness = found
            .map_err(|source| PipelineError::Predict { variant: variant.name.clone(), source })?;
        baseline.get_or_insert((predictor, clean));
        done(&variant.name);
    }
    Ok(())
}
