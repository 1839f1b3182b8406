//! Small networks of every kind that quantization narrows, in three sizes, with seeded weights: what
//! an engine does with them is what it will do with a model's layers.

use paring_agent::arrays::Dtype;
use paring_core::stats;
use paring_onnx::graph::{DimensionSize, Graph, Node, Weights, set_int, set_ints};
use rand::RngExt;

/// A network of one kind of layer.
#[derive(Clone, Debug)]
pub struct LayerPattern {
    /// The kind of layer: `conv 3x3`, `product`.
    pub operator: &'static str,
    /// `small`, `medium` or `large`.
    pub size: &'static str,
    /// The network in float: input `x`, output `y`.
    pub graph: Graph,
    /// Shape of its input.
    pub dims: Vec<usize>,
    /// Name of the node that is looked at.
    pub node: &'static str,
}

/// Channels and places of convolutions, rows, inputs and outputs of products.
const SIZES: [(&str, [usize; 2], [usize; 3]); 3] = [
    ("small", [16, 12], [1, 64, 64]),
    ("medium", [64, 16], [32, 256, 256]),
    ("large", [128, 28], [128, 768, 768]),
];

/// All patterns; `x` is to be filled with numbers around zero.
pub fn layer_patterns() -> Vec<LayerPattern> {
    let mut found = Vec::new();
    for (size, [channels, places], product) in SIZES {
        let image = vec![1, channels, places, places];
        let of = |operator, dims: &[usize], graph| LayerPattern {
            operator,
            size,
            graph,
            dims: dims.to_vec(),
            node: "layer",
        };
        found.push(of("conv 1x1", &image, conv(channels, (1, 1, 1), &image, "")));
        found.push(of("conv 3x3", &image, conv(channels, (3, 1, 1), &image, "")));
        found.push(of("conv 3x3, stride 2", &image, conv(channels, (3, 2, 1), &image, "")));
        found.push(of("depthwise 3x3", &image, conv(channels, (3, 1, channels), &image, "")));
        found.push(of("conv 3x3, pooled", &image, conv(channels, (3, 1, 1), &image, "MaxPool")));
        found.push(of("conv 3x3, twice", &image, conv(channels, (3, 1, 1), &image, "Conv")));
        found.push(of("conv 3x3, joined", &image, conv(channels, (3, 1, 1), &image, "Concat")));
        let [rows, inputs, outputs] = product;
        let matrix = vec![rows, inputs];
        found.push(of("product", &matrix, dense(inputs, outputs, &matrix)));
        found.push(of("product, twice", &matrix, twice(&product, true)));
        found.push(of("product, twice, plain", &matrix, twice(&product, false)));
    }
    found
}

struct PatternBuilder {
    graph: Graph,
    draw: stats::SeededGenerator,
}

impl PatternBuilder {
    fn new(dims: &[usize]) -> PatternBuilder {
        let mut graph = Graph::empty("pattern", 13);
        let sizes: Vec<DimensionSize> = dims.iter().map(|d| DimensionSize::Fixed(*d)).collect();
        graph.add_input("x", Dtype::F32, &sizes);
        graph.add_output("y");
        PatternBuilder { graph, draw: stats::generator(11, "patterns") }
    }

    fn values(&mut self, name: &str, dims: &[usize], spread: f32) {
        let count = dims.iter().product();
        let mut one = || (self.draw.random::<f32>() - 0.5) * 2.0 * spread;
        let values: Vec<f32> = (0..count).map(|_| one()).collect();
        self.graph.set_weights(name, Weights::f32(dims, &values));
    }

    fn node(
        &mut self,
        op: &str,
        name: &str,
        inputs: &[&str],
        output: &str,
        with: &[(&str, &[i64])],
    ) {
        let mut node = Node {
            op_type: op.into(),
            name: name.into(),
            input: inputs.iter().map(|i| (*i).to_string()).collect(),
            output: vec![output.into()],
            ..Node::default()
        };
        for (key, values) in with {
            match values {
                [one] => set_int(&mut node, key, *one),
                many => set_ints(&mut node, key, many.to_vec()),
            }
        }
        self.graph.add_node(node);
    }
}

/// Convolution and Relu; with something that int8 goes through behind it, another convolution of 1x1.
fn conv(
    channels: usize,
    (kernel, stride, group): (usize, i64, usize),
    dims: &[usize],
    behind: &str,
) -> Graph {
    let mut maker = PatternBuilder::new(dims);
    let inputs = channels / group;
    let spread = (3.0 / (inputs * kernel * kernel) as f32).sqrt();
    maker.values("w", &[channels, inputs, kernel, kernel], spread);
    maker.values("b", &[channels], 0.2);
    let (k, pad) = (kernel as i64, (kernel / 2) as i64);
    let (ks, strides, pads) = ([k; 2], [stride; 2], [pad; 4]);
    let group = [group as i64];
    let with: [(&str, &[i64]); 4] =
        [("kernel_shape", &ks), ("strides", &strides), ("pads", &pads), ("group", &group)];
    maker.node("Conv", "layer", &["x", "w", "b"], "c", &with);
    if behind.is_empty() {
        maker.node("Relu", "layer.relu", &["c"], "y", &[]);
        return maker.graph;
    }
    maker.node("Relu", "layer.relu", &["c"], "r", &[]);
    let mut wide = channels;
    match behind {
        // Reads what a Relu gives: its zero point is the lowest byte.
        "Conv" => {
            maker.values("w1", &[channels, channels, 3, 3], (0.3 / channels as f32).sqrt());
            maker.node("Conv", "other", &["r", "w1"], "m", &with[..3]);
        }
        "MaxPool" => {
            let pool: [(&str, &[i64]); 2] = [("kernel_shape", &[2, 2]), ("strides", &[2, 2])];
            maker.node("MaxPool", "pool", &["r"], "m", &pool);
        }
        _ => {
            wide = 2 * channels;
            maker.values("w1", &[channels, channels, 1, 1], (3.0 / channels as f32).sqrt());
            maker.node("Conv", "other", &["x", "w1"], "o", &[("kernel_shape", &[1, 1])]);
            maker.node("Concat", "join", &["r", "o"], "m", &[("axis", &[1])]);
        }
    }
    maker.values("w2", &[channels, wide, 1, 1], (3.0 / wide as f32).sqrt());
    maker.node("Conv", "next", &["m", "w2"], "y", &[("kernel_shape", &[1, 1])]);
    maker.graph
}

/// Two products; with biases and a Relu between them, or without.
fn twice([rows, inputs, outputs]: &[usize; 3], biased: bool) -> Graph {
    let mut maker = PatternBuilder::new(&[*rows, *inputs]);
    maker.values("w", &[*inputs, *outputs], (3.0 / *inputs as f32).sqrt());
    maker.values("w2", &[*outputs, *outputs], (3.0 / *outputs as f32).sqrt());
    if biased {
        maker.values("b", &[*outputs], 0.2);
        maker.node("Gemm", "layer", &["x", "w", "b"], "p", &[]);
        maker.node("Relu", "layer.relu", &["p"], "m", &[]);
    } else {
        maker.node("MatMul", "layer", &["x", "w"], "m", &[]);
    }
    maker.node("MatMul", "next", &["m", "w2"], "y", &[]);
    maker.graph
}

fn dense(inputs: usize, outputs: usize, dims: &[usize]) -> Graph {
    let mut maker = PatternBuilder::new(dims);
    maker.values("w", &[inputs, outputs], (3.0 / inputs as f32).sqrt());
    maker.values("b", &[outputs], 0.2);
    maker.node("Gemm", "layer", &["x", "w", "b"], "y", &[]);
    maker.graph
}
