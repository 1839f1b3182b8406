//! Change of the speed-up between two runs, with its interval and verdict.

use super::comparison::{ChangeBasis, ComparedVariant, RowMatch, RunComparison};
use super::figures::judge_figures;
use super::regression_history::history;
use super::row_matching::{ComparisonRules, differences, pairs};
use super::sources::{ComparedSource, RowFigures, SourceKind};
use paring_agent::measure::{MIN_BLOCKS, PRACTICAL_MARGIN};
use paring_core::schema::{ConfidenceInterval, SCHEMA, SpeedVerdict};
use paring_core::stats::{self, BootstrapOptions, Z99};

/// 99 % half-width of what runs differ by of themselves, as a logarithm, where too few identical
/// variants tell.
const SPREAD: f64 = 0.01;
/// And at least, however well they happen to agree.
const LEAST_SPREAD: f64 = 0.005;
/// Identical variants, beside the one that is judged, from which the spread is told.
const ENOUGH: usize = 4;
/// The median of the absolute value of a standard normal variable.
const NORMAL_MAD: f64 = 0.674_489_750_196_1;
/// Latencies with nothing measured beside them have to differ by more than this.
const SEQUENTIAL_MARGIN: f64 = 0.25;
const INTERVALS: BootstrapOptions = BootstrapOptions { resamples: 10_000, level: 0.99, seed: 0 };

/// Compares the first source with every other; from three on the last is also held against the
/// history of all.
pub fn compare(sources: Vec<ComparedSource>, rules: &ComparisonRules) -> RunComparison {
    let mut rows = Vec::new();
    let (mut spread_pct, mut spread_rows) = (vec![None], vec![0]);
    if let Some((first, others)) = sources.split_first() {
        for (index, other) in others.iter().enumerate() {
            let mut found: Vec<ComparedVariant> = pairs(first, other)
                .into_iter()
                .map(|pair| beside(index + 1, (first, other), pair, rules))
                .collect();
            let (spread, count) = judge(&mut found);
            judge_figures(&mut found, (first, other), rules);
            spread_pct.push(Some(100.0 * spread.exp_m1()));
            spread_rows.push(count);
            rows.extend(found);
        }
    }
    let history = history(&sources, &rows);
    RunComparison { schema: SCHEMA, sources, rows, spread_pct, spread_rows, history }
}

/// Two rows side by side: how far they differ by their own intervals, or why that is not asked.
fn beside(
    source: usize,
    (first, other): (&ComparedSource, &ComparedSource),
    (matched_by, before, after): (RowMatch, Option<&RowFigures>, Option<&RowFigures>),
    rules: &ComparisonRules,
) -> ComparedVariant {
    let mut row = ComparedVariant {
        source,
        matched_by,
        before: before.cloned(),
        after: after.cloned(),
        basis: None,
        change: None,
        verdict: None,
        not_comparable: vec![],
        accepted: vec![],
        figures: vec![],
        unjudged: vec![],
    };
    let (Some(before), Some(after)) = (before, after) else {
        let which = if before.is_some() { "only in the first" } else { "not in the first" };
        row.not_comparable.push(which.into());
        return row;
    };
    if [first, other].iter().any(|s| s.kind == SourceKind::External) {
        (row.basis, row.change) = (Some(ChangeBasis::Sequential), sequential(before, after));
        let engine = if after.measurement_sha256.is_empty() { after } else { before };
        let why = format!("{} was timed by another program at another time", engine.engine);
        row.not_comparable.push(why);
        return row;
    }
    for (difference, words) in differences(before, after) {
        match rules.accepts(difference) {
            true => row.accepted.push(words),
            false => row.not_comparable.push(words),
        }
    }
    row.not_comparable.extend(unusable(before, "before"));
    row.not_comparable.extend(unusable(after, "after"));
    if before.baseline && after.baseline {
        (row.basis, row.change) = (Some(ChangeBasis::Sequential), sequential(before, after));
        return row;
    }
    if of_other_baselines((first, before), (other, after)) {
        row.not_comparable.push("the baselines that they are relative to differ".into());
    }
    (row.basis, row.change) = relative(before, after);
    row
}

/// The reason for which a row cannot be compared at all.
fn unusable(row: &RowFigures, when: &str) -> Option<String> {
    let reason = match row {
        row if !row.valid => format!("not valid: {}", row.reason),
        row if row.emulated => "emulated: not a board's speed".into(),
        row if row.baseline && row.latency_ns.is_none() => format!("no latency: {}", row.reason),
        row if row.baseline => return None,
        row if row.speedup.is_none() => format!("no speed-up: {}", row.reason),
        row if row.verdict.is_empty() => format!("a verdict needs {MIN_BLOCKS} paired blocks"),
        _ => return None,
    };
    Some(format!("{when}: {reason}"))
}

fn of_other_baselines(
    before: (&ComparedSource, &RowFigures),
    after: (&ComparedSource, &RowFigures),
) -> bool {
    let baseline = |(source, row): (&ComparedSource, &RowFigures)| {
        let mut rows = source.rows.iter();
        let found =
            rows.find(|r| r.baseline && r.target == row.target && r.setting() == row.setting());
        found.and_then(|r| r.variant_id.clone())
    };
    match (baseline(before), baseline(after)) {
        (Some(a), Some(b)) => a != b,
        _ => true,
    }
}

/// Latency before over latency after.
fn sequential(before: &RowFigures, after: &RowFigures) -> Option<ConfidenceInterval> {
    let (before, after) = (log(before.latency_ns?), log(after.latency_ns?));
    Some(exp(stats::zou_donner_difference(after, before)))
}

/// Speed-up after over speed-up before.
fn relative(
    before: &RowFigures,
    after: &RowFigures,
) -> (Option<ChangeBasis>, Option<ConfidenceInterval>) {
    let (a, b) = (&before.log_ratios, &after.log_ratios);
    if a.len() >= MIN_BLOCKS && b.len() >= MIN_BLOCKS {
        let found = stats::bootstrap_median_difference(a, b, INTERVALS);
        return (Some(ChangeBasis::Blocks), found.map(exp));
    }
    let both = before.speedup.zip(after.speedup);
    let found = both.map(|(a, b)| exp(stats::zou_donner_difference(log(a), log(b))));
    (found.map(|_| ChangeBasis::Intervals), found)
}

/// Widens every interval by what the runs differ by of themselves, so far that all of them hold
/// together, and says what can be said. Gives that spread and the number of identical variants
/// behind it.
fn judge(rows: &mut [ComparedVariant]) -> (f64, usize) {
    let identical: Vec<Option<ConfidenceInterval>> = rows
        .iter()
        .map(|row| {
            let same = row.matched_by == RowMatch::Identity && row.not_comparable.is_empty();
            let paired = row.basis != Some(ChangeBasis::Sequential) && row.accepted.is_empty();
            row.change.filter(|_| same && paired).map(log)
        })
        .collect();
    let all: Vec<ConfidenceInterval> = identical.iter().flatten().copied().collect();
    let paired =
        |row: &&ComparedVariant| row.basis != Some(ChangeBasis::Sequential) && row.change.is_some();
    let together = stats::bonferroni_factor(rows.iter().filter(paired).count());
    for (index, row) in rows.iter_mut().enumerate() {
        let Some(change) = row.change.filter(|_| row.not_comparable.is_empty()) else { continue };
        // A variant that truly changed must not excuse itself.
        let others = identical.iter().enumerate().filter(|(other, _)| *other != index);
        let others: Vec<ConfidenceInterval> = others.filter_map(|(_, change)| *change).collect();
        let (change, margin) = match row.basis {
            Some(ChangeBasis::Sequential) => (change, SEQUENTIAL_MARGIN),
            _ => {
                let wide = stats::widen_interval(log(change), spread(&others));
                (exp(stats::stretch_interval(wide, together)), PRACTICAL_MARGIN)
            }
        };
        row.change = Some(change);
        row.verdict = Some(match change {
            change if change.low > 1.0 + margin => SpeedVerdict::Faster,
            change if change.high < 1.0 / (1.0 + margin) => SpeedVerdict::Slower,
            _ => SpeedVerdict::CannotTell,
        });
    }
    (spread(&all), all.len())
}

/// Spread between runs beyond their own intervals, as a 99 % half-width: from the median absolute
/// change of identical variants, less what their intervals explain.
fn spread(changes: &[ConfidenceInterval]) -> f64 {
    if changes.len() < ENOUGH {
        return SPREAD;
    }
    let sizes: Vec<f64> = changes.iter().map(|c| c.value.abs()).collect();
    let own: Vec<f64> = changes.iter().map(|c| ((c.high - c.low) / (2.0 * Z99)).powi(2)).collect();
    let scale = stats::median(&sizes).unwrap_or(0.0) / NORMAL_MAD;
    let beyond = scale.powi(2) - stats::median(&own).unwrap_or(0.0);
    (stats::small_sample_factor(changes.len()) * Z99 * beyond.max(0.0).sqrt()).max(LEAST_SPREAD)
}

fn log(interval: ConfidenceInterval) -> ConfidenceInterval {
    let ConfidenceInterval { value, low, high } = interval;
    ConfidenceInterval { value: value.ln(), low: low.ln(), high: high.ln() }
}

fn exp(interval: ConfidenceInterval) -> ConfidenceInterval {
    let ConfidenceInterval { value, low, high } = interval;
    ConfidenceInterval { value: value.exp(), low: low.exp(), high: high.exp() }
}
