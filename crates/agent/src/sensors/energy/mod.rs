//! Power and energy sensors behind one interface: what there is ([`survey`]), one that is opened
//! ([`EnergySensor`]), read in a thread at its own rate ([`EnergySampler`]), and what its readings say of a span
//! of time ([`ReadingSeries`]).
//!
//! A reading that cannot be trusted is a [`Missing`](paring_core::schema::Missing) with its reason, never
//! a number. Every file and program is looked for under a root folder, so that a test can hand in
//! another; sensors found under one that is not `/` call themselves simulated.

mod battery;
mod command;
mod counter;
mod file;
mod hwmon;
mod ina3221;
mod pmic;
mod rapl;
mod sampler;
mod sensor;
mod series;

pub use sampler::EnergySampler;
pub use sensor::{EnergySensor, survey};
pub use series::{ReadingKind, ReadingSeries};
