//! Dimensions and element types as files declare them.

use crate::arrays::{Dim, Dtype};
use tract_onnx::pb;
use tract_onnx::prelude::*;

/// The element type of ours that is the engine's.
pub(crate) fn dtype_of(datum: DatumType) -> Option<Dtype> {
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

/// The dimensions that the file declares for an input, `None` where it declares no shape. What has no
/// name of its own is called `INPUT:AXIS`: exporters write `?` or nothing for unlike sizes.
pub(crate) fn declared_dims(input: &pb::ValueInfoProto) -> Option<Vec<Dim>> {
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
