//! Measuring: the schedule of blocks, the sample loop, the journal, and what the samples add up to.
//!
//! The agent ends here. Knows models only through `engine` and jobs only as records.

mod affinity;
mod agent;
mod block;
mod command;
mod consumption;
mod detached;
#[cfg(all(target_arch = "x86_64", any(test, target_env = "musl")))]
mod copy;
mod drift;
mod energy;
mod former;
mod heap;
mod journal;
mod limits;
mod machine;
mod pair;
mod partner;
mod predict;
mod process;
mod quiet;
mod reference;
mod sampling;
mod schedule;
mod stand;
mod summary;
mod sustained;
mod validity;
mod walk;
mod watch;

pub use agent::{AgentError, JobProgress, run_job};
pub use command::{AgentCommand, main};
pub use consumption::energy_summary;
pub use detached::JobPlace;
pub use energy::energy_span;
pub use heap::{CountingAllocator, allocated, count_allocations};
pub use journal::{BlockJournal, JournalError, read_journal};
pub use predict::ANSWERS;
pub use process::{ProcessFailure, bound_memory, die_with_parent, run_to_end};
pub use quiet::{QUIET_MARGIN, WALK_MARGIN};
pub use reference::ReferenceLoop;
pub use sampling::{InputCycle, sample_burst, warm_up};
pub use schedule::schedule;
pub use summary::{JournalSummary, MIN_BLOCKS, PRACTICAL_MARGIN};
pub use walk::MemoryWalk;
pub use watch::ContentionProbe;
