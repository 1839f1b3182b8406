//! Result of one variant: its record, its evaluation, its measurements by target and setting, its
//! layers.

use crate::pipeline::TargetMeasurements;
use crate::workflow::WorkflowError;
use paring_core::schema::{
    Evaluation, ExecutionSetting, LayerTable, Measurement, MissingReason, VariantRecord,
};

/// A measurement of a variant on one target in one setting, which the measurement names.
#[derive(Clone, Debug)]
pub struct TargetMeasurement {
    /// The target's name.
    pub target: String,
    /// The measurement.
    pub measurement: Measurement,
}

/// Everything that is known of one variant of a run.
#[derive(Clone, Debug)]
pub struct VariantResult {
    /// Its record: lineage, size, precision.
    pub record: VariantRecord,
    /// Its quality on the report split, or the reason why there is none.
    pub evaluation: Result<Evaluation, MissingReason>,
    /// Its measurements.
    pub measurements: Vec<TargetMeasurement>,
    /// Times by layer, one table a target and batch.
    pub layers: Vec<LayerTable>,
}

/// A variant that was not made or not evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariantFailure {
    /// The variant's name.
    pub variant: String,
    /// The reason, in one line.
    pub reason: String,
}

impl VariantResult {
    /// Its measurement on a target in a setting.
    pub fn measurement(&self, target: &str, setting: ExecutionSetting) -> Option<&Measurement> {
        let mut all = self.measurements.iter().filter(|found| found.target == target);
        Some(&all.find(|found| found.measurement.setting == setting)?.measurement)
    }

    /// Its times by layer on a target at a batch size.
    pub fn layers_on(&self, target: &str, batch: usize) -> Option<&LayerTable> {
        self.layers.iter().find(|table| table.target == target && table.batch == batch)
    }

    /// The reason why it has no evaluation, if so.
    pub fn evaluation_failure(&self) -> Option<VariantFailure> {
        let MissingReason(reason) = self.evaluation.as_ref().err()?;
        Some(VariantFailure { variant: self.record.name.clone(), reason: reason.clone() })
    }

    /// Takes over what a target measured of this variant. Names join, not identities: a variant may be
    /// a copy of its parent.
    pub(in crate::workflow) fn add_measurements(
        &mut self,
        target: &str,
        found: &TargetMeasurements,
    ) {
        let of_variant = found.measurements.iter().filter(|one| one.variant == self.record.name);
        self.measurements.extend(of_variant.map(|one| TargetMeasurement {
            target: target.to_string(),
            measurement: one.measurement.clone(),
        }));
        let layers = found.layers.tables.iter().filter(|one| one.variant == self.record.name);
        self.layers.extend(layers.cloned());
    }
}

/// Nothing, if no variant failed.
///
/// # Errors
/// [`WorkflowError::Incomplete`] says which were not made and which not evaluated.
pub(in crate::workflow) fn check_complete(
    not_made: &[VariantFailure],
    not_evaluated: &[VariantFailure],
) -> Result<(), WorkflowError> {
    let parts = [("made", not_made), ("evaluated", not_evaluated)].into_iter();
    let parts = parts.filter(|(_, failed)| !failed.is_empty()).map(|(what, failed)| {
        let each: Vec<&str> = failed.iter().map(|failure| failure.reason.as_str()).collect();
        let noun = if each.len() == 1 { "variant was" } else { "variants were" };
        format!("{} {noun} not {what}: {}", each.len(), each.join("; "))
    });
    let parts: Vec<String> = parts.collect();
    match parts.is_empty() {
        true => Ok(()),
        false => Err(WorkflowError::Incomplete(parts.join("; "))),
    }
}
