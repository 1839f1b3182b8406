//! Changes to a graph.

use super::{Graph, GraphError, GraphIndex, Node, Weights};
use paring_agent::engine::{self, onnx};
use std::collections::{BTreeMap, BTreeSet};
use tract_onnx::pb::{OperatorSetIdProto, StringStringEntryProto};

/// From this version of the format on an initializer need not be an input.
const BARE_INITIALIZERS: i64 = 4;

impl Graph {
    /// Replaces or adds an initializer.
    pub fn set_weights(&mut self, name: &str, weights: Weights) {
        self.put_initializer(weights.into_proto(name));
    }

    /// A node to be changed in place.
    pub fn node_mut(&mut self, position: usize) -> Option<&mut Node> {
        self.nodes_mut().get_mut(position)
    }

    /// Gives a node integers of its own as an input: what was there may belong to others too.
    pub fn set_integer_input(
        &mut self,
        position: usize,
        slot: usize,
        dims: &[usize],
        values: &[i64],
    ) {
        let Some(node) = self.nodes().get(position) else { return };
        let wanted = format!("{}#{slot}", node.output.first().map_or("", String::as_str));
        // Integers of its own it may have from an earlier step.
        let own = node.input.get(slot) == Some(&wanted)
            && GraphIndex::new(self).only_consumer(&wanted) == Some((position, slot));
        let name = if own { wanted } else { self.fresh_name(&wanted) };
        if let Some(node) = self.node_mut(position) {
            node.input.resize((slot + 1).max(node.input.len()), String::new());
            node.input[slot].clone_from(&name);
        }
        self.set_weights(&name, Weights::i64(dims, values));
    }

    /// Replaces all nodes; each must stand after those whose outputs it reads.
    pub fn set_nodes(&mut self, nodes: Vec<Node>) {
        *self.nodes_mut() = nodes;
    }

    /// Lets nodes and bodies read other tensors: `renamed` by the tensors that they read now, through
    /// as many steps as there are. Gives the names of the nodes that read something else.
    pub fn rename_reads(&mut self, renamed: &BTreeMap<String, String>) -> BTreeSet<String> {
        let last = |name: &str| -> Option<String> {
            let mut found = renamed.get(name)?;
            // A chain is no longer than the map; one that is has a cycle.
            for _ in 0..renamed.len() {
                match renamed.get(found) {
                    Some(next) => found = next,
                    None => break,
                }
            }
            Some(found.clone())
        };
        let mut changed = BTreeSet::new();
        for node in self.nodes_mut() {
            let captured = onnx::captured(node).iter().any(|name| renamed.contains_key(*name));
            if captured {
                onnx::rename_captured(node, &last);
            }
            let mut own = false;
            for input in &mut node.input {
                if let Some(other) = last(input) {
                    *input = other;
                    own = true;
                }
            }
            if captured || own {
                changed.insert(node.name.clone());
            }
        }
        changed
    }

    /// Drops initializers that no node and no body reads, inputs of the same names, and `value_info`
    /// and annotations that an edit may have made untrue.
    pub fn tidy(&mut self) {
        let graph = self.graph_mut();
        let mut used: BTreeSet<String> =
            graph.node.iter().flat_map(|node| node.input.iter().cloned()).collect();
        let captured = graph.node.iter().flat_map(onnx::captured);
        used.extend(captured.map(str::to_string));
        used.extend(graph.output.iter().map(|o| o.name.clone()));
        let dropped: BTreeSet<String> = graph
            .initializer
            .iter()
            .filter(|t| !used.contains(&t.name))
            .map(|t| t.name.clone())
            .collect();
        graph.initializer.retain(|t| !dropped.contains(&t.name));
        graph.input.retain(|i| !dropped.contains(&i.name));
        // Behind operators that the engine does not have, declared shapes are all there is; nothing
        // shortens what such an operator gives.
        let opaque = graph.node.iter().filter(|node| !engine::implements(&node.op_type));
        let opaque: BTreeSet<String> = opaque.flat_map(|n| n.output.iter().cloned()).collect();
        graph.value_info.retain(|info| opaque.contains(&info.name));
        graph.quantization_annotation.clear();
        self.allow_bare_initializers();
    }

    /// Before version 4 of the format every initializer had to be an input as well. An edited graph
    /// has others: it declares that version.
    pub(super) fn allow_bare_initializers(&mut self) {
        let inputs: BTreeSet<&str> = self.graph().input.iter().map(|i| i.name.as_str()).collect();
        let bare = self.graph().initializer.iter().any(|t| !inputs.contains(t.name.as_str()));
        if bare && self.model.ir_version < BARE_INITIALIZERS {
            self.model.ir_version = BARE_INITIALIZERS;
        }
    }

    /// Drops declared shapes of initializers that are inputs too, where slicing made them untrue.
    pub fn forget_initializer_inputs(&mut self) {
        let names: BTreeSet<String> =
            self.initializer_names().into_iter().map(str::to_string).collect();
        self.graph_mut().input.retain(|input| !names.contains(&input.name));
    }

    /// Sets a property of the model, which says something about it and changes nothing of what it
    /// computes.
    pub fn set_property(&mut self, key: &str, value: String) {
        self.take_property(key);
        let key = key.to_string();
        self.model.metadata_props.push(StringStringEntryProto { key, value });
    }

    /// Removes a property of the model and gives its value; `None` where there is none.
    pub fn take_property(&mut self, key: &str) -> Option<String> {
        let properties = &mut self.model.metadata_props;
        let position = properties.iter().position(|own| own.key == key)?;
        Some(properties.remove(position).value)
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
