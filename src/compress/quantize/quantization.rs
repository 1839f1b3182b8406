//! What a quantize step is told.

use crate::compress::Granularity;
use crate::record::Objective;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// How a quantize step goes about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quantization {
    /// Into which numbers.
    pub format: Format,
    /// One scale for a weight tensor, or one for each of its outputs.
    pub weights: Granularity,
    /// How ranges of activations are found.
    pub ranges: RangeRule,
    /// Whether ranges of channels are evened out between neighbouring layers first.
    pub equalize: bool,
    /// Whether biases make up for the mean error of each output.
    pub correct: bool,
    /// How weights become integers.
    pub rounding: Rounding,
    /// How static int8 is written.
    pub form: Form,
    /// Whether depthwise convolutions become integers too.
    pub depthwise: bool,
    /// Pattern of the layers that may change; all without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<String>,
    /// Patterns of the layers that stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub protect: Vec<String>,
    /// Whether each layer gets the precision that pays on a target.
    pub measured: bool,
    /// That target's name.
    pub on: String,
    /// What pays.
    pub by: Objective,
    /// The precision of every layer, decided before: others stay in float.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned: Option<BTreeMap<String, Scheme>>,
}

impl Quantization {
    /// Plain rounding of everything that can be, ranges from the smallest and the largest value.
    pub fn new(format: Format, weights: Granularity) -> Self {
        Quantization {
            format,
            weights,
            ranges: RangeRule::MinMax,
            equalize: false,
            correct: false,
            rounding: Rounding::Nearest,
            form: Form::Operators,
            depthwise: false,
            layers: None,
            protect: Vec::new(),
            measured: false,
            on: "host".into(),
            by: Objective::Latency,
            assigned: None,
        }
    }

    /// The precision that every layer gets unless something speaks against it.
    pub fn scheme(&self) -> Scheme {
        match self.format {
            Format::Int8 => Scheme::Static(self.weights),
            Format::Int8Dynamic => Scheme::Dynamic(self.weights),
            Format::Int8Weights => Scheme::Weights8(self.weights),
            Format::Int4Weights => Scheme::Weights4,
            Format::F16 => Scheme::F32,
        }
    }
}

/// Numbers that layers are computed in or stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Weights and activations in int8, scales fixed beforehand.
    Int8,
    /// Weights in int8, activations quantized as they come.
    Int8Dynamic,
    /// Weights stored in int8, computed in float.
    Int8Weights,
    /// Weights stored in blocks of 32 four-bit numbers, computed in float.
    Int4Weights,
    /// Half floats, made by the engine.
    F16,
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
    pub(super) fn granularity(self) -> Granularity {
        match self {
            Scheme::Static(g) | Scheme::Dynamic(g) | Scheme::Weights8(g) => g,
            Scheme::F32 | Scheme::Weights4 => Granularity::Tensor,
        }
    }

    /// Whether ranges of activations must be known beforehand.
    pub(super) fn is_static(self) -> bool {
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

/// How the range of an activation is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RangeRule {
    /// The smallest and the largest value.
    #[serde(rename = "minmax")]
    MinMax,
    /// What holds 99.99 % of the values.
    Percentile,
    /// The range whose 256 levels tell least apart from the values (Kullback & Leibler 1951).
    Entropy,
    /// The range with the least squared error.
    Mse,
    /// For each tensor the rule with the highest ratio of signal to error.
    Auto,
}

impl RangeRule {
    /// As the study says it.
    pub fn name(self) -> &'static str {
        match self {
            RangeRule::MinMax => "minmax",
            RangeRule::Percentile => "percentile",
            RangeRule::Entropy => "entropy",
            RangeRule::Mse => "mse",
            RangeRule::Auto => "auto",
        }
    }
}

/// How weights become integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rounding {
    /// To the nearest.
    Nearest,
    /// One input after the other, the rest making up for each error on the calibration samples.
    Gptq,
}

/// How static int8 is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// QLinearConv, QLinearMatMul, MatMulInteger: what the engine runs in integers.
    Operators,
    /// Quantize and dequantize pairs around float operators: what other tools read.
    Qdq,
}

impl fmt::Display for Quantization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = match self.weights {
            Granularity::Tensor => "tensor",
            Granularity::Channel => "channel",
        };
        match self.format {
            Format::Int8 => write!(f, "quantize int8, per {per}, {}", self.ranges.name())?,
            Format::Int8Dynamic => write!(f, "quantize int8-dynamic, per {per}")?,
            Format::Int8Weights => write!(f, "quantize int8-weights, per {per}")?,
            Format::Int4Weights => write!(f, "quantize int4-weights")?,
            Format::F16 => write!(f, "quantize f16")?,
        }
        let words = [
            (self.equalize, ", equalized"),
            (self.correct, ", corrected"),
            (self.rounding == Rounding::Gptq, ", gptq"),
            (self.form == Form::Qdq, ", qdq"),
            (self.depthwise, ", depthwise too"),
        ];
        words.into_iter().filter(|(said, _)| *said).try_for_each(|(_, word)| f.write_str(word))?;
        if self.measured {
            write!(f, ", layers measured on {}", self.on)?;
            match self.by {
                Objective::Latency => {}
                Objective::Energy => f.write_str(", by energy")?,
                Objective::Bytes => f.write_str(", by bytes")?,
            }
        }
        if let Some(layers) = &self.layers {
            write!(f, ", layers {layers}")?;
        }
        if !self.protect.is_empty() {
            write!(f, ", without {}", self.protect.join(" and "))?;
        }
        match &self.assigned {
            Some(assigned) => write!(f, ", {} layers as assigned", assigned.len()),
            None => Ok(()),
        }
    }
}
