//! The ways to a machine: a process here, ssh, a place of a labgrid farm; and files that go there.
//!
//! Knows no inventories, and of the agent only what it answers on this machine.

mod file_upload;
mod labgrid;
mod local_agent;
mod shell_quoting;
mod ssh;
mod subprocess;

pub(crate) use labgrid::AcquiredPlace;
pub(crate) use shell_quoting::path_argument;
pub(crate) use ssh::excerpt;

pub use file_upload::FileUpload;
pub use labgrid::LabgridRequest;
pub use local_agent::LocalAgent;
pub use ssh::{SshAddress, SshConnection};
pub use subprocess::{ProcessLimits, ProcessOutcome};
