//! Datasets in a folder: `labels.csv` with the columns `file` and, where labels are known, `label`,
//! beside the files it names.
//!
//! Images feed a model with one input of rank 4; `.npy` files hold one sample each, without the
//! batch axis. Further columns of the table name subsets and groups.

use super::{DataError, Dataset, DatasetRequest, PixelNormalization, images, npy};
use ndarray::{ArrayD, IxDyn};
use paring_agent::arrays::{Array, InputNeed};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// Reads the folder's table and every file that it names, in the table's order.
pub(super) fn load(folder: &Path, wanted: &DatasetRequest) -> Result<Dataset, DataError> {
    let path = folder.join("labels.csv");
    let table = LabelTable::read(&path)?;
    let [need] = wanted.inputs else { return Err(several(folder, wanted)) };
    let array = table.samples(folder, need, &wanted.pixels, 0..table.rows.len())?;
    let inputs = BTreeMap::from([(need.name.clone(), array)]);
    table.dataset(inputs, wanted)
}

/// Labels and columns alone.
pub(super) fn labels(folder: &Path, wanted: &DatasetRequest) -> Result<Dataset, DataError> {
    LabelTable::read(&folder.join("labels.csv"))?.dataset(BTreeMap::new(), wanted)
}

/// The inputs of some samples alone.
pub(super) fn inputs(
    folder: &Path,
    wanted: &DatasetRequest,
    range: Range<usize>,
) -> Result<BTreeMap<String, Array>, DataError> {
    let path = folder.join("labels.csv");
    let table = LabelTable::read(&path)?;
    let [need] = wanted.inputs else { return Err(several(folder, wanted)) };
    let array = table.samples(folder, need, &wanted.pixels, range)?;
    Ok(BTreeMap::from([(need.name.clone(), array)]))
}

fn several(folder: &Path, wanted: &DatasetRequest) -> DataError {
    let problem = format!(
        "a folder of samples can feed a model with one input, this one has {}; use an .npz file",
        wanted.inputs.len()
    );
    DataError::Folder { path: folder.to_path_buf(), problem }
}

struct LabelTable<'a> {
    path: &'a Path,
    header: Vec<String>,
    rows: Vec<csv::StringRecord>,
}

impl<'a> LabelTable<'a> {
    fn read(path: &'a Path) -> Result<Self, DataError> {
        let unreadable =
            |e: csv::Error| DataError::Read { path: path.to_path_buf(), source: e.into() };
        let mut reader = csv::Reader::from_path(path).map_err(unreadable)?;
        let header = reader.headers().map_err(unreadable)?.iter().map(str::to_string).collect();
        let rows = reader.records().collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
        let table = LabelTable { path, header, rows };
        if table.rows.is_empty() { Err(table.problem("it has no rows")) } else { Ok(table) }
    }

    fn problem(&self, problem: &str) -> DataError {
        DataError::Folder { path: self.path.to_path_buf(), problem: problem.to_string() }
    }

    fn samples(
        &self,
        folder: &Path,
        need: &InputNeed,
        pixels: &PixelNormalization,
        range: Range<usize>,
    ) -> Result<Array, DataError> {
        let files = self.text("file")?;
        let own = files.get(range).unwrap_or_default().iter();
        let samples: Vec<Array> =
            own.map(|file| sample(&folder.join(file), need, pixels)).collect::<Result<_, _>>()?;
        stack(&samples).ok_or_else(|| self.problem("its files differ in shape or type"))
    }

    fn dataset(
        &self,
        inputs: BTreeMap<String, Array>,
        wanted: &DatasetRequest,
    ) -> Result<Dataset, DataError> {
        let column = |name: &String| Ok((name.clone(), self.text(name)?));
        let columns = wanted.columns.iter().map(column).collect::<Result<_, DataError>>()?;
        if let Some(name) = wanted.extras.first() {
            return Err(self.problem(&format!("index arrays such as `{name}` need an .npz file")));
        }
        let labelled = self.header.iter().any(|name| name == "label");
        let truth = if labelled { Ok(self.labels()?) } else { Err(self.rows.len()) };
        Dataset::new(inputs, truth, columns, BTreeMap::new())
    }

    fn text(&self, column: &str) -> Result<Vec<String>, DataError> {
        let position = self.header.iter().position(|h| h == column).ok_or_else(|| {
            let found = self.header.join("`, `");
            self.problem(&format!("no column `{column}`; it has `{found}`"))
        })?;
        Ok(self.rows.iter().map(|row| row.get(position).unwrap_or_default().to_string()).collect())
    }

    /// Classes, or numbers where any has a fraction.
    fn labels(&self) -> Result<Array, DataError> {
        let parse = |(row, text): (usize, &String)| {
            text.trim().parse::<f64>().ok().filter(|v| v.is_finite()).ok_or_else(|| {
                self.problem(&format!("line {}: the label `{text}` is not a number", row + 2))
            })
        };
        let numbers: Vec<f64> =
            self.text("label")?.iter().enumerate().map(parse).collect::<Result<_, _>>()?;
        Ok(Array::F64(ArrayD::from_shape_vec(IxDyn(&[numbers.len()]), numbers).unwrap_or_default()))
    }
}

/// One sample, without the batch axis.
fn sample(path: &Path, need: &InputNeed, pixels: &PixelNormalization) -> Result<Array, DataError> {
    let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| DataError::Read {
        path: path.to_path_buf(),
        source,
    };
    if path.extension().is_some_and(|e| e == "npy") {
        return npy::read(path).map_err(|e| unreadable(e.into()));
    }
    let picture = images::read(path).map_err(|e| unreadable(e.into()))?;
    images::sample(&picture, need, pixels)
        .map_err(|problem| DataError::Folder { path: path.to_path_buf(), problem })
}

/// Samples along a new axis 0; `None` where they differ in type or shape.
fn stack(samples: &[Array]) -> Option<Array> {
    let first = samples.first()?;
    if samples.iter().any(|s| s.shape() != first.shape()) {
        return None;
    }
    let mut shape = vec![samples.len()];
    shape.extend(first.shape());
    let bytes: Vec<u8> = samples.iter().flat_map(Array::to_bytes).collect();
    samples
        .iter()
        .all(|s| s.dtype() == first.dtype())
        .then(|| Array::from_bytes(first.dtype(), &shape, &bytes))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_agent::arrays::{Dim, Dtype};

    fn need(dims: &[usize]) -> InputNeed {
        let dims = [Dim::Symbol("N".into())]
            .into_iter()
            .chain(dims.iter().map(|n| Dim::Fixed(*n)))
            .collect();
        InputNeed::batched("x", Dtype::F32, dims)
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, value) in [("a.png", 0u8), ("b.png", 255)] {
            let picture = image::RgbImage::from_fn(4, 2, |x, _| image::Rgb([value, x as u8, 51]));
            picture.save(folder.path().join(name)).unwrap();
        }
        let table = "file,label,site\na.png,0,north\nb.png,1,south\n";
        std::fs::write(folder.path().join("labels.csv"), table).unwrap();
        folder
    }

    #[test]
    fn images_become_arrays_in_either_layout() {
        let folder = folder();
        for (dims, last) in [([3, 2, 4], [1, 2, 1, 3]), ([2, 4, 3], [1, 1, 3, 2])] {
            let inputs = [need(&dims)];
            let pixels = PixelNormalization { mean: vec![0.2], std: vec![0.5] };
            let columns = vec!["site".to_string()];
            let wanted = DatasetRequest { inputs: &inputs, columns, extras: vec![], pixels };
            let data = Dataset::load(folder.path(), &wanted).unwrap();
            let Array::F32(array) = &data.inputs_at(&[0, 1]).unwrap()["x"] else { panic!() };
            assert!(array[IxDyn(&last)].abs() < 1e-6, "51 / 255 − 0.2 = 0");
            assert_eq!(data.labels, [0, 1]);
            assert_eq!(data.columns["site"], ["north", "south"]);
        }
    }

    #[test]
    fn a_wrong_size_names_the_file() {
        let folder = folder();
        let inputs = [need(&[3, 8, 8])];
        let wanted = DatasetRequest {
            inputs: &inputs,
            columns: vec![],
            extras: vec![],
            pixels: PixelNormalization::default(),
        };
        let message = Dataset::load(folder.path(), &wanted).unwrap_err().to_string();
        assert!(message.contains("a.png: an image of 4x2 does not fit the input `x`"), "{message}");
    }
}
