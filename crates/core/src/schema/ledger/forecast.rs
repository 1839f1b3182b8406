//! Forecasts of decisions, stated before anything is tried.

use serde::{Deserialize, Serialize};

/// An expected change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// The task's primary metric, in its own units, or `output_error`: squared error of the reading
    /// layers' outputs over their variance, summed over the layers, with their weights as the step's
    /// recovery leaves them.
    pub metric: String,
    /// The target, for what depends on one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The change.
    pub delta: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// Scale of distances of outcomes from `delta`, where bounds were learnt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
    /// Method.
    pub method: String,
}

impl Forecast {
    /// The metric of what reading layers lose.
    pub const OUTPUT_ERROR: &'static str = "output_error";

    /// An expected error of the reading layers' outputs; known, so without an interval. `None` of an
    /// error that is no number: activations overflowed, and nothing can be said.
    pub fn output_error(error: f64) -> Option<Self> {
        error.is_finite().then(|| Forecast {
            metric: Self::OUTPUT_ERROR.into(),
            target: None,
            delta: error,
            low: error,
            high: error,
            scale: None,
            method: "second order, on the calibration samples".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_no_forecast() {
        assert_eq!(Forecast::output_error(f64::NAN), None);
        assert_eq!(Forecast::output_error(f64::INFINITY), None);
    }
}
