//! paring makes the compression of ONNX models explainable, measured and reversible.
//!
//! It takes a trained model, makes smaller variants of it, runs them on real machines under
//! tract's kernels, and ties every number to the precision and the removed components that
//! produced it. METHODOLOGY.md says how each number comes about.
//!
//! The crates below are one another's walls: `paring-core` ← `paring-agent` ← `paring-data`,
//! `paring-onnx` ← `paring-compress`, `paring-boards`, `paring-signing`; their modules stand here under one name. The
//! modules of this crate each use only those listed above them; `tests/floors.rs` enforces the order.

#![warn(missing_docs)]

pub use paring_agent::{arrays, engine, measure, sensors};
pub use paring_boards as boards;
pub use paring_compress as compress;
pub use paring_compress::catalog;
pub use paring_core::{files, guard, schema, stats, text, units};
pub use paring_data as data;
pub use paring_onnx::graph;
pub use paring_signing as signing;

pub mod evaluate;
pub mod govern;
pub mod ledger;
pub mod pipeline;
pub mod attribution;
pub mod report;
pub mod study;
pub mod workflow;
pub mod cli;
