//! Nodes against their operators: domain, version, and number of inputs and outputs.

use super::super::operator_table::{
    OperatorLookup, OperatorSchema, ParameterOccurrence, look_up, versions,
};
use super::super::scope::TensorKnowledge;
use super::super::validator::ModelValidator;
use super::super::violations::CountRange;
use super::super::violations::Violation;
use super::inferred_elements as inferred;
use super::node_at::NodeAt;
use crate::graph::element_type::ElementType;
use std::collections::HashMap;
use tract_onnx::pb::FunctionProto;

/// The schema that a node of a version that its operator does not have is held against: engines read it
/// all the same, as the last version before, or the first.
fn nearest(at: &NodeAt, version: i64) -> Option<&'static OperatorSchema> {
    let usable = versions(at.domain, &at.node.op_type).iter().filter(|schema| !schema.deprecated);
    usable.clone().rfind(|schema| schema.since <= version).or(usable.clone().next())
}

impl<'a> ModelValidator<'a> {
    /// Checks a node and its bodies; gives what is known of its outputs. `declared` are element types
    /// by tensor.
    pub(in crate::graph::validate) fn node(
        &mut self,
        at: &NodeAt<'a>,
        declared: &HashMap<&'a str, ElementType>,
    ) -> Vec<(&'a str, TensorKnowledge<'a>)> {
        let results = self.bodies(at);
        let node = at.node;
        self.attribute_values(at);
        let elements = match self.schema(at) {
            Some(schema) => {
                self.arity(at, schema);
                self.attributes(at, schema);
                self.attribute_ranges(at);
                self.initializer_shapes(at, schema);
                self.tensor_ranks(at);
                self.elements(at, schema, &results, declared)
            }
            None => {
                node.output.iter().map(|output| declared.get(output.as_str()).copied()).collect()
            }
        };
        let dims = inferred::constant(at).map(|tensor| tensor.dims.as_slice());
        let outputs = node.output.iter().zip(elements).enumerate();
        outputs
            .filter(|(_, (output, _))| !output.is_empty())
            .map(|(slot, (output, element))| {
                let rank = dims.map(<[i64]>::len).or_else(|| self.output_rank(at, slot));
                (output.as_str(), TensorKnowledge { element, dims, rank })
            })
            .collect()
    }

    fn schema(&mut self, at: &NodeAt<'a>) -> Option<&'static OperatorSchema> {
        let Some(version) = at.version() else {
            if self.absent.insert(at.domain) {
                let domain = at.domain.to_string();
                self.found.push(Violation::OpsetImportMissing { domain, node: at.label() });
            }
            return nearest(at, i64::MAX);
        };
        if let Some(function) = self.functions.get(&(at.domain, at.node.op_type.as_str())) {
            self.call(at, function);
            return None;
        }
        match look_up(at.domain, &at.node.op_type, version) {
            OperatorLookup::Known(schema) if schema.deprecated => {
                let since = schema.since;
                self.found.push(Violation::OperatorDeprecated { node: at.label(), since });
                nearest(at, version)
            }
            OperatorLookup::Known(schema) => Some(schema),
            OperatorLookup::Later(since) => {
                self.found.push(Violation::OperatorTooNew { node: at.label(), since });
                nearest(at, version)
            }
            OperatorLookup::Unknown => {
                self.found.push(Violation::UnknownOperator { node: at.label() });
                None
            }
        }
    }

    /// Checks a call of a local function. Inputs and outputs may be omitted; attributes without a
    /// default must be there.
    fn call(&mut self, at: &NodeAt, function: &FunctionProto) {
        self.counts(at, (0, function.input.len()), (0, function.output.len()));
        for attribute in &function.attribute {
            if at.node.attribute.iter().all(|given| given.name != *attribute) {
                let (node, attribute) = (at.label(), attribute.clone());
                self.found.push(Violation::AttributeMissing { node, attribute });
            }
        }
    }

    fn arity(&mut self, at: &NodeAt, schema: &OperatorSchema) {
        let gives = at.node.output.len();
        // Some operators give all optional outputs or none.
        let size = schema.output_sizes.iter().find(|size| **size >= gives);
        self.counts(at, schema.inputs, size.map_or(schema.outputs, |size| (*size, *size)));
        let inputs = at.node.input.iter().enumerate();
        let omitted_inputs = inputs.filter_map(|(slot, name)| Some((name, schema.input(slot)?)));
        let outputs = at.node.output.iter().enumerate();
        let omitted_outputs = outputs.filter_map(|(slot, name)| Some((name, schema.output(slot)?)));
        for (name, formal) in omitted_inputs.chain(omitted_outputs) {
            if name.is_empty() && formal.occurrence == ParameterOccurrence::Single {
                let (node, parameter) = (at.label(), formal.name.to_string());
                self.found.push(Violation::ParameterOmitted { node, parameter });
            }
        }
    }

    fn counts(&mut self, at: &NodeAt, inputs: (usize, usize), outputs: (usize, usize)) {
        let count = |(least, most)| CountRange { least, most };
        let (found, expected) = (at.node.input.len(), count(inputs));
        if !(expected.least..=expected.most).contains(&found) {
            self.found.push(Violation::InputCount { node: at.label(), found, expected });
        }
        let (found, expected) = (at.node.output.len(), count(outputs));
        if !(expected.least..=expected.most).contains(&found) {
            self.found.push(Violation::OutputCount { node: at.label(), found, expected });
        }
    }
}
