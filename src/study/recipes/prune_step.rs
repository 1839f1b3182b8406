//! Sections of prune steps: channels and heads, single weights, layers and blocks.

use paring_compress::catalog::{Criterion, Kind};
use paring_compress::{
    Allocation, Amount, Bypassing, Pruning, Recovery, Sparsify, Sparsity, Step, What,
};
use serde::Deserialize;

/// Keys of `prune = "channels"` and `prune = "heads"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChannelPruningSection {
    ratio: Option<f64>,
    count: Option<usize>,
    score: Option<f64>,
    macs: Option<f64>,
    latency: Option<f64>,
    on: Option<String>,
    criterion: Option<Criterion>,
    recover: Option<Recovery>,
    allocate: Option<Allocation>,
    multiple: Option<usize>,
    layers: Option<String>,
    #[serde(default)]
    protect: Vec<String>,
    #[serde(default)]
    lossy: bool,
}

/// Keys of `prune = "weights"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WeightPruningSection {
    ratio: Option<f64>,
    score: Option<f64>,
    pattern: Option<String>,
    criterion: Option<Criterion>,
    recover: Option<Recovery>,
    layers: Option<String>,
    #[serde(default)]
    protect: Vec<String>,
}

/// Keys of `prune = "layers"` and `prune = "blocks"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BypassSection {
    ratio: Option<f64>,
    count: Option<usize>,
    score: Option<f64>,
    macs: Option<f64>,
    criterion: Option<Criterion>,
    recover: Option<Recovery>,
    layers: Option<String>,
    #[serde(default)]
    protect: Vec<String>,
}

impl ChannelPruningSection {
    pub(super) fn step(self, what: What) -> Result<Step, String> {
        let amounts = [
            self.ratio.map(Amount::Ratio),
            self.count.map(Amount::Count),
            self.score.map(Amount::Score),
            self.macs.map(Amount::Macs),
            self.latency.map(Amount::Latency),
        ];
        let amount = checked(only(amounts, "`ratio`, `count`, `score`, `macs` and `latency`")?)?;
        if let (Amount::Latency(_), Some(other)) = (amount, self.on.filter(|on| on != "host")) {
            return Err(format!("costs are measured on `host`, not yet on `{other}`"));
        }
        let multiple = match self.multiple.unwrap_or(1) {
            0 => return Err("`multiple` must be 1 or more".into()),
            multiple => multiple,
        };
        Ok(Step::Prune(Pruning {
            what,
            amount,
            criterion: self.criterion.unwrap_or(Criterion::L1),
            recover: self.recover.unwrap_or(Recovery::None),
            allocate: self.allocate.unwrap_or(Allocation::Uniform),
            multiple,
            layers: self.layers,
            protect: self.protect,
            lossy: self.lossy,
            frozen: None,
        }))
    }
}

impl WeightPruningSection {
    pub(super) fn step(self) -> Result<Step, String> {
        let pattern = self.pattern.map(|pattern| groups(&pattern)).transpose()?;
        let ratio = self.ratio.map(|ratio| share("ratio", ratio)).transpose()?;
        let amounts = [ratio.map(Sparsity::Ratio), self.score.map(Sparsity::Score), pattern];
        let recover = match self.recover.unwrap_or(Recovery::None) {
            Recovery::None => false,
            Recovery::LeastSquares => true,
            _ => return Err("single weights recover by `least-squares` or not at all".into()),
        };
        Ok(Step::Sparsify(Sparsify {
            sparsity: only(amounts, "`ratio`, `score` and `pattern`")?,
            criterion: self.criterion.unwrap_or(Criterion::L1),
            recover,
            layers: self.layers,
            protect: self.protect,
        }))
    }
}

impl BypassSection {
    pub(super) fn step(self, kind: Kind) -> Result<Step, String> {
        let amounts = [
            self.ratio.map(Amount::Ratio),
            self.count.map(Amount::Count),
            self.score.map(Amount::Score),
            self.macs.map(Amount::Macs),
        ];
        Ok(Step::Bypass(Bypassing {
            kind,
            amount: checked(only(amounts, "`ratio`, `count`, `score` and `macs`")?)?,
            criterion: self.criterion.unwrap_or(Criterion::Activation),
            recover: self.recover.unwrap_or(Recovery::None),
            layers: self.layers,
            protect: self.protect,
            frozen: None,
        }))
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
fn checked(amount: Amount) -> Result<Amount, String> {
    match amount {
        Amount::Ratio(ratio) => share("ratio", ratio).map(Amount::Ratio),
        Amount::Latency(latency) => share("latency", latency).map(Amount::Latency),
        Amount::Macs(macs) => share("macs", macs).map(Amount::Macs),
        Amount::Count(0) => Err("`count` must be 1 or more".into()),
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
fn groups(pattern: &str) -> Result<Sparsity, String> {
    let numbers =
        pattern.split_once(':').and_then(|(n, m)| Some((n.parse().ok()?, m.parse().ok()?)));
    match numbers {
        Some((kept, of)) if 0 < kept && kept < of => Ok(Sparsity::Groups { kept, of }),
        _ => Err(format!("`pattern` is written \"2:4\", two of every four stay; not `{pattern}`")),
    }
}
