//! Parings as safetensors files that are named after their content.

use super::LedgerError;
use paring_agent::arrays::{Array, Dtype, read_tensors, write_tensors};
use paring_compress::Paring;
use paring_core::files::ConfinedPath;
use paring_core::schema::Sha256Hex;
use paring_onnx::graph::{ElementType, Weights};
use std::collections::BTreeMap;

/// The path of a paring.
pub fn paring_path(folder: &ConfinedPath, sha256: &Sha256Hex) -> ConfinedPath {
    folder.join(format!("{sha256}.safetensors"))
}

/// Writes a paring into `folder` under its SHA-256, unless it is there already, whole.
///
/// # Errors
/// [`LedgerError`] names the file or the tensor.
pub fn keep_paring(folder: &ConfinedPath, paring: &Paring) -> Result<Sha256Hex, LedgerError> {
    let arrays = paring
        .0
        .iter()
        .map(|(name, weights)| Ok((name.clone(), array(name, weights)?)))
        .collect::<Result<BTreeMap<_, _>, LedgerError>>()?;
    let bytes = write_tensors(&arrays).map_err(|e| LedgerError::Paring {
        tensor: arrays.keys().next().cloned().unwrap_or_default(),
        problem: e.to_string(),
    })?;
    let sha256 = Sha256Hex::of(&bytes);
    let path = paring_path(folder, &sha256);
    if path.sha256().ok().as_ref() != Some(&sha256) {
        path.replace(&bytes).map_err(|source| LedgerError::Io {
            doing: "write",
            path: path.to_path_buf(),
            source,
        })?;
    }
    Ok(sha256)
}

/// Reads a paring and holds it against its name.
///
/// # Errors
/// [`LedgerError`] where the file is missing, or its bytes are not those that were kept.
pub fn read_paring(folder: &ConfinedPath, sha256: &Sha256Hex) -> Result<Paring, LedgerError> {
    let path = paring_path(folder, sha256);
    let at = || path.to_path_buf();
    let bytes = match path.read() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(LedgerError::Missing { path: at() });
        }
        other => other.map_err(|source| LedgerError::Io { doing: "read", path: at(), source })?,
    };
    if Sha256Hex::of(&bytes) != *sha256 {
        return Err(LedgerError::Changed { path: at() });
    }
    let arrays = read_tensors(&path)
        .map_err(|e| LedgerError::Paring { tensor: sha256.to_string(), problem: e.to_string() })?;
    Ok(Paring(arrays.into_iter().map(|(name, array)| (name, weights(&array))).collect()))
}

fn weights(array: &Array) -> Weights {
    let element = array.dtype().into();
    Weights { dims: array.shape().to_vec(), element, bytes: array.to_bytes() }
}

fn array(name: &str, weights: &Weights) -> Result<Array, LedgerError> {
    let dtype = match weights.element {
        ElementType::F32 => Some(Dtype::F32),
        ElementType::I8 => Some(Dtype::I8),
        ElementType::U8 => Some(Dtype::U8),
        ElementType::I32 => Some(Dtype::I32),
        ElementType::I64 => Some(Dtype::I64),
        ElementType(9) => Some(Dtype::Bool),
        ElementType(11) => Some(Dtype::F64),
        _ => None,
    };
    dtype.and_then(|dtype| Array::from_bytes(dtype, &weights.dims, &weights.bytes)).ok_or_else(
        || LedgerError::Paring {
            tensor: name.to_string(),
            problem: format!("element type {} cannot be stored", weights.element.name()),
        },
    )
}
