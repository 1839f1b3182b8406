//! From a file to an analysed model at concrete dimensions.
//!
//! `value_info` is ignored and inputs are made concrete, so that no symbol is left anywhere to clash
//! with a number.

use super::parsed_model::{ParsedModel, input_names, parse};
use super::signature::input_needs;
use crate::arrays::{Dim, InputNeed, UnknownSizes};
use crate::engine::execution::has_upper_halves;
use crate::engine::panic_guard::guarded;
use crate::engine::{
    CLEAR_UPPER_HALVES, DimensionBindings, EngineError, InferencePlan, ModelSource, TRANSFORMS,
    admitted,
};
use paring_core::schema::EngineOptions;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::transform::{
    ModelTransform, build_float_translator, get_transform, parse_legacy_filter,
};
use tract_onnx::tract_hir::internal::{InferenceOp, ShapeFactoid, ToDim};

/// An analysed model at concrete dimensions.
#[derive(Debug)]
pub struct AnalysedModel {
    pub(crate) name: String,
    pub(crate) inputs: Vec<String>,
    pub(crate) typed: TypedModel,
}

impl AnalysedModel {
    /// Loads a model at concrete dimensions.
    ///
    /// # Errors
    /// [`EngineError`] names the file, and the node or input at fault.
    pub fn load(
        source: ModelSource,
        bindings: DimensionBindings,
    ) -> Result<AnalysedModel, EngineError> {
        Self::load_tensors(source, bindings, &[])
    }

    /// Loads a model whose outputs are the given tensors; the model's own where none is given.
    ///
    /// # Errors
    /// As for [`AnalysedModel::load`], and where there is no such tensor.
    pub fn load_tensors(
        source: ModelSource,
        bindings: DimensionBindings,
        tensors: &[String],
    ) -> Result<AnalysedModel, EngineError> {
        Self::typed(source.name(), bound(source, bindings)?, tensors)
    }

    /// Loads a model whose inputs' dimensions are all numbers, as it is.
    ///
    /// # Errors
    /// As for [`AnalysedModel::load`].
    pub fn load_fixed(source: ModelSource) -> Result<AnalysedModel, EngineError> {
        Self::typed(source.name(), parse(source)?.model, &[])
    }

    fn typed(
        name: String,
        mut model: InferenceModel,
        tensors: &[String],
    ) -> Result<AnalysedModel, EngineError> {
        let inputs = input_names(&model);
        if !tensors.is_empty() {
            let outlets = tensors
                .iter()
                .map(|tensor| outlet(&model, tensor, &name))
                .collect::<Result<Vec<_>, _>>()?;
            model.select_output_outlets(&outlets).map_err(EngineError::failed("analyse", &name))?;
        }
        let typed = guarded("analyse", &name, || {
            model.into_typed().and_then(TypedModel::into_decluttered)
        })?;
        Ok(AnalysedModel { name, inputs, typed })
    }

    /// Applies the transforms, optimises for this machine, and plans the execution.
    ///
    /// # Errors
    /// An unknown transform, or a failure of the engine.
    pub fn optimise(self, options: &EngineOptions) -> Result<InferencePlan, EngineError> {
        let mut typed = self.typed;
        let clears =
            options.transforms.iter().any(|name| name == CLEAR_UPPER_HALVES) && has_upper_halves();
        for wanted in options.transforms.iter().filter(|name| *name != CLEAR_UPPER_HALVES) {
            let transform = transform(wanted)?;
            typed = guarded("transform", &self.name, || {
                transform.transform_into(typed).and_then(TypedModel::into_decluttered)
            })?;
        }
        let runnable = guarded("optimise", &self.name, || {
            typed.into_optimized().and_then(|optimised| optimised.into_runnable())
        })?;
        Ok(InferencePlan { name: self.name, inputs: self.inputs, runnable, clears })
    }
}

/// A transform by its name. Behind `f32_to_f16` may stand which nodes change, by parts of their names:
/// `==a,b` these alone, `!=a,b` all but these.
fn transform(wanted: &str) -> Result<Box<dyn ModelTransform>, EngineError> {
    let unknown = || EngineError::Transform(wanted.to_string());
    let end = wanted.find("!=").or_else(|| wanted.find("==")).unwrap_or(wanted.len());
    let (name, filter) = wanted.split_at(end);
    if !TRANSFORMS.contains(&name) || (!filter.is_empty() && name != "f32_to_f16") {
        return Err(unknown());
    }
    if filter.is_empty() {
        return get_transform(name).ok().flatten().ok_or_else(unknown);
    }
    let filter = parse_legacy_filter(Some(filter)).map_err(|_| unknown())?;
    Ok(build_float_translator(DatumType::F32, DatumType::F16, filter))
}

/// The parsed model with concrete inputs.
pub(crate) fn bound(
    source: ModelSource,
    bindings: DimensionBindings,
) -> Result<InferenceModel, EngineError> {
    let mut parsed = parse(source)?;
    bind_dimensions(&mut parsed, &source.name(), bindings)?;
    if let ModelSource::File(path) = source {
        admitted(path, Some(bindings))?;
    }
    Ok(parsed.model)
}

/// Makes the inputs of a model concrete; `name` is for messages.
pub(crate) fn bind_dimensions(
    parsed: &mut ParsedModel,
    name: &str,
    bindings: DimensionBindings,
) -> Result<(), EngineError> {
    let needs = input_needs(parsed)?;
    UnknownSizes::none(&needs, bindings.dims)?;
    let model = &mut parsed.model;
    for (index, need) in needs.iter().enumerate() {
        let shape = concrete(need, bindings)?;
        let fact = model.input_fact(index).map_err(EngineError::failed("analyse", name))?;
        let fact = fact.clone().with_shape(ShapeFactoid::from(shape));
        model.set_input_fact(index, fact).map_err(EngineError::failed("analyse", name))?;
    }
    Ok(())
}

/// The shape of an input; all its inner dimensions have values.
fn concrete(need: &InputNeed, bindings: DimensionBindings) -> Result<TVec<TDim>, EngineError> {
    let at = |(axis, dim): (usize, &Dim)| match dim {
        Dim::Fixed(fixed) if need.batch_axis == Some(axis) && *fixed != bindings.batch => {
            Err(EngineError::FixedBatch { fixed: *fixed, wanted: bindings.batch })
        }
        Dim::Fixed(n) => Ok(n.to_dim()),
        Dim::Symbol(_) if need.batch_axis == Some(axis) => Ok(bindings.batch.to_dim()),
        Dim::Symbol(symbol) => match bindings.dims.get(symbol) {
            Some(size) => Ok(size.to_dim()),
            None => Err(UnknownSizes { dims: vec![symbol.clone()] }.into()),
        },
    };
    need.dims.iter().enumerate().map(at).collect()
}

/// Finds a tensor by its ONNX name: a labelled output of a node, or an input.
fn outlet(
    model: &Graph<InferenceFact, Box<dyn InferenceOp>>,
    tensor: &str,
    name: &str,
) -> Result<OutletId, EngineError> {
    let input = || model.node_by_name(tensor).ok().map(|node| OutletId::new(node.id, 0));
    model
        .find_outlet_label(tensor)
        .or_else(input)
        .ok_or_else(|| EngineError::NoTensor { name: name.to_string(), tensor: tensor.to_string() })
}
