//! Differences between paired nodes, and nodes without a pair.

use super::attributes::{attributes, shortest};
use super::constants::{ConstantDifference, ConstantLikeness, against_zeros, held, input_name};
use super::data_flow::{DataFlow, FlowNode, FlowSource};
use super::node_pairs::NodePairs;
use crate::catalog::Slices;
use crate::diff::canonical::{ActivationQuantization, CanonicalGraph};
use crate::diff::stored::{StoredTensor, stored};
use paring_onnx::graph::{Graph, GraphIndex, Node};
use serde::Serialize;
use std::collections::BTreeMap;

/// An operator that does something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OperatorChange {
    /// The layer in the baseline.
    pub layer: String,
    /// The layer in the variant.
    pub layer_there: String,
    /// The operator in the baseline, `Relu` say.
    pub from: String,
    /// The operator in the variant, `LeakyRelu(alpha 0.01)` say.
    pub to: String,
}

/// Everything but weights of products and removed components.
#[derive(Default)]
pub(in crate::diff) struct FlowChanges {
    pub(in crate::diff) operators_changed: Vec<OperatorChange>,
    /// Nodes without a pair: layer and operator, and whether they have weights.
    pub(in crate::diff) removed: Vec<UnpairedNode>,
    pub(in crate::diff) added: Vec<UnpairedNode>,
    pub(in crate::diff) constants: Vec<ConstantDifference>,
    pub(in crate::diff) data_flow: Vec<String>,
    /// Tensors that only the variant quantizes, by type.
    pub(in crate::diff) quantized: BTreeMap<String, usize>,
    pub(in crate::diff) quantization: Vec<String>,
    /// Constants that cannot be read.
    pub(in crate::diff) unreadable: Vec<String>,
}

/// A node without a pair.
#[derive(Clone, Debug)]
pub(in crate::diff) struct UnpairedNode {
    pub(in crate::diff) layer: String,
    pub(in crate::diff) op: String,
    pub(in crate::diff) weighted: bool,
    pub(in crate::diff) known: bool,
}

/// One of the two models.
pub(super) struct FlowModel<'a> {
    canonical: &'a CanonicalGraph,
    pub(super) flow: &'a DataFlow,
    index: GraphIndex,
}

impl<'a> FlowModel<'a> {
    fn new(canonical: &'a CanonicalGraph, flow: &'a DataFlow) -> FlowModel<'a> {
        FlowModel { canonical, flow, index: GraphIndex::new(&canonical.graph) }
    }

    fn graph(&self) -> &Graph {
        &self.canonical.graph
    }

    fn rank(&self, node: &FlowNode) -> Option<usize> {
        self.canonical.shapes.get(node.node.input.first()?).map(Vec::len)
    }

    fn stored(&self, tensor: &str) -> Option<StoredTensor> {
        stored(self.graph(), &self.index, tensor)
    }

    fn is_computed(&self, stored: &StoredTensor) -> bool {
        self.canonical.computed.contains(&stored.name)
    }

    pub(super) fn quantization(&self, tensor: &str) -> Option<&ActivationQuantization> {
        self.canonical.quantizations.iter().find(|q| q.tensor == tensor)
    }
}

/// The state of comparing; inputs, outputs and quantization are compared in `interface.rs`.
pub(super) struct FlowComparison<'a> {
    pub(super) base: FlowModel<'a>,
    pub(super) variant: FlowModel<'a>,
    pub(super) pairs: &'a NodePairs,
    gone: &'a Slices,
    pub(super) found: FlowChanges,
}

/// Compares all pairs. `gone` are the entries of initializers that went with removed components.
pub(in crate::diff) fn changes(
    base: (&CanonicalGraph, &DataFlow),
    variant: (&CanonicalGraph, &DataFlow),
    pairs: &NodePairs,
    gone: &Slices,
) -> FlowChanges {
    let mut comparison = FlowComparison {
        base: FlowModel::new(base.0, base.1),
        variant: FlowModel::new(variant.0, variant.1),
        pairs,
        gone,
        found: FlowChanges::default(),
    };
    for (a, b) in &pairs.there {
        comparison.pair(*a, *b);
    }
    comparison.ends();
    let unpaired = |flow: &DataFlow, taken: &BTreeMap<usize, usize>| -> Vec<UnpairedNode> {
        let open = flow.nodes.iter().enumerate().filter(|(p, _)| !taken.contains_key(p));
        open.map(|(_, node)| UnpairedNode {
            layer: node.layer.clone(),
            op: node.node.op_type.clone(),
            weighted: node.operator.is_some(),
            known: is_known(&node.node),
        })
        .collect()
    };
    let mut found = comparison.found;
    found.removed = unpaired(base.1, &pairs.there);
    found.added = unpaired(variant.1, &pairs.back);
    found
}

/// True of an operator that is ONNX's, or one that products are read from.
fn is_known(node: &Node) -> bool {
    ["", "ai.onnx"].contains(&node.domain.as_str()) || node.op_type == "MatMulNBits"
}

impl FlowComparison<'_> {
    fn pair(&mut self, a: usize, b: usize) {
        let (ours, theirs) = (self.base.flow, self.variant.flow);
        let (own, other) = (&ours.nodes[a], &theirs.nodes[b]);
        let unknown = [own, other].into_iter().find(|n| !is_known(&n.node));
        if let Some(unknown) = unknown.filter(|_| own.node.op_type != other.node.op_type) {
            let (layer, op) = (&own.layer, &unknown.node.op_type);
            let text = format!("operator {op} at `{layer}` is not known");
            self.found.unreadable.push(text);
        } else if self.pairs.replaced.contains(&(a, b)) || !self.same_operator(own, other) {
            let (from, to) =
                (self.described(&self.base, own), self.described(&self.variant, other));
            self.change(own, other, from, to);
        } else {
            self.attributes(own, other);
            self.constants(own, other);
        }
        self.sources(own, other);
        self.quantizations(own, other);
    }

    fn change(&mut self, own: &FlowNode, other: &FlowNode, from: String, to: String) {
        let (layer, layer_there) = (own.layer.clone(), other.layer.clone());
        self.found.operators_changed.push(OperatorChange { layer, layer_there, from, to });
    }

    /// True of operators of one kind that do the same but for attributes and constants. A quantized range
    /// rectifies as Relu does, and bounds as Clip does where it ends no later.
    fn same_operator(&self, own: &FlowNode, other: &FlowNode) -> bool {
        let (from, to) = (own.node.op_type.as_str(), other.node.op_type.as_str());
        if from == to || own.kind != "rectifier" {
            return true;
        }
        match (from, to) {
            ("Relu", "QuantizedRange") | ("QuantizedRange", "Relu") => true,
            ("Clip", "QuantizedRange") => {
                let bound = |slot: usize| {
                    let tensor = own.node.input.get(slot)?;
                    self.base.stored(tensor)?.values.first().copied()
                };
                let high = paring_onnx::graph::float(&other.node, "high").unwrap_or(f32::MAX);
                bound(1) == Some(0.0) && bound(2).is_none_or(|bound| high <= bound * 1.01)
            }
            _ => false,
        }
    }

    fn attributes(&mut self, own: &FlowNode, other: &FlowNode) {
        let moved = !self.gone.is_empty();
        let from = attributes(own, self.base.rank(own), moved);
        let to = attributes(other, self.variant.rank(other), moved);
        let names: std::collections::BTreeSet<&String> = from.keys().chain(to.keys()).collect();
        let differ: Vec<&String> =
            names.into_iter().filter(|n| from.get(*n) != to.get(*n)).collect();
        if differ.is_empty() {
            return;
        }
        let say = |op: &str, all: &BTreeMap<String, String>| {
            let each = differ.iter().map(|n| match all.get(*n) {
                Some(value) => format!("{n} {}", value.chars().take(80).collect::<String>()),
                None => format!("{n} default"),
            });
            format!("{op}({})", each.collect::<Vec<_>>().join(", "))
        };
        let (from, to) = (say(&own.node.op_type, &from), say(&other.node.op_type, &to));
        self.change(own, other, from, to);
    }

    fn described(&self, model: &FlowModel, flow: &FlowNode) -> String {
        let node = &flow.node;
        let mut words: Vec<String> = Vec::new();
        for attribute in node.attribute.iter().take(3) {
            match attribute.r#type {
                1 => words.push(format!("{} {}", attribute.name, shortest(attribute.f))),
                2 => words.push(format!("{} {}", attribute.name, attribute.i)),
                _ => {}
            }
        }
        let constants = flow.sources.iter().filter_map(|s| match s {
            FlowSource::Constant(tensor) => model.stored(tensor),
            _ => None,
        });
        let scalars = constants.filter(|s| s.values.len() == 1);
        words.extend(scalars.map(|s| shortest(s.values[0])));
        match words.is_empty() {
            true => node.op_type.clone(),
            false => format!("{}({})", node.op_type, words.join(", ")),
        }
    }

    /// Constants that both read in the same place; of sums and products in any.
    fn constants(&mut self, own: &FlowNode, other: &FlowNode) {
        let slots = |flow: &FlowNode| -> Vec<(usize, Option<String>)> {
            let skipped = |slot: usize| flow.operator.is_some() && slot == 1;
            let nbits = flow.node.op_type == "MatMulNBits";
            let each =
                flow.sources.iter().enumerate().filter(|(slot, _)| !skipped(*slot) && !nbits);
            each.filter_map(|(slot, source)| match source {
                FlowSource::Constant(tensor) => Some((slot, Some(tensor.clone()))),
                FlowSource::Missing => Some((slot, None)),
                _ => None,
            })
            .collect()
        };
        let (ours, theirs) = (slots(own), slots(other));
        if own.commutes() {
            for ((slot, x), (_, y)) in ours.iter().zip(&theirs) {
                self.constant(own, *slot, x.as_ref(), y.as_ref());
            }
            return;
        }
        let last = own.sources.len().max(other.sources.len());
        for slot in 0..last {
            let at = |all: &[(usize, Option<String>)]| {
                all.iter().find(|(s, _)| *s == slot).and_then(|(_, tensor)| tensor.clone())
            };
            let (x, y) = (at(&ours), at(&theirs));
            let rectifies = own.kind == "rectifier" && own.node.op_type != other.node.op_type;
            if (x.is_some() || y.is_some()) && !rectifies {
                self.constant(own, slot, x.as_ref(), y.as_ref());
            }
        }
    }

    fn constant(&mut self, own: &FlowNode, slot: usize, x: Option<&String>, y: Option<&String>) {
        let input = input_name(&own.node.op_type, slot);
        let base = x.map(|tensor| self.base.stored(tensor));
        let there = y.map(|tensor| self.variant.stored(tensor));
        if base.as_ref().is_some_and(Option::is_none) || there.as_ref().is_some_and(Option::is_none)
        {
            let tensor = x.or(y).map_or("", String::as_str);
            let text = format!("constant `{tensor}` ({input} of `{}`) cannot be read", own.layer);
            return self.found.unreadable.push(text);
        }
        let (base, there) = (base.flatten(), there.flatten());
        let (change, likeness) = match (&base, &there) {
            (Some(base), Some(there)) => {
                let whole =
                    there.precision.starts_with("int64") || there.precision.starts_with("bool");
                if whole && !self.gone.is_empty() && base.dims != there.dims {
                    return;
                }
                let computed = self.base.is_computed(base) || self.variant.is_computed(there);
                held(base, there, self.gone, computed)
            }
            (Some(only), None) | (None, Some(only)) => {
                let computed = self.base.is_computed(only) || self.variant.is_computed(only);
                // Without one it is zero.
                let adds =
                    ["bias", "initial hidden state", "initial cell state", "peephole weights"]
                        .contains(&input.as_str());
                let likeness = if adds {
                    against_zeros(&only.values, computed)
                } else {
                    ConstantLikeness::Changed
                };
                (None, likeness)
            }
            (None, None) => return,
        };
        let name =
            |s: &Option<StoredTensor>| s.as_ref().map_or_else(String::new, |s| s.name.clone());
        let precision = |s: &Option<StoredTensor>| {
            s.as_ref().map_or_else(|| "none".into(), |s| s.precision.clone())
        };
        let alone = base.is_none() != there.is_none();
        if likeness == ConstantLikeness::Same && (alone || precision(&base) == precision(&there)) {
            return;
        }
        self.found.constants.push(ConstantDifference {
            layer: own.layer.clone(),
            input,
            tensor: name(&base),
            tensor_there: name(&there),
            precision: precision(&base),
            precision_there: precision(&there),
            change,
            what: likeness.words().into(),
        });
    }

    /// Inputs that come from elsewhere. What comes from a node without a pair is told by that node.
    fn sources(&mut self, own: &FlowNode, other: &FlowNode) {
        let place = |source: &FlowSource, translate: bool| -> Option<FlowSource> {
            match source {
                FlowSource::Node(from, output) if translate => {
                    Some(FlowSource::Node(*self.pairs.there.get(from)?, *output))
                }
                FlowSource::Node(from, output) => {
                    self.pairs.back.contains_key(from).then_some(FlowSource::Node(*from, *output))
                }
                FlowSource::Input(position) => Some(FlowSource::Input(*position)),
                FlowSource::Constant(_) | FlowSource::Missing => None,
            }
        };
        let computed = |s: &&FlowSource| matches!(s, FlowSource::Node(..) | FlowSource::Input(_));
        let list = |flow: &FlowNode, translate: bool| -> Option<Vec<FlowSource>> {
            flow.sources.iter().filter(computed).map(|s| place(s, translate)).collect()
        };
        let (Some(mut ours), Some(mut theirs)) = (list(own, true), list(other, false)) else {
            return;
        };
        if own.commutes() {
            ours.sort();
            theirs.sort();
        }
        if ours == theirs {
            return;
        }
        let names = |all: &[FlowSource]| {
            let each = all.iter().map(|source| match source {
                FlowSource::Node(from, _) => self.variant.flow.nodes[*from].layer.clone(),
                FlowSource::Input(position) => format!("input {position}"),
                FlowSource::Constant(_) | FlowSource::Missing => "a constant".into(),
            });
            each.collect::<Vec<_>>().join(", ")
        };
        let text = format!("`{}` reads {} instead of {}", own.layer, names(&theirs), names(&ours));
        self.found.data_flow.push(text);
    }
}
