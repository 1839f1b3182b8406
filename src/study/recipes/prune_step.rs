//! Sections of prune steps: channels and heads, single weights, layers and blocks.

use super::distill_step::{PruneRecovery, with_training};
use crate::study::key_schemas::known_words;
use paring_compress::catalog::{ComponentKind, Criterion};
use paring_compress::{
    BudgetAllocation, ChannelPruning, LayerPruning, PruneAmount, PruneStructure, RecoveryMethod,
    Step, WeightPruning, WeightSparsity,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Keys of `prune = "channels"` and `prune = "heads"`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChannelPruningSection {
    /// A share of each coupling, above 0 and below 1.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    ratio: Option<f64>,
    /// Number of components of each coupling.
    #[schemars(range(min = 1))]
    count: Option<usize>,
    /// All with a score up to this.
    score: Option<f64>,
    /// As many as leave this share of the multiply-accumulates.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    macs: Option<f64>,
    /// As many as leave this share of the baseline's measured time.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    latency: Option<f64>,
    /// The target whose measurements decide; default `host`.
    on: Option<String>,
    /// Criterion of importance; default `l1`, of layers and blocks `activation`.
    #[schemars(schema_with = "known_words::<Criterion>")]
    criterion: Option<Criterion>,
    /// Recovery by which what remains makes up for the loss; default `none`.
    recover: Option<PruneRecovery>,
    /// Spread of the amount over couplings; default `uniform`.
    #[schemars(schema_with = "known_words::<BudgetAllocation>")]
    allocate: Option<BudgetAllocation>,
    /// The width that stays of a coupling is a multiple of this; default 1.
    #[schemars(range(min = 1))]
    multiple: Option<usize>,
    /// Only layers whose ids match this pattern with `*`.
    layers: Option<String>,
    /// Patterns of ids with `*` that the step leaves as they are; one that matches nothing is an error.
    #[serde(default)]
    protect: Vec<String>,
    /// Also shorten what a layer normalisation averages over, which changes what remains.
    #[serde(default)]
    lossy: bool,
}

/// Keys of `prune = "weights"`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WeightPruningSection {
    /// A share of each layer's weights, above 0 and below 1.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    ratio: Option<f64>,
    /// All with a score up to this.
    score: Option<f64>,
    /// `"2:4"`: two of every four inputs of an output stay.
    #[schemars(regex(pattern = r"^[0-9]+:[0-9]+$"))]
    pattern: Option<String>,
    /// Criterion of importance; default `l1`, of layers and blocks `activation`.
    #[schemars(schema_with = "known_words::<Criterion>")]
    criterion: Option<Criterion>,
    /// Recovery by which what remains makes up for the loss; default `none`.
    recover: Option<PruneRecovery>,
    /// Only layers whose ids match this pattern with `*`.
    layers: Option<String>,
    /// Patterns of ids with `*` that the step leaves as they are; one that matches nothing is an error.
    #[serde(default)]
    protect: Vec<String>,
}

/// Keys of `prune = "layers"` and `prune = "blocks"`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BypassSection {
    /// A share of all layers or blocks, above 0 and below 1.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    ratio: Option<f64>,
    /// Number of layers or blocks.
    #[schemars(range(min = 1))]
    count: Option<usize>,
    /// All with a score up to this.
    score: Option<f64>,
    /// As many as leave this share of the multiply-accumulates.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    macs: Option<f64>,
    /// Criterion of importance; default `l1`, of layers and blocks `activation`.
    #[schemars(schema_with = "known_words::<Criterion>")]
    criterion: Option<Criterion>,
    /// Recovery by which what remains makes up for the loss; default `none`.
    recover: Option<PruneRecovery>,
    /// Only layers whose ids match this pattern with `*`.
    layers: Option<String>,
    /// Patterns of ids with `*` that the step leaves as they are; one that matches nothing is an error.
    #[serde(default)]
    protect: Vec<String>,
}

impl ChannelPruningSection {
    pub(super) fn step(self, what: PruneStructure) -> Result<Vec<Step>, String> {
        let amounts = [
            self.ratio.map(PruneAmount::Ratio),
            self.count.map(PruneAmount::Count),
            self.score.map(PruneAmount::Score),
            self.macs.map(PruneAmount::Macs),
            self.latency.map(PruneAmount::Latency),
        ];
        let amount = checked(only(amounts, "`ratio`, `count`, `score`, `macs` and `latency`")?)?;
        if let (PruneAmount::Latency(_), Some(other)) = (amount, self.on.filter(|on| on != "host"))
        {
            return Err(format!("costs are measured on `host`, not yet on `{other}`"));
        }
        let multiple = match self.multiple.unwrap_or(1) {
            0 => return Err("`multiple` must be 1 or more".into()),
            multiple => multiple,
        };
        let step = Step::Prune(ChannelPruning {
            what,
            amount,
            criterion: self.criterion.unwrap_or(Criterion::L1),
            recover: self.recover.map_or(RecoveryMethod::None, PruneRecovery::method),
            allocate: self.allocate.unwrap_or(BudgetAllocation::Uniform),
            multiple,
            layers: self.layers,
            protect: self.protect,
            lossy: self.lossy,
            frozen: None,
        });
        Ok(with_training(step, self.recover))
    }
}

impl WeightPruningSection {
    pub(super) fn step(self) -> Result<Vec<Step>, String> {
        let pattern = self.pattern.map(|pattern| groups(&pattern)).transpose()?;
        let ratio = self.ratio.map(|ratio| share("ratio", ratio)).transpose()?;
        let amounts =
            [ratio.map(WeightSparsity::Ratio), self.score.map(WeightSparsity::Score), pattern];
        let recover = match self.recover.map_or(RecoveryMethod::None, PruneRecovery::method) {
            RecoveryMethod::None => false,
            RecoveryMethod::LeastSquares => true,
            _ => {
                return Err(
                    "single weights recover by `least-squares`, `distill` or not at all".into()
                );
            }
        };
        let step = Step::Sparsify(WeightPruning {
            sparsity: only(amounts, "`ratio`, `score` and `pattern`")?,
            criterion: self.criterion.unwrap_or(Criterion::L1),
            recover,
            layers: self.layers,
            protect: self.protect,
        });
        Ok(with_training(step, self.recover))
    }
}

impl BypassSection {
    pub(super) fn step(self, kind: ComponentKind) -> Result<Vec<Step>, String> {
        let amounts = [
            self.ratio.map(PruneAmount::Ratio),
            self.count.map(PruneAmount::Count),
            self.score.map(PruneAmount::Score),
            self.macs.map(PruneAmount::Macs),
        ];
        let step = Step::Bypass(LayerPruning {
            kind,
            amount: checked(only(amounts, "`ratio`, `count`, `score` and `macs`")?)?,
            criterion: self.criterion.unwrap_or(Criterion::Activation),
            recover: self.recover.map_or(RecoveryMethod::None, PruneRecovery::method),
            layers: self.layers,
            protect: self.protect,
            frozen: None,
        });
        Ok(with_training(step, self.recover))
    }
}

/// The only one of several amounts.
fn only<T>(amounts: impl IntoIterator<Item = Option<T>>, keys: &str) -> Result<T, String> {
    let mut given = amounts.into_iter().flatten();
    let amount = given.next().ok_or_else(|| format!("the step needs one of {keys}"))?;
    match given.next() {
        Some(_) => Err(format!("the step has more than one of {keys}")),
        None => Ok(amount),
    }
}

/// An amount that leaves something and takes something.
fn checked(amount: PruneAmount) -> Result<PruneAmount, String> {
    match amount {
        PruneAmount::Ratio(ratio) => share("ratio", ratio).map(PruneAmount::Ratio),
        PruneAmount::Latency(latency) => share("latency", latency).map(PruneAmount::Latency),
        PruneAmount::Macs(macs) => share("macs", macs).map(PruneAmount::Macs),
        PruneAmount::Count(0) => Err("`count` must be 1 or more".into()),
        amount => Ok(amount),
    }
}

fn share(key: &str, value: f64) -> Result<f64, String> {
    match value > 0.0 && value < 1.0 {
        true => Ok(value),
        false => Err(format!("`{key}` must be above 0 and below 1, it is {value}")),
    }
}

/// `2:4`: two of every four stay.
fn groups(pattern: &str) -> Result<WeightSparsity, String> {
    let numbers =
        pattern.split_once(':').and_then(|(n, m)| Some((n.parse().ok()?, m.parse().ok()?)));
    match numbers {
        Some((kept, of)) if 0 < kept && kept < of => Ok(WeightSparsity::Groups { kept, of }),
        _ => Err(format!("`pattern` is written \"2:4\", two of every four stay; not `{pattern}`")),
    }
}
