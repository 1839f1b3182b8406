//! Bodies of control flow: what they are fed, what they give, and how many of each.

use super::super::validator::ModelValidator;
use super::super::violations::Violation;
use super::node_at::NodeAt;
use crate::graph::element_type::ElementType;
use tract_onnx::pb::{AttributeProto, GraphProto};

/// Element types that the bodies of a node give, by the node's outputs.
#[derive(Debug, Default)]
pub(in crate::graph::validate) struct BodyResults {
    bodies: Vec<Vec<Option<ElementType>>>,
}

impl BodyResults {
    /// The element type of an output, where a body tells it.
    pub(in crate::graph::validate) fn element(&self, slot: usize) -> Option<ElementType> {
        self.bodies.iter().find_map(|body| body.get(slot).copied().flatten())
    }
}

/// Inputs and outputs that a body must have.
struct BodyInterface {
    /// Element types of the inputs; `None` where their number is not known.
    feeds: Option<Vec<Option<ElementType>>>,
    outputs: Option<usize>,
    /// Outputs of the body that are none of the node's.
    own_outputs: usize,
}

impl<'a> ModelValidator<'a> {
    /// Walks the bodies of a node.
    pub(in crate::graph::validate) fn bodies(&mut self, at: &NodeAt<'a>) -> BodyResults {
        let mut results = BodyResults::default();
        let interface = self.interface(at);
        let feeds = interface.feeds.clone().unwrap_or_default();
        for attribute in &at.node.attribute {
            for body in attribute.g.iter().chain(&attribute.graphs) {
                self.body_arity(at, attribute, body, &interface);
                let mut elements = self.graph(body, Some(&feeds));
                elements.drain(..interface.own_outputs.min(elements.len()));
                results.bodies.push(elements);
            }
        }
        results
    }

    fn interface(&self, at: &NodeAt) -> BodyInterface {
        let node = at.node;
        let element = |name: &String| self.scope.get(name).and_then(|value| value.element);
        let gives = node.output.len();
        match node.op_type.as_str() {
            "If" if at.is_standard() => {
                BodyInterface { feeds: Some(vec![]), outputs: Some(gives), own_outputs: 0 }
            }
            "Loop" if at.is_standard() => {
                let mut feeds = vec![Some(ElementType::I64), Some(ElementType(9))];
                feeds.extend(node.input.iter().skip(2).map(element));
                BodyInterface { feeds: Some(feeds), outputs: Some(gives + 1), own_outputs: 1 }
            }
            "Scan" if at.is_standard() => {
                // The first version also reads lengths, which the body does not see.
                let skipped = usize::from(at.version() == Some(8));
                let feeds = node.input.iter().skip(skipped).map(element).collect();
                BodyInterface { feeds: Some(feeds), outputs: Some(gives), own_outputs: 0 }
            }
            _ => BodyInterface { feeds: None, outputs: None, own_outputs: 0 },
        }
    }

    fn body_arity(
        &mut self,
        at: &NodeAt,
        attribute: &AttributeProto,
        body: &GraphProto,
        interface: &BodyInterface,
    ) {
        let needs = [
            ("inputs", body.input.len(), interface.feeds.as_ref().map(Vec::len)),
            ("outputs", body.output.len(), interface.outputs),
        ];
        for (what, found, needed) in needs {
            if let Some(needed) = needed
                && found != needed
            {
                self.found.push(Violation::BodyArity {
                    node: at.label(),
                    body: attribute.name.clone(),
                    what,
                    found,
                    expected: needed,
                });
            }
        }
    }
}
