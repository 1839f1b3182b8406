//! Reasons for which there is no backward pass.

use paring_agent::engine::EngineError;
use paring_onnx::graph::GraphError;
use paring_onnx::ops::GradientRefusal;

/// A reason for which there is no backward pass.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GradientError {
    /// Backward passes are made of operators that came with operator set 13.
    #[error(
        "gradients need operator set 13, the model has {0}; export it with a newer operator set"
    )]
    OperatorSet(i64),
    /// There is no such tensor, or nothing tells its shape.
    #[error("the model has no tensor `{0}` of known shape")]
    NoTensor(String),
    /// A tensor has no such axis.
    #[error("`{tensor}` has no axis {axis}")]
    NoAxis {
        /// The tensor.
        tensor: String,
        /// The axis.
        axis: usize,
    },
    /// A tensor has no float values.
    #[error("`{0}` is no 32-bit float tensor: it has no gradient")]
    NotFloat(String),
    /// The engine takes a parameter as a constant alone.
    #[error(
        "`{tensor}` cannot vary: the engine takes parameters of `{node}` (BatchNormalization) as constants; fold it into its layer first"
    )]
    ConstantParameter {
        /// The parameter.
        tensor: String,
        /// Its node.
        node: String,
    },
    /// A loss does not fit the tensor that it is taken of.
    #[error("{loss} of `{tensor}` needs {need}; its shape is {shape:?}")]
    LossShape {
        /// The loss.
        loss: &'static str,
        /// The tensor.
        tensor: String,
        /// The shape or attribute that it needs.
        need: &'static str,
        /// The tensor's shape.
        shape: Vec<usize>,
    },
    /// Nothing says what to take gradients of.
    #[error("a backward pass needs a loss term")]
    NoLoss,
    /// A node passes no gradient.
    #[error(transparent)]
    Refused(#[from] GradientRefusal),
    /// A value is NaN or infinite.
    #[error("`{0}` is NaN or infinite")]
    NotFinite(String),
    /// The graph cannot be edited.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The engine cannot run the backward pass.
    #[error("run the backward pass")]
    Engine(#[from] EngineError),
}
