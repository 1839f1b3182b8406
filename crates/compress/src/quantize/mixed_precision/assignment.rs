//! A precision for every layer, and the prices that it is chosen by.

use paring_core::schema::LayerPrecision;
use std::collections::BTreeMap;

/// What layers cost in each precision, in nanoseconds, and what conversions of so many numbers do.
#[derive(Clone, Copy)]
pub struct Prices<'a> {
    /// By layer and precision; a precision without a price is not taken.
    pub layers: &'a BTreeMap<String, BTreeMap<LayerPrecision, f64>>,
    /// Float to int8.
    pub quantize: &'a dyn Fn(usize) -> f64,
    /// int8 to float.
    pub dequantize: &'a dyn Fn(usize) -> f64,
    /// What each choice alone loses; nothing where it is not there.
    pub errors: &'a BTreeMap<String, BTreeMap<LayerPrecision, f64>>,
}

/// A precision for every layer that has a choice.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// By layer.
    pub layers: BTreeMap<String, LayerPrecision>,
    /// What layers and conversions should cost together.
    pub predicted_ns: f64,
    /// What the choices lose, added up.
    pub error: f64,
}
