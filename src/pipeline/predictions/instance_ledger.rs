//! The instance ledger: the prediction of each sample, as Parquet or CSV.
//!
//! Columns `sample`, `label`, `class`, `confidence`, `margin`, `flip` against the baseline, and
//! `slice_NAME` for each column that names subsets. For tasks without classes, `error` of the sample
//! in place of the class.

use crate::evaluate::{GroundTruth, ModelOutputs};
use crate::pipeline::{PipelineError, replace};
use paring_core::files::ConfinedPath;
use paring_core::schema::{FlipKind, SamplePrediction};
use paring_data::CsvTable;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::Result as ParquetResult;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use std::sync::Arc;

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

/// One column: a name and its values.
struct InstanceColumn(String, ColumnValues);

enum ColumnValues {
    I64(Vec<Option<i64>>),
    F64(Vec<Option<f64>>),
    Text(Vec<Option<String>>),
}

/// Writes them as Parquet; what is missing is null.
///
/// # Errors
/// [`PipelineError`] names the file.
pub fn write_instances(path: &ConfinedPath, instances: &Instances) -> Result<(), PipelineError> {
    let bytes = encode(columns(instances))
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
    writer.row(columns.iter().map(|InstanceColumn(name, _)| name)).map_err(failed)?;
    for row in 0..instances.answers.len() {
        writer.row(columns.iter().map(|InstanceColumn(_, v)| v.text(row))).map_err(failed)?;
    }
    let bytes = writer.finish().map_err(PipelineError::file("write", path))?;
    replace(path, &bytes)
}

fn columns(instances: &Instances) -> Vec<InstanceColumn> {
    let Instances { answers, predictions, before, slices } = instances;
    let integers = |name: &str, values| InstanceColumn(name.to_string(), ColumnValues::I64(values));
    let reals = |name: &str, values| InstanceColumn(name.to_string(), ColumnValues::F64(values));
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
        all.push(InstanceColumn("flip".into(), ColumnValues::Text(flips.collect())));
    }
    for (name, values) in *slices {
        let values = values.iter().cloned().map(Some).collect();
        all.push(InstanceColumn(format!("slice_{name}"), ColumnValues::Text(values)));
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

impl ColumnValues {
    fn kind(&self) -> &'static str {
        match self {
            ColumnValues::I64(_) => "int64",
            ColumnValues::F64(_) => "double",
            ColumnValues::Text(_) => "binary",
        }
    }

    fn text(&self, row: usize) -> String {
        let text = match self {
            ColumnValues::I64(values) => values[row].map(|v| v.to_string()),
            ColumnValues::F64(values) => values[row].map(|v| v.to_string()),
            ColumnValues::Text(values) => values[row].clone(),
        };
        text.unwrap_or_default()
    }
}

fn encode(columns: Vec<InstanceColumn>) -> ParquetResult<Vec<u8>> {
    let fields = columns.iter().map(|InstanceColumn(name, values)| {
        let text = if matches!(values, ColumnValues::Text(_)) { " (UTF8)" } else { "" };
        format!("optional {} {}{text};", values.kind(), plain(name))
    });
    let message = format!("message prediction {{ {} }}", fields.collect::<Vec<_>>().join(" "));
    let schema = Arc::new(parse_message_type(&message)?);
    let mut writer =
        SerializedFileWriter::new(Vec::new(), schema, Arc::new(WriterProperties::new()))?;
    let mut rows = writer.next_row_group()?;
    for InstanceColumn(_, values) in columns {
        write(&mut rows, values)?;
    }
    rows.close()?;
    writer.into_inner()
}

/// A name that a schema can hold.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// Writes the next column of the schema.
fn write<W: std::io::Write + Send>(
    rows: &mut SerializedRowGroupWriter<W>,
    values: ColumnValues,
) -> ParquetResult<()> {
    fn levels<T>(values: &[Option<T>]) -> Vec<i16> {
        values.iter().map(|v| i16::from(v.is_some())).collect()
    }
    let Some(mut writer) = rows.next_column()? else { return Ok(()) };
    match (writer.untyped(), values) {
        (ColumnWriter::Int64ColumnWriter(typed), ColumnValues::I64(values)) => {
            let present: Vec<i64> = values.iter().flatten().copied().collect();
            typed.write_batch(&present, Some(&levels(&values)), None)?;
        }
        (ColumnWriter::DoubleColumnWriter(typed), ColumnValues::F64(values)) => {
            let present: Vec<f64> = values.iter().flatten().copied().collect();
            typed.write_batch(&present, Some(&levels(&values)), None)?;
        }
        (ColumnWriter::ByteArrayColumnWriter(typed), ColumnValues::Text(values)) => {
            let present = values.iter().flatten().map(|text| ByteArray::from(text.as_str()));
            typed.write_batch(&present.collect::<Vec<_>>(), Some(&levels(&values)), None)?;
        }
        _ => {}
    }
    writer.close()
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
