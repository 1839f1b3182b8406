//! Requirements applied to the rows of a run: a verdict for each variant, requirement, part, target and
//! setting.

use super::deciding_count::{deciding_count, verdict_of};
use super::gate_row::GateRow;
use super::observation::Observation;
use super::quality_figures::quality_observations;
use super::target_figures::{size_observation, target_observation};
use paring_core::schema::{
    ExecutionSetting, GateCell, GateRecord, GateVerdict, RequiredBound, RequiredFigure,
    Requirement, SCHEMA, Sha256Hex, VariantRecord, VariantVerdict,
};

/// Verdicts on all variants but the baseline, in the order of the rows.
pub fn judge(requirements: &[Requirement], rows: &[GateRow]) -> Vec<GateCell> {
    let baseline = rows.iter().find(|row| row.variant.parent.is_none()).map(|row| row.variant);
    let mut cells = Vec::new();
    for variant in variants(rows) {
        let own: Vec<&GateRow> =
            rows.iter().filter(|row| row.variant.name == variant.name).collect();
        for (position, requirement) in requirements.iter().enumerate() {
            let Some(bound) = requirement.bound() else { continue };
            let found = match requirement.metric.is_measured() {
                true => on_targets(requirement, &own),
                false => vec![(None, once(requirement, variant, baseline, &own))],
            };
            for (place, observations) in found {
                let blank = GateCell {
                    variant: variant.name.clone(),
                    requirement: position,
                    label: requirement.to_string(),
                    part: None,
                    target: place.map(|(target, _)| target.to_string()),
                    setting: place.and_then(|(_, setting)| setting),
                    verdict: GateVerdict::Undecided,
                    observed: None,
                    level: None,
                    bound: bound.value(),
                    reason: None,
                    deciding: None,
                };
                cells.extend(observations.into_iter().map(|found| judged(&blank, bound, found)));
            }
        }
    }
    cells
}

/// The same as a record, with the verdict on each variant as a whole.
pub fn gate_record(
    requirements: &[Requirement],
    rows: &[GateRow],
    gate_sha256: &Sha256Hex,
    run_id: &str,
) -> GateRecord {
    let cells = judge(requirements, rows);
    let each = variants(rows).into_iter().filter_map(|variant| {
        let own = cells.iter().filter(|cell| cell.variant == variant.name);
        Some(VariantVerdict {
            variant: variant.name.clone(),
            variant_id: variant.variant_id.clone(),
            verdict: GateVerdict::worst(own.map(|cell| cell.verdict))?,
        })
    });
    let (gate_sha256, run_id) = (gate_sha256.clone(), run_id.to_string());
    GateRecord { schema: SCHEMA, gate_sha256, run_id, variants: each.collect(), cells }
}

/// The cells that speak of a row: those of its target and setting, and those of the variant anywhere.
pub fn row_cells<'a>(cells: &'a [GateCell], row: &GateRow) -> impl Iterator<Item = &'a GateCell> {
    let (name, target) = (row.variant.name.clone(), row.target.to_string());
    let setting = row.measurement.setting;
    cells.iter().filter(move |cell| {
        cell.variant == name
            && cell.target.as_ref().is_none_or(|own| *own == target)
            && cell.setting.is_none_or(|own| own == setting)
    })
}

/// The worst verdict on a row; `None` of the baseline, or without requirements.
pub fn row_verdict(cells: &[GateCell], row: &GateRow) -> Option<GateVerdict> {
    GateVerdict::worst(row_cells(cells, row).map(|cell| cell.verdict))
}

/// The cells of a row that do not pass.
pub fn unmet_cells<'a>(cells: &'a [GateCell], row: &GateRow) -> impl Iterator<Item = &'a GateCell> {
    row_cells(cells, row).filter(|cell| cell.verdict != GateVerdict::Pass)
}

/// The variants of rows but the baseline, each once.
fn variants<'a>(rows: &[GateRow<'a>]) -> Vec<&'a VariantRecord> {
    let mut all: Vec<&VariantRecord> = Vec::new();
    for row in rows.iter().filter(|row| row.variant.parent.is_some()) {
        if all.iter().all(|known| known.name != row.variant.name) {
            all.push(row.variant);
        }
    }
    all
}

/// A target and a setting; neither of a figure that is the same on all of them.
type Place<'a> = Option<(&'a str, Option<ExecutionSetting>)>;

/// Figures that each target and setting has a value of.
fn on_targets<'a>(
    requirement: &'a Requirement,
    rows: &[&GateRow<'a>],
) -> Vec<(Place<'a>, Vec<Observation>)> {
    let wanted = |row: &&&GateRow| {
        let setting = row.measurement.setting;
        requirement.target.as_ref().is_none_or(|target| target == row.target)
            && requirement.batch.is_none_or(|batch| batch == setting.batch)
            && requirement.threads.is_none_or(|threads| threads == setting.threads)
            && requirement.streams.is_none_or(|streams| streams == setting.streams)
    };
    let each = rows.iter().filter(wanted).map(|row| {
        let place = Some((row.target, Some(row.measurement.setting)));
        (place, vec![target_observation(requirement.metric, row)])
    });
    let found: Vec<_> = each.collect();
    if found.is_empty() {
        let missing = Observation::missing("it was not measured there in this run");
        return vec![(requirement.target.as_deref().map(|target| (target, None)), vec![missing])];
    }
    found
}

/// Figures that are the same on all targets.
fn once(
    requirement: &Requirement,
    variant: &VariantRecord,
    baseline: Option<&VariantRecord>,
    rows: &[&GateRow],
) -> Vec<Observation> {
    let figure = requirement.metric;
    if figure.metric().is_none() && figure != RequiredFigure::SliceSpread {
        return vec![size_observation(figure, variant, baseline)];
    }
    match rows.iter().find_map(|row| row.evaluation) {
        Some(evaluation) => quality_observations(requirement, evaluation),
        None => {
            let reason = rows.iter().find_map(|row| row.evaluation_missing);
            let reason = reason.map_or("it was not evaluated", |reason| &reason.0);
            vec![Observation::missing(reason)]
        }
    }
}

/// A cell with what was observed, and the verdict on it.
fn judged(blank: &GateCell, bound: RequiredBound, observation: Observation) -> GateCell {
    let Observation { part, interval, level, counted, doubt } = observation;
    let verdict = match (&interval, &doubt) {
        (Ok(interval), None) => verdict_of(*interval, bound),
        _ => GateVerdict::Undecided,
    };
    let more_would_do = doubt.as_ref().is_none_or(|doubt| doubt.more_would_do);
    let deciding = match (&interval, counted) {
        (Ok(interval), Some((unit, at_hand)))
            if verdict == GateVerdict::Undecided && more_would_do =>
        {
            Some(deciding_count(*interval, bound, unit, at_hand))
        }
        _ => None,
    };
    GateCell {
        part,
        verdict,
        reason: doubt.map(|doubt| doubt.reason).or_else(|| interval.as_ref().err().cloned()),
        observed: interval.ok(),
        level,
        deciding,
        ..blank.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_core::schema::{
        ConfidenceInterval, Evaluation, Measurement, Metric, MetricScore, MissingReason,
        RequiredClass, SliceScore, SpeedSummary, SpeedVerdict, TaskKind,
    };
    use paring_core::stats::{SamplingDesign, bonett_price_interval, wilson_interval};

    fn variant(name: &str, parent: Option<&str>) -> VariantRecord {
        let root = env!("CARGO_MANIFEST_DIR");
        let path = format!("{root}/tests/fixtures/run-of-format-1/run/variants/half.json");
        let text = std::fs::read_to_string(path).unwrap();
        let record: VariantRecord = serde_json::from_str(&text).unwrap();
        VariantRecord { name: name.into(), parent: parent.map(str::to_string), ..record }
    }

    /// 180 of 200 right, 12 lost and 4 won; slices with 90, 80 and 70 of 100 right.
    fn evaluation() -> Evaluation {
        let id = Sha256Hex::zeros();
        let mut found = Evaluation::empty(id, TaskKind::Classification, Metric::Accuracy, 200);
        let shares = [vec![-1.0; 12], vec![1.0; 4], vec![0.0; 184]].concat();
        let change = bonett_price_interval(&shares, SamplingDesign::Independent);
        let value = wilson_interval(180, 200).unwrap();
        found.metrics.insert(Metric::Accuracy, MetricScore { value, change });
        let slice = |value: &str, right| SliceScore {
            column: "ward".into(),
            value: value.into(),
            samples: 100,
            metrics: [(
                Metric::Accuracy,
                MetricScore { value: wilson_interval(right, 100).unwrap(), change: None },
            )]
            .into(),
            flips: None,
            p_adjusted: None,
        };
        found.slices = vec![slice("a", 90), slice("b", 80), slice("c", 70)];
        found
    }

    fn measurement(low: f64, value: f64, high: f64, blocks: usize) -> Measurement {
        let none = || MissingReason("not measured".into());
        Measurement {
            schema: SCHEMA,
            variant_id: Sha256Hex::zeros(),
            setting: ExecutionSetting::of_batch(1),
            latency: Err(none()),
            speed: Ok(SpeedSummary {
                blocks,
                speedup: ConfidenceInterval { value, low, high },
                contended_speedup: None,
                quiet_share: 1.0,
                verdict: SpeedVerdict::Faster,
            }),
            energy: Err(none()),
            sustained: None,
            started_at: None,
            invalid_reasons: vec![],
        }
    }

    fn of(metric: &str, bound: RequiredBound) -> Requirement {
        Requirement::new(metric.parse().unwrap(), bound)
    }

    /// The cells of one requirement on a variant, measured on `host` and emulated.
    fn cells(requirement: &Requirement, measured: &Measurement) -> Vec<GateCell> {
        let (baseline, own) = (variant("baseline", None), variant("half", Some("baseline")));
        let evaluation = evaluation();
        let row = |variant, target, emulated| GateRow {
            variant,
            evaluation: Some(&evaluation),
            evaluation_missing: None,
            target,
            emulated,
            measurement: measured,
        };
        let rows = [row(&baseline, "host", false), row(&own, "host", false), row(&own, "pi", true)];
        judge(std::slice::from_ref(requirement), &rows)
    }

    fn quality(metric: &str, bound: RequiredBound) -> GateCell {
        let measured = measurement(1.1, 1.2, 1.3, 10);
        let [cell] = cells(&of(metric, bound), &measured).try_into().unwrap();
        assert_eq!((cell.variant.as_str(), &cell.target), ("half", &None));
        cell
    }

    #[test]
    fn a_drop_is_judged_by_the_paired_interval_s_end() {
        // Bonett and Price of 12 lost and 4 won of 200: a drop of 0.04 (−0.0012 to 0.0804).
        let open = quality("accuracy_drop", RequiredBound::AtMost(0.05));
        let interval = open.observed.unwrap();
        assert!((interval.value - 0.04).abs() < 1e-12 && (interval.high - 0.080_406).abs() < 1e-6);
        assert_eq!((open.verdict, open.level), (GateVerdict::Undecided, Some(0.95)));
        // 200 · (0.0404055 / 0.01)² = 3265.2.
        let deciding = open.deciding.unwrap();
        assert_eq!((deciding.at_hand, deciding.needed), (200, Some(3_266)));
        let kept = quality("accuracy_drop", RequiredBound::AtMost(0.081));
        assert_eq!((kept.verdict, kept.deciding), (GateVerdict::Pass, None));
        let broken = quality("accuracy_drop", RequiredBound::AtMost(-0.01));
        assert_eq!(broken.verdict, GateVerdict::Fail);
    }

    #[test]
    fn a_spread_keeps_its_bound_where_every_pair_does() {
        // 90 against 70 of 100 by Wilson and Zou-Donner: 0.2, 0.0900 to 0.3058; the lower end stretched
        // by z(1 − 0.025/3) / z(0.975) = 1.2214 for three pairs: 0.0656.
        let open = quality("slice_spread", RequiredBound::AtMost(0.25));
        let interval = open.observed.unwrap();
        assert!((interval.value - 0.2).abs() < 1e-12, "{interval:?}");
        assert!((interval.low - 0.065_644).abs() < 1e-4, "{interval:?}");
        assert!((interval.high - 0.305_789).abs() < 1e-4, "{interval:?}");
        assert_eq!(open.part.as_deref(), Some("ward"));
        assert_eq!(quality("slice_spread", RequiredBound::AtMost(0.31)).verdict, GateVerdict::Pass);
        assert_eq!(quality("slice_spread", RequiredBound::AtMost(0.06)).verdict, GateVerdict::Fail);
    }

    #[test]
    fn what_has_no_value_passes_nothing() {
        let missing = quality("auc", RequiredBound::AtLeast(0.1));
        assert_eq!((missing.verdict, missing.observed), (GateVerdict::Undecided, None));
        assert_eq!(missing.reason.as_deref(), Some("auc was not evaluated"));
        let every = Requirement {
            class: Some(RequiredClass::Every),
            ..of("recall", RequiredBound::AtLeast(0.5))
        };
        let found = cells(&every, &measurement(1.1, 1.2, 1.3, 10));
        assert_eq!(found[0].reason.as_deref(), Some("the evaluation has no such part"));
        let elsewhere = Requirement {
            target: Some("pi5".into()),
            ..of("speedup", RequiredBound::AtLeast(1.0))
        };
        let found = cells(&elsewhere, &measurement(1.1, 1.2, 1.3, 10));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].verdict, GateVerdict::Undecided);
    }

    #[test]
    fn sizes_are_exact_and_shares_of_the_baseline_s() {
        let same = quality("file_bytes_ratio", RequiredBound::AtMost(1.0));
        assert_eq!((same.verdict, same.level), (GateVerdict::Pass, None));
        let less = quality("file_bytes_ratio", RequiredBound::AtMost(0.99));
        assert_eq!((less.verdict, less.deciding), (GateVerdict::Fail, None));
    }

    #[test]
    fn few_blocks_bad_blocks_and_emulators_decide_nothing() {
        let faster = of("speedup", RequiredBound::AtLeast(1.05));
        let verdicts = |measured: &Measurement| -> Vec<GateVerdict> {
            cells(&faster, measured).iter().map(|cell| cell.verdict).collect()
        };
        let enough = measurement(1.1, 1.2, 1.3, 10);
        assert_eq!(verdicts(&enough), [GateVerdict::Pass, GateVerdict::Undecided]);
        let few = measurement(1.1, 1.2, 1.3, 3);
        assert_eq!(verdicts(&few), [GateVerdict::Undecided; 2]);
        assert_eq!(cells(&faster, &few)[0].deciding.unwrap().needed, Some(9));
        let bad = Measurement { invalid_reasons: vec!["throttled".into()], ..enough };
        let found = &cells(&faster, &bad)[0];
        assert_eq!(found.reason.as_deref(), Some("throttled"));
        assert_eq!((found.verdict, found.deciding), (GateVerdict::Undecided, None));
    }
}
