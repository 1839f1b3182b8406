//! Scores as probabilities.

use paring_core::schema::ScoreKind;

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
pub fn exclusive_probabilities(scores: ScoreKind, row: &[f32]) -> Vec<f64> {
    let mut found: Vec<f64> = row.iter().map(|v| f64::from(*v)).collect();
    if scores == ScoreKind::Logits {
        softmax(&mut found);
    }
    found
}

/// The probability of a single yes.
pub fn probability(scores: ScoreKind, score: f32) -> f64 {
    match scores {
        ScoreKind::Logits => sigmoid(score),
        ScoreKind::Probabilities => f64::from(score),
    }
}
