//! Shapes and types of all tensors of a model, by their ONNX names.

use super::load::bound;
use super::{Bindings, EngineError, Source};
use std::collections::BTreeMap;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::DimLike;

/// Type and shape of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorFact {
    /// Element type in the engine's words, `F32` say.
    pub dtype: String,
    /// Dimensions.
    pub shape: Vec<usize>,
}

/// Facts of every tensor that the engine's analysis makes concrete, by ONNX name.
///
/// # Errors
/// [`EngineError`] where the model cannot be loaded or analysed.
pub fn tensor_facts(
    source: Source,
    bindings: Bindings,
) -> Result<BTreeMap<String, TensorFact>, EngineError> {
    let mut model = bound(source, bindings)?;
    model.analyse(false).map_err(EngineError::failed("analyse", &source.name()))?;
    let mut facts = BTreeMap::new();
    for node in model.nodes() {
        for (slot, outlet) in node.outputs.iter().enumerate() {
            let label = model.outlet_label(OutletId::new(node.id, slot)).unwrap_or(&node.name);
            let shape = outlet.fact.shape.concretize().and_then(|dims| {
                dims.iter().map(|d| d.to_usize().ok()).collect::<Option<Vec<_>>>()
            });
            if let (Some(shape), Some(dtype)) = (shape, outlet.fact.datum_type.concretize()) {
                facts.insert(label.to_string(), TensorFact { dtype: format!("{dtype:?}"), shape });
            }
        }
    }
    Ok(facts)
}
