//! Samples whose class changed between baseline and variant, and drawings of their inputs.

use paring_core::schema::{FlipKind, MissingReason};
use paring_data::SamplePicture;
use std::collections::BTreeMap;

/// Samples of a run whose class changed.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportSamples {
    /// True where single samples are not to be shown.
    pub redacted: bool,
    /// By variant: regressions and fixes, those that lost most probability first.
    pub changed: BTreeMap<String, Vec<ChangedSample>>,
    /// Inputs by sample.
    pub drawings: Result<BTreeMap<usize, SampleDrawing>, MissingReason>,
    /// Samples with a card of which no drawing was made, because there are too many.
    pub left_out: usize,
}

impl Default for ReportSamples {
    fn default() -> ReportSamples {
        let drawings = Err(MissingReason("the run has no answers sample by sample".into()));
        ReportSamples { redacted: false, changed: BTreeMap::new(), drawings, left_out: 0 }
    }
}

/// A sample whose class changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangedSample {
    /// Its index in the data.
    pub sample: usize,
    /// Its label; `None` where the data have none.
    pub label: Option<i64>,
    /// The baseline's class.
    pub before: Option<i64>,
    /// The variant's class.
    pub after: Option<i64>,
    /// Kind of the change.
    pub kind: FlipKind,
    /// Probability of the label (without labels of the baseline's class), before less after; `None`
    /// where scores are no probabilities.
    pub lost: Option<f64>,
}

/// Drawings of the inputs of one sample that look like an image or a signal, by input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampleDrawing {
    /// Inputs by name.
    pub inputs: Vec<(String, SamplePicture)>,
}
