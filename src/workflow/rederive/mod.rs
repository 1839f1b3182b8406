//! Use case: the variants of a run made again from the baseline, by a second party, and held against the
//! run byte for byte.

mod comparison;
mod gated_recipe;
mod options;
mod outcome;
mod recorded_recipe;
mod replay_context;
mod replayed_variants;

pub use options::RederiveOptions;
pub use outcome::{Rederivation, RederivationOutcome, RederivedVariant};
pub use replayed_variants::rederive;
