//! Conclusions of an explanation, from which its sentences are made.

use serde::{Deserialize, Serialize};

/// Conclusions of an explanation: the recipe in numbers, the groups behind each change, and the score of
/// the forecasts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExplanationDigest {
    /// Steps that were done, in the study's own words and order.
    pub steps: Vec<String>,
    /// Components that were removed.
    pub components_removed: usize,
    /// Layers that were quantized.
    pub layers_quantized: usize,
    /// Groups behind the change of every total that is divided among groups, the primary metric first.
    pub causes: Vec<ChangeCauses>,
    /// Score of the forecasts of this variant.
    pub forecasts: ForecastTally,
}

/// Groups with and without a significant effect on one metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeCauses {
    /// As in [`Effect`](crate::schema::Effect).
    pub metric: String,
    /// As in [`Effect`](crate::schema::Effect).
    pub target: Option<String>,
    /// Position among the explanation's totals; `None` where the whole was not measured.
    pub total: Option<usize>,
    /// Positions among the explanation's effects of those that are significant, the largest first.
    pub significant: Vec<usize>,
    /// Ids of the groups whose effect is not significant.
    pub not_significant: Vec<String>,
}

/// Score of the forecasts of a variant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ForecastTally {
    /// Forecasts with an outcome.
    pub count: usize,
    /// Those whose interval held the outcome.
    pub held: usize,
    /// Coverage that the intervals were made for, in percent.
    pub level_pct: f64,
    /// Position among the explanation's forecasts of the one whose outcome lies furthest outside.
    pub largest_miss: Option<usize>,
}
