//! Operators that combine the values along an axis: normalisations, softmax, pooling, reductions.

pub(super) mod normalization;
pub(super) mod pooling;
pub(super) mod reduction;
pub(super) mod softmax;
