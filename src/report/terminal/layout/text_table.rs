//! Tables with a rule above, below and under the header. Every cell is escaped and shortened here, and
//! columns that a terminal has no room for are left out.

use super::TerminalLayout;
use comfy_table::{
    Attribute, Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle,
};
use paring_core::text::table_cell;

/// Columns of a terminal that tables and lines fit into.
pub(in crate::report) const COLUMNS: usize = 80;
/// Characters of a name in the first column, where columns are left out.
const LONGEST_NAME: usize = 24;
/// Characters that every name keeps.
const SHORTEST_NAME: usize = 8;

const RULE: LineStyle = LineStyle::none().fill('─').junction('─');
/// Three rules and no other lines.
const RULED: TableStyle =
    TableStyle::new().top_border(RULE).header_separator(RULE).bottom_border(RULE);

/// A cell that moves no cursor, whatever its text is.
pub(in crate::report) fn cell(text: impl ToString) -> Cell {
    Cell::new(table_cell(&text.to_string()))
}

/// A column of a table.
#[derive(Debug)]
pub(in crate::report) struct TextColumn {
    heading: String,
    cells: Vec<Cell>,
    is_figure: bool,
    /// Order of leaving out: the highest first; those of 0 stay.
    rank: u8,
    /// Names are to be typed again, and so not shortened as long as a column can be left out.
    is_whole: bool,
}

impl TextColumn {
    /// Text, aligned to the left.
    pub(in crate::report) fn text(
        heading: impl Into<String>,
        rank: u8,
        cells: impl IntoIterator<Item = Cell>,
    ) -> Self {
        let cells = cells.into_iter().collect();
        TextColumn { heading: heading.into(), cells, is_figure: false, rank, is_whole: false }
    }

    /// Figures, aligned to the right.
    pub(in crate::report) fn figures(
        heading: impl Into<String>,
        rank: u8,
        cells: impl IntoIterator<Item = Cell>,
    ) -> Self {
        TextColumn { is_figure: true, ..TextColumn::text(heading, rank, cells) }
    }

    /// The column with names that are shortened only where nothing else helps.
    pub(in crate::report) fn whole(self) -> Self {
        TextColumn { is_whole: true, ..self }
    }

    /// Characters of the longest cell.
    fn longest_cell(&self) -> usize {
        self.cells.iter().map(|cell| cell.content().chars().count()).max().unwrap_or(0)
    }

    /// True where some cell is not empty.
    pub(in crate::report) fn holds_something(&self) -> bool {
        self.cells.iter().any(|cell| !cell.content().is_empty())
    }

    /// Figures of one unit, which the heading names.
    pub(in crate::report) fn units(
        heading: &str,
        rank: u8,
        (unit, texts): (&str, Vec<String>),
    ) -> Self {
        let heading = if unit.is_empty() { heading.into() } else { format!("{heading}, {unit}") };
        TextColumn::figures(heading, rank, texts.into_iter().map(cell))
    }
}

/// A table that fits the layout; where columns had to be left out, a line that names them.
pub(in crate::report) fn fitted(columns: Vec<TextColumn>, layout: TerminalLayout) -> String {
    fit(&columns, layout).0
}

/// [`fitted`], with the shorter cells of `short` where a column of rank 1 has no room otherwise.
pub(in crate::report) fn fitted_or(
    columns: Vec<TextColumn>,
    short: impl FnOnce() -> Vec<TextColumn>,
    layout: TerminalLayout,
) -> String {
    match fit(&columns, layout) {
        (_, Some(..=1)) => fit(&short(), layout).0,
        (table, _) => table,
    }
}

/// A table that fits the layout, and the least rank of the columns that were left out.
fn fit(columns: &[TextColumn], layout: TerminalLayout) -> (String, Option<u8>) {
    let mut shown: Vec<&TextColumn> = columns.iter().collect();
    let table = rendered(&shown, usize::MAX, layout.color);
    if layout.wide || width(&table) <= COLUMNS {
        return (table, None);
    }
    let is_whole = columns.first().is_some_and(|first| first.is_whole);
    let mut longest = if is_whole { usize::MAX } else { LONGEST_NAME };
    let mut least = None;
    loop {
        let table = rendered(&shown, longest, layout.color);
        let excess = width(&table).saturating_sub(COLUMNS);
        let rank = shown.iter().map(|column| column.rank).max().unwrap_or(0);
        let last = shown.iter().rposition(|column| column.rank == rank && rank > 0);
        match last {
            Some(position) if excess > 0 => {
                shown.remove(position);
                least = Some(rank);
            }
            None if excess > 0 && longest > SHORTEST_NAME => {
                let found = shown.first().map_or(0, |first| first.longest_cell());
                longest = longest.min(found).saturating_sub(excess).max(SHORTEST_NAME);
            }
            _ => return (table + &layout.lines(left_out(columns, &shown)), least),
        }
    }
}

/// A line that names the columns that are not shown.
fn left_out(columns: &[TextColumn], shown: &[&TextColumn]) -> Option<String> {
    let is_shown = |own: &&TextColumn| shown.iter().any(|column| std::ptr::eq(*column, *own));
    let names: Vec<&str> = columns
        .iter()
        .filter(|column| !is_shown(column))
        .map(|column| column.heading.as_str())
        .collect();
    (!names.is_empty()).then(|| format!("--wide adds: {}", names.join("; ")))
}

/// Characters of a table's first line, a rule.
fn width(table: &str) -> usize {
    table.lines().next().map_or(0, |rule| rule.chars().count())
}

/// The table with names of at most `longest` characters in its first column.
fn rendered(columns: &[&TextColumn], longest: usize, color: bool) -> String {
    let mut table = Table::new();
    table.load_style(RULED).set_content_arrangement(ContentArrangement::Disabled);
    let heading = |column: &&TextColumn| cell(&column.heading).add_attribute(Attribute::Bold);
    table.set_header(columns.iter().map(heading).collect::<Vec<_>>());
    let rows = columns.iter().map(|column| column.cells.len()).max().unwrap_or(0);
    for row in 0..rows {
        let of = |(index, column): (usize, &&TextColumn)| {
            let own = column.cells.get(row).cloned().unwrap_or_else(|| cell(""));
            match index {
                0 if longest < usize::MAX => cell(shortened_inside(&own.content(), longest)),
                _ => own,
            }
        };
        table.add_row(columns.iter().enumerate().map(of).collect::<Vec<_>>());
    }
    for (index, own) in columns.iter().enumerate() {
        if let Some(column) = table.column_mut(index) {
            let is_last = index + 1 == columns.len();
            // A space more stands between columns in any case.
            column.set_padding((0, u16::from(!is_last)));
            if own.is_figure {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    if color {
        table.enforce_styling()
    } else {
        table.force_no_tty()
    };
    let lines = table.to_string();
    lines.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// At most so many characters of a name, with both of its ends, which tell it from its neighbours.
pub(in crate::report) fn shortened_inside(name: &str, most: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= most {
        return name.into();
    }
    let (begin, end) = (most / 2, (most - most / 2).saturating_sub(1));
    let (head, tail) = (letters.iter().take(begin), letters.iter().skip(letters.len() - end));
    head.chain(&['…']).chain(tail).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn columns(name: &str) -> Vec<TextColumn> {
        let long = || [cell("x".repeat(30)), cell("y")];
        vec![
            TextColumn::text("name", 0, [cell(name), cell("b")]),
            TextColumn::text("first to go", 3, long()),
            TextColumn::figures("stays", 0, [cell("1"), cell("22")]),
            TextColumn::text("next to go", 2, long()),
            TextColumn::text("has room", 1, long()),
        ]
    }

    #[test]
    fn columns_are_left_out_by_rank_and_named() {
        let name = "encoder.layers.11.attention.projection.dense";
        let table = fitted(columns(name), TerminalLayout::default());
        assert!(width(&table) <= COLUMNS);
        assert_snapshot!(table, @"
        ───────────────────────────────────────────────────────────────
        name                      stays  has room
        ───────────────────────────────────────────────────────────────
        encoder.laye…ction.dense      1  xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
        b                            22  y
        ───────────────────────────────────────────────────────────────
        --wide adds: first to go; next to go
        ");
    }

    #[test]
    fn everything_is_there_where_it_fits_or_is_asked_for() {
        let layout = TerminalLayout { wide: true, ..TerminalLayout::default() };
        let table = fitted(columns("a"), layout);
        assert!(width(&table) > COLUMNS && !table.contains("--wide"), "{table}");
        let few = vec![TextColumn::text("name", 0, [cell("a")])];
        assert_snapshot!(fitted(few, TerminalLayout::default()), @"
        ────
        name
        ────
        a
        ────
        ");
    }

    #[test]
    fn the_first_column_gives_way_where_nothing_can_be_left_out() {
        let wide = TextColumn::text("all of it", 0, [cell("z".repeat(60))]);
        let name = TextColumn::text("name", 0, [cell("a".repeat(100))]);
        assert_eq!(width(&fitted(vec![name, wide], TerminalLayout::default())), COLUMNS);
    }
}
