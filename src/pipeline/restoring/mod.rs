//! Restoration of removed components and of the baseline.

mod quantization_tuning;
mod restore;

pub use quantization_tuning::{QuantizationTuning, StepTuning, quantization_tunings};
pub use restore::{
    RecordedStep, check_decisions, recorded_steps, undone, unpruned, whole_file, with_components,
};

pub(super) use restore::readable;
