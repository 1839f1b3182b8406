//! Variants in other engines beside tract: the table, and whether the model or the engine is the cause.

mod engine_speedup;
mod engines_table;

pub use engine_speedup::{EngineSpeedup, engine_speedups};
pub use engines_table::engines_table;
