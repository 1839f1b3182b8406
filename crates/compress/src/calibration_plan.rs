//! A graph loaded into the engine with the dimensions of calibration samples.

use crate::catalog::Calibration;
use paring_agent::engine::{Bindings, EngineError, Model, Plan, Source};
use paring_core::schema::EngineOptions;
use paring_onnx::graph::Graph;

/// The graph as the engine runs it on batches of the samples.
///
/// # Errors
/// The engine's.
pub(crate) fn calibration_plan(
    graph: &Graph,
    samples: &Calibration,
    options: &EngineOptions,
) -> Result<Plan, EngineError> {
    let bytes = graph.encode();
    let bindings = Bindings { batch: samples.batch, dims: &samples.dims };
    Model::load(Source::Bytes(graph.name(), &bytes), bindings)?.optimise(options)
}

/// The same with `tensors` as its outputs.
///
/// # Errors
/// The engine's.
pub(crate) fn tensors_plan(
    graph: &Graph,
    tensors: &[String],
    samples: &Calibration,
) -> Result<Plan, EngineError> {
    let bytes = graph.encode();
    let bindings = Bindings { batch: samples.batch, dims: &samples.dims };
    let source = Source::Bytes(graph.name(), &bytes);
    Model::load_tensors(source, bindings, tensors)?.optimise(&EngineOptions::default())
}
