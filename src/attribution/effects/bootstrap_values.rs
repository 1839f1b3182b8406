//! Values of experiments on resampled samples, for metrics that are no mean: the same draws for all.

use crate::attribution::experiments::{ExperimentMetric, ExperimentTable, cleared};
use crate::attribution::shapley::{CoalitionContrast, GroupCoalition};
use crate::evaluate::ResampledMetric;
use paring_core::stats::{LANES, LaneValues, ResamplingUnits};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// The most evaluations of samples that are made in all.
const AFFORDABLE: usize = 400_000_000;

/// Values of one aspect of every experiment.
#[derive(Clone, Debug)]
pub struct BootstrapValues {
    /// By draw of calibration samples: on the samples as they are, and one a resample; a resample that
    /// gives no value holds NaN.
    draws: Vec<BTreeMap<GroupCoalition, BootstrapValue>>,
    /// Number of resamples.
    pub count: usize,
}

/// A value on the samples as they are, and one a resample.
type BootstrapValue = (f64, Vec<f64>);

/// Aspects that one look at a slice's answers gives, and what each is of it.
type MetricsBySlice<'a> =
    BTreeMap<Option<(&'a str, &'a str)>, Vec<(&'a ExperimentMetric, ResampledMetric)>>;

impl BootstrapValues {
    /// Values of those of `aspects` that are no mean, of every experiment that `sets` names.
    pub fn all(
        table: &ExperimentTable,
        aspects: &[ExperimentMetric],
        sets: &[GroupCoalition],
    ) -> BTreeMap<ExperimentMetric, BootstrapValues> {
        let mut looks = MetricsBySlice::new();
        for aspect in aspects {
            if let Some((figure, slice)) = aspect.figure() {
                looks.entry(slice).or_default().push((aspect, figure));
            }
        }
        let mut found: BTreeMap<ExperimentMetric, BootstrapValues> = BTreeMap::new();
        for look in looks.values() {
            found.extend(BootstrapValues::of_figures(table, look, sets));
        }
        for aspect in aspects
            .iter()
            .filter(|a| matches!(a, ExperimentMetric::F1Macro | ExperimentMetric::Ece))
        {
            found.insert(aspect.clone(), BootstrapValues::of_classes(table, aspect, sets));
        }
        found
    }

    /// An aspect that classes and confidences tell.
    fn of_classes(
        table: &ExperimentTable,
        aspect: &ExperimentMetric,
        sets: &[GroupCoalition],
    ) -> BootstrapValues {
        let samples: Vec<usize> = (0..table.truth.labels.len()).collect();
        let weights = weights(table, &samples, affordable(table, sets, samples.len()));
        let values = |draw: usize, set: GroupCoalition| -> Option<BootstrapValue> {
            let on = |w: Option<&[f64]>| table.value(aspect, draw, set, w);
            let each = weights.iter().map(|w| on(Some(w.as_slice())).unwrap_or(f64::NAN));
            Some((on(None)?, each.collect()))
        };
        let draws = (0..table.draws.len()).map(|draw| {
            let each = sets.par_iter().filter_map(|set| Some((*set, values(draw, *set)?)));
            each.collect()
        });
        BootstrapValues { draws: draws.collect(), count: weights.len() }
    }

    /// Aspects of the same samples that full answers tell.
    fn of_figures(
        table: &ExperimentTable,
        look: &[(&ExperimentMetric, ResampledMetric)],
        sets: &[GroupCoalition],
    ) -> Vec<(ExperimentMetric, BootstrapValues)> {
        let Some((first, _)) = look.first() else { return vec![] };
        let samples = table.truth.counted(first);
        let part = (samples.len() < table.truth.labels.len()).then_some(samples.as_slice());
        let weights = weights(table, &samples, affordable(table, sets, samples.len()));
        let lanes: Vec<Vec<LaneValues>> = weights.chunks(LANES).map(side_by_side).collect();
        let figures: Vec<ResampledMetric> = look.iter().map(|(_, figure)| *figure).collect();
        let plain = vec![[1.0; LANES]; samples.len()];
        // `[figure]`: the value as it is, and one a resample.
        let values = |draw: usize, set: GroupCoalition| -> Option<Vec<BootstrapValue>> {
            let exam = table.exam(draw, set, part)?;
            let as_is = exam.weighted(&figures, &plain).into_iter();
            let mut found: Vec<BootstrapValue> = as_is.map(|v| (v[0], Vec::new())).collect();
            for block in &lanes {
                let drawn = exam.weighted(&figures, block);
                found.iter_mut().zip(drawn).for_each(|(own, values)| own.1.extend(values));
            }
            Some(found)
        };
        let draws: Vec<Vec<(GroupCoalition, Vec<BootstrapValue>)>> = (0..table.draws.len())
            .map(|draw| {
                sets.par_iter().filter_map(|set| Some((*set, values(draw, *set)?))).collect()
            })
            .collect();
        let of = |position: usize| {
            let of_draw = |sets: &Vec<(GroupCoalition, Vec<BootstrapValue>)>| {
                let own = sets.iter().map(|(set, found)| (*set, found[position].clone()));
                own.filter(|(_, (value, _))| value.is_finite()).collect()
            };
            BootstrapValues {
                draws: draws.iter().map(of_draw).collect(),
                count: LANES * lanes.len(),
            }
        };
        look.iter().enumerate().map(|(p, (aspect, _))| ((*aspect).clone(), of(p))).collect()
    }

    /// The value of an experiment on the samples as they are.
    pub fn value(&self, draw: usize, set: GroupCoalition) -> Option<f64> {
        Some(self.draws.get(draw)?.get(&set)?.0)
    }

    /// A form's value on every resample, NaN where there is none; `None` where an experiment is
    /// missing.
    pub fn of(&self, form: &CoalitionContrast, draw: usize) -> Option<Vec<f64>> {
        let known = self.draws.get(draw)?;
        let mut sum = vec![0.0; self.count];
        for (set, weight) in form.terms() {
            sum.iter_mut().zip(&known.get(&set)?.1).for_each(|(sum, v)| *sum += weight * v);
        }
        Some(sum.into_iter().map(cleared).collect())
    }
}

/// Between 100 and 1,000 resamples, as the size allows.
fn affordable(table: &ExperimentTable, sets: &[GroupCoalition], samples: usize) -> usize {
    let work = (table.draws.len() * sets.len() * samples).max(1);
    (AFFORDABLE / work).clamp(100, 1_000).next_multiple_of(LANES)
}

/// Bootstrap weights of `samples` under the sampling design, one list a resample.
fn weights(table: &ExperimentTable, samples: &[usize], count: usize) -> Vec<Vec<f64>> {
    let design = table.truth.counted_design(samples);
    let units = ResamplingUnits::of(design.design(), samples.len());
    let blocks = (0..count.div_ceil(LANES)).flat_map(|block| {
        let lanes = units.weights(0, block);
        (0..LANES).map(move |lane| lanes.iter().map(|weights| weights[lane]).collect::<Vec<f64>>())
    });
    blocks.take(count).collect()
}

/// Up to eight weightings, sample by sample.
fn side_by_side(weights: &[Vec<f64>]) -> Vec<LaneValues> {
    let samples = weights.first().map_or(0, Vec::len);
    let of = |sample: usize| {
        std::array::from_fn(|lane| weights.get(lane).map_or(0.0, |weights| weights[sample]))
    };
    (0..samples).map(of).collect()
}
