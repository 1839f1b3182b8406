//! The layers that can have a precision, and the reasons why others cannot.

use super::settings::PostTrainingQuantization;
use super::weight_grid::{BLOCK, transposed};
use crate::CompressError;
use crate::catalog;
use crate::layer_selection::select_layers;
use paring_agent::engine::onnx;
use paring_core::schema::LayerPrecision;
use paring_onnx::graph::{self, Graph, GraphIndex, Node};
use paring_onnx::ops;
use std::collections::BTreeMap;

/// A layer that will be narrower.
#[derive(Clone, Debug)]
pub(super) struct QuantizableLayer {
    pub(super) name: String,
    /// Position of the node.
    pub(super) position: usize,
    pub(super) scheme: LayerPrecision,
    /// The tensor it reads.
    pub(super) input: String,
    /// The tensor it gives: behind the Relu or the addition where that is folded.
    pub(super) output: String,
    /// Position of a Relu that its output's saturation replaces.
    pub(super) relu: Option<usize>,
    /// Position of a node that adds its bias, where that is one of its own.
    pub(super) added: Option<usize>,
    /// Name of its weights in float.
    pub(super) stored: String,
    /// Shape of the weights: `[outputs, inputs …]` of convolutions, `[inputs, outputs]` of products,
    /// whichever way they are stored.
    pub(super) dims: Vec<usize>,
    /// The weights in that order.
    pub(super) values: Vec<f32>,
    /// Set where the stored weights are the transposed ones.
    pub(super) turned: bool,
    /// Name of its bias in float.
    pub(super) biased: Option<String>,
    /// Bias in float, one an output.
    pub(super) bias: Option<Vec<f32>>,
    /// The factors of a Gemm's stored weights and stored bias; [`QuantizableLayer::values`] and
    /// [`QuantizableLayer::bias`] are multiplied already.
    pub(super) factors: (f32, f32),
}

impl QuantizableLayer {
    /// True of a convolution, false of a matrix product.
    pub(super) fn convolves(&self) -> bool {
        self.axis() == 0
    }

    /// The axis of [`QuantizableLayer::dims`] that counts outputs.
    pub(super) fn axis(&self) -> usize {
        // A convolution's weights have places, a matrix has none.
        usize::from(self.dims.len() == 2)
    }

    /// Reads the weights and the bias again, as the graph has them now.
    pub(super) fn refresh(&mut self, graph: &Graph) {
        let floats = |name: &String| graph.weights(name).ok().and_then(|w| w.to_f32());
        let node = &graph.nodes()[self.position];
        if let Some(stored) = node.input.get(1).filter(|stored| **stored != self.stored) {
            self.stored.clone_from(stored);
        }
        if let Some(values) = floats(&self.stored) {
            let values = scaled(values, self.factors.0);
            self.values = match self.turned {
                true => transposed([self.dims[1], self.dims[0]], &values),
                false => values,
            };
        }
        let own = graph.nodes()[self.position].input.get(2).filter(|b| !b.is_empty());
        self.biased = own.cloned().or(self.biased.take());
        let bias = self.biased.as_ref().and_then(floats);
        let outputs = self.dims[self.axis()];
        self.bias = bias.map(|bias| catalog::per_output(scaled(bias, self.factors.1), outputs));
    }
}

/// Numbers times a factor; as they are where that is 1.
fn scaled(mut values: Vec<f32>, factor: f32) -> Vec<f32> {
    if factor != 1.0 {
        values.iter_mut().for_each(|value| *value *= factor);
    }
    values
}

/// Layers and refusals, each with its reason.
pub(super) type LayersAndRefusals = (Vec<QuantizableLayer>, Vec<(String, String)>);

/// Layers that change, and those that cannot.
///
/// # Errors
/// [`CompressError::NoMatch`] where the step's pattern names none.
pub(super) fn find(
    graph: &Graph,
    how: &PostTrainingQuantization,
) -> Result<LayersAndRefusals, CompressError> {
    let index = GraphIndex::new(graph);
    let (mut layers, mut refusals) = (Vec::new(), within_bodies(graph));
    let nodes = graph.nodes().iter().enumerate().zip(graph::layer_names(graph));
    let multiplies = nodes.filter(|((_, node), _)| ops::is_quantizable_product(node));
    let (positions, ids): (Vec<usize>, Vec<String>) =
        multiplies.map(|((position, _), name)| (position, name)).unzip();
    let meant = select_layers(graph, &ids, how.layers.as_deref(), &how.protect)?;
    for ((position, name), meant) in positions.into_iter().zip(ids).zip(meant) {
        let scheme = match (&how.assigned, meant) {
            (Some(assigned), _) => assigned.get(&name).copied().unwrap_or(LayerPrecision::F32),
            (None, true) => how.scheme(),
            (None, false) => LayerPrecision::F32,
        };
        if scheme == LayerPrecision::F32 {
            continue;
        }
        let depthwise = how.depthwise || how.assigned.is_some();
        match layer(graph, &index, position, (scheme, depthwise)) {
            Ok(layer) => layers.push(QuantizableLayer { name, ..layer }),
            Err(reason) => refusals.push((name, reason)),
        }
    }
    Ok((layers, refusals))
}

/// Layers in bodies of control flow, which stay as they are.
fn within_bodies(graph: &Graph) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for outer in graph.nodes() {
        let mut open: Vec<&Node> = onnx::bodies(outer).flat_map(|body| &body.node).collect();
        while let Some(node) = open.pop() {
            open.extend(onnx::bodies(node).flat_map(|body| &body.node));
            if ops::is_quantizable_product(node) {
                let name = if node.name.is_empty() { &node.op_type } else { &node.name };
                let reason = format!("it is in a body of `{}`, which stays as it is", outer.name);
                found.push((name.clone(), reason));
            }
        }
    }
    found
}

/// The precisions that each layer could have, plain float first, by name.
///
/// # Errors
/// [`CompressError::NoMatch`] where the step's pattern names no layer.
pub(super) fn choices(
    graph: &Graph,
    how: &PostTrainingQuantization,
) -> Result<BTreeMap<String, Vec<LayerPrecision>>, CompressError> {
    let index = GraphIndex::new(graph);
    let nodes = graph.nodes().iter().enumerate().zip(graph::layer_names(graph));
    let floats = nodes.filter(|((_, node), _)| ops::is_float_product(node));
    let (positions, ids): (Vec<usize>, Vec<String>) =
        floats.map(|((position, _), name)| (position, name)).unzip();
    let meant = select_layers(graph, &ids, how.layers.as_deref(), &how.protect)?;
    let mut found = BTreeMap::new();
    for ((position, name), _) in positions.into_iter().zip(ids).zip(meant).filter(|(_, m)| *m) {
        let fits = |scheme: &LayerPrecision| {
            *scheme == LayerPrecision::F32
                || layer(graph, &index, position, (*scheme, true)).is_ok()
        };
        let fitting: Vec<LayerPrecision> = LayerPrecision::ALL.into_iter().filter(fits).collect();
        if fitting.len() > 1 {
            found.insert(name, fitting);
        }
    }
    Ok(found)
}

fn layer(
    graph: &Graph,
    index: &GraphIndex,
    position: usize,
    (scheme, depthwise): (LayerPrecision, bool),
) -> Result<QuantizableLayer, String> {
    let node = &graph.nodes()[position];
    ops::float_form(node)?;
    let [input, stored, ..] = node.input.as_slice() else { return Err("it has no weights".into()) };
    let (dims, values) = floats(graph, index, stored)?;
    let integer = matches!(scheme, LayerPrecision::Static(_) | LayerPrecision::Dynamic(_));
    let added = following_bias(graph, index, node, &dims).filter(|_| integer);
    let own_bias = node.input.get(2).filter(|name| !name.is_empty()).cloned();
    let biased = own_bias.or_else(|| added.as_ref().map(|(_, name)| name.clone()));
    let bias = biased.as_ref().map(|name| floats(graph, index, name)).transpose()?;
    if values.iter().chain(bias.iter().flat_map(|b| &b.1)).any(|v| !v.is_finite()) {
        return Err("its weights are not finite numbers".into());
    }
    ops::quantizability(node, &dims, scheme, depthwise)?;
    let convolves = node.op_type.starts_with("Conv");
    let swapped = !convolves && graph::int(node, "transB").unwrap_or(0) != 0;
    let (dims, values) = match swapped {
        true => (vec![dims[1], dims[0]], transposed([dims[0], dims[1]], &values)),
        false => (dims, values),
    };
    let outputs = dims[usize::from(dims.len() == 2)];
    let factors = ops::gemm_factors(node);
    let bias = bias.map(|(dims, values)| per_output(&dims, values, outputs)).transpose()?;
    if scheme == LayerPrecision::Weights4 {
        check_nibbles(graph, index, input, dims[0])?;
    }
    let added = added.map(|(position, _)| position);
    let biased_output = &graph.nodes()[added.unwrap_or(position)].output[0];
    let relu = scheme.is_static().then(|| following_relu(graph, index, biased_output)).flatten();
    let last = relu.or(added).unwrap_or(position);
    Ok(QuantizableLayer {
        name: node.name.clone(),
        position,
        scheme,
        input: input.clone(),
        output: graph.nodes()[last].output[0].clone(),
        relu,
        added,
        stored: stored.clone(),
        dims,
        values: scaled(values, factors.0),
        turned: swapped,
        biased,
        bias: bias.map(|values| scaled(values, factors.1)),
        factors,
    })
}

/// Refuses, with the reason, four-bit weights of a product of `inputs` numbers in `tensor`.
fn check_nibbles(
    graph: &Graph,
    index: &GraphIndex,
    tensor: &str,
    inputs: usize,
) -> Result<(), String> {
    if concatenated(graph, index, tensor) {
        let why = "it reads a concatenation: the engine splits such a product, and cannot split four-bit weights";
        return Err(why.into());
    }
    match inputs % BLOCK {
        0 => Ok(()),
        _ => Err(format!("it has {inputs} inputs; four-bit weights go by {BLOCK}")),
    }
}

/// True of a concatenation, in whatever shape.
fn concatenated(graph: &Graph, index: &GraphIndex, tensor: &str) -> bool {
    let moves = ["Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Identity"];
    let Some(position) = index.producer(tensor) else { return false };
    let node = &graph.nodes()[position];
    match node.op_type.as_str() {
        "Concat" => true,
        op if moves.contains(&op) => {
            node.input.first().is_some_and(|input| concatenated(graph, index, input))
        }
        _ => false,
    }
}

/// A bias as one value an output: also where one is stored for all.
fn per_output(dims: &[usize], values: Vec<f32>, outputs: usize) -> Result<Vec<f32>, String> {
    let row = dims.iter().rev().skip(1).all(|d| *d == 1);
    match values.len() {
        1 => Ok(catalog::per_output(values, outputs)),
        length if length == outputs && row => Ok(values),
        _ => Err("its bias is not one value an output".into()),
    }
}

fn floats(graph: &Graph, index: &GraphIndex, name: &str) -> Result<(Vec<usize>, Vec<f32>), String> {
    let weights = graph.weights(name).map_err(|_| {
        let maker = index.producer(name).map(|p| graph.nodes()[p].op_type.as_str());
        match maker {
            Some("DequantizeLinear") => {
                "it is quantized already (weights behind DequantizeLinear)".into()
            }
            _ => format!("`{name}` is computed, not stored"),
        }
    })?;
    let values = weights.to_f32();
    values.map(|v| (weights.dims, v)).ok_or_else(|| format!("`{name}` is not made of f32"))
}

/// Position of a Relu that alone reads `tensor`.
fn following_relu(graph: &Graph, index: &GraphIndex, tensor: &str) -> Option<usize> {
    let (only, _) = index.only_consumer(tensor)?;
    let relu = graph.nodes()[only].op_type == "Relu" && !graph.outputs().contains(&tensor);
    relu.then_some(only)
}

/// A node that alone reads the product of `node` and adds one stored value an output, and its name.
fn following_bias(
    graph: &Graph,
    index: &GraphIndex,
    node: &Node,
    dims: &[usize],
) -> Option<(usize, String)> {
    let product = node.output.first()?;
    let (only, _) = index.only_consumer(product)?;
    let add = &graph.nodes()[only];
    let plain = node.op_type == "MatMul" && add.op_type == "Add";
    if !plain || dims.len() != 2 || graph.outputs().contains(&product.as_str()) {
        return None;
    }
    let vector = |name: &&String| graph.dims(name).is_some_and(|d| d == [dims[1]]);
    let bias = add.input.iter().find(vector)?;
    Some((only, bias.clone()))
}
