//! Precisions of layers: names, measured costs and losses, conformance of engines.

mod engine_conformance;
mod layer_precision;
mod precision_table;

pub use engine_conformance::{EngineConformance, PatternConformance, PatternExecution};
pub use layer_precision::{DecidedPrecision, LayerPrecision, QuantizationGranularity};
pub use precision_table::{
    LayerSensitivity, MeasuredAssignment, PrecisionObjective, PrecisionTable,
};
