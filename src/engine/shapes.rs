//! Shapes and types of all tensors of a model, and small integers that are known, by ONNX names.

use super::describe::dtype_of;
use super::load::bound;
use super::{Bindings, EngineError, Source};
use crate::data::Dtype;
use std::collections::BTreeMap;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::DimLike;

/// Type and shape of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorFact {
    /// Element type; `None` where an input cannot have it.
    pub dtype: Option<Dtype>,
    /// Dimensions.
    pub shape: Vec<usize>,
    /// Its values, where it holds a few integers that do not depend on the inputs: shapes, axes.
    pub integers: Option<Vec<i64>>,
}

/// More integers than this are data rather than a shape.
const FEW: usize = 256;

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
                let integers = outlet.fact.value.concretize().and_then(|value| integers(&value));
                let dtype = dtype_of(dtype);
                facts.insert(label.to_string(), TensorFact { dtype, shape, integers });
            }
        }
    }
    Ok(facts)
}

fn integers(value: &Tensor) -> Option<Vec<i64>> {
    let whole = value.datum_type().is_integer() || value.datum_type().is_tdim();
    if !whole || value.len() > FEW {
        return None;
    }
    let cast = value.cast_to::<i64>().ok()?;
    Some(cast.to_plain_array_view::<i64>().ok()?.iter().copied().collect())
}
