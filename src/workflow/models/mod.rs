//! Use cases about model files.

mod ablations;
mod catalog;
mod diff;
mod export_advice;
mod gradient;
mod init;
mod init_choices;
mod profile;
mod samples;

pub use catalog::{CatalogOptions, catalog};
pub use diff::{DiffOptions, diff};
pub use export_advice::export_advice;
pub use gradient::{GradientOptions, gradient};
pub use init::{InitOptions, init};
pub use profile::{LayerProfile, ProfileOptions, profile};
use samples::output_scores;
pub use samples::{ModelSamples, SampleOptions};
