//! A section of the page, and the kinds of blocks in it.

use super::page_chart::{PageChart, PageDrawing, SampleCard};
use super::page_table::PageTable;
use super::shown_text::shortened;
use crate::report::html::drawing::Chart;

/// A section with a heading.
pub struct PageSection {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub blocks: Vec<PageBlock>,
}

impl PageSection {
    pub fn new(id: &'static str, title: &'static str) -> PageSection {
        PageSection { id, title, blocks: vec![] }
    }

    /// Adds a sentence that stands out, its label in front and a command behind it, if there is one.
    pub fn lead(&mut self, text: &str) {
        let (label, rest) = text.split_once(": ").unwrap_or(("", text));
        let (words, command) = match rest.split_once(": paring ") {
            Some((words, command)) => (words, format!("paring {command}")),
            None => (rest, String::new()),
        };
        self.blocks.push(PageBlock::Lead(LeadSentence {
            label: label.into(),
            words: shortened(words.into()),
            command: shortened(command),
        }));
    }

    /// Adds what each of two functions adds, side by side where there is room.
    pub fn columns(
        &mut self,
        left: impl FnOnce(&mut PageSection),
        right: impl FnOnce(&mut PageSection),
    ) {
        let mut parts: [PageSection; 2] =
            std::array::from_fn(|_| PageSection::new(self.id, self.title));
        let [first, second] = &mut parts;
        left(first);
        right(second);
        // Beside nothing, one has the whole width.
        let both = parts.iter().all(|part| !part.blocks.is_empty());
        self.blocks.extend(both.then_some(PageBlock::OpenColumns));
        for part in parts {
            self.blocks.extend(both.then_some(PageBlock::OpenColumn));
            self.blocks.extend(part.blocks);
            self.blocks.extend(both.then_some(PageBlock::CloseColumn));
        }
        self.blocks.extend(both.then_some(PageBlock::CloseColumn));
    }

    pub fn say(&mut self, text: impl Into<String>) {
        self.blocks.push(PageBlock::Paragraph(shortened(text.into())));
    }

    pub fn head(&mut self, text: impl Into<String>) {
        self.blocks.push(PageBlock::Heading(shortened(text.into())));
    }

    /// Adds a list, unless it is empty.
    pub fn list(&mut self, items: Vec<String>) {
        if !items.is_empty() {
            let items = items.into_iter().map(shortened).collect();
            self.blocks.push(PageBlock::List(items));
        }
    }

    /// Adds what `fill` adds, folded under a summary; nothing where it adds nothing.
    pub fn fold(&mut self, summary: impl Into<String>, fill: impl FnOnce(&mut PageSection)) {
        self.enclose(PageBlock::OpenFold(shortened(summary.into())), PageBlock::CloseFold, fill);
    }

    /// Adds what `fill` adds as a panel of one variant.
    pub fn panel(&mut self, panel: VariantPanel, fill: impl FnOnce(&mut PageSection)) {
        let summary = shortened(panel.summary);
        self.blocks.push(PageBlock::OpenVariant(VariantPanel { summary, ..panel }));
        fill(self);
        self.blocks.push(PageBlock::CloseVariant);
    }

    fn enclose(&mut self, open: PageBlock, close: PageBlock, fill: impl FnOnce(&mut PageSection)) {
        let before = self.blocks.len();
        self.blocks.push(open);
        fill(self);
        match self.blocks.len() == before + 1 {
            true => self.blocks.truncate(before),
            false => self.blocks.push(close),
        }
    }

    /// Charts side by side, where there is room; those without marks are left out.
    pub fn charts(&mut self, charts: &[Chart]) {
        let drawn = charts.iter().filter(|chart| !chart.marks.is_empty()).map(PageChart::new);
        let drawn: Vec<PageChart> = drawn.collect();
        if !drawn.is_empty() {
            self.blocks.push(PageBlock::Charts(drawn));
        }
    }

    pub fn table(&mut self, table: PageTable) {
        if !table.rows.is_empty() {
            self.blocks.push(PageBlock::Table(table));
        }
    }

    /// Adds cards of samples, unless there are none.
    pub fn samples(&mut self, cards: Vec<SampleCard>) {
        if !cards.is_empty() {
            self.blocks.push(PageBlock::Samples(cards));
        }
    }
}

/// A part of a section.
pub enum PageBlock {
    Lead(LeadSentence),
    Paragraph(String),
    Heading(String),
    Figures(Vec<KeyFigure>),
    Legend(Vec<LegendEntry>),
    List(Vec<String>),
    Findings(Vec<ReportFinding>),
    Charts(Vec<PageChart>),
    Drawing(PageDrawing),
    Table(PageTable),
    Samples(Vec<SampleCard>),
    OpenVariant(VariantPanel),
    CloseVariant,
    OpenFold(String),
    CloseFold,
    OpenColumns,
    OpenColumn,
    /// Ends a column, and the pair of them.
    CloseColumn,
}

/// A sentence that stands out.
pub struct LeadSentence {
    /// Word in front; empty for none.
    pub label: String,
    pub words: String,
    /// Command behind it; empty for none.
    pub command: String,
}

/// A number that stands out, with its unit and interval.
pub struct KeyFigure {
    pub name: String,
    pub value: String,
    pub interval: String,
    /// `better`, `worse`, `unclear` or `reference`.
    pub tone: &'static str,
}

/// A colour of a drawing and its meaning.
pub struct LegendEntry {
    /// Class of the swatch.
    pub class: &'static str,
    pub meaning: &'static str,
}

/// Something that stands out, its evidence, and the command that goes into it.
pub struct ReportFinding {
    /// One sentence that names it.
    pub headline: String,
    /// The figures that it goes by.
    pub evidence: String,
    /// The next command; empty where there is none.
    pub command: String,
}

/// A part of a section that belongs to one variant and folds.
pub struct VariantPanel {
    pub name: String,
    pub summary: String,
    pub open: bool,
}
