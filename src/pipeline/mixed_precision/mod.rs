//! Mixed precision by measurement: every layer in every precision, timed on a target and held against
//! the answers in float; the best few assignments confirmed end to end.

mod confirmation;
mod form_energy;
mod layer_timing;
mod measured_precision;
mod precision_table;
mod recorded_divergence;

pub use measured_precision::precision_tables;
pub use recorded_divergence::{RecordedDivergence, recorded_divergences};
