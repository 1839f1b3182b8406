//! Scales that training found, handed on to the quantization behind it as a property of the model.

use crate::quantize::affine::AffineQuantizer;
use crate::quantize::quantizable_layers::QuantizableLayer;
use crate::quantize::weight_grid::WeightGrid;
use paring_onnx::graph::Graph;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The property's key.
const PROPERTY: &str = "paring.learned_scales";

/// Scales of weights by layer and of activations by tensor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct LearnedScales {
    /// In the order of the layer's grid.
    pub(crate) weights: BTreeMap<String, Vec<f32>>,
    pub(crate) activations: BTreeMap<String, f32>,
}

impl LearnedScales {
    /// Writes the scales into a graph.
    pub(crate) fn write(&self, graph: &mut Graph) {
        // Maps of strings to numbers always have a text.
        if let Ok(text) = serde_json::to_string(self) {
            graph.set_property(PROPERTY, text);
        }
    }

    /// Takes the scales out of a graph; `None` where none were learned.
    pub(in crate::quantize) fn take(graph: &mut Graph) -> Option<LearnedScales> {
        let text = graph.take_property(PROPERTY)?;
        serde_json::from_str(&text).ok()
    }

    /// Grids of layers with their learned scales; a layer whose grid has another number of scales keeps
    /// its own.
    pub(in crate::quantize) fn replace_grids(
        &self,
        layers: &[QuantizableLayer],
        grids: &mut BTreeMap<String, WeightGrid>,
    ) {
        for layer in layers {
            let Some(learned) = self.weights.get(&layer.name) else { continue };
            if let Some(grid) = grids.get_mut(&layer.name) {
                grid.replace_scales(learned);
            }
        }
    }

    /// Quantizers of activations with their learned scales; zero points stay.
    pub(in crate::quantize) fn replace_affines(
        &self,
        affines: &mut BTreeMap<String, AffineQuantizer>,
    ) {
        for (tensor, affine) in affines {
            if let Some(scale) = self.activations.get(tensor) {
                affine.scale = *scale;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_go_through_a_graph_unchanged_and_are_gone_then() {
        let scales: Vec<f32> = (1..2000).map(|i| (i as f32 * 0.37).sin() * 1e-3).collect();
        let learned = LearnedScales {
            weights: BTreeMap::from([("layer".to_string(), scales)]),
            activations: BTreeMap::from([("x".to_string(), 0.1f32), ("y".to_string(), 1.0e-12)]),
        };
        let mut graph = Graph::empty("learned", 17);
        let bare = graph.encode();
        learned.write(&mut graph);
        learned.write(&mut graph);
        assert_ne!(graph.encode(), bare);
        assert_eq!(LearnedScales::take(&mut graph), Some(learned));
        assert_eq!(graph.encode(), bare);
        assert_eq!(LearnedScales::take(&mut graph), None);
    }
}
