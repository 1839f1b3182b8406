//! The optimised graph, node by node, with the kernels that the engine chose.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::matmul::optimized::OptMatMul;

/// A node of the optimised graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptimisedNode {
    /// Its name, which begins with the ONNX node's.
    pub name: String,
    /// The engine's operator.
    pub operator: String,
    /// Kernels, where the operator has any.
    pub kernels: Vec<String>,
    /// Element type and shape of its first output.
    pub output: String,
}

/// Summary of one node.
pub(crate) fn summarize_node(node: &TypedNode) -> OptimisedNode {
    let output = node.outputs.first().map(|outlet| format!("{:?}", outlet.fact));
    OptimisedNode {
        name: node.name.clone(),
        operator: node.op.name().to_string(),
        kernels: kernels(node),
        output: output.unwrap_or_default(),
    }
}

fn kernels(node: &TypedNode) -> Vec<String> {
    if let Some(product) = node.op_as::<OptMatMul>() {
        let mut names: Vec<String> = product.mmm.iter().map(|k| k.name().to_string()).collect();
        names.dedup();
        return names;
    }
    // The depthwise operator is private to the engine, and its loop is its only kernel.
    if node.op.name() == "DepthWiseConv" {
        return vec!["depthwise".to_string()];
    }
    vec![]
}
