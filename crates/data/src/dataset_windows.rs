//! Data that do not fit in memory: a dataset in windows of consecutive samples.
//!
//! Labels and columns are small and read as a whole; of inputs only the rows of a window are held.

use super::npz::{self, NpzArchive, StoredInputs};
use super::{DataError, Dataset, DatasetRequest, SampleRows, labelled_folder};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Bytes of inputs that a window may hold.
pub const WINDOW_BYTES: u64 = 256 << 20;

/// A dataset, window by window.
#[derive(Debug)]
pub struct DatasetWindows<'a> {
    path: PathBuf,
    wanted: DatasetRequest<'a>,
    /// Labels, columns and index arrays of all samples; no inputs.
    whole: Dataset,
    /// Bytes of one sample's inputs.
    each: u64,
    rows: usize,
    next: usize,
    /// `None` for a folder.
    archive: Option<(NpzArchive, StoredInputs)>,
}

impl<'a> DatasetWindows<'a> {
    /// Opens data; each window holds as many samples as fit in `bytes`, and at least one.
    ///
    /// # Errors
    /// [`DataError`] names the file and the array.
    pub fn open(path: &Path, wanted: DatasetRequest<'a>, bytes: u64) -> Result<Self, DataError> {
        let bare = DatasetRequest { inputs: &[], ..wanted.clone() };
        let (whole, each, archive) = match std::fs::metadata(path) {
            Err(_) => return Err(DataError::Absent(path.to_path_buf())),
            Ok(found) if found.is_dir() => {
                (labelled_folder::labels(path, &bare)?, row_of_folder(path, &wanted)?, None)
            }
            Ok(_) => {
                let mut archive = NpzArchive::open(path)?;
                let whole = npz::labels(&mut archive, &bare, wanted.inputs)?;
                let class_names = wanted.rules.classes.clone();
                let whole = Dataset { class_names, ..whole };
                let inputs = StoredInputs::find(&mut archive, wanted.inputs, Some(whole.len()))?;
                (whole, inputs.sample_bytes(), Some((archive, inputs)))
            }
        };
        let rows = usize::try_from(bytes / each.max(1)).unwrap_or(usize::MAX).max(1);
        Ok(DatasetWindows { path: path.to_path_buf(), wanted, whole, each, rows, next: 0, archive })
    }

    /// Number of samples in all windows.
    pub fn samples(&self) -> usize {
        self.whole.len()
    }

    /// True if the data say what is right.
    pub fn labelled(&self) -> bool {
        self.whole.labelled
    }

    /// Bytes of the inputs of all samples.
    pub fn bytes(&self) -> u64 {
        self.each.saturating_mul(self.samples() as u64)
    }

    /// Path of the data.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Labels and columns of all samples, without inputs.
    pub(super) fn into_whole(self) -> Dataset {
        self.whole
    }

    /// The inputs of all samples at once, with labels and columns.
    pub(super) fn all(mut self) -> Result<(BTreeMap<String, SampleRows>, Dataset), DataError> {
        let inputs = self.inputs(0, self.samples())?;
        Ok((inputs, self.whole))
    }

    /// Columns of all samples.
    pub fn columns(&self) -> &BTreeMap<String, Vec<String>> {
        &self.whole.columns
    }

    /// The next window with the position of its first sample; `None` at the end.
    ///
    /// # Errors
    /// [`DataError`] names the file and the array.
    pub fn window(&mut self) -> Result<Option<(usize, Dataset)>, DataError> {
        let (first, end) = (self.next, self.samples().min(self.next.saturating_add(self.rows)));
        if first >= end {
            return Ok(None);
        }
        let inputs = self.inputs(first, end - first)?;
        let dataset = self.whole.rows(inputs, first..end);
        dataset.check(&self.path, &self.wanted).map_err(|error| match error {
            DataError::NotFinite { path, name, sample } => {
                DataError::NotFinite { path, name, sample: sample + first }
            }
            other => other,
        })?;
        self.next = end;
        Ok(Some((first, dataset)))
    }

    fn inputs(
        &mut self,
        first: usize,
        count: usize,
    ) -> Result<BTreeMap<String, SampleRows>, DataError> {
        match &mut self.archive {
            Some((archive, inputs)) => inputs.rows(archive, first, count),
            None => {
                let arrays =
                    labelled_folder::inputs(&self.path, &self.wanted, first..first + count)?;
                Ok(arrays.into_iter().map(|(name, array)| (name, array.into())).collect())
            }
        }
    }
}

fn row_of_folder(path: &Path, wanted: &DatasetRequest) -> Result<u64, DataError> {
    let first = labelled_folder::inputs(path, wanted, 0..1)?;
    Ok(first.values().map(|array| array.to_bytes().len() as u64).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DatasetRules;
    use ndarray::{Array1, Array2};
    use paring_agent::arrays::{Dim, Dtype, InputNeed};
    use std::fs::File;

    #[test]
    fn windows_together_are_the_whole() {
        let folder = tempfile::tempdir().unwrap();
        for compressed in [false, true] {
            let path = folder.path().join(format!("{compressed}.npz"));
            let file = File::create(&path).unwrap();
            let mut writer = match compressed {
                true => ndarray_npy::NpzWriter::new_compressed(file),
                false => ndarray_npy::NpzWriter::new(file),
            };
            let x = Array2::from_shape_fn((10, 3), |(r, c)| (10 * r + c) as f32);
            writer.add_array("x", &x).unwrap();
            writer.add_array("labels", &Array1::from_iter(0..10i64)).unwrap();
            writer.finish().unwrap();
            let dims = vec![Dim::Symbol("N".into()), Dim::Fixed(3)];
            let inputs = [InputNeed::batched("x", Dtype::F32, dims)];
            let wanted = DatasetRequest {
                inputs: &inputs,
                columns: vec![],
                extras: vec![],
                rules: DatasetRules::default(),
            };
            let whole = Dataset::load(&path, &wanted).unwrap();
            let mut windows = DatasetWindows::open(&path, wanted, 4 * 12).unwrap();
            let mut firsts = Vec::new();
            while let Some((first, window)) = windows.window().unwrap() {
                let all: Vec<usize> = (0..window.len()).collect();
                let own: Vec<usize> = all.iter().map(|p| p + first).collect();
                assert_eq!(window.inputs_at(&all).unwrap(), whole.inputs_at(&own).unwrap());
                assert_eq!(window.labels, whole.labels[first..first + window.len()]);
                firsts.push(first);
            }
            assert_eq!(firsts, [0, 4, 8]);
        }
    }
}
