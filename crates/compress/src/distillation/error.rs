//! Reasons for which a model cannot be distilled.

use crate::gradient::GradientError;
use paring_agent::engine::EngineError;
use paring_onnx::graph::GraphError;

/// A reason for which a model cannot be distilled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DistillationError {
    /// A setting is out of its bounds.
    #[error("`{key}` must be {bound}, it is {value}")]
    Setting {
        /// The key.
        key: &'static str,
        /// The bound.
        bound: &'static str,
        /// The value.
        value: f64,
    },
    /// There are hardly any samples to train on.
    #[error(
        "distilling needs {least} calibration samples at least, there are {samples}; give the calibrate split a larger share"
    )]
    TooFew {
        /// Samples that are enough.
        least: usize,
        /// Samples that there are.
        samples: usize,
    },
    /// Labels are wanted and there are none.
    #[error(
        "`labels` weighs the labels' cross entropy, and the calibration samples have no classes"
    )]
    NoLabels,
    /// A sample has one label and several answers.
    #[error(
        "`labels` weighs one class a sample, and `{tensor}` has {places} answers to {labels} samples; leave `labels` out"
    )]
    LabelPlaces {
        /// The output.
        tensor: String,
        /// Answers of a pass.
        places: usize,
        /// Labels of a pass.
        labels: usize,
    },
    /// Student and teacher answer different things.
    #[error(
        "output `{output}` has the shape {student:?}, the baseline's {teacher:?}: they cannot be compared"
    )]
    OtherOutputs {
        /// The student's output.
        output: String,
        /// Its shape.
        student: Vec<usize>,
        /// The shape of the teacher's; empty where it has none.
        teacher: Vec<usize>,
    },
    /// No output is made of numbers that a loss could be taken of.
    #[error("no output of the model is made of 32-bit floats")]
    NoOutput,
    /// Nothing can be trained.
    #[error("no weight can be trained: {0}")]
    NothingTrainable(String),
    /// The baseline's answers are no numbers.
    #[error("the baseline's `{0}` is NaN or infinite on the calibration samples")]
    Teacher(String),
    /// The backward pass cannot be made or run.
    #[error(transparent)]
    Gradient(#[from] GradientError),
    /// The graph cannot be read.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The graph cannot be run.
    #[error("run the model")]
    Engine(#[from] EngineError),
}
