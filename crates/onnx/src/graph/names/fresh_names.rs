//! Names for what a step adds to a graph, none of which the graph has already.

use crate::graph::{Graph, Weights};
use paring_agent::engine::onnx;
use std::collections::{BTreeMap, HashSet};

/// Names that one step gives: the same part of the same thing gets the same name, another one another,
/// and none a name of the graph's own, not even one that only a body knows.
#[derive(Clone, Debug)]
pub struct FreshNames {
    taken: HashSet<String>,
    given: BTreeMap<(String, String), String>,
}

impl FreshNames {
    /// Beside the names that a graph has.
    pub fn new(graph: &Graph) -> Self {
        FreshNames { taken: onnx::taken(graph.graph()), given: BTreeMap::new() }
    }

    /// The name for a part of something, `.scale` of a tensor say: both together, with a number where
    /// that is taken. A part of `a.b` is not one of `a` whose own name begins with `b`.
    pub fn get(&mut self, base: &str, part: &str) -> String {
        let key = (base.to_string(), part.to_string());
        if let Some(name) = self.given.get(&key) {
            return name.clone();
        }
        let name = onnx::fresh(&mut self.taken, &format!("{base}{part}"));
        self.given.insert(key, name.clone());
        name
    }

    /// A name that was not given before: `wanted`, with a number where that is taken.
    pub fn unique(&mut self, wanted: &str) -> String {
        onnx::fresh(&mut self.taken, wanted)
    }

    /// The name of a constant that all steps share: that of an initializer which is called so and has
    /// these values, else a fresh one.
    pub fn shared(&mut self, graph: &Graph, wanted: &str, weights: &Weights) -> String {
        if graph.weights(wanted).is_ok_and(|own| own == *weights) {
            return wanted.to_string();
        }
        self.get(wanted, "")
    }
}

impl Graph {
    /// `wanted`, with a number where the graph has that name.
    pub fn fresh_name(&self, wanted: &str) -> String {
        onnx::fresh(&mut onnx::taken(self.graph()), wanted)
    }

    /// The initializer that a node reads in a slot, as one that nothing else reads: a copy where there
    /// are other readers. Gives its name; `None` where the node reads no initializer there.
    pub fn own_initializer(&mut self, position: usize, slot: usize) -> Option<String> {
        let name = self.nodes().get(position)?.input.get(slot)?.clone();
        let weights = self.weights(&name).ok()?;
        let elsewhere = |(at, node): (usize, &crate::graph::Node)| {
            let inputs = node.input.iter().enumerate();
            let mut others = inputs.filter(|(s, i)| **i == name && (at, *s) != (position, slot));
            others.next().is_some() || onnx::captured(node).contains(&name.as_str())
        };
        let shared = self.nodes().iter().enumerate().any(elsewhere);
        if !shared && !self.outputs().contains(&name.as_str()) {
            return Some(name);
        }
        let output = self.nodes()[position].output.first().cloned().unwrap_or_default();
        let own = self.fresh_name(&format!("{name}#{output}"));
        self.set_weights(&own, weights);
        self.node_mut(position)?.input[slot].clone_from(&own);
        Some(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Node;

    fn graph() -> Graph {
        let mut graph = Graph::empty("names", 13);
        graph.set_weights("b", Weights::f32(&[1], &[2.0]));
        for output in ["y", "z"] {
            graph.add_node(Node {
                op_type: "Add".into(),
                name: format!("{output}/Add"),
                input: vec!["x".into(), "b".into()],
                output: vec![output.into()],
                ..Node::default()
            });
        }
        graph
    }

    #[test]
    fn a_wish_gets_one_name_that_nothing_else_has() {
        let mut names = FreshNames::new(&graph());
        let mut get = |base: &str, part: &str| names.get(base, part);
        assert_eq!([get("b", ""), get("b", ""), get("x", "")], ["b_1", "b_1", "x_1"]);
        assert_eq!([get("y", "/Add"), get("new", ".q")], ["y/Add_1", "new.q"]);
        assert_eq!(
            [get("a", ".b.q"), get("a.b", ".q"), get("a", ".b.q")],
            ["a.b.q", "a.b.q_1", "a.b.q"]
        );
    }

    #[test]
    fn a_shared_initializer_is_copied_for_whom_would_change_it() {
        let mut graph = graph();
        assert_eq!(graph.own_initializer(1, 1).as_deref(), Some("b#z"));
        assert_eq!(graph.own_initializer(0, 1).as_deref(), Some("b"));
        assert_eq!(graph.weights("b#z").ok(), graph.weights("b").ok());
        assert_eq!(graph.own_initializer(0, 0), None);
    }
}
