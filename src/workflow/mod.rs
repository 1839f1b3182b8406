//! Use cases: one public function for each, from typed options to a typed result. Nothing here parses
//! what was typed or prints an answer; progress goes to the caller as [`ProgressEvent`]s.

mod error;
mod progress;

pub use error::WorkflowError;
pub use progress::{Progress, ProgressEvent, Stage};
