//! Preparation of a graph that was read: constants become initializers, shared vectors are separated.

mod constant_nodes;
mod shared_vectors;
