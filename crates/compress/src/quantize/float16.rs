//! Half floats: the engine makes them of a file in floats, so that the file stays as it is.

use super::settings::PostTrainingQuantization;
use crate::layer_selection::select_layers;
use crate::{CompressError, DecisionDraft};
use paring_core::schema::PrecisionChange;
use paring_onnx::graph::{self, Graph};

/// The engine transform that computes the layers a step means in half floats, and the decision.
///
/// # Errors
/// [`CompressError::NoMatch`] where the step's pattern names no layer, [`CompressError::Nothing`] where
/// none is left or the engine could not tell them from others.
pub fn quantize_float16(
    graph: &Graph,
    how: &PostTrainingQuantization,
) -> Result<(String, DecisionDraft), CompressError> {
    let weighted = |op: &str| op.contains("Conv") || op == "Gemm" || op == "MatMul";
    let nodes = graph.nodes().iter().zip(graph::layer_names(graph));
    let (nodes, ids): (Vec<_>, Vec<String>) =
        nodes.filter(|(node, _)| weighted(&node.op_type)).unzip();
    let meant = select_layers(graph, &ids, how.layers.as_deref(), &how.protect)?;
    let names = |wanted: bool| -> Vec<&str> {
        let each = nodes.iter().zip(&meant).filter(|(_, meant)| **meant == wanted);
        each.map(|(node, _)| node.name.as_str()).collect()
    };
    let (halved, kept) = (names(true), names(false));
    if halved.is_empty() {
        return Err(CompressError::Nothing("quantize", "every layer is protected".into()));
    }
    // The engine takes every node whose name contains one that it is told, between commas.
    let (told, others) = if how.layers.is_some() { (&halved, &kept) } else { (&kept, &halved) };
    let taken = |other: &&&str| told.iter().any(|name| other.contains(*name) || name.contains(','));
    if let Some(other) = others.iter().find(taken) {
        let why = format!(
            "the engine chooses half floats by parts of names and cannot tell `{other}` from the layers meant; give the nodes names that do not contain each other"
        );
        return Err(CompressError::Nothing("quantize", why));
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
    let draft = DecisionDraft {
        operation: "quantize f16".into(),
        coupling: halved.join(", "),
        precision: Some(PrecisionChange {
            from: "f32".into(),
            to: "f16".into(),
            scheme: format!("by the engine when it loads the file, option {transform}"),
        }),
        reason: format!(
            "{} layers{stays}; pays where the processor has half-float arithmetic",
            halved.len()
        ),
        ..DecisionDraft::default()
    };
    Ok((transform, draft))
}
