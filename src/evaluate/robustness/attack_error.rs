//! Reasons for which a model cannot be attacked along its gradients.

use crate::evaluate::prediction::PredictError;
use paring_compress::gradient::GradientError;
use paring_data::DataError;
use paring_onnx::graph::GraphError;

/// A reason for which a model cannot be attacked along its gradients.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttackError {
    /// Only classes can be mistaken.
    #[error("attacks need one class a sample: kind = \"classification\"")]
    NotClasses,
    /// No input can be changed a little.
    #[error("no input holds 32-bit floats with samples along axis 0; nothing can be attacked")]
    NoInput,
    /// The model has no such output.
    #[error("the model has no output number {0}")]
    NoOutput(usize),
    /// Several answers a sample.
    #[error("`{0}` has several answers a sample; attacks need one class each")]
    Positions(String),
    /// Samples cannot be told apart in an output.
    #[error("output `{output}` has no axis of {batch} samples")]
    Batch {
        /// The output.
        output: String,
        /// Samples of a pass.
        batch: usize,
    },
    /// Nothing comes back to the inputs.
    #[error(
        "the gradient at the inputs is zero for every sample: a node on the way passes none, such as a cast to other floats"
    )]
    ZeroGradient,
    /// There is no backward pass.
    #[error(transparent)]
    Gradient(#[from] GradientError),
    /// The graph cannot be read.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The inputs cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The model cannot be asked.
    #[error(transparent)]
    Predict(#[from] PredictError),
}
