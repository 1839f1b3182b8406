//! Inputs that a model gets wrong, searched for by its scores alone.
//!
//! Source: SimBA, Guo et al. 2019, arXiv 1905.07121, with single entries as directions.

use super::perturbations::InputSpread;
use crate::evaluate::prediction::{PredictError, Predictor};
use ndarray::Axis;
use paring_agent::arrays::Array;
use paring_core::stats;
use paring_data::Dataset;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;

/// Step and budget of an adversarial search by SimBA.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AdversarialSearch {
    /// Size of a step, in standard deviations of the input.
    pub step: f64,
    /// Inferences that one sample may cost.
    pub queries: usize,
    /// Seeds the order of entries.
    pub seed: u64,
}

/// Result of an adversarial search from one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdversarialResult {
    /// The sample.
    pub sample: usize,
    /// Inferences until the answer was wrong; `None` where it never was.
    pub queries: Option<usize>,
}

impl AdversarialSearch {
    /// Searches from each of the samples at `indices`, of which the model should get all right. The
    /// entries are tried in the same order whichever model is asked.
    ///
    /// # Errors
    /// [`PredictError`] names the sample.
    pub fn run(
        &self,
        predictor: &Predictor,
        data: &Dataset,
        indices: &[usize],
        spreads: &BTreeMap<String, InputSpread>,
    ) -> Result<Vec<AdversarialResult>, PredictError> {
        let each = indices.par_iter().map(|sample| self.one(predictor, data, *sample, spreads));
        each.collect()
    }

    fn one(
        &self,
        predictor: &Predictor,
        data: &Dataset,
        sample: usize,
        spreads: &BTreeMap<String, InputSpread>,
    ) -> Result<AdversarialResult, PredictError> {
        let (label, mut inputs) = (data.labels[sample], data.inputs_at(&[sample])?);
        let ask = |inputs: &BTreeMap<String, Array>| {
            let answers = predictor.answers_to(data, inputs, &[sample])?;
            let right = answers.class[0] == Some(label);
            let own = usize::try_from(label).ok().and_then(|l| answers.row(0).get(l)).copied();
            Ok::<_, PredictError>((right, own.unwrap_or(0.0)))
        };
        let mut entries: Vec<(String, usize)> = Vec::new();
        for name in spreads.keys() {
            entries.extend((0..count(&inputs[name])).map(|entry| (name.clone(), entry)));
        }
        entries.shuffle(&mut stats::generator(self.seed, &format!("search {sample}")));
        let (_, mut best) = ask(&inputs)?;
        let mut queries = 1;
        for (name, entry) in entries {
            let step = self.step as f32 * spreads[&name].deviation;
            for signed in [step, -step] {
                if queries >= self.queries {
                    return Ok(AdversarialResult { sample, queries: None });
                }
                let before = add(&mut inputs, &name, entry, signed);
                let (right, own) = ask(&inputs)?;
                queries += 1;
                if !right {
                    return Ok(AdversarialResult { sample, queries: Some(queries) });
                }
                if own < best {
                    best = own;
                    break;
                }
                put(&mut inputs, &name, entry, before);
            }
        }
        Ok(AdversarialResult { sample, queries: None })
    }
}

fn count(array: &Array) -> usize {
    array.shape().iter().product()
}

/// Adds to one entry; gives what it was.
fn add(inputs: &mut BTreeMap<String, Array>, name: &str, entry: usize, by: f32) -> f32 {
    let Some(Array::F32(values)) = inputs.get_mut(name) else { return 0.0 };
    debug_assert_eq!(values.len_of(Axis(0)), 1);
    let Some(value) = values.iter_mut().nth(entry) else { return 0.0 };
    let before = *value;
    *value += by;
    before
}

fn put(inputs: &mut BTreeMap<String, Array>, name: &str, entry: usize, to: f32) {
    if let Some(Array::F32(values)) = inputs.get_mut(name)
        && let Some(value) = values.iter_mut().nth(entry)
    {
        *value = to;
    }
}
