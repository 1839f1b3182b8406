//! The decision of each quantized layer.

use super::activation_ranges::CalibratedRange;
use super::affine::AffineQuantizer;
use super::int8::QuantizedLayers;
use super::quantizable_layers::QuantizableLayer;
use super::settings::{Int8Form, PostTrainingQuantization, QuantizationFormat};
use super::simulation::LearnedScales;
use super::weight_grid::WeightGrid;
use crate::catalog::Calibration;
use crate::{DecisionDraft, Paring};
use paring_core::schema::{LayerPrecision, PrecisionChange};
use paring_onnx::graph::{Graph, GraphIndex};
use std::collections::BTreeMap;

/// The graph, settings and scales that decisions are written from.
pub(super) struct DecisionWriter<'a> {
    pub(super) graph: &'a Graph,
    pub(super) how: &'a PostTrainingQuantization,
    pub(super) chosen: &'a BTreeMap<String, CalibratedRange>,
    pub(super) narrowing: &'a QuantizedLayers<'a>,
    pub(super) calibration: Option<&'a Calibration>,
    /// Scales that training found.
    pub(super) learned: Option<&'a LearnedScales>,
}

impl DecisionWriter<'_> {
    pub(super) fn draft(&self, layer: &QuantizableLayer) -> DecisionDraft {
        let node = &self.graph.nodes()[layer.position];
        let stored = node.input[1..].iter().chain(&layer.biased).filter(|name| !name.is_empty());
        let originals =
            stored.filter_map(|name| Some((name.clone(), self.graph.weights(name).ok()?)));
        let weights = match self.narrowing.grids.get(&layer.name) {
            Some(WeightGrid::Int8(grid)) => match grid.scales.as_slice() {
                [one] => format!("symmetric per tensor, scale {one:e}"),
                many => format!("symmetric per channel, {} scales", many.len()),
            },
            Some(WeightGrid::Int4(nibbles)) => {
                format!("in blocks of 32, {} scales", nibbles.scales.len())
            }
            None => "unknown".into(),
        };
        let learned = self.learned.is_some_and(|own| own.weights.contains_key(&layer.name));
        let weights = if learned { format!("{weights}, learned") } else { weights };
        let activations = match layer.scheme {
            LayerPrecision::Static(_) => self.activations(layer),
            LayerPrecision::Dynamic(_) => "; input quantized as it comes, output float".into(),
            _ => "; activations float".into(),
        };
        let to = match layer.scheme {
            LayerPrecision::Weights4 => "int4 weights",
            LayerPrecision::Weights8(_) => "int8 weights",
            LayerPrecision::Dynamic(_) => "int8 dynamic",
            _ => "int8",
        };
        let is_static = layer.scheme.is_static();
        let samples = self.calibration.filter(|_| is_static);
        let reason = match samples {
            Some(c) => format!("ranges from {} samples", c.samples()),
            None => "no samples needed".into(),
        };
        DecisionDraft {
            operation: format!("quantize {}", format_name(self.how.format)),
            coupling: layer.name.clone(),
            precision: Some(PrecisionChange {
                from: "f32".into(),
                to: to.into(),
                scheme: format!("weights {weights}{activations}"),
            }),
            criterion: is_static.then(|| self.how.ranges.name().into()),
            calibration_sha256: samples.map(|c| c.sha256.clone()),
            paring: Paring(originals.collect()),
            reason,
            ..DecisionDraft::default()
        }
    }

    fn activations(&self, layer: &QuantizableLayer) -> String {
        let format = |tensor: &String| {
            let (Some(affine), Some(chosen)) =
                (self.narrowing.affines.get(tensor), self.chosen.get(tensor))
            else {
                return "unknown".to_string();
            };
            let sqnr = chosen.sqnr_db.iter().find(|(rule, _)| *rule == chosen.rule);
            let sqnr = sqnr
                .map_or_else(String::new, |(rule, db)| format!(" ({}, {db:.1} dB)", rule.name()));
            let constant = match chosen.range.low == chosen.range.high {
                true => " (it never changes on the samples)",
                false => "",
            };
            let rule = AffineQuantizer::covering(chosen.range).scale;
            match self.learned.and_then(|own| own.activations.get(tensor)) {
                Some(scale) => {
                    let name = chosen.rule.name();
                    let from = format!("learned, {rule:e} by {name}{constant}");
                    format!("scale {scale:e} ({from}), zero point {}", affine.zero)
                }
                None => {
                    format!("scale {:e}, zero point {}{sqnr}{constant}", affine.scale, affine.zero)
                }
            }
        };
        let input = format(&layer.input);
        let integer = self.how.form == Int8Form::Operators
            && (layer.convolves() || self.narrowing.inner.contains(&layer.output));
        let output = if integer { format(&layer.output) } else { "float".into() };
        let folded = match layer.relu.is_some() && integer {
            true => "; Relu is the output's saturation",
            false => "",
        };
        let first = GraphIndex::new(self.graph).producer(&layer.input).is_none();
        let from = if first { " of the model's input" } else { "" };
        format!("; input{from} {input}; output {output}{folded}")
    }
}

fn format_name(format: QuantizationFormat) -> &'static str {
    match format {
        QuantizationFormat::Int8 => "int8",
        QuantizationFormat::Int8Dynamic => "int8-dynamic",
        QuantizationFormat::Int8Weights => "int8-weights",
        QuantizationFormat::Int4Weights => "int4-weights",
        QuantizationFormat::F16 => "f16",
    }
}
