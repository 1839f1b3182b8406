//! The conclusion from all that was found: what to say first.

use super::canonical::RewriteLog;
use super::channels::CouplingDifference;
use super::execution::{OutputComparison, SAME_OUTPUTS};
use super::flow::FlowChanges;
use super::tensors::{OTHER_WEIGHTS, ROUNDED, SAME};
use super::{DifferenceVerdict, ModelDifference, TensorDifference};
use paring_core::schema::OriginalIndices;
use std::collections::{BTreeMap, BTreeSet};

/// The names that are said before "and N more".
const NAMES: usize = 6;
/// Below this cosine two layers have nothing in common.
const UNRELATED: f64 = 0.15;
/// Outputs of models that are the same by structure may be apart by so much.
const ACCUMULATED: f64 = 1e-3;

/// All that was found.
pub(super) struct DiffFindings {
    pub(super) couplings: Vec<CouplingDifference>,
    pub(super) tensors: Vec<TensorDifference>,
    pub(super) found: FlowChanges,
    pub(super) unexplained: Vec<String>,
    pub(super) origins: OriginalIndices,
    pub(super) activations: String,
    pub(super) outputs: OutputComparison,
    /// Of the baseline and of the variant.
    pub(super) rewrites: [RewriteLog; 2],
    /// Operators with weights in both.
    pub(super) operators: [usize; 2],
}

/// Concludes.
pub(super) fn conclude(mut findings: DiffFindings) -> ModelDifference {
    let rewrites = rewritten(&findings.rewrites);
    let names = |weighted: bool, all: &[super::flow::UnpairedNode]| -> Vec<String> {
        let some = all.iter().filter(|n| n.weighted == weighted);
        some.map(|n| if weighted { n.layer.clone() } else { format!("{}: {}", n.layer, n.op) })
            .collect()
    };
    let found = &findings.found;
    let mut layers = [names(true, &found.removed), names(true, &found.added)];
    let operators = [names(false, &found.removed), names(false, &found.added)];
    let mut unexplained = std::mem::take(&mut findings.unexplained);
    unexplained.extend(found.unreadable.iter().cloned());
    let judged = judge(&findings, &mut layers, &operators, &mut unexplained, &rewrites);
    let (verdict, conclusion) = judged;
    if unrelated(&findings) {
        // What seems to be left of couplings is what is alike by chance.
        findings.couplings.retain(|c| c.removed.is_empty());
    }
    let DiffFindings { couplings, tensors, found, origins, activations, outputs, .. } = findings;
    let [layers_removed, layers_added] = layers;
    let [operators_removed, operators_added] = operators;
    ModelDifference {
        verdict,
        conclusion,
        rewrites,
        outputs,
        couplings,
        tensors,
        constants: found.constants,
        operators_changed: found.operators_changed,
        operators_removed,
        operators_added,
        data_flow: found.data_flow,
        quantization: found.quantization,
        layers_removed,
        layers_added,
        unexplained,
        origins,
        activations,
    }
}

/// The verdict and its sentences. Layers that may merely be written otherwise become unexplained.
fn judge(
    findings: &DiffFindings,
    layers: &mut [Vec<String>; 2],
    operators: &[Vec<String>; 2],
    unexplained: &mut Vec<String>,
    rewrites: &[String],
) -> (DifferenceVerdict, Vec<String>) {
    let outputs = &findings.outputs;
    let whole = findings.couplings.iter().all(|c| c.removed.is_empty());
    let same = |t: &TensorDifference| t.what == SAME && t.precision == t.precision_there;
    let found = &findings.found;
    let stored = findings.tensors.iter().all(same) && found.constants.is_empty() && whole;
    let quiet = found.operators_changed.is_empty()
        && found.data_flow.is_empty()
        && found.quantization.is_empty()
        && found.quantized.is_empty();
    let paired = found.removed.is_empty() && found.added.is_empty();
    if stored && quiet && paired && unexplained.is_empty() {
        return equal(outputs, rewrites, unexplained);
    }
    if stored && outputs.agree() && equivalent(found) {
        unexplained.clear();
        layers.iter_mut().for_each(Vec::clear);
        let text = format!("same function ({})", agreement(outputs));
        return (DifferenceVerdict::SameFunction, vec![text]);
    }
    let mut lines = Vec::new();
    if unrelated(findings) {
        let alike = findings.tensors.iter().filter(|t| is_alike(t));
        unexplained.insert(
            0,
            format!(
                "the weights of the two models have nothing in common: {} of {} layers of the baseline are alike",
                alike.count(),
                findings.operators[0]
            ),
        );
        layers.iter_mut().for_each(Vec::clear);
    } else {
        unknown_operators(found, layers, unexplained);
        lines = sentences(findings, layers, operators);
    }
    lines.extend(unexplained.iter().map(|what| format!("not explained: {what}")));
    lines.push(compared(outputs));
    let verdict = if unexplained.is_empty() {
        DifferenceVerdict::Changed
    } else {
        DifferenceVerdict::NotExplained
    };
    (verdict, lines)
}

/// No operator and no value differs.
fn equal(
    outputs: &OutputComparison,
    rewrites: &[String],
    unexplained: &mut Vec<String>,
) -> (DifferenceVerdict, Vec<String>) {
    if let Some(difference) = outputs.difference.filter(|d| *d > ACCUMULATED) {
        let text = format!(
            "outputs differ by {} of the largest on {} {}, although no operator and no stored value does",
            share(difference),
            outputs.count,
            outputs.inputs
        );
        unexplained.push(text.clone());
        return (DifferenceVerdict::NotExplained, vec![format!("not explained: {text}")]);
    }
    match rewrites.is_empty() {
        true => {
            let text = "no difference: the same operators, the same stored values";
            (DifferenceVerdict::Identical, vec![text.into()])
        }
        false => {
            let text = format!(
                "same function: the same operators and stored values once {} rewrites are undone ({})",
                rewrites.len(),
                agreement(outputs)
            );
            (DifferenceVerdict::SameFunction, vec![text])
        }
    }
}

/// True of differences that may be another way to write the same, if outputs agree: something stands in the
/// place of what is gone, or only shapes are handled. One operator in the place of another is not.
fn equivalent(found: &FlowChanges) -> bool {
    const SHAPES: [&str; 14] = [
        "Reshape",
        "Transpose",
        "Slice",
        "Concat",
        "Expand",
        "Gather",
        "Cast",
        "Identity",
        "Shape",
        "Squeeze",
        "Unsqueeze",
        "Split",
        "Flatten",
        "Tile",
    ];
    let handles = |op: &str| SHAPES.contains(&op.split('(').next().unwrap_or(op));
    let shapes = |all: &[super::flow::UnpairedNode]| all.iter().all(|n| handles(&n.op));
    let (removed, added) = (&found.removed, &found.added);
    let rewritten = !removed.is_empty() && !added.is_empty();
    let changes = found.operators_changed.iter().all(|c| handles(&c.from) && handles(&c.to));
    let ends = found.data_flow.iter().any(|text| text.contains(" in another order: "));
    changes
        && !ends
        && found.quantization.is_empty()
        && found.quantized.is_empty()
        && ((shapes(removed) && shapes(added)) || rewritten)
}

fn agreement(outputs: &OutputComparison) -> String {
    match (&outputs.difference, &outputs.problem) {
        (Some(difference), _) if *difference <= SAME_OUTPUTS => {
            format!("outputs agree within 1e-5 on {} {}", outputs.count, outputs.inputs)
        }
        (Some(difference), _) => {
            format!("outputs agree within {difference:.0e} on {} {}", outputs.count, outputs.inputs)
        }
        (None, problem) => {
            format!("outputs not compared: {}", problem.as_deref().unwrap_or("they were not run"))
        }
    }
}

fn compared(outputs: &OutputComparison) -> String {
    match outputs.difference {
        Some(difference) if difference > SAME_OUTPUTS => format!(
            "outputs differ by up to {} of the largest on {} {}",
            share(difference),
            outputs.count,
            outputs.inputs
        ),
        _ => agreement(outputs),
    }
}

fn share(value: f64) -> String {
    match value {
        v if v.is_infinite() => "more than can be said".into(),
        v if v >= 0.001 => format!("{:.1} %", 100.0 * v),
        v => format!("{:.1e}", v),
    }
}

/// True of weights that are more alike than chance makes them.
fn is_alike(tensor: &TensorDifference) -> bool {
    // The cosine of independent vectors has a standard deviation of 1 / √n.
    let chance = 3.0 / (tensor.elements.max(1) as f64).sqrt();
    tensor.likeness.is_some_and(|likeness| likeness >= UNRELATED.max(chance))
}

/// True if hardly any layer is like one of the baseline.
fn unrelated(findings: &DiffFindings) -> bool {
    let alike = findings.tensors.iter().filter(|t| is_alike(t)).count();
    let unscaled = findings.tensors.iter().any(|t| t.what.starts_with("its scale"));
    let nodes = findings.found.removed.iter().chain(&findings.found.added);
    let hidden = nodes.into_iter().any(|n| !n.known);
    let most = findings.operators[0].min(findings.operators[1]);
    most > 0 && !unscaled && !hidden && alike * 4 < most
}

/// Layers without a counterpart may hide in operators that are not known.
fn unknown_operators(
    found: &FlowChanges,
    layers: &mut [Vec<String>; 2],
    unexplained: &mut Vec<String>,
) {
    let sides = [("baseline", &found.removed), ("variant", &found.added)];
    let mut hidden = false;
    for (model, nodes) in sides {
        let unknown = nodes.iter().filter(|n| !n.known);
        let names: Vec<String> = unknown.map(|n| format!("{} ({})", n.layer, n.op)).collect();
        if !names.is_empty() {
            hidden = true;
            unexplained
                .push(format!("the {model} has operators that are not known: {}", some(&names)));
        }
    }
    for (model, layers) in ["baseline", "variant"].into_iter().zip(layers) {
        if hidden && !layers.is_empty() {
            let text = format!("layers of the {model} without a counterpart: {}", some(layers));
            unexplained.push(text);
            layers.clear();
        }
    }
}

/// One sentence for each kind of difference that is explained.
fn sentences(
    findings: &DiffFindings,
    layers: &[Vec<String>; 2],
    operators: &[Vec<String>; 2],
) -> Vec<String> {
    let found = &findings.found;
    let cut = findings.couplings.iter().filter(|c| !c.removed.is_empty());
    let cut: Vec<String> = cut
        .map(|c| format!("{} of {} {}s of {}", c.removed.len(), c.width, c.kind, c.coupling))
        .collect();
    let changes: Vec<String> = found
        .operators_changed
        .iter()
        .map(|c| format!("{} {} → {}", c.layer, c.from, c.to))
        .collect();
    let lists = [
        ("pruned", cut),
        ("quantized", precisions(findings)),
        ("weights changed in", weights_changed(findings)),
        ("constants changed", constants_changed(findings)),
        ("operators changed", changes),
        ("layers removed", layers[0].clone()),
        ("layers added", layers[1].clone()),
        ("operators removed", operators[0].clone()),
        ("operators added", operators[1].clone()),
        ("data flow changed", found.data_flow.clone()),
        ("quantization changed", found.quantization.clone()),
    ];
    let lists = lists.into_iter().filter(|(_, names)| !names.is_empty());
    lists
        .map(|(what, names)| match what.ends_with(" in") {
            true => format!("{what} {}", some(&names)),
            false => format!("{what}: {}", some(&names)),
        })
        .collect()
}

fn relative(change: Option<f64>) -> String {
    change.map_or_else(String::new, |c| format!(" (relative L2 {:.2} %)", 100.0 * c))
}

fn weights_changed(findings: &DiffFindings) -> Vec<String> {
    findings
        .tensors
        .iter()
        .filter(|t| ![SAME, ROUNDED].contains(&t.what.as_str()) && t.change.is_some())
        .map(|t| {
            let other = if t.what == OTHER_WEIGHTS { ", not made from the baseline's" } else { "" };
            format!("{}{}{other}", t.layer, relative(t.change))
        })
        .collect()
}

fn constants_changed(findings: &DiffFindings) -> Vec<String> {
    findings
        .found
        .constants
        .iter()
        .filter(|c| c.what != "rounded" && c.what != SAME)
        .map(|c| format!("{} of {}{}", c.input, c.layer, relative(c.change)))
        .collect()
}

/// Changes of stored types.
fn precisions(findings: &DiffFindings) -> Vec<String> {
    let mut weights: BTreeMap<(String, String), (usize, bool)> = BTreeMap::new();
    let narrower = findings.tensors.iter().filter(|t| t.precision != t.precision_there);
    for tensor in narrower {
        let key = (tensor.precision.clone(), tensor.precision_there.clone());
        let own = weights.entry(key).or_insert((0, true));
        own.0 += 1;
        own.1 &= [SAME, ROUNDED].contains(&tensor.what.as_str());
    }
    let mut said: Vec<String> = weights
        .into_iter()
        .map(|((from, to), (count, rounded))| {
            let within = if rounded { ", each value within one step" } else { "" };
            format!("weights {from} → {to} in {count} layers{within}")
        })
        .collect();
    let kinds = &findings.found.quantized;
    said.extend(kinds.iter().map(|(to, count)| format!("activations → {to} at {count} tensors")));
    said
}

fn some(names: &[String]) -> String {
    let first: Vec<&str> = names.iter().take(NAMES).map(String::as_str).collect();
    match names.len().checked_sub(NAMES).filter(|more| *more > 0) {
        None => first.join(", "),
        Some(more) => format!("{} and {more} more", first.join(", ")),
    }
}

/// Rewrites that one side needed and the other did not.
fn rewritten(both: &[RewriteLog; 2]) -> Vec<String> {
    let kinds: BTreeSet<&String> = both[0].keys().chain(both[1].keys()).collect();
    let mut found = Vec::new();
    for kind in kinds {
        let of = |side: usize| both[side].get(kind).map_or(&[] as &[String], Vec::as_slice);
        if of(0).len() != of(1).len() {
            let (model, names) =
                if of(0).len() > of(1).len() { ("baseline", of(0)) } else { ("variant", of(1)) };
            found.push(format!("{kind} {} ({model}, {} times)", some(names), names.len()));
        }
    }
    found
}
