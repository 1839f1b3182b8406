//! Steps that make a graph smaller: (graph, step) → (graph, decisions, parings, refusals).
//!
//! Knows no files: what a step needs it is handed, and what it took out it hands back.

pub mod catalog;
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

pub use conformance::{ExactError, Pattern, Value, evaluate, patterns, simulated};
pub use decision_draft::{DecisionPlace, Draft, Made, Saves};
pub use diff::{
    ConstantDifference, CouplingDifference, Difference, OperatorChange, OutputComparison,
    SAME_OUTPUTS, TensorDifference, Verdict, compare, import,
};
pub use error::CompressError;
pub use paring_core::schema::{LayerPrecision, QuantizationGranularity};
pub use prediction::Reading;
pub use prune::{
    Allocation, Amount, Bypassing, Pruning, Recovery, Sparsify, Sparsity, What, bypass, masked,
    prune, sparsify, weights_id,
};
pub use quantize::{
    Answers, Assignment, Form, Format, Loss, Prices, Quantization, RangeRule, Ranges, Rounding,
    assignments, choices, conversions, half, predicted, prepared, quantize, quantize_unchecked,
    ranges_of,
};
pub use restore::{Paring, UndoError, undo, undoing};
pub use rewrite::{Agreement, LOSSLESS, agreement, equivalent, lossless};
pub use step::Step;
