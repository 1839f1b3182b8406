//! Specificity of single classes: of the samples of other classes, the share that was not called so.

use crate::evaluate::statistics::PredictionStatistics;
use paring_core::schema::MetricScore;
use paring_core::stats::{self, SamplingDesign};

/// Specificity of each class, beside the baseline's where there is one; empty where a sample is not one
/// decision, as of pixels.
pub(super) fn class_specificities(
    exam: &PredictionStatistics,
    baseline: Option<&PredictionStatistics>,
    design: SamplingDesign,
) -> Vec<Option<MetricScore>> {
    let (Some(called), true) = (called_by_class(exam), exam.by_sample()) else { return vec![] };
    let before = baseline.and_then(called_by_class);
    let each = called.iter().enumerate().map(|(class, called)| {
        let labels = exam.labels.iter().enumerate();
        let other = labels.filter(|(_, label)| usize::try_from(**label) != Ok(class));
        let other: Vec<usize> = other.map(|(sample, _)| sample).collect();
        let groups: Option<Vec<String>> = match design {
            SamplingDesign::Groups(groups) => {
                Some(other.iter().map(|sample| groups[*sample].clone()).collect())
            }
            _ => None,
        };
        let design = groups.as_deref().map_or(SamplingDesign::Independent, SamplingDesign::Groups);
        let rejected = |called: &[bool], sample: usize| f64::from(!called[sample]);
        let hits: Vec<f64> = other.iter().map(|sample| rejected(called, *sample)).collect();
        let change = before.as_ref().and_then(|before| before.get(class)).and_then(|before| {
            let gain = |sample: &usize| rejected(called, *sample) - rejected(before, *sample);
            let shares: Vec<f64> = other.iter().map(gain).collect();
            stats::bonett_price_interval(&shares, design)
        });
        Some(MetricScore { value: stats::proportion_interval(&hits, design)?, change })
    });
    each.collect()
}

/// For each class the samples that were called so.
fn called_by_class(exam: &PredictionStatistics) -> Option<Vec<Vec<bool>>> {
    let (first, classes) = exam.gauge.counts?;
    let members = exam.tally.members(first + classes, classes);
    let called = members.into_iter().map(|members| {
        let mut called = vec![false; exam.samples()];
        members.into_iter().for_each(|sample| called[sample] = true);
        called
    });
    Some(called.collect())
}
