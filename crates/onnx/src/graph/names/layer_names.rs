//! Names of layers, from names of nodes.

use crate::graph::{Graph, Node};
use crate::ops::is_product;
use std::collections::HashSet;

/// Operators whose name exporters append to a layer's, also where the node has become another one.
const PRODUCTS: [&str; 4] = ["Conv", "ConvTranspose", "Gemm", "MatMul"];

/// Suffixes that tf2onnx and TensorFlow append to a layer's name.
const TENSORFLOW: [&str; 6] =
    ["BiasAdd", "Conv2D", "MatMul", "depthwise", "ReadVariableOp", "FusedBatchNormV3"];

/// The layer of every node, by position: the node's name without the operator that exporters append
/// (`block1.pw/Conv` is `block1.pw`). No two layers with weights share a name: of several products in
/// one module, `/blk/MatMul` and `/blk/MatMul_1`, the numbered ones keep their operator
/// (`blk`, `blk/MatMul_1`), and so do others whose short name is taken (`blk/Gemm`, which becomes `blk`
/// where the product before it is left out).
pub fn layer_names(graph: &Graph) -> Vec<String> {
    let mut used: HashSet<String> = HashSet::new();
    let mut names: Vec<String> = Vec::with_capacity(graph.nodes().len());
    for (position, node) in graph.nodes().iter().enumerate() {
        let mut name = short_name(node, position);
        if has_weights(graph, node) && !used.insert(name.clone()) {
            let full = node.name.trim_start_matches('/');
            let numbered = (2..).map(|number| format!("{full}#{number}"));
            let mut free = std::iter::once(full.to_string()).chain(numbered);
            if let Some(free) = free.find(|other| !other.is_empty() && !used.contains(other)) {
                name = free;
            }
            used.insert(name.clone());
        }
        names.push(name);
    }
    names
}

/// True of a node that can have weights of its own, so that its layer's name is a key; of a Gather that
/// reads a stored table.
fn has_weights(graph: &Graph, node: &Node) -> bool {
    let others = ["LSTM", "GRU", "RNN", "Attention", "EmbedLayerNormalization"];
    let table = |name: &String| graph.dims(name).is_some_and(|dims| dims.len() >= 2);
    is_product(node)
        || others.contains(&node.op_type.as_str())
        || (node.op_type == "Gather" && node.input.first().is_some_and(table))
}

/// The layer of a node in messages; several nodes may share the name.
pub fn layer_name(node: &Node, position: usize) -> String {
    short_name(node, position)
}

/// A node without a name is called after its operator and its position, which are stable for the same
/// file; one that is merely numbered (`Conv_7`, `node_Conv_508`) after its weights, where these have a
/// module's name.
fn short_name(node: &Node, position: usize) -> String {
    let full = node.name.trim_start_matches('/');
    let number = full.strip_prefix(&node.op_type).and_then(|rest| rest.strip_prefix('_'));
    let numbered = number.is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    if full.is_empty() || full.starts_with("node_") || numbered {
        let module = node.input.iter().find_map(|input| input.strip_suffix(".weight"));
        if let Some(module) = module.filter(|m| !m.is_empty()) {
            return module.into();
        }
    }
    if full.is_empty() {
        return format!("{}_{position}", node.op_type);
    }
    // tf2onnx joins the names of everything that was fused; the last is the layer itself.
    if let Some((_, last)) = full.rsplit_once(';') {
        return without_tails(last).into();
    }
    match full.rsplit_once('/') {
        Some((layer, last)) if !layer.is_empty() && is_operator(node, last) => layer.into(),
        _ => full.into(),
    }
}

/// True where the last part of a name is the operator of its node, or what that was before
/// quantization; not of one of several that exporters number.
fn is_operator(node: &Node, last: &str) -> bool {
    let own = last.strip_prefix(node.op_type.as_str());
    own.is_some_and(|rest| !rest.starts_with('_'))
        || (is_product(node) && (PRODUCTS.contains(&last) || TENSORFLOW.contains(&last)))
}

/// A name without the parts at its end that TensorFlow appends.
fn without_tails(name: &str) -> &str {
    let mut name = name;
    while let Some((layer, last)) = name.rsplit_once('/') {
        if layer.is_empty() || !TENSORFLOW.contains(&last) {
            break;
        }
        name = layer;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(name: &str, expected: &str) {
        let node = Node { name: name.into(), op_type: "Conv".into(), ..Node::default() };
        assert_eq!(short_name(&node, 3), expected);
    }

    #[test]
    fn exporters_suffixes_go() {
        is("block1.pw/Conv", "block1.pw");
        is("/layer1/0/conv1/Conv", "layer1/0/conv1");
        is("/layer1/0/conv1/Conv_2", "layer1/0/conv1/Conv_2");
        is("model/conv2d/Conv2D", "model/conv2d");
        is("Conv_7", "Conv_7");
        is("/Conv", "Conv");
        is("", "Conv_3");
        is("a/b", "a/b");
        is("m/act/Relu;m/conv2d/BiasAdd;m/conv2d/Conv2D", "m/conv2d");
        is("m/act/Relu;model/depthwise_conv2d_5/depthwise", "model/depthwise_conv2d_5");
        is("node_Conv_5", "node_Conv_5");
    }

    #[test]
    fn layers_with_weights_have_names_of_their_own() {
        let mut graph = Graph::empty("names", 13);
        for (name, op) in [
            ("/blk/MatMul", "MatMul"),
            ("/blk/Add", "Add"),
            ("/blk/MatMul_1", "MatMul"),
            ("/blk/Gemm", "Gemm"),
            ("/q/MatMul", "MatMulInteger"),
        ] {
            graph.add_node(Node { name: name.into(), op_type: op.into(), ..Node::default() });
        }
        assert_eq!(layer_names(&graph), ["blk", "blk", "blk/MatMul_1", "blk/Gemm", "q"]);
    }
}
