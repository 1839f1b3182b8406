//! The page of a run: its sections in reading order.

use super::page::{PageFact, ReportPage};
use super::run_report::RunReport;
use super::sections;
use super::verdict::recommended;

/// Renders `report.html`.
///
/// # Errors
/// [`askama::Error`] of the template.
pub fn report_html(run: &RunReport) -> Result<String, askama::Error> {
    let facts = vec![
        PageFact::new("run", run.facts.run_id.as_str()),
        PageFact::new("owner", run.owner),
        PageFact::new("variants", run.variants().len().to_string()),
        PageFact::new("targets", run.targets().join(", ")),
    ];
    let purpose = match run.purpose {
        "" => "The study names no purpose.".to_string(),
        purpose => format!("Purpose: {purpose}"),
    };
    let footer = format!(
        "Written by paring {} from the records in {}; `paring verify` checks them.",
        env!("CARGO_PKG_VERSION"),
        run.directory
    );
    let mut page =
        ReportPage::new(format!("{}: compression report", run.facts.study), purpose, facts, footer);
    let first = recommended(run).map(|row| row.variant.name.as_str());
    let first = first.or_else(|| run.variants().get(1).copied());
    page.show_first(first.unwrap_or_default());
    page.push(sections::summary(run));
    page.push(sections::tradeoff(run));
    page.push(sections::anatomy(run));
    page.push(sections::effects(run));
    page.push(sections::predictions(run));
    page.push(sections::flow(run));
    page.push(sections::hardware(run));
    page.push(sections::evidence(run));
    page.html()
}
