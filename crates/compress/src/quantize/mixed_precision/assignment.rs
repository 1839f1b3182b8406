//! A precision for every layer, and the prices that it is chosen by.

use paring_core::schema::LayerPrecision;
use std::collections::BTreeMap;

/// Costs of layers in each precision and of conversions of so many numbers, in nanoseconds.
#[derive(Clone, Copy)]
pub struct LayerPrices<'a> {
    /// By layer and precision; a precision without a price is not taken.
    pub layers: &'a BTreeMap<String, BTreeMap<LayerPrecision, f64>>,
    /// Float to int8.
    pub quantize: &'a dyn Fn(usize) -> f64,
    /// int8 to float.
    pub dequantize: &'a dyn Fn(usize) -> f64,
    /// The loss of each choice alone; nothing where it is not there.
    pub errors: &'a BTreeMap<String, BTreeMap<LayerPrecision, f64>>,
}

/// A precision for every layer that has a choice.
#[derive(Clone, Debug, PartialEq)]
pub struct PrecisionAssignment {
    /// By layer.
    pub layers: BTreeMap<String, LayerPrecision>,
    /// Predicted cost of layers and conversions together.
    pub predicted_ns: f64,
    /// The losses of the choices, added up.
    pub error: f64,
}
