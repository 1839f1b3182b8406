//! Variants in other engines, beside tract: what a job gets for them, and what was measured.

mod engine_models;

pub use engine_models::{EngineMeasurement, PlannedEngine};
pub(super) use engine_models::{EngineModels, engine_measurement, engine_measurements};
