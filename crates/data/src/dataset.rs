//! A dataset: inputs by the model's names, labels where there are any, and columns that name subsets.

use super::{DataError, DatasetRules, SampleRows};
use paring_agent::arrays::{Array, InputNeed};
use paring_core::schema::Sha256Hex;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// Inputs, columns and arrays that a caller wants from a dataset.
#[derive(Clone, Debug)]
pub struct DatasetRequest<'a> {
    /// The model's inputs.
    pub inputs: &'a [InputNeed],
    /// Columns of one value a sample, beside the labels.
    pub columns: Vec<String>,
    /// Arrays of any length, such as index arrays of splits.
    pub extras: Vec<String>,
    /// Rules by which files become numbers.
    pub rules: DatasetRules,
}

/// A dataset; `dataset_loading` reads it from files. Inputs that are large stay in a file, everything
/// else is in memory.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// One entry an input, samples along axis 0.
    pub inputs: BTreeMap<String, SampleRows>,
    /// One class a sample; where `targets` say more than a class, and where there are no labels, 0 for
    /// all: one stratum.
    pub labels: Vec<i64>,
    /// True if the data say what is right. Without labels variants are only held against the baseline.
    pub labelled: bool,
    /// Labels where they are not one whole number a sample.
    pub targets: Option<Array>,
    /// Further columns, one value a sample, as text.
    pub columns: BTreeMap<String, Vec<String>>,
    /// Further arrays, as integers.
    pub extras: BTreeMap<String, Vec<i64>>,
    /// Names of the classes, in order; empty where they have none.
    pub class_names: Vec<String>,
    /// The file of each sample; empty where samples are no files of their own.
    pub files: Vec<String>,
    /// Hash of inputs, labels, columns and arrays.
    pub sha256: Sha256Hex,
}

impl Dataset {
    /// Inputs as they are, about which there is nothing to be right or wrong.
    ///
    /// # Errors
    /// The encoder's that names the contents.
    pub fn unlabelled(
        inputs: BTreeMap<String, Array>,
    ) -> Result<Dataset, safetensors::SafeTensorError> {
        let sha256 = Sha256Hex::of(&paring_agent::arrays::write_tensors(&inputs)?);
        let samples = inputs.values().next().map_or(0, Array::rows);
        let (columns, extras) = (BTreeMap::new(), BTreeMap::new());
        let (inputs, labels, labelled) = (held(inputs), vec![0; samples], false);
        let (class_names, files) = (vec![], vec![]);
        let targets = None;
        Ok(Dataset {
            inputs,
            labels,
            labelled,
            targets,
            columns,
            extras,
            class_names,
            files,
            sha256,
        })
    }

    /// Puts the parts together and hashes them; `truth` are labels, or the number of samples that
    /// have none.
    pub(super) fn new(
        inputs: BTreeMap<String, Array>,
        truth: Result<Array, usize>,
        columns: BTreeMap<String, Vec<String>>,
        extras: BTreeMap<String, Vec<i64>>,
    ) -> Result<Dataset, DataError> {
        let labelled = truth.is_ok();
        let (labels, targets) = match truth.map(|truth| (truth.as_integers(), truth)) {
            Ok((Some(labels), _)) => (labels, None),
            Ok((None, truth)) => (vec![0; truth.rows()], Some(truth)),
            Err(samples) => (vec![0; samples], None),
        };
        let (inputs, sha256) = (held(inputs), Sha256Hex::of(&[]));
        let (class_names, files) = (vec![], vec![]);
        let unhashed = Dataset {
            inputs,
            labels,
            labelled,
            targets,
            columns,
            extras,
            class_names,
            files,
            sha256,
        };
        let sha256 = digest(&unhashed.inputs, &unhashed)?;
        Ok(Dataset { sha256, ..unhashed })
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// True if there is no sample.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// All inputs of the samples at `indices`.
    ///
    /// # Errors
    /// [`DataError::Read`] where they are in a file that cannot be read.
    pub fn inputs_at(&self, indices: &[usize]) -> Result<BTreeMap<String, Array>, DataError> {
        let taken = |(name, rows): (&String, &SampleRows)| Ok((name.clone(), rows.take(indices)?));
        self.inputs.iter().map(taken).collect()
    }

    /// Bytes that the inputs of so many samples take.
    pub fn bytes_of(&self, samples: usize) -> u64 {
        samples as u64 * self.inputs.values().map(SampleRows::row_bytes).sum::<u64>()
    }

    /// Hash of the samples at `indices`: what a calibration stands on.
    pub fn sha256_of(&self, indices: &[usize]) -> Sha256Hex {
        Sha256Hex::of_parts([self.sha256.as_str().as_bytes(), json_list(indices).as_bytes()])
    }

    /// The samples in a range, with inputs of their own.
    pub(super) fn rows(
        &self,
        inputs: BTreeMap<String, SampleRows>,
        range: Range<usize>,
    ) -> Dataset {
        let positions: Vec<usize> = range.clone().collect();
        let part = |column: &Vec<String>| column[range.clone()].to_vec();
        Dataset {
            inputs,
            labels: self.labels[range.clone()].to_vec(),
            labelled: self.labelled,
            targets: self.targets.as_ref().map(|targets| targets.take(&positions)),
            columns: self.columns.iter().map(|(name, c)| (name.clone(), part(c))).collect(),
            extras: self.extras.clone(),
            class_names: self.class_names.clone(),
            files: self.files.get(range).map(<[String]>::to_vec).unwrap_or_default(),
            sha256: self.sha256_of(&positions),
        }
    }

    /// A class for people: its name, or its number where it has none.
    pub fn class_label(&self, class: i64) -> String {
        let name = usize::try_from(class).ok().and_then(|class| self.class_names.get(class));
        name.cloned().unwrap_or_else(|| class.to_string())
    }

    pub(super) fn check(&self, path: &Path, wanted: &DatasetRequest) -> Result<(), DataError> {
        let at = || path.to_path_buf();
        let lengths = self
            .inputs
            .iter()
            .map(|(name, rows)| (name, rows.count()))
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
            let rows = &self.inputs[&need.name];
            need.bind(rows.dtype(), rows.shape(), &mut values)
                .map_err(|source| DataError::Need { path: at(), source })?;
            // What is in a file was looked at on the way there.
            let array = match rows {
                SampleRows::Held(array) => array,
                SampleRows::Repeated(repeated) => repeated.entry(),
                SampleRows::Filed(_) => continue,
            };
            if let Some(sample) = array.first_not_finite() {
                return Err(DataError::NotFinite { path: at(), name: need.name.clone(), sample });
            }
        }
        Ok(())
    }
}

fn held(inputs: BTreeMap<String, Array>) -> BTreeMap<String, SampleRows> {
    inputs.into_iter().map(|(name, array)| (name, array.into())).collect()
}

/// The hash of inputs with the labels and columns of `whole`, wherever the inputs are.
pub(super) fn digest(
    inputs: &BTreeMap<String, SampleRows>,
    whole: &Dataset,
) -> Result<Sha256Hex, DataError> {
    let Dataset { labels, labelled, targets, columns, extras, .. } = whole;
    let arrays = inputs.iter().flat_map(|(name, rows)| {
        let head = format!("{name} {} {}\n", rows.dtype(), json_list(rows.shape())).into_bytes();
        std::iter::once(Ok(head)).chain(rows.pieces())
    });
    let labels = if *labelled { json_list(labels) } else { "no labels".into() };
    let columns = json_columns(columns, |column| {
        json_list(&column.iter().map(|text| json_string(text)).collect::<Vec<String>>())
    });
    let extras = json_columns(extras, json_list);
    let tables = format!("{labels}\n{columns}\n{extras}").into_bytes();
    let truth = targets.iter().flat_map(|t| {
        let head = format!("{}\n", json_list(t.shape())).into_bytes();
        [head, t.to_bytes()]
    });
    Sha256Hex::of_pieces(arrays.chain(std::iter::once(tables).chain(truth).map(Ok)))
}

/// A JSON array with a space behind every comma: hashes of data are of just this text.
fn json_list<T: ToString>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    format!("[{}]", items.join(", "))
}

/// A JSON object of columns, with a space behind every comma and colon.
fn json_columns<T>(columns: &BTreeMap<String, Vec<T>>, in_json: impl Fn(&[T]) -> String) -> String {
    let each =
        columns.iter().map(|(name, column)| format!("{}: {}", json_string(name), in_json(column)));
    format!("{{{}}}", each.collect::<Vec<String>>().join(", "))
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(truth: Result<Array, usize>) -> Dataset {
        let input: Array = ndarray::arr2(&[[0.5f32], [-1.0]]).into_dyn().into();
        let column = ["a", "é \"b\""].map(str::to_string).to_vec();
        let columns = BTreeMap::from([("site".to_string(), column)]);
        let extras = BTreeMap::from([("train".to_string(), vec![0, -1])]);
        Dataset::new(BTreeMap::from([("x".to_string(), input)]), truth, columns, extras).unwrap()
    }

    /// sha256sum of the bytes as they are written out by hand: a run knows its data by these hashes, so
    /// they never change.
    #[test]
    fn hashes_of_data_stay_what_they_are() {
        let labelled = dataset(Ok(ndarray::arr1(&[1i64, 0]).into_dyn().into()));
        let golden = "9cfed6d3af0a9e718f29e0b71eecbaeeb985415abed36e095ad62584d67ccf24";
        assert_eq!(labelled.sha256.as_str(), golden);
        let golden = "99d717b57ee4db9643bbb3165152bb2c16dbc2d06d34f523248c30682fa0e594";
        assert_eq!(labelled.sha256_of(&[1, 0]).as_str(), golden);
        let golden = "c60144d54dcea940b6f699b0a21ffac1991d7239342b5ceb3c5e920fab66e252";
        assert_eq!(dataset(Err(2)).sha256.as_str(), golden);
        let numbers = ndarray::arr2(&[[0.25f32], [2.0]]).into_dyn().into();
        let golden = "37f0fd8097840daff4896c213f8020f859fda7198697d7b9187fb22d544b46c6";
        assert_eq!(dataset(Ok(numbers)).sha256.as_str(), golden);
    }
}
