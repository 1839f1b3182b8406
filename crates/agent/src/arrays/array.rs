//! An n-dimensional array of any element type that a model's input can have.

use ndarray::{ArrayD, Axis, IxDyn};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Element types of inputs and outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// 64-bit signed integer.
    I64,
    /// 32-bit signed integer.
    I32,
    /// 8-bit signed integer.
    I8,
    /// 8-bit unsigned integer.
    U8,
    /// Truth value.
    Bool,
}

impl Dtype {
    /// Bytes of one element.
    pub fn width(self) -> usize {
        match self {
            Dtype::F64 | Dtype::I64 => 8,
            Dtype::F32 | Dtype::I32 => 4,
            Dtype::I8 | Dtype::U8 | Dtype::Bool => 1,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Dtype::F32 => "float32",
            Dtype::F64 => "float64",
            Dtype::I64 => "int64",
            Dtype::I32 => "int32",
            Dtype::I8 => "int8",
            Dtype::U8 => "uint8",
            Dtype::Bool => "bool",
        })
    }
}

/// An array in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub enum Array {
    /// 32-bit floats.
    F32(ArrayD<f32>),
    /// 64-bit floats.
    F64(ArrayD<f64>),
    /// 64-bit signed integers.
    I64(ArrayD<i64>),
    /// 32-bit signed integers.
    I32(ArrayD<i32>),
    /// 8-bit signed integers.
    I8(ArrayD<i8>),
    /// 8-bit unsigned integers.
    U8(ArrayD<u8>),
    /// Truth values.
    Bool(ArrayD<bool>),
}

/// Runs the same expression on whatever element type an [`Array`] holds.
macro_rules! on_any {
    ($array:expr, $inner:ident => $body:expr) => {
        match $array {
            Array::F32($inner) => $body,
            Array::F64($inner) => $body,
            Array::I64($inner) => $body,
            Array::I32($inner) => $body,
            Array::I8($inner) => $body,
            Array::U8($inner) => $body,
            Array::Bool($inner) => $body,
        }
    };
}

macro_rules! from_ndarray {
    ($($variant:ident $element:ty),*) => {$(
        impl From<ArrayD<$element>> for Array {
            fn from(array: ArrayD<$element>) -> Self {
                Array::$variant(array)
            }
        }
    )*};
}
from_ndarray!(F32 f32, F64 f64, I64 i64, I32 i32, I8 i8, U8 u8, Bool bool);

impl Array {
    /// Element type.
    pub fn dtype(&self) -> Dtype {
        match self {
            Array::F32(_) => Dtype::F32,
            Array::F64(_) => Dtype::F64,
            Array::I64(_) => Dtype::I64,
            Array::I32(_) => Dtype::I32,
            Array::I8(_) => Dtype::I8,
            Array::U8(_) => Dtype::U8,
            Array::Bool(_) => Dtype::Bool,
        }
    }

    /// Shape.
    pub fn shape(&self) -> &[usize] {
        on_any!(self, a => a.shape())
    }

    /// Number of entries along axis 0; 0 for a scalar.
    pub fn rows(&self) -> usize {
        self.shape().first().copied().unwrap_or(0)
    }

    /// The entries at `indices` along axis 0, in that order.
    ///
    /// # Panics
    /// If an index is out of range: callers take indices from [`Array::rows`].
    pub fn take(&self, indices: &[usize]) -> Array {
        on_any!(self, a => a.select(Axis(0), indices).into())
    }

    /// The array with its axes in the opposite order.
    pub fn reversed_axes(&self) -> Array {
        on_any!(self, a => a.t().as_standard_layout().into_owned().into())
    }

    /// The same elements in row-major order under another shape; `None` of another size.
    pub fn reshaped(self, shape: &[usize]) -> Option<Array> {
        on_any!(self, a => Some(a.into_shape_with_order(IxDyn(shape)).ok()?.into()))
    }

    /// Samples along axis 0 laid one behind the other along `axis` of a sample, which keeps its rank.
    pub fn joined_along(&self, axis: usize) -> Option<Array> {
        let entries = self.rows();
        if entries == 0 || axis + 1 >= self.shape().len() {
            return None;
        }
        on_any!(self, a => {
            let samples: Vec<_> = a.axis_iter(Axis(0)).collect();
            Some(ndarray::concatenate(Axis(axis), &samples).ok()?.as_standard_layout().into_owned().into())
        })
    }

    /// Little-endian bytes in row-major order.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Array::U8(a) => a.iter().copied().collect(),
            Array::Bool(a) => a.iter().map(|b| u8::from(*b)).collect(),
            Array::F32(a) => a.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Array::F64(a) => a.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Array::I64(a) => a.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Array::I32(a) => a.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Array::I8(a) => a.iter().flat_map(|v| v.to_le_bytes()).collect(),
        }
    }

    /// The array that [`Array::to_bytes`] came from; `None` when `bytes` do not fill `shape`.
    pub fn from_bytes(dtype: Dtype, shape: &[usize], bytes: &[u8]) -> Option<Array> {
        fn build<T, const N: usize>(
            shape: &[usize],
            bytes: &[u8],
            element: impl Fn([u8; N]) -> T,
        ) -> Option<ArrayD<T>> {
            let (chunks, rest) = bytes.as_chunks::<N>();
            let elements = chunks.iter().map(|chunk| element(*chunk)).collect();
            rest.is_empty().then(|| ArrayD::from_shape_vec(IxDyn(shape), elements).ok()).flatten()
        }
        Some(match dtype {
            Dtype::F32 => build(shape, bytes, f32::from_le_bytes)?.into(),
            Dtype::F64 => build(shape, bytes, f64::from_le_bytes)?.into(),
            Dtype::I64 => build(shape, bytes, i64::from_le_bytes)?.into(),
            Dtype::I32 => build(shape, bytes, i32::from_le_bytes)?.into(),
            Dtype::I8 => build(shape, bytes, i8::from_le_bytes)?.into(),
            Dtype::U8 => build(shape, bytes, u8::from_le_bytes)?.into(),
            Dtype::Bool => build(shape, bytes, |[b]: [u8; 1]| b != 0)?.into(),
        })
    }

    /// Row of the first entry that is not a finite number, if any.
    pub fn first_not_finite(&self) -> Option<usize> {
        let position = match self {
            Array::F32(a) => a.iter().position(|v| !v.is_finite())?,
            Array::F64(a) => a.iter().position(|v| !v.is_finite())?,
            _ => return None,
        };
        Some(position / self.shape().iter().skip(1).product::<usize>().max(1))
    }

    /// A one-dimensional array as integers; `None` for floats with fractions and other ranks.
    pub fn as_integers(&self) -> Option<Vec<i64>> {
        (self.shape().len() == 1).then(|| self.whole_numbers()).flatten()
    }

    /// All entries in row-major order as floats.
    pub fn numbers(&self) -> Vec<f64> {
        match self {
            Array::F32(a) => a.iter().map(|v| f64::from(*v)).collect(),
            Array::F64(a) => a.iter().copied().collect(),
            Array::I64(a) => a.iter().map(|v| *v as f64).collect(),
            Array::I32(a) => a.iter().map(|v| f64::from(*v)).collect(),
            Array::I8(a) => a.iter().map(|v| f64::from(*v)).collect(),
            Array::U8(a) => a.iter().map(|v| f64::from(*v)).collect(),
            Array::Bool(a) => a.iter().map(|v| f64::from(*v)).collect(),
        }
    }

    /// All entries in row-major order as integers; `None` for floats with fractions.
    pub fn whole_numbers(&self) -> Option<Vec<i64>> {
        match self {
            Array::I64(a) => Some(a.iter().copied().collect()),
            Array::I32(a) => Some(a.iter().map(|v| i64::from(*v)).collect()),
            Array::I8(a) => Some(a.iter().map(|v| i64::from(*v)).collect()),
            Array::U8(a) => Some(a.iter().map(|v| i64::from(*v)).collect()),
            Array::Bool(a) => Some(a.iter().map(|v| i64::from(*v)).collect()),
            Array::F32(a) => a.iter().map(|v| whole(f64::from(*v))).collect(),
            Array::F64(a) => a.iter().map(|v| whole(*v)).collect(),
        }
    }
}

fn whole(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip_and_refuse_a_wrong_length() {
        let array: Array =
            ArrayD::from_shape_vec(IxDyn(&[2, 3]), vec![1i32, -2, 3, 4, 5, 6]).unwrap().into();
        let bytes = array.to_bytes();
        assert_eq!(Array::from_bytes(Dtype::I32, &[2, 3], &bytes), Some(array));
        assert_eq!(Array::from_bytes(Dtype::I32, &[2, 3], &bytes[1..]), None);
        assert_eq!(Array::from_bytes(Dtype::I32, &[2, 4], &bytes), None);
    }

    #[test]
    fn takes_rows_and_finds_what_is_not_finite() {
        let array: Array =
            ArrayD::from_shape_vec(IxDyn(&[3, 2]), vec![0.0, 1.0, 2.0, f32::NAN, 4.0, 5.0])
                .unwrap()
                .into();
        assert_eq!(array.first_not_finite(), Some(1));
        assert_eq!(array.take(&[2, 0]).to_bytes()[..4], 4.0f32.to_le_bytes());
    }
}
