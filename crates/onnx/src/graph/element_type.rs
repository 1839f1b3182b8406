//! Element types of tensors.

use paring_agent::arrays::Dtype;

/// Element types of ONNX, by their number in `TensorProto.DataType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElementType(pub i32);

impl ElementType {
    /// 32-bit float.
    pub const F32: ElementType = ElementType(1);
    /// 8-bit unsigned integer.
    pub const U8: ElementType = ElementType(2);
    /// 8-bit signed integer.
    pub const I8: ElementType = ElementType(3);
    /// 32-bit signed integer.
    pub const I32: ElementType = ElementType(6);
    /// 64-bit signed integer.
    pub const I64: ElementType = ElementType(7);
    /// 16-bit float.
    pub const F16: ElementType = ElementType(10);
    /// Truth value.
    pub const BOOL: ElementType = ElementType(9);

    /// Bytes of one element; `None` for strings and types of less than a byte.
    pub fn size(self) -> Option<usize> {
        match self.0 {
            2 | 3 | 9 => Some(1),
            4 | 5 | 10 | 16 => Some(2),
            1 | 6 | 12 => Some(4),
            7 | 11 | 13 => Some(8),
            _ => None,
        }
    }

    /// Short name, as precisions are called in records.
    pub fn name(self) -> &'static str {
        match self.0 {
            1 => "f32",
            2 | 3 => "int8",
            6 => "int32",
            7 => "int64",
            10 => "f16",
            11 => "f64",
            16 => "bf16",
            21 | 22 => "int4",
            _ => "other",
        }
    }
}

impl From<Dtype> for ElementType {
    fn from(dtype: Dtype) -> Self {
        ElementType(match dtype {
            Dtype::F32 => 1,
            Dtype::U8 => 2,
            Dtype::I8 => 3,
            Dtype::I32 => 6,
            Dtype::I64 => 7,
            Dtype::Bool => 9,
            Dtype::F64 => 11,
        })
    }
}
