//! Data that do not fit in memory: a dataset in windows of consecutive samples.
//!
//! Labels and columns are small and read as a whole; of inputs only the rows of a window are held.

use super::npy::Header;
use super::{Array, DataError, Dataset, Wanted, folder, npz};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes of inputs that a window may hold.
pub const WINDOW_BYTES: u64 = 256 << 20;

/// A dataset, window by window.
#[derive(Debug)]
pub struct Windows<'a> {
    path: PathBuf,
    wanted: Wanted<'a>,
    /// Labels, columns and index arrays of all samples; no inputs.
    whole: Dataset,
    /// Bytes of one sample's inputs.
    each: u64,
    rows: usize,
    next: usize,
}

impl<'a> Windows<'a> {
    /// Opens data; each window holds as many samples as fit in `bytes`, and at least one.
    ///
    /// # Errors
    /// [`DataError`] names the file and the array.
    pub fn open(path: &Path, wanted: Wanted<'a>, bytes: u64) -> Result<Self, DataError> {
        let bare = Wanted { inputs: &[], ..wanted.clone() };
        let (whole, each) = match std::fs::metadata(path) {
            Err(_) => return Err(DataError::Absent(path.to_path_buf())),
            Ok(found) if found.is_dir() => {
                (folder::labels(path, &bare)?, row_of_folder(path, &wanted)?)
            }
            Ok(_) => (npz::load(path, &bare, samples(path, &wanted)?)?, row_of_npz(path, &wanted)?),
        };
        let rows = usize::try_from(bytes / each.max(1)).unwrap_or(usize::MAX).max(1);
        Ok(Windows { path: path.to_path_buf(), wanted, whole, each, rows, next: 0 })
    }

    /// Number of samples in all windows.
    pub fn samples(&self) -> usize {
        self.whole.len()
    }

    /// Whether the data say what is right.
    pub fn labelled(&self) -> bool {
        self.whole.labelled
    }

    /// Bytes of the inputs of all samples.
    pub fn bytes(&self) -> u64 {
        self.each.saturating_mul(self.samples() as u64)
    }

    /// Where they are read from.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Labels and columns of all samples, without inputs.
    pub(super) fn into_whole(self) -> Dataset {
        self.whole
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
        let inputs = match self.path.is_dir() {
            true => folder::inputs(&self.path, &self.wanted, first..end)?,
            false => self.stored(first, end - first)?,
        };
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

    fn stored(&self, first: usize, count: usize) -> Result<BTreeMap<String, Array>, DataError> {
        let read = |name: &str| {
            let mut entry = Entry::open(&self.path, name)?;
            if entry.header.rows() != self.samples() {
                return Err(DataError::Length {
                    path: self.path.clone(),
                    name: name.to_string(),
                    found: entry.header.rows(),
                    samples: self.samples(),
                });
            }
            entry.rows(first, count)
        };
        let needs = self.wanted.inputs.iter();
        needs.map(|need| Ok((need.name.clone(), read(&need.name)?))).collect()
    }
}

/// Samples of an archive: rows of the first input, without reading it.
fn samples(path: &Path, wanted: &Wanted) -> Result<usize, DataError> {
    let Some(first) = wanted.inputs.first() else { return Ok(0) };
    Ok(Entry::open(path, &first.name)?.header.rows())
}

/// Bytes that one sample's inputs take.
fn row_of_npz(path: &Path, wanted: &Wanted) -> Result<u64, DataError> {
    wanted.inputs.iter().map(|need| Ok(Entry::open(path, &need.name)?.header.row_bytes())).sum()
}

fn row_of_folder(path: &Path, wanted: &Wanted) -> Result<u64, DataError> {
    let first = folder::inputs(path, wanted, 0..1)?;
    Ok(first.values().map(|array| array.to_bytes().len() as u64).sum())
}

/// One array in an archive.
struct Entry<'a> {
    path: &'a Path,
    name: &'a str,
    archive: zip::ZipArchive<File>,
    file: String,
    header: Header,
}

impl<'a> Entry<'a> {
    fn open(path: &'a Path, name: &'a str) -> Result<Self, DataError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| DataError::Read {
            path: path.to_path_buf(),
            source,
        };
        let file = File::open(path).map_err(|e| failed(e.into()))?;
        let mut archive = zip::ZipArchive::new(file).map_err(|e| failed(e.into()))?;
        let file = format!("{name}.npy");
        if archive.index_for_name(&file).is_none() {
            let plain = |n: &str| n.strip_suffix(".npy").unwrap_or(n).to_string();
            let found = archive.file_names().map(plain).collect();
            return Err(DataError::NoArray { path: path.to_path_buf(), name: name.into(), found });
        }
        let mut stream = archive.by_name(&file).map_err(|e| failed(e.into()))?;
        let header = Header::read(&mut stream).map_err(|e| failed(e.into()))?;
        drop(stream);
        if header.dtype.is_none() || header.fortran {
            let descriptor = match header.fortran {
                true => "column-major order, which cannot be read in parts".to_string(),
                false => header.descriptor,
            };
            return Err(DataError::Element {
                path: path.to_path_buf(),
                name: name.into(),
                descriptor,
            });
        }
        Ok(Entry { path, name, archive, file, header })
    }

    /// `count` rows from `first` on. Stored arrays are sought into, compressed ones read up to there.
    fn rows(&mut self, first: usize, count: usize) -> Result<Array, DataError> {
        let row = self.header.row_bytes();
        let skip = self.header.bytes + first as u64 * row;
        let mut bytes = vec![0; usize::try_from(count as u64 * row).unwrap_or(0)];
        let path = self.path;
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| DataError::Read {
            path: path.to_path_buf(),
            source,
        };
        let stored = {
            let entry = self.archive.by_name(&self.file).map_err(|e| failed(e.into()))?;
            entry.compression() == zip::CompressionMethod::Stored
        };
        if stored {
            let mut stream = self.archive.by_name_seek(&self.file).map_err(|e| failed(e.into()))?;
            stream.seek(SeekFrom::Start(skip)).map_err(|e| failed(e.into()))?;
            stream.read_exact(&mut bytes).map_err(|e| failed(e.into()))?;
        } else {
            let mut stream = self.archive.by_name(&self.file).map_err(|e| failed(e.into()))?;
            std::io::copy(&mut stream.by_ref().take(skip), &mut std::io::sink())
                .map_err(|e| failed(e.into()))?;
            stream.read_exact(&mut bytes).map_err(|e| failed(e.into()))?;
        }
        let mut shape = self.header.shape.clone();
        shape[0] = count;
        let array = self.header.dtype.and_then(|dtype| Array::from_bytes(dtype, &shape, &bytes));
        array.ok_or_else(|| DataError::Element {
            path: path.to_path_buf(),
            name: self.name.to_string(),
            descriptor: self.header.descriptor.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dim, Dtype, InputNeed, Pixels};
    use ndarray::{Array1, Array2};

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
            let inputs = [InputNeed { name: "x".into(), dtype: Dtype::F32, dims }];
            let wanted = Wanted {
                inputs: &inputs,
                columns: vec![],
                extras: vec![],
                pixels: Pixels::default(),
            };
            let whole = Dataset::load(&path, &wanted).unwrap();
            let mut windows = Windows::open(&path, wanted, 4 * 12).unwrap();
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
