//! `paring bench`: several models side by side, as they are.

mod inputs;
mod models;
mod show;
mod verb;

pub(super) use verb::BenchVerb;
