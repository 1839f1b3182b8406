//! The model that an overlay lies over: nodes of a variant's file, with what is known of each.

use crate::pipeline::RecordedDivergence;
use paring_core::schema::VariantRecord;
use std::collections::BTreeMap;

/// A variant's file.
#[derive(Clone, Debug)]
pub struct OverlayModel<'a> {
    /// The variant.
    pub variant: &'a VariantRecord,
    /// The graph's own name; empty where it has none.
    pub graph_name: String,
    /// Nodes of the file, in its order.
    pub nodes: Vec<OverlayNode>,
    /// Divergences by single layers in single precisions, where a step of the variant measured them.
    pub divergences: Vec<RecordedDivergence>,
    /// Nodes of each name.
    names: BTreeMap<String, usize>,
}

/// A node of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OverlayNode {
    /// Its layer, as decisions and layers.csv name it.
    pub layer: String,
    /// Its own name; empty where it has none.
    pub name: String,
    /// Its first output.
    pub tensor: String,
    /// Precision of its weights; `None` of a node that multiplies by none.
    pub precision: Option<String>,
    /// Share of the layer's multiply-accumulates in the baseline that are gone, 0 to 1; `None` where
    /// the two cannot be compared.
    pub removed: Option<f64>,
}

impl<'a> OverlayModel<'a> {
    /// A variant, the graph of its file and its nodes, and what a step measured of its layers.
    pub fn new(
        variant: &'a VariantRecord,
        graph_name: String,
        nodes: Vec<OverlayNode>,
        divergences: Vec<RecordedDivergence>,
    ) -> Self {
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        for node in nodes.iter().filter(|node| !node.name.is_empty()) {
            *names.entry(node.name.clone()).or_default() += 1;
        }
        OverlayModel { variant, graph_name, nodes, divergences, names }
    }

    /// The name of a node; `None` where it has none, or another one has the same.
    pub(super) fn name(&self, position: usize) -> Option<&str> {
        let name = self.nodes.get(position)?.name.as_str();
        (self.names.get(name) == Some(&1)).then_some(name)
    }

    /// The tensor that comes from a node.
    pub(super) fn tensor(&self, position: usize) -> Option<&str> {
        let tensor = self.nodes.get(position)?.tensor.as_str();
        (!tensor.is_empty()).then_some(tensor)
    }

    /// True if a node is called so.
    pub(super) fn is_name(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// The node that multiplies for a layer.
    pub(super) fn product(&self, layer: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.precision.is_some() && node.layer == layer)
    }

    /// The node that a tensor comes from.
    pub(super) fn maker(&self, tensor: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.tensor == tensor)
    }
}
