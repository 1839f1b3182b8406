//! Ranges of activations, from what they are on the calibration samples.

use super::affine::AffineQuantizer;
use super::settings::RangeRule;
use crate::catalog::{ActivationRange, Calibration, CatalogError};
use paring_onnx::graph::Graph;
use std::collections::BTreeMap;

/// Bins between the smallest and the largest value.
const BINS: usize = 2048;
/// Levels that int8 has.
const LEVELS: usize = 256;
/// Ends of ranges that are tried: so many steps from a quarter of the largest value to all of it.
const STEPS: usize = 48;
/// Share of values that a percentile's range holds.
const HELD: f64 = 0.9999;

/// The range of one tensor, and the rule that found it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CalibratedRange {
    pub(super) range: ActivationRange,
    /// The rule, after `auto` has decided.
    pub(super) rule: RangeRule,
    /// Ratio of signal to error in decibel by rule, where values were counted.
    pub(super) sqnr_db: Vec<(RangeRule, f64)>,
}

/// The range of every tensor by a rule.
pub(super) fn find(
    graph: &Graph,
    tensors: &[String],
    calibration: &Calibration,
    rule: RangeRule,
) -> Result<BTreeMap<String, CalibratedRange>, CatalogError> {
    let extremes = calibration.ranges(graph, tensors)?;
    if rule == RangeRule::MinMax {
        let plain = |range| CalibratedRange { range, rule, sqnr_db: Vec::new() };
        return Ok(extremes.into_iter().map(|(tensor, range)| (tensor, plain(range))).collect());
    }
    let mut counted: Vec<ActivationHistogram> = tensors
        .iter()
        .map(|t| {
            ActivationHistogram::new(
                extremes.get(t).copied().unwrap_or(ActivationRange { low: 0.0, high: 0.0 }),
            )
        })
        .collect();
    calibration.visit(graph, tensors, &mut |_, outputs| {
        for (histogram, output) in counted.iter_mut().zip(outputs) {
            output.iter().for_each(|value| histogram.add(*value));
        }
    })?;
    let each = tensors.iter().zip(&counted);
    Ok(each.map(|(tensor, histogram)| (tensor.clone(), histogram.choose(rule))).collect())
}

/// Counts of a tensor's values between each two of [`BINS`] + 1 bounds.
struct ActivationHistogram {
    /// With zero in it, so that clipping moves both ends towards it.
    whole: ActivationRange,
    width: f64,
    counts: Vec<u64>,
}

impl ActivationHistogram {
    fn new(seen: ActivationRange) -> ActivationHistogram {
        let whole = ActivationRange { low: seen.low.min(0.0), high: seen.high.max(0.0) };
        let width = (f64::from(whole.high) - f64::from(whole.low)) / BINS as f64;
        ActivationHistogram { whole, width, counts: vec![0; BINS] }
    }

    fn add(&mut self, value: f32) {
        if self.width > 0.0 {
            let bin = (f64::from(value) - f64::from(self.whole.low)) / self.width;
            self.counts[(bin as usize).min(BINS - 1)] += 1;
        }
    }

    fn centre(&self, bin: usize) -> f64 {
        f64::from(self.whole.low) + (bin as f64 + 0.5) * self.width
    }

    fn bin_of(&self, value: f32) -> usize {
        (((f64::from(value) - f64::from(self.whole.low)) / self.width) as usize).min(BINS - 1)
    }

    fn choose(&self, rule: RangeRule) -> CalibratedRange {
        if self.width <= 0.0 {
            return CalibratedRange { range: self.whole, rule, sqnr_db: Vec::new() };
        }
        let by = |rule: RangeRule| match rule {
            RangeRule::MinMax | RangeRule::Auto => self.whole,
            RangeRule::Percentile => self.percentile(),
            RangeRule::Entropy => self.least(&|range| self.divergence(range)),
            RangeRule::Mse => self.least(&|range| self.error(range)),
        };
        let all = [RangeRule::MinMax, RangeRule::Percentile, RangeRule::Entropy, RangeRule::Mse];
        let ranges = all.map(|rule| (rule, by(rule)));
        let sqnr_db = ranges.map(|(rule, range)| (rule, self.sqnr_db(range)));
        let rule = match rule {
            // Of equals the first, which clips least.
            RangeRule::Auto => {
                let better = |best: (RangeRule, f64), next: &(RangeRule, f64)| {
                    if next.1 > best.1 + 1e-9 { *next } else { best }
                };
                sqnr_db.iter().fold((RangeRule::MinMax, f64::NEG_INFINITY), better).0
            }
            fixed => fixed,
        };
        CalibratedRange { range: by(rule), rule, sqnr_db: sqnr_db.to_vec() }
    }

    /// Leaves out as many values at either end as [`HELD`] allows both together.
    fn percentile(&self) -> ActivationRange {
        let total: u64 = self.counts.iter().sum();
        let spare = ((1.0 - HELD) / 2.0 * total as f64) as u64;
        let inward = |bins: &[usize]| -> usize {
            let mut passed = 0;
            let mut beyond = |bin: &&usize| {
                passed += self.counts[**bin];
                passed > spare
            };
            bins.iter().find(|bin| beyond(bin)).copied().unwrap_or(0)
        };
        let (up, down): (Vec<usize>, Vec<usize>) = ((0..BINS).collect(), (0..BINS).rev().collect());
        let (low, high) = (inward(&up), inward(&down));
        let bound = |bin: usize| (f64::from(self.whole.low) + bin as f64 * self.width) as f32;
        ActivationRange { low: bound(low).min(0.0), high: bound(high + 1).max(0.0) }
    }

    /// The range that costs least: ends are moved one after the other, twice each.
    fn least(&self, cost: &dyn Fn(ActivationRange) -> f64) -> ActivationRange {
        let mut best = (cost(self.whole), self.whole);
        for _ in 0..2 {
            for lower in [false, true] {
                for step in 0..=STEPS {
                    let share = 0.25 + 0.75 * step as f32 / STEPS as f32;
                    let range = match lower {
                        true => ActivationRange { low: self.whole.low * share, ..best.1 },
                        false => ActivationRange { high: self.whole.high * share, ..best.1 },
                    };
                    let found = cost(range);
                    if found < best.0 {
                        best = (found, range);
                    }
                }
            }
        }
        best.1
    }

    /// Squared error of all values on the grid of a range.
    fn error(&self, range: ActivationRange) -> f64 {
        let affine = AffineQuantizer::covering(range);
        let off = |(bin, count): (usize, &u64)| {
            let value = self.centre(bin);
            *count as f64 * (f64::from(affine.fake_quantize(value as f32)) - value).powi(2)
        };
        self.counts.iter().enumerate().filter(|(_, count)| **count > 0).map(off).sum()
    }

    fn sqnr_db(&self, range: ActivationRange) -> f64 {
        let counts = self.counts.iter().enumerate();
        let power: f64 = counts.map(|(bin, c)| *c as f64 * self.centre(bin).powi(2)).sum();
        10.0 * (power / self.error(range).max(f64::MIN_POSITIVE)).max(f64::MIN_POSITIVE).log10()
    }

    /// Kullback-Leibler divergence of the clipped values from the same in [`LEVELS`] levels.
    ///
    /// Source: S. Migacz, 8-bit inference with TensorRT, GTC 2017.
    fn divergence(&self, range: ActivationRange) -> f64 {
        let (first, last) = (self.bin_of(range.low), self.bin_of(range.high));
        if last - first + 1 < LEVELS {
            return f64::INFINITY;
        }
        let mut clipped: Vec<f64> = self.counts[first..=last].iter().map(|c| *c as f64).collect();
        let inside = clipped.clone();
        clipped[0] += self.counts[..first].iter().sum::<u64>() as f64;
        if let Some(end) = clipped.last_mut() {
            *end += self.counts[last + 1..].iter().sum::<u64>() as f64;
        }
        let total: f64 = clipped.iter().sum();
        let within: f64 = inside.iter().sum();
        let (bins, mut found) = (clipped.len(), 0.0);
        for level in 0..LEVELS {
            let span = level * bins / LEVELS..(level + 1) * bins / LEVELS;
            let filled = inside[span.clone()].iter().filter(|c| **c > 0.0).count() as f64;
            let mean = inside[span.clone()].iter().sum::<f64>() / filled.max(1.0);
            for bin in span.filter(|bin| clipped[*bin] > 0.0) {
                let p = clipped[bin] / total;
                // What was clipped to an end where nothing was before has no likeness at all.
                let q = if inside[bin] > 0.0 { mean / within } else { 1e-9 };
                found += p * (p / q).ln();
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums of uniform numbers, and one far away.
    fn with_outlier() -> ActivationHistogram {
        use rand::RngExt;
        let mut rng = paring_core::stats::generator(5, "ranges");
        let mut one = || (0..4).map(|_| rng.random::<f32>() - 0.5).sum::<f32>();
        let values: Vec<f32> = (0..20_000).map(|_| one()).chain([40.0]).collect();
        let mut histogram = ActivationHistogram::new(ActivationRange { low: -2.0, high: 40.0 });
        values.iter().for_each(|v| histogram.add(*v));
        histogram
    }

    #[test]
    fn an_outlier_is_cut_off_by_all_but_minmax() {
        let histogram = with_outlier();
        let high = |rule| histogram.choose(rule).range.high;
        assert_eq!(high(RangeRule::MinMax), 40.0);
        assert!(high(RangeRule::Percentile) < 4.0);
        assert!(high(RangeRule::Entropy) <= 40.0);
        assert!(high(RangeRule::Mse) <= 40.0);
    }

    #[test]
    fn auto_is_never_noisier_than_any_rule() {
        let auto = with_outlier().choose(RangeRule::Auto);
        let best = auto.sqnr_db.iter().map(|(_, db)| *db).fold(f64::NEG_INFINITY, f64::max);
        let own = auto.sqnr_db.iter().find(|(rule, _)| *rule == auto.rule).unwrap().1;
        assert_eq!(own, best);
    }

    #[test]
    fn a_constant_keeps_its_range() {
        let chosen = ActivationHistogram::new(ActivationRange { low: 0.0, high: 0.0 })
            .choose(RangeRule::Auto);
        assert_eq!(chosen.range, ActivationRange { low: 0.0, high: 0.0 });
    }
}
