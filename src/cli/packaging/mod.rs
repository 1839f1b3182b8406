//! Verbs for packages and editors: origin of the program, completions, man pages, JSON schemas.

mod build_record;
mod completions;
mod man;
mod schema;

pub use build_record::{BuildRecord, last_commit};
pub(super) use completions::CompletionsArgs;
pub(super) use man::ManArgs;
pub(super) use schema::SchemaArgs;
