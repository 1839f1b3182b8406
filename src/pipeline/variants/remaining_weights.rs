//! Contents of a finished variant: shares of its precisions, and the baseline's remaining indices and
//! weights.

use ndarray::Array1;
use paring_agent::arrays::{Array, Dtype, write_tensors};
use paring_core::schema::{EngineOptions, OriginalIndices};
use paring_onnx::graph::{Graph, GraphError, TensorFacts};
use std::collections::{BTreeMap, BTreeSet};

/// Share of multiply-adds in each precision, as the engine computes them.
pub(in crate::pipeline) fn precision_shares(
    graph: &Graph,
    facts: &TensorFacts,
    options: &EngineOptions,
) -> BTreeMap<String, f64> {
    let mut mix: BTreeMap<String, f64> = BTreeMap::new();
    for cost in graph.node_costs(&facts.shapes).into_iter().flatten() {
        let halved = cost.precision == "f32" && options.halves(&graph.nodes()[cost.position].name);
        let precision = if halved { "f16" } else { cost.precision };
        *mix.entry(precision.to_string()).or_default() += cost.macs as f64;
    }
    let sum: f64 = mix.values().sum();
    mix.values_mut().for_each(|macs| *macs /= sum.max(1.0));
    mix
}

/// Remainder of the baseline, for other tools to do the same: `initializer@axis` are the original
/// indices that remain, `initializer@mask` is 0 where a weight of what remains is zero. `None` where
/// everything is left.
pub(in crate::pipeline) fn remaining_weights(
    graph: &Graph,
    origins: &OriginalIndices,
    sparse: &BTreeSet<String>,
) -> Result<Option<Vec<u8>>, GraphError> {
    let mut arrays: BTreeMap<String, Array> = BTreeMap::new();
    for (initializer, axis, indices) in origins.axes() {
        let indices: Vec<i64> = indices.iter().map(|i| *i as i64).collect();
        arrays.insert(format!("{initializer}@{axis}"), Array1::from(indices).into_dyn().into());
    }
    for initializer in sparse {
        // A later step may have taken the whole layer, or made other numbers of it.
        let Ok(weights) = graph.weights(initializer) else { continue };
        let Some(values) = weights.to_f32() else { continue };
        let bytes: Vec<u8> = values.iter().map(|v| u8::from(*v != 0.0)).collect();
        let mask = Array::from_bytes(Dtype::U8, &weights.dims, &bytes);
        arrays.extend(mask.map(|mask| (format!("{initializer}@mask"), mask)));
    }
    if arrays.is_empty() {
        return Ok(None);
    }
    write_tensors(&arrays).map(Some).map_err(|e| GraphError::Tensor {
        tensor: arrays.keys().next().cloned().unwrap_or_default(),
        problem: e.to_string(),
    })
}
