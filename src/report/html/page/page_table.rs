//! Tables of the page.

use super::shown_text::shortened;

/// Meaning of a cell, by which the page colours it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CellTone {
    /// No judgement.
    #[default]
    Plain,
    /// Better than the reference beyond noise.
    Better,
    /// Worse than the reference beyond noise.
    Worse,
    /// Not to be told from noise.
    Unclear,
}

/// A table.
pub struct PageTable {
    pub caption: String,
    pub header: Vec<String>,
    pub rows: Vec<PageTableRow>,
    /// True if the page offers a search over its rows.
    pub searchable: bool,
}

impl PageTable {
    pub fn new(caption: &str, header: &[&str]) -> PageTable {
        let header = header.iter().map(|name| (*name).to_string()).collect();
        PageTable { caption: caption.into(), header, rows: vec![], searchable: false }
    }

    pub fn searchable(self) -> PageTable {
        PageTable { searchable: true, ..self }
    }

    pub fn row(&mut self, variant: &str, cells: Vec<PageTableCell>) {
        self.rows.push(PageTableRow { variant: variant.into(), cells });
    }
}

/// A row; selected together with everything else of its variant.
pub struct PageTableRow {
    pub variant: String,
    pub cells: Vec<PageTableCell>,
}

/// A cell.
#[derive(Clone, Default)]
pub struct PageTableCell {
    pub text: String,
    pub numeric: bool,
    /// Address that the text leads to.
    pub address: Option<String>,
    /// Length of a bar beside the text, in percent of the longest.
    pub bar: Option<String>,
    /// Meaning of its colour.
    pub tone: CellTone,
}

impl PageTableCell {
    pub fn text(text: impl AsRef<str>) -> PageTableCell {
        PageTableCell { text: shortened(text.as_ref().to_string()), ..PageTableCell::default() }
    }

    pub fn number(text: impl Into<String>) -> PageTableCell {
        PageTableCell { text: text.into(), numeric: true, ..PageTableCell::default() }
    }

    pub fn link(text: impl Into<String>, address: String) -> PageTableCell {
        PageTableCell { address: Some(address), ..PageTableCell::text(text.into()) }
    }

    /// With a bar of a share of the longest, 0 to 1.
    pub fn with_bar(self, share: f64) -> PageTableCell {
        let length = format!("{:.0}", 100.0 * share.clamp(0.0, 1.0));
        PageTableCell { bar: share.is_finite().then_some(length), ..self }
    }

    pub fn toned(self, tone: CellTone) -> PageTableCell {
        PageTableCell { tone, ..self }
    }

    /// Class of the cell in the page's style; empty for none.
    pub fn class(&self) -> &'static str {
        match (self.numeric, self.tone) {
            (false, CellTone::Plain) => "",
            (true, CellTone::Plain) => "number",
            (false, CellTone::Better) => "better",
            (true, CellTone::Better) => "number better",
            (false, CellTone::Worse) => "worse",
            (true, CellTone::Worse) => "number worse",
            (false, CellTone::Unclear) => "unclear",
            (true, CellTone::Unclear) => "number unclear",
        }
    }
}
