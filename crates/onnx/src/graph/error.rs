//! Errors of reading, checking, editing and writing graphs.

use std::path::PathBuf;

/// An error of reading, checking, editing or writing a graph.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// The file cannot be read, or is not a model that can be understood.
    #[error(transparent)]
    File(paring_agent::engine::EngineError),
    /// The bytes are not a model.
    #[error("{name} is not an ONNX model, or it is truncated")]
    NotOnnx {
        /// Their source.
        name: String,
        /// The decoder's words.
        source: prost::DecodeError,
    },
    /// The graph contradicts itself.
    #[error("{name}: {problem}")]
    Invalid {
        /// The file.
        name: String,
        /// Node or tensor, and what is wrong with it.
        problem: String,
    },
    /// The graph departs from the ONNX specification.
    #[error("{name} violates the ONNX specification")]
    Specification {
        /// The file.
        name: String,
        /// The first violation.
        source: Box<super::Violation>,
    },
    /// An initializer that is not there or has another form than needed.
    #[error("initializer `{tensor}` {problem}")]
    Tensor {
        /// The initializer.
        tensor: String,
        /// The contradiction with what is needed.
        problem: String,
    },
    /// The file cannot be written.
    #[error("write model {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Shapes could not be found.
    #[error("find the shapes of {name}")]
    Shapes {
        /// The file.
        name: String,
        /// The cause.
        source: paring_agent::engine::EngineError,
    },
}
