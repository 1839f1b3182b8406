//! Verbs about what a run has to meet.

mod gate;
mod gate_args;

pub(super) use gate_args::GateArgs;
