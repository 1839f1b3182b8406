//! Verbs about what a run has to meet.

mod gate;

pub(super) use gate::GateArgs;
