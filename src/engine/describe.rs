//! What a model takes and gives, before anything is made concrete.

use super::load::{input_names, parse};
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
/// [`EngineError`] for files that are not models, unknown operators and inputs of unusual types.
pub fn describe(source: Source) -> Result<Signature, EngineError> {
    let model = parse(source)?;
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

/// What the input at `index` needs.
pub(super) fn need_of(model: &InferenceModel, index: usize) -> Result<InputNeed, EngineError> {
    let name = input_names(model).swap_remove(index);
    let fact = model.input_fact(index).map_err(EngineError::failed("analyse", &name))?;
    let dtype = match fact.datum_type.concretize() {
        Some(DatumType::F32) => Dtype::F32,
        Some(DatumType::F64) => Dtype::F64,
        Some(DatumType::I64) => Dtype::I64,
        Some(DatumType::I32) => Dtype::I32,
        Some(DatumType::I8) => Dtype::I8,
        Some(DatumType::U8) => Dtype::U8,
        Some(DatumType::Bool) => Dtype::Bool,
        other => return Err(EngineError::InputType { input: name, dtype: format!("{other:?}") }),
    };
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
