//! Overlays of a run for the viewers of models that people have: node data for model-explorer, one
//! file a quantity, and an attachment for Netron with all of them.
//!
//! Functions from records to JSON; which file of the run a model is in, the caller knows.

mod colors;
mod decided;
mod netron_attachment;
mod node_data;
mod overlay_files;
mod overlay_model;
mod quantities;

pub use overlay_files::{OverlayFile, overlay_files};
pub use overlay_model::{OverlayModel, OverlayNode};
