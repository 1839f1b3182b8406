//! Checks of a whole model.

use super::validator::{ModelValidator, versions_of};
use super::violations::Violation;
use crate::graph::{Graph, GraphError};

/// Checks a graph against the ONNX specification.
///
/// # Errors
/// [`GraphError::Specification`] with the first violation; [`violations`] gives all.
pub fn validate(graph: &Graph) -> Result<(), GraphError> {
    match violations(graph).into_iter().next() {
        Some(violation) => Err(GraphError::Specification {
            name: graph.name().to_string(),
            source: Box::new(violation),
        }),
        None => Ok(()),
    }
}

/// Checks a graph against those rules of the ONNX specification whose violation engines may crash on.
///
/// # Errors
/// [`GraphError::Specification`] with the first such violation.
pub fn validate_for_engines(graph: &Graph) -> Result<(), GraphError> {
    match violations(graph).into_iter().find(Violation::may_crash_engines) {
        Some(violation) => Err(GraphError::Specification {
            name: graph.name().to_string(),
            source: Box::new(violation),
        }),
        None => Ok(()),
    }
}

/// All violations of the ONNX specification: those of the model, then of the main graph in the order
/// of its nodes with bodies where they stand, then of local functions. A graph without the values of
/// its initializers ([`Graph::skeleton`]) has one for each of them.
pub fn violations(graph: &Graph) -> Vec<Violation> {
    let mut validator = ModelValidator::new(&graph.model);
    validator.model(graph);
    validator.found
}

impl<'a> ModelValidator<'a> {
    fn model(&mut self, graph: &'a Graph) {
        let ir_version = self.ir_version;
        if ir_version < 1 {
            self.found.push(Violation::IrVersionMissing);
        }
        if !graph.model.functions.is_empty() && ir_version < 8 {
            self.found.push(Violation::FunctionsUnsupported { ir_version });
        }
        if graph.graph().output.is_empty() {
            self.found.push(Violation::OutputsMissing);
        }
        self.graph(graph.graph(), None);
        for function in &graph.model.functions {
            self.imports = versions_of(&function.opset_import);
            self.absent.clear();
            self.function(function);
        }
    }
}
