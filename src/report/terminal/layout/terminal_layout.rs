//! Look of a terminal's text: colours, all columns or those that fit, sentences whole or wrapped.

use paring_core::text::{PROSE_COLUMNS, terminal_lines, wrapped};

/// Look of tables and of the lines beside them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TerminalLayout {
    /// Colours.
    pub color: bool,
    /// All columns of tables, rather than those that fit a terminal.
    pub wide: bool,
    /// Sentences wrapped, rather than a line each as other programs search them.
    pub wrap: bool,
}

impl TerminalLayout {
    /// Lines of text of others: escaped, and wrapped where that is asked for.
    pub(in crate::report) fn prose(&self, text: &str) -> String {
        let text = terminal_lines(text);
        if self.wrap { wrapped(&text, PROSE_COLUMNS) } else { text }
    }

    /// Lines under a table.
    pub(in crate::report) fn lines(&self, lines: impl IntoIterator<Item = String>) -> String {
        lines.into_iter().map(|line| format!("\n{}", self.prose(&line))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_wrapped_where_that_is_asked_for() {
        let line = "not valid: half, quarter: only 4 of 10 solo blocks saw a quiet machine, a verdict needs 9";
        let whole = TerminalLayout::default();
        assert_eq!(whole.lines([line.to_string()]), format!("\n{line}"));
        let wrapped = TerminalLayout { wrap: true, ..whole };
        insta::assert_snapshot!(wrapped.lines([line.to_string()]), @"
        not valid: half, quarter: only 4 of 10 solo blocks saw a quiet machine, a
          verdict needs 9
        ");
    }
}
