//! A labelled dataset: inputs by the model's names, labels, and columns that name subsets.

use super::folder::{self, Pixels};
use super::{Array, InputNeed, NeedError, npz};
use crate::record::Sha256Hex;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What a caller wants from a dataset.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The model's inputs.
    pub inputs: &'a [InputNeed],
    /// Columns of one value a sample, beside the labels.
    pub columns: Vec<String>,
    /// Arrays of any length, such as index arrays of splits.
    pub extras: Vec<String>,
    /// How pixels become numbers, for folders of images.
    pub pixels: Pixels,
}

/// A dataset in memory.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// One array an input, samples along axis 0.
    pub inputs: BTreeMap<String, Array>,
    /// One class a sample; where `targets` say more than a class, 0 for all: one stratum.
    pub labels: Vec<i64>,
    /// What the labels are where they are not one whole number a sample.
    pub targets: Option<Array>,
    /// Further columns, one value a sample, as text.
    pub columns: BTreeMap<String, Vec<String>>,
    /// Further arrays, as integers.
    pub extras: BTreeMap<String, Vec<i64>>,
    /// Hash of everything above.
    pub sha256: Sha256Hex,
}

/// What can be wrong with a dataset.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The path leads nowhere.
    #[error("no data at {}; `[data] path` is relative to the study file", .0.display())]
    Absent(PathBuf),
    /// The file cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An array is not there.
    #[error("{} has no array `{name}`; it has {}", path.display(), list(found))]
    NoArray {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        name: String,
        /// What is there.
        found: Vec<String>,
    },
    /// An array has an element type that cannot be read.
    #[error("array `{name}` of {} has the element type {descriptor}; save it as bool, int8, uint8, int32, int64, float32 or float64 in little-endian order", path.display())]
    Element {
        /// The file.
        path: PathBuf,
        /// The array.
        name: String,
        /// NumPy's descriptor.
        descriptor: String,
    },
    /// An array does not fit the model.
    #[error("{}", path.display())]
    Need {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: NeedError,
    },
    /// Arrays that should have one entry a sample do not.
    #[error("array `{name}` of {} has {found} entries for {samples} samples", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// The array.
        name: String,
        /// Its entries.
        found: usize,
        /// The samples.
        samples: usize,
    },
    /// A column of integers holds something else.
    #[error("array `{name}` of {} must be one-dimensional and hold whole numbers", path.display())]
    NotIntegers {
        /// The file.
        path: PathBuf,
        /// The array.
        name: String,
    },
    /// An input holds NaN or infinity.
    #[error("array `{name}` of {} holds a value that is not finite, first in sample {sample}", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The array.
        name: String,
        /// The first such sample.
        sample: usize,
    },
    /// A folder's table or an image is unusable.
    #[error("{}: {problem}", path.display())]
    Folder {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".into() } else { format!("`{}`", names.join("`, `")) }
}

impl Dataset {
    /// Inputs as they are, about which there is nothing to be right or wrong.
    ///
    /// # Errors
    /// The encoder's that names the contents.
    pub fn unlabelled(
        inputs: BTreeMap<String, Array>,
    ) -> Result<Dataset, safetensors::SafeTensorError> {
        let sha256 = Sha256Hex::of(&super::write_tensors(&inputs)?);
        let (labels, columns, extras) = (vec![], BTreeMap::new(), BTreeMap::new());
        Ok(Dataset { inputs, labels, targets: None, columns, extras, sha256 })
    }

    /// Reads an `.npz` file, or a folder with a `labels.csv`.
    ///
    /// # Errors
    /// [`DataError`] names the file and the array.
    pub fn load(path: &Path, wanted: &Wanted) -> Result<Dataset, DataError> {
        let dataset = match std::fs::metadata(path) {
            Err(_) => return Err(DataError::Absent(path.to_path_buf())),
            Ok(found) if found.is_dir() => folder::load(path, wanted)?,
            Ok(_) => npz::load(path, wanted)?,
        };
        dataset.check(path, wanted)?;
        Ok(dataset)
    }

    /// Reads the inputs of an `.npz` file alone, without labels; of a folder, those of all of it.
    /// `needs` may be of several models, as long as equal names mean equal inputs.
    ///
    /// # Errors
    /// [`DataError`] names the file and the array.
    pub fn inputs_alone(
        path: &Path,
        needs: &[InputNeed],
    ) -> Result<BTreeMap<String, Array>, DataError> {
        if path.is_dir() {
            let (columns, extras, pixels) = (vec![], vec![], Pixels::default());
            let wanted = Wanted { inputs: needs, columns, extras, pixels };
            return Ok(Self::load(path, &wanted)?.inputs);
        }
        if !path.exists() {
            return Err(DataError::Absent(path.to_path_buf()));
        }
        let inputs = npz::inputs(path, needs)?;
        let samples = inputs.values().next().map_or(0, Array::rows);
        for (name, array) in &inputs {
            let (path, name, found) = (path.to_path_buf(), name.clone(), array.rows());
            if found != samples {
                return Err(DataError::Length { path, name, found, samples });
            }
            if let Some(sample) = array.first_not_finite() {
                return Err(DataError::NotFinite { path, name, sample });
            }
        }
        Ok(inputs)
    }

    /// Puts the parts together and hashes them.
    pub(super) fn new(
        inputs: BTreeMap<String, Array>,
        truth: Array,
        columns: BTreeMap<String, Vec<String>>,
        extras: BTreeMap<String, Vec<i64>>,
    ) -> Dataset {
        let (labels, targets) = match truth.as_integers() {
            Some(labels) => (labels, None),
            None => (vec![0; truth.rows()], Some(truth)),
        };
        let mut parts: Vec<Vec<u8>> = Vec::new();
        for (name, array) in &inputs {
            parts.push(format!("{name} {} {:?}\n", array.dtype(), array.shape()).into_bytes());
            parts.push(array.to_bytes());
        }
        parts.push(format!("{labels:?}\n{columns:?}\n{extras:?}").into_bytes());
        parts.extend(targets.as_ref().map(|t| format!("{:?}\n", t.shape()).into_bytes()));
        parts.extend(targets.as_ref().map(Array::to_bytes));
        let sha256 = Sha256Hex::of_parts(parts.iter().map(Vec::as_slice));
        Dataset { inputs, labels, targets, columns, extras, sha256 }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// All inputs of the samples at `indices`.
    pub fn inputs_at(&self, indices: &[usize]) -> BTreeMap<String, Array> {
        self.inputs.iter().map(|(name, array)| (name.clone(), array.take(indices))).collect()
    }

    /// Hash of the samples at `indices`: what a calibration stands on.
    pub fn sha256_of(&self, indices: &[usize]) -> Sha256Hex {
        Sha256Hex::of_parts([self.sha256.as_str().as_bytes(), format!("{indices:?}").as_bytes()])
    }

    /// The samples in a range, with inputs of their own.
    pub(super) fn rows(&self, inputs: BTreeMap<String, Array>, range: Range<usize>) -> Dataset {
        let positions: Vec<usize> = range.clone().collect();
        let part = |column: &Vec<String>| column[range.clone()].to_vec();
        Dataset {
            inputs,
            labels: self.labels[range.clone()].to_vec(),
            targets: self.targets.as_ref().map(|targets| targets.take(&positions)),
            columns: self.columns.iter().map(|(name, c)| (name.clone(), part(c))).collect(),
            extras: self.extras.clone(),
            sha256: self.sha256_of(&positions),
        }
    }

    pub(super) fn check(&self, path: &Path, wanted: &Wanted) -> Result<(), DataError> {
        let at = || path.to_path_buf();
        let lengths = self
            .inputs
            .iter()
            .map(|(name, array)| (name, array.rows()))
            .chain(self.columns.iter().map(|(name, column)| (name, column.len())));
        for (name, found) in lengths {
            if found != self.len() {
                let (name, samples) = (name.clone(), self.len());
                return Err(DataError::Length { path: at(), name, found, samples });
            }
        }
        if let Some(sample) = self.targets.as_ref().and_then(Array::first_not_finite) {
            return Err(DataError::NotFinite { path: at(), name: "labels".into(), sample });
        }
        let mut values = BTreeMap::new();
        for need in wanted.inputs {
            let array = &self.inputs[&need.name];
            need.bind(array, &mut values)
                .map_err(|source| DataError::Need { path: at(), source })?;
            if let Some(sample) = array.first_not_finite() {
                return Err(DataError::NotFinite { path: at(), name: need.name.clone(), sample });
            }
        }
        Ok(())
    }
}
