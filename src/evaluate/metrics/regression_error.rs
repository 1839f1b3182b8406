//! Numbers against numbers: rows of `width` targets a sample.

fn mean(values: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
    let count = values.len();
    (count > 0).then(|| values.sum::<f64>() / count as f64)
}

/// Mean squared distance over all targets of all samples; `None` of none.
pub fn mean_squared_error(truth: &[f64], found: &[f64]) -> Option<f64> {
    mean(truth.iter().zip(found).map(|(t, f)| (t - f).powi(2)))
}

/// Mean distance over all targets of all samples; `None` of none.
pub fn mean_absolute_error(truth: &[f64], found: &[f64]) -> Option<f64> {
    mean(truth.iter().zip(found).map(|(t, f)| (t - f).abs()))
}

/// 1 − residual over total sum of squares, the mean over `width` targets. `None` where a target is
/// constant: there is nothing to explain.
pub fn r2(truth: &[f64], found: &[f64], width: usize) -> Option<f64> {
    let of = |target: usize| {
        let own: Vec<f64> = truth.iter().skip(target).step_by(width.max(1)).copied().collect();
        let centre = mean(own.iter().copied())?;
        let total: f64 = own.iter().map(|t| (t - centre).powi(2)).sum();
        let found = found.iter().skip(target).step_by(width.max(1));
        let residual: f64 = own.iter().zip(found).map(|(t, f)| (t - f).powi(2)).sum();
        (total > 0.0).then(|| 1.0 - residual / total)
    };
    let all: Option<Vec<f64>> = (0..width).map(of).collect();
    mean(all?.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_those_computed_by_hand() {
        let (truth, found) = ([1.0, 2.0, 3.0, 6.0], [1.0, 3.0, 3.0, 4.0]);
        assert_eq!(mean_squared_error(&truth, &found), Some(1.25));
        assert_eq!(mean_absolute_error(&truth, &found), Some(0.75));
        // Targets 1, 3 and 2, 6: residuals 0 of 2, and 5 of 8.
        assert_eq!(r2(&truth, &found, 2), Some((1.0 + 0.375) / 2.0));
        assert_eq!(r2(&[1.0, 1.0], &found[..2], 1), None);
        assert_eq!(mean_squared_error(&[], &[]), None);
    }
}
