//! Initializers as typed values, whichever of ONNX's fields they came in.

use super::GraphError;
use super::element_type::ElementType;
use tract_onnx::pb::TensorProto;

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

    /// True of a tensor without elements.
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
