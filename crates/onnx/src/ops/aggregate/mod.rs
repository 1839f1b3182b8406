//! Operators that combine the values along an axis: normalisations, softmax, pooling, reductions.

pub(super) mod normalization;
pub(super) mod normalization_gradient;
pub(super) mod pooling;
pub(super) mod pooling_gradient;
pub(super) mod reduction;
pub(super) mod reduction_gradient;
pub(super) mod softmax;
pub(super) mod softmax_gradient;
