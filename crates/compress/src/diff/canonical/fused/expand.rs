//! Expansion of every fused operator that is known.

use super::attention::{attention, embedding};
use super::expansion::FusedExpansion;
use super::quantized;
use crate::diff::canonical::rewriter::RewriteLog;
use paring_agent::engine::DimensionBindings;
use paring_onnx::graph::{Graph, Node, layer_name};

/// Replaces every fused operator that is known, and says which.
pub(in crate::diff) fn expand(graph: &mut Graph, bindings: DimensionBindings) -> RewriteLog {
    let mut rewrites = RewriteLog::new();
    let mut done: Vec<Node> = Vec::new();
    let nodes = graph.nodes().to_vec();
    for (position, node) in nodes.iter().enumerate() {
        let mut parts = FusedExpansion {
            fused: node,
            graph: &mut *graph,
            nodes: Vec::new(),
            before: &done,
            bindings,
        };
        let complete = build(&mut parts).is_some();
        let made = std::mem::take(&mut parts.nodes);
        if complete && !made.is_empty() {
            let kind = format!("{} written in standard operators at", node.op_type);
            rewrites.entry(kind).or_default().push(layer_name(node, position));
            done.extend(made);
        } else {
            done.push(node.clone());
        }
    }
    graph.set_nodes(done);
    rewrites
}

/// Writes the standard nodes: `None` of what is not known; without nodes of what is standard.
fn build(parts: &mut FusedExpansion) -> Option<()> {
    match parts.fused.op_type.as_str() {
        "FusedConv" => parts.fused_convolution(),
        "FusedGemm" => {
            let product = parts.product(None)?;
            parts.activate(product)
        }
        "FusedMatMul" => parts.fused_product(),
        "BiasGelu" => parts.gelu(Some(1), false),
        "FastGelu" => parts.gelu(Some(1), true),
        "Gelu" if !parts.fused.domain.is_empty() => parts.gelu(None, false),
        "QuickGelu" => parts.quick_gelu(),
        "SkipLayerNormalization" => parts.skip_normalization("LayerNormalization"),
        "SkipSimplifiedLayerNormalization" => {
            parts.skip_normalization("SimplifiedLayerNormalization")
        }
        "HardSwish" => parts.hard_swish(),
        "Attention" if !parts.fused.domain.is_empty() => attention(parts),
        "EmbedLayerNormalization" => embedding(parts),
        _ => quantized::expand(parts),
    }
}
