//! robustness.csv: one row a variant, disturbance and strength.

use super::report_error::ReportError;
use paring_core::schema::{ConfidenceInterval, RobustnessScore};
use paring_data::CsvTable;

const HEADER: [&str; 18] = [
    "variant",
    "disturbance",
    "strength",
    "metric",
    "samples",
    "value",
    "value_low",
    "value_high",
    "drop",
    "drop_low",
    "drop_high",
    "change",
    "change_low",
    "change_high",
    "excess",
    "excess_low",
    "excess_high",
    "queries_p50",
];

/// One row a variant, disturbance and strength.
///
/// # Errors
/// [`ReportError`] where the encoder fails, which a buffer in memory does not.
pub fn robustness_csv(rows: &[(&str, &RobustnessScore)]) -> Result<Vec<u8>, ReportError> {
    let mut writer = CsvTable::default();
    writer.row(HEADER)?;
    let three = |interval: Option<ConfidenceInterval>| match interval {
        Some(ConfidenceInterval { value, low, high }) => {
            [value, low, high].map(|v| format!("{v:.6}"))
        }
        None => Default::default(),
    };
    for (variant, score) in rows {
        let what = [
            (*variant).to_string(),
            score.disturbance.to_string(),
            score.strength.to_string(),
            score.metric.to_string(),
            score.samples.to_string(),
        ];
        let intervals =
            [Some(score.value), Some(score.drop), score.change, score.excess].map(three);
        let queries = score.queries.map(|q| q.to_string()).unwrap_or_default();
        writer.row(what.iter().chain(intervals.iter().flatten()).chain([&queries]))?;
    }
    writer.finish().map_err(ReportError::Buffer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::terminal::robustness_lines;
    use paring_core::schema::{InputDisturbance, Metric};

    #[test]
    fn what_there_is_not_is_empty() {
        let of = |value| ConfidenceInterval { value, low: value - 0.125, high: value + 0.125 };
        let score = RobustnessScore {
            disturbance: InputDisturbance::Noise,
            strength: 0.5,
            metric: Metric::Accuracy,
            samples: 8,
            value: of(0.5),
            drop: of(-0.25),
            change: None,
            excess: None,
            queries: None,
        };
        let text = String::from_utf8(robustness_csv(&[("baseline", &score)]).unwrap()).unwrap();
        assert_eq!(
            text.lines().nth(1),
            Some(
                "baseline,noise,0.5,accuracy,8,0.500000,0.375000,0.625000,-0.250000,-0.375000,-0.125000,,,,,,,"
            )
        );
        assert_eq!(
            robustness_lines(&[score])[0],
            "  noise 0.5        accuracy 50.00 % [37.50, 62.50], drop −25.00 points [−37.50, −12.50], 8 samples"
        );
        let worse = RobustnessScore { excess: Some(of(-0.25)), ..score };
        assert!(
            robustness_lines(&[worse])[0].contains("loses +25.00 points [+12.50, +37.50] more")
        );
    }
}
