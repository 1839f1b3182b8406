//! The assignments of precisions to layers that no mixture of others beats in time and error.

use super::assignment::{LayerPrices, PrecisionAssignment};
use super::dynamic_program::PrecisionNetwork;
use paring_core::schema::LayerPrecision;
use paring_onnx::graph::{Graph, TensorFacts};
use std::collections::{BTreeMap, BTreeSet};

/// The most assignments that are found.
const MOST_ASSIGNMENTS: usize = 48;

/// The assignments that are the best for some weight of the error against the time, in order of time:
/// the corners of the lower convex hull of times and errors, 48 at most, of which the widest gaps in
/// time are filled first. Between two corners the next is the best for the weight at which both are
/// equally good (Aneja and Nair, Management Science 25, 1979).
pub fn assignments(
    graph: &Graph,
    facts: &TensorFacts,
    prices: &LayerPrices,
) -> Vec<PrecisionAssignment> {
    let network = PrecisionNetwork::new(graph, facts, prices);
    let fastest = network.best(prices, &|time, error| [time, error]);
    let exact = network.best(prices, &|time, error| [error, time]);
    let apart = fastest.predicted_ns < exact.predicted_ns && exact.error < fastest.error;
    let mut found = if apart { vec![fastest, exact] } else { vec![fastest] };
    // Pairs of neighbours that have nothing between them, by the time of the faster one.
    let mut settled: BTreeSet<u64> = BTreeSet::new();
    while found.len() < MOST_ASSIGNMENTS {
        let gap = |at: &usize| found[at + 1].predicted_ns - found[*at].predicted_ns;
        let open = (0..found.len().saturating_sub(1))
            .filter(|at| !settled.contains(&found[*at].predicted_ns.to_bits()));
        let Some(at) = open.max_by(|a, b| gap(a).total_cmp(&gap(b))) else { break };
        let (fast, exact) = (&found[at], &found[at + 1]);
        let weight = gap(&at) / (fast.error - exact.error);
        let best = network.best(prices, &|time, error| [time + weight * error, error]);
        let between = |best: &PrecisionAssignment| {
            (fast.predicted_ns < best.predicted_ns && best.predicted_ns < exact.predicted_ns)
                && (exact.error < best.error && best.error < fast.error)
        };
        match between(&best) {
            true => found.insert(at + 1, best),
            false => _ = settled.insert(fast.predicted_ns.to_bits()),
        }
    }
    found
}

/// The predicted cost of an assignment that was made otherwise.
pub fn predicted_assignment(
    graph: &Graph,
    facts: &TensorFacts,
    prices: &LayerPrices,
    layers: &BTreeMap<String, LayerPrecision>,
) -> PrecisionAssignment {
    let network = PrecisionNetwork::new(graph, facts, prices);
    let own = |name: &String, all: &BTreeMap<LayerPrecision, f64>| {
        let scheme = layers.get(name).copied().unwrap_or(LayerPrecision::F32);
        (name.clone(), all.iter().filter(|(s, _)| **s == scheme).map(|(s, c)| (*s, *c)).collect())
    };
    let only = prices.layers.iter().map(|(name, all)| own(name, all)).collect();
    network.best(&LayerPrices { layers: &only, ..*prices }, &|time, error| [time, error])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::QuantizationGranularity;
    use paring_agent::arrays::Dtype;
    use paring_onnx::graph::{DimensionSize, Node, Weights};

    const INT8: LayerPrecision = LayerPrecision::Static(QuantizationGranularity::Tensor);

    fn chain(count: usize) -> (Graph, TensorFacts) {
        let mut graph = Graph::empty("chain", 13);
        graph.add_input("t0", Dtype::F32, &[1, 4, 5, 5].map(DimensionSize::Fixed));
        for i in 0..count {
            graph.set_weights(&format!("w{i}"), Weights::f32(&[4, 4, 1, 1], &[0.5; 16]));
            graph.add_node(Node {
                op_type: "Conv".into(),
                name: format!("c{i}"),
                input: vec![format!("t{i}"), format!("w{i}")],
                output: vec![format!("t{}", i + 1)],
                ..Node::default()
            });
        }
        graph.add_output(&format!("t{count}"));
        let facts = graph.facts(&BTreeMap::new(), 1).unwrap();
        (graph, facts)
    }

    /// Times and errors of all assignments.
    fn exhaustive(costs: &[[f64; 2]], errors: &[f64], convert: f64) -> Vec<(f64, f64)> {
        let count = costs.len();
        let all = (0..1u32 << count).map(|bits| {
            let narrow = |i: usize| bits >> i & 1 == 1;
            let own: f64 = (0..count).map(|i| costs[i][usize::from(narrow(i))]).sum();
            let between = (1..count).filter(|i| narrow(*i) != narrow(i - 1)).count();
            let ends = usize::from(narrow(0)) + usize::from(narrow(count - 1));
            let error = (0..count).filter(|i| narrow(*i)).map(|i| errors[i]).sum();
            (own + convert * (between + ends) as f64, error)
        });
        all.collect()
    }

    /// Corners of the lower convex hull, those that no line between two others is at or below.
    fn corners(all: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let mut sorted = all.to_vec();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut hull: Vec<(f64, f64)> = Vec::new();
        for point in sorted {
            if hull.last().is_some_and(|last| point.1 >= last.1) {
                continue;
            }
            while let [.., a, b] = hull[..] {
                if (b.0 - a.0) * (point.1 - a.1) - (b.1 - a.1) * (point.0 - a.0) > 1e-12 {
                    break;
                }
                hull.pop();
            }
            hull.push(point);
        }
        hull
    }

    #[test]
    fn a_product_hands_bytes_to_a_product_through_its_bias_and_relu() {
        let mut graph = Graph::empty("products", 13);
        graph.add_input("x", Dtype::F32, &[1, 8].map(DimensionSize::Fixed));
        for name in ["w0", "w1"] {
            graph.set_weights(name, Weights::f32(&[8, 8], &[0.5; 64]));
        }
        graph.set_weights("b", Weights::f32(&[8], &[0.5; 8]));
        for (op, inputs, output) in [
            ("MatMul", vec!["x", "w0"], "p"),
            ("Add", vec!["p", "b"], "q"),
            ("Relu", vec!["q"], "r"),
            ("MatMul", vec!["r", "w1"], "y"),
        ] {
            graph.add_node(Node {
                op_type: op.into(),
                name: output.into(),
                input: inputs.into_iter().map(str::to_string).collect(),
                output: vec![output.into()],
                ..Node::default()
            });
        }
        graph.add_output("y");
        let facts = graph.facts(&BTreeMap::new(), 1).unwrap();
        let costs = || BTreeMap::from([(LayerPrecision::F32, 10.0), (INT8, 1.0)]);
        let layers = BTreeMap::from(["p", "y"].map(|name| (name.to_string(), costs())));
        let (nothing, convert) = (BTreeMap::new(), |_: usize| 2.0);
        let prices = LayerPrices {
            layers: &layers,
            quantize: &convert,
            dequantize: &convert,
            errors: &nothing,
        };
        let cost = |names: &[&str]| {
            let own = names.iter().map(|name| (name.to_string(), INT8)).collect();
            predicted_assignment(&graph, &facts, &prices, &own).predicted_ns
        };
        // The input is converted, what lies between is not, and products give floats to others.
        assert_eq!(cost(&["p", "y"]), 2.0 + 1.0 + 1.0);
        assert_eq!(cost(&["p"]), 2.0 + 1.0 + 10.0);
        assert_eq!(cost(&["y"]), 10.0 + 2.0 + 1.0);
    }

    #[test]
    fn dynamic_programming_finds_the_corners_that_trying_all_finds() {
        use rand::RngExt;
        let (graph, facts) = chain(6);
        let mut draw = paring_core::stats::generator(2, "assign");
        for round in 0..40 {
            // Whole numbers are often equal.
            let whole = round % 2 == 1;
            let mut ten = || {
                let drawn = draw.random::<f64>() * 10.0;
                if whole { drawn.round() } else { drawn }
            };
            let costs: Vec<[f64; 2]> = (0..6).map(|_| [ten(), ten()]).collect();
            let losses: Vec<f64> = (0..6).map(|_| ten()).collect();
            let priced = |(i, c): (usize, &[f64; 2])| {
                (format!("c{i}"), BTreeMap::from([(LayerPrecision::F32, c[0]), (INT8, c[1])]))
            };
            let layers = costs.iter().enumerate().map(priced).collect();
            let lost = |(i, e): (usize, &f64)| (format!("c{i}"), BTreeMap::from([(INT8, *e)]));
            let errors = losses.iter().enumerate().map(lost).collect();
            let convert = |_: usize| 1.5;
            let prices = LayerPrices {
                layers: &layers,
                quantize: &convert,
                dequantize: &convert,
                errors: &errors,
            };
            let found = assignments(&graph, &facts, &prices);
            let expected = corners(&exhaustive(&costs, &losses, 1.5));
            assert_eq!(found.len(), expected.len());
            for (found, (time, error)) in found.iter().zip(expected) {
                assert!((found.predicted_ns - time).abs() < 1e-9);
                assert!((found.error - error).abs() < 1e-9);
                let again = predicted_assignment(&graph, &facts, &prices, &found.layers);
                assert!((found.predicted_ns - again.predicted_ns).abs() < 1e-9);
            }
        }
    }
}
