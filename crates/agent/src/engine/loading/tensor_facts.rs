//! Shapes and types of all tensors of a model, and small integers that are known, by ONNX names.

use super::analysed_model::bind_dimensions;
use super::declared_dims::dtype_of;
use super::parsed_model::{ParsedModel, parse_any, unimplemented};
use crate::arrays::Dtype;
use crate::engine::panic_guard::guarded;
use crate::engine::{DimensionBindings, EngineError, ModelSource};
use std::collections::{BTreeMap, HashMap, HashSet};
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::type_proto::Value;
use tract_onnx::pb::{ModelProto, ValueInfoProto};
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::{DimLike, ShapeFactoid, ToDim};

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

/// Facts of every tensor that the engine's analysis makes concrete, by ONNX name. Behind an operator
/// that the engine does not have the analysis goes by what the file declares.
///
/// # Errors
/// [`EngineError`] where the model cannot be loaded or analysed.
pub fn tensor_facts(
    source: ModelSource,
    bindings: DimensionBindings,
) -> Result<BTreeMap<String, TensorFact>, EngineError> {
    let mut parsed = parse_any(source)?;
    bind_dimensions(&mut parsed, &source.name(), bindings)?;
    let ParsedModel { mut model, proto, .. } = parsed;
    declare(&mut model, &proto, bindings);
    guarded("analyse", &source.name(), || model.analyse(false))?;
    let mut facts = BTreeMap::new();
    for node in model.nodes() {
        for (slot, outlet) in node.outputs.iter().enumerate() {
            let label = model.outlet_label(OutletId::new(node.id, slot)).unwrap_or(&node.name);
            let shape = outlet.fact.shape.concretize().and_then(|dims| {
                dims.iter().map(|d| d.to_usize().ok()).collect::<Option<Vec<_>>>()
            });
            if let (Some(shape), Some(dtype)) = (shape, outlet.fact.datum_type.concretize()) {
                addressable(label, &shape)
                    .map_err(|problem| EngineError::Invalid { name: source.name(), problem })?;
                let integers = outlet.fact.value.concretize().and_then(|value| integers(&value));
                let dtype = dtype_of(dtype);
                facts.insert(label.to_string(), TensorFact { dtype, shape, integers });
            }
        }
    }
    Ok(facts)
}

/// Holds a shape against what a machine can address, parts of it too: an axis of size 0 hides no others.
fn addressable(tensor: &str, shape: &[usize]) -> Result<(), String> {
    let sizes = shape.iter().filter(|size| **size > 0);
    let bytes = sizes.into_iter().try_fold(8usize, |all, size| all.checked_mul(*size));
    match bytes.filter(|bytes| *bytes <= isize::MAX as usize) {
        Some(_) => Ok(()),
        None => Err(format!("`{tensor}` of shape {shape:?} has more values than can be addressed")),
    }
}

/// Gives the outputs of operators that the engine does not have the types and shapes that the file
/// declares for them.
fn declare(model: &mut InferenceModel, proto: &ModelProto, bindings: DimensionBindings) {
    let unknown: HashSet<String> = unimplemented(model).map(|(node, _)| node).collect();
    let Some(graph) = proto.graph.as_ref().filter(|_| !unknown.is_empty()) else { return };
    let infos = graph.value_info.iter().chain(&graph.output);
    let infos: HashMap<&str, &ValueInfoProto> = infos.map(|i| (i.name.as_str(), i)).collect();
    let outlets: Vec<OutletId> = model
        .nodes()
        .iter()
        .filter(|node| unknown.contains(&node.name))
        .flat_map(|node| (0..node.outputs.len()).map(|slot| OutletId::new(node.id, slot)))
        .collect();
    for outlet in outlets {
        let info = model.outlet_label(outlet).and_then(|label| infos.get(label));
        let Some(fact) = info.and_then(|info| declared(info, bindings)) else { continue };
        // A fact that does not fit is the file's mistake; the outlet stays unknown then.
        let _ = model.set_outlet_fact(outlet, fact);
    }
}

/// A declared type and shape at concrete dimensions; symbols without a value stay open.
fn declared(info: &ValueInfoProto, bindings: DimensionBindings) -> Option<InferenceFact> {
    let Value::TensorType(tensor) = info.r#type.as_ref()?.value.as_ref()?;
    let datum = match tensor.elem_type {
        1 => DatumType::F32,
        2 => DatumType::U8,
        3 => DatumType::I8,
        6 => DatumType::I32,
        7 => DatumType::I64,
        9 => DatumType::Bool,
        11 => DatumType::F64,
        _ => return None,
    };
    let size = |(axis, dim): (usize, &Dimension)| match &dim.value {
        Some(dimension::Value::DimValue(size)) => usize::try_from(*size).ok(),
        Some(dimension::Value::DimParam(name)) if bindings.dims.contains_key(name) => {
            bindings.dims.get(name).copied()
        }
        _ => (axis == 0).then_some(bindings.batch),
    };
    let fact = InferenceFact::default().with_datum_type(datum);
    let sizes: Option<Vec<usize>> =
        tensor.shape.as_ref().and_then(|shape| shape.dim.iter().enumerate().map(size).collect());
    Some(match sizes {
        Some(sizes) => {
            let sizes: TVec<TDim> = sizes.iter().map(|size| size.to_dim()).collect();
            fact.with_shape(ShapeFactoid::from(sizes))
        }
        None => fact,
    })
}

fn integers(value: &Tensor) -> Option<Vec<i64>> {
    let whole = value.datum_type().is_integer() || value.datum_type().is_tdim();
    if !whole || value.len() > FEW {
        return None;
    }
    let cast = value.cast_to::<i64>().ok()?;
    Some(cast.to_plain_array_view::<i64>().ok()?.iter().copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_that_no_machine_holds_are_refused() {
        assert_eq!(addressable("x", &[1 << 20, 1 << 20, 3]), Ok(()));
        assert_eq!(addressable("x", &[]), Ok(()));
        let said = addressable("x", &[0, 1 << 40, 1 << 40]).unwrap_err();
        assert!(said.starts_with("`x` of shape [0, 1099511627776, "), "{said}");
    }
}
