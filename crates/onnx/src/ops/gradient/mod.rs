//! Emission of backward passes: nodes, constants and their shapes while the rules of operators, in
//! `X_gradient.rs` beside each family's `X.rs`, write vector-Jacobian products.

mod emitter;
mod node_gradient;
mod operations;
mod refusal;
mod transposed_windows;
mod windows;

pub use emitter::{GradientEmitter, ShapedTensor};
pub(super) use node_gradient::positive;
pub use node_gradient::{InputGradients, NodeGradient};
pub use refusal::{GradientObstacle, GradientRefusal};
pub(super) use transposed_windows::margin_list;
pub(super) use windows::{SlidingWindows, entry_shares};
