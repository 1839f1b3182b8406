//! Nodes against their operators: version, arity, attributes, ranks, shapes and element types.

mod attribute_ranges;
mod attributes;
mod control_flow_bodies;
mod element_types;
mod inferred_elements;
mod node_at;
mod node_check;
mod parameter_shapes;
mod tensor_ranks;

pub(super) use node_at::NodeAt;
