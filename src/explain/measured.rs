//! What groups bought in time, measured: the variant paired with all but each group of it.

use super::{Coalition, Investigation};
use crate::record::{
    Effect, Group, Interval, Measurement, Missing, SpeedSummary, Total, VariantRecord,
};

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

    /// The effects that these measurements show, one a group, and the total. `target` is where they
    /// were taken.
    pub fn measured(
        &self,
        measurable: &Measurable,
        measurements: &[Measurement],
        target: &str,
    ) -> (Vec<Effect>, Option<Total>) {
        let count = self.groups.len();
        let own = |set: Coalition| {
            let position = measurable.sets.iter().position(|s| *s == set)?;
            measurements.get(position)
        };
        let whole = Coalition::full(count);
        let solo = own(whole).and_then(|m| m.latency.as_ref().ok()).map(|l| l.p50_ns.value);
        let change = |set: Coalition| -> Result<Interval, Missing> {
            let why = || Missing("the variant's own latency was not measured".into());
            let measured = own(set).ok_or_else(why)?;
            Ok(saved(solo.ok_or_else(why)?, measured.speed.as_ref().map_err(Clone::clone)?))
        };
        let effects = (0..count).map(|group| {
            let found = change(whole.without(group));
            effect(&self.groups[group], target, found)
        });
        let total = change(Coalition::EMPTY).ok().zip(solo).map(|(change, solo)| Total {
            metric: "latency".into(),
            of: None,
            target: Some(target.into()),
            unit: "ns".into(),
            samples: None,
            baseline: solo - change.value,
            variant: solo,
            change,
            left_over: None,
        });
        (effects.collect(), total)
    }
}

/// Time of the whole less time of another, from the time of the whole and the other's speed-up over
/// it.
fn saved(whole_ns: f64, speed: &SpeedSummary) -> Interval {
    let of = |speedup: f64| whole_ns * (1.0 - 1.0 / speedup);
    let Interval { value, low, high } = speed.speedup;
    Interval { value: of(value), low: of(low), high: of(high) }
}

fn effect(group: &Group, target: &str, found: Result<Interval, Missing>) -> Effect {
    let missing = found.as_ref().err().cloned();
    let only = "only all but each group was measured, so there is no Shapley value";
    Effect {
        group: group.id.clone(),
        metric: "latency".into(),
        of: None,
        target: Some(target.into()),
        unit: "ns".into(),
        solo: None,
        leave_one_out: found.ok(),
        shapley: None,
        shapley_error: None,
        sampling_sd: None,
        recipe_sd: None,
        together: None,
        draws: 1,
        survives: None,
        p_value: None,
        holm: None,
        benjamini_hochberg: None,
        method: "paired blocks of fresh processes, 99 % interval".into(),
        missing: missing.or_else(|| Some(Missing(only.into()))),
    }
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
