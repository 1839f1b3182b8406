//! Result of a run, and the tables that are derived of it.

use crate::pipeline::PipelineError;
use crate::report::{RegimeEvaluation, ResultRow};
use crate::workflow::WorkflowError;
use crate::workflow::variants::{VariantFailure, VariantResult, check_complete};
use paring_core::schema::{ExecutionSetting, GateRecord, LayerTable, Sha256Hex, TargetEnvironment};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Result of [`run`](super::run).
#[derive(Debug)]
pub struct RunResult {
    /// The study's name.
    pub study: String,
    /// The run directory.
    pub run: PathBuf,
    /// True where the run had been begun before, and this call went on with it.
    pub resumed: bool,
    /// Rows of targets that earlier calls measured, and this one did not.
    pub earlier: Vec<ResultRow>,
    /// Verdicts of the protocol's requirements; `None` without any.
    pub gate: Option<GateRecord>,
    /// True where the protocol was the short one, which gives no verdicts.
    pub quick: bool,
    /// All variants that were made, the baseline first.
    pub variants: Vec<VariantResult>,
    /// All targets, in the study's order.
    pub targets: Vec<TargetResult>,
    /// The study's regimes, evaluated.
    pub regimes: Vec<RegimeEvaluation>,
    /// Variants that were not made.
    pub not_made: Vec<VariantFailure>,
    /// SHA-256 of the run's manifest.
    pub manifest_sha256: Sha256Hex,
}

/// A target of a run.
#[derive(Debug)]
pub struct TargetResult {
    /// Its name.
    pub name: String,
    /// The settings that variants were run in, in order.
    pub settings: Vec<ExecutionSetting>,
    /// The machine as its agent found it, or the reason why nothing was measured there.
    pub environment: Result<TargetEnvironment, PipelineError>,
}

impl RunResult {
    /// Variants that could not be evaluated.
    pub fn not_evaluated(&self) -> Vec<VariantFailure> {
        self.variants.iter().filter_map(VariantResult::evaluation_failure).collect()
    }

    /// Targets without measurements, each with the reason.
    pub fn failed_targets<'a>(&'a self) -> impl Iterator<Item = (&'a str, &'a PipelineError)> {
        let failed = |target: &'a TargetResult| {
            Some((target.name.as_str(), target.environment.as_ref().err()?))
        };
        self.targets.iter().filter_map(failed)
    }

    /// The rows of `results.csv`: by target, setting and variant, those of earlier calls last.
    pub fn rows(&self) -> Vec<ResultRow> {
        let mut rows = result_rows(&self.variants, &self.targets);
        rows.extend(self.earlier.iter().cloned());
        rows
    }

    /// Nothing, if every variant was made, evaluated and measured on every target.
    ///
    /// # Errors
    /// The first reason why the result is not whole.
    pub fn check_complete(self) -> Result<(), WorkflowError> {
        let rows = result_rows(&self.variants, &self.targets);
        let unmeasured = rows.into_iter().find(|row| row.measurement.latency.is_err());
        let not_evaluated = self.not_evaluated();
        for TargetResult { name: target, environment, .. } in self.targets {
            environment.map_err(|source| WorkflowError::TargetWithoutRows {
                target,
                source: source.into(),
            })?;
        }
        if let Some(row) = unmeasured {
            let reason = row.measurement.invalid_reasons.join("; ");
            return Err(WorkflowError::NotMeasured { variant: row.variant.name, reason });
        }
        check_complete(&self.not_made, &not_evaluated)
    }
}

/// The rows of `results.csv`: by target, setting and variant.
pub(super) fn result_rows(variants: &[VariantResult], targets: &[TargetResult]) -> Vec<ResultRow> {
    let baseline_weights = variants.first().map_or(0, |baseline| baseline.record.weights);
    let mut rows = Vec::new();
    for target in targets {
        let Ok(environment) = &target.environment else { continue };
        for setting in &target.settings {
            let measured = variants.iter().filter_map(|variant| {
                Some((variant, variant.measurement(&target.name, *setting)?))
            });
            rows.extend(measured.map(|(variant, measurement)| ResultRow {
                variant: variant.record.clone(),
                baseline_weights,
                evaluation: variant.evaluation.as_ref().ok().cloned(),
                evaluation_missing: variant.evaluation.as_ref().err().cloned(),
                target: target.name.clone(),
                environment: environment.clone(),
                measurement: measurement.clone(),
            }));
        }
    }
    rows
}

/// The tables of `layers.csv`: by target, batch and variant.
pub(super) fn layer_tables(
    variants: &[VariantResult],
    targets: &[TargetResult],
) -> Vec<LayerTable> {
    let mut tables = Vec::new();
    for target in targets {
        let batches: BTreeSet<usize> = target.settings.iter().map(|s| s.batch).collect();
        for batch in batches {
            let found = variants.iter().filter_map(|v| v.layers_on(&target.name, batch));
            tables.extend(found.cloned());
        }
    }
    tables
}
