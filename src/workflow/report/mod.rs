//! Use case: the reports of finished runs, from the files in their directories alone.

mod answer;
mod blocks;
mod derived;
mod layers;
mod network;
mod options;
mod overlays;
mod privacy;
mod records;
mod samples;
mod write;

pub use answer::report;
pub use derived::ComparedReport;
pub(super) use derived::compare_reports;
pub(super) use layers::recorded_layers;
pub use options::{ReportAnswer, ReportFormat, ReportOptions};
pub(super) use privacy::samples_are_private;
pub(super) use write::write_report_if_possible;
pub use write::{WrittenReport, write_report};
