//! Dimensions in use, and likeness of representations: pure functions of rows.

use faer::Mat;

/// Columns less their means.
pub(super) fn centred(rows: &Mat<f64>) -> Mat<f64> {
    let count = rows.nrows().max(1) as f64;
    let means: Vec<f64> = (0..rows.ncols())
        .map(|c| (0..rows.nrows()).map(|r| rows[(r, c)]).sum::<f64>() / count)
        .collect();
    Mat::from_fn(rows.nrows(), rows.ncols(), |r, c| rows[(r, c)] - means[c])
}

/// exp of the entropy of the singular values of centred rows; 0 where nothing varies.
///
/// Source: Roy & Vetterli 2007.
pub(super) fn effective_rank(centred: &Mat<f64>) -> Option<f64> {
    let narrow = centred.ncols() <= centred.nrows();
    let gram = if narrow { centred.transpose() * centred } else { centred * centred.transpose() };
    let values = gram.self_adjoint_eigenvalues(faer::Side::Lower).ok()?;
    let singular: Vec<f64> = values.into_iter().map(|v| v.max(0.0).sqrt()).collect();
    let sum: f64 = singular.iter().sum();
    if sum <= 0.0 {
        return Some(0.0);
    }
    let shares = singular.iter().map(|s| s / sum).filter(|p| *p > 0.0);
    Some((-shares.map(|p| p * p.ln()).sum::<f64>()).exp())
}

/// Linear centred kernel alignment of centred rows of the same samples; `None` where one never varies.
///
/// Source: Kornblith et al. 2019, arXiv 1905.00414.
pub(super) fn linear_cka(a: &Mat<f64>, b: &Mat<f64>) -> Option<f64> {
    let cross = (a.transpose() * b).squared_norm_l2();
    let own = |m: &Mat<f64>| match m.ncols() <= m.nrows() {
        true => (m.transpose() * m).norm_l2(),
        false => (m * m.transpose()).norm_l2(),
    };
    let norm = own(a) * own(b);
    (norm > 0.0).then(|| (cross / norm).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_core::stats;
    use rand::RngExt;

    fn random(rows: usize, columns: usize) -> Mat<f64> {
        let mut rng = stats::generator(4, "rows");
        Mat::from_fn(rows, columns, |_, _| rng.random::<f64>() - 0.5)
    }

    #[test]
    fn rank_counts_dimensions_that_are_used() {
        let spread = effective_rank(&centred(&random(4_000, 6))).unwrap();
        assert!(spread > 5.9 && spread <= 6.0 + 1e-9, "{spread}");
        let one = Mat::from_fn(50, 6, |r, c| r as f64 * (c + 1) as f64);
        assert!((effective_rank(&centred(&one)).unwrap() - 1.0).abs() < 1e-3);
        assert_eq!(effective_rank(&centred(&Mat::from_fn(9, 3, |_, _| 2.0))), Some(0.0));
    }

    #[test]
    fn likeness_survives_scale_and_order_of_channels() {
        let a = centred(&random(300, 5));
        let turned = Mat::from_fn(300, 5, |r, c| 3.0 * a[(r, 4 - c)]);
        assert!((linear_cka(&a, &turned).unwrap() - 1.0).abs() < 1e-9);
        let mut rng = stats::generator(5, "other");
        let other = centred(&Mat::from_fn(300, 5, |_, _| rng.random::<f64>()));
        assert!(linear_cka(&a, &other).unwrap() < 0.1);
        assert_eq!(linear_cka(&a, &Mat::zeros(300, 5)), None);
    }
}
