//! Proportions of independent samples.

use crate::record::Interval;

/// The 97.5 % point of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// 95 % interval of a proportion. Unlike the bootstrap it has a width when all samples agree.
/// `None` of no samples.
///
/// Source: Wilson 1927; Brown, Cai & DasGupta 2001 recommend it.
pub fn wilson(hits: usize, samples: usize) -> Option<Interval> {
    if samples == 0 {
        return None;
    }
    let (n, p) = (samples as f64, hits as f64 / samples as f64);
    let centre = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    Some(Interval { value: p, low: (centre - half).max(0.0), high: (centre + half).min(1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_published_values_and_never_has_no_width() {
        // Newcombe 1998, table I: 81 of 263 and 0 of 20.
        let many = wilson(81, 263).unwrap();
        assert!((many.low - 0.2553).abs() < 1e-4 && (many.high - 0.3662).abs() < 1e-4);
        let none = wilson(0, 20).unwrap();
        assert!(none.low.abs() < 1e-12 && (none.high - 0.1611).abs() < 1e-4);
        assert!(wilson(0, 0).is_none());
    }
}
