//! Groups of decisions: what experiments do or leave undone as one.

use crate::schema::{Forecast, Sha256Hex};
use serde::{Deserialize, Serialize};

/// Decisions of a step that belong to a group: those on one coupling, or one part of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroupPart {
    /// Position of the step from the baseline on.
    pub step: usize,
    /// The coupling or layer; `None` for the whole step.
    pub coupling: Option<String>,
    /// Of its components by rank, the how-manieth part of how many.
    pub share: Option<(usize, usize)>,
}

/// Decisions that the experiments on a variant do or leave undone as one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DecisionGroup {
    /// Stable for the same recipe: `1:block1.pw`, `2:head`.
    pub id: String,
    /// For a person: `prune channels of block1.pw`.
    pub label: String,
    /// Its parts; empty for engine options.
    pub parts: Vec<GroupPart>,
    /// The step in the study's own words.
    pub step: String,
    /// `prune channels`, `quantize int8`, `engine options`.
    pub operation: String,
    /// Importance criterion, where something was removed.
    pub criterion: Option<String>,
    /// The ledger's entries.
    pub decisions: Vec<Sha256Hex>,
    /// Every removed component, by id.
    pub components: Vec<String>,
    /// Layers whose weights it changed.
    pub layers: Vec<String>,
    /// Forecasts of the ledger, decision by decision.
    pub expected: Vec<Forecast>,
}
