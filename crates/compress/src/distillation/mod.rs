//! Distillation: training of what remains towards the baseline's answers, without labels.
//!
//! Gradients are those of `crate::gradient`; files, splits and the ledger are others' business.

mod adam;
mod compared_tensors;
mod error;
mod passes;
mod samples;
mod settings;
mod step;
mod student_parameters;
mod trainable;
mod training;

pub use error::DistillationError;
pub use passes::pass_samples;
pub use settings::Distillation;
pub use step::{DistillationInputs, distill, training_time};
pub use training::{TrainingListener, TrainingProgress};
