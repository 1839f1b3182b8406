//! Inputs and outputs of the models, and quantization of what flows between nodes.

use super::attributes::shortest;
use super::changes::FlowComparison;
use super::data_flow::{DataFlow, FlowNode};
use crate::diff::canonical::ActivationQuantization;
use crate::diff::stored::precision_name;

impl FlowComparison<'_> {
    pub(super) fn quantizations(&mut self, own: &FlowNode, other: &FlowNode) {
        for (x, y) in own.node.output.iter().zip(&other.node.output) {
            self.quantization(&own.layer, x, y);
        }
    }

    fn quantization(&mut self, layer: &str, x: &str, y: &str) {
        let say = |q: &ActivationQuantization| {
            format!(
                "{} scale {} zero point {}",
                precision_name(q.element),
                shortest(q.scale),
                q.zero
            )
        };
        match (self.base.quantization(x), self.variant.quantization(y)) {
            (None, Some(there)) => {
                *self.found.quantized.entry(precision_name(there.element).into()).or_default() += 1;
            }
            (Some(own), None) => {
                self.found.quantization.push(format!("{layer}: {} to none", say(own)));
            }
            (Some(own), Some(there)) if say(own) != say(there) => {
                self.found.quantization.push(format!("{layer}: {} to {}", say(own), say(there)));
            }
            _ => {}
        }
    }

    /// Inputs and outputs of the models.
    pub(super) fn ends(&mut self) {
        let (ours, theirs) = (self.base.flow, self.variant.flow);
        for (what, own, other) in
            [("inputs", &ours.inputs, &theirs.inputs), ("outputs", &ours.outputs, &theirs.outputs)]
        {
            let sorted = |names: &[String]| {
                let mut names = names.to_vec();
                names.sort();
                names
            };
            if own.len() != other.len() {
                let text = format!("the model has {} {what} instead of {}", other.len(), own.len());
                self.found.data_flow.push(text);
            } else if own != other && sorted(own) == sorted(other) {
                let (own, other) = (own.join(", "), other.join(", "));
                self.found
                    .data_flow
                    .push(format!("{what} in another order: {other} instead of {own}"));
            }
        }
        for (x, y) in ours.inputs.iter().zip(&theirs.inputs) {
            self.quantization(x, x, y);
        }
        for (at, output) in ours.outputs.iter().enumerate() {
            let giver = |flow: &DataFlow| flow.nodes.iter().position(|n| n.gives.contains(&at));
            let (Some(a), Some(b)) = (giver(ours), giver(theirs)) else { continue };
            let other = self.pairs.there.get(&a);
            if other.is_some_and(|other| *other != b) && self.pairs.back.contains_key(&b) {
                let layer = &theirs.nodes[b].layer;
                self.found.data_flow.push(format!("output `{output}` is given by `{layer}`"));
            }
        }
    }
}
