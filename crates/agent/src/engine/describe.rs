//! What a model takes and gives, before anything is made concrete.

use super::load::{ParsedModel, input_names, parse_any};
use super::{EngineError, ModelSource};
use crate::arrays::{Dim, Dtype, InputNeed, UnknownSizes, assign_batch_axes};
use std::collections::BTreeMap;
use tract_onnx::pb;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::DimLike;

/// The inputs and outputs of a model.
#[derive(Clone, Debug)]
pub struct ModelSignature {
    /// What each input needs, in the model's order.
    pub inputs: Vec<InputNeed>,
    /// Names of the outputs.
    pub outputs: Vec<String>,
    /// Dimensions that follow from others, `2*length` say, by what the file calls them.
    expressions: BTreeMap<String, TDim>,
    /// What the expressions' symbols live in.
    scope: SymbolScope,
}

impl ModelSignature {
    /// The batch that the file fixes; `None` where it is symbolic.
    pub fn fixed_batch(&self) -> Option<usize> {
        let batched = self.inputs.iter().find(|need| need.batch_axis == Some(0))?;
        match batched.dims.first()? {
            Dim::Fixed(n) => Some(*n),
            Dim::Symbol(_) => None,
        }
    }

    /// Says if `name` is a dimension of an input, or a symbol in one.
    pub fn has_dim(&self, name: &str) -> bool {
        let dims = self.inputs.iter().flat_map(|need| &need.dims);
        let own = |dim: &Dim| matches!(dim, Dim::Symbol(symbol) if symbol == name);
        let inside = |e: &TDim| e.symbols().iter().any(|symbol| symbol.to_string() == name);
        dims.into_iter().any(own) || self.expressions.values().any(inside)
    }

    /// Values for dimensions: those that are given, and those that follow from them.
    ///
    /// # Errors
    /// [`EngineError`] names a dimension that no input has, or that is the batch and not `batch`.
    pub fn sizes(
        &self,
        given: &BTreeMap<String, usize>,
        batch: usize,
    ) -> Result<BTreeMap<String, usize>, EngineError> {
        if let Some(unknown) = given.keys().find(|name| !self.has_dim(name)) {
            let known = self.symbols().map(|(_, symbol)| format!("`{symbol}`"));
            let mut known: Vec<String> = known.collect();
            known.dedup();
            return Err(EngineError::UnknownDim { dim: unknown.clone(), known });
        }
        let mut sizes = given.clone();
        for (is_batch, name) in self.symbols() {
            match given.get(name) {
                Some(size) if is_batch && *size != batch => {
                    let (dim, size) = (name.to_string(), *size);
                    return Err(EngineError::BatchDim { dim, size, batch });
                }
                Some(_) if is_batch => {
                    sizes.remove(name);
                }
                _ => {}
            }
        }
        let mut values = SymbolValues::default();
        for (name, size) in given {
            if let Some(symbol) = self.scope.get(name) {
                values.set(&symbol, i64::try_from(*size).unwrap_or(i64::MAX));
            }
        }
        for (name, expression) in &self.expressions {
            if let Ok(size) = expression.eval(&values).to_usize() {
                sizes.entry(name.clone()).or_insert(size);
            }
        }
        Ok(sizes)
    }

    /// Holds sizes against all dimensions of the inputs.
    ///
    /// # Errors
    /// [`EngineError::Sizes`] names those that have none.
    pub fn check_sizes(&self, sizes: &BTreeMap<String, usize>) -> Result<(), EngineError> {
        Ok(UnknownSizes::none(&self.inputs, sizes)?)
    }

    /// Names of dimensions, each with whether it is the batch.
    fn symbols(&self) -> impl Iterator<Item = (bool, &str)> {
        self.inputs.iter().flat_map(|need| {
            need.dims.iter().enumerate().filter_map(|(axis, dim)| match dim {
                Dim::Symbol(symbol) => Some((need.batch_axis == Some(axis), symbol.as_str())),
                Dim::Fixed(_) => None,
            })
        })
    }
}

/// Reads the inputs and outputs of a model.
///
/// # Errors
/// [`EngineError`] for files that are not models, and inputs of unusual types.
pub fn describe(source: ModelSource) -> Result<ModelSignature, EngineError> {
    let parsed = parse_any(source)?;
    let inputs = needs(&parsed)?;
    let model = &parsed.model;
    let mut expressions = BTreeMap::new();
    for (index, need) in inputs.iter().enumerate() {
        let fact = model.input_fact(index).map_err(EngineError::failed("analyse", &need.name))?;
        for (dim, known) in need.dims.iter().zip(fact.shape.dims()) {
            match (dim, known.concretize()) {
                (Dim::Symbol(name), Some(dim)) if !dim.symbols().is_empty() => {
                    expressions.insert(name.clone(), dim);
                }
                _ => {}
            }
        }
    }
    let outlets = model.output_outlets().unwrap_or_default();
    let outputs = outlets
        .iter()
        .map(|outlet| match model.outlet_label(*outlet) {
            Some(label) => label.to_string(),
            None => model.node(outlet.node).name.clone(),
        })
        .collect();
    let scope = model.symbols.clone();
    Ok(ModelSignature { inputs, outputs, expressions, scope })
}

/// The element type of ours that is the engine's.
pub(super) fn dtype_of(datum: DatumType) -> Option<Dtype> {
    Some(match datum {
        DatumType::F32 => Dtype::F32,
        DatumType::F64 => Dtype::F64,
        DatumType::I64 | DatumType::TDim => Dtype::I64,
        DatumType::I32 => Dtype::I32,
        DatumType::I8 => Dtype::I8,
        DatumType::U8 => Dtype::U8,
        DatumType::Bool => Dtype::Bool,
        _ => return None,
    })
}

/// What the inputs need, in the model's order.
pub(super) fn needs(parsed: &ParsedModel) -> Result<Vec<InputNeed>, EngineError> {
    let mut needs = Vec::new();
    for (index, name) in input_names(&parsed.model).into_iter().enumerate() {
        let fact = parsed.model.input_fact(index).map_err(EngineError::failed("analyse", &name))?;
        let found = fact.datum_type.concretize();
        let unusual =
            || EngineError::InputType { input: name.clone(), dtype: format!("{found:?}") };
        let dtype = found.and_then(dtype_of).ok_or_else(unusual)?;
        let dims = parsed.dims.get(&name).cloned().flatten();
        let dims = dims.ok_or_else(|| EngineError::InputRank { input: name.clone() })?;
        needs.push(InputNeed::batched(&name, dtype, dims));
    }
    assign_batch_axes(&mut needs);
    Ok(needs)
}

/// The dimensions that the file declares for an input, `None` where it declares no shape. What has no
/// name of its own is called `INPUT:AXIS`: exporters write `?` or nothing for unlike sizes.
pub(super) fn declared(input: &pb::ValueInfoProto) -> Option<Vec<Dim>> {
    use pb::tensor_shape_proto::dimension::Value;
    let pb::type_proto::Value::TensorType(tensor) = input.r#type.as_ref()?.value.as_ref()?;
    let dims = tensor.shape.as_ref()?.dim.iter().enumerate().map(|(axis, dim)| {
        let anonymous = || Dim::Symbol(format!("{}:{axis}", input.name));
        match &dim.value {
            Some(Value::DimValue(size)) => {
                usize::try_from(*size).map_or_else(|_| anonymous(), Dim::Fixed)
            }
            Some(Value::DimParam(name)) => match name.trim() {
                "" | "?" => anonymous(),
                name => name.parse().map_or_else(|_| Dim::Symbol(name.into()), Dim::Fixed),
            },
            None => anonymous(),
        }
    });
    Some(dims.collect())
}
