//! Trade-off: quality against latency, energy, memory and size, per target, with intervals and the Pareto
//! front.

mod pareto_charts;
mod tradeoff_section;

pub use tradeoff_section::section;
