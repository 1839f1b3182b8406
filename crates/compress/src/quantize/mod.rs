//! Layers in narrower numbers: which, with which scales, written so that the engine runs them in
//! integers.
//!
//! The order is that of the sources: fold normalisations, even out ranges, find ranges of
//! activations, put weights on their grids, correct biases, write the nodes.

mod activation_ranges;
mod affine;
mod decisions;
mod equalization;
mod float16;
mod int8;
mod mixed_precision;
mod post_training;
mod quantizable_layers;
mod rounding;
mod settings;
mod simulation;
mod weight_grid;

pub use float16::quantize_float16;
pub use int8::conversion_graph;
pub use mixed_precision::{
    FloatAnswers, LayerPrices, PrecisionAssignment, QuantizationLoss, assignments,
    predicted_assignment,
};
pub(crate) use post_training::simulated_quantization;
pub use post_training::{
    ActivationRanges, activation_ranges, precision_choices, prepare_for_quantization, quantize,
    quantize_unchecked,
};
pub use settings::{
    Int8Form, PostTrainingQuantization, QuantizationFormat, RangeRule, WeightRounding,
};
pub(crate) use simulation::{LearnedScales, QuantizationSimulation, WeightQuantizer};
