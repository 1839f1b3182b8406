//! Changes to a graph.

use super::{Graph, GraphError, Node, Weights};
use std::collections::BTreeSet;
use tract_onnx::pb::OperatorSetIdProto;

impl Graph {
    /// Replaces or adds an initializer.
    pub fn set_weights(&mut self, name: &str, weights: Weights) {
        let initializers = &mut self.graph_mut().initializer;
        let tensor = weights.into_proto(name);
        match initializers.iter_mut().find(|t| t.name == name) {
            Some(old) => *old = tensor,
            None => initializers.push(tensor),
        }
    }

    /// A node to be changed in place.
    pub fn node_mut(&mut self, position: usize) -> Option<&mut Node> {
        self.graph_mut().node.get_mut(position)
    }

    /// Replaces all nodes; each must stand after those whose outputs it reads.
    pub fn set_nodes(&mut self, nodes: Vec<Node>) {
        self.graph_mut().node = nodes;
    }

    /// Drops initializers that no node reads, inputs of the same names, and all `value_info`, which
    /// an edit may have made untrue.
    pub fn tidy(&mut self) {
        let graph = self.graph_mut();
        let mut used: BTreeSet<String> =
            graph.node.iter().flat_map(|node| node.input.iter().cloned()).collect();
        used.extend(graph.output.iter().map(|o| o.name.clone()));
        let dropped: BTreeSet<String> = graph
            .initializer
            .iter()
            .filter(|t| !used.contains(&t.name))
            .map(|t| t.name.clone())
            .collect();
        graph.initializer.retain(|t| !dropped.contains(&t.name));
        graph.input.retain(|i| !dropped.contains(&i.name));
        graph.value_info.clear();
    }

    /// Drops declared shapes of initializers that are inputs too, where slicing made them untrue.
    pub fn forget_initializer_inputs(&mut self) {
        let names: BTreeSet<String> =
            self.initializer_names().into_iter().map(str::to_string).collect();
        self.graph_mut().input.retain(|input| !names.contains(&input.name));
    }

    /// Names a further operator set that nodes may come from.
    pub fn import_domain(&mut self, domain: &str, version: i64) {
        if self.model.opset_import.iter().all(|import| import.domain != domain) {
            let import = OperatorSetIdProto { domain: domain.to_string(), version };
            self.model.opset_import.push(import);
        }
    }

    /// Requires at least this version of the default operator set.
    ///
    /// # Errors
    /// [`GraphError::Invalid`] where the file's version is older: converting is not this tool's job.
    pub fn require_opset(&mut self, version: i64, why: &str) -> Result<(), GraphError> {
        if self.model.opset_import.is_empty() {
            let import = OperatorSetIdProto { domain: String::new(), version };
            self.model.opset_import.push(import);
        }
        if self.opset() >= version {
            return Ok(());
        }
        let found = self.opset();
        let problem = format!(
            "{why} needs operator set {version}, the model has {found}; export it with a newer one"
        );
        Err(GraphError::Invalid { name: self.name.clone(), problem })
    }
}
