//! Messages between the agent and the program of another engine, one line of JSON each;
//! docs/engines.md says them to people who write such programs.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The version of the protocol.
pub(super) const PROTOCOL: u32 = 1;

/// Requests of the agent.
#[derive(Debug, Serialize)]
#[serde(tag = "request", rename_all = "lowercase")]
pub(super) enum EngineRequest<'a> {
    /// Load a model and the inputs of its inferences.
    Load(EngineModel<'a>),
    /// Run inferences and time each.
    Run {
        /// Inferences.
        count: usize,
    },
    /// Run one inference and say its outputs.
    Answer {
        /// Samples of the inputs.
        samples: &'a [usize],
    },
    /// End.
    End,
}

/// A model as another engine is told of it.
#[derive(Debug, Serialize)]
pub(crate) struct EngineModel<'a> {
    /// The ONNX file.
    pub(crate) model: &'a Path,
    /// The inputs by name, samples along axis 0: safetensors.
    pub(crate) inputs: &'a Path,
    /// Samples of each inference; they are run in turn, over and over.
    pub(crate) batches: &'a [Vec<usize>],
    /// Threads inside one inference.
    pub(crate) threads: usize,
    /// Values of symbolic dimensions other than the batch.
    pub(crate) dims: &'a BTreeMap<String, usize>,
}

/// Answers of the program.
#[derive(Debug, Deserialize)]
#[serde(tag = "answer", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum EngineAnswer {
    /// The first line, unasked.
    Hello {
        /// The protocol's version.
        protocol: u32,
        /// Name of the engine.
        engine: String,
        /// Its version.
        version: String,
        /// Its options.
        #[serde(default)]
        options: String,
    },
    /// The model is loaded.
    Loaded {
        /// Time from the file to a model that can run.
        load_ns: u64,
    },
    /// Inferences were run.
    Ran {
        /// Time of each, by the program's own monotonic clock.
        samples_ns: Vec<u64>,
    },
    /// Outputs of one inference, in the model's order.
    Answered {
        /// The outputs.
        outputs: Vec<EngineOutput>,
    },
    /// It cannot do what was asked.
    Failed {
        /// The reason, for a person.
        reason: String,
    },
}

/// An output of one inference.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EngineOutput {
    /// Its shape.
    pub(crate) shape: Vec<usize>,
    /// Its entries in row-major order; null for one that is no finite number.
    pub(crate) values: Vec<Option<f64>>,
}
