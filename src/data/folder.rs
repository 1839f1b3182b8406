//! Datasets in a folder: `labels.csv` with the columns `file` and, where labels are known, `label`,
//! beside the files it names.
//!
//! Images feed a model with one input of rank 4; `.npy` files hold one sample each, without the
//! batch axis. Further columns of the table name subsets and groups.

use super::{Array, DataError, Dataset, Dim, Dtype, InputNeed, Wanted};
use ndarray::{ArrayD, IxDyn};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// How the pixels of an image, 0 to 255, become numbers: `(pixel / 255 − mean) / std` per channel.
/// Empty lists stand for 0 and 1; one entry serves all channels.
#[derive(Clone, Debug, Default)]
pub struct Pixels {
    /// Subtracted.
    pub mean: Vec<f32>,
    /// Divided by.
    pub std: Vec<f32>,
}

impl Pixels {
    fn apply(&self, byte: u8, channel: usize) -> f32 {
        let of = |list: &[f32], default| match list {
            [] => default,
            [one] => *one,
            many => many.get(channel).copied().unwrap_or(default),
        };
        (f32::from(byte) / 255.0 - of(&self.mean, 0.0)) / of(&self.std, 1.0)
    }
}

/// Reads the folder's table and every file that it names, in the table's order.
pub(super) fn load(folder: &Path, wanted: &Wanted) -> Result<Dataset, DataError> {
    let path = folder.join("labels.csv");
    let table = Table::read(&path)?;
    let [need] = wanted.inputs else { return Err(several(folder, wanted)) };
    let array = table.samples(folder, need, &wanted.pixels, 0..table.rows.len())?;
    let inputs = BTreeMap::from([(need.name.clone(), array)]);
    table.dataset(inputs, wanted)
}

/// Labels and columns alone.
pub(super) fn labels(folder: &Path, wanted: &Wanted) -> Result<Dataset, DataError> {
    Table::read(&folder.join("labels.csv"))?.dataset(BTreeMap::new(), wanted)
}

/// The inputs of some samples alone.
pub(super) fn inputs(
    folder: &Path,
    wanted: &Wanted,
    range: Range<usize>,
) -> Result<BTreeMap<String, Array>, DataError> {
    let path = folder.join("labels.csv");
    let table = Table::read(&path)?;
    let [need] = wanted.inputs else { return Err(several(folder, wanted)) };
    let array = table.samples(folder, need, &wanted.pixels, range)?;
    Ok(BTreeMap::from([(need.name.clone(), array)]))
}

fn several(folder: &Path, wanted: &Wanted) -> DataError {
    let problem = format!(
        "a folder of samples can feed a model with one input, this one has {}; use an .npz file",
        wanted.inputs.len()
    );
    DataError::Folder { path: folder.to_path_buf(), problem }
}

struct Table<'a> {
    path: &'a Path,
    header: Vec<String>,
    rows: Vec<csv::StringRecord>,
}

impl<'a> Table<'a> {
    fn read(path: &'a Path) -> Result<Self, DataError> {
        let unreadable =
            |e: csv::Error| DataError::Read { path: path.to_path_buf(), source: e.into() };
        let mut reader = csv::Reader::from_path(path).map_err(unreadable)?;
        let header = reader.headers().map_err(unreadable)?.iter().map(str::to_string).collect();
        let rows = reader.records().collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
        let table = Table { path, header, rows };
        if table.rows.is_empty() { Err(table.problem("it has no rows")) } else { Ok(table) }
    }

    fn problem(&self, problem: &str) -> DataError {
        DataError::Folder { path: self.path.to_path_buf(), problem: problem.to_string() }
    }

    fn samples(
        &self,
        folder: &Path,
        need: &InputNeed,
        pixels: &Pixels,
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
        wanted: &Wanted,
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
fn sample(path: &Path, need: &InputNeed, pixels: &Pixels) -> Result<Array, DataError> {
    let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| DataError::Read {
        path: path.to_path_buf(),
        source,
    };
    if path.extension().is_some_and(|e| e == "npy") {
        return match need.dtype {
            Dtype::F32 => ndarray_npy::read_npy::<_, ArrayD<f32>>(path).map(Array::from),
            Dtype::I64 => ndarray_npy::read_npy::<_, ArrayD<i64>>(path).map(Array::from),
            Dtype::I32 => ndarray_npy::read_npy::<_, ArrayD<i32>>(path).map(Array::from),
            Dtype::F64 => ndarray_npy::read_npy::<_, ArrayD<f64>>(path).map(Array::from),
            Dtype::I8 => ndarray_npy::read_npy::<_, ArrayD<i8>>(path).map(Array::from),
            Dtype::U8 => ndarray_npy::read_npy::<_, ArrayD<u8>>(path).map(Array::from),
            Dtype::Bool => ndarray_npy::read_npy::<_, ArrayD<bool>>(path).map(Array::from),
        }
        .map_err(|e| unreadable(e.into()));
    }
    let picture = image::open(path).map_err(|e| unreadable(e.into()))?;
    from_picture(&picture, need, pixels)
        .map_err(|problem| DataError::Folder { path: path.to_path_buf(), problem })
}

/// Lays an image out as the input wants it, channels first or last. Never resizes: what a network
/// was trained on is not for this tool to guess.
fn from_picture(
    picture: &image::DynamicImage,
    need: &InputNeed,
    pixels: &Pixels,
) -> Result<Array, String> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let fits = |dim: &Dim, size: usize| !matches!(dim, Dim::Fixed(n) if *n != size);
    let channel = |dim: &Dim| match dim {
        Dim::Fixed(n @ (1 | 3)) => Some(*n),
        _ => None,
    };
    let (channels, first) = match need.dims.as_slice() {
        [_, c, h, w] if channel(c).is_some() && fits(h, height) && fits(w, width) => {
            (channel(c), true)
        }
        [_, h, w, c] if channel(c).is_some() && fits(h, height) && fits(w, width) => {
            (channel(c), false)
        }
        _ => (None, true),
    };
    let (Some(channels), Dtype::F32) = (channels, need.dtype) else {
        let shape = need.shape();
        return Err(format!(
            "an image of {width}x{height} does not fit the input `{}` {} {shape}; resize the images beforehand",
            need.name, need.dtype
        ));
    };
    let bytes =
        if channels == 1 { picture.to_luma8().into_raw() } else { picture.to_rgb8().into_raw() };
    let at = |c: usize, y: usize, x: usize| pixels.apply(bytes[(y * width + x) * channels + c], c);
    let array = if first {
        ArrayD::from_shape_fn(IxDyn(&[channels, height, width]), |i| at(i[0], i[1], i[2]))
    } else {
        ArrayD::from_shape_fn(IxDyn(&[height, width, channels]), |i| at(i[2], i[0], i[1]))
    };
    Ok(Array::F32(array))
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

    fn need(dims: &[usize]) -> InputNeed {
        let dims = [Dim::Symbol("N".into())]
            .into_iter()
            .chain(dims.iter().map(|n| Dim::Fixed(*n)))
            .collect();
        InputNeed { name: "x".into(), dtype: Dtype::F32, dims }
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
            let pixels = Pixels { mean: vec![0.2], std: vec![0.5] };
            let columns = vec!["site".to_string()];
            let wanted = Wanted { inputs: &inputs, columns, extras: vec![], pixels };
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
        let wanted =
            Wanted { inputs: &inputs, columns: vec![], extras: vec![], pixels: Pixels::default() };
        let message = Dataset::load(folder.path(), &wanted).unwrap_err().to_string();
        assert!(message.contains("a.png: an image of 4x2 does not fit the input `x`"), "{message}");
    }
}
