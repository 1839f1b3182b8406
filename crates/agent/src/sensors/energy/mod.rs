//! Power and energy sensors behind one interface: what there is ([`survey`]), one that is opened
//! ([`Sensor`]), read in a thread at its own rate ([`Sampler`]), and what its readings say of a span
//! of time ([`Series`]).
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

pub use sampler::Sampler;
pub use sensor::{Sensor, survey};
pub use series::{Kind, Series};
