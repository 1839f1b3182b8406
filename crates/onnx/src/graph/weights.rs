//! Initializers as typed values, whichever of ONNX's fields they came in.

use super::GraphError;
use paring_agent::arrays::Dtype;
use tract_onnx::pb::TensorProto;

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

/// An initializer: shape, element type, and its elements' bytes in little-endian row-major order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    /// Shape.
    pub dims: Vec<usize>,
    /// Element type.
    pub element: ElementType,
    /// `product(dims) · element.size()` bytes.
    pub bytes: Vec<u8>,
}

impl Weights {
    /// Floats of a shape.
    pub fn f32(dims: &[usize], values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Weights { dims: dims.to_vec(), element: ElementType::F32, bytes }
    }

    /// 8-bit signed integers of a shape.
    pub fn i8(dims: &[usize], values: &[i8]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Weights { dims: dims.to_vec(), element: ElementType::I8, bytes }
    }

    /// 8-bit unsigned integers of a shape.
    pub fn u8(dims: &[usize], values: &[u8]) -> Self {
        Weights { dims: dims.to_vec(), element: ElementType::U8, bytes: values.to_vec() }
    }

    /// 32-bit signed integers of a shape.
    pub fn i32(dims: &[usize], values: &[i32]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Weights { dims: dims.to_vec(), element: ElementType::I32, bytes }
    }

    /// 64-bit signed integers of a shape.
    pub fn i64(dims: &[usize], values: &[i64]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Weights { dims: dims.to_vec(), element: ElementType::I64, bytes }
    }

    /// The elements as floats; `None` of another type.
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        if self.element != ElementType::F32 {
            return None;
        }
        let (chunks, _) = self.bytes.as_chunks::<4>();
        Some(chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect())
    }

    /// The elements of any type that weights have, as they are stored.
    pub fn numbers(&self) -> Option<Vec<f32>> {
        match self.element {
            ElementType::F32 => self.to_f32(),
            ElementType::I8 => Some(self.bytes.iter().map(|b| f32::from(*b as i8)).collect()),
            ElementType::U8 => Some(self.bytes.iter().map(|b| f32::from(*b)).collect()),
            _ => Some(self.to_i64()?.iter().map(|v| *v as f32).collect()),
        }
    }

    /// The elements of 32- or 64-bit integers; `None` of another type.
    pub fn to_i64(&self) -> Option<Vec<i64>> {
        match self.element {
            ElementType::I64 => {
                let (chunks, _) = self.bytes.as_chunks::<8>();
                Some(chunks.iter().map(|chunk| i64::from_le_bytes(*chunk)).collect())
            }
            ElementType::I32 => {
                let (chunks, _) = self.bytes.as_chunks::<4>();
                Some(chunks.iter().map(|chunk| i64::from(i32::from_le_bytes(*chunk))).collect())
            }
            _ => None,
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads an initializer whose data are inside the file.
    pub(super) fn of(tensor: &TensorProto) -> Result<Weights, GraphError> {
        let problem = |problem: String| GraphError::Tensor { tensor: tensor.name.clone(), problem };
        let element = ElementType(tensor.data_type);
        let dims = tensor
            .dims
            .iter()
            .map(|d| usize::try_from(*d).map_err(|_| problem(format!("has the dimension {d}"))))
            .collect::<Result<Vec<_>, _>>()?;
        let size =
            element.size().ok_or_else(|| problem(format!("has the element type {}", element.0)))?;
        let bytes = if tensor.raw_data.is_empty() {
            unpacked(tensor, size)
        } else {
            tensor.raw_data.clone()
        };
        // Parts of a shape are multiplied too: an axis of size 0 hides no others.
        let sizes = dims.iter().filter(|d| **d > 0);
        let most = sizes.into_iter().try_fold(size, |all, d| all.checked_mul(*d));
        let most = most.ok_or_else(|| problem(format!("is too large: {dims:?}")))?;
        let expected = if dims.contains(&0) { 0 } else { most };
        if bytes.len() != expected {
            let found = bytes.len();
            return Err(problem(format!(
                "has {found} bytes where its shape {dims:?} needs {expected}"
            )));
        }
        Ok(Weights { dims, element, bytes })
    }

    /// Writes the values into an initializer of the given name.
    pub(super) fn into_proto(self, name: &str) -> TensorProto {
        TensorProto {
            name: name.to_string(),
            dims: self.dims.iter().map(|d| *d as i64).collect(),
            data_type: self.element.0,
            raw_data: self.bytes,
            ..TensorProto::default()
        }
    }
}

/// Elements from the typed fields, where small types share `int32_data`.
fn unpacked(tensor: &TensorProto, size: usize) -> Vec<u8> {
    let narrow = |v: &i32| v.to_le_bytes()[..size.min(4)].to_vec();
    match tensor.data_type {
        1 => tensor.float_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        7 => tensor.int64_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        11 => tensor.double_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        12 => tensor.uint64_data.iter().flat_map(|v| (*v as u32).to_le_bytes()).collect(),
        13 => tensor.uint64_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        _ => tensor.int32_data.iter().flat_map(narrow).collect(),
    }
}
