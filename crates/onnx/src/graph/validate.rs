//! Rules of the ONNX specification, for every model that is read or written: names, order, operators
//! at their versions, arity, attributes, element types, and shapes of initializers.
//!
//! Pure functions of the graph; the engine is not asked. What the specification leaves to shape
//! inference is not checked. Linear in nodes and edges.
//!
//! Source: docs/IR.md of the onnx repository, and its operator schemas (`operators.tsv`).

mod attribute_ranges;
mod attributes;
mod bodies;
mod data_problem;
mod element;
mod graphs;
mod inferred;
mod initializers;
mod label;
mod nodes;
mod operators;
mod ranks;
mod tensor_ranks;
mod types;
mod violation;

pub use data_problem::DataProblem;
pub use element::ElementSet;
pub use label::{Count, NodeLabel};
pub use violation::Violation;

use super::{Graph, GraphError};
use graphs::Scope;
use std::collections::{HashMap, HashSet};
use tract_onnx::pb::{FunctionProto, ModelProto, OperatorSetIdProto};

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
    let mut validator = Validator::new(&graph.model);
    validator.model(graph);
    validator.found
}

/// A walk over a model, and what it has found.
struct Validator<'a> {
    ir_version: i64,
    /// Versions of the imported domains, of the function that is walked if there is one.
    imports: HashMap<&'a str, i64>,
    functions: HashMap<(&'a str, &'a str), &'a FunctionProto>,
    /// Domains that were reported as not imported.
    absent: HashSet<&'a str>,
    scope: Scope<'a>,
    found: Vec<Violation>,
}

/// The default domain has two spellings.
fn domain_name(domain: &str) -> &str {
    if domain.is_empty() { "ai.onnx" } else { domain }
}

fn versions_of(imports: &[OperatorSetIdProto]) -> HashMap<&str, i64> {
    imports.iter().map(|import| (domain_name(&import.domain), import.version)).collect()
}

impl<'a> Validator<'a> {
    fn new(model: &'a ModelProto) -> Self {
        let mut imports = versions_of(&model.opset_import);
        // Formats before 3 had no imports and one operator set.
        if model.ir_version < 3 && imports.is_empty() {
            imports.insert("ai.onnx", 1);
        }
        let key = |function: &'a FunctionProto| {
            let domain = domain_name(function.domain.as_deref().unwrap_or_default());
            (domain, function.name.as_deref().unwrap_or_default())
        };
        Validator {
            ir_version: model.ir_version,
            imports,
            functions: model.functions.iter().map(|function| (key(function), function)).collect(),
            absent: HashSet::new(),
            scope: Scope::default(),
            found: Vec::new(),
        }
    }

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
