//! Verbs about boards and other targets.

mod card_args;
mod doctor;
mod flash;
mod prepare_args;
mod probe;
mod runner;
mod target;
mod target_args;

pub(super) use doctor::DoctorArgs;
pub(super) use flash::FlashArgs;
pub(super) use probe::ProbeArgs;
pub(super) use runner::RunnerArgs;
pub(super) use target_args::TargetArgs;
