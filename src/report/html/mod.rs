//! `report.html`: one self-contained file with everything that a run knows, for an engineer and a
//! reviewer.
//!
//! Each section is a function from records to blocks of a page. Derived from the run directory; it
//! measures and judges nothing of its own.

pub(super) mod drawing;
pub(super) mod findings;
mod network;
pub(super) mod numbers;
pub(super) mod page;
mod records;
mod report_html;
mod run_report;
pub(super) mod sections;
pub(super) mod verdict;

pub use network::{ReportLayer, ReportNetwork};
pub use page::ReportFinding;
pub use records::{
    ChangedSample, MemoryUse, ReportBlock, ReportSamples, SampleDrawing, SustainedPoint,
    TargetBlocks,
};
pub use report_html::report_html;
pub use run_report::RunReport;
