//! One row of the results: a variant on a target in one setting.

use crate::govern::{self, GateRow};
use paring_core::schema::{
    Evaluation, GateRecord, Measurement, MissingReason, Requirement, TargetEnvironment,
    VariantRecord,
};

/// Study, run and protocol hashes, which all rows of a run share.
#[derive(Clone, Debug)]
pub struct RunFacts {
    /// The study's name.
    pub study: String,
    /// The run.
    pub run_id: String,
    /// Hash of data, splits and metrics.
    pub data_sha256: String,
    /// Hash of the rules of timing.
    pub measurement_sha256: String,
    /// This is the short protocol.
    pub quick: bool,
    /// Requirements of the protocol.
    pub requirements: Vec<Requirement>,
}

impl RunFacts {
    /// Verdicts of the requirements on rows; `None` without requirements or variants.
    pub fn gate(&self, rows: &[ResultRow]) -> Option<GateRecord> {
        let rows: Vec<GateRow> = rows.iter().map(ResultRow::gate_row).collect();
        let sha256 = Requirement::digest(&self.requirements);
        let record = govern::gate_record(&self.requirements, &rows, &sha256, &self.run_id);
        (!record.variants.is_empty()).then_some(record)
    }
}

/// A variant on a target in one setting.
#[derive(Clone, Debug)]
pub struct ResultRow {
    /// The variant.
    pub variant: VariantRecord,
    /// Weights of the baseline.
    pub baseline_weights: u64,
    /// Its quality on the report split; `None` where it was only timed.
    pub evaluation: Option<Evaluation>,
    /// The reason for which it has none, where it was to be evaluated.
    pub evaluation_missing: Option<MissingReason>,
    /// The target's name.
    pub target: String,
    /// The target's environment.
    pub environment: TargetEnvironment,
    /// The measurement.
    pub measurement: Measurement,
}

impl ResultRow {
    /// The variant's name and what of its setting is not usual.
    pub fn label(&self) -> String {
        match self.measurement.setting.label() {
            usual if usual.is_empty() => self.variant.name.clone(),
            setting => format!("{} ({setting})", self.variant.name),
        }
    }

    /// The row as the gate looks at it.
    pub fn gate_row(&self) -> GateRow<'_> {
        GateRow {
            variant: &self.variant,
            evaluation: self.evaluation.as_ref(),
            evaluation_missing: self.evaluation_missing.as_ref(),
            target: &self.target,
            emulated: self.environment.emulated,
            measurement: &self.measurement,
        }
    }

    /// Share of the baseline's weights (biases and normalisations apart) that are gone, in percent.
    pub fn params_removed_pct(&self) -> f64 {
        let share = self.variant.weights as f64 / self.baseline_weights.max(1) as f64;
        100.0 * (1.0 - share)
    }
}
