//! What can be wrong with a graph.

use std::path::PathBuf;

/// An error of reading, checking, editing or writing a graph.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// The file does not exist or cannot be read.
    #[error("read model {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The bytes are not a model.
    #[error("{} is not an ONNX model, or it is truncated", path.display())]
    NotOnnx {
        /// The file.
        path: PathBuf,
        /// The cause, where the decoder says one.
        source: Option<prost::DecodeError>,
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
    /// A tensor's data lie in another file, which is missing, too short or elsewhere.
    #[error("external data of initializer `{tensor}` in {}", path.display())]
    External {
        /// The file with the data.
        path: PathBuf,
        /// The initializer.
        tensor: String,
        /// The cause.
        source: std::io::Error,
    },
    /// An initializer that is not there or has another form than needed.
    #[error("initializer `{tensor}` {problem}")]
    Tensor {
        /// The initializer.
        tensor: String,
        /// What is wrong with it.
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
        source: crate::engine::EngineError,
    },
}
