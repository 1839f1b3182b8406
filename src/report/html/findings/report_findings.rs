//! All findings about a run.

use super::quality_rules::{lossy_without_recovery, one_class_pays, small_slices};
use super::speed_rules::{
    emulated_targets, layers_slower_in_integers, slower_in_integers, time_in_copies,
};
use crate::report::html::page::ReportFinding;
use crate::report::html::run_report::RunReport;

/// All findings about a run, the weightiest kinds first.
pub fn findings(run: &RunReport) -> Vec<ReportFinding> {
    let rules: [fn(&RunReport) -> Vec<ReportFinding>; 7] = [
        slower_in_integers,
        layers_slower_in_integers,
        time_in_copies,
        one_class_pays,
        lossy_without_recovery,
        small_slices,
        emulated_targets,
    ];
    rules.iter().flat_map(|rule| rule(run)).collect()
}
