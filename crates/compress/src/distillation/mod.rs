//! Distillation: training of what remains towards the baseline's answers, without labels.
//!
//! Gradients are those of `crate::gradient`; files, splits and the ledger are others' business.

mod adam;
mod augmentation;
mod compared_tensors;
mod error;
mod held_out;
mod passes;
mod sample_pass;
mod settings;
mod step;
mod trainable;
mod training;

pub use error::DistillationError;
pub use settings::Distillation;
pub use step::{DistillationInputs, distill, training_time};
pub use training::{TrainingListener, TrainingProgress};
