//! From the words of a step to a step.

use super::file::{OneOrMany, StepSection};
use super::narrow;
use paring_compress::catalog::{Criterion, Kind};
use paring_compress::{
    Allocation, Amount, Bypassing, Pruning, Recovery, Sparsify, Sparsity, Step, What,
};

pub(super) fn one<T: Clone>(value: &Option<OneOrMany<T>>) -> Option<T> {
    value.as_ref().and_then(|v| v.values().into_iter().next())
}

/// What a step's words mean.
///
/// # Errors
/// For a person: names the key.
pub(super) fn parse(step: &StepSection) -> Result<Step, String> {
    if step.tune.is_some() {
        return narrow::tune(step);
    }
    match (step.prune.as_deref(), step.quantize.as_deref()) {
        (Some(_), None) if narrow::narrows(step) => {
            Err(format!("{} belong to a quantize step", narrow::KEYS))
        }
        (Some("channels"), None) => prune(step, What::Channels),
        (Some("heads"), None) => prune(step, What::Heads),
        (Some("weights"), None) => sparsify(step),
        (Some("layers"), None) => bypass(step, Kind::Layer),
        (Some("blocks"), None) => bypass(step, Kind::Block),
        (Some(other), None) => Err(format!(
            "cannot prune `{other}`; known are `channels`, `heads`, `weights`, `layers` and `blocks`"
        )),
        (None, Some(format)) => narrow::quantize(step, format),
        _ => Err("a step has one of `prune`, `quantize` and `tune`".into()),
    }
}

fn share(key: &str, value: f64) -> Result<f64, String> {
    match value > 0.0 && value < 1.0 {
        true => Ok(value),
        false => Err(format!("`{key}` must be above 0 and below 1, it is {value}")),
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

fn amount(step: &StepSection) -> Result<Amount, String> {
    if step.pattern.is_some() {
        return Err("`pattern` belongs to `prune = \"weights\"`".into());
    }
    let amounts = [
        one(&step.ratio).map(Amount::Ratio),
        one(&step.count).map(Amount::Count),
        one(&step.score).map(Amount::Score),
        one(&step.macs).map(Amount::Macs),
        one(&step.latency).map(Amount::Latency),
    ];
    match only(amounts, "`ratio`, `count`, `score`, `macs` and `latency`")? {
        Amount::Ratio(ratio) => share("ratio", ratio).map(Amount::Ratio),
        Amount::Latency(latency) => match one(&step.on).as_deref() {
            Some("host") | None => share("latency", latency).map(Amount::Latency),
            Some(other) => Err(format!("costs are measured on `host`, not yet on `{other}`")),
        },
        Amount::Macs(macs) => share("macs", macs).map(Amount::Macs),
        Amount::Count(0) => Err("`count` must be 1 or more".into()),
        other => Ok(other),
    }
}

fn recovery(step: &StepSection) -> Result<Recovery, String> {
    match one(&step.recover).as_deref() {
        None | Some("none") => Ok(Recovery::None),
        Some("mean") => Ok(Recovery::Mean),
        Some("statistics") => Ok(Recovery::Statistics),
        Some("least-squares") => Ok(Recovery::LeastSquares),
        Some(other) => Err(format!(
            "`recover` is `none`, `mean`, `statistics` or `least-squares`, not `{other}`"
        )),
    }
}

fn criterion(step: &StepSection, default: &str) -> Result<Criterion, String> {
    one(&step.criterion).unwrap_or_else(|| default.into()).parse()
}

fn prune(step: &StepSection, what: What) -> Result<Step, String> {
    let allocate = match one(&step.allocate).as_deref() {
        None | Some("uniform") => Allocation::Uniform,
        Some("sensitivity") => Allocation::Sensitivity,
        Some(other) => {
            return Err(format!("`allocate` is `uniform` or `sensitivity`, not `{other}`"));
        }
    };
    let multiple = match step.multiple.unwrap_or(1) {
        0 => return Err("`multiple` must be 1 or more".into()),
        multiple => multiple,
    };
    Ok(Step::Prune(Pruning {
        what,
        amount: amount(step)?,
        criterion: criterion(step, "l1")?,
        recover: recovery(step)?,
        allocate,
        multiple,
        layers: step.layers.clone(),
        protect: step.protect.clone(),
        lossy: step.lossy,
        frozen: None,
    }))
}

/// Keys that only make sense where couplings are cut.
fn whole_couplings(step: &StepSection) -> Result<(), String> {
    match step.allocate.is_some() || step.multiple.is_some() || step.lossy {
        true => {
            Err("`allocate`, `multiple` and `lossy` belong to pruning channels or heads".into())
        }
        false => Ok(()),
    }
}

fn sparsify(step: &StepSection) -> Result<Step, String> {
    whole_couplings(step)?;
    if step.count.is_some() || step.macs.is_some() || step.latency.is_some() {
        return Err("single weights are pruned by `ratio`, `score` or `pattern`".into());
    }
    let pattern = one(&step.pattern).map(|p| groups(&p)).transpose()?;
    let ratio = one(&step.ratio).map(|r| share("ratio", r)).transpose()?;
    let amounts = [ratio.map(Sparsity::Ratio), one(&step.score).map(Sparsity::Score), pattern];
    let recover = match recovery(step)? {
        Recovery::None => false,
        Recovery::LeastSquares => true,
        _ => return Err("single weights recover by `least-squares` or not at all".into()),
    };
    Ok(Step::Sparsify(Sparsify {
        sparsity: only(amounts, "`ratio`, `score` and `pattern`")?,
        criterion: criterion(step, "l1")?,
        recover,
        layers: step.layers.clone(),
        protect: step.protect.clone(),
    }))
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

fn bypass(step: &StepSection, kind: Kind) -> Result<Step, String> {
    whole_couplings(step)?;
    if step.latency.is_some() {
        return Err("layers and blocks are left out by `ratio`, `count`, `score` or `macs`".into());
    }
    Ok(Step::Bypass(Bypassing {
        kind,
        amount: amount(step)?,
        criterion: criterion(step, "activation")?,
        recover: recovery(step)?,
        layers: step.layers.clone(),
        protect: step.protect.clone(),
        frozen: None,
    }))
}
