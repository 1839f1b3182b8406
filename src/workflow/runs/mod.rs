//! Use cases about run directories.

mod compare;
mod note;
mod sensitivity;
mod verify;

pub use compare::{CompareOptions, FailureRules, compare, refuse_changes};
pub use note::{AddedNote, NoteOptions, note};
pub use sensitivity::sensitivity;
pub use verify::{VerifyOptions, verify};
