//! Arrays to the engine's tensors and back.

use crate::arrays::Array;
use crate::engine::EngineError;
use ndarray::ArrayD;
use std::borrow::Cow;
use tract_onnx::prelude::*;

/// An array as the engine takes it.
pub(crate) fn to_tensor(array: &Array) -> Tensor {
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
pub(crate) fn to_floats(index: usize, value: &TValue) -> Result<ArrayD<f32>, EngineError> {
    let refused = |_| EngineError::OutputType { index, dtype: format!("{:?}", value.datum_type()) };
    let cast = value.cast_to::<f32>().map_err(refused)?;
    Ok(cast.to_plain_array_view::<f32>().map_err(refused)?.to_owned())
}

/// The bytes of an output's values. What the engine keeps as expressions or text lies behind
/// pointers, which differ from process to process: expressions are taken as 64-bit integers, texts
/// one by one, each behind its length.
pub(crate) fn to_bytes(index: usize, value: &TValue) -> Result<Cow<'_, [u8]>, EngineError> {
    let datum = value.datum_type();
    let refused = |_| EngineError::OutputType { index, dtype: format!("{datum:?}") };
    if datum == DatumType::TDim {
        let integers = value.cast_to::<i64>().map_err(refused)?;
        return Ok(Cow::Owned(integers.as_bytes().to_vec()));
    }
    if datum == DatumType::String {
        let texts = value.to_plain_array_view::<String>().map_err(refused)?;
        let each = texts.iter().flat_map(|text| {
            (text.len() as u64).to_le_bytes().into_iter().chain(text.bytes()).collect::<Vec<_>>()
        });
        return Ok(Cow::Owned(each.collect()));
    }
    if !datum.is_copy() || !value.is_plain_ram() {
        return Err(EngineError::OutputType { index, dtype: format!("{datum:?}") });
    }
    Ok(Cow::Borrowed(value.as_bytes()))
}
