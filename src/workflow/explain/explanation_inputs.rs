//! Inputs of an explanation: the run, its targets and the questions, and the answers of both models.

use super::time_budget::TimeBudget;
use crate::evaluate::{ModelOutputs, RobustnessTest};
use crate::workflow::Progress;
use crate::workflow::open_run::OpenRun;
use paring_boards::Target;
use std::path::Path;

/// The run, and the questions about it beside the experiments.
pub(super) struct ExplanationInputs<'a> {
    pub(super) run: &'a OpenRun,
    /// Machines that are asked and measured on.
    pub(super) targets: &'a [Target],
    /// True where a board that cannot be reached ends the whole explanation.
    pub(super) insist: bool,
    /// Disturbances of inputs, if there are any.
    pub(super) stress: Option<RobustnessTest>,
    /// True where experiments are measured.
    pub(super) measure: bool,
    /// True where that is part of the call's time.
    pub(super) bounds_measurements: bool,
    /// The folder that stands for `/` where power sensors are read.
    pub(super) sysfs_root: Option<&'a Path>,
    /// Time of the whole call.
    pub(super) budget: &'a TimeBudget,
    /// True where tables are written as CSV too.
    pub(super) csv: bool,
    pub(super) progress: &'a Progress<'a>,
}

/// The baseline and the variant with their full answers on the report samples.
pub(super) struct AnswerPair {
    pub(super) baseline: ModelOutputs,
    pub(super) variant: ModelOutputs,
}
