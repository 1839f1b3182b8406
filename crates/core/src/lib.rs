//! Ground of every other crate of paring: units, statistics, the schema of every file and
//! message, text of strangers made printable, numbers in text, rank correlation, TOML written by hand, and files
//! written whole.
//!
//! Knows neither models nor machines.

#![warn(missing_docs)]

pub mod error_chain;
pub mod files;
pub mod guard;
pub mod number_format;
pub mod rank_correlation;
pub mod schema;
pub mod stats;
pub mod text;
pub mod toml_input;
pub mod units;
