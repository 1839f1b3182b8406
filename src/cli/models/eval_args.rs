//! Options of `paring eval`.

use super::attack_args::AttackArgs;
use crate::cli::{CodedError, ColumnArgs};
use crate::study;
use crate::workflow::{EvaluateOptions, WorkflowError};
use clap::Args;
use paring_boards::FolderTrust;
use paring_core::schema::{Metric, ScoreKind, TaskKind};
use paring_data::WINDOW_BYTES;
use std::path::PathBuf;

/// Evaluate models on a dataset.
#[derive(Debug, Args)]
pub(in crate::cli) struct EvalArgs {
    /// ONNX files; the first is what the others are compared with
    #[arg(required = true)]
    models: Vec<PathBuf>,
    /// An .npz file with the models' inputs and `labels`, or a folder with a labels.csv; without labels
    /// models are compared with the first alone
    #[arg(long, required_unless_present = "study")]
    data: Option<PathBuf>,
    /// A study whose [data] and [task] say what the options below do not: how images become numbers,
    /// classes, the task, its output and metrics; without --data also where the samples are
    #[arg(long, value_name = "STUDY")]
    study: Option<PathBuf>,
    /// Task: classification (the default), multilabel, regression, segmentation, scores or sequence
    #[arg(long)]
    task: Option<TaskKind>,
    /// Meaning of the output: probabilities (the default) or logits
    #[arg(long)]
    scores: Option<ScoresArg>,
    /// Name of the output with the scores, where there are several
    #[arg(long)]
    output: Option<String>,
    /// Primary metric, for example f1_macro
    #[arg(long)]
    metric: Option<Metric>,
    /// Positive class of precision, recall and the like
    #[arg(long)]
    positive: Option<usize>,
    /// Decision threshold: probability or score from which a prediction counts as positive
    #[arg(long)]
    threshold: Option<f64>,
    /// Arrays (columns) with one value per sample that define slices
    #[arg(long)]
    slice: Vec<String>,
    /// Array (column) of groups that the bootstrap resamples as a whole
    #[arg(long)]
    group: Option<String>,
    /// Stratified sampling: class shares are fixed by design, and intervals take them as given
    #[arg(long, conflicts_with = "group")]
    fixed_class_shares: bool,
    /// Predict on these boards too, and report differences from this machine
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
    /// Evaluate robustness: perturbed inputs, and a search for inputs that the models misclassify
    #[arg(long)]
    robustness: bool,
    #[command(flatten)]
    attack: AttackArgs,
    /// Compare activations layer by layer (CKA, effective rank), and list the most affected samples
    #[arg(long)]
    flow: bool,
    /// Write every prediction into this folder, one file per model
    #[arg(long)]
    predictions: Option<PathBuf>,
    /// Inputs held in memory at once, in MiB; robustness and flow look at as many
    #[arg(long, default_value_t = WINDOW_BYTES >> 20)]
    memory: u64,
    /// Write predictions as CSV too
    #[arg(long, requires = "predictions")]
    csv: bool,
    #[command(flatten)]
    pub(super) columns: ColumnArgs,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ScoresArg {
    Probabilities,
    Logits,
}

impl EvalArgs {
    /// The options, with the trust that a global one gives.
    ///
    /// # Errors
    /// [`CodedError`] about the study, or an option that cannot be used.
    pub(super) fn options(self, trust: FolderTrust) -> Result<EvaluateOptions, CodedError> {
        let study = self.study.as_deref().map(study::study_samples).transpose()?;
        let study = study.as_ref();
        let given = study.map(|study| &study.task.labelled_task);
        let data = self.data.clone().or_else(|| Some(study?.data.path.clone()));
        let task = self.task.or(given.map(|task| task.kind)).unwrap_or_default();
        // Metrics of another task mean nothing here.
        let given = given.filter(|given| given.kind == task);
        let scores = match self.scores {
            Some(ScoresArg::Probabilities) => Some(ScoreKind::Probabilities),
            Some(ScoresArg::Logits) => Some(ScoreKind::Logits),
            None => given.map(|task| task.scores),
        };
        let of_study = |columns: &Vec<String>| columns.is_empty().then_some(study).flatten();
        Ok(EvaluateOptions {
            data: data.unwrap_or_default(),
            rules: study.map(|study| study.data.rules.clone()).unwrap_or_default(),
            task,
            scores: scores.unwrap_or(ScoreKind::Probabilities),
            output: self.output.or_else(|| study?.task.output.clone()),
            metric: self.metric.or_else(|| given.and(study)?.task.metric),
            positive: self.positive.or_else(|| given?.positive),
            threshold: self.threshold.or_else(|| given?.threshold),
            slices: match of_study(&self.slice) {
                Some(study) => study.data.slices.clone(),
                None => self.slice,
            },
            group: self.group.or_else(|| study?.data.group.clone()),
            fixed_class_shares: self.fixed_class_shares
                || study.is_some_and(|study| study.data.fixed_class_shares),
            models: self.models,
            targets: self.target,
            trust,
            robustness: self.robustness,
            attack: self.attack.plan().map_err(WorkflowError::Option)?,
            flow: self.flow,
            predictions: self.predictions,
            csv: self.csv,
            window_bytes: self.memory.saturating_mul(1 << 20),
        })
    }
}
