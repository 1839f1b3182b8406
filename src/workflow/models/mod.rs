//! Use cases about model files.

mod catalog;
mod diff;
mod init;
mod profile;
mod samples;

pub use catalog::{CatalogOptions, catalog};
pub use diff::{DiffOptions, diff};
pub use init::{InitOptions, init};
pub use profile::{LayerProfile, ProfileOptions, profile};
pub use samples::{ModelSamples, SampleOptions};
