//! Energy: sources of readings, rules, windows and summaries.

mod energy_block;
mod energy_job;
mod energy_source;

pub use energy_block::{EnergyBlock, EnergySummary, EnergyWindow};
pub use energy_job::{EnergyJob, EnergyRules};
pub use energy_source::{EnergySource, SensorFacts, SensorReport};
