//! The page: sections made of a few kinds of blocks, and the template that turns them into one
//! self-contained file. Every text is escaped by the template; only drawings of this module go in as
//! markup.

use super::drawing::MarkupElement;
use super::drawing::{Chart, ChartValue, svg, vega_lite};
use askama::Template;
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("../../../templates/report.css");
const SCRIPT: &str = include_str!("../../../templates/report.js");

/// A whole report.
#[derive(Template)]
#[template(path = "report.html")]
pub struct ReportPage {
    title: String,
    purpose: String,
    facts: Vec<PageFact>,
    sections: Vec<PageSection>,
    footer: String,
    version: &'static str,
    style: &'static str,
    script: &'static str,
    style_sha256: String,
    script_sha256: String,
}

impl ReportPage {
    /// A page of `sections` under a title, with facts about the run below it.
    pub fn new(title: String, purpose: String, facts: Vec<PageFact>, footer: String) -> ReportPage {
        ReportPage {
            title,
            purpose,
            facts,
            footer,
            sections: vec![],
            version: env!("CARGO_PKG_VERSION"),
            style: STYLE,
            script: SCRIPT,
            style_sha256: base64_sha256(STYLE),
            script_sha256: base64_sha256(SCRIPT),
        }
    }

    /// Adds a section, unless it has nothing to show.
    pub fn push(&mut self, section: PageSection) {
        if !section.blocks.is_empty() {
            self.sections.push(section);
        }
    }

    /// The page as HTML.
    ///
    /// # Errors
    /// The template engine's own, which writing into memory does not cause.
    pub fn html(&self) -> Result<String, askama::Error> {
        self.render()
    }
}

/// A name and a value.
pub struct PageFact {
    pub name: String,
    pub value: String,
}

impl PageFact {
    pub fn new(name: &str, value: impl Into<String>) -> PageFact {
        PageFact { name: name.into(), value: value.into() }
    }
}

/// A section with a heading.
pub struct PageSection {
    id: &'static str,
    title: &'static str,
    pub blocks: Vec<PageBlock>,
}

impl PageSection {
    pub fn new(id: &'static str, title: &'static str) -> PageSection {
        PageSection { id, title, blocks: vec![] }
    }

    pub fn say(&mut self, text: impl Into<String>) {
        self.blocks.push(PageBlock::Paragraph(text.into()));
    }

    pub fn head(&mut self, text: impl Into<String>) {
        self.blocks.push(PageBlock::Heading(text.into()));
    }

    pub fn chart(&mut self, chart: &Chart) {
        if !chart.marks.is_empty() {
            self.blocks.push(PageBlock::Chart(PageChart::new(chart)));
        }
    }

    /// Charts side by side, where there is room; those without marks are left out.
    pub fn chart_row(&mut self, charts: &[Chart]) {
        let drawn = charts.iter().filter(|chart| !chart.marks.is_empty()).map(PageChart::new);
        let drawn: Vec<PageChart> = drawn.collect();
        if !drawn.is_empty() {
            self.blocks.push(PageBlock::ChartRow(drawn));
        }
    }

    pub fn table(&mut self, table: PageTable) {
        if !table.rows.is_empty() {
            self.blocks.push(PageBlock::Table(table));
        }
    }
}

/// A part of a section.
pub enum PageBlock {
    Paragraph(String),
    Heading(String),
    Figures(Vec<KeyFigure>),
    List(Vec<String>),
    Findings(Vec<ReportFinding>),
    Chart(PageChart),
    ChartRow(Vec<PageChart>),
    Drawing(PageDrawing),
    Table(PageTable),
    Code(String),
    OpenVariant(VariantPanel),
    CloseVariant,
}

/// A number that stands out, with its unit and interval.
pub struct KeyFigure {
    pub name: String,
    pub value: String,
    pub interval: String,
    /// `better`, `worse`, `unclear` or `reference`.
    pub tone: &'static str,
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

/// A chart as the template needs it.
pub struct PageChart {
    svg: String,
    caption: String,
    table: PageTable,
    specification: String,
}

impl PageChart {
    fn new(chart: &Chart) -> PageChart {
        let of = |e: ChartValue| match e.bounds {
            Some((low, high)) => format!("{} [{}, {}]", short(e.value), short(low), short(high)),
            None => short(e.value),
        };
        let rows = chart.marks.iter().map(|mark| PageTableRow {
            variant: mark.selects.clone().unwrap_or_default(),
            cells: vec![
                PageTableCell::text(&mark.label),
                PageTableCell::number(of(mark.x)),
                PageTableCell::number(of(mark.y)),
                PageTableCell::text(&mark.note),
            ],
        });
        let header = ["", chart.x.title.as_str(), chart.y.title.as_str(), "note"];
        PageChart {
            svg: svg(chart),
            caption: format!("{}. {}", chart.title, chart.summary),
            table: PageTable {
                caption: chart.title.clone(),
                header: header.map(String::from).to_vec(),
                rows: rows.collect(),
                searchable: false,
            },
            specification: format!("{:#}", vega_lite(chart)),
        }
    }
}

/// Six significant digits at most.
fn short(number: f64) -> String {
    let digits = 5 - number.abs().max(1e-9).log10().floor().clamp(-9.0, 5.0) as i32;
    let text = format!("{number:.*}", digits.max(0) as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

/// A drawing that is no chart.
pub struct PageDrawing {
    svg: String,
    caption: String,
}

impl PageDrawing {
    pub fn new(drawn: &MarkupElement, caption: String) -> PageDrawing {
        PageDrawing { svg: drawn.text(), caption }
    }
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
#[derive(Clone)]
pub struct PageTableCell {
    pub text: String,
    pub numeric: bool,
    /// Address that the text leads to.
    pub address: Option<String>,
}

impl PageTableCell {
    pub fn text(text: impl AsRef<str>) -> PageTableCell {
        PageTableCell { text: text.as_ref().to_string(), numeric: false, address: None }
    }

    pub fn number(text: impl Into<String>) -> PageTableCell {
        PageTableCell { text: text.into(), numeric: true, address: None }
    }

    pub fn link(text: impl Into<String>, address: String) -> PageTableCell {
        PageTableCell { text: text.into(), numeric: false, address: Some(address) }
    }
}

/// A part of a section that belongs to one variant and folds.
pub struct VariantPanel {
    pub name: String,
    pub summary: String,
    pub open: bool,
}

/// The hash that a page's security policy names an inline element by.
fn base64_sha256(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digest = Sha256::digest(text.as_bytes());
    let mut out = String::new();
    for chunk in digest.chunks(3) {
        let wide = [0, 1, 2].map(|i| u32::from(chunk.get(i).copied().unwrap_or(0)));
        let bits = wide[0] << 16 | wide[1] << 8 | wide[2];
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_that_browsers_compute() {
        assert_eq!(base64_sha256(""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        assert_eq!(base64_sha256("abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }

    #[test]
    fn names_of_strangers_are_text_and_the_page_loads_nothing() {
        let name = "<img src=x onerror=alert(1)>\u{202e}\"'";
        let mut page =
            ReportPage::new(name.into(), name.into(), vec![PageFact::new(name, name)], name.into());
        let mut section = PageSection::new("summary", "Summary");
        section.say(name);
        let mut table = PageTable::new(name, &[name]);
        table.row(name, vec![PageTableCell::text(name)]);
        section.table(table);
        page.push(section);
        let html = page.html().unwrap();
        assert!(!html.contains("<img"), "{html}");
        assert!(!html.contains("http://") && !html.contains("url("), "{html}");
        assert!(html.contains(&base64_sha256(SCRIPT)));
    }
}
