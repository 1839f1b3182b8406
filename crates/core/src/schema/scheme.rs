//! The precision of one layer, as decisions, tables and steps name it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How many scales a weight tensor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Granularity {
    /// One: the form with the fastest integer kernels.
    Tensor,
    /// One an output channel: the more accurate form.
    Channel,
}

/// The precision of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Scheme {
    /// As it is.
    F32,
    /// Integers, scales of activations fixed beforehand.
    Static(Granularity),
    /// Integers, scales of activations found as they come.
    Dynamic(Granularity),
    /// Weights stored in int8.
    Weights8(Granularity),
    /// Weights stored in int4.
    Weights4,
}

impl Scheme {
    /// All that a layer can have, the plain float first.
    pub const ALL: [Scheme; 8] = [
        Scheme::F32,
        Scheme::Static(Granularity::Tensor),
        Scheme::Static(Granularity::Channel),
        Scheme::Dynamic(Granularity::Tensor),
        Scheme::Dynamic(Granularity::Channel),
        Scheme::Weights8(Granularity::Tensor),
        Scheme::Weights8(Granularity::Channel),
        Scheme::Weights4,
    ];

    /// As it is called in records.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::F32 => "f32",
            Scheme::Static(Granularity::Tensor) => "int8 per tensor",
            Scheme::Static(Granularity::Channel) => "int8 per channel",
            Scheme::Dynamic(Granularity::Tensor) => "int8-dynamic per tensor",
            Scheme::Dynamic(Granularity::Channel) => "int8-dynamic per channel",
            Scheme::Weights8(Granularity::Tensor) => "int8-weights per tensor",
            Scheme::Weights8(Granularity::Channel) => "int8-weights per channel",
            Scheme::Weights4 => "int4-weights",
        }
    }

    /// Scales of a weight tensor.
    pub fn granularity(self) -> Granularity {
        match self {
            Scheme::Static(g) | Scheme::Dynamic(g) | Scheme::Weights8(g) => g,
            Scheme::F32 | Scheme::Weights4 => Granularity::Tensor,
        }
    }

    /// Whether ranges of activations must be known beforehand.
    pub fn is_static(self) -> bool {
        matches!(self, Scheme::Static(_))
    }
}

impl From<Scheme> for String {
    fn from(scheme: Scheme) -> String {
        scheme.name().into()
    }
}

impl TryFrom<String> for Scheme {
    type Error = String;

    fn try_from(name: String) -> Result<Scheme, String> {
        let found = Scheme::ALL.into_iter().find(|scheme| scheme.name() == name);
        found.ok_or_else(|| format!("unknown precision `{name}`"))
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
