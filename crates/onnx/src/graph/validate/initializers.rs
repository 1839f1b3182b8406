//! Data of tensors: their length against shape and element type.

use super::violations::{DataProblem, bits, standard_name};
use crate::graph::element_type::ElementType;
use tract_onnx::pb::{TensorProto, tensor_proto::DataLocation};

/// The first contradiction in a tensor; data in other files are not looked at.
pub(super) fn problem(tensor: &TensorProto) -> Option<DataProblem> {
    let element = ElementType(tensor.data_type);
    if standard_name(element).is_none() {
        return Some(DataProblem::ElementType(tensor.data_type));
    }
    if let Some(size) = tensor.dims.iter().find(|size| **size < 0) {
        return Some(DataProblem::Dimension(*size));
    }
    // An axis of size 0 hides no others: parts of the shape are multiplied without it, too.
    let sizes = tensor.dims.iter().filter(|size| **size > 0).map(|size| size.unsigned_abs());
    let bytes = sizes.into_iter().try_fold(8u64, u64::checked_mul);
    let Some(all) = bytes.filter(|bytes| *bytes <= i64::MAX as u64) else {
        return Some(DataProblem::Size);
    };
    let count = if tensor.dims.contains(&0) { 0 } else { all / 8 };
    if tensor.data_location == Some(DataLocation::External as i32) {
        return None;
    }
    let lengths = field_lengths(tensor);
    match lengths.iter().filter(|(_, length)| *length > 0).count() {
        0 if count == 0 => None,
        0 => Some(DataProblem::Length { found: 0, expected: expected(element, count)? }),
        1 => mismatch(tensor, element, count, &lengths),
        _ => Some(DataProblem::Fields),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum DataField {
    Raw,
    Float,
    Int32,
    Int64,
    Double,
    Uint64,
    Text,
}

fn field_lengths(tensor: &TensorProto) -> [(DataField, usize); 7] {
    [
        (DataField::Raw, tensor.raw_data.len()),
        (DataField::Float, tensor.float_data.len()),
        (DataField::Int32, tensor.int32_data.len()),
        (DataField::Int64, tensor.int64_data.len()),
        (DataField::Double, tensor.double_data.len()),
        (DataField::Uint64, tensor.uint64_data.len()),
        (DataField::Text, tensor.string_data.len()),
    ]
}

/// The typed field of an element type.
fn home(element: ElementType) -> DataField {
    match element.0 {
        1 | 14 => DataField::Float,
        7 => DataField::Int64,
        8 => DataField::Text,
        11 | 15 => DataField::Double,
        12 | 13 => DataField::Uint64,
        _ => DataField::Int32,
    }
}

/// Bytes that so many elements take in `raw_data`, values in the field of texts.
fn expected(element: ElementType, count: u64) -> Option<u64> {
    if home(element) == DataField::Text {
        return Some(count);
    }
    Some(count.checked_mul(bits(element)?)?.div_ceil(8))
}

fn mismatch(
    tensor: &TensorProto,
    element: ElementType,
    count: u64,
    lengths: &[(DataField, usize)],
) -> Option<DataProblem> {
    let (field, length) = *lengths.iter().find(|(_, length)| *length > 0)?;
    let wanted = if field == DataField::Raw {
        if home(element) == DataField::Text {
            return Some(DataProblem::Field);
        }
        expected(element, count)?
    } else if field != home(element) {
        return Some(DataProblem::Field);
    } else {
        match tensor.data_type {
            // Complex numbers are pairs; types below a byte share the bytes of `int32_data`.
            14 | 15 => count.checked_mul(2)?,
            21..=23 | 25 | 26 => expected(element, count)?,
            27 | 28 => return None,
            _ => count,
        }
    };
    let found = length as u64;
    (found != wanted).then_some(DataProblem::Length { found, expected: wanted })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn gives(tensor: TensorProto, expected: Option<DataProblem>) {
        assert_eq!(problem(&tensor), expected);
    }

    fn tensor(data_type: i32, dims: &[i64]) -> TensorProto {
        TensorProto { name: "w".into(), data_type, dims: dims.to_vec(), ..Default::default() }
    }

    #[test]
    fn lengths_fit_shape_and_type() {
        let raw = |kind, dims: &[i64], bytes| TensorProto {
            raw_data: vec![0; bytes],
            ..tensor(kind, dims)
        };
        gives(raw(1, &[2, 3], 24), None);
        gives(raw(1, &[2, 3], 20), Some(DataProblem::Length { found: 20, expected: 24 }));
        gives(raw(22, &[3], 2), None);
        gives(raw(25, &[5], 2), None);
        gives(raw(16, &[], 2), None);
        gives(raw(1, &[0], 0), None);
        gives(raw(8, &[1], 3), Some(DataProblem::Field));
        gives(raw(0, &[1], 4), Some(DataProblem::ElementType(0)));
        gives(raw(1, &[-1], 4), Some(DataProblem::Dimension(-1)));
        gives(raw(1, &[i64::MAX, 4], 4), Some(DataProblem::Size));
        gives(raw(1, &[0, 1 << 40, 1 << 40], 0), Some(DataProblem::Size));
        gives(tensor(1, &[1]), Some(DataProblem::Length { found: 0, expected: 4 }));
        let halves = |int32_data| TensorProto { int32_data, ..tensor(10, &[2]) };
        gives(halves(vec![1, 2]), None);
        gives(halves(vec![1]), Some(DataProblem::Length { found: 1, expected: 2 }));
        let mixed = TensorProto { float_data: vec![1.0], ..raw(1, &[1], 4) };
        gives(mixed, Some(DataProblem::Fields));
        gives(TensorProto { float_data: vec![1.0], ..tensor(7, &[1]) }, Some(DataProblem::Field));
    }
}
