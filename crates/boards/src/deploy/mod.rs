//! The agent on a target: its file, jobs and programs that run there, boards checked and left as they
//! were.

mod agent_file;
mod board;
mod board_check;
mod board_cleanup;
mod board_identity;
mod node_profiling;
mod remote_job;
mod remote_prediction;
mod remote_program;
mod result_archive;
mod target_session;

pub use agent_file::{AGENTS_VARIABLE, AgentFile, agent_file};
pub use board::{Board, TargetEvent};
pub use board_check::{CheckFinding, CheckGrade, check_target};
pub use board_cleanup::clean_target;
pub use board_identity::identify_board;
pub use remote_job::{RemoteJob, user_and_host_name};
pub use remote_prediction::RemotePrediction;
pub use remote_program::RemoteProgram;
pub use result_archive::files_below;
pub use target_session::TargetSession;
