//! Datasets in NumPy's `.npz`: arrays by the names of the model's inputs, and `labels` where there are
//! any; read as a whole or in parts, by one reader.

use super::npy::NpyHeader;
use super::{DataError, Dataset, DatasetRequest, SampleRows};
use paring_agent::arrays::SampleArrangement;
use paring_agent::arrays::{Array, InputNeed, InputNeedError};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use zip::{CompressionMethod, ZipArchive};

/// Arrays up to this size may be stored in whatever little.
const SMALL_BYTES: u64 = 64 << 20;
/// Most bytes that one stored byte may become in an input, of which windows are held. Deflate itself
/// ends at 1032.
const MOST_EXPANSION: u64 = 500;
/// The same in arrays that are held as a whole: labels, columns, indices.
const MOST_EXPANSION_HELD: u64 = 100;

/// Labels, columns and index arrays alone; `needs` say how many samples there are where no labels do.
pub(super) fn labels(
    archive: &mut NpzArchive,
    wanted: &DatasetRequest,
    needs: &[InputNeed],
) -> Result<Dataset, DataError> {
    let truth = match archive.has("labels") {
        false => Err(StoredInputs::find(archive, needs, None)?.samples),
        true => {
            let header = archive.held_header("labels")?;
            archive.not_empty("labels", &header)?;
            if header.shape.is_empty() {
                return Err(archive.not_integers("labels"));
            }
            Ok(archive.array("labels", &header)?)
        }
    };
    let samples = truth.as_ref().map_or_else(|samples| *samples, Array::rows);
    for name in &wanted.columns {
        let column = archive.held_header(name)?;
        archive.one_a_sample(name, column.rows(), samples)?;
    }
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
    Dataset::new(BTreeMap::new(), truth, columns, extras)
}

/// Reads the inputs alone: a file of samples needs no labels to be measured with.
pub(super) fn inputs(
    path: &Path,
    needs: &[InputNeed],
) -> Result<BTreeMap<String, SampleRows>, DataError> {
    let mut archive = NpzArchive::open(path)?;
    let stored = StoredInputs::find(&mut archive, needs, None)?;
    stored.rows(&mut archive, 0, stored.samples)
}

/// The inputs of an archive: their headers, held against what a model needs.
#[derive(Debug)]
pub(super) struct StoredInputs {
    /// Number of samples.
    pub(super) samples: usize,
    inputs: Vec<(String, NpyHeader, SampleArrangement)>,
}

impl StoredInputs {
    /// Looks at the headers of all inputs, which must have as many samples as `samples` says, or as
    /// each other.
    pub(super) fn find(
        archive: &mut NpzArchive,
        needs: &[InputNeed],
        samples: Option<usize>,
    ) -> Result<Self, DataError> {
        let mut inputs = Vec::new();
        for need in needs {
            let header = archive.header(&need.name)?;
            let dtype = header.dtype().ok_or_else(|| archive.element(&need.name, &header))?;
            archive.not_empty(&need.name, &header)?;
            let arrangement = need.arrangement(&header.shape);
            need.bind(dtype, &arranged(&header, arrangement, header.rows()), &mut BTreeMap::new())
                .map_err(|error| DataError::Need {
                    path: archive.path.clone(),
                    source: as_stored(error, &header),
                })?;
            inputs.push((need.name.clone(), header, arrangement));
        }
        let mut counted = inputs.iter().filter(|(.., how)| *how != SampleArrangement::Shared);
        let samples = samples.or_else(|| Some(counted.next()?.1.rows())).unwrap_or(1);
        for (name, header, _) in inputs.iter().filter(|(.., how)| *how != SampleArrangement::Shared)
        {
            archive.one_a_sample(name, header.rows(), samples)?;
        }
        Ok(StoredInputs { samples, inputs })
    }

    /// Bytes of one sample; what all share is not counted.
    pub(super) fn sample_bytes(&self) -> u64 {
        let own = self.inputs.iter().filter(|(.., how)| *how != SampleArrangement::Shared);
        own.map(|(_, header, _)| header.row_bytes()).sum()
    }

    /// `count` samples from `first` on.
    pub(super) fn rows(
        &self,
        archive: &mut NpzArchive,
        first: usize,
        count: usize,
    ) -> Result<BTreeMap<String, SampleRows>, DataError> {
        let mut found = BTreeMap::new();
        for (name, header, arrangement) in &self.inputs {
            let array = match arrangement {
                SampleArrangement::Shared => archive.array(name, header)?,
                _ => archive.rows(name, header, first, count)?,
            };
            // A shared value is one entry here, repeated below.
            let entries = if *arrangement == SampleArrangement::Shared { 1 } else { count };
            let shape = arranged(header, *arrangement, entries);
            let array = array.reshaped(&shape).ok_or_else(|| archive.element(name, header))?;
            let rows = match arrangement {
                SampleArrangement::Shared => SampleRows::repeated(array, count),
                _ => SampleRows::from(array),
            };
            found.insert(name.clone(), rows);
        }
        Ok(found)
    }
}

/// An error about a shape, which names the one in the file.
fn as_stored(error: InputNeedError, header: &NpyHeader) -> InputNeedError {
    match error {
        InputNeedError::Shape { name, wanted, .. } => {
            InputNeedError::Shape { name, wanted, found: header.shape.clone() }
        }
        other => other,
    }
}

/// The shape of `entries` samples along a first axis.
fn arranged(header: &NpyHeader, arrangement: SampleArrangement, entries: usize) -> Vec<usize> {
    let (before, own): (&[usize], &[usize]) = match arrangement {
        SampleArrangement::Entries if header.shape.is_empty() => return Vec::new(),
        SampleArrangement::Entries => (&[], &header.shape[1..]),
        SampleArrangement::Squeezed => (&[1], &header.shape[1..]),
        SampleArrangement::Shared => (&[], &header.shape),
    };
    std::iter::once(entries).chain(before.iter().copied()).chain(own.iter().copied()).collect()
}

/// A `.npz` file.
#[derive(Debug)]
pub(super) struct NpzArchive {
    path: PathBuf,
    archive: ZipArchive<File>,
}

impl NpzArchive {
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| DataError::Read {
            path: path.to_path_buf(),
            source,
        };
        let file = File::open(path).map_err(|e| unreadable(e.into()))?;
        let archive = ZipArchive::new(file).map_err(|e| unreadable(e.into()))?;
        Ok(NpzArchive { path: path.to_path_buf(), archive })
    }

    fn has(&self, name: &str) -> bool {
        self.archive.index_for_name(&format!("{name}.npy")).is_some()
    }

    /// The header of an array, whose elements the archive holds as far as its directory says.
    fn header(&mut self, name: &str) -> Result<NpyHeader, DataError> {
        self.header_within(name, MOST_EXPANSION)
    }

    /// The header of an array that is held as a whole.
    fn held_header(&mut self, name: &str) -> Result<NpyHeader, DataError> {
        self.header_within(name, MOST_EXPANSION_HELD)
    }

    /// The header of an array of which one stored byte may become `most`.
    fn header_within(&mut self, name: &str, most: u64) -> Result<NpyHeader, DataError> {
        let entry = format!("{name}.npy");
        if self.archive.index_for_name(&entry).is_none() {
            let plain = |n: &str| n.strip_suffix(".npy").unwrap_or(n).to_string();
            let found = self.archive.file_names().map(plain).collect();
            return Err(DataError::NoArray { path: self.path.clone(), name: name.into(), found });
        }
        let failed = failed(&self.path, name);
        let mut stream = self.archive.by_name(&entry).map_err(|e| failed(e.into()))?;
        let header = NpyHeader::read(&mut stream).map_err(&failed)?;
        let (needs, holds) = (header.total_bytes().unwrap_or(u64::MAX), stream.size());
        let stored = stream.compressed_size();
        if needs > holds && !header.shape.contains(&0) {
            let problem = format!("shape {:?} needs {needs} bytes, it has {holds}", header.shape);
            return Err(failed(io::Error::new(io::ErrorKind::InvalidData, problem)));
        }
        drop(stream);
        self.expands_little(name, needs, stored, most)?;
        Ok(header)
    }

    fn expands_little(
        &self,
        name: &str,
        bytes: u64,
        stored: u64,
        most: u64,
    ) -> Result<(), DataError> {
        if bytes <= SMALL_BYTES || bytes / most <= stored {
            return Ok(());
        }
        let (path, name) = (self.path.clone(), name.to_string());
        Err(DataError::Expands { path, name, bytes, stored, most })
    }

    /// A whole array.
    fn array(&mut self, name: &str, header: &NpyHeader) -> Result<Array, DataError> {
        self.rows(name, header, 0, header.rows())
    }

    /// `count` entries along axis 0 from `first` on. Stored arrays are sought into, compressed ones
    /// read up to there.
    fn rows(
        &mut self,
        name: &str,
        header: &NpyHeader,
        first: usize,
        count: usize,
    ) -> Result<Array, DataError> {
        if !header.readable() {
            return Err(self.element(name, header));
        }
        let entry = format!("{name}.npy");
        let failed = failed(&self.path, name);
        let stored = {
            let stream = self.archive.by_name(&entry).map_err(|e| failed(e.into()))?;
            stream.compression() == CompressionMethod::Stored
        };
        if stored {
            let mut stream = self.archive.by_name_seek(&entry).map_err(|e| failed(e.into()))?;
            stream.seek(SeekFrom::Start(header.bytes)).map_err(&failed)?;
            let mut skip = |stream: &mut _, bytes: u64| seek_over(stream, bytes);
            return header.rows_of(&mut stream, &mut skip, first, count).map_err(&failed);
        }
        let mut stream = self.archive.by_name(&entry).map_err(|e| failed(e.into()))?;
        let mut skip = |stream: &mut _, bytes: u64| read_over(stream, bytes);
        skip(&mut stream, header.bytes).map_err(&failed)?;
        header.rows_of(&mut stream, &mut skip, first, count).map_err(&failed)
    }

    fn integers(&mut self, name: &str) -> Result<Vec<i64>, DataError> {
        let header = self.held_header(name)?;
        let array = self.array(name, &header)?;
        array.as_integers().ok_or_else(|| self.not_integers(name))
    }

    fn not_integers(&self, name: &str) -> DataError {
        DataError::NotIntegers { path: self.path.clone(), name: name.to_string() }
    }

    fn element(&self, name: &str, header: &NpyHeader) -> DataError {
        let (path, name, descriptor) = (self.path.clone(), name.into(), header.descriptor.clone());
        DataError::Element { path, name, descriptor }
    }

    fn not_empty(&self, name: &str, header: &NpyHeader) -> Result<(), DataError> {
        match header.shape.contains(&0) {
            true => {
                let (name, shape) = (name.to_string(), header.shape.clone());
                Err(DataError::Empty { path: self.path.clone(), name, shape })
            }
            false => Ok(()),
        }
    }

    fn one_a_sample(&self, name: &str, found: usize, samples: usize) -> Result<(), DataError> {
        let (path, name) = (self.path.clone(), name.to_string());
        match found == samples {
            true => Ok(()),
            false => Err(DataError::Length { path, name, found, samples }),
        }
    }
}

fn failed(path: &Path, name: &str) -> impl Fn(io::Error) -> DataError {
    let (path, name) = (path.to_path_buf(), name.to_string());
    move |source| DataError::Array { path: path.clone(), name: name.clone(), source }
}

fn seek_over(stream: &mut impl Seek, bytes: u64) -> io::Result<()> {
    let offset = i64::try_from(bytes).map_err(io::Error::other)?;
    stream.seek(SeekFrom::Current(offset)).map(drop)
}

fn read_over(stream: &mut impl Read, bytes: u64) -> io::Result<()> {
    if bytes > 0 {
        io::copy(&mut stream.by_ref().take(bytes), &mut io::sink())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dataset, DatasetRules, DatasetWindows};
    use ndarray::{Array1, Array2};
    use paring_agent::arrays::{Dim, Dtype};

    /// An archive of zeros, which deflate stores in a thousandth: `samples` of 1024 floats, a label
    /// each, `extra` integers beside.
    fn zeros(path: &Path, samples: usize, extra: usize) {
        let mut writer = ndarray_npy::NpzWriter::new_compressed(File::create(path).unwrap());
        writer.add_array("x", &Array2::<f32>::zeros((samples, 1024))).unwrap();
        writer.add_array("labels", &Array1::<i64>::zeros(samples)).unwrap();
        writer.add_array("extra", &Array1::<i64>::zeros(extra)).unwrap();
        writer.finish().unwrap();
    }

    #[test]
    fn arrays_that_expand_beyond_reason_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("zeros.npz");
        let inputs =
            [InputNeed::batched("x", Dtype::F32, vec![Dim::Symbol("N".into()), Dim::Fixed(1024)])];
        let open = |extra: bool| {
            let extras = if extra { vec!["extra".to_string()] } else { vec![] };
            let wanted = DatasetRequest {
                inputs: &inputs,
                columns: vec![],
                extras,
                rules: DatasetRules::default(),
            };
            DatasetWindows::open(&path, wanted, 1 << 20).map(|windows| windows.samples())
        };
        zeros(&path, 40, 10);
        assert_eq!(open(true).unwrap(), 40);
        zeros(&path, 17_000, 10);
        let error = open(false).unwrap_err().to_string();
        assert!(error.contains("array `x`") && error.contains("500-fold"), "{error}");
        zeros(&path, 40, 9 << 20);
        assert_eq!(open(false).unwrap(), 40);
        let error = open(true).unwrap_err().to_string();
        assert!(error.contains("array `extra`") && error.contains("100-fold"), "{error}");
        assert!(Dataset::inputs_alone(&path, &inputs, &DatasetRules::default()).is_ok());
    }
}
