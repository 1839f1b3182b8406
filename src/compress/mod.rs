//! Steps that make a graph smaller: (graph, step) → (graph, decisions, parings, refusals).
//!
//! Knows no files: what a step needs it is handed, and what it took out it hands back.

mod calibrate;
mod cut;
mod emit;
mod fold;
mod prune;
mod quantize;
mod step;

pub use calibrate::{Calibration, Range};
pub use prune::prune_channels;
pub use quantize::quantize_int8;
pub use step::{CompressError, Draft, Granularity, Made, Paring, Step};
