//! The instance ledger: the prediction of each sample, as Parquet or CSV.
//!
//! Columns `sample`, `label`, `class`, `confidence`, `margin`, `flip` against the baseline, and
//! `slice_NAME` for each column that names subsets. For tasks without classes, `error` of the sample
//! in place of the class.

use crate::evaluate::{GroundTruth, ModelOutputs};
use crate::pipeline::{ColumnValues, PipelineError, TableColumn, parquet_table, replace};
use paring_core::files::ConfinedPath;
use paring_core::schema::{FlipKind, SamplePrediction};
use paring_data::CsvTable;

/// Predictions of each evaluated sample, with those of the baseline and the slices.
#[derive(Clone, Copy, Debug)]
pub struct Instances<'a> {
    /// The answers in full.
    pub answers: &'a ModelOutputs,
    /// One a sample, where answers are classes.
    pub predictions: &'a [SamplePrediction],
    /// The baseline's, of the same samples.
    pub before: Option<&'a [SamplePrediction]>,
    /// Columns that name subsets.
    pub slices: &'a [(String, Vec<String>)],
}

/// Writes them as Parquet; what is missing is null.
///
/// # Errors
/// [`PipelineError`] names the file.
pub fn write_instances(path: &ConfinedPath, instances: &Instances) -> Result<(), PipelineError> {
    let bytes = parquet_table("prediction", &columns(instances))
        .map_err(|source| PipelineError::Parquet { path: path.to_path_buf(), source })?;
    replace(path, &bytes)
}

/// Writes them as CSV; what is missing is empty.
///
/// # Errors
/// [`PipelineError`] names the file.
pub fn write_instances_csv(
    path: &ConfinedPath,
    instances: &Instances,
) -> Result<(), PipelineError> {
    let columns = columns(instances);
    let failed = |e: csv::Error| PipelineError::file("write", path)(std::io::Error::other(e));
    let mut writer = CsvTable::default();
    writer.row(columns.iter().map(|column| &column.name)).map_err(failed)?;
    for row in 0..instances.answers.len() {
        writer.row(columns.iter().map(|column| text(&column.values, row))).map_err(failed)?;
    }
    let bytes = writer.finish().map_err(PipelineError::file("write", path))?;
    replace(path, &bytes)
}

fn columns(instances: &Instances) -> Vec<TableColumn> {
    let Instances { answers, predictions, before, slices } = instances;
    let column = |name: &str, values| TableColumn { name: name.to_string(), values };
    let integers = |name: &str, values| column(name, ColumnValues::Whole(values));
    let reals = |name: &str, values| column(name, ColumnValues::Real(values));
    let mut all =
        vec![integers("sample", answers.samples.iter().map(|s| Some(*s as i64)).collect())];
    if predictions.is_empty() {
        all.push(reals("error", (0..answers.len()).map(|p| error(answers, p)).collect()));
    } else {
        all.push(integers("label", predictions.iter().map(|p| p.label).collect()));
        all.push(integers("class", predictions.iter().map(|p| p.class).collect()));
        all.push(reals("confidence", predictions.iter().map(|p| p.confidence).collect()));
        all.push(reals("margin", predictions.iter().map(|p| p.margin).collect()));
        let flips = predictions.iter().enumerate().map(|(position, now)| {
            let before = before.and_then(|all| all.get(position))?;
            FlipKind::of(before, now).map(|kind| kind.name().to_string())
        });
        all.push(column("flip", ColumnValues::Text(flips.collect())));
    }
    for (name, values) in *slices {
        let values = values.iter().cloned().map(Some).collect();
        all.push(column(&format!("slice_{name}"), ColumnValues::Text(values)));
    }
    all
}

/// Error of a sample's answer: the mean squared error of numbers, the share of labels or pixels that
/// are wrong.
fn error(answers: &ModelOutputs, position: usize) -> Option<f64> {
    let (row, width) = (answers.row(position), answers.width);
    if !answers.usable(position) {
        return None;
    }
    match &answers.truth {
        GroundTruth::Numbers(truth) => {
            let pairs = row.iter().zip(&truth[position * width..]);
            Some(pairs.map(|(v, t)| (f64::from(*v) - t).powi(2)).sum::<f64>() / width as f64)
        }
        GroundTruth::Sets(truth) => {
            let pairs = row.iter().zip(&truth[position * width..]);
            Some(pairs.filter(|(v, t)| (**v >= 0.5) != **t).count() as f64 / width as f64)
        }
        GroundTruth::Counted => {
            let sum = |part: &[f32]| part.iter().map(|v| f64::from(*v)).sum::<f64>();
            let (hits, all) = (sum(&row[..width / 3]), sum(&row[2 * width / 3..]));
            (all > 0.0).then(|| 1.0 - hits / all)
        }
        GroundTruth::Classes | GroundTruth::Unknown => None,
    }
}

/// The text of a value; empty where there is none.
fn text(values: &ColumnValues, row: usize) -> String {
    fn of<T: ToString>(values: &[Option<T>], row: usize) -> Option<String> {
        values.get(row)?.as_ref().map(ToString::to_string)
    }
    let text = match values {
        ColumnValues::Whole(values) => of(values, row),
        ColumnValues::Real(values) => of(values, row),
        ColumnValues::Flag(values) => of(values, row),
        ColumnValues::Text(values) => of(values, row),
    };
    text.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::PixelOutputs;
    use paring_core::schema::TaskKind;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    fn answers(values: Vec<f32>, class: Vec<Option<i64>>) -> ModelOutputs {
        ModelOutputs {
            kind: TaskKind::Classification,
            samples: vec![7, 9],
            labels: vec![1, 0],
            truth: GroundTruth::Classes,
            width: 2,
            values,
            class,
            pixels: PixelOutputs::default(),
        }
    }

    #[test]
    fn what_is_written_reads_back_with_its_gaps() {
        let folder = tempfile::tempdir().unwrap();
        let path = ConfinedPath::root(folder.path()).join("p.parquet");
        let before = answers(vec![0.25, 0.75, 0.9, 0.1], vec![Some(1), Some(0)]);
        let now = answers(vec![0.75, 0.25, f32::NAN, 0.0], vec![Some(0), None]);
        let (was, own) = (before.predictions(), now.predictions());
        let slices = [("stroke density".to_string(), vec!["thin".to_string(), "bold".into()])];
        let instances =
            Instances { answers: &now, predictions: &own, before: Some(&was), slices: &slices };
        write_instances(&path, &instances).unwrap();
        let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!((rows[0].get_long(0).unwrap(), rows[0].get_long(2).unwrap()), (7, 0));
        assert_eq!(rows[0].get_double(3).unwrap(), 0.75);
        assert_eq!(rows[0].get_string(5).unwrap(), "right_to_wrong");
        assert_eq!(rows[1].get_string(6).unwrap(), "bold");
        assert!(rows[1].get_long(2).is_err() && rows[1].get_double(4).is_err());
        let path = ConfinedPath::root(folder.path()).join("p.csv");
        write_instances_csv(&path, &instances).unwrap();
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            "sample,label,class,confidence,margin,flip,slice_stroke density\n\
             7,1,0,0.75,0.5,right_to_wrong,thin\n9,0,,,,right_to_wrong,bold\n"
        );
    }
}
