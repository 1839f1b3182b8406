//! The engine and its version.

/// The engine and its version, as written into records.
pub const ENGINE: &str = "tract 0.23.9";
