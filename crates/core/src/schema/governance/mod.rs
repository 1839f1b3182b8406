//! Requirements of a protocol, and the gate's verdicts on them.

mod gate_record;
mod required_figure;
mod requirement;

pub use gate_record::{
    CountedUnit, DecidingCount, GateCell, GateRecord, GateVerdict, VariantVerdict,
};
pub use required_figure::{RequiredFigure, UnknownFigure};
pub use requirement::{RequiredBound, RequiredClass, RequiredSlice, Requirement};
