//! Errors between a model file and its outputs.

use crate::arrays::UnknownSizes;
use std::path::PathBuf;

/// An error of the engine. Messages name the file, node or input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The file does not exist or cannot be read.
    #[error("read model {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The bytes are not an ONNX model.
    #[error("{name} is not an ONNX model, or it is truncated")]
    NotOnnx {
        /// The file.
        name: String,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A tensor's data lie in another file, which is missing, too short or elsewhere.
    #[error("external data of tensor `{tensor}` in {}", path.display())]
    External {
        /// The file with the data.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The model contradicts the specification, or itself.
    #[error("{name}: {problem}")]
    Invalid {
        /// The file.
        name: String,
        /// Node or function, and what is wrong with it.
        problem: String,
    },
    /// The first load of the file, tried in a process of its own, did not end well.
    #[error("{name}: the first load, tried in a process of its own, {ended}")]
    Inadmissible {
        /// The file.
        name: String,
        /// Its end, and what to do.
        ended: String,
    },
    /// A sparse initializer that cannot be written out.
    #[error(
        "sparse initializer `{0}` does not consist of 32-bit floats at places inside its shape, or that shape is larger than 2 GiB"
    )]
    Sparse(String),
    /// An operator the engine has no implementation of.
    #[error("{name}: the engine does not implement operator {operator} (node `{node}`)")]
    UnknownOperator {
        /// The file.
        name: String,
        /// The node.
        node: String,
        /// The operator.
        operator: String,
    },
    /// Dimensions of inputs without a value.
    #[error("{0}, data that show them, or `dims = {{ … }}` under [model] of a study")]
    Sizes(UnknownSizes),
    /// A value for a dimension that no input has.
    #[error("the model's inputs have no dimension `{dim}`; {}", match known.as_slice() {
        [] => "all their dimensions are fixed".to_string(),
        known => format!("they have {}", known.join(", ")),
    })]
    UnknownDim {
        /// The given name.
        dim: String,
        /// Known names.
        known: Vec<String>,
    },
    /// A value for the batch as if it were another dimension.
    #[error(
        "dimension `{dim}` counts the samples of an inference: it is the batch, which is {batch} here, not {size}; leave it out, or set `batch`"
    )]
    BatchDim {
        /// Its name.
        dim: String,
        /// The given value.
        size: usize,
        /// The batch.
        batch: usize,
    },
    /// An input whose shape nobody declares.
    #[error(
        "input `{input}` declares no shape; write one into the file, with symbolic dimensions where sizes vary"
    )]
    InputRank {
        /// The input.
        input: String,
    },
    /// Samples of a batch that must share a value and do not.
    #[error(
        "input `{input}` takes one value for all {samples} samples of a batch, the data have several"
    )]
    NotShared {
        /// The input.
        input: String,
        /// The batch.
        samples: usize,
    },
    /// An input of a type that cannot be fed.
    #[error("input `{input}` has the element type {dtype}, which cannot be fed")]
    InputType {
        /// The input.
        input: String,
        /// Its type.
        dtype: String,
    },
    /// The batch is fixed in the file.
    #[error("the model's batch is fixed at {fixed}, it cannot run with {wanted}")]
    FixedBatch {
        /// In the file.
        fixed: usize,
        /// Asked for.
        wanted: usize,
    },
    /// A tensor that the file does not have.
    #[error("{name} has no tensor `{tensor}`")]
    NoTensor {
        /// The file.
        name: String,
        /// The tensor.
        tensor: String,
    },
    /// An engine transform that does not exist.
    #[error("unknown engine transform `{0}`; known are {known}", known = crate::engine::TRANSFORMS.join(", "))]
    Transform(String),
    /// An array for an input is missing.
    #[error("no array for the model's input `{0}`")]
    NoInput(String),
    /// An output that is not made of numbers.
    #[error(
        "output {index} has the element type {dtype}, which holds no numbers; name an output of numbers as `output` under [task]"
    )]
    OutputType {
        /// Position of the output.
        index: usize,
        /// Its type.
        dtype: String,
    },
    /// A single product.
    #[error("matrix product: {0}")]
    Product(String),
    /// The engine panicked: a fault of its own.
    #[error("{doing} {name}: the engine panicked: {said}")]
    Panicked {
        /// `analyse`, `optimise`, `run`.
        doing: &'static str,
        /// The file.
        name: String,
        /// The panic's words.
        said: String,
    },
    /// The engine failed.
    #[error("{doing} {name}")]
    Failed {
        /// `analyse`, `optimise`, `run`.
        doing: &'static str,
        /// The file.
        name: String,
        /// The engine's own words.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

// Without a source: the message holds all of it.
impl From<UnknownSizes> for EngineError {
    fn from(unknown: UnknownSizes) -> Self {
        EngineError::Sizes(unknown)
    }
}

impl EngineError {
    /// Wraps the engine's error.
    pub(crate) fn failed<'a>(
        doing: &'static str,
        name: &'a str,
    ) -> impl FnOnce(tract_onnx::prelude::TractError) -> EngineError + 'a {
        move |cause| {
            let said: Vec<String> = cause.chain().map(|c| shortened(&c.to_string())).collect();
            EngineError::Failed { doing, name: name.to_string(), source: said.join(": ").into() }
        }
    }
}

/// Most characters of one of the engine's sentences: some go on with whole models printed out.
const LONGEST: usize = 300;

/// The engine's words without a printed model behind them.
fn shortened(said: &str) -> String {
    let end = said.find("ModelPatch {").unwrap_or(said.len());
    let said = said[..end].trim_end();
    match said.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &said[..cut]),
        None => said.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::prelude::TractError;

    #[test]
    fn the_engines_words_come_without_the_models_that_it_prints() {
        let cause = TractError::msg("Trying to substitute a by b. ModelPatch { context: [] }")
            .context("running pass declutter");
        let EngineError::Failed { source, .. } = EngineError::failed("analyse", "m.onnx")(cause)
        else {
            panic!("a failure");
        };
        assert_eq!(source.to_string(), "running pass declutter: Trying to substitute a by b.");
        assert_eq!(shortened(&"é".repeat(301)), format!("{}…", "é".repeat(300)));
    }
}
