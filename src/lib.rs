//! paring makes the compression of ONNX models explainable, measured and reversible.
//!
//! It takes a trained model, makes smaller variants of it, runs them on real machines under
//! tract's kernels, and ties every number to the precision and the removed components that
//! produced it. METHODOLOGY.md says how each number comes about.
//!
//! The modules are floors: each uses only those listed above it. `tests/floors.rs` enforces the
//! order. The agent, which runs on small boards, ends at [`bench`].

#![warn(missing_docs)]

pub mod units;
pub mod text;
pub mod guard;
pub mod record;
pub mod stats;
pub mod data;
pub mod engine;
pub mod probe;
pub mod bench;
#[cfg(feature = "host")]
pub mod graph;
#[cfg(feature = "gradients")]
pub mod gradient;
#[cfg(feature = "host")]
pub mod evaluate;
#[cfg(feature = "host")]
pub mod target;
#[cfg(feature = "host")]
pub mod catalog;
#[cfg(feature = "host")]
pub mod compress;
#[cfg(feature = "host")]
pub mod ledger;
#[cfg(feature = "host")]
pub mod pipeline;
#[cfg(feature = "host")]
pub mod explain;
#[cfg(feature = "host")]
pub mod govern;
#[cfg(feature = "host")]
pub mod report;
#[cfg(feature = "host")]
pub mod study;
#[cfg(feature = "host")]
pub mod cli;
