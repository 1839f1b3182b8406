//! Arrays to the engine's tensors and back.

use super::EngineError;
use crate::data::Array;
use ndarray::ArrayD;
use tract_onnx::prelude::*;

/// An array as the engine takes it.
pub(super) fn tensor(array: &Array) -> Tensor {
    match array {
        Array::F32(a) => a.clone().into_tensor(),
        Array::F64(a) => a.clone().into_tensor(),
        Array::I64(a) => a.clone().into_tensor(),
        Array::I32(a) => a.clone().into_tensor(),
        Array::I8(a) => a.clone().into_tensor(),
        Array::U8(a) => a.clone().into_tensor(),
        Array::Bool(a) => a.clone().into_tensor(),
    }
}

/// An output as floats; other numbers are converted, anything else is refused.
pub(super) fn floats(index: usize, value: &TValue) -> Result<ArrayD<f32>, EngineError> {
    let refused = |_| EngineError::OutputType { index, dtype: format!("{:?}", value.datum_type()) };
    let cast = value.cast_to::<f32>().map_err(refused)?;
    Ok(cast.to_plain_array_view::<f32>().map_err(refused)?.to_owned())
}
