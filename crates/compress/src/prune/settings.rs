//! Settings of prune steps: channels and attention heads, whole layers and blocks, single weights.

use crate::catalog::{ComponentKind, Criterion};
use paring_core::schema::Sha256Hex;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Settings of a prune step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChannelPruning {
    /// The kind of components.
    pub what: PruneStructure,
    /// The number of them that goes.
    pub amount: PruneAmount,
    /// The importance criterion.
    pub criterion: Criterion,
    /// Recovery, without retraining, of what remains.
    pub recover: RecoveryMethod,
    /// The allocation of the amount over couplings.
    pub allocate: BudgetAllocation,
    /// The width that remains of a coupling is a multiple of this.
    pub multiple: usize,
    /// Only couplings whose ids match; `*` stands for anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<String>,
    /// Couplings or components whose ids match stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub protect: Vec<String>,
    /// Also couplings whose removal changes statistics of what remains.
    pub lossy: bool,
    /// Exactly these components by their original indices, whatever the scores say: a replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<BTreeMap<String, Vec<usize>>>,
}

impl ChannelPruning {
    /// A uniform share of all channels and neurons by a criterion, without recovery.
    pub fn channels(ratio: f64, criterion: Criterion) -> Self {
        ChannelPruning {
            what: PruneStructure::Channels,
            amount: PruneAmount::Ratio(ratio),
            criterion,
            recover: RecoveryMethod::None,
            allocate: BudgetAllocation::Uniform,
            multiple: 1,
            layers: None,
            protect: Vec::new(),
            lossy: false,
            frozen: None,
        }
    }

    /// Goes by measured costs.
    pub fn needs_costs(&self) -> bool {
        matches!(self.amount, PruneAmount::Latency(_))
    }

    /// Looks at calibration samples.
    pub fn needs_data(&self) -> bool {
        self.criterion.needs_data()
            || self.recover != RecoveryMethod::None
            || self.allocate == BudgetAllocation::Sensitivity
    }
}

/// The kinds of components that a prune step removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PruneStructure {
    /// Channels of convolutions and outputs of matrix products.
    Channels,
    /// Heads of attention.
    Heads,
}

impl PruneStructure {
    /// True of a kind whose components are meant.
    pub fn includes(self, kind: ComponentKind) -> bool {
        (self == PruneStructure::Heads) == (kind == ComponentKind::Head)
    }
}

/// The number of components that go.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PruneAmount {
    /// This share of each coupling, above 0 and below 1.
    Ratio(f64),
    /// This number of each coupling.
    Count(usize),
    /// Those with a score up to this.
    Score(f64),
    /// As many as leave this share of the multiply-adds, above 0 and below 1.
    Macs(f64),
    /// As many as leave this share of the measured time of the nodes, above 0 and below 1.
    Latency(f64),
}

/// Recovery, without retraining, of what remains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecoveryMethod {
    /// It does not.
    None,
    /// Biases take over the mean of what is missing.
    Mean,
    /// Outputs are scaled and shifted to the mean and the variance they had: what estimating the
    /// statistics of a normalisation anew does, also where it is folded.
    Statistics,
    /// Weights and biases are solved anew for the baseline's outputs.
    LeastSquares,
}

/// The allocation of an amount over couplings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BudgetAllocation {
    /// The same share of each.
    Uniform,
    /// Most where a saved multiply-add adds the least error; as many in all as the uniform share saves.
    Sensitivity,
}

impl fmt::Display for PruneAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PruneAmount::Ratio(ratio) => write!(f, "ratio {ratio}"),
            PruneAmount::Count(count) => write!(f, "count {count}"),
            PruneAmount::Score(score) => write!(f, "score up to {score}"),
            PruneAmount::Macs(share) => write!(f, "to {share} of the MACs"),
            PruneAmount::Latency(share) => write!(f, "to {share} of the latency"),
        }
    }
}

impl fmt::Display for RecoveryMethod {
    /// As it stands behind a criterion.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecoveryMethod::None => Ok(()),
            RecoveryMethod::Mean => write!(f, ", recover mean"),
            RecoveryMethod::Statistics => write!(f, ", recover statistics"),
            RecoveryMethod::LeastSquares => write!(f, ", recover least-squares"),
        }
    }
}

impl fmt::Display for ChannelPruning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.what == PruneStructure::Heads { "heads" } else { "channels" };
        write!(f, "prune {what}, ")?;
        write!(f, "{}, criterion {}{}", self.amount, self.criterion, self.recover)?;
        if self.allocate == BudgetAllocation::Sensitivity {
            write!(f, ", allocate sensitivity")?;
        }
        if self.multiple > 1 {
            write!(f, ", multiple {}", self.multiple)?;
        }
        if let Some(layers) = &self.layers {
            write!(f, ", layers {layers}")?;
        }
        if !self.protect.is_empty() {
            write!(f, ", protect {}", self.protect.join(" "))?;
        }
        if self.lossy {
            write!(f, ", lossy")?;
        }
        if let Some(frozen) = &self.frozen {
            // Too many to list, and enough to tell two replays apart.
            let count: usize = frozen.values().map(Vec::len).sum();
            let hash = Sha256Hex::of_json(&json!(frozen));
            write!(f, ", replayed with {count} components ({})", hash.short())?;
        }
        Ok(())
    }
}

/// Settings of a step that leaves out layers or blocks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerPruning {
    /// [`ComponentKind::Layer`] or [`ComponentKind::Block`].
    pub kind: ComponentKind,
    /// The number of them that goes.
    pub amount: PruneAmount,
    /// The importance criterion.
    pub criterion: Criterion,
    /// The recovery of the layers behind.
    pub recover: RecoveryMethod,
    /// Only those whose ids match; `*` stands for anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<String>,
    /// Those whose ids match stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub protect: Vec<String>,
    /// Exactly these, whatever the scores say: a replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<BTreeSet<String>>,
}

impl LayerPruning {
    /// Looks at calibration samples.
    pub fn needs_data(&self) -> bool {
        self.criterion.needs_data() || self.recover != RecoveryMethod::None
    }
}

impl fmt::Display for LayerPruning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "prune {}s, {}, criterion {}", self.kind, self.amount, self.criterion)?;
        write!(f, "{}", self.recover)?;
        if let Some(layers) = &self.layers {
            write!(f, ", layers {layers}")?;
        }
        if !self.protect.is_empty() {
            write!(f, ", protect {}", self.protect.join(" "))?;
        }
        if let Some(frozen) = &self.frozen {
            let ids: Vec<&str> = frozen.iter().map(String::as_str).collect();
            write!(f, ", replayed with {}", ids.join(" "))?;
        }
        Ok(())
    }
}

/// The weights that become zero.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightSparsity {
    /// This share of each layer, above 0 and below 1.
    Ratio(f64),
    /// Those with a score up to this.
    Score(f64),
    /// All but `kept` of every `of` consecutive inputs of an output, `2:4` say.
    Groups {
        /// The number that stays.
        kept: usize,
        /// The number in a group.
        of: usize,
    },
}

/// Settings of a step that sets weights to zero.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WeightPruning {
    /// The weights that become zero.
    pub sparsity: WeightSparsity,
    /// The importance criterion.
    pub criterion: Criterion,
    /// The weights that stay make up for what goes.
    pub recover: bool,
    /// Only layers whose names match; `*` stands for anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<String>,
    /// Layers whose names match stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub protect: Vec<String>,
}

impl WeightPruning {
    /// Looks at calibration samples.
    pub fn needs_data(&self) -> bool {
        self.criterion.needs_data() || self.recover
    }
}

impl fmt::Display for WeightPruning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "prune weights, ")?;
        match self.sparsity {
            WeightSparsity::Ratio(ratio) => write!(f, "ratio {ratio}")?,
            WeightSparsity::Score(score) => write!(f, "score up to {score}")?,
            WeightSparsity::Groups { kept, of } => write!(f, "pattern {kept}:{of}")?,
        }
        write!(f, ", criterion {}", self.criterion)?;
        let recovery =
            if self.recover { RecoveryMethod::LeastSquares } else { RecoveryMethod::None };
        write!(f, "{recovery}")?;
        if let Some(layers) = &self.layers {
            write!(f, ", layers {layers}")?;
        }
        if !self.protect.is_empty() {
            write!(f, ", protect {}", self.protect.join(" "))?;
        }
        Ok(())
    }
}

/// The id of all single weights of a layer, as one component.
pub fn weights_id(layer: &str) -> String {
    format!("{layer}/weights")
}
