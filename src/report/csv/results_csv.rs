//! results.csv: one row a variant, target and setting; units in the names; what is missing is empty,
//! and a column says why.

use super::named_cell::NamedCell;
use crate::govern::{self, GateRow};
use crate::report::report_error::ReportError;
use crate::report::result_row::{ResultRow, RunFacts};
use crate::report::time_trends::{significant_drift, sustained_ranks};
use paring_core::schema::{
    ConfidenceInterval, EnergySummary, Evaluation, GateCell, LatencySummary, Metric, MissingReason,
    SCHEMA, SpeedSummary, SpeedVerdict,
};
use paring_core::units::{Bytes, LatencyNs};
use paring_data::CsvTable;

/// The whole file.
///
/// # Errors
/// [`ReportError`] where the encoder fails, which a buffer in memory does not.
pub fn results_csv(facts: &RunFacts, rows: &[ResultRow]) -> Result<Vec<u8>, ReportError> {
    let mut table = CsvTable::default();
    for row in results_cells(facts, rows) {
        table.record(&row)?;
    }
    table.finish().map_err(ReportError::Buffer)
}

/// The rows of the file.
pub(in crate::report) fn results_cells<'a>(
    facts: &'a RunFacts,
    rows: &'a [ResultRow],
) -> impl Iterator<Item = Vec<NamedCell>> + 'a {
    let gate_rows: Vec<GateRow> = rows.iter().map(ResultRow::gate_row).collect();
    let gate = govern::judge(&facts.requirements, &gate_rows);
    rows.iter().map(move |row| cells(facts, rows, row, &gate))
}

fn cells(
    facts: &RunFacts,
    rows: &[ResultRow],
    row: &ResultRow,
    gate: &[GateCell],
) -> Vec<NamedCell> {
    let mut all = what(facts, row);
    all.extend(place(row));
    all.extend(latency(row));
    all.extend(energy(row));
    all.extend(over_time(rows, row));
    all.extend(conditions(row));
    all.extend(quality(row));
    all.extend(governance(facts, row, gate));
    all
}

fn text<T: ToString>(value: Option<T>) -> String {
    value.map(|v| v.to_string()).unwrap_or_default()
}

fn what(facts: &RunFacts, row: &ResultRow) -> Vec<NamedCell> {
    let variant = &row.variant;
    let mix = variant.precision_mix.iter().map(|(name, share)| format!("{name}:{share:.4}"));
    vec![
        ("schema", SCHEMA.to_string()),
        ("study", facts.study.clone()),
        ("run_id", facts.run_id.clone()),
        ("variant", variant.name.clone()),
        ("variant_id", variant.variant_id.to_string()),
        ("parent", variant.parent.clone().unwrap_or_default()),
        ("recipe", variant.recipe.join("; ")),
        ("precision", variant.precision().to_string()),
        ("precision_mix", mix.collect::<Vec<_>>().join(" ")),
        ("components_removed", variant.removed_count().to_string()),
        ("components_file", format!("variants/{}.json", variant.name)),
        ("params", variant.params.to_string()),
        ("params_removed_pct", format!("{:.3}", row.params_removed_pct())),
        ("macs", text(variant.macs)),
        ("sparsity_pct", format!("{:.3}", 100.0 * variant.sparsity)),
        ("file_bytes", variant.file_bytes.to_string()),
    ]
}

fn place(row: &ResultRow) -> Vec<NamedCell> {
    let (environment, setting) = (&row.environment, row.measurement.setting);
    let blocks = row.measurement.latency.as_ref().ok();
    let governor = blocks.and_then(|l| l.governor.as_ref()).or(environment.governor.as_ref());
    vec![
        ("target", row.target.clone()),
        ("board", text(environment.board.as_ref())),
        ("arch", environment.arch.clone()),
        ("cpu", text(environment.cpu.as_ref())),
        ("gpu_unused", text(environment.unused_gpu.as_ref())),
        ("emulated", environment.emulated.to_string()),
        ("engine", environment.engine.clone()),
        ("engine_options", row.variant.options.label()),
        ("batch", setting.batch.to_string()),
        ("threads", setting.threads.to_string()),
        ("streams", setting.streams.to_string()),
        ("power_mode", text(environment.power_mode.as_ref())),
        ("governor", text(governor)),
    ]
}

fn latency(row: &ResultRow) -> Vec<NamedCell> {
    let measured = &row.measurement;
    let solo = measured.latency.as_ref().ok();
    let ns =
        |value: fn(&LatencySummary) -> Option<LatencyNs>| text(solo.and_then(value).map(|v| v.0));
    let bytes =
        |value: fn(&LatencySummary) -> Option<Bytes>| text(solo.and_then(value).map(|v| v.0));
    let p50 = |bound: fn(&ConfidenceInterval) -> f64| {
        text(solo.map(|s| LatencyNs::from_f64(bound(&s.p50_ns)).0))
    };
    let speed = measured.speed.as_ref().ok();
    let speedup = |bound: fn(&ConfidenceInterval) -> f64| match speed {
        Some(s) => format!("{:.5}", bound(&s.speedup)),
        None => String::new(),
    };
    let one_stream =
        |s: &LatencySummary| LatencyNs::from_f64(s.p50_ns.value).per_second(measured.setting.batch);
    let throughput = solo.and_then(|s| s.throughput_per_s.or_else(|| one_stream(s)));
    let MissingReason(speed_missing) =
        measured.speed.as_ref().err().cloned().unwrap_or(MissingReason(String::new()));
    let MissingReason(latency_missing) =
        measured.latency.as_ref().err().cloned().unwrap_or(MissingReason(String::new()));
    vec![
        ("blocks", text(solo.map(|s| s.blocks))),
        ("samples", text(solo.map(|s| s.samples))),
        ("latency_p50_ns", p50(|i| i.value)),
        ("latency_p50_low_ns", p50(|i| i.low)),
        ("latency_p50_high_ns", p50(|i| i.high)),
        ("latency_p90_ns", ns(|s| s.p90_ns)),
        ("latency_p99_ns", ns(|s| s.p99_ns)),
        ("latency_first_ns", ns(|s| Some(s.first_ns))),
        ("load_ns", ns(|s| Some(s.load_ns))),
        ("latency_missing", latency_missing),
        ("throughput_per_s", throughput.map(|t| format!("{t:.2}")).unwrap_or_default()),
        ("speedup", speedup(|i| i.value)),
        ("speedup_low", speedup(|i| i.low)),
        ("speedup_high", speedup(|i| i.high)),
        ("speedup_contended", contended(speed)),
        ("speedup_missing", speed_missing),
        ("verdict", verdict(speed)),
        ("peak_rss_bytes", bytes(|s| s.peak_rss_bytes)),
        ("steady_rss_bytes", bytes(|s| s.steady_rss_bytes)),
        ("peak_heap_bytes", bytes(|s| s.peak_heap_bytes)),
        ("steady_heap_bytes", bytes(|s| s.steady_heap_bytes)),
        ("model_bytes", bytes(|s| s.weights.map(|w| w.model))),
        ("packed_bytes", bytes(|s| s.weights.map(|w| w.packed))),
        ("kernels", solo.map(|s| s.kernels.join(" ")).unwrap_or_default()),
    ]
}

/// Drift where it is significant, and the long load.
fn over_time(rows: &[ResultRow], row: &ResultRow) -> Vec<NamedCell> {
    let measured = &row.measurement;
    let drift = measured.latency.as_ref().ok().and_then(|found| found.drift.as_ref());
    let (per_minute, per_degree) = drift.map(significant_drift).unwrap_or_default();
    let percent = |share: Option<f64>| share.map(|s| format!("{:.3}", 100.0 * s));
    let (load, missing) = match &measured.sustained {
        Some(Ok(load)) => (Some(load), String::new()),
        Some(Err(MissingReason(why))) => (None, why.clone()),
        None => (None, "the rules ask for no long load".into()),
    };
    let seconds = |span: Option<LatencyNs>| span.map(|s| format!("{:.1}", s.as_f64() / 1e9));
    let (first, last) = sustained_ranks(rows, row).unzip();
    let throttled = load.and_then(|l| l.throttled_at.as_ref()).map(|(at, _)| *at);
    vec![
        ("drift_per_minute_pct", text(percent(per_minute.map(|s| s.value)))),
        ("drift_per_degree_pct", text(percent(per_degree.map(|s| s.value)))),
        ("sustained_first_p50_ns", text(load.map(|l| l.first_ns.0))),
        ("sustained_last_p50_ns", text(load.map(|l| l.last_ns.0))),
        ("sustained_change_pct", text(percent(load.map(|l| l.change())))),
        ("sustained_throttled_after_s", text(seconds(throttled))),
        ("sustained_slower_after_s", text(seconds(load.and_then(|l| l.slower_from_ns)))),
        ("sustained_place_first", text(first)),
        ("sustained_place_last", text(last)),
        ("sustained_missing", missing),
    ]
}

fn conditions(row: &ResultRow) -> Vec<NamedCell> {
    let measured = &row.measurement;
    let solo = measured.latency.as_ref().ok();
    let temperature = |value: fn(&LatencySummary) -> Option<i64>| text(solo.and_then(value));
    vec![
        ("temperature_start_mc", temperature(|s| s.temperature_start_mc.map(|t| t.0))),
        ("temperature_max_mc", temperature(|s| s.temperature_max_mc.map(|t| t.0))),
        ("frequency_min_khz", text(solo.and_then(|s| s.frequency_khz).map(|f| f.0))),
        ("frequency_max_khz", text(solo.and_then(|s| s.frequency_khz).map(|f| f.1))),
        ("others_cpus", solo.and_then(|s| s.others).map(|o| format!("{o:.2}")).unwrap_or_default()),
        (
            "quiet_share_pct",
            solo.map(|s| format!("{:.1}", 100.0 * s.quiet_share)).unwrap_or_default(),
        ),
        ("valid", measured.invalid_reasons.is_empty().to_string()),
        ("invalid_reason", measured.invalid_reasons.join("; ")),
    ]
}

fn energy(row: &ResultRow) -> Vec<NamedCell> {
    let energy = &row.measurement.energy;
    let found = energy.as_ref().ok();
    let figure = |value: fn(&EnergySummary) -> f64| text(found.map(|e| format!("{:.3}", value(e))));
    let words = |value: fn(&EnergySummary) -> &String| text(found.map(value));
    vec![
        ("energy_per_inference_uj", figure(|e| e.per_inference_uj.value)),
        ("energy_low_uj", figure(|e| e.per_inference_uj.low)),
        ("energy_high_uj", figure(|e| e.per_inference_uj.high)),
        ("energy_gross_uj", figure(|e| e.gross_uj)),
        ("energy_power_mw", figure(|e| e.power.0)),
        ("energy_idle_mw", figure(|e| e.idle.0)),
        ("energy_windows", text(found.map(|e| e.windows))),
        ("energy_source", words(|e| &e.sensor.name)),
        ("energy_coverage", words(|e| &e.sensor.coverage)),
        ("energy_missing", text(energy.as_ref().err().map(|MissingReason(why)| why))),
    ]
}

fn contended(speed: Option<&SpeedSummary>) -> String {
    speed.and_then(|s| s.contended_speedup).map(|s| format!("{s:.5}")).unwrap_or_default()
}

/// The short protocol has too few blocks for one.
fn verdict(speed: Option<&SpeedSummary>) -> String {
    let enough = speed.filter(|s| s.blocks >= paring_agent::measure::MIN_BLOCKS);
    enough.map(|s| s.verdict).as_ref().map(SpeedVerdict::to_string).unwrap_or_default()
}

fn quality(row: &ResultRow) -> Vec<NamedCell> {
    let found = row.evaluation.as_ref();
    let number = |value: f64| format!("{value:.6}");
    let of = |interval: Option<ConfidenceInterval>, bound: fn(&ConfidenceInterval) -> f64| {
        interval.map(|i| number(bound(&i))).unwrap_or_default()
    };
    let value = found.and_then(|e| e.value(e.primary));
    let change = found.and_then(|e| e.change(e.primary));
    let kinds = found.and_then(|e| e.flip_kinds);
    let metric = |metric: Metric| of(found.and_then(|e| e.value(metric)), |i| i.value);
    vec![
        ("metric", text(found.map(|e| e.primary))),
        ("metric_value", of(value, |i| i.value)),
        ("metric_low", of(value, |i| i.low)),
        ("metric_high", of(value, |i| i.high)),
        ("metric_missing", metric_missing(row)),
        ("metric_change", of(change, |i| i.value)),
        ("metric_change_low", of(change, |i| i.low)),
        ("metric_change_high", of(change, |i| i.high)),
        ("accuracy", metric(Metric::Accuracy)),
        ("f1_macro", metric(Metric::F1Macro)),
        ("ece", metric(Metric::Ece)),
        ("flips", text(found.and_then(|e| e.flips))),
        ("flips_right_to_wrong", text(kinds.map(|f| f.right_to_wrong))),
        ("flips_wrong_to_right", text(kinds.map(|f| f.wrong_to_right))),
        ("flips_p_value", kinds.map(|f| format!("{:.3e}", f.p_value)).unwrap_or_default()),
        ("agreement", metric(Metric::Agreement)),
        ("unusable", text(found.map(|e| e.unusable))),
    ]
}

/// Hashes of the protocol, its verdict on the row, and the requirements that the row does not meet.
fn governance(facts: &RunFacts, row: &ResultRow, gate: &[GateCell]) -> Vec<NamedCell> {
    let own = row.gate_row();
    let unmet = govern::unmet_cells(gate, &own).map(|cell| {
        let part = cell.part.as_ref().map(|part| format!(" ({part})")).unwrap_or_default();
        format!("{}{part}: {}", cell.label, cell.verdict)
    });
    vec![
        ("data_sha256", facts.data_sha256.clone()),
        ("measurement_sha256", facts.measurement_sha256.clone()),
        ("gate", text(govern::row_verdict(gate, &own))),
        ("gate_unmet", unmet.collect::<Vec<_>>().join("; ")),
        ("agent_version", row.environment.agent_version.clone()),
        ("started_at", row.measurement.started_at.clone().unwrap_or_default()),
    ]
}

/// The reason for which the primary metric has no value.
fn metric_missing(row: &ResultRow) -> String {
    let of = |found: &Evaluation| found.missing.get(&found.primary).cloned();
    let why = row.evaluation_missing.clone().or(row.evaluation.as_ref().and_then(of));
    why.map(|MissingReason(why)| why).unwrap_or_default()
}
