//! Use case: the protocol's requirements applied to the variants of a run.

mod judge;
mod measured_group_costs;
mod restoration_entries;
mod restore_loop;
mod select_trials;

pub(super) use judge::record_gate;
pub use judge::{GateOptions, GateResult, gate, refuse_unmet};
pub use measured_group_costs::MeasuredCost;
pub use restore_loop::{GateRestoreOptions, restore_until_pass};
pub use select_trials::RestoreCost;
