//! Sensitivity: the loss that quantized layers cause in a model's outputs, beside those in float.

use crate::calibration_plan::calibration_plan;
use crate::catalog::Calibration;
use crate::prediction::spread;
use crate::{CompressError, DecisionRule};
use ndarray::ArrayD;
use paring_core::schema::{EngineOptions, TaskKind};
use paring_onnx::graph::Graph;
use rayon::prelude::*;

/// The answers of a model in float on some samples.
#[derive(Debug)]
pub struct FloatAnswers<'a> {
    calibration: &'a Calibration,
    reading: DecisionRule,
    batches: Vec<usize>,
    outputs: Vec<Vec<ArrayD<f32>>>,
    /// The spread of the answers of each output.
    spreads: Vec<f64>,
}

/// Distance of answers from those in float.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantizationLoss {
    /// Power of the outputs over that of their error, in decibel; `None` where there is no error.
    pub sqnr_db: Option<f64>,
    /// Mean Kullback-Leibler divergence of the answers as probabilities, in nats; numbers that are no
    /// classes as normal distributions with the spread of all answers.
    pub divergence: f64,
    /// Predictions that are other ones: another class, or a number that moved by more than a tenth of
    /// the spread.
    pub flips: usize,
    /// Predictions.
    pub samples: usize,
    /// By how much the share of samples changes that get their own class; `None` where these are not
    /// known.
    pub accuracy_change: Option<f64>,
}

impl<'a> FloatAnswers<'a> {
    /// Those of `graph` on at most `most` samples, spread over all.
    ///
    /// # Errors
    /// The engine's.
    pub fn new(
        graph: &Graph,
        calibration: &'a Calibration,
        reading: DecisionRule,
        most: usize,
    ) -> Result<FloatAnswers<'a>, CompressError> {
        let all = calibration.batches();
        let count = most.div_ceil(calibration.batch.max(1)).clamp(1, all);
        let batches: Vec<usize> = (0..count).map(|i| i * all / count).collect();
        let (outputs, spreads) = (Vec::new(), Vec::new());
        let mut answers = FloatAnswers { calibration, reading, batches, outputs, spreads };
        answers.outputs = answers.run(graph)?;
        let width = answers.outputs.first().map_or(0, Vec::len);
        let numbers = matches!(reading.kind, TaskKind::Regression | TaskKind::Scores);
        let of = |output: usize| {
            // Nobody asks for that of classes.
            if !numbers {
                return 0.0;
            }
            let all = answers.outputs.iter().map(|outputs| &outputs[output]);
            spread(&all.flat_map(|o| reading.rows(o, calibration.batch)).collect::<Vec<_>>())
        };
        answers.spreads = (0..width).map(of).collect();
        Ok(answers)
    }

    fn run(&self, graph: &Graph) -> Result<Vec<Vec<ArrayD<f32>>>, CompressError> {
        let plan = calibration_plan(graph, self.calibration, &EngineOptions::default())?;
        let one = |b: &usize| Ok(plan.run(&plan.inputs(&self.calibration.arrays(*b))?)?);
        self.batches.par_iter().map(one).collect()
    }

    /// The distance of another model's answers from these.
    ///
    /// # Errors
    /// The engine's.
    pub fn loss(&self, graph: &Graph) -> Result<QuantizationLoss, CompressError> {
        let found = self.run(graph)?;
        let (mut power, mut error, mut divergence) = (0.0f64, 0.0f64, 0.0);
        let (mut flips, mut samples) = (0, 0);
        let both = self.outputs.iter().flatten().zip(found.iter().flatten());
        for ((before, after), spread) in both.zip(self.spreads.iter().cycle()) {
            let rows = |output| self.reading.rows(output, self.calibration.batch);
            for (was, is) in rows(before).iter().zip(&rows(after)) {
                for (w, i) in was.iter().zip(is) {
                    power += f64::from(*w).powi(2);
                    error += f64::from(i - w).powi(2);
                }
                divergence += self.reading.apart(was, is, *spread);
                flips += usize::from(self.reading.changed(was, is, *spread));
                samples += 1;
            }
        }
        let sqnr_db = (error > 0.0 && power > 0.0).then(|| 10.0 * (power / error).log10());
        let divergence = divergence / samples.max(1) as f64;
        let right = |outputs: &[Vec<ArrayD<f32>>]| self.right(outputs);
        let accuracy_change = right(&found).zip(right(&self.outputs)).map(|(is, was)| is - was);
        Ok(QuantizationLoss { sqnr_db, divergence, flips, samples, accuracy_change })
    }

    /// Share of samples that get their own class.
    fn right(&self, outputs: &[Vec<ArrayD<f32>>]) -> Option<f64> {
        let Calibration { labels, batch, .. } = self.calibration;
        if self.reading.kind != TaskKind::Classification || labels.is_empty() {
            return None;
        }
        let (mut right, mut all) = (0usize, 0usize);
        for (at, outputs) in self.batches.iter().zip(outputs) {
            // An incomplete batch wraps around.
            let rows = self.reading.rows(outputs.get(self.reading.output)?, *batch);
            let own = (0..*batch).map(|i| labels[(at * batch + i) % labels.len()]);
            if rows.len() != *batch {
                return None;
            }
            right += rows.iter().zip(own).filter(|(row, l)| self.reading.class(row) == *l).count();
            all += rows.len();
        }
        Some(right as f64 / all.max(1) as f64)
    }
}
