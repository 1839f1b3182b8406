//! A node at its place in a graph.

use super::super::validator::domain_name;
use super::super::violations::NodeLabel;
use std::collections::HashMap;
use tract_onnx::pb::NodeProto;

/// A node at its place, and the version of its domain.
#[derive(Clone, Copy)]
pub(in crate::graph::validate) struct NodeAt<'a> {
    pub(in crate::graph::validate) node: &'a NodeProto,
    position: usize,
    pub(in crate::graph::validate) domain: &'a str,
    version: Option<i64>,
}

impl<'a> NodeAt<'a> {
    pub(in crate::graph::validate) fn new(
        node: &'a NodeProto,
        position: usize,
        imports: &HashMap<&'a str, i64>,
    ) -> Self {
        let domain = domain_name(&node.domain);
        NodeAt { node, position, domain, version: imports.get(domain).copied() }
    }

    pub(in crate::graph::validate) fn label(&self) -> NodeLabel {
        let NodeAt { node, position, domain, version } = *self;
        NodeLabel {
            name: if node.name.is_empty() { format!("#{position}") } else { node.name.clone() },
            operator: node.op_type.clone(),
            domain: domain.to_string(),
            version,
        }
    }

    /// The version of the domain that is imported.
    pub(in crate::graph::validate) fn version(&self) -> Option<i64> {
        self.version
    }

    /// True of an operator of the standard's default domain.
    pub(in crate::graph::validate) fn is_standard(&self) -> bool {
        self.domain == "ai.onnx"
    }
}
