//! Runs a study: makes and evaluates its variants, measures them on all targets, writes the tables.

use super::preflight::check_targets;
use super::result::{layer_tables, result_rows};
use super::unapproved::refuse_unapproved;
use super::{RunOptions, RunResult, TargetResult};
use crate::pipeline::{self, TargetMeasurements};
use crate::report::{self, ResultRow};
use crate::study::{self, RunDirectory};
use crate::workflow::gate::record_gate;
use crate::workflow::open_run::{OpenRun, sysfs_root};
use crate::workflow::report::{recorded_layers, write_report_if_possible};
use crate::workflow::targets::{TargetOutcome, cancel, is_interrupted, leave_on_boards, on_all};
use crate::workflow::variants::{
    ForecastSources, VariantResult, evaluate_regimes, evaluate_variants, make_variants,
};
use crate::workflow::{Progress, ProgressEvent, WorkflowError};
use paring_boards::{TargetTransport, catch_interrupts};
use paring_core::schema::{MissingReason, VariantRecord};
use std::path::{Path, PathBuf};

/// Makes, evaluates and measures all variants of a study, and writes `results.csv` and `layers.csv`
/// into the run directory. An unfinished run in `options.out` goes on where it stopped.
///
/// # Errors
/// [`WorkflowError`] where the study, the baseline or the run directory cannot be used, where no target
/// was measured, and where somebody interrupts. A variant or a target that fails is part of the result.
pub fn run(options: &RunOptions, progress: &Progress) -> Result<RunResult, WorkflowError> {
    let (mut run, sysfs_root) = open(options, progress)?;
    progress(ProgressEvent::RunDirectory(run.path()));
    let forecasts = ForecastSources { history: options.forecast_history.as_deref(), latency: true };
    let made = make_variants(&run, sysfs_root.as_deref(), &forecasts, progress)?;
    let mut evaluations = evaluate_variants(&run, &made.records, progress)?;
    let regimes = evaluate_regimes(&run, &run.study.regimes, &made.records, progress)?;
    let outcomes = measure(&run, &made.records, sysfs_root.as_deref(), progress)?;
    let none = || Err(MissingReason("it was not evaluated".into()));
    let variants = made.records.into_iter().map(|record| {
        let evaluation = evaluations.remove(&record.name).unwrap_or_else(none);
        VariantResult { record, evaluation, measurements: vec![], layers: vec![] }
    });
    let mut variants: Vec<VariantResult> = variants.collect();
    let targets = join(&run, &mut variants, outcomes, progress)?;
    let earlier = earlier_rows(&run.directory, &variants, &targets);
    write_tables(&run.directory, &variants, &targets, &earlier)?;
    let gate = record_gate(&run.directory, &run.study.owner, progress)?;
    write_report_if_possible(&run.directory, progress);
    Ok(RunResult {
        study: run.study.name.clone(),
        quick: options.quick,
        resumed: run.directory.resumed,
        earlier,
        gate,
        variants,
        targets,
        not_made: made.failures,
        regimes,
        manifest_sha256: run.seal()?,
        run: run.path().to_path_buf(),
    })
}

/// Stops what an interrupted run in `options.out` left to go on by itself on boards; what was measured
/// stays there.
///
/// # Errors
/// [`WorkflowError`] where the run cannot be opened, or a board not be reached.
pub fn cancel_run(options: &RunOptions, progress: &Progress) -> Result<(), WorkflowError> {
    let (run, _) = open(options, progress)?;
    cancel(&run.study.targets, &run.directory.folders, false, progress)
}

fn open(
    options: &RunOptions,
    progress: &Progress,
) -> Result<(OpenRun, Option<PathBuf>), WorkflowError> {
    let (study, loaded) = options.open_study()?;
    let sysfs_root = options.sysfs_root.as_deref().map(sysfs_root).transpose()?;
    check_targets(&study, sysfs_root.as_deref())?;
    refuse_unapproved(options, &study)?;
    let run = OpenRun::start(study, loaded, options.out.as_deref(), options.quick, progress)?;
    Ok((run, sysfs_root))
}

/// Measures variants on every target; an interrupt leaves boards to go on by themselves.
fn measure<'a>(
    run: &'a OpenRun,
    variants: &[VariantRecord],
    sysfs_root: Option<&Path>,
    progress: &Progress,
) -> Result<Vec<TargetOutcome<'a, TargetMeasurements>>, WorkflowError> {
    let (targets, folders) = (&run.study.targets, &run.directory.folders);
    let boards = targets.iter().any(|t| t.transport != TargetTransport::Local);
    let stop = boards.then(catch_interrupts).transpose();
    let stop = stop.map_err(WorkflowError::CatchInterrupts)?;
    let outcomes = on_all(targets, progress, &|target, heard| {
        let settings = run.study.settings(target);
        let plan = run.measurement_plan(sysfs_root, target, &settings);
        pipeline::measure(folders, &plan, target, variants, stop, heard)
    });
    match outcomes.iter().any(is_interrupted) {
        true => Err(leave_on_boards(targets, folders, progress)),
        false => Ok(outcomes),
    }
}

/// Measures variants beside those of a finished run, the baseline first, and adds them to its tables.
///
/// # Errors
/// As for [`run`].
pub(in crate::workflow) fn measure_further(
    run: &OpenRun,
    mut variants: Vec<VariantResult>,
    progress: &Progress,
) -> Result<(), WorkflowError> {
    let records: Vec<VariantRecord> = variants.iter().map(|own| own.record.clone()).collect();
    let outcomes = measure(run, &records, None, progress)?;
    let targets = join(run, &mut variants, outcomes, progress)?;
    let (folders, facts) = (&run.directory.folders, run.directory.protocol.facts());
    let is_new = |row: &ResultRow| records.iter().skip(1).any(|own| own.name == row.variant.name);
    let mut rows = study::recorded_rows(folders)?.rows;
    rows.retain(|row| !is_new(row));
    rows.extend(result_rows(&variants, &targets).into_iter().filter(is_new));
    let csv = report::layers_csv(&facts, &recorded_layers(folders, &rows))?;
    pipeline::replace(&folders.layers(), &csv)?;
    Ok(pipeline::replace(&folders.results(), &report::results_csv(&facts, &rows)?)?)
}

/// Gives every variant what each target measured of it.
fn join(
    run: &OpenRun,
    variants: &mut [VariantResult],
    outcomes: Vec<TargetOutcome<TargetMeasurements>>,
    progress: &Progress,
) -> Result<Vec<TargetResult>, WorkflowError> {
    let mut targets = Vec::new();
    for (target, outcome) in outcomes {
        let environment = outcome.map(|found| {
            for variant in &mut *variants {
                variant.add_measurements(&target.name, &found);
            }
            for (variant, reason) in &found.layers.without {
                let target = &target.name;
                progress(ProgressEvent::NoLayers { variant, target, reason });
            }
            found.environment
        });
        let settings = run.study.settings(target);
        targets.push(TargetResult { name: target.name.clone(), settings, environment });
    }
    let measured = variants.iter().any(|variant| !variant.measurements.is_empty());
    let failed = targets.iter().position(|target| target.environment.is_err());
    match failed.filter(|_| !measured).map(|position| targets.swap_remove(position).environment) {
        Some(Err(error)) => Err(error.into()),
        _ => Ok(targets),
    }
}

/// Rows that are not measured now: of targets that another call with another `--target` measured, and of
/// variants that `gate --restore` made. Rows that cannot be read any more are no reason to lose those that
/// were measured now.
fn earlier_rows(
    directory: &RunDirectory,
    variants: &[VariantResult],
    targets: &[TargetResult],
) -> Vec<ResultRow> {
    let rows = study::recorded_rows(&directory.folders).unwrap_or_default().rows;
    let is_new = |row: &ResultRow| {
        targets.iter().any(|target| target.name == row.target && target.environment.is_ok())
            && variants.iter().any(|variant| variant.record.name == row.variant.name)
    };
    rows.into_iter().filter(|row| !is_new(row)).collect()
}

fn write_tables(
    directory: &RunDirectory,
    variants: &[VariantResult],
    targets: &[TargetResult],
    earlier: &[ResultRow],
) -> Result<(), WorkflowError> {
    let (folders, facts) = (&directory.folders, directory.protocol.facts());
    let mut layers = layer_tables(variants, targets);
    layers.extend(recorded_layers(folders, earlier));
    let csv = report::layers_csv(&facts, &layers)?;
    pipeline::replace(&folders.layers(), &csv)?;
    let rows = [result_rows(variants, targets), earlier.to_vec()].concat();
    let csv = report::results_csv(&facts, &rows)?;
    Ok(pipeline::replace(&folders.results(), &csv)?)
}
