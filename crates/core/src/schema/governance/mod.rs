//! Requirements of a protocol, and the gate's verdicts on them.

mod gate_record;
mod look_count;
mod predecessor_run;
mod required_figure;
mod requirement;

pub use gate_record::{
    CountedUnit, DecidingCount, GateCell, GateRecord, GateVerdict, VariantVerdict,
};
pub use look_count::LookCount;
pub use predecessor_run::{PredecessorRun, ProtocolChange};
pub use required_figure::{RequiredFigure, UnknownFigure};
pub use requirement::{RequiredBound, RequiredClass, RequiredSlice, Requirement};
