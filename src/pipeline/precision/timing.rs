//! Times of layers in every precision, each in its place, and of conversions between them.

use super::Bench;
use crate::compress::{CompressError, Scheme};
use crate::data::{Array, Dtype};
use crate::engine::{Model, Source};
use crate::graph::{self, Graph, Node, Size, Weights};
use crate::pipeline::attributed;
use crate::record::{EngineOptions, PrecisionTable};
use crate::stats;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long timing all precisions may take.
const TIMING: Duration = Duration::from_secs(20);
/// Numbers in tensors that conversions are timed on.
const SIZES: [usize; 4] = [256, 4_096, 65_536, 524_288];

impl Bench<'_> {
    /// Times of every layer in every precision: all layers that can have one have it at once, so that
    /// each is timed in its place; the models take turns.
    pub(super) fn layers(&self) -> Result<BTreeMap<String, BTreeMap<String, f64>>, CompressError> {
        let mut forms = Vec::new();
        for scheme in Scheme::ALL {
            let with = self.choices.iter().filter(|(_, all)| all.contains(&scheme));
            let layers: BTreeMap<String, Scheme> =
                with.map(|(layer, _)| (layer.clone(), scheme)).collect();
            if layers.is_empty() {
                continue;
            }
            let graph = match scheme {
                Scheme::F32 => self.graph.clone(),
                _ => self.narrow(&layers)?,
            };
            let plan = self.load(&graph)?;
            forms.push((scheme, layers, graph, plan, BTreeMap::<String, Vec<f64>>::new()));
        }
        let arrays = self.calibration.first();
        let begun = Instant::now();
        for round in 0..25 {
            if round >= 3 && begun.elapsed() > TIMING {
                break;
            }
            for (_, _, graph, plan, times) in &mut forms {
                let profile = plan.profile(&plan.inputs(&arrays)?, 3)?;
                for (from, node) in attributed(graph, &profile) {
                    let name = from.map_or_else(String::new, |p| graph.nodes()[p].name.clone());
                    // Several nodes of the engine belong to one of the file: their sum, run by run.
                    let each = times.entry(format!("{name}\0{}", node.node.name)).or_default();
                    each.extend(node.times_ns.iter().map(|t| t.as_f64()));
                }
            }
        }
        let mut found: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
        for (scheme, layers, graph, _, times) in &forms {
            let mut nodes: BTreeMap<&str, f64> = BTreeMap::new();
            for (name, times) in times {
                let own = name.split('\0').next().unwrap_or_default();
                *nodes.entry(own).or_default() += stats::median(times).unwrap_or(0.0);
            }
            for layer in layers.keys() {
                let total = self.own(graph, layer).into_iter();
                let total: f64 = total.filter_map(|name| nodes.get(name.as_str())).sum();
                found.entry(layer.clone()).or_default().insert(scheme.name().into(), total);
            }
        }
        Ok(found)
    }

    /// Names of the nodes that a layer is made of in a narrow graph: itself, what was written beside
    /// it, a Relu behind it, and what quantizes its input as it comes.
    fn own(&self, narrow: &Graph, layer: &str) -> Vec<String> {
        let nodes = self.graph.nodes().iter().enumerate();
        let multiplies = |op: &str| op.contains("Conv") || op == "Gemm" || op == "MatMul";
        let mut found = nodes
            .filter(|(p, node)| multiplies(&node.op_type) && graph::layer_name(node, *p) == layer);
        let Some((_, node)) = found.next() else { return Vec::new() };
        let relu =
            self.graph.nodes().iter().filter(|other| {
                other.op_type == "Relu" && other.input.first() == node.output.first()
            });
        let base = node.name.clone();
        let mut names: Vec<String> = relu.map(|relu| relu.name.clone()).collect();
        let beside = ["", "/bias", "/cast", "/scale", "/factor", "/weights"];
        names.extend(beside.iter().map(|end| format!("{base}{end}")));
        names.push(format!("{}/DynamicQuantizeLinear", node.input[0]));
        let there = |name: &String| narrow.nodes().iter().any(|n| n.name == *name);
        names.retain(there);
        names
    }

    /// Times of conversions of tensors of several sizes.
    pub(super) fn conversions(&self, table: &mut PrecisionTable) -> Result<(), CompressError> {
        for elements in SIZES {
            let graph = conversion(elements);
            let bytes = graph.encode();
            let model = Model::load_fixed(Source::Bytes("conversions", &bytes))?;
            let plan = model.optimise(&EngineOptions::default())?;
            let values: Vec<f32> = (0..elements).map(|i| (i % 251) as f32 / 100.0 - 1.25).collect();
            let array = Array::F32(
                ndarray::ArrayD::from_shape_vec(ndarray::IxDyn(&[1, elements]), values)
                    .unwrap_or_default(),
            );
            let inputs = plan.inputs(&BTreeMap::from([("x".to_string(), array)]))?;
            let profile = plan.profile(&inputs, 51)?;
            let (mut narrow, mut wide) = (0.0, 0.0);
            for node in &profile.nodes {
                let time = node.median_ns();
                match node.node.name.starts_with("narrow") {
                    true => narrow += time,
                    false => wide += time,
                }
            }
            table.quantize_ns.push((elements as u64, narrow));
            table.dequantize_ns.push((elements as u64, wide));
        }
        Ok(())
    }
}

/// Float to int8 and back, on so many numbers.
fn conversion(elements: usize) -> Graph {
    let mut graph = Graph::empty("conversions", 13);
    graph.add_input("x", Dtype::F32, &[Size::Fixed(1), Size::Fixed(elements)]);
    graph.set_weights("scale", Weights::f32(&[], &[0.01]));
    graph.set_weights("zero", Weights::i8(&[], &[3]));
    let node = |op: &str, name: &str, input: &str, output: &str| Node {
        op_type: op.into(),
        name: name.into(),
        input: [input, "scale", "zero"].map(str::to_string).to_vec(),
        output: vec![output.into()],
        ..Node::default()
    };
    graph.add_node(node("QuantizeLinear", "narrow", "x", "q"));
    graph.add_node(node("DequantizeLinear", "wide", "q", "y"));
    graph.add_output("y");
    graph
}
