//! Both models run by the engine: outputs on the same inputs, activations channel by channel, seeded
//! probes where no data are given.

mod activations;
mod output_comparison;
mod probes;

pub(super) use activations::{ChannelActivations, observed};
pub(super) use output_comparison::outputs;
pub use output_comparison::{OutputComparison, SAME_OUTPUTS};
pub(super) use probes::{declared_inputs, dimensions, probes};
