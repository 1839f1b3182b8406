//! Quality of variants on regimes beside the report split: figures, lines for a person, JSON.

use crate::report::terminal::{signed_change, with_interval};
use paring_core::number_format::counted;
use paring_core::schema::{
    ConfidenceInterval, Evaluation, Metric, MissingReason, RegimeContrast, RegimeRecord,
};
use paring_core::stats;
use serde_json::{Value, json};

/// Quality of a run's variants on one regime.
#[derive(Clone, Debug)]
pub struct RegimeEvaluation {
    /// The regime.
    pub record: RegimeRecord,
    /// Its variants, the baseline first.
    pub variants: Vec<RegimeVariant>,
}

/// Quality of one variant on a regime, and on the report split.
#[derive(Clone, Debug)]
pub struct RegimeVariant {
    /// The variant's name.
    pub variant: String,
    /// Its quality on the regime, or the reason why there is none.
    pub quality: Result<Evaluation, MissingReason>,
    /// Its quality on the report split, or the reason why there is none.
    pub report: Result<Evaluation, MissingReason>,
}

impl RegimeVariant {
    /// The metric's change on the regime beside that on the report split, where both have one.
    pub fn contrast(&self, metric: Metric) -> Option<RegimeContrast> {
        let change = self.quality.as_ref().ok()?.change(metric)?;
        let report = self.report.as_ref().ok()?.change(metric)?;
        Some(RegimeContrast { report, excess: stats::zou_donner_difference(report, change) })
    }

    fn line(&self) -> String {
        let name = &self.variant;
        let evaluation = match &self.quality {
            Ok(evaluation) => evaluation,
            Err(MissingReason(why)) => return format!("  {name}: not evaluated: {why}"),
        };
        let metric = evaluation.primary;
        let value = match evaluation.value(metric) {
            Some(value) => with_interval(metric, value),
            None => "has no value here".into(),
        };
        let mut line = format!("  {name}: {metric} {value}");
        if let Some(change) = evaluation.change(metric) {
            line += &format!(", change {}", signed_change(metric, change));
        }
        line += &self.contrast(metric).map(|found| beside(metric, &found)).unwrap_or_default();
        line
    }
}

/// The change on a regime beside that on the report split, behind a variant's figures.
fn beside(metric: Metric, found: &RegimeContrast) -> String {
    let ConfidenceInterval { low, high, .. } = found.excess;
    match low <= 0.0 && high >= 0.0 {
        true => "; cannot be told apart from its change on the report split".into(),
        false => format!(
            "; {} beyond its change on the report split",
            signed_change(metric, found.excess)
        ),
    }
}

/// Lines for a person: a regime, and the primary metric of each of its variants.
pub fn regimes_text(regimes: &[RegimeEvaluation]) -> Vec<String> {
    let mut lines = Vec::new();
    for RegimeEvaluation { record, variants } in regimes {
        let RegimeRecord { name, data, samples, .. } = record;
        lines.push(format!("regime {name}, {} of {data}, 95 % CI:", counted(*samples, "sample")));
        lines.extend(variants.iter().map(RegimeVariant::line));
    }
    lines
}

/// The same figures and all others as JSON.
pub fn regimes_json(regimes: &[RegimeEvaluation]) -> Value {
    let variant = |found: &RegimeVariant| {
        let quality = found.quality.as_ref();
        let contrasts = quality.into_iter().flat_map(|quality| quality.metrics.keys());
        let contrasts = contrasts.filter_map(|m| Some((m.to_string(), json!(found.contrast(*m)?))));
        json!({
            "variant": found.variant, "evaluation": quality.ok(),
            "missing": quality.err().map(|MissingReason(why)| why),
            "beside_report_split": contrasts.collect::<serde_json::Map<_, _>>(),
        })
    };
    let regime = |found: &RegimeEvaluation| {
        let variants: Vec<Value> = found.variants.iter().map(variant).collect();
        json!({ "regime": found.record, "variants": variants })
    };
    regimes.iter().map(regime).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use paring_core::schema::{FileName, MetricScore, SCHEMA, Sha256Hex, TaskKind};

    fn evaluation(value: f64, change: Option<[f64; 3]>) -> Evaluation {
        let about =
            |value: f64| ConfidenceInterval { value, low: value - 0.02, high: value + 0.02 };
        let change = change.map(|[low, value, high]| ConfidenceInterval { value, low, high });
        let id = Sha256Hex::of(b"variant");
        let mut found = Evaluation::empty(id, TaskKind::Classification, Metric::Accuracy, 400);
        found.metrics.insert(Metric::Accuracy, MetricScore { value: about(value), change });
        found
    }

    fn variant(name: &str, here: Option<[f64; 3]>, report: Option<[f64; 3]>) -> RegimeVariant {
        RegimeVariant {
            variant: name.into(),
            quality: Ok(evaluation(0.8, here)),
            report: Ok(evaluation(0.9, report)),
        }
    }

    fn winter() -> RegimeEvaluation {
        RegimeEvaluation {
            record: RegimeRecord {
                schema: SCHEMA,
                name: FileName::try_from("winter".to_string()).unwrap(),
                data: "winter.npz".into(),
                data_sha256: Sha256Hex::of(b"winter"),
                slices: vec![],
                group: None,
                labelled: true,
                samples: 400,
                variants: vec![],
            },
            variants: vec![
                variant("baseline", None, None),
                variant("half", Some([-0.11, -0.08, -0.05]), Some([-0.03, -0.02, -0.01])),
                variant("int8", Some([-0.03, -0.01, 0.01]), Some([-0.01, 0.0, 0.01])),
                RegimeVariant {
                    quality: Err(MissingReason("NaN at every sample".into())),
                    ..variant("odd", None, None)
                },
            ],
        }
    }

    #[test]
    fn excess_is_the_difference_of_two_independent_changes() {
        // Zou and Donner by hand: -0.06 less hypot(0.03, 0.01), and more by as much.
        let found = winter().variants[1].contrast(Metric::Accuracy).unwrap().excess;
        let half = (0.03_f64.powi(2) + 0.01_f64.powi(2)).sqrt();
        assert!((found.value + 0.06).abs() < 1e-12);
        assert!((found.low - (-0.06 - half)).abs() < 1e-12);
        assert!((found.high - (-0.06 + half)).abs() < 1e-12);
        assert!(winter().variants[0].contrast(Metric::Accuracy).is_none());
    }

    #[test]
    fn lines_say_what_can_be_told() {
        assert_snapshot!(regimes_text(&[winter()]).join("\n"), @"
        regime winter, 400 samples of winter.npz, 95 % CI:
          baseline: accuracy 80.00 % [78.00, 82.00]
          half: accuracy 80.00 % [78.00, 82.00], change −8.00 points [−11.00, −5.00]; −6.00 points [−9.16, −2.84] beyond its change on the report split
          int8: accuracy 80.00 % [78.00, 82.00], change −1.00 points [−3.00, +1.00]; cannot be told apart from its change on the report split
          odd: not evaluated: NaN at every sample
        ");
    }

    #[test]
    fn every_metric_is_a_row_and_what_is_missing_says_why() {
        let csv = crate::report::regimes_csv(&[winter()]).unwrap();
        let text = String::from_utf8(csv).unwrap();
        let rows: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(rows[0], "winter,baseline,,accuracy,400,0.800000,0.780000,0.820000,,,,,,,,,,");
        assert_eq!(
            rows[1],
            "winter,half,,accuracy,400,0.800000,0.780000,0.820000,-0.080000,-0.110000,-0.050000,-0.020000,-0.030000,-0.010000,-0.060000,-0.091623,-0.028377,"
        );
        assert_eq!(rows[3], "winter,odd,,,,,,,,,,,,,,,,NaN at every sample");
    }
}
