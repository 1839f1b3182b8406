//! From a file to an analysed model at concrete dimensions.
//!
//! `value_info` is ignored and inputs are made concrete, so that no symbol is left anywhere to clash
//! with a number.

use super::admission::admitted;
use super::describe::{declared, needs};
use super::guard::guarded;
use super::onnx::{self, OnnxFile};
use super::{CLEAR_UPPER_HALVES, EngineError, InferencePlan, upper};
use crate::arrays::{Dim, InputNeed, UnknownSizes};
use paring_core::schema::EngineOptions;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::OnceLock;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::transform::{
    ModelTransform, build_float_translator, get_transform, parse_legacy_filter,
};
use tract_onnx::tract_hir::internal::{InferenceOp, ShapeFactoid, ToDim};

/// Names of what a variant's options may ask for: the engine's transforms, and [`CLEAR_UPPER_HALVES`].
pub const TRANSFORMS: [&str; 4] = ["conv_nhwc", "f32_to_f16", "block_quant", CLEAR_UPPER_HALVES];

/// Where a model comes from.
#[derive(Clone, Copy, Debug)]
pub enum ModelSource<'a> {
    /// A file; external data are found beside it.
    File(&'a Path),
    /// An encoded model with all data inside, and a name for messages.
    Bytes(&'a str, &'a [u8]),
}

impl ModelSource<'_> {
    /// A name for messages.
    pub(super) fn name(&self) -> String {
        match self {
            ModelSource::File(path) => path.display().to_string(),
            ModelSource::Bytes(name, _) => (*name).to_string(),
        }
    }
}

/// Values for symbolic dimensions.
#[derive(Clone, Copy, Debug)]
pub struct DimensionBindings<'a> {
    /// For the axis of every input that counts samples.
    pub batch: usize,
    /// For the other symbols, by name.
    pub dims: &'a BTreeMap<String, usize>,
}

/// An analysed model at concrete dimensions.
#[derive(Debug)]
pub struct AnalysedModel {
    pub(super) name: String,
    pub(super) inputs: Vec<String>,
    pub(super) typed: TypedModel,
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
            options.transforms.iter().any(|name| name == CLEAR_UPPER_HALVES) && upper::there();
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

/// A model as parsed.
pub(super) struct ParsedModel {
    pub(super) model: InferenceModel,
    /// What the file declares of each input's shape, by name.
    pub(super) dims: BTreeMap<String, Option<Vec<Dim>>>,
    pub(super) proto: ModelProto,
}

/// The model as parsed, every operator one that the engine has.
pub(super) fn parse(source: ModelSource) -> Result<ParsedModel, EngineError> {
    let parsed = parse_any(source)?;
    let unknown = unimplemented(&parsed.model).next();
    if let Some((node, operator)) = unknown {
        return Err(EngineError::UnknownOperator { name: source.name(), node, operator });
    }
    Ok(parsed)
}

/// The model as parsed, whatever its operators: enough for shapes, not for running.
pub(super) fn parse_any(source: ModelSource) -> Result<ParsedModel, EngineError> {
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
    let dims = inputs.map(|input| (input.name.clone(), declared(input))).collect();
    Ok(ParsedModel { model, dims, proto })
}

/// Names and operators of the nodes that the engine cannot run.
pub(super) fn unimplemented(model: &InferenceModel) -> impl Iterator<Item = (String, String)> {
    model.nodes().iter().filter_map(|node| {
        let operator = node.op.name();
        let operator = operator.strip_prefix("Unimplemented(")?.trim_end_matches(')').to_string();
        Some((node.name.clone(), operator))
    })
}

/// Whether the engine has an operator of this name.
pub fn implements(operator: &str) -> bool {
    static KNOWN: OnceLock<HashSet<String>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| tract_onnx::onnx().op_register.0.into_keys().collect());
    known.contains(operator)
}

/// The parsed model with concrete inputs.
pub(super) fn bound(
    source: ModelSource,
    bindings: DimensionBindings,
) -> Result<InferenceModel, EngineError> {
    let mut parsed = parse(source)?;
    bind(&mut parsed, &source.name(), bindings)?;
    if let ModelSource::File(path) = source {
        admitted(path, Some(bindings))?;
    }
    Ok(parsed.model)
}

/// Makes the inputs of a model concrete; `name` is for messages.
pub(super) fn bind(
    parsed: &mut ParsedModel,
    name: &str,
    bindings: DimensionBindings,
) -> Result<(), EngineError> {
    let needs = needs(parsed)?;
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

/// Names of the inputs, in the model's order.
pub(super) fn input_names(model: &InferenceModel) -> Vec<String> {
    let outlets = model.input_outlets().unwrap_or_default();
    outlets.iter().map(|outlet| model.node(outlet.node).name.clone()).collect()
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
