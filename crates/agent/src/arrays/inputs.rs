//! Named arrays in a safetensors file: the agent's inputs.

use super::{Array, Dtype};
use safetensors::tensor::{Dtype as Stored, TensorView};
use safetensors::{SafeTensors, serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Errors of a file of tensors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputsError {
    /// The file cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The content is not what the format asks for.
    #[error("{} is not a usable safetensors file", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: safetensors::SafeTensorError,
    },
    /// A tensor has an element type without an [`Array`].
    #[error("tensor `{tensor}` of {} has the unsupported type {dtype:?}", path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its type.
        dtype: Stored,
    },
}

/// The bytes of a safetensors file; the same arrays give the same bytes.
///
/// # Errors
/// Those of the format, which well-formed arrays do not meet.
pub fn write_tensors(
    arrays: &BTreeMap<String, Array>,
) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let bytes: Vec<(&String, &Array, Vec<u8>)> =
        arrays.iter().map(|(name, array)| (name, array, array.to_bytes())).collect();
    let views = bytes
        .iter()
        .map(|(name, array, bytes)| {
            let view = TensorView::new(stored(array.dtype()), array.shape().to_vec(), bytes)?;
            Ok((name.as_str(), view))
        })
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    serialize(views, None)
}

/// Reads all tensors of a safetensors file.
///
/// # Errors
/// [`InputsError`] names the file and the tensor.
pub fn read_tensors(path: &Path) -> Result<BTreeMap<String, Array>, InputsError> {
    let at = || path.to_path_buf();
    let bytes = std::fs::read(path).map_err(|source| InputsError::Read { path: at(), source })?;
    let file = SafeTensors::deserialize(&bytes)
        .map_err(|source| InputsError::Format { path: at(), source })?;
    file.iter()
        .map(|(name, view)| {
            let array = in_memory(view.dtype())
                .and_then(|dtype| Array::from_bytes(dtype, view.shape(), view.data()));
            match array {
                Some(array) => Ok((name.to_string(), array)),
                None => Err(InputsError::Type {
                    path: at(),
                    tensor: name.to_string(),
                    dtype: view.dtype(),
                }),
            }
        })
        .collect()
}

fn stored(dtype: Dtype) -> Stored {
    match dtype {
        Dtype::F32 => Stored::F32,
        Dtype::F64 => Stored::F64,
        Dtype::I64 => Stored::I64,
        Dtype::I32 => Stored::I32,
        Dtype::I8 => Stored::I8,
        Dtype::U8 => Stored::U8,
        Dtype::Bool => Stored::BOOL,
    }
}

fn in_memory(dtype: Stored) -> Option<Dtype> {
    let all = [Dtype::F32, Dtype::F64, Dtype::I64, Dtype::I32, Dtype::I8, Dtype::U8, Dtype::Bool];
    all.into_iter().find(|d| stored(*d) == dtype)
}
