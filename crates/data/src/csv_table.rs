//! CSV files that are written: every cell goes through [`csv_cell`], so that no spreadsheet runs what
//! stands in a model, a study or a board's answer.

use paring_core::text::csv_cell;

/// A CSV file in memory.
#[derive(Debug)]
pub struct CsvTable {
    writer: csv::Writer<Vec<u8>>,
    has_header: bool,
}

impl Default for CsvTable {
    fn default() -> Self {
        CsvTable { writer: csv::Writer::from_writer(Vec::new()), has_header: false }
    }
}

impl CsvTable {
    /// Adds a row; the first is the header.
    ///
    /// # Errors
    /// [`csv::Error`] where the row has another number of cells than the first.
    pub fn row<C: AsRef<str>>(
        &mut self,
        cells: impl IntoIterator<Item = C>,
    ) -> Result<(), csv::Error> {
        for cell in cells {
            self.writer.write_field(csv_cell(cell.as_ref()).as_bytes())?;
        }
        self.has_header = true;
        self.writer.write_record(None::<&[u8]>)
    }

    /// Adds a row of named cells; their names are the header of a table that has none yet.
    ///
    /// # Errors
    /// [`csv::Error`] where the row has another number of cells than the first.
    pub fn record(&mut self, cells: &[(&str, String)]) -> Result<(), csv::Error> {
        if !self.has_header {
            self.row(cells.iter().map(|(name, _)| name))?;
        }
        self.row(cells.iter().map(|(_, value)| value))
    }

    /// The file.
    ///
    /// # Errors
    /// Those of the encoder's buffer, which memory does not bring about.
    pub fn finish(self) -> std::io::Result<Vec<u8>> {
        self.writer.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_defused_and_numbers_read_back_as_they_were() {
        let mut table = CsvTable::default();
        let cells = ["=HYPERLINK(\"http://x\")", "-0.25", "a,b\"c", "\x1b]0;x\x07", "+1e9"];
        table.row(["name", "value", "text", "escape", "big"]).unwrap();
        table.row(cells).unwrap();
        let bytes = table.finish().unwrap();
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let row = reader.records().next().unwrap().unwrap();
        let expected =
            ["'=HYPERLINK(\"http://x\")", "-0.25", "a,b\"c", "\\u001b]0;x\\u0007", "+1e9"];
        assert_eq!(row.iter().collect::<Vec<_>>(), expected);
    }
}
