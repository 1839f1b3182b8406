//! Restoration of removed components and of the baseline.

mod restore;

pub use restore::{
    RecordedStep, check_decisions, recorded_steps, undone, unpruned, whole_file, with_components,
};

pub(super) use restore::readable;
