//! Values of experiments on resampled samples, for metrics that are no mean: the same draws for all.

use super::table::cleared;
use super::{Aspect, Coalition, Form, Table};
use crate::stats;
use rand::RngExt;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// So many sample evaluations are affordable in all.
const AFFORDABLE: usize = 400_000_000;

/// Values of one aspect, one a resample, of every experiment.
#[derive(Clone, Debug)]
pub struct Resamples {
    draws: Vec<BTreeMap<Coalition, Vec<f64>>>,
    /// Number of resamples.
    pub count: usize,
}

impl Resamples {
    /// Values of `aspect` of every experiment that `sets` names, whole units drawn with replacement;
    /// between 100 and 1,000 times, as the size allows.
    pub fn new(table: &Table, aspect: &Aspect, sets: &[Coalition]) -> Resamples {
        let (units, samples) = (table.truth.units(), table.truth.labels.len());
        let work = (table.draws.len() * sets.len() * samples).max(1);
        let count = (AFFORDABLE / work).clamp(100, 1_000);
        let mut rng = stats::generator(0, "resampled aspects");
        let weights: Vec<Vec<f64>> = (0..count)
            .map(|_| {
                let mut weights = vec![0.0; samples];
                for _ in 0..units.len() {
                    let unit = &units[rng.random_range(0..units.len())];
                    unit.iter().for_each(|sample| weights[*sample] += 1.0);
                }
                weights
            })
            .collect();
        let values = |draw: usize, set: Coalition| -> Option<Vec<f64>> {
            weights.iter().map(|w| table.value(aspect, draw, set, Some(w))).collect()
        };
        let draws = (0..table.draws.len())
            .map(|draw| {
                let each = sets.par_iter().filter_map(|set| Some((*set, values(draw, *set)?)));
                each.collect()
            })
            .collect();
        Resamples { draws, count }
    }

    /// A form's value on every resample; `None` where an experiment is missing.
    pub fn of(&self, form: &Form, draw: usize) -> Option<Vec<f64>> {
        let known = self.draws.get(draw)?;
        let mut sum = vec![0.0; self.count];
        for (set, weight) in form.terms() {
            sum.iter_mut().zip(known.get(&set)?).for_each(|(sum, v)| *sum += weight * v);
        }
        Some(sum.into_iter().map(cleared).collect())
    }
}
