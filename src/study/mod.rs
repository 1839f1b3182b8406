//! The study: a file that says what to compress, how, on what data and where; and its run directory.

mod energy;
mod error;
mod expand;
mod file;
mod former;
mod load;
mod manifest;
mod narrow;
mod protocol;
mod robustness;
mod run_directory;
mod step;
mod subject;
mod task;
mod timing;
mod verify;

pub use energy::EnergyPlan;
pub use error::StudyError;
pub use load::{DataSource, Study, Task, load, load_for};
pub use manifest::{Manifest, ManifestError};
pub use protocol::{Protocol, QUICK_BLOCKS};
pub use run_directory::RunDirectory;
pub use subject::{Loaded, open};
pub use timing::{Timing, stop_at, usual_timing};
pub use verify::{Verified, VerifyError, first_flaw, verify, write_manifest};
