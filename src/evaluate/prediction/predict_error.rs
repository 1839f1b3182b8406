//! Errors of predicting with a model.

use paring_agent::arrays::Dtype;
use paring_agent::engine::EngineError;
use paring_core::schema::TaskKind;
use paring_data::DataError;

/// Predictions cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PredictError {
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The inputs cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The output is not what the task needs.
    #[error("output has shape {found:?} for {batch} samples; {kind} needs {needs}{hint}", hint = hint(*kind))]
    Shape {
        /// The output's shape.
        found: Vec<usize>,
        /// Samples that went in.
        batch: usize,
        /// The task.
        kind: TaskKind,
        /// The shape that the task needs.
        needs: &'static str,
    },
    /// Probabilities that are none.
    #[error(
        "the scores of sample {sample} add up to {sum}, not 1; if they are logits, say so (`scores = \"logits\"` under [task])"
    )]
    NotProbabilities {
        /// The sample.
        sample: usize,
        /// Their sum.
        sum: f64,
    },
    /// Integers that are no probabilities.
    #[error(
        "output `{output}` holds {dtype} numbers, which are no probabilities, and no QuantizeLinear or QLinear operator gives them a scale; {do_this}"
    )]
    Integers {
        /// The output.
        output: String,
        /// Its element type.
        dtype: Dtype,
        /// Advice.
        do_this: &'static str,
    },
    /// Quantized probabilities that are none, even as what they stand for.
    #[error(
        "output `{output}`, dequantized, adds up to {sum} for sample {sample}, not 1; {do_this}"
    )]
    Dequantized {
        /// The output.
        output: String,
        /// The sample.
        sample: usize,
        /// Their sum.
        sum: f64,
        /// Advice.
        do_this: &'static str,
    },
    /// A probability that is none.
    #[error(
        "sample {sample} has the score {value}, which is no probability; if scores are logits, say so (`scores = \"logits\"` under [task])"
    )]
    NotAProbability {
        /// The sample.
        sample: usize,
        /// The score.
        value: f32,
    },
    /// A label that is no class of the model.
    #[error("the label of sample {sample} is {label}, the model has {classes} classes")]
    Label {
        /// The sample.
        sample: usize,
        /// Its label.
        label: i64,
        /// Number of classes.
        classes: usize,
    },
    /// Targets that are not shaped like the model's answers.
    #[error("`labels` have shape {found:?} a sample, the model's answers to {kind} need {needs:?}")]
    Targets {
        /// Shape of a sample's targets.
        found: Vec<usize>,
        /// The task.
        kind: TaskKind,
        /// The shape that the answers have.
        needs: Vec<usize>,
    },
    /// The model has no such output.
    #[error("the model has no output number {0}")]
    NoOutput(usize),
    /// Labels that name no classes.
    #[error("`labels` must be one-dimensional and hold whole numbers, one class a sample, for {0}")]
    NoClasses(TaskKind),
}

/// Advice for a task that does not fit a shape.
fn hint(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Classification => {
            "; of one class a position say `kind = \"sequence\"`, of one a pixel `\"segmentation\"` under [task]"
        }
        TaskKind::Scores => "; any shape will do without labels, `kind = \"regression\"` with them",
        _ => "",
    }
}
