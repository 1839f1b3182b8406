//! Splits: which samples calibrate, which select, and which are only reported on.

use paring_core::stats;
use paring_data::Dataset;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The rule by which samples are split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SplitRule {
    /// By shares, stratified by label; groups stay whole.
    Shares {
        /// Share for calibration.
        calibrate: f64,
        /// Share for selection.
        select: f64,
        /// Share for the report.
        report: f64,
        /// Seeds the division.
        seed: u64,
    },
    /// By index arrays in the data file.
    Arrays {
        /// Name of the array for calibration.
        calibrate: String,
        /// For selection.
        select: String,
        /// For the report.
        report: String,
    },
}

/// Sample indices, each list in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSplits {
    /// Samples that recipes may look at.
    pub calibrate: Vec<usize>,
    /// Samples that choices between recipes may look at.
    pub select: Vec<usize>,
    /// Samples that are only reported on.
    pub report: Vec<usize>,
}

/// Samples cannot be split so.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum SplitError {
    /// Shares are negative or exceed the whole.
    #[error(
        "splits must be shares from 0 to 1 that add up to 1 or less, they are {0}, {1} and {2}"
    )]
    Shares(f64, f64, f64),
    /// An index array points outside, or two splits overlap.
    #[error("split array `{name}` {problem}")]
    Array {
        /// The array.
        name: String,
        /// The problem.
        problem: String,
    },
    /// A split that is needed has no sample.
    #[error("the {0} split has no samples; give it a larger share or more data")]
    Empty(&'static str),
}

impl SplitRule {
    /// Names of the index arrays that the rule needs.
    pub fn arrays(&self) -> Vec<String> {
        match self {
            SplitRule::Shares { .. } => vec![],
            SplitRule::Arrays { calibrate, select, report } => {
                vec![calibrate.clone(), select.clone(), report.clone()]
            }
        }
    }

    /// Divides a dataset. Samples with the same value in column `group` stay together.
    ///
    /// # Errors
    /// [`SplitError`] says what does not fit.
    pub fn divide(&self, data: &Dataset, group: Option<&str>) -> Result<DataSplits, SplitError> {
        let splits = match self {
            SplitRule::Arrays { .. } => self.read_arrays(data)?,
            SplitRule::Shares { calibrate, select, report, seed } => {
                let shares = [*calibrate, *select, *report];
                let fits = shares.iter().all(|s| (0.0..=1.0).contains(s));
                if !fits || shares.iter().sum::<f64>() > 1.0 + 1e-9 {
                    return Err(SplitError::Shares(*calibrate, *select, *report));
                }
                let groups = group.and_then(|name| data.columns.get(name));
                by_shares(&data.labels, groups.map(Vec::as_slice), shares, *seed)
            }
        };
        if splits.report.is_empty() {
            return Err(SplitError::Empty("report"));
        }
        Ok(splits)
    }

    fn read_arrays(&self, data: &Dataset) -> Result<DataSplits, SplitError> {
        let mut seen = BTreeSet::new();
        let mut lists = Vec::new();
        for name in self.arrays() {
            let problem = |problem: String| SplitError::Array { name: name.clone(), problem };
            let mut list = Vec::new();
            for index in data.extras.get(&name).into_iter().flatten() {
                let inside = usize::try_from(*index).ok().filter(|i| *i < data.len());
                let index = inside
                    .ok_or_else(|| problem(format!("has the index {index}, which is no sample")))?;
                if !seen.insert(index) {
                    return Err(problem(format!(
                        "has sample {index}, which is in a split already"
                    )));
                }
                list.push(index);
            }
            list.sort_unstable();
            lists.push(list);
        }
        let mut lists = lists.into_iter();
        let mut next = || lists.next().unwrap_or_default();
        Ok(DataSplits { calibrate: next(), select: next(), report: next() })
    }
}

/// Units (samples, or whole groups) of each stratum are shuffled and dealt by their shares. A
/// group's stratum is its most frequent label.
fn by_shares(labels: &[i64], groups: Option<&[String]>, shares: [f64; 3], seed: u64) -> DataSplits {
    let mut units: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for sample in 0..labels.len() {
        let unit = groups.map_or_else(|| format!("{sample:020}"), |g| g[sample].clone());
        units.entry(unit).or_default().push(sample);
    }
    let mut strata: BTreeMap<i64, Vec<Vec<usize>>> = BTreeMap::new();
    for samples in units.into_values() {
        strata.entry(most_frequent(samples.iter().map(|s| labels[*s]))).or_default().push(samples);
    }
    let mut lists: [Vec<usize>; 3] = Default::default();
    for (label, mut units) in strata {
        units.shuffle(&mut stats::generator(seed, &format!("split {label}")));
        let count = units.len() as f64;
        let mut bound = 0.0;
        let mut units = units.into_iter().enumerate().peekable();
        for (share, list) in shares.iter().zip(&mut lists) {
            bound += share * count;
            while units.peek().is_some_and(|(i, _)| (*i as f64) < bound.round()) {
                list.extend(units.next().into_iter().flat_map(|(_, samples)| samples));
            }
        }
    }
    lists.iter_mut().for_each(|list| list.sort_unstable());
    let [calibrate, select, report] = lists;
    DataSplits { calibrate, select, report }
}

fn most_frequent(labels: impl Iterator<Item = i64>) -> i64 {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    labels.for_each(|label| *counts.entry(label).or_default() += 1);
    counts.into_iter().max_by_key(|(label, count)| (*count, -label)).map_or(0, |(label, _)| label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_kept_within_every_class() {
        let labels: Vec<i64> = (0..400).map(|i| i % 4).collect();
        let splits = by_shares(&labels, None, [0.25, 0.25, 0.5], 7);
        assert_eq!(
            [&splits.calibrate, &splits.select, &splits.report].map(Vec::len),
            [100, 100, 200]
        );
        for class in 0..4 {
            assert_eq!(splits.report.iter().filter(|s| labels[**s] == class).count(), 50);
        }
        let all: BTreeSet<usize> =
            [splits.calibrate, splits.select, splits.report].concat().into_iter().collect();
        assert_eq!(all.len(), 400);
    }

    #[test]
    fn groups_never_straddle_a_split() {
        let labels: Vec<i64> = (0..300).map(|i| i % 3).collect();
        let groups: Vec<String> = (0..300).map(|i| format!("patient {}", i / 5)).collect();
        let splits = by_shares(&labels, Some(&groups), [0.3, 0.2, 0.5], 1);
        let of = |list: &[usize]| list.iter().map(|s| &groups[*s]).collect::<BTreeSet<_>>();
        let (a, b, c) = (of(&splits.calibrate), of(&splits.select), of(&splits.report));
        assert!(a.is_disjoint(&b) && b.is_disjoint(&c) && a.is_disjoint(&c));
        assert_eq!(a.len() + b.len() + c.len(), 60);
    }
}
