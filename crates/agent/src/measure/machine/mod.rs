//! Settings of the machine for the time of a job, and what they were before.

mod machine_settings;
mod saved_settings;

pub(super) use machine_settings::MachineSettings;
pub(super) use saved_settings::MachineError;
