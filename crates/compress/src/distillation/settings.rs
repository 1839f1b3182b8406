//! Settings of a distill step, as the study says them.

use super::error::DistillationError;
use crate::PostTrainingQuantization;
use paring_core::schema::{TrainingEnd, TrainingRecord};
use serde::Serialize;
use std::fmt;

/// Samples that training sees without a number of epochs of its own, counted each time it sees one.
const SAMPLES_SEEN: usize = 80_000;
/// The same where a quantization is simulated, and the learning rate there: weights are nearly right
/// already, and large steps cross many points of their grid.
const SAMPLES_SEEN_SIMULATING: usize = 8_000;
const SIMULATION_RATE: f64 = 3e-4;
/// Bounds of the number of epochs that follows from them.
const EPOCHS: std::ops::RangeInclusive<usize> = 4..=400;

/// Training of what remains towards the baseline's answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Distillation {
    /// Passes over the calibration samples; without it as many as 80,000 samples make (8,000
    /// where a quantization is simulated), 4 to 400.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    /// Samples of one update of the weights.
    pub batch: usize,
    /// Learning rate after the warm-up, relative to the root mean square of each tensor.
    pub rate: f64,
    /// Temperature that softens both distributions of classes.
    pub temperature: f64,
    /// Weight of the squared error of scores, relative to their variance, beside the divergence.
    pub scores: f64,
    /// Weight of the squared error of layers' outputs, relative to their variance.
    pub features: f64,
    /// Weight of the labels' cross entropy; 0 trains without labels.
    pub labels: f64,
    /// Most entries that inputs are moved by along each axis of places, as a share of the axis.
    pub shift: f64,
    /// Normal noise on inputs, in standard deviations of the input.
    pub noise: f64,
    /// Share of samples that are mixed with another one.
    pub mix: f64,
    /// Seconds after which no further epoch begins: what comes of it depends on the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_s: Option<u64>,
    /// Epochs after which a training ended by its time limit: a replay does as many on any machine. The
    /// learning rate still goes by all epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_after: Option<usize>,
    /// Pattern of the layers that are trained; all without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<String>,
    /// Patterns of the layers that stay as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub protect: Vec<String>,
    /// The quantization that follows and is simulated while training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulated: Option<PostTrainingQuantization>,
}

impl Default for Distillation {
    fn default() -> Self {
        Distillation {
            epochs: None,
            batch: 32,
            rate: 0.01,
            temperature: 2.0,
            scores: 1.0,
            features: 1.0,
            labels: 0.0,
            shift: 0.05,
            noise: 0.1,
            mix: 0.5,
            limit_s: None,
            stopped_after: None,
            layers: None,
            protect: Vec::new(),
            simulated: None,
        }
    }
}

impl Distillation {
    /// Training for a quantization that follows: small steps, inputs as they are, because activations are
    /// to have the ranges that were found for them. Equalizing scales layers' outputs, so these are then
    /// not compared with the teacher's.
    pub fn simulating(how: PostTrainingQuantization) -> Distillation {
        let features = if how.equalize { 0.0 } else { Distillation::default().features };
        Distillation {
            simulated: Some(how),
            rate: SIMULATION_RATE,
            shift: 0.0,
            noise: 0.0,
            mix: 0.0,
            features,
            ..Distillation::default()
        }
    }

    /// Epochs over so many samples.
    pub fn epochs(&self, samples: usize) -> usize {
        let seen = match self.simulated {
            Some(_) => SAMPLES_SEEN_SIMULATING,
            None => SAMPLES_SEEN,
        };
        let usual = (seen / samples.max(1)).clamp(*EPOCHS.start(), *EPOCHS.end());
        self.epochs.unwrap_or(usual)
    }

    /// The same training as it went, by its record: where a time limit ended it, a replay does as many
    /// epochs and looks at no clock.
    pub fn as_done(&self, record: &TrainingRecord) -> Distillation {
        match record.end {
            TrainingEnd::TimeLimit => Distillation {
                limit_s: None,
                stopped_after: Some(record.epochs_done),
                ..self.clone()
            },
            _ => self.clone(),
        }
    }

    /// Holds the settings against their bounds.
    ///
    /// # Errors
    /// [`DistillationError::Setting`] names the key.
    pub fn check(&self) -> Result<(), DistillationError> {
        let wrong = |key, bound, value: f64| Err(DistillationError::Setting { key, bound, value });
        if self.epochs == Some(0) {
            return wrong("epochs", "1 or more", 0.0);
        }
        if self.batch == 0 {
            return wrong("batch", "1 or more", 0.0);
        }
        for (key, value) in [("rate", self.rate), ("temperature", self.temperature)] {
            if !(value > 0.0 && value.is_finite()) {
                return wrong(key, "above 0", value);
            }
        }
        for (key, value) in [
            ("scores", self.scores),
            ("features", self.features),
            ("labels", self.labels),
            ("noise", self.noise),
        ] {
            if !(value >= 0.0 && value.is_finite()) {
                return wrong(key, "0 or more", value);
            }
        }
        for (key, value) in [("shift", self.shift), ("mix", self.mix)] {
            if !(0.0..=1.0).contains(&value) {
                return wrong(key, "from 0 to 1", value);
            }
        }
        Ok(())
    }
}

impl fmt::Display for Distillation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("distill")?;
        if let Some(simulated) = &self.simulated {
            write!(f, " for {simulated}")?;
        }
        if let Some(epochs) = self.epochs {
            write!(f, ", {epochs} epochs")?;
        }
        let usual = match &self.simulated {
            Some(simulated) => Distillation::simulating(simulated.clone()),
            None => Distillation::default(),
        };
        let numbers = [
            ("batch", self.batch as f64, usual.batch as f64),
            ("rate", self.rate, usual.rate),
            ("temperature", self.temperature, usual.temperature),
            ("scores", self.scores, usual.scores),
            ("features", self.features, usual.features),
            ("labels", self.labels, usual.labels),
            ("shift", self.shift, usual.shift),
            ("noise", self.noise, usual.noise),
            ("mix", self.mix, usual.mix),
        ];
        for (key, value, usual) in numbers {
            if value != usual {
                write!(f, ", {key} {value}")?;
            }
        }
        if let Some(limit) = self.limit_s {
            write!(f, ", at most {limit} s")?;
        }
        if let Some(epochs) = self.stopped_after {
            write!(f, ", stopped after epoch {epochs}")?;
        }
        if let Some(layers) = &self.layers {
            write!(f, ", layers {layers}")?;
        }
        match self.protect.is_empty() {
            true => Ok(()),
            false => write!(f, ", without {}", self.protect.join(" and ")),
        }
    }
}
