//! Differences and correlation of two models' values on the same bootstrap resamples.

/// Differences, resample by resample.
pub(super) fn moved(after: &[f64], before: &[f64]) -> Vec<f64> {
    after.iter().zip(before).map(|(after, before)| after - before).collect()
}

/// Pearson's correlation of draws in which both have a value; 0 where one does not vary.
pub(super) fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let both: Vec<(f64, f64)> =
        a.iter().copied().zip(b.iter().copied()).filter(|(a, b)| !(a + b).is_nan()).collect();
    let n = both.len().max(1) as f64;
    let (ma, mb) = both.iter().fold((0.0, 0.0), |m, (a, b)| (m.0 + a / n, m.1 + b / n));
    let [mut aa, mut ab, mut bb] = [0.0; 3];
    for (a, b) in &both {
        let (a, b) = (a - ma, b - mb);
        [aa, ab, bb] = [aa + a * a, ab + a * b, bb + b * b];
    }
    if aa * bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}
