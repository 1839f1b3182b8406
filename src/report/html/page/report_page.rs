//! The template of the page and what fills it.

use super::base64::base64_sha256;
use super::page_section::{PageBlock, PageSection};
use super::shown_text::{shortened, without_controls};
use askama::Template;

const STYLE: &str = include_str!("../../../../templates/report.css");
const SCRIPT: &str = include_str!("../../../../templates/report.js");

/// A whole report.
#[derive(Template)]
#[template(path = "report.html")]
pub struct ReportPage {
    title: String,
    purpose: String,
    facts: Vec<PageFact>,
    sections: Vec<PageSection>,
    footer: String,
    /// Name of the variant that is shown first; empty where none is.
    first: String,
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
            title: shortened(title),
            purpose: shortened(purpose),
            facts,
            footer,
            first: String::new(),
            sections: vec![],
            version: env!("CARGO_PKG_VERSION"),
            style: STYLE,
            script: SCRIPT,
            style_sha256: base64_sha256(STYLE),
            script_sha256: base64_sha256(SCRIPT),
        }
    }

    /// Names the variant whose panels are shown until another is selected.
    pub fn show_first(&mut self, variant: &str) {
        self.first = variant.into();
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
        self.render().map(without_controls)
    }
}

/// A name and a value.
pub struct PageFact {
    pub name: String,
    pub value: String,
}

impl PageFact {
    pub fn new(name: &str, value: impl Into<String>) -> PageFact {
        PageFact { name: name.into(), value: shortened(value.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::html::page::{PageTable, PageTableCell};

    #[test]
    fn names_of_strangers_are_text_and_the_page_loads_nothing() {
        let name = "<img src=x onerror=alert(1)>\u{202e}\"'";
        let mut page =
            ReportPage::new(name.into(), name.into(), vec![PageFact::new(name, name)], name.into());
        page.show_first(name);
        let mut section = PageSection::new("summary", "Summary");
        section.say(name);
        section.fold(name, |section| section.say(name));
        let mut table = PageTable::new(name, &[name]);
        table.row(name, vec![PageTableCell::text(name).with_bar(0.5)]);
        section.table(table);
        page.push(section);
        let html = page.html().unwrap();
        assert!(!html.contains("<img"), "{html}");
        assert!(!html.contains("http://") && !html.contains("url("), "{html}");
        assert!(!html.contains('\u{202e}') && html.contains("\\u{202e}"), "{html}");
        assert!(html.contains(&base64_sha256(SCRIPT)));
    }
}
