//! One row of a run's results, as the gate looks at it.

use paring_core::schema::{Evaluation, Measurement, MissingReason, VariantRecord};

/// A variant on a target in one setting, as the gate looks at it.
#[derive(Clone, Copy, Debug)]
pub struct GateRow<'a> {
    /// The variant.
    pub variant: &'a VariantRecord,
    /// Its evaluation on the report split.
    pub evaluation: Option<&'a Evaluation>,
    /// The reason for which it has none.
    pub evaluation_missing: Option<&'a MissingReason>,
    /// The target's name.
    pub target: &'a str,
    /// True where the target is emulated.
    pub emulated: bool,
    /// The target's measurement.
    pub measurement: &'a Measurement,
}
