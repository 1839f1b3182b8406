//! Use case: the protocol's requirements applied to the variants of a run.

mod judge;

pub(super) use judge::record_gate;
pub use judge::{GateOptions, GateResult, gate, refuse_unmet};
