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

/// Rows from which a table scrolls by itself.
const LONG: usize = 24;
/// Bytes of a text from which its column is a wide one.
const LONG_TEXT: usize = 90;
/// Letters of a name that is not broken over lines.
const SHORT_NAME: usize = 28;

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

    /// The table without columns in which no row says anything.
    pub fn without_empty_columns(mut self) -> PageTable {
        let rows = &self.rows;
        let is_used = |at: &usize| {
            rows.iter().any(|row| row.cells.get(*at).is_some_and(|cell| !cell.text.is_empty()))
        };
        let used: Vec<usize> = (0..self.header.len()).filter(is_used).collect();
        let header = used.iter().filter_map(|at| self.header.get(*at).cloned());
        self.header = header.collect();
        for row in &mut self.rows {
            row.cells = used.iter().filter_map(|at| row.cells.get(*at).cloned()).collect();
        }
        self
    }

    /// True if the page gives the table a height of its own to scroll in.
    pub(super) fn is_long(&self) -> bool {
        self.rows.len() > LONG
    }

    pub fn row(&mut self, variant: &str, cells: Vec<PageTableCell>) {
        self.rows.push(PageTableRow { variant: variant.into(), cells });
    }
}

/// A table's caption, which says how many of its rows there are where not all stand in it.
pub fn cut_caption(words: &str, shown: usize, of: usize) -> String {
    match of > shown {
        true => format!("{words}; the first {shown} of {of}"),
        false => words.to_string(),
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
    /// Interval of a number, which stands below it; empty for none.
    pub interval: String,
    pub numeric: bool,
    /// True of commands and hashes.
    pub code: bool,
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

    /// A number; an interval in brackets behind it is set below it.
    pub fn number(text: impl Into<String>) -> PageTableCell {
        let whole: String = text.into();
        let round = whole.strip_suffix(')').and_then(|rest| rest.split_once(" ("));
        let square = whole.strip_suffix(']').and_then(|rest| rest.split_once(" ["));
        let (text, interval) = match (round, square) {
            (Some((value, interval)), _) if interval.contains(" to ") => {
                (value, interval.to_string())
            }
            (_, Some((value, bounds))) => (value, bounds.replacen(", ", " to ", 1)),
            _ => (whole.as_str(), String::new()),
        };
        let text = text.to_string();
        PageTableCell { text, interval, numeric: true, ..PageTableCell::default() }
    }

    /// A command or a hash.
    pub fn code(text: impl AsRef<str>) -> PageTableCell {
        PageTableCell { code: true, ..PageTableCell::text(text) }
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

    /// True of a name that is not broken over lines.
    pub(super) fn is_short(&self) -> bool {
        self.text.chars().count() <= SHORT_NAME
    }

    /// Class of the cell in the page's style; empty for none.
    pub fn class(&self) -> &'static str {
        match (self.numeric, self.tone) {
            (false, CellTone::Plain) if self.text.len() > LONG_TEXT => "long",
            (false, CellTone::Plain) => "",
            (true, CellTone::Plain) => "n",
            (false, CellTone::Better) => "better",
            (true, CellTone::Better) => "n better",
            (false, CellTone::Worse) => "worse",
            (true, CellTone::Worse) => "n worse",
            (false, CellTone::Unclear) => "unclear",
            (true, CellTone::Unclear) => "n unclear",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_stand_below_their_numbers() {
        let cell = PageTableCell::number("1.290 (99 % CI 1.279 to 1.304)");
        assert_eq!(
            (cell.text.as_str(), cell.interval.as_str()),
            ("1.290", "99 % CI 1.279 to 1.304")
        );
        let cell = PageTableCell::number("−0.51 [−1.55, +0.54]");
        assert_eq!((cell.text.as_str(), cell.interval.as_str()), ("−0.51", "−1.55 to +0.54"));
        let cell = PageTableCell::number("36.0 µs (14.8 %)");
        assert_eq!((cell.text.as_str(), cell.interval.as_str()), ("36.0 µs (14.8 %)", ""));
    }

    #[test]
    fn columns_without_a_word_are_left_out() {
        let mut table = PageTable::new("x", &["a", "b", "c"]);
        table.row("", ["1", "", "2"].map(PageTableCell::text).into());
        table.row("", ["3", "", ""].map(PageTableCell::text).into());
        let table = table.without_empty_columns();
        assert_eq!(table.header, ["a", "c"]);
        assert_eq!(table.rows[1].cells.len(), 2);
    }
}
