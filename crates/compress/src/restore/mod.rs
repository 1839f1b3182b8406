//! Putting back what was removed: parings, undoing a step, and replaying one with part of its decisions.

mod paring;
mod replay;
mod undo;

pub use paring::Paring;
pub use undo::{UndoError, undo, undo_tensors};
