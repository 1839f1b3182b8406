//! Observed responses to doses.

/// One observation.
#[derive(Clone, Debug, PartialEq)]
pub struct DoseResponse {
    /// Kind of the observation.
    pub kind: String,
    /// Dose, above 0.
    pub dose: f64,
    /// Response; negative ones are noise.
    pub response: f64,
    /// Variance of the response from the draw of samples, times their number.
    pub variance: f64,
}
