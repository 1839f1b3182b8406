//! The result of a step: its graph, and decisions that have no place in a ledger yet.

use crate::Paring;
use paring_core::schema::{
    CouplingMember, Decision, DecisionInputs, Forecast, OriginalIndices, PrecisionChange,
    RejectedAlternative, RemovedComponent, Sha256Hex, TrainingRecord,
};
use paring_onnx::graph::Graph;
use std::collections::BTreeMap;

/// The savings of a removal alone, as far as the graph tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RemovalSavings {
    /// The share of its multiply-adds that each node loses, by name.
    pub macs: BTreeMap<String, f64>,
    /// Bytes of initializers.
    pub bytes: u64,
}

/// A decision before it has a place in a ledger.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecisionDraft {
    /// `prune channels`, `quantize int8`, `fold batch normalization`.
    pub operation: String,
    /// The coupling or layer.
    pub coupling: String,
    /// The removed components.
    pub components: Vec<RemovedComponent>,
    /// The tensor axes that changed together.
    pub members: Vec<CouplingMember>,
    /// The change of number format.
    pub precision: Option<PrecisionChange>,
    /// The importance criterion.
    pub criterion: Option<String>,
    /// The highest score that was removed.
    pub threshold: Option<f64>,
    /// The alternatives that were considered.
    pub alternatives_rejected: Vec<RejectedAlternative>,
    /// Hash of the calibration samples, where there were any.
    pub calibration_sha256: Option<Sha256Hex>,
    /// Set where measured costs decided how many go.
    pub by_cost: bool,
    /// Hash of a table of its own that it was measured with.
    pub table_sha256: Option<Sha256Hex>,
    /// The tensors that were taken out or overwritten.
    pub paring: Paring,
    /// The forecast of its effects.
    pub expected: Vec<Forecast>,
    /// The training, of one that trained weights.
    pub training: Option<TrainingRecord>,
    /// The savings of it alone.
    pub saves: RemovalSavings,
    /// The reason, for a person.
    pub reason: String,
}

/// The place of a decision: its step, the variants on both sides, and the data it stands on.
#[derive(Clone, Debug)]
pub struct DecisionPlace {
    /// The variant the step started from.
    pub parent_id: Sha256Hex,
    /// The variant the recipe's last step led to.
    pub variant_id: Sha256Hex,
    /// The step, in the study's own words.
    pub step: String,
    /// Hashes of the data the decision stands on.
    pub inputs: DecisionInputs,
    /// Files that hold every removed slice and every overwritten tensor.
    pub parings: Vec<Sha256Hex>,
    /// Accountable person or team.
    pub owner: String,
}

impl DecisionDraft {
    /// The decision at its place; the paring is in the files that `place` names.
    pub fn into_decision(self, place: DecisionPlace) -> Decision {
        Decision {
            parent_id: place.parent_id,
            variant_id: place.variant_id,
            step: place.step,
            operation: self.operation,
            coupling: self.coupling,
            components: self.components,
            members: self.members,
            precision: self.precision,
            criterion: self.criterion,
            threshold: self.threshold,
            alternatives_rejected: self.alternatives_rejected,
            inputs: place.inputs,
            parings: place.parings,
            expected: self.expected,
            training: self.training,
            owner: place.owner,
            reason: self.reason,
        }
    }
}

/// The result of a step.
#[derive(Clone, Debug)]
pub struct StepResult {
    /// The graph after the step.
    pub graph: Graph,
    /// The original indices that remain of every shortened axis.
    pub origins: OriginalIndices,
    /// The decisions, in order.
    pub decisions: Vec<DecisionDraft>,
    /// Layers that were left alone, with the reason.
    pub refusals: Vec<(String, String)>,
    /// The reason to distrust the result, where its outputs differ more than the decisions explain.
    pub unexplained: Option<String>,
}

impl StepResult {
    /// The result of a step that refused nothing and leaves nothing unexplained.
    pub fn new(
        graph: Graph,
        origins: OriginalIndices,
        decisions: Vec<DecisionDraft>,
    ) -> StepResult {
        StepResult { graph, origins, decisions, refusals: Vec::new(), unexplained: None }
    }
}
