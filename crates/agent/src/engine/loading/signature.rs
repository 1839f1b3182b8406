//! Inputs and outputs of a model, before anything is made concrete.

use super::declared_dims::dtype_of;
use super::parsed_model::{ParsedModel, input_names, parse_any};
use crate::arrays::{Dim, InputNeed, UnknownSizes, assign_batch_axes};
use crate::engine::{EngineError, ModelSource};
use std::collections::BTreeMap;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::DimLike;

/// The inputs and outputs of a model.
#[derive(Clone, Debug)]
pub struct ModelSignature {
    /// Needs of each input, in the model's order.
    pub inputs: Vec<InputNeed>,
    /// Names of the outputs.
    pub outputs: Vec<String>,
    /// Dimensions that follow from others, `2*length` say, by what the file calls them.
    expressions: BTreeMap<String, TDim>,
    /// Scope of the expressions' symbols.
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
    let inputs = input_needs(&parsed)?;
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

/// Needs of the inputs, in the model's order.
pub(crate) fn input_needs(parsed: &ParsedModel) -> Result<Vec<InputNeed>, EngineError> {
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
