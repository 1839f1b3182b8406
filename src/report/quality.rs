//! What an evaluation found, as a sentence.

use crate::record::Evaluation;

/// Accuracy with its interval, change against the baseline, and what could not be used.
pub fn evaluation_line(found: &Evaluation) -> String {
    let accuracy = found.accuracy;
    let mut line = format!(
        "accuracy {:.2} % [{:.2}, {:.2}] on {} samples",
        100.0 * accuracy.value,
        100.0 * accuracy.low,
        100.0 * accuracy.high,
        found.samples
    );
    if let (Some(change), Some(flips)) = (found.accuracy_change, found.flips) {
        line += &format!(
            "; change {:+.2} points [{:+.2}, {:+.2}], {flips} predictions differ from the first model's",
            100.0 * change.value,
            100.0 * change.low,
            100.0 * change.high
        );
    }
    if found.unusable > 0 {
        line += &format!(
            "; {} samples had scores that are not numbers, they count as wrong",
            found.unusable
        );
    }
    line
}
