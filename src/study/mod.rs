//! The study: a file that says what to compress, how, on what data and where; and its run directory.

mod error;
mod expand;
mod file;
mod protocol;
mod run_directory;
mod study;
mod subject;

pub use error::StudyError;
pub use protocol::{Protocol, QUICK_BLOCKS};
pub use run_directory::RunDirectory;
pub use study::{DataSource, Study, Task, load};
pub use subject::{Loaded, open};
