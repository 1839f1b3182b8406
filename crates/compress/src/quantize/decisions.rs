//! The decision of each quantized layer.

use super::activation_ranges::Chosen;
use super::int8::Narrowing;
use super::quantizable_layers::Layer;
use super::settings::{Form, Format, Quantization};
use super::weight_grid::OnGrid;
use crate::catalog::Calibration;
use crate::{Draft, Paring};
use paring_core::schema::{LayerPrecision, PrecisionChange};
use paring_onnx::graph::{Graph, Index};
use std::collections::BTreeMap;

/// The graph, settings and scales that decisions are written from.
pub(super) struct Record<'a> {
    pub(super) graph: &'a Graph,
    pub(super) how: &'a Quantization,
    pub(super) chosen: &'a BTreeMap<String, Chosen>,
    pub(super) narrowing: &'a Narrowing<'a>,
    pub(super) calibration: Option<&'a Calibration>,
}

impl Record<'_> {
    pub(super) fn draft(&self, layer: &Layer) -> Draft {
        let node = &self.graph.nodes()[layer.position];
        let stored = node.input[1..].iter().chain(&layer.biased).filter(|name| !name.is_empty());
        let originals =
            stored.filter_map(|name| Some((name.clone(), self.graph.weights(name).ok()?)));
        let weights = match self.narrowing.grids.get(&layer.name) {
            Some(OnGrid::Bytes(grid)) => match grid.scales.as_slice() {
                [one] => format!("symmetric per tensor, scale {one:e}"),
                many => format!("symmetric per channel, {} scales", many.len()),
            },
            Some(OnGrid::Nibbles(nibbles)) => {
                format!("in blocks of 32, {} scales", nibbles.scales.len())
            }
            None => "unknown".into(),
        };
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
        Draft {
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
            ..Draft::default()
        }
    }

    fn activations(&self, layer: &Layer) -> String {
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
            format!("scale {:e}, zero point {}{sqnr}{constant}", affine.scale, affine.zero)
        };
        let input = format(&layer.input);
        let integer = self.how.form == Form::Operators
            && (layer.convolves() || self.narrowing.inner.contains(&layer.output));
        let output = if integer { format(&layer.output) } else { "float".into() };
        let folded = match layer.relu.is_some() && integer {
            true => "; Relu is the output's saturation",
            false => "",
        };
        let first = Index::new(self.graph).producer(&layer.input).is_none();
        let from = if first { " of the model's input" } else { "" };
        format!("; input{from} {input}; output {output}{folded}")
    }
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::Int8 => "int8",
        Format::Int8Dynamic => "int8-dynamic",
        Format::Int8Weights => "int8-weights",
        Format::Int4Weights => "int4-weights",
        Format::F16 => "f16",
    }
}
