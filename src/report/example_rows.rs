//! Rows of results made by hand, for tests of tables and sentences.

use super::result_row::{ResultRow, RunFacts};
use paring_core::schema::{
    ConfidenceInterval, EnergySummary, Evaluation, ExecutionSetting, InputDisturbance,
    LatencySummary, Measurement, Metric, MetricScore, MissingReason, RobustnessScore, SCHEMA,
    SensorFacts, SpeedSummary, SpeedVerdict, StepRefusal, SustainedSummary, TargetEnvironment,
    TaskKind, VariantRecord,
};
use paring_core::units::{Bytes, LatencyNs, PowerMw};

/// A value with bounds at the same distance.
fn about(value: f64, by: f64) -> ConfidenceInterval {
    ConfidenceInterval { value, low: value - by, high: value + by }
}

fn missing(why: &str) -> MissingReason {
    MissingReason(why.into())
}

/// Facts of a full run without requirements.
pub(crate) fn example_facts() -> RunFacts {
    RunFacts {
        study: "digits".into(),
        run_id: "r1".into(),
        data_sha256: "d".into(),
        measurement_sha256: "m".into(),
        quick: false,
        requirements: vec![],
    }
}

fn record(name: &str, parent: Option<&str>) -> VariantRecord {
    let root = env!("CARGO_MANIFEST_DIR");
    let path = format!("{root}/tests/fixtures/run-of-format-1/run/variants/half.json");
    let record: VariantRecord =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let recipe = parent.map(|_| "prune channels, ratio 0.5".to_string()).into_iter().collect();
    let parent = parent.map(str::to_string);
    VariantRecord { name: name.into(), parent, recipe, refusals: vec![], ..record }
}

/// A row with a speed-up and a change of accuracy, each with so wide an interval; its latency was not
/// measured.
pub(super) fn example_row(
    name: &str,
    target: &str,
    speedup: Option<f64>,
    change: f64,
) -> ResultRow {
    let variant = record(name, speedup.map(|_| "baseline"));
    let change = speedup.map(|_| about(change, 0.01));
    let score = MetricScore { value: about(0.9, 0.02), change };
    let primary = Metric::Accuracy;
    let id = variant.variant_id.clone();
    let empty = Evaluation::empty(id.clone(), TaskKind::Classification, primary, 200);
    let evaluation = Evaluation { metrics: [(primary, score)].into(), ..empty };
    let verdict = |ratio: f64| match ratio {
        ratio if ratio > 1.02 => SpeedVerdict::Faster,
        ratio if ratio < 0.98 => SpeedVerdict::Slower,
        _ => SpeedVerdict::CannotTell,
    };
    let not_measured = || missing("not measured here");
    let speed = speedup.map(|ratio| SpeedSummary {
        blocks: 10,
        speedup: about(ratio, 0.01),
        contended_speedup: None,
        quiet_share: 1.0,
        verdict: verdict(ratio),
    });
    let measurement = Measurement {
        schema: SCHEMA,
        variant_id: id,
        setting: ExecutionSetting::of_batch(1),
        latency: Err(not_measured()),
        speed: speed.ok_or_else(not_measured),
        energy: Err(not_measured()),
        sustained: None,
        started_at: None,
        invalid_reasons: vec![],
    };
    ResultRow {
        variant,
        baseline_weights: 1_000,
        evaluation: Some(evaluation),
        evaluation_missing: None,
        target: target.into(),
        environment: TargetEnvironment::default(),
        measurement,
    }
}

/// Latency and memory of a model whose median is `ns`.
fn latency(ns: f64) -> LatencySummary {
    LatencySummary {
        blocks: 10,
        samples: 9_000,
        p50_ns: about(ns, ns / 50.0),
        p90_ns: None,
        p99_ns: None,
        first_ns: LatencyNs(900_000),
        load_ns: LatencyNs(5_000_000),
        peak_rss_bytes: Some(Bytes(28_000_000)),
        steady_rss_bytes: None,
        peak_heap_bytes: None,
        steady_heap_bytes: None,
        p99: None,
        peak_rss: None,
        peak_heap: None,
        weights: None,
        drift: None,
        throughput_per_s: None,
        throughput: None,
        kernels: vec!["avx512_mmm_f32_16x12".into()],
        others: None,
        governor: None,
        frequency_khz: None,
        temperature_start_mc: None,
        temperature_max_mc: None,
        quiet_share: 0.97,
        contended: false,
        outputs_agree: true,
    }
}

/// A measured row whose median latency is `ns`.
pub(super) fn timed_row(
    name: &str,
    target: &str,
    ns: f64,
    speedup: Option<f64>,
    change: f64,
) -> ResultRow {
    let mut row = example_row(name, target, speedup, change);
    row.baseline_weights = 2 * row.variant.weights;
    row.variant.file_bytes = 360_448;
    row.environment.cpu = Some("Cortex-A76".into());
    row.environment.engine = "tract 0.23.9".into();
    row.measurement.latency = Ok(latency(ns));
    row.measurement.energy = Err(missing("no power sensor on this machine"));
    row
}

/// Five rows of one target, with every note that a table can have below it.
pub(super) fn example_rows() -> Vec<ResultRow> {
    let mut rows = vec![
        timed_row("baseline", "host", 192_000.0, None, 0.0),
        timed_row("pruned-0.5", "host", 102_400.0, Some(1.847), -0.005),
        timed_row("magnitude-0.25", "host", 145_000.0, Some(1.291), -0.457),
        timed_row("int8-channel", "host", 444_000.0, Some(0.406), 0.0),
        timed_row("same", "host", 191_000.0, Some(1.001), 0.0),
    ];
    rows[1].measurement.invalid_reasons =
        vec!["only 4 of 10 solo blocks saw a quiet machine".into()];
    rows[2].measurement.invalid_reasons = vec![
        "only 4 of 10 solo blocks saw a quiet machine".into(),
        "outputs differ between blocks".into(),
    ];
    rows[3].variant.refusals = vec![StepRefusal {
        parent_id: rows[3].variant.variant_id.clone(),
        variant: "int8-channel".into(),
        step: "quantize int8, per channel".into(),
        what: "block1.dw".into(),
        reason: "the engine has no integer kernel for depthwise convolutions; float is faster"
            .into(),
    }];
    rows[3].variant.unexplained = vec!["3 of 396 samples, by 0.2 at most".into()];
    rows[3].measurement.sustained = Some(Ok(SustainedSummary {
        span_ns: LatencyNs(600_000_000_000),
        minute_ns: LatencyNs(60_000_000_000),
        first_ns: LatencyNs(444_000),
        last_ns: LatencyNs(480_000),
        reference_change: 0.08,
        throttled_at: Some((LatencyNs(120_000_000_000), "throttled (get_throttled)".into())),
        slower_from_ns: Some(LatencyNs(180_000_000_000)),
        temperature_max_mc: None,
    }));
    let same = rows[4].evaluation.as_mut().unwrap();
    let accuracy = same.metrics.get_mut(&Metric::Accuracy).unwrap();
    accuracy.change = Some(about(0.0, 0.0));
    rows
}

/// The rows of two targets, the second with a power sensor.
pub(super) fn rows_of_two_targets() -> Vec<ResultRow> {
    let mut rows = vec![
        timed_row("baseline", "host", 192_000.0, None, 0.0),
        timed_row("half", "host", 102_400.0, Some(1.847), -0.005),
        timed_row("baseline", "pi4", 1_920_000.0, None, 0.0),
        timed_row("half", "pi4", 1_202_400.0, Some(1.602), -0.005),
    ];
    for row in rows.iter_mut().skip(2) {
        row.environment.cpu = Some("Cortex-A72".into());
        row.environment.emulated = true;
        row.measurement.energy = Ok(EnergySummary {
            windows: 5,
            per_inference_uj: about(1_530.0, 40.0),
            gross_uj: 2_000.0,
            power: PowerMw(4_000.0),
            idle: PowerMw(3_000.0),
            sensor: SensorFacts {
                name: "pmic".into(),
                coverage: "board".into(),
                rate_hz: 10.0,
                resolution: "1 mW".into(),
            },
        });
    }
    rows
}

/// Accuracy under noise of strength 0.5, over eight samples.
pub(super) fn noise_score() -> RobustnessScore {
    RobustnessScore {
        disturbance: InputDisturbance::Noise,
        strength: 0.5,
        metric: Metric::Accuracy,
        samples: 8,
        value: about(0.5, 0.125),
        drop: about(-0.25, 0.125),
        change: None,
        excess: None,
        queries: None,
        attack: None,
    }
}
