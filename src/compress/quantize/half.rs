//! Half floats: the engine makes them of a file in floats, so that the file stays as it is.

use super::Quantization;
use crate::compress::{CompressError, Draft, matching};
use crate::graph::{self, Graph};
use crate::record::Precision;

/// The engine transform that computes the layers a step means in half floats, and the decision.
///
/// # Errors
/// [`CompressError::NoMatch`] where the step's pattern names no layer, [`CompressError::Nothing`] where
/// none is left.
pub fn half(graph: &Graph, how: &Quantization) -> Result<(String, Draft), CompressError> {
    let weighted = |op: &str| op.contains("Conv") || op == "Gemm" || op == "MatMul";
    let nodes = graph.nodes().iter().zip(graph::layer_names(graph));
    let (nodes, ids): (Vec<_>, Vec<String>) =
        nodes.filter(|(node, _)| weighted(&node.op_type)).unzip();
    let meant = matching(graph, &ids, how.layers.as_deref(), &how.protect)?;
    let names = |wanted: bool| -> Vec<&str> {
        let each = nodes.iter().zip(&meant).filter(|(_, meant)| **meant == wanted);
        each.map(|(node, _)| node.name.as_str()).collect()
    };
    let (halved, kept) = (names(true), names(false));
    if halved.is_empty() {
        return Err(CompressError::Nothing("quantize", "every layer is protected".into()));
    }
    let transform = match (how.layers.is_some(), kept.is_empty()) {
        (_, true) => "f32_to_f16".to_string(),
        (true, _) => format!("f32_to_f16=={}", halved.join(",")),
        (false, _) => format!("f32_to_f16!={}", kept.join(",")),
    };
    let stays = match kept.len() {
        0 => String::new(),
        some => format!("; {some} layers stay in f32: {}", kept.join(", ")),
    };
    let draft = Draft {
        operation: "quantize f16".into(),
        coupling: halved.join(", "),
        precision: Some(Precision {
            from: "f32".into(),
            to: "f16".into(),
            scheme: format!("by the engine when it loads the file, option {transform}"),
        }),
        reason: format!(
            "{} layers{stays}; pays where the processor has half-float arithmetic",
            halved.len()
        ),
        ..Draft::default()
    };
    Ok((transform, draft))
}
