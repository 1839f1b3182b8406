//! Options of an evaluation.

use crate::evaluate::AttackPlan;
use paring_boards::FolderTrust;
use paring_core::schema::{Metric, ScoreKind, TaskKind};
use paring_data::DatasetRules;
use std::path::PathBuf;

/// Models, a dataset, and the questions.
#[derive(Clone, Debug)]
pub struct EvaluateOptions {
    /// ONNX files; the first is what the others are compared with.
    pub models: Vec<PathBuf>,
    /// A file or folder with the models' inputs, and labels where there are any.
    pub data: PathBuf,
    /// Rules that make files numbers.
    pub rules: DatasetRules,
    /// The kind of task.
    pub task: TaskKind,
    /// Meaning of the output.
    pub scores: ScoreKind,
    /// Name of the output with the scores, where there are several.
    pub output: Option<String>,
    /// The metric to name first; the task's own without it.
    pub metric: Option<Metric>,
    /// Positive class of precision, recall and the like.
    pub positive: Option<usize>,
    /// The probability or score from which on an answer counts as positive.
    pub threshold: Option<f64>,
    /// Columns that name subsets.
    pub slices: Vec<String>,
    /// Column of groups that are resampled whole.
    pub group: Option<String>,
    /// True where samples of each class were chosen beforehand.
    pub fixed_class_shares: bool,
    /// Boards to ask too.
    pub targets: Vec<String>,
    /// Trust in whoever made the inventory.
    pub trust: FolderTrust,
    /// Disturbed inputs, and a search for ones that the models get wrong.
    pub robustness: bool,
    /// Attacks along the models' gradients.
    pub attack: Option<AttackPlan>,
    /// Comparison of the models layer by layer, and the samples hit hardest.
    pub flow: bool,
    /// A folder that gets every answer, one file a model.
    pub predictions: Option<PathBuf>,
    /// Answers as CSV too.
    pub csv: bool,
    /// Bytes of inputs held in memory at once.
    pub window_bytes: u64,
}
