//! One input of all samples: in memory where it fits, else in a file of its own that rows are read
//! from. Whoever asks for rows does not see the difference.

use super::DataError;
use paring_agent::arrays::{Array, Dtype};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows that are read at once where all are gone through.
const PIECE_BYTES: usize = 8 << 20;

/// One input of all samples, along axis 0.
#[derive(Clone, Debug)]
pub enum SampleRows {
    /// In memory.
    Held(Array),
    /// In a file.
    Filed(FileBackedRows),
    /// One value that all samples share.
    Repeated(RepeatedRow),
}

/// One entry that stands for many.
#[derive(Clone, Debug)]
pub struct RepeatedRow {
    /// The entry, behind an axis of size 1.
    entry: Array,
    shape: Vec<usize>,
}

/// An array in a file without a name, which is gone with the last that holds it.
#[derive(Clone, Debug)]
pub struct FileBackedRows {
    file: Arc<File>,
    /// Origin of the data, for messages.
    origin: PathBuf,
    dtype: Dtype,
    shape: Vec<usize>,
    row_bytes: usize,
}

impl From<Array> for SampleRows {
    fn from(array: Array) -> Self {
        SampleRows::Held(array)
    }
}

impl SampleRows {
    /// `count` times the only entry of an array along axis 0.
    pub(super) fn repeated(entry: Array, count: usize) -> SampleRows {
        let mut shape = entry.shape().to_vec();
        shape.iter_mut().take(1).for_each(|entries| *entries = count);
        SampleRows::Repeated(RepeatedRow { entry, shape })
    }

    /// The same value for `count` samples, where all share one.
    pub(super) fn extended(self, count: usize) -> SampleRows {
        match self {
            SampleRows::Repeated(RepeatedRow { entry, .. }) => SampleRows::repeated(entry, count),
            own => own,
        }
    }

    /// Element type.
    pub fn dtype(&self) -> Dtype {
        match self {
            SampleRows::Held(array) => array.dtype(),
            SampleRows::Filed(filed) => filed.dtype,
            SampleRows::Repeated(repeated) => repeated.entry.dtype(),
        }
    }

    /// Shape; axis 0 counts samples.
    pub fn shape(&self) -> &[usize] {
        match self {
            SampleRows::Held(array) => array.shape(),
            SampleRows::Filed(filed) => &filed.shape,
            SampleRows::Repeated(repeated) => &repeated.shape,
        }
    }

    /// Number of samples.
    pub fn count(&self) -> usize {
        self.shape().first().copied().unwrap_or(0)
    }

    /// Bytes of one sample.
    pub fn row_bytes(&self) -> u64 {
        self.shape().iter().skip(1).product::<usize>() as u64 * self.dtype().width() as u64
    }

    /// The samples at `indices`, in that order.
    ///
    /// # Errors
    /// [`DataError::Read`] where the file cannot be read.
    ///
    /// # Panics
    /// If an index is out of range: callers take indices from [`SampleRows::count`].
    pub fn take(&self, indices: &[usize]) -> Result<Array, DataError> {
        match self {
            SampleRows::Held(array) => Ok(array.take(indices)),
            SampleRows::Filed(filed) => filed.take(indices),
            SampleRows::Repeated(repeated) => Ok(repeated.entry.take(&vec![0; indices.len()])),
        }
    }

    /// [`Array::to_bytes`] of all samples, piece by piece.
    pub(super) fn pieces(&self) -> Box<dyn Iterator<Item = Result<Vec<u8>, DataError>> + '_> {
        match self {
            SampleRows::Held(array) => Box::new(std::iter::once_with(|| Ok(array.to_bytes()))),
            SampleRows::Repeated(repeated) => {
                let entry = repeated.entry.to_bytes();
                Box::new((0..self.count()).map(move |_| Ok(entry.clone())))
            }
            SampleRows::Filed(filed) => {
                let rows: Vec<usize> = (0..filed.shape[0]).collect();
                let each = (PIECE_BYTES / filed.row_bytes.max(1)).max(1);
                let pieces: Vec<Vec<usize>> = rows.chunks(each).map(<[usize]>::to_vec).collect();
                Box::new(pieces.into_iter().map(|piece| Ok(filed.take(&piece)?.to_bytes())))
            }
        }
    }
}

impl RepeatedRow {
    /// The entry, behind an axis of size 1.
    pub(super) fn entry(&self) -> &Array {
        &self.entry
    }
}

impl FileBackedRows {
    fn take(&self, indices: &[usize]) -> Result<Array, DataError> {
        let mut bytes = vec![0; indices.len() * self.row_bytes];
        for (row, index) in bytes.chunks_exact_mut(self.row_bytes.max(1)).zip(indices) {
            assert!(*index < self.shape[0], "sample {index} of {}", self.shape[0]);
            let at = *index as u64 * self.row_bytes as u64;
            self.file.read_exact_at(row, at).map_err(|e| unreadable(&self.origin, e.into()))?;
        }
        let mut shape = self.shape.clone();
        shape[0] = indices.len();
        Array::from_bytes(self.dtype, &shape, &bytes).ok_or_else(|| {
            unreadable(&self.origin, format!("{} bytes for {shape:?}", bytes.len()).into())
        })
    }
}

/// Collects an array in a file, part after part.
pub(super) struct RowFileWriter {
    origin: PathBuf,
    file: File,
    dtype: Dtype,
    shape: Vec<usize>,
}

impl RowFileWriter {
    /// Begins with the first part. `origin` is where the data come from, for messages.
    ///
    /// # Errors
    /// [`DataError::Read`] where there is no room for the file.
    pub(super) fn begin(origin: &Path, first: &Array) -> Result<Self, DataError> {
        let file = tempfile::tempfile().map_err(|e| unreadable(origin, e.into()))?;
        let mut shape = first.shape().to_vec();
        shape[0] = 0;
        let mut filing =
            RowFileWriter { origin: origin.to_path_buf(), file, dtype: first.dtype(), shape };
        filing.append(first)?;
        Ok(filing)
    }

    /// Adds samples of the same type and shape.
    ///
    /// # Errors
    /// [`DataError::Read`] where they are not, and where the disk is full.
    pub(super) fn append(&mut self, part: &Array) -> Result<(), DataError> {
        if part.dtype() != self.dtype || part.shape()[1..] != self.shape[1..] {
            let (found, shape) = (part.dtype(), part.shape());
            let problem = format!("samples differ: {found} {shape:?} after {}", self.dtype);
            return Err(unreadable(&self.origin, problem.into()));
        }
        self.shape[0] += part.rows();
        self.file.write_all(&part.to_bytes()).map_err(|e| {
            let into = std::env::temp_dir();
            let problem = format!("keep inputs in {} (TMPDIR names another): {e}", into.display());
            unreadable(&self.origin, problem.into())
        })
    }

    /// The whole.
    pub(super) fn end(self) -> SampleRows {
        let row_bytes = self.shape[1..].iter().product::<usize>() * self.dtype.width();
        let RowFileWriter { origin, file, dtype, shape } = self;
        SampleRows::Filed(FileBackedRows { file: Arc::new(file), origin, dtype, shape, row_bytes })
    }
}

fn unreadable(path: &Path, source: Box<dyn std::error::Error + Send + Sync>) -> DataError {
    DataError::Read { path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::ArrayD;

    #[test]
    fn rows_are_the_same_from_a_file_and_from_memory() {
        let array: Array =
            ArrayD::from_shape_fn(vec![7, 2, 3], |i| (i[0] * 6 + i[1] * 3 + i[2]) as i64).into();
        let mut filing = RowFileWriter::begin(Path::new("x.npz"), &array.take(&[0, 1, 2])).unwrap();
        filing.append(&array.take(&[3, 4, 5, 6])).unwrap();
        let other: Array = ArrayD::<i64>::zeros(vec![1, 3, 3]).into();
        assert!(filing.append(&other).unwrap_err().to_string().contains("x.npz"));
        let (filed, held) = (filing.end(), SampleRows::from(array));
        assert_eq!(filed.shape(), held.shape());
        assert_eq!(filed.take(&[6, 0, 0, 3]).unwrap(), held.take(&[6, 0, 0, 3]).unwrap());
        let whole = |rows: &SampleRows| rows.pieces().flat_map(Result::unwrap).collect::<Vec<u8>>();
        assert_eq!(whole(&filed), whole(&held));
        let first = held.take(&[0]).unwrap();
        let (repeated, copies) = (SampleRows::repeated(first.clone(), 3), first.take(&[0, 0, 0]));
        assert_eq!((repeated.shape(), repeated.count()), (copies.shape(), 3));
        assert_eq!(whole(&repeated), copies.to_bytes());
        assert_eq!(repeated.take(&[2, 1]).unwrap(), copies.take(&[0, 1]));
    }
}
