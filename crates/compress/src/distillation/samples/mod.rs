//! Samples of a training: divided into passes, changed as an epoch sees them, held out to compare states.

mod augmentation;
mod held_out;
mod sample_pass;

pub(super) use augmentation::AugmentedInputs;
pub(super) use held_out::{HeldOutLosses, HeldOutSamples};
pub(super) use sample_pass::{SamplePass, labels_of};
