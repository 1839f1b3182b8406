//! Quantization computed in float: fake quantization of what was emitted, and of what is trained for it,
//! with scales that are learned.

mod fake_quantize;
mod learned_scales;
mod training_simulation;
mod weight_quantizer;

pub(super) use fake_quantize::fake_quantization_mismatch;
pub(crate) use learned_scales::LearnedScales;
pub(crate) use training_simulation::QuantizationSimulation;
pub(crate) use weight_quantizer::WeightQuantizer;
