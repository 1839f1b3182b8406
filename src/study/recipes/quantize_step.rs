//! Sections of quantize steps, one for each format: what a format has no use for is no key of its.

use super::distill_step::{QuantizeRecovery, with_simulation};
use paring_compress::{
    Int8Form, PostTrainingQuantization, QuantizationFormat, QuantizationGranularity, RangeRule,
    Step, WeightRounding,
};
use paring_core::schema::PrecisionObjective;
use serde::Deserialize;

/// Keys of `quantize = "int8"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StaticInt8Section {
    calibration: Option<RangeRule>,
    per: Option<QuantizationGranularity>,
    #[serde(default)]
    equalize: bool,
    correct: Option<bool>,
    round: Option<WeightRounding>,
    form: Option<Int8Form>,
    #[serde(default)]
    depthwise: bool,
    recover: Option<QuantizeRecovery>,
    layers: Option<String>,
    on: Option<String>,
    by: Option<PrecisionObjective>,
    #[serde(default)]
    protect: Vec<String>,
}

/// Keys of `quantize = "int8-dynamic"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DynamicInt8Section {
    per: Option<QuantizationGranularity>,
    #[serde(default)]
    equalize: bool,
    #[serde(default)]
    correct: bool,
    round: Option<WeightRounding>,
    #[serde(default)]
    depthwise: bool,
    recover: Option<QuantizeRecovery>,
    layers: Option<String>,
    #[serde(default)]
    protect: Vec<String>,
}

/// Keys of `quantize = "int8-weights"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Int8WeightsSection {
    per: Option<QuantizationGranularity>,
    #[serde(default)]
    equalize: bool,
    #[serde(default)]
    correct: bool,
    round: Option<WeightRounding>,
    recover: Option<QuantizeRecovery>,
    layers: Option<String>,
    #[serde(default)]
    protect: Vec<String>,
}

/// Keys of `quantize = "int4-weights"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Int4WeightsSection {
    #[serde(default)]
    equalize: bool,
    #[serde(default)]
    correct: bool,
    round: Option<WeightRounding>,
    recover: Option<QuantizeRecovery>,
    layers: Option<String>,
    #[serde(default)]
    protect: Vec<String>,
}

/// Keys of `quantize = "f16"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct F16Section {
    layers: Option<String>,
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
