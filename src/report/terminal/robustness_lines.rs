//! Robustness scores as lines of text.

use super::metric_text::{signed, with_interval};
use paring_core::schema::{ConfidenceInterval, RobustnessScore};

/// A line for each disturbance.
pub fn robustness_lines(scores: &[RobustnessScore]) -> Vec<String> {
    let line = |score: &RobustnessScore| {
        let what = format!("{} {}", score.disturbance, score.strength);
        let value = with_interval(score.metric, score.value);
        let mut line = format!("  {what:<16} {} {value}", score.metric);
        match (score.excess, score.queries) {
            (Some(excess), _) => {
                line += &format!(", loses {} more than the baseline", loss(score, excess));
            }
            (None, Some(queries)) => line += &format!(", median {queries} queries to a mistake"),
            (None, None) => line += &format!(", drop {}", signed(score.metric, score.drop)),
        }
        format!("{line}, {} samples", score.samples)
    };
    scores.iter().map(line).collect()
}

/// A change for the worse as a positive number, where more is better.
fn loss(
    score: &RobustnessScore,
    ConfidenceInterval { value, low, high }: ConfidenceInterval,
) -> String {
    match score.metric.higher_is_better() {
        true => signed(score.metric, ConfidenceInterval { value: -value, low: -high, high: -low }),
        false => signed(score.metric, ConfidenceInterval { value, low, high }),
    }
}
