//! Tables as Parquet: typed columns with gaps, one group of rows.

use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
pub use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use std::sync::Arc;

/// A column: its name and its values, all columns of a table with as many.
#[derive(Clone, Debug, PartialEq)]
pub struct TableColumn {
    /// Name; what a schema cannot hold becomes `_`.
    pub name: String,
    /// One value a row.
    pub values: ColumnValues,
}

/// Values of a column; `None` is null.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnValues {
    /// Whole numbers.
    Whole(Vec<Option<i64>>),
    /// Numbers.
    Real(Vec<Option<f64>>),
    /// True or false.
    Flag(Vec<Option<bool>>),
    /// Text.
    Text(Vec<Option<String>>),
}

impl ColumnValues {
    fn kind(&self) -> &'static str {
        match self {
            ColumnValues::Whole(_) => "int64",
            ColumnValues::Real(_) => "double",
            ColumnValues::Flag(_) => "boolean",
            ColumnValues::Text(_) => "binary",
        }
    }
}

/// The file of a table whose rows are each one of `row`.
///
/// # Errors
/// [`ParquetError`] of the encoder, where columns have different lengths or the same name.
pub fn parquet_table(row: &str, columns: &[TableColumn]) -> Result<Vec<u8>, ParquetError> {
    let fields = columns.iter().map(|column| {
        let text = if matches!(column.values, ColumnValues::Text(_)) { " (UTF8)" } else { "" };
        format!("optional {} {}{text};", column.values.kind(), plain(&column.name))
    });
    let message = format!("message {row} {{ {} }}", fields.collect::<Vec<_>>().join(" "));
    let schema = Arc::new(parse_message_type(&message)?);
    let mut writer =
        SerializedFileWriter::new(Vec::new(), schema, Arc::new(WriterProperties::new()))?;
    let mut rows = writer.next_row_group()?;
    for column in columns {
        write(&mut rows, &column.values)?;
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
    values: &ColumnValues,
) -> Result<(), ParquetError> {
    fn levels<T>(values: &[Option<T>]) -> Vec<i16> {
        values.iter().map(|v| i16::from(v.is_some())).collect()
    }
    let Some(mut writer) = rows.next_column()? else { return Ok(()) };
    match (writer.untyped(), values) {
        (ColumnWriter::Int64ColumnWriter(typed), ColumnValues::Whole(values)) => {
            let present: Vec<i64> = values.iter().flatten().copied().collect();
            typed.write_batch(&present, Some(&levels(values)), None)?;
        }
        (ColumnWriter::DoubleColumnWriter(typed), ColumnValues::Real(values)) => {
            let present: Vec<f64> = values.iter().flatten().copied().collect();
            typed.write_batch(&present, Some(&levels(values)), None)?;
        }
        (ColumnWriter::BoolColumnWriter(typed), ColumnValues::Flag(values)) => {
            let present: Vec<bool> = values.iter().flatten().copied().collect();
            typed.write_batch(&present, Some(&levels(values)), None)?;
        }
        (ColumnWriter::ByteArrayColumnWriter(typed), ColumnValues::Text(values)) => {
            let present = values.iter().flatten().map(|text| ByteArray::from(text.as_str()));
            typed.write_batch(&present.collect::<Vec<_>>(), Some(&levels(values)), None)?;
        }
        _ => {}
    }
    writer.close()
}
