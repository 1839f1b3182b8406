//! Element types: what a node reads against its operator, and what it gives.

use super::super::operator_table::{FormalParameter, OperatorSchema};
use super::super::validator::ModelValidator;
use super::super::violations::Violation;
use super::control_flow_bodies::BodyResults;
use super::inferred_elements as inferred;
use super::node_at::NodeAt;
use crate::graph::element_type::ElementType;
use std::collections::HashMap;

/// A type variable, the type it stands for in this node, and the tensor that said so.
type Binding<'a> = (&'static str, ElementType, &'a str);

impl<'a> ModelValidator<'a> {
    /// Checks element types of inputs and outputs; gives those of the outputs, as declared where the
    /// operator does not tell. Tensors of unknown
    /// type and those that are no dense tensors pass.
    pub(in crate::graph::validate) fn elements(
        &mut self,
        at: &NodeAt<'a>,
        schema: &'static OperatorSchema,
        results: &BodyResults,
        declared: &HashMap<&'a str, ElementType>,
    ) -> Vec<Option<ElementType>> {
        let mut bindings = Vec::new();
        let mut inputs = Vec::with_capacity(at.node.input.len());
        for (slot, input) in at.node.input.iter().enumerate() {
            let element = self.scope.get(input).and_then(|value| value.element);
            inputs.push(element);
            if let (Some(formal), Some(element)) = (schema.input(slot), element) {
                self.read(at, formal, (input, element), &mut bindings);
            }
        }
        let mut elements = Vec::with_capacity(at.node.output.len());
        for (slot, output) in at.node.output.iter().enumerate() {
            let bound = schema.output(slot).and_then(|formal| {
                let binding = bindings.iter().find(|(name, ..)| Some(*name) == formal.variable);
                binding.map(|(_, element, _)| *element).or(formal.allowed.only())
            });
            let inferred = inferred::element(at, schema.since, slot, &inputs, results).or(bound);
            let element = inferred.or(declared.get(output.as_str()).copied());
            if let (Some(formal), Some(element)) = (schema.output(slot), element)
                && !output.is_empty()
            {
                self.allowed(at, formal, (output, element));
            }
            elements.push(element);
        }
        elements
    }

    fn read(
        &mut self,
        at: &NodeAt<'a>,
        formal: &FormalParameter,
        (tensor, element): (&'a str, ElementType),
        bindings: &mut Vec<Binding<'a>>,
    ) {
        if !self.allowed(at, formal, (tensor, element)) {
            return;
        }
        let Some(variable) = formal.variable else { return };
        match bindings.iter().find(|(name, ..)| *name == variable) {
            None => bindings.push((variable, element, tensor)),
            Some((_, bound, _)) if *bound == element => {}
            Some((_, bound, first)) => self.found.push(Violation::ElementsDiffer {
                node: at.label(),
                first: (*first).to_string(),
                first_type: *bound,
                second: tensor.to_string(),
                second_type: element,
            }),
        }
    }

    fn allowed(
        &mut self,
        at: &NodeAt<'a>,
        formal: &FormalParameter,
        (tensor, found): (&str, ElementType),
    ) -> bool {
        let allowed = formal.allowed.contains(found);
        if !allowed {
            self.found.push(Violation::ElementNotAllowed {
                node: at.label(),
                parameter: formal.name.to_string(),
                tensor: tensor.to_string(),
                found,
                expected: formal.allowed,
            });
        }
        allowed
    }
}
