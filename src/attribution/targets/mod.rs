//! Effects on a machine: latency, memory and energy, and the path of predictions from the float baseline
//! to a board.

mod latency_effects;
mod measured_effects;
mod prediction_path;

pub use latency_effects::LatencyEffects;
pub use measured_effects::MeasurableCoalition;
pub use prediction_path::BoardOutputs;
