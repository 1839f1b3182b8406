//! Charts, drawings and pictures of samples, as the template needs them.

use super::base64::base64;
use super::page_table::{PageTable, PageTableCell, PageTableRow};
use crate::report::html::drawing::{Chart, ChartValue, MarkupElement, curve, svg, vega_lite};
use paring_data::SamplePicture;

/// Marks of a chart that stand in a table too.
const MOST_ROWS: usize = 60;

/// A chart: drawn, as a table, and as a specification.
pub struct PageChart {
    pub(super) svg: String,
    pub(super) title: String,
    pub(super) caption: String,
    pub(super) table: PageTable,
    pub(super) specification: String,
}

impl PageChart {
    pub(super) fn new(chart: &Chart) -> PageChart {
        let of = |e: ChartValue| match e.bounds {
            Some((low, high)) => format!("{} [{}, {}]", short(e.value), short(low), short(high)),
            None => short(e.value),
        };
        // The specification of a dense chart has its numbers; a table would have them once more.
        let listed = if chart.marks.len() <= MOST_ROWS { chart.marks.as_slice() } else { &[] };
        let rows = listed.iter().map(|mark| PageTableRow {
            variant: mark.selects.clone().unwrap_or_default(),
            cells: vec![
                PageTableCell::text(&mark.label),
                PageTableCell::number(of(mark.x)),
                PageTableCell::number(of(mark.y)),
                PageTableCell::text(&mark.note),
            ],
        });
        let header = ["mark", chart.x.title.as_str(), chart.y.title.as_str(), "note"];
        PageChart {
            svg: svg(chart),
            title: capitalised(&chart.title),
            caption: capitalised(&chart.summary),
            table: PageTable {
                caption: chart.title.clone(),
                header: header.map(String::from).to_vec(),
                rows: rows.collect(),
                searchable: false,
            },
            specification: vega_lite(chart).to_string(),
        }
    }
}

/// A sentence with a capital letter.
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    first.chain(letters.as_str().chars()).collect()
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
    pub(super) svg: String,
    pub(super) caption: String,
}

impl PageDrawing {
    pub fn new(drawn: &MarkupElement, caption: String) -> PageDrawing {
        PageDrawing { svg: drawn.text(), caption }
    }
}

/// A sample: pictures of its inputs, and what became of it.
pub struct SampleCard {
    pub title: String,
    pub lines: Vec<String>,
    pictures: String,
}

impl SampleCard {
    pub fn new(
        title: String,
        lines: Vec<String>,
        inputs: &[(String, SamplePicture)],
    ) -> SampleCard {
        let pictures = inputs.iter().map(|(name, picture)| drawn(&title, name, picture).text());
        SampleCard { pictures: pictures.collect(), title, lines }
    }

    pub(super) fn pictures(&self) -> &str {
        &self.pictures
    }
}

fn drawn(title: &str, input: &str, picture: &SamplePicture) -> MarkupElement {
    let words = format!("{title}, input {input}");
    match picture {
        SamplePicture::Image { png, size } => {
            let mut image = MarkupElement::new("img");
            image
                .set("src", &format!("data:image/png;base64,{}", base64(png)))
                .set("alt", &words)
                .set("width", &size.0.to_string())
                .set("height", &size.1.to_string());
            image
        }
        SamplePicture::Signal(values) => curve(values, &words),
    }
}
