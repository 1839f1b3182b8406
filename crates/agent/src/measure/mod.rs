//! Measuring: the schedule of blocks, the sample loop, the journal, and what the samples add up to.
//!
//! The agent ends here. Knows models only through `engine` and jobs only as records.

mod block;
mod job;
mod journal;
mod machine;
mod memory;
mod sampling;

pub use block::energy_span;
pub use job::{
    ANSWERS, AgentCommand, AgentError, JobPlace, JobProgress, ProcessFailure, bound_memory,
    die_with_parent, main, run_job, run_to_end, schedule,
};
pub use journal::{
    BlockJournal, JournalError, JournalSummary, MIN_BLOCKS, PRACTICAL_MARGIN, QUIET_MARGIN,
    WALK_MARGIN, energy_summary, read_journal,
};
pub use memory::{CountingAllocator, allocated, count_allocations};
pub use sampling::{ContentionProbe, InputCycle, MemoryWalk, ReferenceLoop, sample_burst, warm_up};
