//! The class that scores mean.

use paring_core::schema::ScoreKind;

/// The position of the largest score, of equals the first; `None` of no scores, and where one is no
/// number.
pub fn argmax(scores: &[f32]) -> Option<usize> {
    let first_best = |best: usize, (i, v): (usize, &f32)| if *v > scores[best] { i } else { best };
    let known = !scores.is_empty() && scores.iter().all(|v| !v.is_nan());
    known.then(|| scores.iter().enumerate().fold(0, first_best))
}

/// True of a single score that says yes: from the probability `threshold` on, one half without it.
pub fn is_positive(scores: ScoreKind, threshold: Option<f64>, score: f32) -> bool {
    let cut = match (threshold, scores) {
        (Some(threshold), ScoreKind::Logits) => (threshold / (1.0 - threshold)).ln(),
        (Some(threshold), ScoreKind::Probabilities) => threshold,
        (None, ScoreKind::Logits) => 0.0,
        (None, ScoreKind::Probabilities) => 0.5,
    };
    f64::from(score) >= cut
}

/// The class of classes that exclude each other: of two with a threshold the positive one from that
/// probability on, otherwise the one with the largest score. `None` where a score is no number.
pub fn class(scores: &[f32], probabilities: &[f64], rule: Option<(f64, usize)>) -> Option<usize> {
    match (rule, probabilities) {
        (Some((threshold, positive)), [no, yes]) if !no.is_nan() && !yes.is_nan() => {
            let positive = positive.min(1);
            Some(if probabilities[positive] >= threshold { positive } else { 1 - positive })
        }
        _ => argmax(scores),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_is_the_largest_and_what_is_no_number_has_none() {
        assert_eq!(argmax(&[0.5, 0.5]), Some(0));
        assert_eq!(argmax(&[0.1, 0.7, 0.2]), Some(1));
        assert_eq!((argmax(&[]), argmax(&[f32::NAN, 1.0])), (None, None));
    }

    #[test]
    fn two_classes_are_told_by_the_threshold_whichever_is_the_positive_one() {
        let of = |p: [f64; 2], rule| class(&p.map(|p| p as f32), &p, rule);
        assert_eq!(
            (of([0.7, 0.3], Some((0.2, 1))), of([0.9, 0.1], Some((0.2, 1)))),
            (Some(1), Some(0))
        );
        assert_eq!(
            (of([0.3, 0.7], Some((0.2, 0))), of([0.1, 0.9], Some((0.2, 0)))),
            (Some(0), Some(1))
        );
        assert_eq!(of([0.5, 0.5], None), Some(0));
        assert!(
            is_positive(ScoreKind::Logits, Some(0.2), -1.0)
                && !is_positive(ScoreKind::Logits, None, -1.0)
        );
        assert!(is_positive(ScoreKind::Probabilities, Some(0.25), 0.25));
    }
}
