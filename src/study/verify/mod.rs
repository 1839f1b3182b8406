//! The check of a run directory: files against the manifest, the ledger's chain, lineages against the
//! ledger, and results against the journals.
//!
//! Whoever can write the directory can write a manifest that fits. What they cannot do is write one
//! with the hash that somebody noted before.

mod entries;
mod error;
mod lineage;
mod results;
mod run;

pub use error::VerifyError;
pub use results::{RecordedRows, recorded_rows};
pub use run::{VerificationSummary, first_violation, verify, write_manifest};
