//! Times of layers in every precision, each in its place, and of conversions between them.

use super::measured_precision::PrecisionTrial;
use crate::pipeline::measurement::{TrialFailure, TrialMachine};
use ndarray::{ArrayD, IxDyn};
use paring_agent::arrays::Array;
use paring_compress::catalog::Calibration;
use paring_compress::{self, CompressError, LayerPrecision};
use paring_core::schema::{PrecisionTable, Sha256Hex};
use paring_onnx::graph::{self, Graph, Node};
use std::collections::BTreeMap;
use std::time::Duration;

/// Time that timing all precisions may take.
const TIMING: Duration = Duration::from_secs(20);
/// Turns that they take at most.
const TURNS: usize = 19;
/// Numbers in tensors that conversions are timed on.
const SIZES: [usize; 4] = [256, 4_096, 65_536, 524_288];

/// The model with one precision in all layers that can have it.
struct PrecisionForm {
    scheme: LayerPrecision,
    layers: BTreeMap<String, LayerPrecision>,
    graph: Graph,
}

impl PrecisionTrial<'_> {
    /// Bytes of the file with each layer alone in each of its precisions.
    pub(super) fn sizes(
        &self,
    ) -> Result<BTreeMap<String, BTreeMap<LayerPrecision, f64>>, CompressError> {
        let size = |layer: &String, scheme: &LayerPrecision| {
            let own = BTreeMap::from([(layer.clone(), *scheme)]);
            let graph = match scheme {
                LayerPrecision::F32 => self.graph.clone(),
                _ => self.narrow(&own)?,
            };
            Ok((*scheme, graph.encode().len() as f64))
        };
        let each = |(layer, schemes): (&String, &Vec<LayerPrecision>)| {
            let sizes = schemes.iter().map(|scheme| size(layer, scheme));
            Ok((layer.clone(), sizes.collect::<Result<_, CompressError>>()?))
        };
        self.choices.iter().map(each).collect()
    }

    /// The model once in every precision, in all layers that can have it.
    fn forms(&self) -> Result<Vec<PrecisionForm>, CompressError> {
        let mut forms = Vec::new();
        for scheme in LayerPrecision::ALL {
            let with = self.choices.iter().filter(|(_, all)| all.contains(&scheme));
            let layers: BTreeMap<String, LayerPrecision> =
                with.map(|(layer, _)| (layer.clone(), scheme)).collect();
            if layers.is_empty() {
                continue;
            }
            let graph = match scheme {
                LayerPrecision::F32 => self.graph.clone(),
                _ => self.narrow(&layers)?,
            };
            forms.push(PrecisionForm { scheme, layers, graph });
        }
        Ok(forms)
    }

    /// Power above idle with all layers in each precision, in milliwatts; a window each.
    pub(super) fn powers(
        &self,
        key: &Sha256Hex,
        machine: &mut TrialMachine,
    ) -> Result<BTreeMap<LayerPrecision, f64>, TrialFailure> {
        let forms = self.forms()?;
        let encode = |form: &PrecisionForm| (form.graph.encode(), self.options.clone());
        let encoded: Vec<_> = forms.iter().map(encode).collect();
        let found = self.energies((key, "precisions"), &encoded, Some(1), machine)?;
        let above = forms.iter().zip(&found);
        Ok(above.map(|(f, e)| (f.scheme, e.power.0 - e.idle.0)).collect())
    }

    /// Times of every layer in every precision: all layers that can have one have it at once, so that
    /// each is timed in its place; the models take turns.
    pub(super) fn layers(
        &self,
        machine: &mut TrialMachine,
    ) -> Result<BTreeMap<String, BTreeMap<LayerPrecision, f64>>, TrialFailure> {
        let forms = self.forms()?;
        let graphs: Vec<&Graph> = forms.iter().map(|form| &form.graph).collect();
        let often = (TURNS, TIMING);
        let profiles = machine.profiles(&graphs, &self.options, self.calibration, often)?;
        let mut found: BTreeMap<String, BTreeMap<LayerPrecision, f64>> = BTreeMap::new();
        for (PrecisionForm { scheme, layers, graph }, profile) in forms.iter().zip(&profiles) {
            let mut nodes: BTreeMap<&str, f64> = BTreeMap::new();
            let named = profile.iter().map(|run| (run.name.as_str(), run.multiplies()));
            // Several nodes of the engine belong to one of the file.
            for (run, from) in profile.iter().zip(graph::origins(graph, named)) {
                let name = from.map_or("", |p| graph.nodes()[p].name.as_str());
                *nodes.entry(name).or_default() += run.time_ns;
            }
            for layer in layers.keys() {
                let total = self.own(graph, layer).into_iter();
                let total: f64 = total.filter_map(|name| nodes.get(name.as_str())).sum();
                found.entry(layer.clone()).or_default().insert(*scheme, total);
            }
        }
        Ok(found)
    }

    /// Names of the nodes that a layer is made of in a narrow graph: itself, what was written beside
    /// it, a Relu behind it, and what quantizes its input as it comes.
    fn own(&self, narrow: &Graph, layer: &str) -> Vec<String> {
        let nodes = self.graph.nodes().iter().zip(graph::layer_names(&self.graph));
        let multiplies = |op: &str| op.contains("Conv") || op == "Gemm" || op == "MatMul";
        let mut found = nodes.filter(|(node, name)| multiplies(&node.op_type) && name == layer);
        let Some((node, _)) = found.next() else { return Vec::new() };
        let stored = |name: &String| self.graph.dims(name).is_some();
        let behind = |node: &Node| -> Vec<&Node> {
            let all = self.graph.nodes().iter().filter(|other| {
                let reads = node.output.iter().any(|output| other.input.contains(output));
                let biases = other.op_type == "Add" && other.input.iter().any(stored);
                reads && (other.op_type == "Relu" || biases)
            });
            all.collect()
        };
        let next = behind(node);
        let biases = next.iter().filter(|other| other.op_type == "Add");
        let after: Vec<&Node> = biases.flat_map(|add| behind(add)).collect();
        let base = node.name.clone();
        let mut names: Vec<String> = next.iter().chain(&after).map(|n| n.name.clone()).collect();
        let beside = [
            "", "/pad", "/bias", "/cast", "/scale", "/factor", "/shift", "/high", "/low",
            "/narrow", "/zero", "/below", "/moved", "/whole", "/weights",
        ];
        names.extend(beside.iter().map(|end| format!("{base}{end}")));
        let dynamic = |other: &&Node| other.name.ends_with("/DynamicQuantizeLinear");
        let (whole, padded) = (format!("{}/", node.input[0]), format!("{}.padded.", node.input[0]));
        let own_input = |name: &str| name.starts_with(&whole) || name.starts_with(&padded);
        let quantizes = narrow.nodes().iter().filter(dynamic).map(|other| other.name.clone());
        names.extend(quantizes.filter(|name| own_input(name)));
        let there = |name: &String| narrow.nodes().iter().any(|n| n.name == *name);
        names.retain(there);
        names
    }

    /// Times of conversions of tensors of several sizes.
    pub(super) fn conversions(
        &self,
        table: &mut PrecisionTable,
        machine: &mut TrialMachine,
    ) -> Result<(), TrialFailure> {
        for elements in SIZES {
            let graph = paring_compress::conversion_graph(elements);
            let values: Vec<f32> = (0..elements).map(|i| (i % 251) as f32 / 100.0 - 1.25).collect();
            let array = ArrayD::from_shape_vec(IxDyn(&[1, elements]), values).unwrap_or_default();
            let calibration = Calibration {
                inputs: BTreeMap::from([("x".to_string(), Array::F32(array))]),
                labels: Vec::new(),
                rule: None,
                batch: 1,
                dims: BTreeMap::new(),
                sha256: Sha256Hex::of(b"conversions"),
            };
            let options = &self.options;
            let often = (TURNS, TIMING);
            let profile = machine.profiles(&[&graph], options, &calibration, often)?;
            let (mut narrow, mut wide) = (0.0, 0.0);
            for node in profile.iter().flatten() {
                match node.name.starts_with("narrow") {
                    true => narrow += node.time_ns,
                    false => wide += node.time_ns,
                }
            }
            table.quantize_ns.push((elements as u64, narrow));
            table.dequantize_ns.push((elements as u64, wide));
        }
        Ok(())
    }
}
