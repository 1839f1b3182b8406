//! An explanation made by hand, for tests of its sentences and tables.

use crate::pipeline::HERE;
use paring_core::schema::{
    ComponentBlame, ConfidenceInterval, DecisionGroup, DegradedSample, DeploymentStage, Effect,
    ExperimentSummary, Explanation, FlipCounts, Forecast, ForecastOutcome, GroupBlame, LayerChange,
    MetricTotal, PrimaryMetric, SCHEMA, SampleNeighbourhood, Sha256Hex, TrackRecord,
};

fn interval(value: f64, low: f64, high: f64) -> ConfidenceInterval {
    ConfidenceInterval { value, low, high }
}

fn groups() -> Vec<DecisionGroup> {
    let pruned = |name: &str, components: usize| DecisionGroup {
        id: format!("0:{name}"),
        label: format!("prune channels of {name}"),
        step: "prune channels, ratio 0.5, criterion l1".into(),
        operation: "prune channels".into(),
        components: (0..components).map(|index| format!("{name}:{index}")).collect(),
        layers: vec![name.into()],
        ..DecisionGroup::default()
    };
    let quantized = DecisionGroup {
        id: "1:head".into(),
        label: "quantize int8 of head".into(),
        step: "quantize int8, per tensor, minmax".into(),
        operation: "quantize int8".into(),
        layers: vec!["head".into()],
        ..DecisionGroup::default()
    };
    vec![pruned("stem", 16), pruned("res1.skip", 32), quantized]
}

/// An explanation of which nothing is known but what it is about.
fn bare() -> Explanation {
    let main =
        PrimaryMetric { metric: "accuracy".into(), unit: "share".into(), higher_is_better: true };
    let experiments = ExperimentSummary {
        count: 40,
        samples: 400,
        draws: 5,
        exact: true,
        pairs: 0,
        cut_short: false,
        replay_differs: 0,
        replay_identical: true,
    };
    Explanation::new("half-int8", &Sha256Hex::zeros(), main, experiments)
}

/// Two couplings pruned, one layer quantized: accuracy falls because of the first, time because of both.
pub(crate) fn example_explanation() -> Explanation {
    let stem = || "0:stem".to_string();
    Explanation {
        groups: groups(),
        totals: totals(),
        effects: effects(),
        layers: vec![LayerChange {
            layer: "stem".into(),
            scope: "layer".into(),
            target: HERE.into(),
            before_ns: 12_600.0,
            after_ns: 6_400.0,
            groups: vec![stem()],
        }],
        quiet_share: Some(0.4),
        flip_counts: FlipCounts { lost: 20, won: 2, other: 1, changed: 0 },
        blame: vec![GroupBlame {
            group: stem(),
            lost_alone: 17,
            lost_with_others: 18,
            won_alone: 1,
            changed_alone: 0,
        }],
        components: vec![ComponentBlame {
            group: stem(),
            coupling: "stem".into(),
            class: 3,
            components: vec!["stem:4".into(), "stem:9".into()],
            indices: vec![4, 9],
            lost: 12,
            back: 10,
            net: 11,
        }],
        forecasts: forecasts(),
        track: TrackRecord { count: 30, covered: 25, ..TrackRecord::default() },
        links: links(),
        hits: vec![hit()],
        ..bare()
    }
}

fn hit() -> DegradedSample {
    DegradedSample {
        sample: 675,
        label: Some(3),
        before: Some(3),
        after: Some(8),
        flip: None,
        lost: 0.9204,
        region: Some(SampleNeighbourhood {
            neighbours: (0..10).collect(),
            same_label: 1.0,
            accuracy_before: 1.0,
            accuracy_after: 0.4,
        }),
    }
}

/// The same without any significant effect, of engine options alone.
pub(crate) fn example_without_effect() -> Explanation {
    let engine = DecisionGroup {
        id: "engine".into(),
        label: "engine options conv_nhwc".into(),
        step: "engine conv_nhwc".into(),
        operation: "engine options".into(),
        ..DecisionGroup::default()
    };
    let none = |total: MetricTotal| MetricTotal {
        variant: total.baseline,
        change: interval(0.0, -0.0121, 0.0121),
        ..total
    };
    let quality = totals().into_iter().filter(|total| total.metric == "accuracy");
    Explanation {
        variant: "nhwc".into(),
        groups: vec![engine],
        totals: quality.map(none).collect(),
        effects: vec![
            Effect {
                shapley: Some(interval(0.0, -0.0121, 0.0121)),
                holm: Some(1.0),
                ..Effect::unknown("engine", "accuracy", None, "share")
            },
            Effect::unknown("engine", "flips", None, "share"),
        ],
        experiments: ExperimentSummary { count: 2, draws: 1, ..bare().experiments },
        ..bare()
    }
}

fn totals() -> Vec<MetricTotal> {
    let total = |metric: &str, unit: &str, baseline: f64, variant: f64| MetricTotal {
        metric: metric.into(),
        of: None,
        target: None,
        unit: unit.into(),
        samples: None,
        baseline,
        variant,
        change: interval(variant - baseline, variant - baseline, variant - baseline),
        left_over: None,
        unsound: None,
    };
    vec![
        MetricTotal {
            samples: Some(400),
            change: interval(-0.045, -0.068, -0.025),
            ..total("accuracy", "share", 0.9925, 0.9475)
        },
        total("params", "weights", 160_000.0, 40_000.0),
        total("macs", "multiply-adds", 4e6, 1.5e6),
        total("file_bytes", "bytes", 630_784.0, 160_768.0),
        MetricTotal {
            target: Some(HERE.into()),
            change: interval(-88_900.0, -91_300.0, -85_100.0),
            ..total("latency", "ns", 191_200.0, 102_300.0)
        },
    ]
}

fn effects() -> Vec<Effect> {
    let quality = |group: &str, value, low, high, holm| Effect {
        solo: Some(interval(value, low, high)),
        leave_one_out: Some(interval(value, low, high)),
        shapley: Some(interval(value, low, high)),
        holm: Some(holm),
        ..Effect::unknown(group, "accuracy", None, "share")
    };
    let time = |group: &str, value, low, high| Effect {
        leave_one_out: Some(interval(value, low, high)),
        ..Effect::unknown(group, "latency", Some(HERE), "ns")
    };
    vec![
        Effect {
            together: Some(interval(-0.04, -0.07, 0.003)),
            survives: Some(false),
            ..quality("0:stem", -0.042, -0.064, -0.023, 0.001)
        },
        quality("0:res1.skip", -0.003, -0.012, 0.004, 0.8),
        quality("1:head", 0.0, 0.0, 0.0, 1.0),
        Effect {
            of: Some("class 3".into()),
            metric: "class_accuracy".into(),
            ..quality("0:stem", -0.3, -0.45, -0.18, 0.002)
        },
        Effect::unknown("0:stem", "flips", None, "share"),
        time("0:stem", -8_300.0, -8_800.0, -7_900.0),
        time("0:res1.skip", -23_100.0, -25_000.0, -20_100.0),
        time("1:head", 200.0, -400.0, 900.0),
    ]
}

fn forecasts() -> Vec<ForecastOutcome> {
    let outcome = |group: &str, (delta, low, high): (f64, f64, f64), observed: f64| {
        let expected = Forecast {
            metric: "accuracy".into(),
            target: None,
            delta,
            low,
            high,
            scale: None,
            method: "by hand".into(),
        };
        let observed = interval(observed, observed - 0.01, observed + 0.01);
        let (covered, compatible) = ForecastOutcome::judge(&expected, observed, Some(400));
        ForecastOutcome {
            schema: SCHEMA,
            run_id: "run".into(),
            variant: "half-int8".into(),
            group: group.into(),
            decision: Sha256Hex::zeros(),
            criterion: None,
            layer_type: None,
            expected,
            observed,
            covered,
            compatible,
        }
    };
    vec![
        outcome("0:stem", (-0.002, -0.01, 0.008), -0.05),
        outcome("0:res1.skip", (-0.004, -0.012, 0.004), -0.003),
    ]
}

fn links() -> Vec<DeploymentStage> {
    let stage = |cause: &str, between: [&str; 2], flips, change| DeploymentStage {
        cause: cause.into(),
        between: between.map(String::from),
        target: None,
        flips: Some(flips),
        samples: 400,
        metric: "accuracy".into(),
        change: Some(change),
        largest_difference: None,
    };
    let [float, simulated, here] =
        ["variant without quantization", "variant simulated in float", "variant on this machine"];
    vec![
        stage("graph rewrite", ["float baseline", float], 23, interval(-0.045, -0.068, -0.025)),
        stage("quantization", [float, simulated], 1, interval(0.0, -0.005, 0.005)),
        stage("engine", [simulated, here], 0, interval(0.0, 0.0, 0.0)),
    ]
}
