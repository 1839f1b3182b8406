//! What scores mean as a prediction: probabilities, the class, and how far two answers are apart.
//!
//! Evaluations read whole outputs by these rules, and compression judges its candidates by them.

use paring_core::schema::Scores;

/// Probabilities below this count as this where a logarithm is taken.
const SMALLEST: f64 = 1e-12;

/// The position of the largest score, of equals the first; `None` of no scores, and where one is no
/// number.
pub fn argmax(scores: &[f32]) -> Option<usize> {
    let first_best = |best: usize, (i, v): (usize, &f32)| if *v > scores[best] { i } else { best };
    let known = !scores.is_empty() && scores.iter().all(|v| !v.is_nan());
    known.then(|| scores.iter().enumerate().fold(0, first_best))
}

/// The probability that a logit stands for.
pub fn sigmoid(logit: f32) -> f64 {
    1.0 / (1.0 + (-f64::from(logit)).exp())
}

/// Logits of classes that exclude each other as probabilities, in place.
pub fn softmax(logits: &mut [f64]) {
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    logits.iter_mut().for_each(|v| *v = (*v - most).exp());
    let sum: f64 = logits.iter().sum();
    logits.iter_mut().for_each(|v| *v /= sum);
}

/// Probabilities of classes that exclude each other; those that are given stay as they are.
pub fn exclusive_probabilities(scores: Scores, row: &[f32]) -> Vec<f64> {
    let mut found: Vec<f64> = row.iter().map(|v| f64::from(*v)).collect();
    if scores == Scores::Logits {
        softmax(&mut found);
    }
    found
}

/// The probability of a single yes.
pub fn probability(scores: Scores, score: f32) -> f64 {
    match scores {
        Scores::Logits => sigmoid(score),
        Scores::Probabilities => f64::from(score),
    }
}

/// Whether a single score says yes: from the probability `threshold` on, one half without it.
pub fn is_positive(scores: Scores, threshold: Option<f64>, score: f32) -> bool {
    let cut = match (threshold, scores) {
        (Some(threshold), Scores::Logits) => (threshold / (1.0 - threshold)).ln(),
        (Some(threshold), Scores::Probabilities) => threshold,
        (None, Scores::Logits) => 0.0,
        (None, Scores::Probabilities) => 0.5,
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

/// Kullback-Leibler divergence D(p ‖ q) of two rows of probabilities, in nats.
///
/// Source: Kullback & Leibler 1951, Ann. Math. Statist. 22, 79.
pub fn divergence(p: &[f64], q: &[f64]) -> f64 {
    let term = |(p, q): (&f64, &f64)| match *p {
        p if p > 0.0 => p * (p.max(SMALLEST) / q.max(SMALLEST)).ln(),
        _ => 0.0,
    };
    p.iter().zip(q).map(term).sum()
}

/// The same of the probabilities of a single yes.
pub fn divergence_of_one(p: f64, q: f64) -> f64 {
    divergence(&[p, 1.0 - p], &[q, 1.0 - q])
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
            is_positive(Scores::Logits, Some(0.2), -1.0)
                && !is_positive(Scores::Logits, None, -1.0)
        );
        assert!(is_positive(Scores::Probabilities, Some(0.25), 0.25));
    }

    #[test]
    fn divergences_equal_those_computed_by_hand() {
        let expected = 0.5 * (0.5f64 / 0.25).ln() + 0.5 * (0.5f64 / 0.75).ln();
        assert!((divergence(&[0.5, 0.5], &[0.25, 0.75]) - expected).abs() < 1e-15);
        assert!((divergence_of_one(0.5, 0.25) - expected).abs() < 1e-15);
        assert_eq!(divergence(&[1.0, 0.0], &[1.0, 0.0]), 0.0);
        assert!((divergence(&[1.0, 0.0], &[0.0, 1.0]) - 1e12f64.ln()).abs() < 1e-9);
        // Logits may be shifted.
        let of = |row: &[f32]| exclusive_probabilities(Scores::Logits, row);
        assert!(divergence(&of(&[3.0, 1.0]), &of(&[5.0, 3.0])).abs() < 1e-12);
        // Probabilities that add up to 1.005, as an evaluation lets them: p ln(p / q) term by term.
        let scaled = |row: [f64; 3]| row.map(|p| 1.005 * p);
        let found = divergence(&scaled([0.9, 0.05, 0.05]), &scaled([0.5, 0.45, 0.05]));
        assert!((found - 0.421_24).abs() < 1e-5, "{found}");
    }
}
