//! A run directory: its frozen protocol, its manifest, and its opening and locking.

mod directory;
mod format_1;
mod manifest;
mod protocol;
mod same_study;

pub use directory::RunDirectory;
pub(super) use manifest::{
    LOCK_FILE, MANIFEST_FILE, ManifestUpdate, RUN_SIGNATURE_FILE, WRITING_FILE, file_hashes,
};
pub use manifest::{ManifestError, RunManifest};
pub use protocol::Protocol;
