//! Jobs: command line, schedule, and the runner of blocks.

mod block_schedule;
mod child_process;
mod command_line;
mod detached_job;
mod job_error;
mod job_limits;
mod job_runner;
mod predict;
mod schedule_state;

pub use block_schedule::schedule;
pub use child_process::{ProcessFailure, bound_memory, die_with_parent, run_to_end};
pub use command_line::{AgentCommand, main};
pub use detached_job::JobPlace;
pub use job_error::AgentError;
pub use job_runner::{JobProgress, run_job};
pub use predict::ANSWERS;

#[cfg(test)]
pub(super) use block_schedule::tests::job as example_job;
