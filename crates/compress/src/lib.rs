//! Steps that make a graph smaller: (graph, step) → (graph, decisions, parings, refusals).
//!
//! Knows no files: what a step needs it is handed, and what it took out it hands back.

pub mod catalog;
pub mod prediction;

mod bypass;
mod choose;
mod cut;
mod diff;
mod exact;
mod fold;
mod import;
mod lossless;
mod mask;
mod paring;
mod patterns;
mod prune;
mod pruning;
mod quantize;
mod reading;
mod recover;
mod replay;
mod simulate;
mod sparsify;
mod sparsity;
mod step;

pub use bypass::{Bypassing, bypass};
pub use diff::{
    ConstantDifference, CouplingDifference, Difference, OperatorChange, OutputComparison,
    SAME_OUTPUTS, TensorDifference, Verdict, compare,
};
pub use exact::{ExactError, Value, evaluate};
pub use import::import;
pub use lossless::{Agreement, LOSSLESS, agreement, lossless};
pub use mask::{equivalent, masked};
pub use paring::{Paring, UndoError, undo, undoing};
pub use paring_core::schema::{Granularity, Scheme};
pub use patterns::{Pattern, patterns};
pub use prune::prune;
use prune::{matching, needed};
pub use pruning::{Allocation, Amount, Pruning, Recovery, What};
pub use quantize::{
    Answers, Assignment, Form, Format, Loss, Prices, Quantization, RangeRule, Ranges, Rounding,
    assignments, choices, conversions, half, predicted, prepared, quantize, quantize_unchecked,
    ranges_of,
};
pub use reading::Reading;
pub use simulate::simulated;
pub use sparsify::sparsify;
pub use sparsity::{Sparsify, Sparsity, weights_id};
pub use step::{CompressError, Draft, Made, Saves, Step};
