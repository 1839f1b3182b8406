//! KL divergence and relative L2 distance of a variant's outputs from the baseline's.

use paring_compress::prediction;

/// KL(baseline ‖ variant) of two rows of probabilities, in nats.
pub fn kl_divergence(baseline: &[f32], variant: &[f32]) -> f64 {
    let wide = |row: &[f32]| row.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>();
    prediction::divergence(&wide(baseline), &wide(variant))
}

/// ‖variant − baseline‖ / ‖baseline‖ over all numbers; `None` where the baseline's are all zero.
pub fn relative_l2(baseline: &[f32], variant: &[f32]) -> Option<f64> {
    let [distance, norm] = squared_distance_and_norm(baseline, variant);
    (norm > 0.0).then(|| (distance / norm).sqrt())
}

/// Squared distance, and squared norm of the baseline.
pub(crate) fn squared_distance_and_norm(baseline: &[f32], variant: &[f32]) -> [f64; 2] {
    baseline.iter().zip(variant).fold([0.0, 0.0], |[distance, norm], (b, v)| {
        let (b, v) = (f64::from(*b), f64::from(*v));
        [distance + (v - b).powi(2), norm + b * b]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_those_computed_by_hand() {
        let found = kl_divergence(&[0.5, 0.5, 0.0], &[0.25, 0.5, 0.25]);
        assert!((found - 0.5 * 2f64.ln()).abs() < 1e-15);
        assert!((kl_divergence(&[1.0, 0.0], &[0.0, 1.0]) - 1e12f64.ln()).abs() < 1e-9);
        assert_eq!(relative_l2(&[3.0, 4.0], &[3.0, 1.0]), Some(0.6));
        assert_eq!(relative_l2(&[0.0], &[1.0]), None);
    }
}
