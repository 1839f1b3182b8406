//! The journal of blocks, and what its samples add up to.

mod block_journal;
mod energy_summary;
mod journal_summary;
mod latency_drift;
mod quiet_pace;
mod validity;

pub use block_journal::{BlockJournal, JournalError, read_journal};
pub use energy_summary::energy_summary;
pub use journal_summary::JournalSummary;
pub use quiet_pace::{QUIET_MARGIN, WALK_MARGIN};
pub(super) use validity::bad_conditions;
pub use validity::{MIN_BLOCKS, PRACTICAL_MARGIN};
