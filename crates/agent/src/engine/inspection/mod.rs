//! Optimised plans looked into: nodes, kernels, times, and the roofline of the machine.

mod constant_bytes;
mod matrix_product;
mod optimised_node;
mod plan_profile;
mod product_kernels;
mod roofline;

pub use matrix_product::{MatrixProduct, ProductPrecision};
pub use optimised_node::OptimisedNode;
pub(super) use optimised_node::summarize_node;
pub use plan_profile::{NodeTimes, PlanProfile};
pub use product_kernels::product_kernels;
pub use roofline::measure_roofline;
