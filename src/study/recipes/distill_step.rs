//! Section of distill steps, and `recover = "distill"` of others, which is a distill step of its own.

use paring_compress::distillation::Distillation;
use paring_compress::{PostTrainingQuantization, RecoveryMethod, Step};
use schemars::JsonSchema;
use serde::Deserialize;

/// Keys of `distill`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DistillSection {
    /// Passes over the calibration samples; default: as many as show 80,000 samples, 4 to 400.
    #[schemars(range(min = 1))]
    epochs: Option<usize>,
    /// Samples of one update of the weights; default 32.
    #[schemars(range(min = 1))]
    batch: Option<usize>,
    /// Learning rate after the warm-up, relative to the root mean square of each tensor; default 0.01.
    rate: Option<f64>,
    /// Softens both distributions of classes; default 2.
    temperature: Option<f64>,
    /// Weight of the squared error of logits beside the divergence; default 1.
    scores: Option<f64>,
    /// Weight of the mean squared error of layers' outputs; default 1.
    features: Option<f64>,
    /// Weight of the labels' cross entropy; default 0, which never looks at them.
    labels: Option<f64>,
    /// Inputs are moved by at most this share of each axis of places; default 0.05.
    shift: Option<f64>,
    /// Normal noise on inputs, in standard deviations of the input; default 0.1.
    noise: Option<f64>,
    /// Share of samples that are mixed with another one; default 0.5.
    mix: Option<f64>,
    /// Seconds after which no further epoch begins.
    limit_s: Option<u64>,
    /// Only layers whose ids match this pattern with `*`.
    layers: Option<String>,
    /// Patterns of ids with `*` that the step leaves as they are; one that matches nothing is an error.
    #[serde(default)]
    protect: Vec<String>,
}

impl DistillSection {
    pub(super) fn step(self) -> Result<Step, String> {
        let usual = Distillation::default();
        let distillation = Distillation {
            epochs: self.epochs,
            batch: self.batch.unwrap_or(usual.batch),
            rate: self.rate.unwrap_or(usual.rate),
            temperature: self.temperature.unwrap_or(usual.temperature),
            scores: self.scores.unwrap_or(usual.scores),
            features: self.features.unwrap_or(usual.features),
            labels: self.labels.unwrap_or(usual.labels),
            shift: self.shift.unwrap_or(usual.shift),
            noise: self.noise.unwrap_or(usual.noise),
            mix: self.mix.unwrap_or(usual.mix),
            limit_s: self.limit_s,
            stopped_after: None,
            layers: self.layers,
            protect: self.protect,
            simulated: None,
        };
        distillation.check().map_err(|error| error.to_string())?;
        Ok(Step::Distill(distillation))
    }
}

/// Value of `recover` under `prune`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PruneRecovery {
    None,
    Mean,
    Statistics,
    LeastSquares,
    Distill,
}

impl PruneRecovery {
    /// The recovery of the prune step itself; training starts from least squares.
    pub(super) fn method(self) -> RecoveryMethod {
        match self {
            PruneRecovery::None => RecoveryMethod::None,
            PruneRecovery::Mean => RecoveryMethod::Mean,
            PruneRecovery::Statistics => RecoveryMethod::Statistics,
            PruneRecovery::LeastSquares | PruneRecovery::Distill => RecoveryMethod::LeastSquares,
        }
    }
}

/// A prune step, and the training behind it where it recovers so.
pub(super) fn with_training(step: Step, recovery: Option<PruneRecovery>) -> Vec<Step> {
    let trains = recovery == Some(PruneRecovery::Distill);
    let training = trains.then(|| Step::Distill(Distillation::default()));
    [step].into_iter().chain(training).collect()
}

/// Value of `recover` under `quantize`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum QuantizeRecovery {
    None,
    Distill,
}

/// A quantize step, and in front of it the training that simulates it where it recovers so.
pub(super) fn with_simulation(
    how: PostTrainingQuantization,
    recovery: Option<QuantizeRecovery>,
) -> Result<Vec<Step>, String> {
    if recovery != Some(QuantizeRecovery::Distill) {
        return Ok(vec![Step::Quantize(how)]);
    }
    if how.measured {
        return Err("`recover = \"distill\"` simulates one precision: `layers = \"measured\"` chooses it later".into());
    }
    let training = Distillation::simulating(how.clone());
    Ok(vec![Step::Distill(training), Step::Quantize(how)])
}
