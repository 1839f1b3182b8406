//! The table of a result file: header, rows, and typed cells.

use crate::report::compare::compare_error::CompareError;
use paring_core::files::ConfinedPath;
use paring_core::schema::{ConfidenceInterval, FileName};
use paring_core::text::csv_cell_text;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A CSV file in memory.
pub(super) struct SourceTable {
    pub(super) path: PathBuf,
    header: BTreeMap<String, usize>,
    rows: Vec<csv::StringRecord>,
}

impl SourceTable {
    pub(super) fn read(file: &ConfinedPath, named: &Path) -> Result<SourceTable, CompareError> {
        let path = if named.is_dir() { &**file } else { named };
        let failed = |source| CompareError::Read { path: path.to_path_buf(), source };
        let content = file.open().map_err(|e| failed(e.into()))?;
        let mut reader = csv::Reader::from_reader(content);
        let header = reader.headers().map_err(failed)?.iter().enumerate();
        let header = header.map(|(index, name)| (name.trim().to_string(), index)).collect();
        let rows = reader.records().collect::<Result<Vec<_>, _>>().map_err(failed)?;
        match rows.is_empty() {
            true => Err(CompareError::Empty(path.to_path_buf())),
            false => Ok(SourceTable { path: path.to_path_buf(), header, rows }),
        }
    }

    pub(super) fn has(&self, column: &str) -> bool {
        self.header.contains_key(column)
    }

    pub(super) fn columns(&self, problem: String) -> CompareError {
        CompareError::Columns { path: self.path.clone(), problem }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = SourceRow<'_>> {
        (0..self.rows.len()).map(|index| self.row(index))
    }

    pub(super) fn row(&self, index: usize) -> SourceRow<'_> {
        SourceRow { table: self, index }
    }
}

/// A row of a table.
pub(super) struct SourceRow<'a> {
    pub(super) table: &'a SourceTable,
    index: usize,
}

impl SourceRow<'_> {
    /// The text in a column; empty where there is no such column.
    pub(super) fn text(&self, column: &str) -> String {
        let cell = self.table.header.get(column);
        let cell = cell.and_then(|c| self.table.rows.get(self.index)?.get(*c));
        csv_cell_text(cell.unwrap_or_default().trim()).to_string()
    }

    /// A number; `None` of an empty cell.
    pub(super) fn number<T: std::str::FromStr>(
        &self,
        column: &str,
    ) -> Result<Option<T>, CompareError> {
        let value = self.text(column);
        if value.is_empty() {
            return Ok(None);
        }
        value.parse().map(Some).map_err(|_| self.bad(column))
    }

    /// A number with bounds in columns of their own; the bounds are the number where they are empty.
    pub(super) fn interval(
        &self,
        names: [&str; 3],
    ) -> Result<Option<ConfidenceInterval>, CompareError> {
        let Some(value) = self.positive(names[0])? else { return Ok(None) };
        let low = self.positive(names[1])?.unwrap_or(value);
        let high = self.positive(names[2])?.unwrap_or(value);
        Ok(Some(ConfidenceInterval { value, low, high }))
    }

    /// The same without the rule that numbers are above 0; `None` where a bound is missing.
    pub(super) fn signed_interval(
        &self,
        names: [&str; 3],
    ) -> Result<Option<ConfidenceInterval>, CompareError> {
        let [value, low, high] = names.map(|name| self.number::<f64>(name));
        let found = (value?, low?, high?);
        let (Some(value), Some(low), Some(high)) = found else { return Ok(None) };
        let finite = [value, low, high].iter().all(|number| number.is_finite());
        Ok(finite.then_some(ConfidenceInterval { value, low, high }))
    }

    pub(super) fn names_a_folder(&self, column: &str) -> bool {
        FileName::try_from(self.text(column)).is_ok()
    }

    fn positive(&self, column: &str) -> Result<Option<f64>, CompareError> {
        match self.number::<f64>(column)? {
            Some(number) if !(number.is_finite() && number > 0.0) => Err(self.bad(column)),
            number => Ok(number),
        }
    }

    pub(super) fn bad(&self, column: &str) -> CompareError {
        CompareError::Cell {
            path: self.table.path.clone(),
            line: self.index + 2,
            column: column.to_string(),
            value: self.text(column),
        }
    }

    /// Board, processor and architecture, as far as they are known.
    pub(super) fn machine(&self) -> String {
        let mut known = ["board", "cpu", "arch"].map(|c| self.text(c)).to_vec();
        known.retain(|part| !part.is_empty());
        known.join(", ")
    }
}
