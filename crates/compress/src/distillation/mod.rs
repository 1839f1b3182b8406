//! Distillation: training of what remains towards the baseline's answers, without labels.
//!
//! Gradients are those of `crate::gradient`; files, splits and the ledger are others' business.

mod adam;
mod augmentation;
mod compared_tensors;
mod error;
mod passes;
mod settings;
mod step;
mod trainable;
mod training;

pub use error::DistillationError;
pub use settings::Distillation;
pub use step::{DistillationInputs, distill};
pub use training::{TrainingListener, TrainingProgress};
