//! What groups bought in time, memory and energy, measured: the variant beside all but each group of
//! it.

use super::{Coalition, Investigation};
use crate::record::{
    Effect, Group, Interval, Measurement, Missing, SpeedSummary, Total, VariantRecord,
};
use crate::stats;

/// Variants to measure, and which sets of groups they are: the whole first, as what the others are
/// paired with.
#[derive(Clone, Debug, Default)]
pub struct Measurable {
    /// The sets.
    pub sets: Vec<Coalition>,
    /// Their records, files in the folder of experiments.
    pub records: Vec<VariantRecord>,
}

impl Investigation<'_> {
    /// The variant, the baseline, and all but each group, as variants whose files are kept.
    pub fn measurable(&self, variant: &VariantRecord) -> Measurable {
        let count = self.groups.len();
        let all = Coalition::full(count);
        let others = (0..count).map(|group| all.without(group));
        let mut found = Measurable::default();
        for set in [all].into_iter().chain(others).chain([Coalition::EMPTY]) {
            let Some(experiment) = self.table.experiment(0, set) else { continue };
            if found.sets.contains(&set) || !experiment.kept {
                continue;
            }
            let undone: Vec<&str> =
                all.less(set).groups().map(|g| self.groups[g].id.as_str()).collect();
            let whole = set == all;
            let without = || format!("{} without {}", variant.name, undone.join(", "));
            found.sets.push(set);
            found.records.push(VariantRecord {
                name: if whole { variant.name.clone() } else { without() },
                variant_id: VariantRecord::identity(&experiment.file_sha256, &experiment.options),
                file: format!("{}.onnx", experiment.file_sha256),
                file_sha256: experiment.file_sha256.clone(),
                file_bytes: experiment.file_bytes,
                options: experiment.options.clone(),
                parent: (!whole).then(|| variant.name.clone()),
                ..variant.clone()
            });
        }
        found
    }

    /// The effects that these measurements show, one a group and metric, and the totals. `target` is
    /// where they were taken.
    pub fn measured(
        &self,
        measurable: &Measurable,
        measurements: &[Measurement],
        target: &str,
    ) -> (Vec<Effect>, Vec<Total>) {
        let taken = Taken { measurable, measurements, target, count: self.groups.len() };
        let (mut effects, mut totals) = (Vec::new(), Vec::new());
        for quantity in Quantity::ALL {
            effects.extend(self.groups.iter().enumerate().map(|(g, own)| {
                let without = Coalition::full(self.groups.len()).without(g);
                taken.effect(quantity, own, taken.change(quantity, without))
            }));
            totals.extend(taken.total(quantity));
        }
        (effects, totals)
    }

    /// The same effects where nothing was measured, and why.
    pub fn unmeasured(&self, target: &str, why: &str) -> Vec<Effect> {
        let of = |quantity: Quantity| {
            self.groups.iter().map(move |group| Effect {
                missing: Some(Missing(why.into())),
                ..Effect::unknown(&group.id, quantity.metric(), Some(target), quantity.unit())
            })
        };
        Quantity::ALL.into_iter().flat_map(of).collect()
    }
}

/// What is measured of a variant on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantity {
    Latency,
    PeakRss,
    PeakHeap,
    Energy,
}

impl Quantity {
    const ALL: [Quantity; 4] =
        [Quantity::Latency, Quantity::PeakRss, Quantity::PeakHeap, Quantity::Energy];

    fn metric(self) -> &'static str {
        match self {
            Quantity::Latency => "latency",
            Quantity::PeakRss => "peak_rss_bytes",
            Quantity::PeakHeap => "peak_heap_bytes",
            Quantity::Energy => "energy_per_inference",
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Quantity::Latency => "ns",
            Quantity::PeakRss | Quantity::PeakHeap => "bytes",
            Quantity::Energy => "uj",
        }
    }

    fn method(self) -> &'static str {
        match self {
            Quantity::Latency => "paired blocks of fresh processes, 99 % interval",
            Quantity::PeakRss | Quantity::PeakHeap => {
                "medians of fresh processes, 99 % interval of their difference"
            }
            Quantity::Energy => "energy windows of fresh processes, interval of their difference",
        }
    }

    /// Its value of one variant.
    fn of(self, measurement: &Measurement) -> Result<Interval, Missing> {
        let known = |value: Option<Interval>| {
            value.ok_or_else(|| Missing("no block says how much memory was in use".into()))
        };
        let latency = || measurement.latency.as_ref().map_err(Clone::clone);
        match self {
            Quantity::Latency => latency().map(|l| l.p50_ns),
            Quantity::PeakRss => latency().and_then(|l| known(l.peak_rss)),
            Quantity::PeakHeap => latency().and_then(|l| known(l.peak_heap)),
            Quantity::Energy => {
                measurement.energy.as_ref().map(|e| e.per_inference_uj).map_err(Clone::clone)
            }
        }
    }
}

/// Measurements of the variant, the baseline and all but each group.
struct Taken<'a> {
    measurable: &'a Measurable,
    measurements: &'a [Measurement],
    target: &'a str,
    count: usize,
}

impl Taken<'_> {
    fn own(&self, set: Coalition) -> Result<&Measurement, Missing> {
        let position = self.measurable.sets.iter().position(|s| *s == set);
        let found = position.and_then(|position| self.measurements.get(position));
        found.ok_or_else(|| Missing("this variant was not measured".into()))
    }

    /// The variant's value less that of another set.
    fn change(&self, quantity: Quantity, set: Coalition) -> Result<Interval, Missing> {
        let (whole, other) = (self.own(Coalition::full(self.count))?, self.own(set)?);
        let value = quantity.of(whole)?;
        match quantity {
            Quantity::Latency => {
                Ok(saved(value.value, other.speed.as_ref().map_err(Clone::clone)?))
            }
            _ => Ok(stats::difference(quantity.of(other)?, value)),
        }
    }

    fn effect(
        &self,
        quantity: Quantity,
        group: &Group,
        found: Result<Interval, Missing>,
    ) -> Effect {
        let only = "only all but each group was measured, so there is no Shapley value";
        let missing = found.as_ref().err().cloned().unwrap_or_else(|| Missing(only.into()));
        Effect {
            leave_one_out: found.ok(),
            method: quantity.method().into(),
            missing: Some(missing),
            ..Effect::unknown(&group.id, quantity.metric(), Some(self.target), quantity.unit())
        }
    }

    fn total(&self, quantity: Quantity) -> Option<Total> {
        let change = self.change(quantity, Coalition::EMPTY).ok()?;
        let variant = quantity.of(self.own(Coalition::full(self.count)).ok()?).ok()?.value;
        Some(Total {
            metric: quantity.metric().into(),
            of: None,
            target: Some(self.target.into()),
            unit: quantity.unit().into(),
            samples: None,
            // What stands beside the variant's own value in the same comparison.
            baseline: variant - change.value,
            variant,
            change,
            left_over: None,
        })
    }
}

/// Time of the whole less time of another, from the time of the whole and the other's speed-up over
/// it.
fn saved(whole_ns: f64, speed: &SpeedSummary) -> Interval {
    let of = |speedup: f64| whole_ns * (1.0 - 1.0 / speedup);
    let Interval { value, low, high } = speed.speedup;
    Interval { value: of(value), low: of(low), high: of(high) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Verdict;

    #[test]
    fn what_is_slower_without_a_group_was_saved_by_it() {
        let speed = SpeedSummary {
            blocks: 10,
            speedup: Interval { value: 0.8, low: 0.5, high: 1.0 },
            contended_speedup: None,
            quiet_share: 1.0,
            verdict: Verdict::Slower,
        };
        let found = saved(100.0, &speed);
        assert!((found.value + 25.0).abs() < 1e-9);
        assert!((found.low + 100.0).abs() < 1e-9 && found.high.abs() < 1e-9);
    }
}
