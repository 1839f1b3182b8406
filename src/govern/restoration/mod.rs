//! Searches for what to put back into a variant so that it passes. Pure: a variant is a set of groups and
//! settings, and what it is worth is asked of the caller.

mod exchanges;
mod exhaustive;
mod greedy;
mod known_values;
mod search_record;
#[cfg(test)]
mod search_tests;

pub use exhaustive::{MOST_EXHAUSTIVE_GROUPS, restore_exhaustively};
pub use greedy::restore_greedily;
pub use search_record::{
    CandidateTuning, RestorationChange, RestorationSpace, RestorationState, RestoreSearch,
    RestoreTrial, RestoredValue, SearchEnd, SubsetValue,
};
