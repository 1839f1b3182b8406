//! Answers as Parquet: columns `sample`, `label`, `class`, `confidence`, `margin`.

use super::{PipelineError, replace};
use crate::record::Prediction;
use parquet::column::writer::ColumnWriter;
use parquet::errors::Result as ParquetResult;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use std::path::Path;
use std::sync::Arc;

const COLUMNS: &str = "message prediction {
    required int64 sample;
    required int64 label;
    optional int64 class;
    optional double confidence;
    optional double margin;
}";

/// Writes predictions; what is missing is null.
///
/// # Errors
/// [`PipelineError`] names the file.
pub fn write_predictions(path: &Path, predictions: &[Prediction]) -> Result<(), PipelineError> {
    let bytes = encode(predictions)
        .map_err(|source| PipelineError::Parquet { path: path.to_path_buf(), source })?;
    replace(path, &bytes)
}

fn encode(predictions: &[Prediction]) -> ParquetResult<Vec<u8>> {
    let schema = Arc::new(parse_message_type(COLUMNS)?);
    let mut writer =
        SerializedFileWriter::new(Vec::new(), schema, Arc::new(WriterProperties::new()))?;
    let mut rows = writer.next_row_group()?;
    let integers = |value: fn(&Prediction) -> Option<i64>| predictions.iter().map(value).collect();
    let reals = |value: fn(&Prediction) -> Option<f64>| predictions.iter().map(value).collect();
    column(&mut rows, Values::I64(integers(|p| Some(p.sample as i64))))?;
    column(&mut rows, Values::I64(integers(|p| Some(p.label))))?;
    column(&mut rows, Values::I64(integers(|p| p.class)))?;
    column(&mut rows, Values::F64(reals(|p| p.confidence)))?;
    column(&mut rows, Values::F64(reals(|p| p.margin)))?;
    rows.close()?;
    writer.into_inner()
}

enum Values {
    I64(Vec<Option<i64>>),
    F64(Vec<Option<f64>>),
}

/// Writes the next column of the schema. Definition levels are ignored by required columns.
fn column<W: std::io::Write + Send>(
    rows: &mut SerializedRowGroupWriter<W>,
    values: Values,
) -> ParquetResult<()> {
    fn parts<T: Copy>(values: &[Option<T>]) -> (Vec<T>, Vec<i16>) {
        let levels = values.iter().map(|v| i16::from(v.is_some())).collect();
        (values.iter().flatten().copied().collect(), levels)
    }
    let Some(mut writer) = rows.next_column()? else { return Ok(()) };
    match (writer.untyped(), values) {
        (ColumnWriter::Int64ColumnWriter(typed), Values::I64(values)) => {
            let (present, levels) = parts(&values);
            typed.write_batch(&present, Some(&levels), None)?;
        }
        (ColumnWriter::DoubleColumnWriter(typed), Values::F64(values)) => {
            let (present, levels) = parts(&values);
            typed.write_batch(&present, Some(&levels), None)?;
        }
        _ => {}
    }
    writer.close()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    #[test]
    fn what_is_written_reads_back_with_its_gaps() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.parquet");
        let known = Prediction {
            sample: 7,
            label: 2,
            class: Some(3),
            confidence: Some(0.75),
            margin: Some(0.5),
        };
        let unusable =
            Prediction { sample: 9, label: 1, class: None, confidence: None, margin: None };
        write_predictions(&path, &[known, unusable]).unwrap();
        let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!((rows[0].get_long(0).unwrap(), rows[0].get_long(2).unwrap()), (7, 3));
        assert_eq!(rows[0].get_double(3).unwrap(), 0.75);
        assert_eq!(rows[1].get_long(1).unwrap(), 1);
        assert!(rows[1].get_long(2).is_err() && rows[1].get_double(4).is_err());
    }
}
