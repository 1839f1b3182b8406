//! Effects of latency, memory and energy, from experiments measured by the study's own rules.

use super::explanation_inputs::ExplanationInputs;
use crate::attribution::AblationStudy;
use crate::pipeline::{self, MeasurementExtent, MeasurementPlan};
use crate::workflow::WorkflowError;
use crate::workflow::run::measuring_time;
use crate::workflow::targets::on_one;
use paring_core::schema::{Effect, MetricTotal, VariantRecord};
use std::time::Instant;

/// Effects and totals on every target, one after the other.
///
/// # Errors
/// [`WorkflowError`] where a target cannot be measured on.
pub(super) fn measured_effects(
    inputs: &ExplanationInputs,
    case: &AblationStudy,
    variant: &VariantRecord,
) -> Result<(Vec<Effect>, Vec<MetricTotal>), WorkflowError> {
    let (run, progress) = (inputs.run, inputs.progress);
    let (mut effects, mut totals) = (Vec::new(), Vec::new());
    let measurable = case.measurable(variant);
    let records: Vec<VariantRecord> = measurable.iter().map(|one| one.record.clone()).collect();
    let folders = pipeline::measured_experiments(&run.directory.folders, &variant.name, &records)?;
    for target in inputs.targets {
        let begun = Instant::now();
        let time = measuring_time(&run.study, records.len());
        let left_out = || format!("{}: measurements on {}", variant.name, target.name);
        if inputs.bounds_measurements && !inputs.budget.allows(time, left_out) {
            let why = "there was no time to measure it; more `--minutes` are needed";
            effects.extend(case.unmeasured(&target.name, why));
            continue;
        }
        let settings = run.study.settings(target);
        let first = settings.get(..1).unwrap_or_default();
        let plan = MeasurementPlan {
            extent: MeasurementExtent::Times,
            sustained_ns: None,
            ..run.measurement_plan(inputs.sysfs_root, target, first)
        };
        let measured = on_one(target, &folders, progress, &|target, stop, heard| {
            pipeline::measure(&folders, &plan, target, &records, stop, heard)
        })?;
        if first.is_empty() {
            continue;
        }
        // One setting, and so one measurement of each variant.
        let measurements = &measured.measurements;
        let (target_effects, total) = case.measured(&measurable, measurements, &target.name);
        effects.extend(target_effects);
        totals.extend(total);
        if !inputs.bounds_measurements {
            inputs.budget.give_back(begun.elapsed());
        }
    }
    Ok((effects, totals))
}
