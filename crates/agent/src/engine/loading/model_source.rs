//! Model files or bytes, and values for their symbolic dimensions.

use std::collections::BTreeMap;
use std::path::Path;

/// Origin of a model.
#[derive(Clone, Copy, Debug)]
pub enum ModelSource<'a> {
    /// A file; external data are found beside it.
    File(&'a Path),
    /// An encoded model with all data inside, and a name for messages.
    Bytes(&'a str, &'a [u8]),
}

impl ModelSource<'_> {
    /// A name for messages.
    pub(crate) fn name(&self) -> String {
        match self {
            ModelSource::File(path) => path.display().to_string(),
            ModelSource::Bytes(name, _) => (*name).to_string(),
        }
    }
}

/// Values for symbolic dimensions.
#[derive(Clone, Copy, Debug)]
pub struct DimensionBindings<'a> {
    /// For the axis of every input that counts samples.
    pub batch: usize,
    /// For the other symbols, by name.
    pub dims: &'a BTreeMap<String, usize>,
}
