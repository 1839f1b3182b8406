//! Differentiable replay of a graph: the floor of criteria and recovery that need gradients.
//!
//! Empty until those exist; the only place that may name an automatic-differentiation library.
