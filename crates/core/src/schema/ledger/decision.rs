//! Decisions about a model, as the ledger holds them.

use crate::schema::{
    ComponentRef, DecidedPrecision, Forecast, ReplayedDecision, Sha256Hex, TrainingRecord,
};
use serde::{Deserialize, Serialize};

/// Ledger entry of what one step did to one coupling or layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The variant the step started from.
    pub parent_id: Sha256Hex,
    /// The variant the recipe's last step led to.
    pub variant_id: Sha256Hex,
    /// The step, in the study's own words.
    pub step: String,
    /// `prune channels`, `quantize int8`, `fold batch normalization`.
    pub operation: String,
    /// The coupling or layer.
    pub coupling: String,
    /// Removed components; empty for a change of precision.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<RemovedComponent>,
    /// The tensor axes that changed together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<CouplingMember>,
    /// The change of number format, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<PrecisionChange>,
    /// Importance criterion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criterion: Option<String>,
    /// The highest score that was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Alternatives that were considered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives_rejected: Vec<RejectedAlternative>,
    /// Hashes of the data the decision stands on.
    pub inputs: DecisionInputs,
    /// Files that hold every removed slice and every overwritten tensor.
    pub parings: Vec<Sha256Hex>,
    /// Forecasts, stated before anything was tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<Forecast>,
    /// The training, of a decision that trained weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainingRecord>,
    /// Accountable person or team.
    pub owner: String,
    /// Reason, for a person.
    pub reason: String,
}

impl Decision {
    /// The part of it that a replay keeps; `None` where it neither removes nor narrows anything and so only
    /// accompanies others (a folded normalisation, a recovered layer).
    pub fn piece(&self) -> Option<ReplayedDecision> {
        let reference = |c: &RemovedComponent| ComponentRef {
            id: c.id.clone(),
            original_index: c.original_index,
        };
        (!self.components.is_empty() || self.precision.is_some()).then(|| ReplayedDecision {
            coupling: self.coupling.clone(),
            components: self.components.iter().map(reference).collect(),
            precision: self.precision.as_ref().map(PrecisionChange::decided),
        })
    }
}

/// A removed component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemovedComponent {
    /// `coupling:original index`.
    pub id: String,
    /// Its index in the baseline.
    pub original_index: usize,
    /// Its score under the criterion.
    pub score: f64,
    /// Its place among all components of the coupling, 0 for the least important.
    pub rank: usize,
}

/// One axis of one initializer that belongs to a coupling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CouplingMember {
    /// The node that reads the initializer.
    pub node: String,
    /// The initializer.
    pub initializer: String,
    /// Its axis.
    pub axis: usize,
}

/// A change of number format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrecisionChange {
    /// Before.
    pub from: String,
    /// After.
    pub to: String,
    /// Scales, zero points and how they were found.
    pub scheme: String,
}

impl PrecisionChange {
    /// As a step names it: `int8 per tensor`, `int8-dynamic per channel`, `int4-weights`.
    fn decided(&self) -> DecidedPrecision {
        let format = self.to.replace(' ', "-");
        let weights = match self.scheme.contains("per channel") {
            true => " per channel",
            false => " per tensor",
        };
        let blocks = format.starts_with("int4") || format == "f16";
        DecidedPrecision::from(if blocks { format } else { format + weights })
    }
}

/// An alternative, and why it was not taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RejectedAlternative {
    /// The alternative.
    pub what: String,
    /// Reason.
    pub why: String,
}

/// Hashes of what a decision stands on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DecisionInputs {
    /// The calibration samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration_sha256: Option<Sha256Hex>,
    /// The table of measured costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_table_sha256: Option<Sha256Hex>,
}

/// Something a step would not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRefusal {
    /// The variant the step started from.
    pub parent_id: Sha256Hex,
    /// The variant being made.
    pub variant: String,
    /// The step, in the study's own words.
    pub step: String,
    /// The coupling, layer or node.
    pub what: String,
    /// Reason.
    pub reason: String,
}
