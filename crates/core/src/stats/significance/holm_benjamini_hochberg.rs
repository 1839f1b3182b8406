//! Many tests at once: adjusted p-values.

/// p-values after Holm's step-down correction, in the order of `p`: an adjusted value of at most α
/// keeps the chance of any false discovery at α, whatever depends on what.
///
/// Source: Holm 1979.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let order = ascending(p);
    let mut adjusted = vec![0.0; p.len()];
    let mut largest = 0.0f64;
    for (rank, index) in order.into_iter().enumerate() {
        largest = largest.max((p.len() - rank) as f64 * p[index]).min(1.0);
        adjusted[index] = largest;
    }
    adjusted
}

/// p-values after Benjamini and Hochberg's step-up correction, in the order of `p`: calling those of
/// at most α discoveries keeps the expected share of false ones at α for independent tests.
///
/// Source: Benjamini & Hochberg 1995.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let order = ascending(p);
    let mut adjusted = vec![0.0; p.len()];
    let mut smallest = 1.0f64;
    for (rank, index) in order.into_iter().enumerate().rev() {
        smallest = smallest.min(p.len() as f64 / (rank + 1) as f64 * p[index]);
        adjusted[index] = smallest;
    }
    adjusted
}

fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn are(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
    }

    #[test]
    fn equal_those_of_r() {
        // p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") and "BH".
        are(&holm(&[0.01, 0.04, 0.03, 0.005]), &[0.03, 0.06, 0.06, 0.02]);
        are(&benjamini_hochberg(&[0.01, 0.04, 0.03, 0.005]), &[0.02, 0.04, 0.04, 0.02]);
        are(&holm(&[0.7, 0.6]), &[1.0, 1.0]);
        are(&holm(&[]), &[]);
    }
}
