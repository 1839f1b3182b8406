//! Times of an engine's nodes, charged to the nodes of the ONNX file that they were made from.

use paring_agent::engine::{NodeTimes, PlanProfile};
use paring_core::schema::NodeProfile;
use paring_onnx::graph::{self, Graph};
use std::collections::BTreeMap;

/// The nodes of a profile, each with the position of the ONNX node that it is charged to, if any.
pub fn attributed<'a>(
    graph: &'a Graph,
    profile: &'a PlanProfile,
) -> impl Iterator<Item = (Option<usize>, &'a NodeTimes)> {
    // What has kernels multiplies.
    let named = profile.nodes.iter().map(|t| (t.node.name.as_str(), !t.node.kernels.is_empty()));
    graph::origins(graph, named).into_iter().zip(&profile.nodes)
}

/// Times of a variant's nodes by the name of the baseline's node that each stands for, in
/// nanoseconds; what belongs to none under the empty name.
pub fn times_by_node(
    baseline: &Graph,
    graph: &Graph,
    profile: &PlanProfile,
) -> BTreeMap<String, f64> {
    let times = attributed(graph, profile);
    charged(baseline, graph, times.map(|(position, times)| (position, times.median_ns())))
}

/// Likewise from a profile that was kept of a machine: means over the faster half of its runs, with
/// what the engine did before each node.
pub fn kept_times_by_node(
    baseline: &Graph,
    graph: &Graph,
    profile: &NodeProfile,
) -> BTreeMap<String, f64> {
    let named = profile.nodes.iter().map(|node| (node.name.as_str(), node.multiplies()));
    let times = profile.nodes.iter().map(|node| node.own_ns + node.before_ns);
    charged(baseline, graph, graph::origins(graph, named).into_iter().zip(times))
}

fn charged(
    baseline: &Graph,
    graph: &Graph,
    times: impl Iterator<Item = (Option<usize>, f64)>,
) -> BTreeMap<String, f64> {
    let mut found = BTreeMap::<String, f64>::new();
    for (position, time) in times {
        let name = position.and_then(|p| stands_for(baseline, graph, p)).unwrap_or_default();
        *found.entry(name).or_default() += time;
    }
    found
}

/// The node of the baseline that a node of a variant stands for: of the same name, or the one that
/// gave the tensor that it converts.
fn stands_for(baseline: &Graph, graph: &Graph, position: usize) -> Option<String> {
    let node = graph.nodes().get(position)?;
    let named = |name: &str| baseline.nodes().iter().find(|n| n.name == name);
    let gives = |tensor: &str| {
        let whole = baseline.nodes().iter().find(|n| n.output.iter().any(|o| o == tensor));
        whole.or_else(|| {
            // A graph's input is charged to whoever reads it first.
            baseline.nodes().iter().find(|n| n.input.iter().any(|i| i == tensor))
        })
    };
    let parts = [node.name.rsplit_once('/').map_or("", |(tensor, _)| tensor)];
    let own = named(&node.name).or_else(|| parts.iter().find_map(|p| named(p)));
    let own = own.or_else(|| parts.iter().find_map(|p| gives(p)));
    own.or_else(|| node.input.first().and_then(|tensor| gives(tensor))).map(|n| n.name.clone())
}
