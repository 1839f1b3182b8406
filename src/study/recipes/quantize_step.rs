//! Sections of quantize steps, one for each format: what a format has no use for is no key of its.

use super::distill_step::{QuantizeRecovery, with_simulation};
use crate::study::key_schemas::known_words;
use paring_compress::{
    Int8Form, PostTrainingQuantization, QuantizationFormat, QuantizationGranularity, RangeRule,
    Step, WeightRounding,
};
use paring_core::schema::PrecisionObjective;
use schemars::JsonSchema;
use serde::Deserialize;

/// Keys of `quantize = "int8"`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StaticInt8Section {
    /// Ranges of activations; default `minmax`.
    #[schemars(schema_with = "known_words::<RangeRule>")]
    calibration: Option<RangeRule>,
    /// One weight scale per tensor or per output channel; default `tensor`.
    #[schemars(schema_with = "known_words::<QuantizationGranularity>")]
    per: Option<QuantizationGranularity>,
    /// Cross-layer equalization of channel ranges first.
    #[serde(default)]
    equalize: bool,
    /// Bias correction on the calibration samples.
    correct: Option<bool>,
    /// Rounding of weights; default `nearest`.
    #[schemars(schema_with = "known_words::<WeightRounding>")]
    round: Option<WeightRounding>,
    /// Operators that the engine runs in integers, or pairs of QuantizeLinear and DequantizeLinear.
    #[schemars(schema_with = "known_words::<Int8Form>")]
    form: Option<Int8Form>,
    /// Depthwise convolutions too.
    #[serde(default)]
    depthwise: bool,
    /// `distill` trains under the simulated quantization first.
    recover: Option<QuantizeRecovery>,
    /// Only layers whose ids match this pattern with `*`; of `int8` also `"measured"`: each layer gets the precision that pays.
    layers: Option<String>,
    /// With `layers = "measured"`: the target whose measurements decide; default `host`.
    on: Option<String>,
    /// With `layers = "measured"`: what pays; default `latency`.
    #[schemars(schema_with = "known_words::<PrecisionObjective>")]
    by: Option<PrecisionObjective>,
    /// Patterns of ids with `*` that the step leaves as they are; one that matches nothing is an error.
    #[serde(default)]
    protect: Vec<String>,
}

/// Keys of `quantize = "int8-dynamic"`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DynamicInt8Section {
    /// One weight scale per tensor or per output channel; default `tensor`.
    #[schemars(schema_with = "known_words::<QuantizationGranularity>")]
    per: Option<QuantizationGranularity>,
    /// Cross-layer equalization of channel ranges first.
    #[serde(default)]
    equalize: bool,
    /// Bias correction on the calibration samples.
    #[serde(default)]
    correct: bool,
    /// Rounding of weights; default `nearest`.
    #[schemars(schema_with = "known_words::<WeightRounding>")]
    round: Option<WeightRounding>,
    /// Depthwise convolutions too.
    #[serde(default)]
    depthwise: bool,
    /// `distill` trains under the simulated quantization first.
    recover: Option<QuantizeRecovery>,
    /// Only layers whose ids match this pattern with `*`.
    layers: Option<String>,
    /// Patterns of ids with `*` that the step leaves as they are; one that matches nothing is an error.
    #[serde(default)]
    protect: Vec<String>,
}

/// Keys of `quantize = "int8-weights"`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Int8WeightsSection {
    /// One weight scale per tensor or per output channel; default `tensor`.
    #[schemars(schema_with = "known_words::<QuantizationGranularity>")]
    per: Option<QuantizationGranularity>,
    /// Cross-layer equalization of channel ranges first.
    #[serde(default)]
    equalize: bool,
    /// Bias correction on the calibration samples.
    #[serde(default)]
    correct: bool,
    /// Rounding of weights; default `nearest`.
    #[schemars(schema_with = "known_words::<WeightRounding>")]
    round: Option<WeightRounding>,
    /// `distill` trains under the simulated quantization first.
    recover: Option<QuantizeRecovery>,
    /// Only layers whose ids match this pattern with `*`.
    layers: Option<String>,
    /// Patterns of ids with `*` that the step leaves as they are; one that matches nothing is an error.
    #[serde(default)]
    protect: Vec<String>,
}

/// Keys of `quantize = "int4-weights"`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Int4WeightsSection {
    /// Cross-layer equalization of channel ranges first.
    #[serde(default)]
    equalize: bool,
    /// Bias correction on the calibration samples.
    #[serde(default)]
    correct: bool,
    /// Rounding of weights; default `nearest`.
    #[schemars(schema_with = "known_words::<WeightRounding>")]
    round: Option<WeightRounding>,
    /// `distill` trains under the simulated quantization first.
    recover: Option<QuantizeRecovery>,
    /// Only layers whose ids match this pattern with `*`.
    layers: Option<String>,
    /// Patterns of ids with `*` that the step leaves as they are; one that matches nothing is an error.
    #[serde(default)]
    protect: Vec<String>,
}

/// Keys of `quantize = "f16"`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct F16Section {
    /// Only layers whose ids match this pattern with `*`.
    layers: Option<String>,
    /// Patterns of ids with `*` that the step leaves as they are; one that matches nothing is an error.
    #[serde(default)]
    protect: Vec<String>,
}

/// `layers = "measured"`: each layer gets the precision that pays on a target.
const MEASURED: &str = "measured";

impl StaticInt8Section {
    pub(super) fn step(self) -> Result<Vec<Step>, String> {
        let measured = self.layers.as_deref() == Some(MEASURED);
        if (self.on.is_some() || self.by.is_some()) && !measured {
            return Err("`on` and `by` belong to `layers = \"measured\"`".into());
        }
        let weights = self.per.unwrap_or(QuantizationGranularity::Tensor);
        let how = PostTrainingQuantization {
            ranges: self.calibration.unwrap_or(RangeRule::MinMax),
            equalize: self.equalize,
            // Biases cost next to nothing on the target, and more candidates keep the predictions.
            correct: self.correct.unwrap_or(measured),
            rounding: self.round.unwrap_or(WeightRounding::Nearest),
            form: self.form.unwrap_or(Int8Form::Operators),
            depthwise: self.depthwise,
            layers: self.layers.filter(|_| !measured),
            protect: self.protect,
            measured,
            on: self.on.unwrap_or_else(|| "host".into()),
            by: self.by.unwrap_or_default(),
            ..PostTrainingQuantization::new(QuantizationFormat::Int8, weights)
        };
        with_simulation(how, self.recover)
    }
}

impl DynamicInt8Section {
    pub(super) fn step(self) -> Result<Vec<Step>, String> {
        let weights = self.per.unwrap_or(QuantizationGranularity::Tensor);
        let how = PostTrainingQuantization {
            equalize: self.equalize,
            correct: self.correct,
            rounding: self.round.unwrap_or(WeightRounding::Nearest),
            depthwise: self.depthwise,
            layers: pattern(self.layers)?,
            protect: self.protect,
            ..PostTrainingQuantization::new(QuantizationFormat::Int8Dynamic, weights)
        };
        with_simulation(how, self.recover)
    }
}

impl Int8WeightsSection {
    pub(super) fn step(self) -> Result<Vec<Step>, String> {
        let weights = self.per.unwrap_or(QuantizationGranularity::Tensor);
        let how = PostTrainingQuantization {
            equalize: self.equalize,
            correct: self.correct,
            rounding: self.round.unwrap_or(WeightRounding::Nearest),
            layers: pattern(self.layers)?,
            protect: self.protect,
            ..PostTrainingQuantization::new(QuantizationFormat::Int8Weights, weights)
        };
        with_simulation(how, self.recover)
    }
}

impl Int4WeightsSection {
    pub(super) fn step(self) -> Result<Vec<Step>, String> {
        let how = PostTrainingQuantization {
            equalize: self.equalize,
            correct: self.correct,
            rounding: self.round.unwrap_or(WeightRounding::Nearest),
            layers: pattern(self.layers)?,
            protect: self.protect,
            ..PostTrainingQuantization::new(
                QuantizationFormat::Int4Weights,
                QuantizationGranularity::Tensor,
            )
        };
        with_simulation(how, self.recover)
    }
}

impl F16Section {
    pub(super) fn step(self) -> Result<Vec<Step>, String> {
        Ok(vec![Step::Quantize(PostTrainingQuantization {
            layers: pattern(self.layers)?,
            protect: self.protect,
            ..PostTrainingQuantization::new(
                QuantizationFormat::F16,
                QuantizationGranularity::Tensor,
            )
        })])
    }
}

/// The pattern of a format that cannot be chosen layer by layer.
fn pattern(layers: Option<String>) -> Result<Option<String>, String> {
    match layers.as_deref() {
        Some(MEASURED) => {
            Err("`layers = \"measured\"` belongs to `quantize = \"int8\"`; it tries the others too"
                .into())
        }
        _ => Ok(layers),
    }
}
