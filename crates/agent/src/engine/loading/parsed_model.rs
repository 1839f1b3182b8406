//! Models as parsed, before anything is made concrete.

use super::declared_dims::declared_dims;
use crate::arrays::Dim;
use crate::engine::onnx::{self, OnnxFile};
use crate::engine::panic_guard::guarded;
use crate::engine::{EngineError, ModelSource};
use std::collections::{BTreeMap, HashSet};
use std::sync::OnceLock;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

/// A model as parsed.
pub(crate) struct ParsedModel {
    pub(crate) model: InferenceModel,
    /// Declared dimensions of each input, by name.
    pub(crate) dims: BTreeMap<String, Option<Vec<Dim>>>,
    pub(crate) proto: ModelProto,
}

/// The model as parsed, every operator one that the engine has.
pub(crate) fn parse(source: ModelSource) -> Result<ParsedModel, EngineError> {
    let parsed = parse_any(source)?;
    let unknown = unimplemented(&parsed.model).next();
    if let Some((node, operator)) = unknown {
        return Err(EngineError::UnknownOperator { name: source.name(), node, operator });
    }
    Ok(parsed)
}

/// The model as parsed, whatever its operators: enough for shapes, not for running.
pub(crate) fn parse_any(source: ModelSource) -> Result<ParsedModel, EngineError> {
    let engine = tract_onnx::onnx().with_ignore_value_info(true).with_ignore_output_shapes(true);
    let name = source.name();
    let OnnxFile { model: proto, .. } = match source {
        ModelSource::File(path) => onnx::read(path)?,
        ModelSource::Bytes(name, bytes) => onnx::decode(name, bytes)?,
    };
    let parsed = guarded("parse", &name, || engine.parse(&proto, None))?;
    if !parsed.unresolved_inputs.is_empty() {
        let missing = parsed.unresolved_inputs.join("`, `");
        return Err(EngineError::Invalid { name, problem: format!("nothing gives `{missing}`") });
    }
    let model = parsed.model;
    if model.input_outlets().map_or(0, <[_]>::len) == 0 {
        let empty = std::io::Error::other("it has no inputs");
        return Err(EngineError::NotOnnx { name, source: empty.into() });
    }
    let inputs = proto.graph.iter().flat_map(|graph| &graph.input);
    let dims = inputs.map(|input| (input.name.clone(), declared_dims(input))).collect();
    Ok(ParsedModel { model, dims, proto })
}

/// Names and operators of the nodes that the engine cannot run.
pub(crate) fn unimplemented(model: &InferenceModel) -> impl Iterator<Item = (String, String)> {
    model.nodes().iter().filter_map(|node| {
        let operator = node.op.name();
        let operator = operator.strip_prefix("Unimplemented(")?.trim_end_matches(')').to_string();
        Some((node.name.clone(), operator))
    })
}

/// True if the engine has an operator of this name.
pub fn implements(operator: &str) -> bool {
    static KNOWN: OnceLock<HashSet<String>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| tract_onnx::onnx().op_register.0.into_keys().collect());
    known.contains(operator)
}

/// Names of the inputs, in the model's order.
pub(crate) fn input_names(model: &InferenceModel) -> Vec<String> {
    let outlets = model.input_outlets().unwrap_or_default();
    outlets.iter().map(|outlet| model.node(outlet.node).name.clone()).collect()
}
