//! Nodes of the file that nodes of the engine's optimised graph came from.

use crate::graph::{Graph, GraphIndex};
use crate::ops::is_product;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// The nodes of `graph` that nodes of the engine's optimised graph came from, each of these given by
/// its name and whether it multiplies: the one whose name, or whose output's, its name begins with; the
/// longest decides. The engine names a product after what it fused behind it, so one that multiplies
/// belongs to the nearest convolution or matrix product on a way to that; of several, to the latest one
/// that has no product under its own name.
pub fn origins<'a>(
    graph: &Graph,
    optimised: impl IntoIterator<Item = (&'a str, bool)>,
) -> Vec<Option<usize>> {
    let index = GraphIndex::new(graph);
    let named: Vec<(Option<usize>, bool)> =
        optimised.into_iter().map(|(name, multiplies)| (named(graph, name), multiplies)).collect();
    let products = || named.iter().filter(|(_, multiplies)| *multiplies).filter_map(|(p, _)| *p);
    let mut claimed: BTreeSet<usize> =
        products().filter(|p| is_product(&graph.nodes()[*p])).collect();
    let mut fused: BTreeMap<usize, usize> = BTreeMap::new();
    for behind in products().collect::<BTreeSet<_>>() {
        let before = if is_product(&graph.nodes()[behind]) {
            vec![]
        } else {
            products_before(graph, &index, behind)
        };
        let free = before.iter().filter(|p| !claimed.contains(*p)).max();
        if let Some(product) = free.or(before.iter().max()) {
            claimed.insert(*product);
            fused.insert(behind, *product);
        }
    }
    let from = |(position, multiplies): (Option<usize>, bool)| match position {
        Some(behind) if multiplies => fused.get(&behind).copied().or(position),
        _ => position,
    };
    named.into_iter().map(from).collect()
}

/// The node that an optimised one is named after.
fn named(graph: &Graph, optimised: &str) -> Option<usize> {
    let begins = |name: &String| !name.is_empty() && optimised.starts_with(name.as_str());
    let longest = |position: usize| -> Option<usize> {
        let node = &graph.nodes()[position];
        let names = std::iter::once(&node.name).chain(&node.output);
        names.filter(|name| begins(name)).map(String::len).max()
    };
    let found = (0..graph.nodes().len()).filter_map(|p| Some((longest(p)?, p)));
    found.max_by_key(|(length, position)| (*length, Reverse(*position))).map(|(_, p)| p)
}

/// The nearest convolutions and matrix products on all ways that lead to a node.
fn products_before(graph: &Graph, index: &GraphIndex, behind: usize) -> Vec<usize> {
    let (mut open, mut seen, mut found) = (vec![behind], BTreeSet::new(), Vec::new());
    while let Some(position) = open.pop() {
        let before = graph.nodes()[position].input.iter().filter_map(|name| index.producer(name));
        for earlier in before {
            if !seen.insert(earlier) {
                continue;
            }
            match is_product(&graph.nodes()[earlier]) {
                true => found.push(earlier),
                false => open.push(earlier),
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{DimensionSize, Node};
    use paring_agent::arrays::Dtype;

    fn graph() -> Graph {
        let mut graph = Graph::empty("chain", 13);
        graph.add_input("x", Dtype::F32, &[DimensionSize::Fixed(1), DimensionSize::Fixed(4)]);
        let nodes = [
            ("early", "MatMul", vec!["x", "w"], "a"),
            ("late", "MatMul", vec!["a", "w"], "b"),
            ("sum", "Add", vec!["a", "b"], "c"),
            ("sum.act", "Relu", vec!["c"], "d"),
        ];
        for (name, op, inputs, output) in nodes {
            graph.add_node(Node {
                name: format!("{name}/{op}"),
                op_type: op.into(),
                input: inputs.into_iter().map(str::to_string).collect(),
                output: vec![output.into()],
                ..Node::default()
            });
        }
        graph
    }

    fn origin(optimised: &str, multiplies: bool) -> Option<usize> {
        origins(&graph(), [(optimised, multiplies)])[0]
    }

    #[test]
    fn a_fused_product_belongs_to_its_weights() {
        assert_eq!(origin("late/MatMul.einsum", true), Some(1));
        assert_eq!(origin("sum/Add.fused", true), Some(1));
        assert_eq!(origin("sum/Add.fused", false), Some(2));
        assert_eq!(origin("sum.act/Relu", false), Some(3));
        assert_eq!(origin("zzz", false), None);
    }

    #[test]
    fn of_both_sides_of_a_sum_the_one_without_a_product_of_its_own_was_fused() {
        let found = origins(
            &graph(),
            [("late/MatMul.einsum", true), ("sum/Add.fused", true), ("sum/Add.0", true)],
        );
        assert_eq!(found, [Some(1), Some(0), Some(0)]);
        let both = [("early/MatMul", true), ("late/MatMul", true), ("sum/Add", true)];
        assert_eq!(origins(&graph(), both), [Some(0), Some(1), Some(1)]);
    }
}
