//! Reading a model file: a graph that has passed all checks.

use super::validate::validate_for_engines;
use super::{Graph, GraphError};
use paring_agent::engine::onnx::{self, OnnxFile};
use std::collections::{BTreeSet, HashSet};
use std::path::Path;

impl Graph {
    /// Reads a model, external data too, with local functions inlined, and checks that every name
    /// leads somewhere and that nothing in it is of the kind that engines crash on.
    ///
    /// # Errors
    /// [`GraphError`] names the file, node or tensor.
    pub fn load(path: &Path) -> Result<Graph, GraphError> {
        let OnnxFile { model, self_contained } = onnx::read(path).map_err(GraphError::File)?;
        let mut graph = Graph::of(&path.display().to_string(), model);
        graph.self_contained = self_contained;
        graph.lift_constants();
        graph.separate_vectors();
        graph.name_nodes();
        graph.allow_bare_initializers();
        graph.check()?;
        validate_for_engines(&graph)?;
        Ok(graph)
    }

    /// Gives nodes without a name one from their operator and place, which later edits do not move,
    /// and nodes that share a name one each.
    fn name_nodes(&mut self) {
        let graph = self.graph_mut();
        let mut taken = onnx::taken(graph);
        let mut seen: HashSet<String> = HashSet::new();
        for (position, node) in graph.node.iter_mut().enumerate() {
            let wanted = match node.name.as_str() {
                "" => format!("{}_{position}", node.op_type),
                name => name.to_string(),
            };
            if node.name.is_empty() || seen.contains(&wanted) {
                node.name = onnx::fresh(&mut taken, &wanted);
            }
            seen.insert(node.name.clone());
        }
    }

    fn invalid(&self, problem: String) -> GraphError {
        GraphError::Invalid { name: self.name.clone(), problem }
    }

    /// Every input of a node and every output of the graph must come from somewhere earlier.
    fn check(&self) -> Result<(), GraphError> {
        let graph = self.graph();
        if graph.output.is_empty() {
            return Err(self.invalid("the graph has no outputs".into()));
        }
        let mut known: BTreeSet<&str> = self.initializer_names();
        known.extend(graph.input.iter().map(|i| i.name.as_str()));
        for node in &graph.node {
            let mut read = node.input.iter().map(String::as_str).chain(onnx::captured(node));
            if let Some(missing) = read.find(|i| !i.is_empty() && !known.contains(i)) {
                let problem = format!(
                    "node `{}` ({}) reads `{missing}`, which nothing before it gives: the graph is cyclic, unsorted or incomplete",
                    node.name, node.op_type
                );
                return Err(self.invalid(problem));
            }
            for output in node.output.iter().filter(|o| !o.is_empty()) {
                if !known.insert(output) {
                    let problem =
                        format!("node `{}` gives `{output}`, which exists already", node.name);
                    return Err(self.invalid(problem));
                }
            }
        }
        match graph.output.iter().find(|o| !known.contains(o.name.as_str())) {
            Some(output) => {
                Err(self.invalid(format!("nothing gives the output `{}`", output.name)))
            }
            None => Ok(()),
        }
    }
}
