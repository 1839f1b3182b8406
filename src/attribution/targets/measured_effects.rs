//! Measured effects of groups on latency, memory and energy: the variant beside all but each group of
//! it.

use crate::attribution::experiments::{AblationStudy, ExperimentPlan};
use crate::attribution::shapley::{CoalitionContrast, GroupCoalition};
use crate::pipeline::VariantMeasurement;
use paring_core::schema::{
    ConfidenceInterval, DecisionGroup, Effect, FileName, Measurement, MetricTotal, MissingReason,
    SpeedSummary, VariantRecord,
};
use paring_core::stats;
use std::collections::BTreeMap;

/// Of so many groups all sets are measured.
const FEW_GROUPS: usize = 3;

/// A set of groups as a variant to measure.
#[derive(Clone, Debug)]
pub struct MeasurableCoalition {
    /// The set.
    pub set: GroupCoalition,
    /// Its record: the name is its own among the sets, the file is in the folder of experiments.
    pub record: VariantRecord,
}

impl AblationStudy<'_> {
    /// The variant, the baseline, and all but each group, as variants whose files are kept; of few
    /// groups also each alone, and so all sets. The variant is the first, as what the others are paired
    /// with.
    pub fn measurable(&self, variant: &VariantRecord) -> Vec<MeasurableCoalition> {
        let count = self.groups.len();
        let all = GroupCoalition::full(count);
        let others = (0..count).map(|group| all.without(group));
        let alone = (0..count).map(GroupCoalition::of).filter(|_| count <= FEW_GROUPS);
        let mut found: Vec<MeasurableCoalition> = Vec::new();
        for set in [all].into_iter().chain(others).chain([GroupCoalition::EMPTY]).chain(alone) {
            let Some(experiment) = self.table.experiment(0, set) else { continue };
            if found.iter().any(|known| known.set == set) || !experiment.kept {
                continue;
            }
            let undone: Vec<&str> =
                all.less(set).groups().map(|g| self.groups[g].id.as_str()).collect();
            let whole = set == all;
            let without = || format!("{} without {}", variant.name, undone.join(", "));
            let Ok(file) = FileName::try_from(format!("{}.onnx", experiment.file_sha256)) else {
                continue;
            };
            let record = VariantRecord {
                name: if whole { variant.name.clone() } else { without() },
                variant_id: VariantRecord::identity(&experiment.file_sha256, &experiment.options),
                file,
                file_sha256: experiment.file_sha256.clone(),
                file_bytes: experiment.file_bytes,
                options: experiment.options.clone(),
                parent: (!whole).then(|| variant.name.clone()),
                ..variant.clone()
            };
            found.push(MeasurableCoalition { set, record });
        }
        found
    }

    /// The effects that the measurements of these variants show, one a group and metric, and the totals;
    /// they were taken on `target`, one of each variant.
    pub fn measured(
        &self,
        measurable: &[MeasurableCoalition],
        measurements: &[VariantMeasurement],
        target: &str,
    ) -> (Vec<Effect>, Vec<MetricTotal>) {
        let (plan, count) = (&self.plan, self.groups.len());
        let sets: Vec<GroupCoalition> = measurable.iter().map(|variant| variant.set).collect();
        let names = measurable.iter().map(|variant| (variant.set, variant.record.name.as_str()));
        let taken = by_set(names, measurements);
        let taken = CoalitionMeasurements { sets, taken, target, plan, count };
        let (mut effects, mut totals) = (Vec::new(), Vec::new());
        for quantity in MeasuredQuantity::ALL {
            let own = self.groups.iter().enumerate();
            effects.extend(own.map(|(position, group)| taken.effect(quantity, position, group)));
            totals.extend(taken.total(quantity));
        }
        (effects, totals)
    }

    /// The same effects where nothing was measured, and why.
    pub fn unmeasured(&self, target: &str, why: &str) -> Vec<Effect> {
        let of = |quantity: MeasuredQuantity| {
            self.groups.iter().map(move |group| Effect {
                missing: Some(MissingReason(why.into())),
                ..Effect::unknown(&group.id, quantity.metric(), Some(target), quantity.unit())
            })
        };
        MeasuredQuantity::ALL.into_iter().flat_map(of).collect()
    }
}

/// A quantity that is measured of a variant on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MeasuredQuantity {
    Latency,
    PeakRss,
    PeakHeap,
    Energy,
}

impl MeasuredQuantity {
    const ALL: [MeasuredQuantity; 4] = [
        MeasuredQuantity::Latency,
        MeasuredQuantity::PeakRss,
        MeasuredQuantity::PeakHeap,
        MeasuredQuantity::Energy,
    ];

    fn metric(self) -> &'static str {
        match self {
            MeasuredQuantity::Latency => "latency",
            MeasuredQuantity::PeakRss => "peak_rss_bytes",
            MeasuredQuantity::PeakHeap => "peak_heap_bytes",
            MeasuredQuantity::Energy => "energy_per_inference",
        }
    }

    fn unit(self) -> &'static str {
        match self {
            MeasuredQuantity::Latency => "ns",
            MeasuredQuantity::PeakRss | MeasuredQuantity::PeakHeap => "bytes",
            MeasuredQuantity::Energy => "uj",
        }
    }

    fn method(self) -> &'static str {
        match self {
            MeasuredQuantity::Latency => "paired blocks of fresh processes, 99 % interval",
            MeasuredQuantity::PeakRss | MeasuredQuantity::PeakHeap => {
                "medians of fresh processes, 99 % interval of their difference"
            }
            MeasuredQuantity::Energy => {
                "energy windows of fresh processes, interval of their difference"
            }
        }
    }

    /// Its value of one variant.
    fn of(self, measurement: &Measurement) -> Result<ConfidenceInterval, MissingReason> {
        let known = |value: Option<ConfidenceInterval>| {
            value.ok_or_else(|| MissingReason("no block says how much memory was in use".into()))
        };
        let latency = || measurement.latency.as_ref().map_err(Clone::clone);
        match self {
            MeasuredQuantity::Latency => latency().map(|l| l.p50_ns),
            MeasuredQuantity::PeakRss => latency().and_then(|l| known(l.peak_rss)),
            MeasuredQuantity::PeakHeap => latency().and_then(|l| known(l.peak_heap)),
            MeasuredQuantity::Energy => {
                measurement.energy.as_ref().map(|e| e.per_inference_uj).map_err(Clone::clone)
            }
        }
    }
}

/// Measurements of the variant, the baseline and all but each group.
struct CoalitionMeasurements<'a> {
    /// Sets that were to be measured.
    sets: Vec<GroupCoalition>,
    /// Measurements of those that were.
    taken: BTreeMap<GroupCoalition, &'a Measurement>,
    target: &'a str,
    plan: &'a ExperimentPlan,
    count: usize,
}

impl CoalitionMeasurements<'_> {
    fn own(&self, set: GroupCoalition) -> Result<&Measurement, MissingReason> {
        let found = self.taken.get(&set).copied();
        found.ok_or_else(|| MissingReason("this variant was not measured".into()))
    }

    /// The variant's value less that of another set.
    fn change(
        &self,
        quantity: MeasuredQuantity,
        set: GroupCoalition,
    ) -> Result<ConfidenceInterval, MissingReason> {
        let (whole, other) = (self.own(GroupCoalition::full(self.count))?, self.own(set)?);
        let value = quantity.of(whole)?;
        match quantity {
            MeasuredQuantity::Latency => {
                Ok(saved(value.value, other.speed.as_ref().map_err(Clone::clone)?))
            }
            _ => Ok(stats::zou_donner_difference(quantity.of(other)?, value)),
        }
    }

    /// The value of a form whose weights add up to 0, from the changes between the whole and each set;
    /// their errors as if none had to do with another's.
    fn of(
        &self,
        quantity: MeasuredQuantity,
        form: &CoalitionContrast,
    ) -> Result<ConfidenceInterval, MissingReason> {
        let mut changes = Vec::new();
        for (set, weight) in
            form.terms().filter(|(set, _)| *set != GroupCoalition::full(self.count))
        {
            changes.push((-weight, self.change(quantity, set)?));
        }
        Ok(weighted(&changes))
    }

    fn effect(&self, quantity: MeasuredQuantity, position: usize, group: &DecisionGroup) -> Effect {
        let leave_one_out =
            self.of(quantity, &CoalitionContrast::leave_one_out(position, self.count));
        let solo = self.of(quantity, &CoalitionContrast::solo(position));
        let form = self.plan.exact_shapley_value(position, &self.sets);
        let shapley = match form {
            None => Err(MissingReason(
                "not all sets of groups were measured: there are too many".into(),
            )),
            Some(form) => self.of(quantity, &form),
        };
        // Where nothing is known the cause is of interest, not that a sum lacks a part.
        let missing = leave_one_out.as_ref().err().or(shapley.as_ref().err()).cloned();
        Effect {
            solo: solo.ok(),
            leave_one_out: leave_one_out.ok(),
            shapley: shapley.ok(),
            method: quantity.method().into(),
            missing,
            ..Effect::unknown(&group.id, quantity.metric(), Some(self.target), quantity.unit())
        }
    }

    fn total(&self, quantity: MeasuredQuantity) -> Option<MetricTotal> {
        let change = self.change(quantity, GroupCoalition::EMPTY).ok()?;
        let variant = quantity.of(self.own(GroupCoalition::full(self.count)).ok()?).ok()?.value;
        Some(MetricTotal {
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
            unsound: None,
        })
    }
}

/// The measurement of every set whose variant, by name, has one.
fn by_set<'a, 'b>(
    names: impl Iterator<Item = (GroupCoalition, &'b str)>,
    measurements: &'a [VariantMeasurement],
) -> BTreeMap<GroupCoalition, &'a Measurement> {
    let found = names.filter_map(|(set, name)| {
        let own = measurements.iter().find(|one| one.variant == name)?;
        Some((set, &own.measurement))
    });
    found.collect()
}

/// Σ weight · value of independent values.
fn weighted(parts: &[(f64, ConfidenceInterval)]) -> ConfidenceInterval {
    let value: f64 = parts.iter().map(|(weight, part)| weight * part.value).sum();
    let reach = |towards: f64| {
        let one = |(weight, part): &(f64, ConfidenceInterval)| match weight * towards > 0.0 {
            true => weight * (part.high - part.value),
            false => weight * (part.low - part.value),
        };
        parts.iter().map(|part| one(part).powi(2)).sum::<f64>().sqrt()
    };
    ConfidenceInterval { value, low: value - reach(-1.0), high: value + reach(1.0) }
}

/// Time of the whole less time of another, from the time of the whole and the other's speed-up over
/// it.
fn saved(whole_ns: f64, speed: &SpeedSummary) -> ConfidenceInterval {
    let of = |speedup: f64| whole_ns * (1.0 - 1.0 / speedup);
    let ConfidenceInterval { value, low, high } = speed.speedup;
    ConfidenceInterval { value: of(value), low: of(low), high: of(high) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_core::schema::{ExecutionSetting, SCHEMA, Sha256Hex, SpeedVerdict};

    #[test]
    fn a_measurement_is_of_the_variant_that_it_names() {
        let none = || MissingReason("not measured".into());
        // The same file and options, and so the same identity.
        let measured = |variant: &str| VariantMeasurement {
            variant: variant.into(),
            measurement: Measurement {
                schema: SCHEMA,
                variant_id: Sha256Hex::of(b"one file"),
                setting: ExecutionSetting::of_batch(1),
                latency: Err(none()),
                speed: Err(none()),
                energy: Err(none()),
                sustained: None,
                started_at: Some(variant.into()),
                invalid_reasons: vec![],
            },
        };
        let found = [measured("v without b"), measured("v")];
        let (all, without_b) = (GroupCoalition::full(2), GroupCoalition::of(0));
        let names =
            [(all, "v"), (GroupCoalition::of(1), "v without a"), (without_b, "v without b")];
        let found = by_set(names.into_iter(), &found);
        let started = |set| found.get(&set).and_then(|m| m.started_at.as_deref());
        assert_eq!(started(all), Some("v"));
        assert_eq!(started(without_b), Some("v without b"));
        assert_eq!(started(GroupCoalition::of(1)), None);
    }

    #[test]
    fn what_is_slower_without_a_group_was_saved_by_it() {
        let speed = SpeedSummary {
            blocks: 10,
            speedup: ConfidenceInterval { value: 0.8, low: 0.5, high: 1.0 },
            contended_speedup: None,
            quiet_share: 1.0,
            verdict: SpeedVerdict::Slower,
        };
        let found = saved(100.0, &speed);
        assert!((found.value + 25.0).abs() < 1e-9);
        assert!((found.low + 100.0).abs() < 1e-9 && found.high.abs() < 1e-9);
    }
    #[test]
    fn parts_are_weighted_with_their_errors() {
        let part = |value: f64, low: f64, high: f64| ConfidenceInterval { value, low, high };
        let one = weighted(&[(1.0, part(5.0, 4.0, 7.0))]);
        assert_eq!((one.value, one.low, one.high), (5.0, 4.0, 7.0));
        let turned = weighted(&[(-1.0, part(5.0, 4.0, 7.0))]);
        assert_eq!((turned.value, turned.low, turned.high), (-5.0, -7.0, -4.0));
        let both = weighted(&[(0.5, part(2.0, -4.0, 8.0)), (0.5, part(4.0, -4.0, 12.0))]);
        assert_eq!((both.value, both.low, both.high), (3.0, -2.0, 8.0));
    }
}
