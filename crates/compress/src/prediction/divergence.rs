//! Kullback-Leibler divergence of predictions.

/// Probabilities below this count as this where a logarithm is taken.
const SMALLEST: f64 = 1e-12;

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
    use super::super::exclusive_probabilities;
    use super::*;
    use paring_core::schema::ScoreKind;

    #[test]
    fn divergences_equal_those_computed_by_hand() {
        let expected = 0.5 * (0.5f64 / 0.25).ln() + 0.5 * (0.5f64 / 0.75).ln();
        assert!((divergence(&[0.5, 0.5], &[0.25, 0.75]) - expected).abs() < 1e-15);
        assert!((divergence_of_one(0.5, 0.25) - expected).abs() < 1e-15);
        assert_eq!(divergence(&[1.0, 0.0], &[1.0, 0.0]), 0.0);
        assert!((divergence(&[1.0, 0.0], &[0.0, 1.0]) - 1e12f64.ln()).abs() < 1e-9);
        // Logits may be shifted.
        let of = |row: &[f32]| exclusive_probabilities(ScoreKind::Logits, row);
        assert!(divergence(&of(&[3.0, 1.0]), &of(&[5.0, 3.0])).abs() < 1e-12);
        // Probabilities that add up to 1.005, as an evaluation lets them: p ln(p / q) term by term.
        let scaled = |row: [f64; 3]| row.map(|p| 1.005 * p);
        let found = divergence(&scaled([0.9, 0.05, 0.05]), &scaled([0.5, 0.45, 0.05]));
        assert!((found - 0.421_24).abs() < 1e-5, "{found}");
    }
}
