//! The interval of an area under a ROC curve.

use crate::schema::ConfidenceInterval;

/// An area under a ROC curve, with its variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RocArea {
    /// The area.
    pub area: f64,
    /// DeLong's variance of it.
    pub variance: f64,
    /// Number of positives.
    pub positives: f64,
    /// Number of negatives.
    pub negatives: f64,
    /// Number of independent areas that it is the mean of.
    pub areas: f64,
}

/// The variance that an area would have by Hanley and McNeil, for as many positives as negatives.
fn expected(roc: &RocArea, area: f64) -> f64 {
    let half = (roc.positives + roc.negatives) / 2.0 - 1.0;
    let spread = 1.0 + half * ((1.0 - area) / (2.0 - area) + area / (1.0 + area));
    area * (1.0 - area) * spread / (roc.positives * roc.negatives * roc.areas)
}

/// The interval of an area: all areas that it is at most `critical` standard errors away from, where
/// the error at each is Hanley and McNeil's, scaled so that at the found area it is DeLong's. So it has
/// a width at an area of 1, where DeLong's error is 0, and stays within [0, 1].
///
/// Source: Newcombe 2006, Statistics in Medicine 25 (method 5); DeLong, DeLong & Clarke-Pearson 1988.
pub fn delong_interval(roc: &RocArea, critical: f64) -> ConfidenceInterval {
    // Half a misplaced sample of the rarer kind: where fewer are misplaced the scale is taken as 1.
    let least = expected(roc, 1.0 - 0.5 / roc.positives.min(roc.negatives).max(1.0));
    let scale = (roc.variance + least) / (expected(roc, roc.area) + least);
    let beyond =
        |area: f64| (roc.area - area).powi(2) > critical * critical * scale * expected(roc, area);
    let bound = |mut outside: f64| {
        let mut inside = roc.area;
        for _ in 0..60 {
            let middle = (inside + outside) / 2.0;
            if beyond(middle) { outside = middle } else { inside = middle }
        }
        (inside + outside) / 2.0
    };
    ConfidenceInterval { value: roc.area, low: bound(0.0), high: bound(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const Z: f64 = 1.959_963_984_540_054;

    #[test]
    fn a_perfect_area_has_a_width_and_a_good_one_stays_below_1() {
        let roc =
            RocArea { area: 1.0, variance: 0.0, positives: 50.0, negatives: 50.0, areas: 1.0 };
        let found = delong_interval(&roc, Z);
        // Where (1 − θ)² = z² V(θ).
        let off = (1.0 - found.low).powi(2) - Z * Z * expected(&roc, found.low);
        assert!(off.abs() < 1e-9 && found.high == 1.0 && found.low < 0.97, "{found:?}");
        let good = RocArea { area: 0.97, variance: 3e-4, ..roc };
        let found = delong_interval(&good, Z);
        assert!(found.low > 0.9 && found.high < 1.0 && 1.0 - found.high > 0.005, "{found:?}");
        let mirrored = delong_interval(&RocArea { area: 0.03, ..good }, Z);
        assert!((mirrored.low - (1.0 - found.high)).abs() < 1e-9);
    }

    #[test]
    fn many_samples_have_the_normal_interval() {
        let (positives, negatives) = (4e5, 4e5);
        let roc = RocArea { area: 0.8, variance: 1e-7, positives, negatives, areas: 1.0 };
        let found = delong_interval(&roc, Z);
        let half = Z * 1e-7f64.sqrt();
        assert!(((found.high - found.low) / (2.0 * half) - 1.0).abs() < 0.02, "{found:?}");
    }
}
