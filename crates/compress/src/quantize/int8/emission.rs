//! Writing narrow layers into a graph: which tensors exist in int8, which in float, and the
//! conversions between them, each made once.

use super::conversions::{self, quantizing_nodes};
use crate::CompressError;
use crate::quantize::affine::AffineQuantizer;
use crate::quantize::quantizable_layers::QuantizableLayer;
use crate::quantize::settings::Int8Form;
use crate::quantize::weight_grid::WeightGrid;
use paring_agent::engine::onnx;
use paring_core::schema::LayerPrecision;
use paring_onnx::graph::{FreshNames, Graph, GraphIndex, Node, Weights};
use std::collections::{BTreeMap, BTreeSet};

/// Operators that only move or compare numbers, so that int8 goes through them as it is.
const MOVES: [&str; 7] =
    ["MaxPool", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Concat"];

/// The layers of a graph with everything that writing them takes.
pub(in crate::quantize) struct QuantizedLayers<'a> {
    pub(in crate::quantize) layers: &'a [QuantizableLayer],
    pub(in crate::quantize) affines: &'a BTreeMap<String, AffineQuantizer>,
    pub(in crate::quantize) grids: &'a BTreeMap<String, WeightGrid>,
    pub(in crate::quantize) form: Int8Form,
    /// Positions of nodes that int8 goes through.
    pub(in crate::quantize) moves: BTreeSet<usize>,
    /// Tensors that static layers give and nothing but static layers reads.
    pub(in crate::quantize) inner: BTreeSet<String>,
}

/// Tensors that static layers give and nothing but static layers reads.
pub(in crate::quantize) fn int8_only_tensors(
    graph: &Graph,
    layers: &[QuantizableLayer],
) -> BTreeSet<String> {
    let index = GraphIndex::new(graph);
    let outputs = graph.outputs();
    let statics = || layers.iter().filter(|layer| layer.scheme.is_static());
    let alone = |tensor: &str| {
        let by = |p: usize| statics().any(|l| l.position == p && l.input == tensor);
        let readers = index.consumers(tensor);
        let layers = readers.iter().all(|(p, slot)| *slot != GraphIndex::BODY && by(*p));
        !outputs.contains(&tensor) && !readers.is_empty() && layers
    };
    statics().map(|layer| &layer.output).filter(|tensor| alone(tensor)).cloned().collect()
}

impl QuantizedLayers<'_> {
    /// True of a tensor that a static layer, or a node that int8 goes through, reads.
    pub(in crate::quantize) fn reads(&self, graph: &Graph, tensor: &str) -> bool {
        let moved = |p: &usize| graph.nodes()[*p].input.iter().any(|input| input == tensor);
        self.layers.iter().any(|layer| layer.scheme.is_static() && layer.input == tensor)
            || self.moves.iter().any(moved)
    }
}

/// Nodes that int8 goes through from a static layer to a static layer, and for every tensor on such
/// a way the first of those that must share one scale with it.
pub(in crate::quantize) fn int8_paths(
    graph: &Graph,
    layers: &[QuantizableLayer],
) -> (BTreeSet<usize>, BTreeMap<String, String>) {
    let index = GraphIndex::new(graph);
    let statics = || layers.iter().filter(|l| l.scheme.is_static());
    let mut narrow: BTreeSet<&str> =
        statics().filter(|l| l.convolves()).map(|l| l.output.as_str()).collect();
    let moves = |node: &Node| {
        MOVES.contains(&node.op_type.as_str())
            && (node.op_type != "MaxPool" || graph.opset() >= 12)
            && node.output.len() == 1
    };
    let data = |node: &Node| match node.op_type.as_str() {
        "Concat" => node.input.clone(),
        _ => node.input[..1].to_vec(),
    };
    let mut can = Vec::new();
    for (position, node) in graph.nodes().iter().enumerate().filter(|(_, node)| moves(node)) {
        if data(node).iter().all(|input| narrow.contains(input.as_str())) {
            narrow.insert(&node.output[0]);
            can.push(position);
        }
    }
    let reads: BTreeSet<&str> = statics().map(|l| l.input.as_str()).collect();
    let mut wanted = BTreeSet::new();
    for position in can.into_iter().rev() {
        let output = graph.nodes()[position].output[0].as_str();
        let onward = index.consumers(output).iter().any(|(reader, _)| wanted.contains(reader));
        if reads.contains(output) || onward {
            wanted.insert(position);
        }
    }
    let mut shared: BTreeMap<String, String> = BTreeMap::new();
    for position in &wanted {
        let node = &graph.nodes()[*position];
        let inputs = data(node);
        let first = |t: &String, shared: &BTreeMap<String, String>| {
            shared.get(t).cloned().unwrap_or_else(|| t.clone())
        };
        let root = first(&inputs[0], &shared);
        for tensor in inputs.iter().chain([&node.output[0]]) {
            let old = first(tensor, &shared);
            shared.values_mut().filter(|r| **r == old).for_each(|r| r.clone_from(&root));
            shared.insert(tensor.clone(), root.clone());
        }
    }
    (wanted, shared)
}

/// Replaces the layers' nodes. Tensors stay in int8 between two static layers and become float where
/// anything else reads them.
pub(in crate::quantize) fn write_quantized_layers(
    graph: &mut Graph,
    narrowing: &QuantizedLayers,
) -> Result<(), CompressError> {
    let by_position: BTreeMap<usize, &QuantizableLayer> =
        narrowing.layers.iter().map(|l| (l.position, l)).collect();
    let folded: BTreeSet<usize> = match narrowing.form {
        Int8Form::Operators => {
            narrowing.layers.iter().flat_map(|l| [l.relu, l.added]).flatten().collect()
        }
        Int8Form::Qdq => BTreeSet::new(),
    };
    let old = graph.nodes().to_vec();
    let outputs: Vec<String> = graph.outputs().into_iter().map(str::to_string).collect();
    let mut writer = Int8Writer::new(graph, narrowing);
    for (position, node) in old.iter().enumerate() {
        match by_position.get(&position) {
            _ if folded.contains(&position) => {}
            Some(layer) => writer.layer(node, layer)?,
            None if narrowing.moves.contains(&position)
                && narrowing.form == Int8Form::Operators =>
            {
                writer.moved(node)?;
            }
            None => {
                node.input.iter().for_each(|tensor| writer.need_float(tensor));
                onnx::captured(node).into_iter().for_each(|tensor| writer.need_float(tensor));
                writer.nodes.push(node.clone());
            }
        }
    }
    outputs.iter().for_each(|tensor| writer.need_float(tensor));
    let nodes = writer.nodes;
    graph.set_nodes(nodes);
    graph.tidy();
    Ok(())
}

pub(in crate::quantize) struct Int8Writer<'a> {
    pub(in crate::quantize) graph: &'a mut Graph,
    pub(in crate::quantize) narrowing: &'a QuantizedLayers<'a>,
    pub(in crate::quantize) names: FreshNames,
    pub(in crate::quantize) nodes: Vec<Node>,
    /// Tensors that exist in int8, as `name.q`.
    pub(in crate::quantize) narrow: BTreeSet<String>,
    /// Those of them that do not exist in float.
    pub(in crate::quantize) only_narrow: BTreeSet<String>,
    /// Tensors that were quantized as they came, as `name.u8`.
    pub(in crate::quantize) dynamic: BTreeSet<String>,
    /// Names of tensors with their padding written out.
    pub(in crate::quantize) padded: BTreeSet<String>,
    /// Tensors that went through int8 and back, as `name.dq`.
    pub(in crate::quantize) paired: BTreeSet<String>,
}

impl<'a> Int8Writer<'a> {
    fn new(graph: &'a mut Graph, narrowing: &'a QuantizedLayers<'a>) -> Self {
        Int8Writer {
            names: FreshNames::new(graph),
            graph,
            narrowing,
            nodes: Vec::new(),
            narrow: BTreeSet::new(),
            only_narrow: BTreeSet::new(),
            dynamic: BTreeSet::new(),
            padded: BTreeSet::new(),
            paired: BTreeSet::new(),
        }
    }

    fn layer(&mut self, node: &Node, layer: &QuantizableLayer) -> Result<(), CompressError> {
        match layer.scheme {
            LayerPrecision::F32 => self.nodes.push(node.clone()),
            LayerPrecision::Static(_) if self.narrowing.form == Int8Form::Qdq => {
                self.pairs(node, layer)?
            }
            LayerPrecision::Static(_) if layer.convolves() => self.convolution(node, layer)?,
            LayerPrecision::Static(_) => self.product(node, layer)?,
            LayerPrecision::Dynamic(_) => self.dynamically(node, layer)?,
            LayerPrecision::Weights8(_) => self.stored_bytes(node, layer)?,
            LayerPrecision::Weights4 => self.stored_nibbles(node, layer)?,
        }
        Ok(())
    }

    pub(in crate::quantize) fn node(
        &mut self,
        op: &str,
        name: String,
        inputs: &[&str],
        output: &str,
    ) {
        self.nodes.push(conversions::node(op, name, inputs, output));
    }

    /// The name of a part of a tensor or node.
    pub(in crate::quantize) fn name(&mut self, base: &str, part: &str) -> String {
        self.names.get(base, part)
    }

    /// Stores a part of a tensor; gives its name.
    pub(in crate::quantize) fn constant(
        &mut self,
        base: &str,
        part: &str,
        weights: Weights,
    ) -> String {
        let name = self.name(base, part);
        self.graph.set_weights(&name, weights);
        name
    }

    /// Stores a constant that all layers share; gives its name.
    pub(in crate::quantize) fn shared(&mut self, wanted: &str, weights: Weights) -> String {
        conversions::shared(self.graph, &mut self.names, wanted, weights)
    }

    /// Scale and zero point of a tensor as initializers, and their values.
    pub(in crate::quantize) fn affine(
        &mut self,
        tensor: &str,
    ) -> Result<(String, String, AffineQuantizer), CompressError> {
        let affine = *self
            .narrowing
            .affines
            .get(tensor)
            .ok_or_else(|| CompressError::Nothing("calibrate", format!("tensor `{tensor}`")))?;
        let scale = self.constant(tensor, ".scale", Weights::f32(&[], &[affine.scale]));
        let zero = match self.narrowing.form {
            Int8Form::Operators => Weights::u8(&[], &[affine.byte()]),
            Int8Form::Qdq => Weights::i8(&[], &[affine.zero]),
        };
        let zero = self.constant(tensor, ".zero", zero);
        Ok((scale, zero, affine))
    }

    /// The integers of a layer's weights, their scales and zero points as initializers; and the
    /// scales' values.
    pub(in crate::quantize) fn bytes(
        &mut self,
        layer: &QuantizableLayer,
    ) -> Result<(String, String, String, Vec<f32>), CompressError> {
        let Some(WeightGrid::Int8(grid)) = self.narrowing.grids.get(&layer.name) else {
            return Err(CompressError::Nothing("quantize", format!("layer `{}`", layer.name)));
        };
        let base = &layer.output;
        let codes = Weights::i8(&layer.dims, &grid.codes(&layer.dims, &layer.values));
        let scales = grid.scales.clone();
        let dims: &[usize] = if scales.len() == 1 { &[] } else { &[scales.len()] };
        let w = self.constant(base, ".weight.q", codes);
        let scale = self.constant(base, ".weight.scale", Weights::f32(dims, &scales));
        let zeros = vec![0; scales.len()];
        let zero = self.constant(base, ".weight.zero", Weights::i8(dims, &zeros));
        Ok((w, scale, zero, scales))
    }

    /// Makes sure that a tensor exists in int8, and gives that one's name.
    pub(in crate::quantize) fn need_narrow(
        &mut self,
        tensor: &str,
    ) -> Result<String, CompressError> {
        let narrow = self.name(tensor, ".q");
        if self.narrow.insert(tensor.to_string()) {
            let (scale, zero, affine) = self.affine(tensor)?;
            let base = self.name(tensor, "/QuantizeLinear");
            match self.narrowing.form {
                Int8Form::Operators => {
                    let inverse = Weights::f32(&[], &[1.0 / affine.scale]);
                    let inverse = self.constant(tensor, ".inverse", inverse);
                    let names = (tensor, inverse.as_str(), narrow.as_str());
                    let graph = (&mut *self.graph, &mut self.names);
                    let chain = quantizing_nodes(graph, names, (affine, false), &base);
                    self.nodes.extend(chain);
                }
                Int8Form::Qdq => {
                    self.node("QuantizeLinear", base, &[tensor, &scale, &zero], &narrow)
                }
            }
        }
        Ok(narrow)
    }

    /// Makes sure that a tensor exists in float under its own name.
    pub(in crate::quantize) fn need_float(&mut self, tensor: &str) {
        if self.only_narrow.remove(tensor) {
            let [narrow, scale, zero] =
                [".q", ".scale", ".zero"].map(|part| self.name(tensor, part));
            let name = self.name(tensor, "/DequantizeLinear");
            self.node("DequantizeLinear", name, &[&narrow, &scale, &zero], tensor);
        }
    }

    /// A node that int8 goes through: the same on the narrow tensors.
    fn moved(&mut self, node: &Node) -> Result<(), CompressError> {
        let mut node = node.clone();
        let data = if node.op_type == "Concat" { node.input.len() } else { 1 };
        for input in &mut node.input[..data] {
            *input = self.need_narrow(input)?;
        }
        let tensor = node.output[0].clone();
        self.affine(&tensor)?;
        node.output[0] = self.name(&tensor, ".q");
        self.nodes.push(node);
        self.narrow.insert(tensor.clone());
        self.only_narrow.insert(tensor);
        Ok(())
    }
}
