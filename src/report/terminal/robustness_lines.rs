//! Robustness scores as lines of text.

use super::metric_text::{signed_change, with_interval};
use paring_core::number_format::counted;
use paring_core::schema::{AttackGradientSource, ConfidenceInterval, RobustnessScore};

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
            (None, None) => line += &format!(", drop {}", signed_change(score.metric, score.drop)),
        }
        format!("{line}, {}{}", counted(score.samples, "sample"), attack_text(score))
    };
    let mut lines: Vec<String> = scores.iter().map(line).collect();
    if scores.iter().any(|score| score.attack.is_some()) {
        lines.push(
            "  attacks: strengths in ranges of the input; classes and slices with --json".into(),
        );
    }
    lines
}

/// The gradients that an attack followed where they are not the model's own, and what is not sound.
fn attack_text(score: &RobustnessScore) -> String {
    let Some(attack) = &score.attack else { return String::new() };
    let mut text = match attack.gradients {
        AttackGradientSource::Own => String::new(),
        AttackGradientSource::StraightThrough => ", gradients straight through rounding".into(),
        AttackGradientSource::Baseline => ", inputs found on the baseline".into(),
    };
    if let Some(reason) = &attack.without_own {
        text += &format!("; no gradients of its own: {reason}");
    }
    if !attack.unsound.is_empty() {
        text += &format!("; not sound: {}", attack.unsound.join("; "));
    }
    text
}

/// A change for the worse as a positive number, where more is better.
fn loss(
    score: &RobustnessScore,
    ConfidenceInterval { value, low, high }: ConfidenceInterval,
) -> String {
    match score.metric.higher_is_better() {
        true => signed_change(
            score.metric,
            ConfidenceInterval { value: -value, low: -high, high: -low },
        ),
        false => signed_change(score.metric, ConfidenceInterval { value, low, high }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example_rows::noise_score;
    use insta::assert_snapshot;
    use paring_core::schema::InputDisturbance;

    #[test]
    fn a_line_a_disturbance() {
        let noise = RobustnessScore { samples: 1, ..noise_score() };
        let worse = RobustnessScore { excess: Some(noise.drop), ..noise_score() };
        let searched = RobustnessScore {
            disturbance: InputDisturbance::Search,
            queries: Some(120.0),
            ..noise.clone()
        };
        assert_snapshot!(robustness_lines(&[noise, worse, searched]).join("\n"), @"
        noise 0.5        accuracy 50.00 % [37.50, 62.50], drop −25.00 points [−37.50, −12.50], 1 sample
        noise 0.5        accuracy 50.00 % [37.50, 62.50], loses +25.00 points [+12.50, +37.50] more than the baseline, 8 samples
        search 0.5       accuracy 50.00 % [37.50, 62.50], median 120 queries to a mistake, 1 sample
        ");
    }
}
