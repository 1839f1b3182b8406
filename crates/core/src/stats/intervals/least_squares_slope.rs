//! Straight lines through a few points.

use crate::schema::ConfidenceInterval;

/// The 99.5 % point of the standard normal distribution.
const Z: f64 = 2.575_829_303_548_901;

/// Slope of `y` over `x` by least squares, with its 99 % interval under independent normal errors.
/// `None` of fewer than four points, or where `x` does not vary.
///
/// Source: Draper & Smith 1998, section 1.4.
pub fn least_squares_slope(points: &[(f64, f64)]) -> Option<ConfidenceInterval> {
    let n = points.len() as f64;
    let freedom = points.len().checked_sub(2).filter(|freedom| *freedom >= 2)?;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let spread: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    if spread <= 0.0 {
        return None;
    }
    let value = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>() / spread;
    let left: f64 = points.iter().map(|p| (p.1 - y - value * (p.0 - x)).powi(2)).sum();
    let half = student(freedom) * (left / freedom as f64 / spread).sqrt();
    Some(ConfidenceInterval { value, low: value - half, high: value + half })
}

/// The 99.5 % point of Student's t distribution.
///
/// Source: the expansion of Abramowitz & Stegun 1964, 26.7.5; exact for two degrees of freedom by
/// its closed form, within 1 % from three on.
fn student(freedom: usize) -> f64 {
    if freedom == 2 {
        return 9.924_843_2;
    }
    let (v, z) = (freedom as f64, Z);
    let terms = [
        (z.powi(3) + z) / 4.0,
        (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0,
        (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0,
        (79.0 * z.powi(9) + 776.0 * z.powi(7) + 1482.0 * z.powi(5)
            - 1920.0 * z.powi(3)
            - 945.0 * z)
            / 92_160.0,
    ];
    z + terms.iter().zip(1..).map(|(term, power)| term / v.powi(power)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_published_quantiles() {
        // Abramowitz & Stegun 1964, table 26.10, one-sided 0.995.
        for (freedom, expected) in [(2, 9.925), (4, 4.604), (5, 4.032), (8, 3.355), (30, 2.750)] {
            let found = student(freedom);
            assert!((found / expected - 1.0).abs() < 0.01, "{freedom}: {found}");
        }
    }

    #[test]
    fn finds_a_line_and_how_sure_it_is() {
        let line: Vec<(f64, f64)> =
            (0..10).map(|i| (f64::from(i), 3.0 + 0.5 * f64::from(i))).collect();
        let found = least_squares_slope(&line).unwrap();
        assert!((found.value - 0.5).abs() < 1e-12 && found.high - found.low < 1e-9);
        // y = 1, 2, 2, 4 over 0..3: slope 0.9, residual variance 0.35 / 2, t(2) = 9.925.
        let few = least_squares_slope(&[(0.0, 1.0), (1.0, 2.0), (2.0, 2.0), (3.0, 4.0)]).unwrap();
        assert!((few.value - 0.9).abs() < 1e-12);
        assert!((few.high - 0.9 - 9.925 * (0.35f64 / 5.0).sqrt()).abs() < 1e-2, "{few:?}");
        assert_eq!(least_squares_slope(&[(1.0, 1.0); 9]), None);
        assert_eq!(least_squares_slope(&line[..3]), None);
    }
}
