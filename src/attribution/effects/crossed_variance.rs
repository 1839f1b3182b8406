//! Variance of effects under crossed random effects: the draw of report samples and the draw of
//! calibration samples.

use paring_core::schema::ConfidenceInterval;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Coverage of all intervals.
pub const LEVEL: f64 = 0.95;

/// Variances of a mean over draws and samples, from a value for each sample of each draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CrossedVariance {
    /// Variance of the mean over draws, from the samples: what draws share and what they do not.
    pub(super) samples: f64,
    /// Variance of the mean over draws, from the draws: what is each draw's own included.
    pub(super) draws: f64,
    /// The part that both of them hold.
    pub(super) both: f64,
}

impl CrossedVariance {
    /// The mean with both deviations; degrees of freedom after Satterthwaite 1946. `error` is a
    /// further standard error that is independent of both.
    ///
    /// Source: crossed random effects, Searle, Casella & McCulloch 1992, chapter 4.
    pub(super) fn interval(
        &self,
        values: &[f64],
        sample_freedom: f64,
        error: f64,
    ) -> ConfidenceInterval {
        let value = values.iter().sum::<f64>() / values.len() as f64;
        let variance = (self.samples + self.draws - self.both).max(self.samples).max(self.draws);
        let own = (self.draws - self.both).max(0.0);
        let parts = [(self.samples, sample_freedom), (own, values.len() as f64 - 1.0)];
        let spread: f64 = parts.iter().map(|(part, freedom)| part * part / freedom).sum();
        let freedom = if spread > 0.0 { variance * variance / spread } else { f64::INFINITY };
        let freedom = freedom.clamp(1.0, 1e6);
        let reach = StudentsT::new(0.0, 1.0, freedom)
            .map_or(1.96, |t| t.inverse_cdf(1.0 - (1.0 - LEVEL) / 2.0));
        let half = reach * (variance + error * error).sqrt();
        ConfidenceInterval { value, low: value - half, high: value + half }
    }

    /// Standard deviation of a single draw's effect around the mean of all draws there could be.
    pub(super) fn recipe_sd(&self, draws: usize) -> f64 {
        ((self.draws - self.both).max(0.0) * draws as f64).sqrt()
    }
}

/// Unbiased variance; 0 of fewer than two.
pub(super) fn sample_variance(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count.max(1.0);
    let spread: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    if values.len() < 2 { 0.0 } else { spread / (count - 1.0) }
}
