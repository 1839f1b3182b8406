//! Datasets in a folder: `labels.csv` with the columns `file` and, where labels are known, `label`,
//! beside the files it names, or a subfolder for each class.
//!
//! Images feed a model with one input of rank 4; `.npy` files hold one sample each, without the
//! batch axis. Further columns of the table name subsets and groups.

use super::labels::LabelTable;
use super::{DataError, Dataset, DatasetRequest, ImagePreprocessing, images, npy};
use paring_agent::arrays::{Array, InputNeed};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// Reads the folder's table and every file that it names, in the table's order.
pub(super) fn load(folder: &Path, wanted: &DatasetRequest) -> Result<Dataset, DataError> {
    let table = LabelTable::read(folder)?;
    let [need] = wanted.inputs else { return Err(several(folder, wanted)) };
    let array = samples(&table, folder, need, &wanted.rules.images, 0..table.len())?;
    dataset(&table, BTreeMap::from([(need.name.clone(), array)]), wanted)
}

/// Labels and columns alone.
pub(super) fn labels(folder: &Path, wanted: &DatasetRequest) -> Result<Dataset, DataError> {
    dataset(&LabelTable::read(folder)?, BTreeMap::new(), wanted)
}

/// The inputs of some samples alone.
pub(super) fn inputs(
    folder: &Path,
    wanted: &DatasetRequest,
    range: Range<usize>,
) -> Result<BTreeMap<String, Array>, DataError> {
    let table = LabelTable::read(folder)?;
    let [need] = wanted.inputs else { return Err(several(folder, wanted)) };
    let array = samples(&table, folder, need, &wanted.rules.images, range)?;
    Ok(BTreeMap::from([(need.name.clone(), array)]))
}

fn several(folder: &Path, wanted: &DatasetRequest) -> DataError {
    let problem = format!(
        "a folder of samples can feed a model with one input, this one has {}; use an .npz file",
        wanted.inputs.len()
    );
    DataError::Folder { path: folder.to_path_buf(), problem }
}

fn samples(
    table: &LabelTable,
    folder: &Path,
    need: &InputNeed,
    rules: &ImagePreprocessing,
    range: Range<usize>,
) -> Result<Array, DataError> {
    let files = table.text("file")?;
    let own = files.get(range).unwrap_or_default().iter();
    let samples: Vec<Array> =
        own.map(|file| sample(&folder.join(file), need, rules)).collect::<Result<_, _>>()?;
    stack(&samples).ok_or_else(|| table.problem("its files differ in shape or type"))
}

fn dataset(
    table: &LabelTable,
    inputs: BTreeMap<String, Array>,
    wanted: &DatasetRequest,
) -> Result<Dataset, DataError> {
    let column = |name: &String| Ok((name.clone(), table.text(name)?));
    let columns = wanted.columns.iter().map(column).collect::<Result<_, DataError>>()?;
    if let Some(name) = wanted.extras.first() {
        return Err(table.problem(&format!("index arrays such as `{name}` need an .npz file")));
    }
    let (truth, class_names) = match table.is_labelled() {
        true => {
            let labels = table.labels(&wanted.rules.classes)?;
            (Ok(labels.numbers), labels.class_names)
        }
        false => (Err(table.len()), wanted.rules.classes.clone()),
    };
    let files = table.text("file")?;
    Ok(Dataset { class_names, files, ..Dataset::new(inputs, truth, columns, BTreeMap::new())? })
}

/// One sample, without the batch axis.
fn sample(path: &Path, need: &InputNeed, rules: &ImagePreprocessing) -> Result<Array, DataError> {
    let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| DataError::Read {
        path: path.to_path_buf(),
        source,
    };
    if path.extension().is_some_and(|e| e == "npy") {
        return npy::read(path).map_err(|e| unreadable(e.into()));
    }
    let picture = images::read(path).map_err(|e| unreadable(e.into()))?;
    images::sample(&picture, need, rules)
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
    use crate::{DatasetRules, PixelNormalization};
    use ndarray::IxDyn;
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
            let normalization = PixelNormalization { mean: vec![0.2], std: vec![0.5] };
            let images = ImagePreprocessing { normalization, ..ImagePreprocessing::default() };
            let rules = DatasetRules { images, classes: vec![] };
            let columns = vec!["site".to_string()];
            let wanted = DatasetRequest { inputs: &inputs, columns, extras: vec![], rules };
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
            rules: DatasetRules::default(),
        };
        let message = Dataset::load(folder.path(), &wanted).unwrap_err().to_string();
        assert!(message.contains("a.png: an image of 4x2 does not fit the input `x`"), "{message}");
    }

    #[test]
    fn labels_that_are_names_become_classes_and_samples_keep_their_files() {
        let folder = folder();
        let table = "file,label\na.png,star\nb.png,galaxy\n";
        std::fs::write(folder.path().join("labels.csv"), table).unwrap();
        let inputs = [need(&[3, 2, 4])];
        let of = |classes: &[&str]| {
            let classes = classes.iter().map(|name| name.to_string()).collect();
            let rules = DatasetRules { classes, ..DatasetRules::default() };
            let wanted = DatasetRequest { inputs: &inputs, columns: vec![], extras: vec![], rules };
            Dataset::load(folder.path(), &wanted)
        };
        let sorted = of(&[]).unwrap();
        assert_eq!((&sorted.labels[..], sorted.class_label(1)), (&[1, 0][..], "star".into()));
        assert_eq!(sorted.files, ["a.png", "b.png"]);
        let listed = of(&["star", "galaxy", "quasar"]).unwrap();
        assert_eq!((&listed.labels[..], listed.class_label(2)), (&[0, 1][..], "quasar".into()));
        let message = of(&["star", "galaxies"]).unwrap_err().to_string();
        assert!(message.ends_with("labels.csv: line 3: the label `galaxy` is not among `classes` under [data]; did you mean `galaxies`?"), "{message}");
    }
}
