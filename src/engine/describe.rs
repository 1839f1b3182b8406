//! What a model takes and gives, before anything is made concrete.

use super::load::{input_names, parse_any};
use super::{EngineError, Source};
use crate::data::{Dim, Dtype, InputNeed};
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::Factoid;

/// The inputs and outputs of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// What each input needs, in the model's order.
    pub inputs: Vec<InputNeed>,
    /// Names of the outputs.
    pub outputs: Vec<String>,
}

impl Signature {
    /// The batch that the file fixes; `None` where axis 0 of the first input is symbolic.
    pub fn fixed_batch(&self) -> Option<usize> {
        match self.inputs.first()?.dims.first()? {
            Dim::Fixed(n) => Some(*n),
            _ => None,
        }
    }
}

/// Reads the inputs and outputs of a model.
///
/// # Errors
/// [`EngineError`] for files that are not models, and inputs of unusual types.
pub fn describe(source: Source) -> Result<Signature, EngineError> {
    let (model, _) = parse_any(source)?;
    let inputs =
        (0..input_names(&model).len()).map(|i| need_of(&model, i)).collect::<Result<_, _>>()?;
    let outlets = model.output_outlets().unwrap_or_default();
    let outputs = outlets
        .iter()
        .map(|outlet| match model.outlet_label(*outlet) {
            Some(label) => label.to_string(),
            None => model.node(outlet.node).name.clone(),
        })
        .collect();
    Ok(Signature { inputs, outputs })
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

/// What the input at `index` needs.
pub(super) fn need_of(model: &InferenceModel, index: usize) -> Result<InputNeed, EngineError> {
    let name = input_names(model).swap_remove(index);
    let fact = model.input_fact(index).map_err(EngineError::failed("analyse", &name))?;
    let found = fact.datum_type.concretize();
    let unusual = || EngineError::InputType { input: name.clone(), dtype: format!("{found:?}") };
    let dtype = found.and_then(dtype_of).ok_or_else(unusual)?;
    let dims = fact
        .shape
        .dims()
        .map(|dim| match dim.concretize() {
            Some(TDim::Val(n)) => usize::try_from(n).map_or(Dim::Unknown, Dim::Fixed),
            Some(expression) => Dim::Symbol(expression.to_string()),
            None => Dim::Unknown,
        })
        .collect();
    Ok(InputNeed { name, dtype, dims })
}
