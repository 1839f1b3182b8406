//! Findings: rules over records that name what stands out, with the evidence and the next command.

mod class_cause;
mod quality_rules;
mod report_findings;
mod speed_rules;

pub use class_cause::class_cause;
pub use report_findings::findings;
