//! Predictions of a plan on samples of a dataset.

use crate::data::Dataset;
use crate::engine::{Bindings, EngineError, Model, Plan, Source};
use crate::record::{EngineOptions, Prediction};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the numbers of the output mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scores {
    /// They are probabilities and add up to 1.
    Probabilities,
    /// They become probabilities through a softmax.
    Logits,
}

/// Why predictions cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PredictError {
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The output is not one row of scores a sample.
    #[error(
        "output has shape {found:?} for {batch} samples; classification needs [samples, classes]"
    )]
    Shape {
        /// The output's shape.
        found: Vec<usize>,
        /// Samples that went in.
        batch: usize,
    },
    /// Probabilities that are none.
    #[error(
        "the scores of sample {sample} add up to {sum}, not 1; if they are logits, say so (`scores = \"logits\"` under [task])"
    )]
    NotProbabilities {
        /// The sample.
        sample: usize,
        /// Their sum.
        sum: f64,
    },
    /// A label that is no class of the model.
    #[error("the label of sample {sample} is {label}, the model has {classes} classes")]
    Label {
        /// The sample.
        sample: usize,
        /// Its label.
        label: i64,
        /// Number of classes.
        classes: usize,
    },
}

/// A plan that answers for samples of a dataset.
#[derive(Debug)]
pub struct Predictor {
    plan: Plan,
    batch: usize,
    output: usize,
    scores: Scores,
}

impl Predictor {
    /// Loads a model for prediction; `output` is the position of the output with the scores.
    ///
    /// # Errors
    /// The engine's.
    pub fn load(
        source: Source,
        batch: usize,
        dims: &BTreeMap<String, usize>,
        options: &EngineOptions,
        output: usize,
        scores: Scores,
    ) -> Result<Predictor, EngineError> {
        let plan = Model::load(source, Bindings { batch, dims })?.optimise(options)?;
        Ok(Predictor { plan, batch, output, scores })
    }

    /// The answers for the samples at `indices`, in that order. `heard` is told how many samples
    /// were done each time some are.
    ///
    /// # Errors
    /// [`PredictError`] names the sample.
    pub fn predict(
        &self,
        data: &Dataset,
        indices: &[usize],
        heard: &(dyn Fn(usize) + Sync),
    ) -> Result<Vec<Prediction>, PredictError> {
        let batches: Vec<Vec<Prediction>> = indices
            .par_chunks(self.batch)
            .map(|samples| {
                let done = self.batch(data, samples);
                heard(samples.len());
                done
            })
            .collect::<Result<_, _>>()?;
        Ok(batches.concat())
    }

    fn batch(&self, data: &Dataset, samples: &[usize]) -> Result<Vec<Prediction>, PredictError> {
        // A last batch that is not full repeats its samples; the surplus answers are dropped.
        let filled: Vec<usize> = samples.iter().copied().cycle().take(self.batch).collect();
        let outputs = self.plan.run(&self.plan.inputs(&data.inputs_at(&filled))?)?;
        let shape =
            |found: &[usize]| PredictError::Shape { found: found.to_vec(), batch: self.batch };
        let output = outputs.get(self.output).ok_or_else(|| shape(&[]))?;
        let classes = output.len() / self.batch.max(1);
        if output.shape().first() != Some(&self.batch)
            || classes < 2
            || output.shape()[1..].iter().filter(|size| **size > 1).count() != 1
        {
            return Err(shape(output.shape()));
        }
        let flat: Vec<f64> = output.iter().map(|v| f64::from(*v)).collect();
        let rows = samples.iter().zip(flat.chunks(classes));
        rows.map(|(sample, row)| answer(*sample, data.labels[*sample], row, self.scores)).collect()
    }
}

fn answer(
    sample: usize,
    label: i64,
    row: &[f64],
    scores: Scores,
) -> Result<Prediction, PredictError> {
    let classes = row.len();
    if usize::try_from(label).ok().is_none_or(|label| label >= classes) {
        return Err(PredictError::Label { sample, label, classes });
    }
    if row.iter().any(|v| !v.is_finite()) {
        return Ok(Prediction { sample, label, class: None, confidence: None, margin: None });
    }
    let top = row.iter().enumerate().fold(0, |best, (i, v)| if *v > row[best] { i } else { best });
    let second = row.iter().enumerate().filter(|(i, _)| *i != top).map(|(_, v)| *v);
    let second = second.fold(f64::NEG_INFINITY, f64::max);
    let (confidence, runner_up) = match scores {
        Scores::Logits => {
            let sum: f64 = row.iter().map(|v| (v - row[top]).exp()).sum();
            (1.0 / sum, (second - row[top]).exp() / sum)
        }
        Scores::Probabilities => {
            let sum: f64 = row.iter().sum();
            if (sum - 1.0).abs() > 0.01 {
                return Err(PredictError::NotProbabilities { sample, sum });
            }
            (row[top], second)
        }
    };
    Ok(Prediction {
        sample,
        label,
        class: Some(top as i64),
        confidence: Some(confidence),
        margin: Some(confidence - runner_up),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logits_become_probabilities() {
        let found = answer(0, 1, &[0.0, 2f64.ln(), 0.0], Scores::Logits).unwrap();
        assert_eq!(found.class, Some(1));
        assert!((found.confidence.unwrap() - 0.5).abs() < 1e-12);
        assert!((found.margin.unwrap() - 0.25).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_probability_is_refused_and_nan_is_counted() {
        let wrong = answer(3, 0, &[2.0, 3.0], Scores::Probabilities).unwrap_err().to_string();
        assert!(wrong.starts_with("the scores of sample 3 add up to 5, not 1"), "{wrong}");
        assert_eq!(answer(0, 0, &[f64::NAN, 1.0], Scores::Probabilities).unwrap().class, None);
        assert!(matches!(
            answer(0, 2, &[0.5, 0.5], Scores::Logits),
            Err(PredictError::Label { .. })
        ));
    }
}
