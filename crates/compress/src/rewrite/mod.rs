//! Rewrites that change no output: normalisations folded into weights, constants, copies, repetitions,
//! and the comparisons that hold them to it.

mod agreement;
mod batch_normalization;
mod equivalence;
mod lossless;

pub use agreement::{LOSSLESS, OutputAgreement, agreement};
pub(crate) use batch_normalization::fold_batch_normalization;
pub use equivalence::equivalent;
pub(crate) use equivalence::{
    first_outputs, outputs_differ, relative_difference, runnable_outputs,
};
pub use lossless::lossless;
