//! Steps that make a graph smaller: (graph, step) → (graph, decisions, parings, refusals).
//!
//! Knows no files: what a step needs it is handed, and what it took out it hands back.

pub mod catalog;
pub mod distillation;
pub mod gradient;
pub mod prediction;

mod calibration_plan;
mod conformance;
mod cut;
mod decision_draft;
mod diff;
mod error;
mod inverse_hessian;
mod layer_selection;
mod prune;
mod quantize;
mod restore;
mod rewrite;
mod step;

pub use conformance::{
    ExactError, ExactTensor, LayerPattern, evaluate_exactly, float_simulation, layer_patterns,
};
pub use decision_draft::{DecisionDraft, DecisionPlace, RemovalSavings, StepResult};
pub use diff::{
    ConstantDifference, CouplingDifference, DifferenceVerdict, ModelDifference, OperatorChange,
    OutputComparison, SAME_OUTPUTS, TensorDifference, compare, explain_import,
};
pub use error::CompressError;
pub use paring_core::schema::{LayerPrecision, QuantizationGranularity};
pub use prediction::DecisionRule;
pub use prune::{
    BudgetAllocation, ChannelPruning, LayerPruning, PruneAmount, PruneStructure,
    RECOVERY_OPERATION, RecoveryMethod, WeightPruning, WeightSparsity, masked_graph,
    prune_channels, prune_layers, prune_weights, weights_id,
};
pub use quantize::{
    ActivationRanges, FloatAnswers, Int8Form, LayerPrices, PostTrainingQuantization,
    PrecisionAssignment, QuantizationFormat, QuantizationLoss, RangeRule, WeightRounding,
    activation_ranges, assignments, conversion_graph, precision_choices, predicted_assignment,
    prepare_for_quantization, quantize, quantize_float16, quantize_unchecked,
};
pub use restore::{Paring, UndoError, undo, undo_tensors};
pub use rewrite::{LOSSLESS, OutputAgreement, agreement, equivalent, lossless};
pub use step::Step;
