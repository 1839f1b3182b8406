//! Conformance of an engine: everything that quantization writes, held against an exact reference.

mod conformance_table;
mod pattern_trial;

pub use conformance_table::{
    conformance, conformance_path, keep_conformance, known_conformance, refusal,
};
