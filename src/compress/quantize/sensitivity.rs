//! What a narrow layer costs the model's answers: the last outputs beside those in float.

use crate::catalog::Calibration;
use crate::compress::CompressError;
use crate::engine::{Bindings, Model, Plan, Source};
use crate::graph::Graph;
use crate::record::EngineOptions;
use ndarray::ArrayD;

/// The answers of a model in float on some samples.
#[derive(Debug)]
pub struct Answers<'a> {
    calibration: &'a Calibration,
    batches: Vec<usize>,
    outputs: Vec<Vec<ArrayD<f32>>>,
}

/// How far answers are from those in float.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// Power of the outputs over that of their error, in decibel; `None` where there is no error.
    pub sqnr_db: Option<f64>,
    /// Mean Kullback-Leibler divergence of the answers as probabilities, in nats.
    pub divergence: f64,
    /// Samples whose largest output is another one.
    pub flips: usize,
    /// Samples.
    pub samples: usize,
}

impl<'a> Answers<'a> {
    /// Those of `graph` on at most `most` samples, spread over all.
    ///
    /// # Errors
    /// The engine's.
    pub fn new(
        graph: &Graph,
        calibration: &'a Calibration,
        most: usize,
    ) -> Result<Answers<'a>, CompressError> {
        let all = calibration.batches();
        let count = most.div_ceil(calibration.batch.max(1)).clamp(1, all);
        let batches: Vec<usize> = (0..count).map(|i| i * all / count).collect();
        let mut answers = Answers { calibration, batches, outputs: Vec::new() };
        answers.outputs = answers.run(graph)?;
        Ok(answers)
    }

    fn run(&self, graph: &Graph) -> Result<Vec<Vec<ArrayD<f32>>>, CompressError> {
        let bytes = graph.encode();
        let Calibration { batch, dims, .. } = self.calibration;
        let source = Source::Bytes(graph.name(), &bytes);
        let plan: Plan = Model::load(source, Bindings { batch: *batch, dims })?
            .optimise(&EngineOptions::default())?;
        let one = |b: &usize| Ok(plan.run(&plan.inputs(&self.calibration.arrays(*b))?)?);
        self.batches.iter().map(one).collect()
    }

    /// How far another model's answers are from these.
    ///
    /// # Errors
    /// The engine's.
    pub fn loss(&self, graph: &Graph) -> Result<Loss, CompressError> {
        let found = self.run(graph)?;
        let (mut power, mut error, mut divergence) = (0.0f64, 0.0f64, 0.0);
        let (mut flips, mut samples) = (0, 0);
        for (before, after) in self.outputs.iter().flatten().zip(found.iter().flatten()) {
            let width = before.shape().last().copied().unwrap_or(1).max(1);
            let (before, after): (Vec<f32>, Vec<f32>) =
                (before.iter().copied().collect(), after.iter().copied().collect());
            for (was, is) in before.chunks(width).zip(after.chunks(width)) {
                for (w, i) in was.iter().zip(is) {
                    power += f64::from(*w).powi(2);
                    error += f64::from(i - w).powi(2);
                }
                divergence += apart(was, is);
                flips += usize::from(top(was) != top(is));
                samples += 1;
            }
        }
        let sqnr_db = (error > 0.0 && power > 0.0).then(|| 10.0 * (power / error).log10());
        let divergence = divergence / samples.max(1) as f64;
        Ok(Loss { sqnr_db, divergence, flips, samples })
    }
}

fn top(row: &[f32]) -> Option<usize> {
    row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(position, _)| position)
}

/// KL(was ‖ is), rows that are no probabilities taken as logits.
fn apart(was: &[f32], is: &[f32]) -> f64 {
    let sum: f64 = was.iter().map(|v| f64::from(*v)).sum();
    let chances = was.iter().all(|v| *v >= 0.0) && (sum - 1.0).abs() < 1e-3;
    let as_chances = |row: &[f32]| -> Vec<f64> {
        if chances {
            return row.iter().map(|v| f64::from(*v).max(1e-12)).collect();
        }
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let raised: Vec<f64> = row.iter().map(|v| f64::from(v - most).exp()).collect();
        let sum: f64 = raised.iter().sum();
        raised.iter().map(|v| (v / sum).max(1e-12)).collect()
    };
    let (p, q) = (as_chances(was), as_chances(is));
    p.iter().zip(&q).map(|(p, q)| p * (p / q).ln()).sum::<f64>().max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divergence_is_zero_for_the_same_and_known_for_two_coins() {
        assert_eq!(apart(&[0.25, 0.75], &[0.25, 0.75]), 0.0);
        let expected = 0.5 * (0.5f64 / 0.25).ln() + 0.5 * (0.5f64 / 0.75).ln();
        assert!((apart(&[0.5, 0.5], &[0.25, 0.75]) - expected).abs() < 1e-9);
        // Logits may be shifted.
        assert!(apart(&[3.0, 1.0], &[5.0, 3.0]) < 1e-9);
    }
}
