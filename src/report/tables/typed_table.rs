//! Tables of runs as Parquet files: the rows of results.csv, layers.csv and effects.csv, with typed
//! columns.

use super::column_kind::ColumnKind;
use crate::pipeline::{ColumnValues, TableColumn, parquet_table};
use crate::report::ReportError;
use crate::report::csv::{NamedCell, effects_cells, layers_cells, results_cells};
use crate::report::html::RunReport;

/// A file.
#[derive(Clone, Debug, PartialEq)]
pub struct TableFile {
    /// Its name.
    pub name: &'static str,
    /// Its content.
    pub content: Vec<u8>,
}

/// Results, layers and effects of runs, each table that has rows.
///
/// # Errors
/// [`ReportError`] where a cell is not what its column holds, or the encoder fails.
pub fn parquet_files(runs: &[RunReport]) -> Result<Vec<TableFile>, ReportError> {
    let results = runs.iter().flat_map(|run| results_cells(run.facts, run.rows));
    let layers = runs.iter().flat_map(|run| layers_cells(run.facts, run.layers));
    let effects = runs.iter().flat_map(|run| effects_cells(run.facts, run.explanations));
    let tables: [(&str, &str, Vec<Vec<NamedCell>>); 3] = [
        ("results.parquet", "result", results.collect()),
        ("layers.parquet", "layer", layers.collect()),
        ("effects.parquet", "effect", effects.collect()),
    ];
    let known = tables.into_iter().filter(|(.., rows)| !rows.is_empty());
    known
        .map(|(name, row, rows)| {
            let content = parquet_table(row, &columns(&rows)?).map_err(ReportError::Parquet)?;
            Ok(TableFile { name, content })
        })
        .collect()
}

/// Columns of rows that all have the same.
fn columns(rows: &[Vec<NamedCell>]) -> Result<Vec<TableColumn>, ReportError> {
    let header = rows.first().map(Vec::as_slice).unwrap_or_default();
    let column = |(at, (name, _)): (usize, &NamedCell)| {
        let cells = rows.iter().map(|row| row.get(at).map_or("", |(_, text)| text.as_str()));
        Ok(TableColumn { name: (*name).to_string(), values: values(name, cells)? })
    };
    header.iter().enumerate().map(column).collect()
}

fn values<'a>(
    column: &'static str,
    cells: impl Iterator<Item = &'a str>,
) -> Result<ColumnValues, ReportError> {
    fn each<'a, T: std::str::FromStr>(
        column: &'static str,
        cells: impl Iterator<Item = &'a str>,
    ) -> Result<Vec<Option<T>>, ReportError> {
        let value = |cell: &str| match cell {
            "" => Ok(None),
            cell => cell
                .parse()
                .map(Some)
                .map_err(|_| ReportError::Cell { column, value: cell.to_string() }),
        };
        cells.map(value).collect()
    }
    Ok(match ColumnKind::of(column) {
        ColumnKind::Whole => ColumnValues::Whole(each(column, cells)?),
        ColumnKind::Real => ColumnValues::Real(each(column, cells)?),
        ColumnKind::Flag => ColumnValues::Flag(each(column, cells)?),
        ColumnKind::Text => ColumnValues::Text(each(column, cells)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_become_values_and_what_is_none_is_an_error() {
        let rows = vec![
            vec![
                ("variant", "1".to_string()),
                ("speedup", "1.50000".into()),
                ("valid", "true".into()),
            ],
            vec![("variant", "".to_string()), ("speedup", "".into()), ("valid", "".into())],
        ];
        let found: Vec<ColumnValues> =
            columns(&rows).unwrap().into_iter().map(|column| column.values).collect();
        let expected = [
            ColumnValues::Text(vec![Some("1".into()), None]),
            ColumnValues::Real(vec![Some(1.5), None]),
            ColumnValues::Flag(vec![Some(true), None]),
        ];
        assert_eq!(found, expected);
        let wrong = columns(&[vec![("flips", "many".to_string())]]).unwrap_err();
        assert_eq!(wrong.to_string(), "`many` is no value of the column flips");
    }
}
