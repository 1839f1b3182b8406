//! A graph loaded into the engine with the dimensions of calibration samples.

use crate::catalog::Calibration;
use paring_agent::engine::{
    AnalysedModel, DimensionBindings, EngineError, InferencePlan, ModelSource,
};
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
) -> Result<InferencePlan, EngineError> {
    let bytes = graph.encode();
    let bindings = DimensionBindings { batch: samples.batch, dims: &samples.dims };
    AnalysedModel::load(ModelSource::Bytes(graph.name(), &bytes), bindings)?.optimise(options)
}

/// The same with `tensors` as its outputs.
///
/// # Errors
/// The engine's.
pub(crate) fn tensors_plan(
    graph: &Graph,
    tensors: &[String],
    samples: &Calibration,
    options: &EngineOptions,
) -> Result<InferencePlan, EngineError> {
    let bytes = graph.encode();
    let bindings = DimensionBindings { batch: samples.batch, dims: &samples.dims };
    let source = ModelSource::Bytes(graph.name(), &bytes);
    AnalysedModel::load_tensors(source, bindings, tensors)?.optimise(options)
}
