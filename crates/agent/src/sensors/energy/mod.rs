//! Power and energy sensors behind one interface: what there is ([`survey`]), one that is opened
//! ([`EnergySensor`]), read in a thread at its own rate ([`EnergySampler`]), and what its readings say of a span
//! of time ([`ReadingSeries`]).
//!
//! A reading that cannot be trusted is a [`MissingReason`](paring_core::schema::MissingReason) with its reason, never
//! a number. Every file and program is looked for under a root folder, so that a test can hand in
//! another; sensors found under one that is not `/` call themselves simulated.

mod battery;
mod command_sensor;
mod energy_counter;
mod sensor_file;
mod hwmon;
mod ina3221;
mod pmic;
mod rapl;
mod energy_sampler;
mod energy_sensor;
mod reading_series;

pub use energy_sampler::EnergySampler;
pub use energy_sensor::{EnergySensor, survey};
pub use reading_series::{ReadingKind, ReadingSeries};
