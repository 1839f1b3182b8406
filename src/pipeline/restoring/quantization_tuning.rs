//! Other settings of a quantize step that cost no bits: ranges, scales, rounding, bias correction.

use super::restore::RecordedStep;
use paring_compress::{
    PostTrainingQuantization, QuantizationFormat, QuantizationGranularity, RangeRule, Step,
    WeightRounding,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Rules that ranges are tried by.
const RULES: [RangeRule; 5] =
    [RangeRule::Auto, RangeRule::Mse, RangeRule::Percentile, RangeRule::Entropy, RangeRule::MinMax];

/// Another value of one setting of a quantize step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuantizationTuning {
    /// Rule that finds ranges of activations.
    Calibration(RangeRule),
    /// Granularity of weight scales.
    Per(QuantizationGranularity),
    /// Bias correction.
    Correct(bool),
    /// Rounding of weights.
    Round(WeightRounding),
}

/// A tuning of one step of a recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTuning {
    /// Position of the step, from the baseline on.
    pub step: usize,
    /// The tuning.
    pub tuning: QuantizationTuning,
}

impl QuantizationTuning {
    /// Number of the setting that it changes.
    pub fn setting(self) -> usize {
        match self {
            QuantizationTuning::Calibration(_) => 0,
            QuantizationTuning::Per(_) => 1,
            QuantizationTuning::Correct(_) => 2,
            QuantizationTuning::Round(_) => 3,
        }
    }

    fn apply(self, how: &mut PostTrainingQuantization) {
        match self {
            QuantizationTuning::Calibration(rule) => how.ranges = rule,
            QuantizationTuning::Per(granularity) => how.weights = granularity,
            QuantizationTuning::Correct(correct) => how.correct = correct,
            QuantizationTuning::Round(rounding) => how.rounding = rounding,
        }
    }

    /// True where it changes what a step does that has these settings, and can be done with samples or
    /// without.
    fn fits(self, how: &PostTrainingQuantization, calibrated: bool) -> bool {
        let mut tuned = how.clone();
        self.apply(&mut tuned);
        let applies = match self {
            QuantizationTuning::Calibration(_) => how.format == QuantizationFormat::Int8,
            // Four-bit blocks have scales of their own, and a layer's assigned precision says its own.
            QuantizationTuning::Per(_) => {
                how.format != QuantizationFormat::Int4Weights
                    && !how.measured
                    && how.assigned.is_none()
            }
            QuantizationTuning::Correct(_) | QuantizationTuning::Round(_) => calibrated,
        };
        let is_option = how.format == QuantizationFormat::F16;
        tuned != *how && applies && !is_option
    }
}

impl fmt::Display for QuantizationTuning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QuantizationTuning::Calibration(rule) => write!(f, "calibration = {}", rule.name()),
            QuantizationTuning::Per(QuantizationGranularity::Channel) => {
                f.write_str("per = channel")
            }
            QuantizationTuning::Per(QuantizationGranularity::Tensor) => f.write_str("per = tensor"),
            QuantizationTuning::Correct(correct) => write!(f, "correct = {correct}"),
            QuantizationTuning::Round(WeightRounding::Gptq) => f.write_str("round = gptq"),
            QuantizationTuning::Round(WeightRounding::Nearest) => f.write_str("round = nearest"),
        }
    }
}

impl StepTuning {
    /// Steps of a recipe with tunings in force.
    pub fn applied(tunings: &[StepTuning], done: &[RecordedStep]) -> Vec<RecordedStep> {
        let mut tuned = done.to_vec();
        for StepTuning { step, tuning } in tunings {
            if let Some(Step::Quantize(how)) = tuned.get_mut(*step).map(|done| &mut done.step) {
                tuning.apply(how);
            }
        }
        tuned
    }
}

/// Tunings that the quantize steps of a recipe could have. `calibrated` where there are calibration
/// samples; without `other_kernels` those that change what the engine runs are left out.
pub fn quantization_tunings(
    done: &[RecordedStep],
    calibrated: bool,
    other_kernels: bool,
) -> Vec<StepTuning> {
    let mut all: Vec<QuantizationTuning> =
        RULES.into_iter().map(QuantizationTuning::Calibration).collect();
    if other_kernels {
        all.push(QuantizationTuning::Per(QuantizationGranularity::Channel));
    }
    all.push(QuantizationTuning::Correct(true));
    all.push(QuantizationTuning::Round(WeightRounding::Gptq));
    let of_step = |(step, done): (usize, &RecordedStep)| match &done.step {
        Step::Quantize(how) => {
            let fitting = all.iter().filter(|tuning| tuning.fits(how, calibrated));
            fitting.map(|tuning| StepTuning { step, tuning: *tuning }).collect()
        }
        _ => vec![],
    };
    done.iter().enumerate().flat_map(of_step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantized(change: impl Fn(&mut PostTrainingQuantization)) -> RecordedStep {
        let (format, weights) = (QuantizationFormat::Int8, QuantizationGranularity::Tensor);
        let mut how = PostTrainingQuantization::new(format, weights);
        change(&mut how);
        RecordedStep { step: Step::Quantize(how), decisions: vec![] }
    }

    #[track_caller]
    fn offers(step: RecordedStep, calibrated: bool, other_kernels: bool, expected: &[String]) {
        let tune = RecordedStep { step: Step::Tune { on: "host".into() }, decisions: vec![] };
        let done = [tune, step];
        let found = quantization_tunings(&done, calibrated, other_kernels);
        let words: Vec<String> = found.iter().map(|own| own.tuning.to_string()).collect();
        assert_eq!(words, expected);
        for own in found {
            assert_eq!(own.step, 1);
            assert_ne!(StepTuning::applied(&[own], &done)[1].step, done[1].step, "{own:?}");
            let again: StepTuning = serde_json::from_value(serde_json::json!(own)).unwrap();
            assert_eq!(own, again);
        }
    }

    #[test]
    fn what_a_step_has_already_or_cannot_have_is_not_offered() {
        let ranges = |rules: &[&str]| -> Vec<String> {
            rules.iter().map(|rule| format!("calibration = {rule}")).collect()
        };
        let all = ranges(&["auto", "mse", "percentile", "entropy"]);
        let rest = ["per = channel", "correct = true", "round = gptq"].map(String::from);
        offers(quantized(|_| ()), true, true, &[&all[..], &rest[..]].concat());
        let all = ranges(&["auto", "percentile", "entropy", "minmax"]);
        offers(
            quantized(|how| (how.ranges, how.correct) = (RangeRule::Mse, true)),
            true,
            false,
            &[&all[..], &rest[2..]].concat(),
        );
        let int8_weights = |how: &mut PostTrainingQuantization| {
            how.format = QuantizationFormat::Int8Weights;
        };
        offers(quantized(int8_weights), false, true, &rest[..1]);
        offers(quantized(|how| how.format = QuantizationFormat::F16), true, true, &[]);
        offers(
            quantized(|how| how.format = QuantizationFormat::Int4Weights),
            true,
            true,
            &rest[1..],
        );
    }
}
