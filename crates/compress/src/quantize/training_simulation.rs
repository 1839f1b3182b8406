//! A quantization as training sees it: activations through QuantizeLinear and DequantizeLinear with
//! fixed scales, weights on the grid that their values of the moment have.

use super::fake_quantize::quantized_activations;
use super::int8::QuantizedLayers;
use super::quantizable_layers::QuantizableLayer;
use super::weight_grid::{WeightGrid, transposed};
use paring_onnx::graph::Graph;
use std::collections::BTreeMap;

/// A float graph whose activations are rounded, and the rounding of its weights.
pub(crate) struct QuantizationSimulation {
    /// The graph; weights are in it as they were, in float.
    pub(crate) graph: Graph,
    /// Layers by the name of their weights.
    layers: BTreeMap<String, QuantizableLayer>,
}

impl QuantizationSimulation {
    /// The simulation of layers that are quantized so.
    pub(super) fn new(float: &Graph, narrowing: &QuantizedLayers) -> QuantizationSimulation {
        let by_weights = |layer: &QuantizableLayer| (layer.stored.clone(), layer.clone());
        QuantizationSimulation {
            graph: quantized_activations(float, narrowing),
            layers: narrowing.layers.iter().map(by_weights).collect(),
        }
    }

    /// Values of stored weights on the grid that the quantization would choose for them; `None` of
    /// tensors that stay in float.
    pub(crate) fn rounded(&self, tensor: &str, values: &[f32]) -> Option<Vec<f32>> {
        let layer = self.layers.get(tensor)?;
        let factor = layer.factors.0;
        let scaled: Vec<f32> = values.iter().map(|value| value * factor).collect();
        let current = match (layer.turned, layer.dims.as_slice()) {
            (true, [rows, width]) => transposed([*width, *rows], &scaled),
            _ => scaled,
        };
        let grid = WeightGrid::new(layer.scheme, &layer.dims, &current, layer.axis());
        let rounded = grid.rounded(&layer.dims, &current, layer.axis());
        let back = match (layer.turned, layer.dims.as_slice()) {
            (true, [rows, width]) => transposed([*rows, *width], &rounded),
            _ => rounded,
        };
        Some(back.into_iter().map(|value| value / factor).collect())
    }
}
