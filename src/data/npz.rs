//! Datasets in NumPy's `.npz`: arrays by the names of the model's inputs, and `labels` where there are
//! any.

use super::{Array, DataError, Dataset, InputNeed, Wanted};
use ndarray::{ArrayD, IxDyn, OwnedRepr};
use ndarray_npy::{NpzReader, ReadNpyError, ReadNpzError, ReadableElement};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// Reads what is wanted from the file, which has so many samples where no input says how many.
pub(super) fn load(path: &Path, wanted: &Wanted, samples: usize) -> Result<Dataset, DataError> {
    let mut archive = Archive::open(path)?;
    let inputs = archive.inputs(wanted.inputs)?;
    let labelled = archive.names.iter().any(|name| name == "labels");
    let samples = inputs.values().next().map_or(samples, Array::rows);
    let truth = if labelled { Ok(archive.array("labels")?) } else { Err(samples) };
    let columns = wanted
        .columns
        .iter()
        .map(|name| {
            let column = archive.integers(name)?.iter().map(i64::to_string).collect();
            Ok((name.clone(), column))
        })
        .collect::<Result<_, DataError>>()?;
    let extras = wanted
        .extras
        .iter()
        .map(|name| Ok((name.clone(), archive.integers(name)?)))
        .collect::<Result<_, DataError>>()?;
    Dataset::new(inputs, truth, columns, extras)
}

/// Reads the inputs alone: a file of samples needs no labels to be measured with.
pub(super) fn inputs(
    path: &Path,
    needs: &[InputNeed],
) -> Result<BTreeMap<String, Array>, DataError> {
    Archive::open(path)?.inputs(needs)
}

struct Archive<'a> {
    path: &'a Path,
    reader: NpzReader<File>,
    names: Vec<String>,
}

impl<'a> Archive<'a> {
    fn open(path: &'a Path) -> Result<Self, DataError> {
        let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| DataError::Read {
            path: path.to_path_buf(),
            source,
        };
        let file = File::open(path).map_err(|e| unreadable(e.into()))?;
        let mut reader = NpzReader::new(file).map_err(|e| unreadable(e.into()))?;
        let names = reader.names().map_err(|e| unreadable(e.into()))?;
        Ok(Archive { path, reader, names })
    }

    fn inputs(&mut self, needs: &[InputNeed]) -> Result<BTreeMap<String, Array>, DataError> {
        needs.iter().map(|need| Ok((need.name.clone(), self.array(&need.name)?))).collect()
    }

    fn integers(&mut self, name: &str) -> Result<Vec<i64>, DataError> {
        self.array(name)?.as_integers().ok_or_else(|| DataError::NotIntegers {
            path: self.path.to_path_buf(),
            name: name.to_string(),
        })
    }

    /// The array `name` in whatever supported element type it has.
    fn array(&mut self, name: &str) -> Result<Array, DataError> {
        if !self.names.iter().any(|n| n == name) {
            return Err(DataError::NoArray {
                path: self.path.to_path_buf(),
                name: name.to_string(),
                found: self.names.clone(),
            });
        }
        type Attempt<'a> = fn(&mut Archive<'a>, &str) -> Result<Array, ReadNpzError>;
        let attempts: [Attempt<'a>; 7] = [
            Self::typed::<f32>,
            Self::typed::<i64>,
            Self::typed::<u8>,
            Self::typed::<f64>,
            Self::typed::<i32>,
            Self::typed::<i8>,
            Self::typed::<bool>,
        ];
        let mut descriptor = String::new();
        for attempt in attempts {
            match attempt(self, name) {
                Ok(array) => return Ok(array),
                Err(ReadNpzError::Npy(ReadNpyError::WrongDescriptor(found))) => {
                    descriptor = found.to_string();
                }
                Err(error) => {
                    return Err(DataError::Read {
                        path: self.path.to_path_buf(),
                        source: error.into(),
                    });
                }
            }
        }
        let (path, name) = (self.path.to_path_buf(), name.to_string());
        Err(DataError::Element { path, name, descriptor })
    }

    fn typed<T: ReadableElement + Clone>(&mut self, name: &str) -> Result<Array, ReadNpzError>
    where
        Array: From<ArrayD<T>>,
    {
        let array = self.reader.by_name::<OwnedRepr<T>, IxDyn>(name)?;
        // Fortran order is legal in a file; everything after this counts on row-major order.
        Ok(array.as_standard_layout().into_owned().into())
    }
}
