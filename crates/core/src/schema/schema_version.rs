//! The version of the file formats, and the refusal of newer ones.

/// The version of every file format this crate writes.
pub const SCHEMA: u32 = 2;

/// A file written by a newer paring than this one.
#[derive(Debug, thiserror::Error)]
#[error("{what} has schema {found}, this paring reads up to {SCHEMA}; use a newer paring")]
pub struct NewerSchema {
    /// The file or record that was read.
    pub what: String,
    /// The schema it carries.
    pub found: u32,
}

/// Accepts a schema up to the one this crate writes.
///
/// # Errors
/// [`NewerSchema`] naming `what`.
pub fn check_schema(what: &str, found: u32) -> Result<(), NewerSchema> {
    if found > SCHEMA { Err(NewerSchema { what: what.to_string(), found }) } else { Ok(()) }
}
