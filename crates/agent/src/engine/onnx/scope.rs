//! Scopes of names: what the bodies of If, Loop and Scan read from outside, and every name that is
//! taken anywhere in a graph.

use std::collections::HashSet;
use tract_onnx::pb::{GraphProto, NodeProto};

/// Bodies of a control-flow node, in the order of its attributes.
pub fn bodies(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    node.attribute.iter().flat_map(|a| a.g.iter().chain(&a.graphs))
}

/// Bodies of a control-flow node, to be changed in place.
pub fn bodies_mut(node: &mut NodeProto) -> impl Iterator<Item = &mut GraphProto> {
    node.attribute.iter_mut().flat_map(|a| a.g.iter_mut().chain(&mut a.graphs))
}

/// Tensors that the bodies of a node read from the scopes around it, at any depth, each once.
pub fn captured(node: &NodeProto) -> Vec<&str> {
    let mut found = Vec::new();
    for body in bodies(node) {
        captured_by(body, &mut found);
    }
    let mut seen = HashSet::new();
    found.retain(|name| seen.insert(*name));
    found
}

/// Appends what a body reads and does not define.
fn captured_by<'a>(body: &'a GraphProto, found: &mut Vec<&'a str>) {
    let own = defined(body);
    let mut read: Vec<&str> = Vec::new();
    for node in &body.node {
        read.extend(node.input.iter().map(String::as_str));
        bodies(node).for_each(|inner| captured_by(inner, &mut read));
    }
    // An output may be a tensor of the scope around, although the specification wants a node.
    read.extend(body.output.iter().map(|output| output.name.as_str()));
    found.extend(read.into_iter().filter(|name| !name.is_empty() && !own.contains(name)));
}

/// Tensors that a graph defines itself, without those of its nodes' bodies.
fn defined(graph: &GraphProto) -> HashSet<&str> {
    let inputs = graph.input.iter().map(|i| i.name.as_str());
    let initializers = graph.initializer.iter().map(|t| t.name.as_str());
    let sparse = graph.sparse_initializer.iter().filter_map(|s| s.values.as_ref());
    let sparse = sparse.map(|values| values.name.as_str());
    let outputs = graph.node.iter().flat_map(|n| &n.output).map(String::as_str);
    inputs.chain(initializers).chain(sparse).chain(outputs).collect()
}

/// Every name of a tensor or node in a graph and in its bodies.
pub fn taken(graph: &GraphProto) -> HashSet<String> {
    let mut names = HashSet::new();
    collect(graph, &mut names);
    names
}

fn collect(graph: &GraphProto, names: &mut HashSet<String>) {
    let own = defined(graph).into_iter().chain(graph.output.iter().map(|o| o.name.as_str()));
    names.extend(own.map(str::to_string));
    for node in &graph.node {
        names.extend(node.input.iter().cloned());
        names.insert(node.name.clone());
        bodies(node).for_each(|body| collect(body, names));
    }
}

/// Renames the tensors that a node's bodies read from outside. `renamed` gives a new name, or nothing
/// where a tensor keeps its own; names that a body defines itself hide those outside.
pub fn rename_captured(node: &mut NodeProto, renamed: &dyn Fn(&str) -> Option<String>) {
    bodies_mut(node).for_each(|body| rename_in(body, renamed));
}

fn rename_in(body: &mut GraphProto, renamed: &dyn Fn(&str) -> Option<String>) {
    let own: HashSet<String> = defined(body).into_iter().map(str::to_string).collect();
    let visible = |name: &str| if own.contains(name) { None } else { renamed(name) };
    for node in &mut body.node {
        for input in &mut node.input {
            if let Some(other) = visible(input) {
                *input = other;
            }
        }
        rename_captured(node, &visible);
    }
    for output in &mut body.output {
        if let Some(other) = visible(&output.name) {
            output.name = other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::{AttributeProto, ValueInfoProto};

    fn node(op: &str, input: &[&str], output: &str) -> NodeProto {
        NodeProto {
            op_type: op.into(),
            input: input.iter().map(|i| (*i).to_string()).collect(),
            output: vec![output.into()],
            ..NodeProto::default()
        }
    }

    fn body(nodes: Vec<NodeProto>, output: &str) -> GraphProto {
        let output = vec![ValueInfoProto { name: output.into(), ..ValueInfoProto::default() }];
        GraphProto { node: nodes, output, ..GraphProto::default() }
    }

    fn branching(name: &str, then: GraphProto) -> NodeProto {
        let attribute = AttributeProto { g: Some(then), ..AttributeProto::default() };
        NodeProto { attribute: vec![attribute], ..node("If", &["condition"], name) }
    }

    /// An If in an If: the inner body reads `deep`, and `inner`, which the outer body defines.
    fn nested() -> NodeProto {
        let within = body(vec![node("Add", &["deep", "inner"], "sum")], "sum");
        let nodes = vec![node("Relu", &["shallow"], "inner"), branching("chosen", within)];
        branching("result", body(nodes, "passed"))
    }

    #[test]
    fn what_nested_bodies_capture_is_seen() {
        assert_eq!(captured(&nested()), ["shallow", "condition", "deep", "passed"]);
    }

    #[test]
    fn a_captured_tensor_is_renamed_at_every_depth_and_a_hidden_one_is_not() {
        let mut node = nested();
        rename_captured(&mut node, &|name| Some(format!("{name}.new")));
        assert_eq!(captured(&node), ["shallow.new", "condition.new", "deep.new", "passed.new"]);
        let GraphProto { node: nodes, .. } = bodies(&node).next().unwrap();
        let inner = bodies(&nodes[1]).next().unwrap();
        assert_eq!(inner.node[0].input, ["deep.new", "inner"]);
    }

    #[test]
    fn names_inside_bodies_are_taken() {
        let graph = GraphProto { node: vec![nested()], ..GraphProto::default() };
        let names = taken(&graph);
        ["deep", "inner", "sum", "result"].iter().for_each(|n| assert!(names.contains(*n)));
    }
}
