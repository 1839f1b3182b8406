//! The precision of one layer, as decisions, tables and steps name it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Granularity of a weight tensor's scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuantizationGranularity {
    /// One: the form with the fastest integer kernels.
    Tensor,
    /// One an output channel: the more accurate form.
    Channel,
}

/// The precision of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum LayerPrecision {
    /// As it is.
    F32,
    /// Integers, scales of activations fixed beforehand.
    Static(QuantizationGranularity),
    /// Integers, scales of activations found as they come.
    Dynamic(QuantizationGranularity),
    /// Weights stored in int8.
    Weights8(QuantizationGranularity),
    /// Weights stored in int4.
    Weights4,
}

impl LayerPrecision {
    /// All that a layer can have, the plain float first.
    pub const ALL: [LayerPrecision; 8] = [
        LayerPrecision::F32,
        LayerPrecision::Static(QuantizationGranularity::Tensor),
        LayerPrecision::Static(QuantizationGranularity::Channel),
        LayerPrecision::Dynamic(QuantizationGranularity::Tensor),
        LayerPrecision::Dynamic(QuantizationGranularity::Channel),
        LayerPrecision::Weights8(QuantizationGranularity::Tensor),
        LayerPrecision::Weights8(QuantizationGranularity::Channel),
        LayerPrecision::Weights4,
    ];

    /// As it is called in records.
    pub fn name(self) -> &'static str {
        match self {
            LayerPrecision::F32 => "f32",
            LayerPrecision::Static(QuantizationGranularity::Tensor) => "int8 per tensor",
            LayerPrecision::Static(QuantizationGranularity::Channel) => "int8 per channel",
            LayerPrecision::Dynamic(QuantizationGranularity::Tensor) => "int8-dynamic per tensor",
            LayerPrecision::Dynamic(QuantizationGranularity::Channel) => "int8-dynamic per channel",
            LayerPrecision::Weights8(QuantizationGranularity::Tensor) => "int8-weights per tensor",
            LayerPrecision::Weights8(QuantizationGranularity::Channel) => {
                "int8-weights per channel"
            }
            LayerPrecision::Weights4 => "int4-weights",
        }
    }

    /// Scales of a weight tensor.
    pub fn granularity(self) -> QuantizationGranularity {
        match self {
            LayerPrecision::Static(g)
            | LayerPrecision::Dynamic(g)
            | LayerPrecision::Weights8(g) => g,
            LayerPrecision::F32 | LayerPrecision::Weights4 => QuantizationGranularity::Tensor,
        }
    }

    /// True if ranges of activations must be known beforehand.
    pub fn is_static(self) -> bool {
        matches!(self, LayerPrecision::Static(_))
    }
}

/// The precision that a decision gave a layer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DecidedPrecision {
    /// One that a quantize step can give again.
    Scheme(LayerPrecision),
    /// Any other, by the decision's own name: half floats of the engine, or numbers found in a file that
    /// another tool made.
    Named(String),
}

impl From<String> for DecidedPrecision {
    fn from(name: String) -> DecidedPrecision {
        match LayerPrecision::try_from(name.clone()) {
            Ok(scheme) => DecidedPrecision::Scheme(scheme),
            Err(_) => DecidedPrecision::Named(name),
        }
    }
}

impl From<LayerPrecision> for String {
    fn from(scheme: LayerPrecision) -> String {
        scheme.name().into()
    }
}

impl TryFrom<String> for LayerPrecision {
    type Error = String;

    fn try_from(name: String) -> Result<LayerPrecision, String> {
        let found = LayerPrecision::ALL.into_iter().find(|scheme| scheme.name() == name);
        found.ok_or_else(|| format!("unknown precision `{name}`"))
    }
}

impl fmt::Display for LayerPrecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
