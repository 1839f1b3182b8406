//! Steps that make a graph smaller: (graph, step) → (graph, decisions, parings, refusals).
//!
//! Knows no files: what a step needs it is handed, and what it took out it hands back.

mod bypass;
mod choose;
mod cut;
mod diff;
mod emit;
mod fold;
mod import;
mod mask;
mod paring;
mod prune;
mod pruning;
mod quantize;
mod recover;
mod sparsify;
mod sparsity;
mod step;

pub use bypass::{Bypassing, bypass};
pub use diff::{CouplingDifference, Difference, TensorDifference, compare};
pub use import::import;
pub use mask::masked;
pub use paring::{Paring, UndoError, undo, undoing};
pub use prune::prune;
use prune::{matching, needed};
pub use pruning::{Allocation, Amount, Pruning, Recovery, What};
pub use quantize::quantize_int8;
pub use sparsify::sparsify;
pub use sparsity::{Sparsify, Sparsity, weights_id};
pub use step::{CompressError, Draft, Granularity, Made, Step};
