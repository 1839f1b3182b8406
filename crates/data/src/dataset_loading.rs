//! Loading of datasets: from `.npz` files and labelled folders, into memory or into a file.

use super::dataset::digest;
use super::sample_rows::RowFileWriter;
use super::{
    DataError, Dataset, DatasetRequest, DatasetRules, DatasetWindows, SampleRows, WINDOW_BYTES,
    labelled_folder, npz,
};
use paring_agent::arrays::{Array, InputNeed};
use std::collections::BTreeMap;
use std::path::Path;

/// Bytes of inputs that go into a file at once.
const FILED_BYTES: u64 = 32 << 20;

impl Dataset {
    /// Reads an `.npz` file, or a folder with a `labels.csv`. Of inputs that take more than
    /// [`WINDOW_BYTES`] only what is asked for is in memory.
    ///
    /// # Errors
    /// [`DataError`] names the file and the array.
    pub fn load(path: &Path, wanted: &DatasetRequest) -> Result<Dataset, DataError> {
        Self::load_within(path, wanted, WINDOW_BYTES)
    }

    /// [`Dataset::load`] with another limit on the bytes of inputs that are held in memory.
    ///
    /// # Errors
    /// [`DataError`] names the file and the array.
    pub fn load_within(
        path: &Path,
        wanted: &DatasetRequest,
        bytes: u64,
    ) -> Result<Dataset, DataError> {
        let windows = DatasetWindows::open(path, wanted.clone(), bytes.min(FILED_BYTES))?;
        if windows.bytes() > bytes {
            return Self::filed(windows);
        }
        let (inputs, whole) = windows.all()?;
        let sha256 = digest(&inputs, &whole)?;
        let dataset = Dataset { inputs, sha256, ..whole };
        dataset.check(path, wanted)?;
        Ok(dataset)
    }

    fn filed(mut windows: DatasetWindows) -> Result<Dataset, DataError> {
        let mut filings: BTreeMap<String, RowFileWriter> = BTreeMap::new();
        let mut inputs: BTreeMap<String, SampleRows> = BTreeMap::new();
        while let Some((_, window)) = windows.window()? {
            for (name, rows) in window.inputs {
                if let SampleRows::Repeated(_) = rows {
                    inputs.insert(name, rows.extended(windows.samples()));
                    continue;
                }
                let part = rows.take(&(0..rows.count()).collect::<Vec<_>>())?;
                match filings.get_mut(&name) {
                    Some(filing) => filing.append(&part)?,
                    None => {
                        filings.insert(name, RowFileWriter::begin(windows.path(), &part)?);
                    }
                }
            }
        }
        inputs.extend(filings.into_iter().map(|(name, filing)| (name, filing.end())));
        let whole = windows.into_whole();
        let sha256 = digest(&inputs, &whole)?;
        Ok(Dataset { inputs, sha256, ..whole })
    }

    /// Reads labels alone, with the names of classes and files; `needs` say how many samples there are
    /// where no labels do.
    ///
    /// # Errors
    /// [`DataError`] names the file and the array.
    pub fn labels_alone(
        path: &Path,
        needs: &[InputNeed],
        rules: &DatasetRules,
    ) -> Result<Dataset, DataError> {
        let (columns, extras, rules) = (vec![], vec![], rules.clone());
        let wanted = DatasetRequest { inputs: &[], columns, extras, rules };
        match path.is_dir() {
            true => labelled_folder::labels(path, &wanted),
            false => npz::labels(&mut npz::NpzArchive::open(path)?, &wanted, needs),
        }
    }

    /// Reads the inputs of an `.npz` file alone, without labels; of a folder, those of all of it.
    /// `needs` may be of several models, as long as equal names mean equal inputs.
    ///
    /// # Errors
    /// [`DataError`] names the file and the array.
    pub fn inputs_alone(
        path: &Path,
        needs: &[InputNeed],
        rules: &DatasetRules,
    ) -> Result<BTreeMap<String, Array>, DataError> {
        if !path.exists() {
            return Err(DataError::Absent(path.to_path_buf()));
        }
        if path.is_dir() {
            let (columns, extras, rules) = (vec![], vec![], rules.clone());
            let wanted = DatasetRequest { inputs: needs, columns, extras, rules };
            let all = labelled_folder::load(path, &wanted)?;
            all.check(path, &wanted)?;
            return all.inputs_at(&(0..all.len()).collect::<Vec<_>>());
        }
        let inputs = npz::inputs(path, needs)?.into_iter().map(|(name, rows)| {
            let array = rows.take(&(0..rows.count()).collect::<Vec<_>>())?;
            match array.first_not_finite() {
                Some(sample) => {
                    Err(DataError::NotFinite { path: path.to_path_buf(), name, sample })
                }
                None => Ok((name, array)),
            }
        });
        inputs.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, Array3, ArrayD};
    use paring_agent::arrays::{Dim, Dtype};

    #[test]
    fn data_in_a_file_are_the_data_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.npz");
        let mut writer =
            ndarray_npy::NpzWriter::new_compressed(std::fs::File::create(&path).unwrap());
        let x = Array3::from_shape_fn((50, 4, 2), |(r, c, d)| (100 * r + 10 * c + d) as f32);
        writer.add_array("x", &x).unwrap();
        writer.add_array("labels", &Array1::from_iter((0..50i64).map(|l| l % 3))).unwrap();
        writer.add_array("site", &Array1::from_iter((0..50i64).map(|l| l % 7))).unwrap();
        writer.finish().unwrap();
        let dims = vec![Dim::Symbol("N".into()), Dim::Fixed(4), Dim::Symbol("d".into())];
        let inputs = [InputNeed::batched("x", Dtype::F32, dims)];
        let columns = vec!["site".to_string()];
        let wanted = DatasetRequest {
            inputs: &inputs,
            columns,
            extras: vec![],
            rules: DatasetRules::default(),
        };
        let held = Dataset::load(&path, &wanted).unwrap();
        let filed = Dataset::load_within(&path, &wanted, 7 * 32).unwrap();
        assert!(matches!(held.inputs["x"], SampleRows::Held(_)));
        assert!(matches!(filed.inputs["x"], SampleRows::Filed(_)));
        assert_eq!(filed.sha256, held.sha256);
        assert_eq!((&filed.labels, &filed.columns), (&held.labels, &held.columns));
        let some = [49, 0, 13, 13];
        assert_eq!(filed.inputs_at(&some).unwrap(), held.inputs_at(&some).unwrap());
    }

    #[test]
    fn a_value_that_is_not_finite_is_found_in_whatever_window() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.npz");
        let mut writer = ndarray_npy::NpzWriter::new(std::fs::File::create(&path).unwrap());
        let x = ArrayD::from_shape_fn(vec![20, 2], |i| if i[0] == 17 { f32::NAN } else { 1.0 });
        writer.add_array("x", &x).unwrap();
        writer.add_array("labels", &Array1::<i64>::zeros(20)).unwrap();
        writer.finish().unwrap();
        let dims = vec![Dim::Symbol("x:0".into()), Dim::Fixed(2)];
        let inputs = [InputNeed::batched("x", Dtype::F32, dims)];
        let wanted = DatasetRequest {
            inputs: &inputs,
            columns: vec![],
            extras: vec![],
            rules: DatasetRules::default(),
        };
        for bytes in [8 * 4, WINDOW_BYTES] {
            let error = Dataset::load_within(&path, &wanted, bytes).unwrap_err();
            assert!(matches!(error, DataError::NotFinite { sample: 17, .. }), "{error}");
        }
    }
}
