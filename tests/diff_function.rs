//! Tampered models and models that compute the same, made here: what `compare` says of each.

use paring::arrays::Dtype;
use paring::compress::{DifferenceVerdict, ModelDifference, compare};
use paring::engine::DimensionBindings;
use paring::graph::{DimensionSize, ElementType, Graph, Node, Weights, set_int, set_ints};
use paring::stats;
use rand::RngExt;
use std::collections::BTreeMap;

const AT: DimensionBindings = DimensionBindings { batch: 1, dims: &BTreeMap::new() };

fn node(name: &str, op: &str, inputs: &[&str], output: &str) -> Node {
    Node {
        name: name.into(),
        op_type: op.into(),
        input: inputs.iter().map(|i| (*i).to_string()).collect(),
        output: vec![output.into()],
        ..Node::default()
    }
}

fn padded(mut node: Node) -> Node {
    set_ints(&mut node, "kernel_shape", vec![3, 3]);
    set_ints(&mut node, "pads", vec![1, 1, 1, 1]);
    node
}

fn permuted(mut node: Node, order: &[i64]) -> Node {
    set_ints(&mut node, "perm", order.to_vec());
    node
}

fn draw(graph: &mut Graph, name: &str, dims: &[usize], low: f32, high: f32) {
    let mut rng = stats::generator(11, name);
    let values: Vec<f32> =
        (0..dims.iter().product()).map(|_| rng.random_range(low..high)).collect();
    graph.set_weights(name, Weights::f32(dims, &values));
}

/// A convolution with normalisation, a residual block, attention of one head over the rows, and a
/// classifier.
fn network() -> Graph {
    let mut graph = Graph::empty("network", 17);
    let sizes = [
        DimensionSize::Symbol("N".into()),
        DimensionSize::Fixed(2),
        DimensionSize::Fixed(6),
        DimensionSize::Fixed(6),
    ];
    graph.add_input("x", Dtype::F32, &sizes);
    graph.add_output("y");
    for (name, dims) in [
        ("stem.w", vec![6, 2, 3, 3]),
        ("block.w", vec![6, 6, 3, 3]),
        ("block.b", vec![6]),
        ("norm.bias", vec![6]),
        ("norm.mean", vec![6]),
        ("q.w", vec![6, 6]),
        ("k.w", vec![6, 6]),
        ("v.w", vec![6, 6]),
        ("v.b", vec![6]),
        ("positions", vec![1, 36, 6]),
        ("fc.w", vec![6, 5]),
        ("fc.b", vec![5]),
    ] {
        draw(&mut graph, name, &dims, -0.7, 0.7);
    }
    for name in ["norm.scale", "norm.variance", "ln.scale"] {
        draw(&mut graph, name, &[6], 0.5, 1.5);
    }
    graph.set_weights("root", Weights::f32(&[], &[2.449_49]));
    graph.set_weights("rows", Weights::i64(&[3], &[0, 6, 36]));
    let norm = ["stem", "norm.scale", "norm.bias", "norm.mean", "norm.variance"];
    let mut softmax = node("softmax", "Softmax", &["scaled"], "shares");
    set_int(&mut softmax, "axis", -1);
    let mut mean = node("mean", "ReduceMean", &["mixed"], "pooled");
    set_ints(&mut mean, "axes", vec![1]);
    set_int(&mut mean, "keepdims", 0);
    for made in [
        padded(node("stem", "Conv", &["x", "stem.w"], "stem")),
        node("norm", "BatchNormalization", &norm, "normal"),
        node("act1", "Relu", &["normal"], "act1"),
        padded(node("block", "Conv", &["act1", "block.w", "block.b"], "block")),
        node("sum", "Add", &["block", "act1"], "sum"),
        node("act2", "Relu", &["sum"], "act2"),
        node("flat", "Reshape", &["act2", "rows"], "flat"),
        permuted(node("turn", "Transpose", &["flat"], "tokens0"), &[0, 2, 1]),
        node("place", "Add", &["tokens0", "positions"], "placed"),
        node("ln", "LayerNormalization", &["placed", "ln.scale"], "tokens"),
        node("q", "MatMul", &["tokens", "q.w"], "q"),
        node("k", "MatMul", &["tokens", "k.w"], "k"),
        node("v", "MatMul", &["tokens", "v.w"], "v0"),
        node("v.add", "Add", &["v0", "v.b"], "v"),
        permuted(node("kt", "Transpose", &["k"], "kt"), &[0, 2, 1]),
        node("scores", "MatMul", &["q", "kt"], "scores"),
        node("scale", "Div", &["scores", "root"], "scaled"),
        softmax,
        node("mix", "MatMul", &["shares", "v"], "mixed"),
        mean,
        node("fc", "Gemm", &["pooled", "fc.w", "fc.b"], "y"),
    ] {
        graph.add_node(made);
    }
    graph
}

fn found(variant: &Graph) -> ModelDifference {
    compare(&network(), variant, AT, None).unwrap()
}

fn position(graph: &Graph, name: &str) -> usize {
    graph.nodes().iter().position(|n| n.name == name).unwrap()
}

fn weights(graph: &mut Graph, name: &str, change: impl Fn(usize, f32) -> f32) {
    let old = graph.weights(name).unwrap();
    let values: Vec<f32> =
        old.to_f32().unwrap().into_iter().enumerate().map(|(i, v)| change(i, v)).collect();
    graph.set_weights(name, Weights::f32(&old.dims, &values));
}

fn operator(graph: &mut Graph, name: &str, op: &str) {
    let at = position(graph, name);
    graph.node_mut(at).unwrap().op_type = op.into();
}

/// Takes a node out; its readers read its first input.
fn without(graph: &mut Graph, name: &str) {
    let at = position(graph, name);
    let gone = graph.nodes()[at].clone();
    let mut nodes = graph.nodes().to_vec();
    nodes.remove(at);
    for input in nodes.iter_mut().flat_map(|n| &mut n.input).filter(|i| **i == gone.output[0]) {
        input.clone_from(&gone.input[0]);
    }
    graph.set_nodes(nodes);
}

fn swap_weights(graph: &mut Graph, a: &str, b: &str) {
    let (x, y) = (graph.weights(a).unwrap(), graph.weights(b).unwrap());
    graph.set_weights(a, y);
    graph.set_weights(b, x);
}

/// Changes, and a part of what has to be said of each.
#[test]
fn every_tampering_is_named() {
    type Tampering = (&'static str, &'static str, fn(&mut Graph));
    let tamperings: [Tampering; 18] = [
        ("bias", "constants changed: bias of fc", |g| weights(g, "fc.b", |_, v| v + 5.0)),
        ("inner bias", "bias of block", |g| weights(g, "block.b", |i, v| v + f32::from(i == 2))),
        ("weights", "weights changed in fc (relative L2 4.00 %)", |g| {
            weights(g, "fc.w", |_, v| v * 1.04);
        }),
        ("one weight", "weights changed in v", |g| {
            weights(g, "v.w", |i, v| if i == 7 { v + 1e-4 } else { v });
        }),
        ("normalisation", "stem", |g| weights(g, "norm.mean", |_, v| v + 0.5)),
        ("layer normalisation", "scale of ln", |g| weights(g, "ln.scale", |_, v| v * 1.5)),
        ("positions", "operand of place", |g| weights(g, "positions", |_, v| -v)),
        ("attention scale", "operand of scale", |g| weights(g, "root", |_, v| v * 2.0)),
        ("activation", "operators changed: act1 Relu → LeakyRelu", |g| {
            operator(g, "act1", "LeakyRelu");
        }),
        ("other activation", "act2 Relu → Tanh", |g| operator(g, "act2", "Tanh")),
        ("softmax removed", "operators removed: softmax: Softmax", |g| without(g, "softmax")),
        ("rectifier removed", "operators removed: act2: Relu", |g| without(g, "act2")),
        ("softmax axis", "→ Softmax(axis 1)", |g| {
            let at = position(g, "softmax");
            set_int(g.node_mut(at).unwrap(), "axis", 1);
        }),
        ("residual", "sum", |g| without(g, "sum")),
        ("residual elsewhere", "`sum` reads", |g| {
            let at = position(g, "sum");
            g.node_mut(at).unwrap().input[1] = "normal".into();
        }),
        ("queries and keys", "weights changed in q", |g| swap_weights(g, "q.w", "k.w")),
        ("sum to product", "sum Add → Mul", |g| operator(g, "sum", "Mul")),
        ("mean to maximum", "mean ReduceMean", |g| operator(g, "mean", "ReduceMax")),
    ];
    for (name, said, tamper) in tamperings {
        let mut graph = network();
        tamper(&mut graph);
        let difference = found(&graph);
        let text = difference.conclusion.join("\n");
        assert_eq!(difference.verdict, DifferenceVerdict::Changed, "{name}: {text}");
        assert!(text.contains(said), "{name}: {said} is not in\n{text}");
        assert!(!text.contains("pruned") && !text.contains("layers"), "{name}: {text}");
    }
}

/// BatchNormalization folded by hand: w' = w·f, b' = bias − mean·f.
fn folded(graph: &mut Graph) {
    let of = |g: &Graph, name: &str| g.weights(name).unwrap().to_f32().unwrap();
    let (scale, variance) = (of(graph, "norm.scale"), of(graph, "norm.variance"));
    let (bias, mean) = (of(graph, "norm.bias"), of(graph, "norm.mean"));
    let factor: Vec<f32> =
        scale.iter().zip(&variance).map(|(s, v)| s / (v + 1e-5).sqrt()).collect();
    weights(graph, "stem.w", |i, v| v * factor[i / 18]);
    let bias: Vec<f32> = (0..6).map(|c| bias[c] - mean[c] * factor[c]).collect();
    graph.set_weights("stem.b", Weights::f32(&[6], &bias));
    let at = position(graph, "stem");
    let stem = graph.node_mut(at).unwrap();
    stem.input.push("stem.b".into());
    without(graph, "norm");
    graph.tidy();
}

/// ONNX Runtime's fused convolution in place of Conv and Relu.
fn fused(graph: &mut Graph) {
    graph.import_domain("com.microsoft", 1);
    let at = position(graph, "stem");
    let stem = graph.node_mut(at).unwrap();
    stem.op_type = "FusedConv".into();
    stem.domain = "com.microsoft".into();
    set_int(stem, "activation", 0);
    let attribute = stem.attribute.last_mut().unwrap();
    (attribute.r#type, attribute.s) = (3, b"Relu".to_vec());
    without(graph, "act1");
}

fn renamed(graph: &mut Graph) {
    let kept = ["x", "y"];
    let number = |name: &String| match kept.contains(&name.as_str()) || name.is_empty() {
        true => name.clone(),
        false => name.chars().rev().collect(),
    };
    let names: Vec<String> = graph.initializer_names().into_iter().map(str::to_string).collect();
    for name in names {
        let values = graph.weights(&name).unwrap();
        graph.set_weights(&number(&name), values);
    }
    let mut nodes = graph.nodes().to_vec();
    for node in &mut nodes {
        node.name = String::new();
        for name in node.input.iter_mut().chain(&mut node.output) {
            *name = number(name);
        }
    }
    graph.set_nodes(nodes);
    graph.tidy();
}

#[test]
fn what_computes_the_same_is_told_as_the_same() {
    assert_eq!(found(&network()).verdict, DifferenceVerdict::Identical);
    type Rewrite = (&'static str, DifferenceVerdict, fn(&mut Graph));
    let rewrites: [Rewrite; 9] = [
        ("names", DifferenceVerdict::Identical, renamed),
        ("order of nodes", DifferenceVerdict::Identical, |g| {
            let (q, k) = (position(g, "q"), position(g, "k"));
            let mut nodes = g.nodes().to_vec();
            nodes.swap(q, k);
            g.set_nodes(nodes);
        }),
        ("operands", DifferenceVerdict::Identical, |g| {
            let at = position(g, "sum");
            g.node_mut(at).unwrap().input.reverse();
        }),
        ("folded", DifferenceVerdict::SameFunction, folded),
        ("folded and fused", DifferenceVerdict::SameFunction, |g| {
            folded(g);
            fused(g);
        }),
        ("scale before", DifferenceVerdict::SameFunction, |g| {
            // (q / √6) kᵀ instead of (q kᵀ) / √6.
            without(g, "scale");
            let at = position(g, "scores");
            let mut nodes = g.nodes().to_vec();
            nodes[at].input[0] = "q.scaled".into();
            nodes.insert(at, node("before", "Div", &["q", "root"], "q.scaled"));
            g.set_nodes(nodes);
        }),
        ("what does nothing", DifferenceVerdict::Identical, |g| {
            g.set_weights("ones", Weights::f32(&[6], &[1.0; 6]));
            g.set_weights("zeros", Weights::f32(&[6], &[0.0; 6]));
            let at = position(g, "q");
            let mut nodes = g.nodes().to_vec();
            nodes[at].input[0] = "tokens.same".into();
            nodes.insert(at, node("add", "Add", &["tokens.once", "zeros"], "tokens.same"));
            nodes.insert(at, node("times", "Mul", &["tokens", "ones"], "tokens.once"));
            g.set_nodes(nodes);
        }),
        ("flattened product", DifferenceVerdict::Identical, |g| {
            g.set_weights("flat.rows", Weights::i64(&[2], &[36, 6]));
            g.set_weights("token.rows", Weights::i64(&[3], &[1, 36, 6]));
            let at = position(g, "v");
            let mut nodes = g.nodes().to_vec();
            nodes[at] = node("v", "Gemm", &["tokens.flat", "v.w"], "v.flat");
            nodes.insert(at + 1, node("wide", "Reshape", &["v.flat", "token.rows"], "v0"));
            nodes.insert(at, node("narrow", "Reshape", &["tokens", "flat.rows"], "tokens.flat"));
            g.set_nodes(nodes);
        }),
        ("identity", DifferenceVerdict::Identical, |g| {
            let at = position(g, "act2");
            let mut nodes = g.nodes().to_vec();
            nodes[at].input[0] = "copied".into();
            nodes.insert(at, node("copy", "Identity", &["sum"], "copied"));
            g.set_nodes(nodes);
        }),
    ];
    for (name, verdict, rewrite) in rewrites {
        let mut graph = network();
        rewrite(&mut graph);
        let difference = found(&graph);
        let text = difference.conclusion.join("\n");
        assert_eq!(
            difference.verdict, verdict,
            "{name}: {text}\n{:?}",
            difference.operators_removed
        );
        assert!(difference.outputs.agree(), "{name}: {:?}", difference.outputs);
    }
    let mut graph = network();
    folded(&mut graph);
    assert!(found(&graph).rewrites[0].starts_with("BatchNormalization folded into stem"));
}

/// An LSTM between transpositions, one entry of it picked, and a table that is computed.
fn picking(graph: &mut Graph, before: bool) {
    graph.add_input("x", Dtype::F32, &[1, 4, 5, 6].map(DimensionSize::Fixed));
    graph.add_output("y");
    for (name, dims) in [("w", vec![5, 3]), ("table", vec![7, 3])] {
        draw(graph, name, &dims, -1.0, 1.0);
    }
    graph.set_weights("first", Weights::i64(&[], &[1]));
    for (name, value) in [("from", 1), ("to", 3), ("one", 1), ("two", 2)] {
        graph.set_weights(name, Weights::i64(&[1], &[value]));
    }
    let gathered = |input: &str, output: &str, axis: i64| {
        let mut made = node("pick", "Gather", &[input, "first"], output);
        set_int(&mut made, "axis", axis);
        made
    };
    let sliced = |input: &str, axis: &str, output: &str| {
        node("part", "Slice", &[input, "from", "to", axis], output)
    };
    let turned = |input: &str, order: &[i64], output: &str| {
        permuted(node("turn", "Transpose", &[input], output), order)
    };
    // [1, 4, 5, 6] turned to [6, 4, 1, 5], a part of its second axis, one entry of its first.
    let made = match before {
        true => vec![
            sliced("x", "one", "part"),
            gathered("part", "picked", 3),
            turned("picked", &[1, 0, 2], "z"),
        ],
        false => vec![
            turned("x", &[3, 1, 0, 2], "turned"),
            sliced("turned", "one", "part"),
            gathered("part", "z", 0),
        ],
    };
    made.into_iter().for_each(|node| graph.add_node(node));
    let mut row = node("row", "Gather", &["table", "two"], "row");
    set_int(&mut row, "axis", 0);
    graph.add_node(row);
    graph.add_node(node("product", "MatMul", &["z", "w"], "product"));
    graph.add_node(node("sum", "Add", &["product", "row"], "y"));
}

#[test]
fn picking_and_transposing_in_either_order_is_the_same() {
    let [mut base, mut variant] = ["behind", "before"].map(|name| Graph::empty(name, 17));
    picking(&mut base, false);
    picking(&mut variant, true);
    let difference = compare(&base, &variant, AT, None).unwrap();
    let text = difference.conclusion.join("\n");
    assert!(
        [DifferenceVerdict::Identical, DifferenceVerdict::SameFunction]
            .contains(&difference.verdict),
        "{text}\n{:?}",
        difference.operators_removed
    );
    // Another entry is not the same.
    variant.set_weights("first", Weights::i64(&[], &[2]));
    assert_eq!(compare(&base, &variant, AT, None).unwrap().verdict, DifferenceVerdict::Changed);
}

/// Stores weights in half floats, read through a Cast.
fn halved(graph: &mut Graph, name: &str) {
    let values = graph.weights(name).unwrap();
    let each = values.to_f32().unwrap();
    let bytes = each.iter().flat_map(|v| half::f16::from_f32(*v).to_le_bytes()).collect();
    let (stored, wide) = (format!("{name}.half"), format!("{name}.wide"));
    graph.set_weights(&stored, Weights { dims: values.dims, element: ElementType::F16, bytes });
    let mut nodes = graph.nodes().to_vec();
    for input in nodes.iter_mut().flat_map(|node| &mut node.input).filter(|i| **i == name) {
        input.clone_from(&wide);
    }
    let mut cast = node(&format!("{name}.cast"), "Cast", &[&stored], &wide);
    set_int(&mut cast, "to", 1);
    nodes.insert(0, cast);
    graph.set_nodes(nodes);
    graph.tidy();
}

/// Also where a normalisation is folded into them.
#[test]
fn weights_in_half_floats_behind_casts_are_rounded_weights() {
    let mut graph = network();
    let all = ["stem.w", "norm.scale", "norm.bias", "norm.mean", "norm.variance", "fc.w"];
    all.iter().for_each(|name| halved(&mut graph, name));
    let difference = found(&graph);
    let text = difference.conclusion.join("\n");
    assert!(text.contains("quantized: weights f32 → f16 in 2 layers, each value within"), "{text}");
    assert!(!text.contains("changed") && difference.layers_removed.is_empty(), "{text}");
}

#[test]
fn what_is_not_known_is_not_explained() {
    let mut graph = network();
    graph.import_domain("somebody", 1);
    let at = position(&graph, "block");
    let block = graph.node_mut(at).unwrap();
    (block.op_type, block.domain) = ("Secret".into(), "somebody".into());
    let difference = found(&graph);
    let text = difference.conclusion.join("\n");
    assert_eq!(difference.verdict, DifferenceVerdict::NotExplained, "{text}");
    assert!(text.contains("not explained") && text.contains("Secret"), "{text}");
    assert!(!text.contains("layers removed") && !text.contains("pruned"), "{text}");
}

#[test]
fn two_trainings_have_nothing_in_common() {
    let mut graph = network();
    for (at, name) in ["stem.w", "block.w", "q.w", "k.w", "v.w", "fc.w"].into_iter().enumerate() {
        let mut rng = stats::generator(at as u64, "another training");
        let draws: Vec<f32> = (0..2_000).map(|_| rng.random_range(-0.7..0.7)).collect();
        weights(&mut graph, name, |i, _| draws[i]);
    }
    let difference = found(&graph);
    let text = difference.conclusion.join("\n");
    assert_eq!(difference.verdict, DifferenceVerdict::NotExplained, "{text}");
    assert!(text.contains("nothing in common"), "{text}");
    assert!(difference.couplings.iter().all(|c| c.removed.is_empty()));
}
