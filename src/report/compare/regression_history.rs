//! Three runs or more: a change is flagged when it is larger than what earlier ones make usual.

use super::comparison::{ComparedVariant, SpeedupSeries};
use super::sources::{ComparedSource, RowFigures};
use paring_core::stats;
use std::collections::BTreeMap;

/// Changes of a speed-up below this, in percent, are never flagged.
const LEAST_SPEEDUP_PCT: f64 = 1.0;
/// Likewise of a latency with nothing measured beside it.
const LEAST_LATENCY_PCT: f64 = 10.0;
/// A change has to be so many times what nine of ten earlier ones stayed below.
const TIMES: f64 = 3.0;
/// With fewer earlier changes of its own a variant is judged by those of all.
const OWN: usize = 5;
/// With fewer earlier changes altogether nothing is flagged.
const FEWEST: usize = 2;

/// Every comparable variant of the first source followed through all of them, the latest last.
pub(super) fn history(sources: &[ComparedSource], rows: &[ComparedVariant]) -> Vec<SpeedupSeries> {
    if sources.len() < 3 {
        return vec![];
    }
    let mut followed: BTreeMap<(String, String), Vec<Option<&RowFigures>>> = BTreeMap::new();
    let mut order = Vec::new();
    for row in rows {
        let (Some(before), Some(after)) = (&row.before, &row.after) else { continue };
        let key = (row.label(), before.target.clone());
        let line = followed.entry(key.clone()).or_insert_with(|| {
            order.push(key);
            let mut line = vec![None; sources.len()];
            line[0] = Some(before).filter(|b| b.valid);
            line
        });
        line[row.source] = Some(after).filter(|_| row.not_comparable.is_empty());
    }
    let lines: Vec<_> = order.iter().filter_map(|key| Some((key, followed.get(key)?))).collect();
    let values = |line: &[Option<&RowFigures>]| -> (bool, Vec<Option<f64>>) {
        let baseline = line.iter().flatten().all(|f| f.baseline);
        let value = |f: &&RowFigures| {
            let found = if baseline { f.latency_ns } else { f.speedup };
            found.map(|interval| interval.value)
        };
        (baseline, line.iter().map(|f| f.as_ref().and_then(value)).collect())
    };
    let all: Vec<(bool, Vec<Option<f64>>)> = lines.iter().map(|(_, line)| values(line)).collect();
    let series = lines.iter().zip(&all);
    series
        .filter_map(|((key, _), (baseline, values))| judged(key, *baseline, values, &all))
        .collect()
}

fn judged(
    (variant, target): &(String, String),
    baseline: bool,
    values: &[Option<f64>],
    all: &[(bool, Vec<Option<f64>>)],
) -> Option<SpeedupSeries> {
    values.last()?.as_ref()?;
    let mut own = changes_pct(values, baseline);
    let last_pct = own.pop()?;
    if own.len() < OWN {
        let others = all.iter().filter(|(kind, _)| *kind == baseline);
        own = others
            .flat_map(|(_, values)| {
                let mut changes = changes_pct(values, baseline);
                // The last run is judged, it does not judge.
                if values.last().is_some_and(Option::is_some) {
                    changes.pop();
                }
                changes
            })
            .collect();
    }
    let sizes: Vec<f64> = own.iter().map(|change| change.abs()).collect();
    let usual = stats::quantile(&sizes, 0.9).unwrap_or(0.0);
    let least = if baseline { LEAST_LATENCY_PCT } else { LEAST_SPEEDUP_PCT };
    let threshold_pct = (TIMES * usual).max(least);
    Some(SpeedupSeries {
        variant: variant.clone(),
        target: target.clone(),
        figure: if baseline { "latency_p50_ns" } else { "speedup" },
        values: values.to_vec(),
        last_pct,
        threshold_pct,
        changes: sizes.len(),
        flagged: sizes.len() >= FEWEST && last_pct.abs() >= threshold_pct,
    })
}

/// Changes from one run to the next that has a value, in percent; above 0 is faster.
fn changes_pct(values: &[Option<f64>], baseline: bool) -> Vec<f64> {
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    let change = |pair: &[f64]| {
        let ratio = if baseline { pair[0] / pair[1] } else { pair[1] / pair[0] };
        100.0 * (ratio - 1.0)
    };
    known.windows(2).map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn flags(values: &[f64], expected: bool) {
        let values: Vec<Option<f64>> = values.iter().map(|v| Some(*v)).collect();
        let all = [(false, values.clone())];
        let key = ("v".to_string(), "host".to_string());
        assert_eq!(judged(&key, false, &values, &all).unwrap().flagged, expected);
    }

    #[test]
    fn a_change_is_flagged_only_beyond_three_times_the_usual() {
        flags(&[1.20, 1.21, 1.20, 1.21, 1.19], false);
        flags(&[1.20, 1.21, 1.20, 1.21, 1.15], true);
        flags(&[1.20, 1.205, 1.204, 1.202, 1.195], false);
        // One earlier change is no history.
        flags(&[1.2, 1.2, 1.0], false);
        flags(&[1.2, 1.2, 1.2, 1.0], true);
    }
}
