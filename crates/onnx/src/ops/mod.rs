//! Operators by family: everything that depends on a node's operator is answered here.
//!
//! A family's file says how the axes of its inputs and outputs belong together ([`AxisConstraint`]),
//! which operands it multiplies and sums, its multiply-accumulates, which numbers in a node count what a
//! removed component had, in which precisions it exists, and the ranks and attributes that it allows.
//! [`FAMILIES`] maps every operator that is treated to its family; any other keeps all axes it touches.

mod aggregate;
mod answers;
mod axis_constraint;
mod axis_rules;
mod control_flow;
mod family;
mod gradient;
mod gradient_rules;
mod layout;
mod limits;
mod linear;
mod operands;
mod parameter_shapes;
mod pointwise;
mod shape_value;
mod width_change;

pub use answers::{
    adapt_node, axis_constraints, counts_heads, float_form, gemm_factors, is_float_product,
    is_product, is_quantizable_product, linear_map, multiply_accumulates, output_axis,
    product_operands, quantizability, repeats_over_heads, summed_axes, summed_inputs, summed_slots,
    ties_last,
};
pub(crate) use answers::{limits, unmet_shapes};
pub use axis_constraint::{AxisConstraint, TensorAxis, TensorEntry};
pub use family::{FAMILIES, OperatorFamily, family_of};
pub use gradient::{
    GradientEmitter, GradientObstacle, GradientRefusal, NodeGradient, ShapedTensor,
};
pub use gradient_rules::{RoundingGradient, passes_gradient, vector_jacobian_product};
pub(crate) use limits::{
    AttributeRange, ComputedInputs, ListedAxes, MOST_SPATIAL, NamedAxis, OutputRank, ParameterRank,
    WindowRank,
};
pub use operands::{LinearMap, MapForm, ProductOperands};
pub(crate) use parameter_shapes::{UnmetLength, UnmetShape};
pub use width_change::{Slices, WidthChange};
