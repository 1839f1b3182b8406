//! Settings of a quantize step.

use paring_core::schema::{LayerPrecision, PrecisionObjective, QuantizationGranularity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Settings of a quantize step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PostTrainingQuantization {
    /// Into which numbers.
    pub format: QuantizationFormat,
    /// One scale for a weight tensor, or one for each of its outputs.
    pub weights: QuantizationGranularity,
    /// The rule that finds ranges of activations.
    pub ranges: RangeRule,
    /// Cross-layer equalization: ranges of channels are evened out between neighbouring layers first.
    pub equalize: bool,
    /// Bias correction: biases make up for the mean error of each output.
    pub correct: bool,
    /// Rounding of weights to integers.
    pub rounding: WeightRounding,
    /// The operators in which static int8 is written.
    pub form: Int8Form,
    /// Depthwise convolutions become integers too.
    pub depthwise: bool,
    /// Pattern of the layers that may change; all without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<String>,
    /// Patterns of the layers that stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub protect: Vec<String>,
    /// Each layer gets the precision that pays on a target.
    pub measured: bool,
    /// That target's name.
    pub on: String,
    /// The objective by which a precision pays.
    pub by: PrecisionObjective,
    /// The precision of every layer, decided before: others stay in float.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned: Option<BTreeMap<String, LayerPrecision>>,
}

impl PostTrainingQuantization {
    /// Plain rounding of everything that can be, ranges from the smallest and the largest value.
    pub fn new(format: QuantizationFormat, weights: QuantizationGranularity) -> Self {
        PostTrainingQuantization {
            format,
            weights,
            ranges: RangeRule::MinMax,
            equalize: false,
            correct: false,
            rounding: WeightRounding::Nearest,
            form: Int8Form::Operators,
            depthwise: false,
            layers: None,
            protect: Vec::new(),
            measured: false,
            on: "host".into(),
            by: PrecisionObjective::Latency,
            assigned: None,
        }
    }

    /// The precision that every layer gets unless something speaks against it.
    pub fn scheme(&self) -> LayerPrecision {
        match self.format {
            QuantizationFormat::Int8 => LayerPrecision::Static(self.weights),
            QuantizationFormat::Int8Dynamic => LayerPrecision::Dynamic(self.weights),
            QuantizationFormat::Int8Weights => LayerPrecision::Weights8(self.weights),
            QuantizationFormat::Int4Weights => LayerPrecision::Weights4,
            QuantizationFormat::F16 => LayerPrecision::F32,
        }
    }
}

/// Numbers that layers are computed in or stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QuantizationFormat {
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

/// Rule that finds the range of an activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RangeRule {
    /// The smallest and the largest value.
    #[serde(rename = "minmax")]
    MinMax,
    /// The range that holds 99.99 % of the values.
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

/// Rounding of weights to integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightRounding {
    /// To the nearest.
    Nearest,
    /// One input after the other, the rest making up for each error on the calibration samples.
    Gptq,
}

/// The operators in which static int8 is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Int8Form {
    /// QLinearConv, QLinearMatMul, MatMulInteger: what the engine runs in integers.
    Operators,
    /// Quantize and dequantize pairs around float operators: what other tools read.
    Qdq,
}

impl fmt::Display for PostTrainingQuantization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = match self.weights {
            QuantizationGranularity::Tensor => "tensor",
            QuantizationGranularity::Channel => "channel",
        };
        match self.format {
            QuantizationFormat::Int8 => {
                write!(f, "quantize int8, per {per}, {}", self.ranges.name())?
            }
            QuantizationFormat::Int8Dynamic => write!(f, "quantize int8-dynamic, per {per}")?,
            QuantizationFormat::Int8Weights => write!(f, "quantize int8-weights, per {per}")?,
            QuantizationFormat::Int4Weights => write!(f, "quantize int4-weights")?,
            QuantizationFormat::F16 => write!(f, "quantize f16")?,
        }
        let words = [
            (self.equalize, ", equalized"),
            (self.correct, ", corrected"),
            (self.rounding == WeightRounding::Gptq, ", gptq"),
            (self.form == Int8Form::Qdq, ", qdq"),
            (self.depthwise, ", depthwise too"),
        ];
        words.into_iter().filter(|(said, _)| *said).try_for_each(|(_, word)| f.write_str(word))?;
        if self.measured {
            write!(f, ", layers measured on {}", self.on)?;
            match self.by {
                PrecisionObjective::Latency => {}
                PrecisionObjective::Energy => f.write_str(", by energy")?,
                PrecisionObjective::Bytes => f.write_str(", by bytes")?,
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
