//! Proper scoring rules of probabilities, sample by sample: log loss, Brier score, top-k.

/// −ln of the probability given to the label, which is taken as at least 2.2e-16 and at most 1.
pub fn sample_log_loss(row: &[f32], label: i64) -> Option<f64> {
    let p = f64::from(*row.get(usize::try_from(label).ok()?)?);
    Some(-p.clamp(f64::EPSILON, 1.0).ln())
}

/// Mean of [`sample_log_loss`]; `None` of no samples.
pub fn log_loss(probabilities: &[f32], labels: &[i64]) -> Option<f64> {
    let width = probabilities.len().checked_div(labels.len())?;
    let rows = probabilities.chunks(width.max(1)).zip(labels);
    let losses: Option<Vec<f64>> = rows.map(|(row, label)| sample_log_loss(row, *label)).collect();
    Some(losses?.iter().sum::<f64>() / labels.len() as f64)
}

/// Squared distance of a row of probabilities from its label; of two classes, that of one of them.
///
/// Source: Brier 1950; halved for two classes as is usual (and as scikit-learn does).
pub fn brier_score(row: &[f32], label: i64) -> f64 {
    let squared = |(class, p): (usize, &f32)| {
        (f64::from(*p) - f64::from(usize::try_from(label) == Ok(class))).powi(2)
    };
    let sum: f64 = row.iter().enumerate().map(squared).sum();
    if row.len() == 2 { sum / 2.0 } else { sum }
}

/// Tells whether the label is among the `k` most probable classes; among equals the last ones win.
pub fn top_k(row: &[f32], label: i64, k: usize) -> bool {
    let Some((at, own)) = usize::try_from(label).ok().and_then(|at| Some((at, *row.get(at)?)))
    else {
        return false;
    };
    let ahead = |(class, p): &(usize, &f32)| **p > own || (**p == own && *class > at);
    row.iter().enumerate().filter(ahead).count() < k
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_those_computed_by_hand() {
        let rows = [0.5, 0.25, 0.25, 0.0, 1.0, 0.0];
        let loss = log_loss(&rows, &[1, 1]).unwrap();
        assert!((loss - 4f64.ln() / 2.0).abs() < 1e-15);
        assert!((sample_log_loss(&rows[3..], 0).unwrap() - 36.04).abs() < 0.01);
        assert_eq!(brier_score(&rows[..3], 0), 0.25 + 0.0625 + 0.0625);
        assert_eq!(brier_score(&[0.75, 0.25], 1), 0.5625);
        assert!(top_k(&rows[..3], 2, 2) && !top_k(&rows[..3], 1, 2) && top_k(&rows[..3], 1, 3));
        assert_eq!(log_loss(&[], &[]), None);
    }
}
