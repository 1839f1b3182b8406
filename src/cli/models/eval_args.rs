//! Options of `paring eval`.

use super::attack_args::AttackArgs;
use crate::cli::ColumnArgs;
use crate::workflow::EvaluateOptions;
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
    #[arg(long)]
    data: PathBuf,
    /// Task: classification, multilabel, regression, segmentation, scores or sequence
    #[arg(long, default_value = "classification")]
    task: TaskKind,
    /// Meaning of the output: probabilities or logits
    #[arg(long, default_value = "probabilities")]
    scores: ScoresArg,
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
    /// A sentence about an option that cannot be used.
    pub(super) fn options(self, trust: FolderTrust) -> Result<EvaluateOptions, String> {
        Ok(EvaluateOptions {
            models: self.models,
            data: self.data,
            task: self.task,
            scores: match self.scores {
                ScoresArg::Probabilities => ScoreKind::Probabilities,
                ScoresArg::Logits => ScoreKind::Logits,
            },
            output: self.output,
            metric: self.metric,
            positive: self.positive,
            threshold: self.threshold,
            slices: self.slice,
            group: self.group,
            fixed_class_shares: self.fixed_class_shares,
            targets: self.target,
            trust,
            robustness: self.robustness,
            attack: self.attack.plan()?,
            flow: self.flow,
            predictions: self.predictions,
            csv: self.csv,
            window_bytes: self.memory.saturating_mul(1 << 20),
        })
    }
}
