//! Quality of variants on the report split, paired with the baseline's on identical samples.

use super::{Folders, PipelineError, write_predictions};
use crate::data::Dataset;
use crate::engine::Source;
use crate::evaluate::{self, Predictor, Scores};
use crate::record::{Evaluation, Prediction, VariantRecord};
use std::collections::BTreeMap;

/// What variants are evaluated on, and how.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The dataset.
    pub data: &'a Dataset,
    /// Samples to evaluate.
    pub samples: &'a [usize],
    /// Groups of all samples of the dataset that are resampled whole.
    pub groups: Option<&'a [String]>,
    /// Samples the model takes at once.
    pub batch: usize,
    /// Values for symbolic dimensions.
    pub dims: &'a BTreeMap<String, usize>,
    /// Position of the output with the scores.
    pub output: usize,
    /// What the scores are.
    pub scores: Scores,
}

/// Answers of a variant, and what they add up to.
#[derive(Clone, Debug)]
pub struct Quality {
    /// One a sample.
    pub predictions: Vec<Prediction>,
    /// What they add up to.
    pub evaluation: Evaluation,
}

impl Subject<'_> {
    /// The answers of one model.
    ///
    /// # Errors
    /// [`PipelineError`] names the variant.
    pub fn predictions(
        &self,
        folders: &Folders,
        variant: &VariantRecord,
    ) -> Result<Vec<Prediction>, PipelineError> {
        let path = folders.variants().join(&variant.file);
        let predictor = Predictor::load(
            Source::File(&path),
            self.batch,
            self.dims,
            &variant.options,
            self.output,
            self.scores,
        )
        .map_err(|source| PipelineError::Engine { variant: variant.name.clone(), source })?;
        predictor
            .predict(self.data, self.samples, &|_| ())
            .map_err(|source| PipelineError::Predict { variant: variant.name.clone(), source })
    }
}

/// Evaluates every variant, the baseline first, and writes their answers; `done` is told after each.
///
/// # Errors
/// [`PipelineError`] names the variant.
pub fn assess(
    folders: &Folders,
    subject: &Subject,
    variants: &[VariantRecord],
    done: &mut dyn FnMut(&str),
) -> Result<Vec<Quality>, PipelineError> {
    let groups: Option<Vec<String>> =
        subject.groups.map(|all| subject.samples.iter().map(|s| all[*s].clone()).collect());
    let mut all: Vec<Quality> = Vec::new();
    for variant in variants {
        let predictions = subject.predictions(folders, variant)?;
        let id = &variant.variant_id;
        let evaluation = match all.first() {
            None => evaluate::evaluate(id, &predictions, groups.as_deref()),
            Some(base) => evaluate::compare(id, &predictions, &base.predictions, groups.as_deref()),
        };
        // A split without samples was refused when the study was read.
        let Some(evaluation) = evaluation else { continue };
        let path = folders.predictions().join(format!("{}.parquet", variant.name));
        write_predictions(&path, &predictions)?;
        all.push(Quality { predictions, evaluation });
        done(&variant.name);
    }
    Ok(all)
}
