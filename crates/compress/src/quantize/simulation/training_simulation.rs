//! A quantization as training sees it: weights through fake quantizers, activations through
//! QuantizeLinear and DequantizeLinear, the scales of both learned.

use super::fake_quantize::quantized_activations;
use super::learned_scales::LearnedScales;
use super::weight_quantizer::WeightQuantizer;
use crate::quantize::int8::QuantizedLayers;
use crate::quantize::quantizable_layers::QuantizableLayer;
use paring_onnx::graph::{FreshNames, Graph, Weights};
use std::collections::BTreeMap;

/// A float graph whose activations are rounded, and the fake quantizers of its weights.
pub(crate) struct QuantizationSimulation {
    /// The graph; weights are in it as they were, in float.
    pub(crate) graph: Graph,
    /// Fake quantizers by the name of stored weights.
    quantizers: BTreeMap<String, WeightQuantizer>,
    /// Layers and the names of their stored weights.
    layers: Vec<(String, String)>,
    /// Scales of activations.
    pub(crate) activations: Vec<ActivationScale>,
}

/// The scale that the tensors on one way of integers share.
#[derive(Clone, Debug)]
pub(crate) struct ActivationScale {
    /// The initializer of one number that multiplies it; 1 at the start.
    pub(crate) ratio: String,
    /// The scale at the start.
    pub(crate) scale: f32,
    /// The tensors.
    pub(crate) tensors: Vec<String>,
}

impl QuantizationSimulation {
    /// The simulation of layers that are quantized so; `shared` names for each tensor on a way of
    /// integers the one whose scale it has.
    pub(in crate::quantize) fn new(
        float: &Graph,
        narrowing: &QuantizedLayers,
        shared: &BTreeMap<String, String>,
    ) -> QuantizationSimulation {
        let mut float = float.clone();
        let mut names = FreshNames::new(&float);
        let mut activations: BTreeMap<&String, ActivationScale> = BTreeMap::new();
        for (tensor, affine) in narrowing.affines {
            let root = shared.get(tensor).unwrap_or(tensor);
            let own = activations.entry(root).or_insert_with(|| ActivationScale {
                ratio: names.unique(&format!("{root}/scale_ratio")),
                scale: affine.scale,
                tensors: Vec::new(),
            });
            own.tensors.push(tensor.clone());
        }
        let mut activations: Vec<ActivationScale> = activations.into_values().collect();
        let mut ratios = BTreeMap::new();
        for own in &activations {
            float.set_weights(&own.ratio, Weights::f32(&[1], &[1.0]));
            let each = own.tensors.iter().map(|tensor| (tensor.clone(), own.ratio.clone()));
            ratios.extend(each);
        }
        let graph = quantized_activations(&float, narrowing, &ratios);
        // Where no node rounds a tensor, its scale changes nothing.
        activations.retain(|own| graph.initializer_names().contains(own.ratio.as_str()));
        let mut quantizers = BTreeMap::new();
        for layer in narrowing.layers {
            let own = || WeightQuantizer::new(layer);
            quantizers.entry(layer.stored.clone()).or_insert_with(own);
        }
        let pair = |layer: &QuantizableLayer| (layer.name.clone(), layer.stored.clone());
        let layers = narrowing.layers.iter().map(pair).collect();
        QuantizationSimulation { graph, quantizers, layers, activations }
    }

    /// The fake quantizer of stored weights; `None` of tensors that stay in float.
    pub(crate) fn quantizer(&self, tensor: &str) -> Option<&WeightQuantizer> {
        self.quantizers.get(tensor)
    }

    /// Scales by layer and tensor, from those of stored weights and the ratios of
    /// [`QuantizationSimulation::activations`], by name.
    pub(crate) fn learned_scales(
        &self,
        weights: &BTreeMap<String, Vec<f32>>,
        ratios: &BTreeMap<String, f32>,
    ) -> LearnedScales {
        let of_layer = |(layer, stored): &(String, String)| {
            Some((layer.clone(), weights.get(stored)?.clone()))
        };
        let mut learned = LearnedScales {
            weights: self.layers.iter().filter_map(of_layer).collect(),
            activations: BTreeMap::new(),
        };
        for own in &self.activations {
            let Some(ratio) = ratios.get(&own.ratio) else { continue };
            let scale = own.scale * ratio;
            learned.activations.extend(own.tensors.iter().map(|tensor| (tensor.clone(), scale)));
        }
        learned
    }
}
