//! Evaluation of variants on the report split, paired with the baseline's on identical samples.

use super::instance_ledger::{Instances, write_instances};
use crate::evaluate::{
    self, BootstrapSampling, EvaluationTask, ModelOutputs, PredictionStatistics, Predictor,
};
use crate::pipeline::panic_isolation::{attempt, reason};
use crate::pipeline::{Folders, PipelineError, write_answers};
use paring_agent::engine::ModelSource;
use paring_core::schema::{Evaluation, MissingReason, SamplePrediction, VariantRecord};
use paring_data::Dataset;
use std::collections::BTreeMap;

/// Data, task and sampling that variants are evaluated with.
#[derive(Clone, Copy, Debug)]
pub struct EvaluationSetup<'a> {
    /// The dataset.
    pub data: &'a Dataset,
    /// Samples to evaluate.
    pub samples: &'a [usize],
    /// Groups of all samples of the dataset that are resampled whole.
    pub groups: Option<&'a [String]>,
    /// Intervals take the number of samples of each class as given.
    pub fixed_class_shares: bool,
    /// Columns of the dataset that name subsets.
    pub slices: &'a [String],
    /// Samples the model takes at once.
    pub batch: usize,
    /// Values for symbolic dimensions.
    pub dims: &'a BTreeMap<String, usize>,
    /// Position of the output with the scores.
    pub output: usize,
    /// The model's task.
    pub task: &'a EvaluationTask,
}

/// Predictions of a variant and metrics over them.
#[derive(Clone, Debug)]
pub struct EvaluatedPredictions {
    /// One a sample, where answers are classes.
    pub predictions: Vec<SamplePrediction>,
    /// Metrics over them.
    pub evaluation: Evaluation,
}

impl EvaluationSetup<'_> {
    /// The answers of one model.
    ///
    /// # Errors
    /// [`PipelineError`] names the variant.
    pub fn answers(
        &self,
        folders: &Folders,
        variant: &VariantRecord,
    ) -> Result<ModelOutputs, PipelineError> {
        self.predictor(folders, variant)?
            .answers(self.data, self.samples, &|_| ())
            .map_err(|source| PipelineError::Predict { variant: variant.name.clone(), source })
    }

    /// A model that can be asked.
    ///
    /// # Errors
    /// [`PipelineError`] names the variant.
    pub fn predictor(
        &self,
        folders: &Folders,
        variant: &VariantRecord,
    ) -> Result<Predictor, PipelineError> {
        let path = folders.variants().join(&variant.file);
        let predictor = Predictor::load(
            ModelSource::File(&path),
            self.batch,
            self.dims,
            &variant.options,
            self.output,
            self.task.scores,
        )
        .map_err(|source| PipelineError::Engine { variant: variant.name.clone(), source })?;
        Ok(predictor.with_task(self.task.clone()))
    }

    /// The groups of the evaluated samples, in their order.
    pub fn own_groups(&self) -> Option<Vec<String>> {
        self.groups.map(|all| self.own(all))
    }

    /// The columns of the evaluated samples, in their order.
    pub fn own_slices(&self) -> Vec<(String, Vec<String>)> {
        let column = |name: &String| Some((name.clone(), self.own(self.data.columns.get(name)?)));
        self.slices.iter().filter_map(column).collect()
    }

    fn own(&self, all: &[String]) -> Vec<String> {
        self.samples.iter().map(|sample| all[*sample].clone()).collect()
    }
}

/// Evaluation of one variant.
#[derive(Clone, Debug)]
pub struct VariantEvaluation {
    /// The variant's name.
    pub variant: String,
    /// Its quality, or the reason why there is none.
    pub quality: Result<EvaluatedPredictions, MissingReason>,
}

/// Evaluates every variant of a run, the baseline first, and writes their answers into the folders
/// `answered`; `done` is told after each. One that cannot be evaluated is in the result with the reason, and leaves no files of an earlier
/// evaluation behind.
///
/// # Errors
/// [`PipelineError`] where the baseline cannot be evaluated, or what was found cannot be written.
pub fn evaluate_variants(
    folders: &Folders,
    answered: &Folders,
    subject: &EvaluationSetup,
    variants: &[VariantRecord],
    done: &mut dyn FnMut(&str),
) -> Result<Vec<VariantEvaluation>, PipelineError> {
    let (groups, slices) = (subject.own_groups(), subject.own_slices());
    let mut baseline: Option<(ModelOutputs, Vec<SamplePrediction>)> = None;
    let (mut exams, mut found) = (Vec::new(), Vec::new());
    for variant in variants {
        let before = baseline.as_ref();
        let examined =
            attempt(&variant.name, || subject.examined(folders, variant, before, &slices));
        done(&variant.name);
        let (answers, exam) = match examined {
            Ok(both) => both,
            // Nothing can be compared with a baseline that does not answer.
            Err(error) if before.is_none() => return Err(error),
            Err(error) => {
                forget(answered, &variant.name)?;
                found.push(Err(reason(&error)));
                continue;
            }
        };
        let own = answers.predictions();
        let path = answered.predictions().join(format!("{}.parquet", variant.name));
        let before = before.map(|(_, predictions)| predictions.as_slice());
        let instances = Instances { answers: &answers, predictions: &own, before, slices: &slices };
        write_instances(&path, &instances)?;
        write_answers(&answered.scores(&variant.name), &answers)?;
        exams.push(exam);
        baseline.get_or_insert_with(|| (answers, own.clone()));
        found.push(Ok(own));
    }
    let fixed_class_shares = subject.fixed_class_shares;
    let how = BootstrapSampling {
        groups: groups.as_deref(),
        fixed_class_shares,
        ..BootstrapSampling::default()
    };
    let mut evaluations = evaluate::evaluate_variants(&exams, &how).into_iter();
    let none = || MissingReason("there are no samples to report".into());
    let each = variants.iter().zip(found).map(|(variant, predictions)| {
        let quality = predictions.and_then(|predictions| {
            let evaluation = evaluations.next().ok_or_else(none)?;
            Ok(EvaluatedPredictions { predictions, evaluation })
        });
        VariantEvaluation { variant: variant.name.clone(), quality }
    });
    Ok(each.collect())
}

impl EvaluationSetup<'_> {
    /// Answers of a variant and their statistics beside the baseline's.
    fn examined(
        &self,
        folders: &Folders,
        variant: &VariantRecord,
        baseline: Option<&(ModelOutputs, Vec<SamplePrediction>)>,
        slices: &evaluate::SliceColumns,
    ) -> Result<(ModelOutputs, PredictionStatistics), PipelineError> {
        let answers = self.answers(folders, variant)?;
        let before = baseline.map(|(answers, _)| answers);
        let statistics = PredictionStatistics::new(
            variant.variant_id.clone(),
            self.task,
            &answers,
            before,
            slices,
        );
        let statistics = statistics.map_err(|source| PipelineError::OtherSamples {
            variant: variant.name.clone(),
            source,
        })?;
        Ok((answers, statistics))
    }
}

/// Removes what an earlier evaluation of a variant left.
fn forget(folders: &Folders, variant: &str) -> Result<(), PipelineError> {
    let answers = folders.predictions().join(format!("{variant}.parquet"));
    for path in [answers, folders.scores(variant), folders.quality(variant)] {
        match path.remove() {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(PipelineError::file("remove", &path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}
