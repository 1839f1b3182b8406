//! Random networks that are legal and unusual: names that a tool would give, parameters that layers
//! share, one-element vectors, Constants, bodies of control flow, old and new operator sets, scaled and
//! transposed products, broadcast biases, several outputs, quantized weights.

use super::attributes::{set_body, set_float, set_tensor, set_text};
use paring::arrays::Dtype;
use paring::graph::{DimensionSize, ElementType, Graph, Node, Weights, set_int, set_ints};
use paring::stats::{self, SeededGenerator};
use rand::RngExt;

/// Parts of names that quantization, cuts and recovery append.
const SUFFIXES: &str = ".scale .zero .q .bias .bias.q .weight.q .weight.scale .sum .wide .factor .scaled \
    .inverse .dq .u8 #1 #bias #shape _1 /bias /QuantizeLinear /mask0.1 @0#indices";
/// Names that steps give to what all layers share, and that exporters count.
const COUNTED: [&str; 7] =
    ["paring.low", "paring.high", "paring.middle", "Mul_0", "Conv_1", "Add_2", "weird name é\"`"];

/// An image under construction: a tensor `[N, channels, size, size]`.
#[derive(Clone)]
struct Image {
    name: String,
    channels: usize,
    size: usize,
}

struct Builder {
    graph: Graph,
    draw: SeededGenerator,
    opset: i64,
    /// Names of all tensors, to make others of.
    names: Vec<String>,
    /// Vectors of each length that later parts may share.
    vectors: Vec<(usize, String)>,
    open: Vec<Image>,
}

/// A network of so many random parts behind a first convolution, and a classifier; and its operator
/// set.
pub fn random(seed: u64, parts: usize) -> (Graph, i64) {
    let mut draw = stats::generator(seed, "oddities");
    let opset = draw.random_range(7..23);
    let mut graph = Graph::empty("odd", opset);
    let size = 2 * draw.random_range(2..4);
    let sizes = [
        DimensionSize::Symbol("N".into()),
        DimensionSize::Fixed(3),
        DimensionSize::Fixed(size),
        DimensionSize::Fixed(size),
    ];
    graph.add_input("x", Dtype::F32, &sizes);
    let names = vec!["x".to_string()];
    let mut builder = Builder { graph, draw, opset, names, vectors: vec![], open: vec![] };
    let stem = Image { name: "x".into(), channels: 3, size };
    let stem = builder.convolution(&stem);
    builder.open.push(stem);
    for _ in 0..parts {
        let at = builder.draw.random_range(0..builder.open.len());
        let image = builder.open[at].clone();
        let made = builder.part(&image);
        builder.open.push(made);
    }
    builder.classify();
    (builder.graph, opset)
}

impl Builder {
    fn chance(&mut self, share: f64) -> bool {
        self.draw.random::<f64>() < share
    }

    fn part(&mut self, image: &Image) -> Image {
        match self.draw.random_range(0..14) {
            0..=2 => self.convolution(image),
            3 => self.normalised(image),
            4 => self.activated(image),
            5 => self.scaled(image),
            6 => self.residual(image),
            7 => self.joined(image),
            8 => self.branched(image),
            9 => self.stored_in_bytes(image),
            10 => self.exposed(image),
            11 => self.computed_weights(image),
            12 => self.copied(image),
            _ => self.pooled(image),
        }
    }

    /// A name that nothing has yet; often one that a step would make of another.
    fn fresh(&mut self) -> String {
        let plain = format!("t{}", self.names.len());
        let hostile = match self.draw.random_range(0..10) {
            0..=3 => {
                let base = &self.names[self.draw.random_range(0..self.names.len())];
                let suffix = SUFFIXES.split_whitespace().nth(self.draw.random_range(0..22));
                format!("{base}{}", suffix.unwrap_or_default())
            }
            4 => COUNTED[self.draw.random_range(0..COUNTED.len())].to_string(),
            _ => plain.clone(),
        };
        let name = if self.names.contains(&hostile) { plain } else { hostile };
        self.names.push(name.clone());
        name
    }

    fn node(&mut self, op: &str, inputs: &[&str], attributes: impl FnOnce(&mut Node)) -> String {
        let output = self.fresh();
        let name = match self.draw.random_range(0..4) {
            // Of several in one module exporters number all but the first.
            0 => format!("/blk/{op}"),
            1 => String::new(),
            _ => format!("{output}/{op}"),
        };
        let taken = |wanted: &str, graph: &Graph| graph.nodes().iter().any(|n| n.name == wanted);
        let numbered = (1..).map(|number| format!("{name}_{number}"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        let free = names.find(|n| n.is_empty() || !taken(n, &self.graph)).unwrap();
        let mut node = Node {
            name: free,
            op_type: op.into(),
            input: inputs.iter().map(|i| (*i).to_string()).collect(),
            output: vec![output.clone()],
            ..Node::default()
        };
        attributes(&mut node);
        self.graph.add_node(node);
        output
    }

    fn floats(&mut self, dims: &[usize], low: f32, high: f32) -> String {
        let count = dims.iter().product::<usize>();
        let values: Vec<f32> =
            (0..count).map(|_| low + (high - low) * self.draw.random::<f32>()).collect();
        self.stored(Weights::f32(dims, &values))
    }

    /// An initializer, or now and then a Constant.
    fn stored(&mut self, weights: Weights) -> String {
        if self.chance(0.85) {
            let name = self.fresh();
            self.graph.set_weights(&name, weights);
            return name;
        }
        self.node("Constant", &[], |node| {
            set_tensor(node, "value", weights);
        })
    }

    fn weights(&mut self, dims: &[usize]) -> String {
        let fan: usize = dims.iter().skip(1).product::<usize>().max(1);
        let limit = (3.0 / fan as f32).sqrt();
        self.floats(dims, -limit, limit)
    }

    /// A vector of its own, or one that another layer has too.
    fn vector(&mut self, length: usize, low: f32, high: f32) -> String {
        let known = self.vectors.iter().find(|(l, _)| *l == length).map(|(_, name)| name.clone());
        if let Some(name) = known.filter(|_| self.draw.random::<bool>()) {
            return name;
        }
        let name = self.floats(&[length], low, high);
        self.vectors.push((length, name.clone()));
        name
    }

    fn convolution(&mut self, image: &Image) -> Image {
        let from = image.channels;
        let to = [1, 4, 6, 8][self.draw.random_range(0..4)];
        let kernel = if self.chance(0.5) { 1 } else { 3 };
        let depthwise = from > 1 && self.chance(0.2);
        let (to, group) = if depthwise { (from, from) } else { (to, 1) };
        let w = self.weights(&[to, from / group, kernel, kernel]);
        let mut inputs = vec![image.name.clone(), w];
        if self.chance(0.6) {
            inputs.push(self.vector(to, 0.1, 0.9));
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let automatic = self.chance(0.2);
        let name = self.node("Conv", &inputs, |n| {
            set_ints(n, "kernel_shape", vec![kernel as i64; 2]);
            set_int(n, "group", group as i64);
            if automatic {
                set_text(n, "auto_pad", "SAME_UPPER");
            } else {
                set_ints(n, "pads", vec![(kernel / 2) as i64; 4]);
            }
        });
        let made = Image { name, channels: to, size: image.size };
        if self.chance(0.4) { self.normalised(&made) } else { self.activated(&made) }
    }

    /// Parameters that are shared with other normalisations of the same width, one-element ones too.
    fn normalised(&mut self, image: &Image) -> Image {
        let parameters: Vec<String> =
            (0..4).map(|_| self.vector(image.channels, 0.2, 1.4)).collect();
        let [a, b, m, v] = [&parameters[0], &parameters[1], &parameters[2], &parameters[3]];
        let name = self.node("BatchNormalization", &[&image.name, a, b, m, v], |_| {});
        Image { name, ..image.clone() }
    }

    fn activated(&mut self, image: &Image) -> Image {
        let op = ["Relu", "Relu", "Relu", "Sigmoid", "LeakyRelu"][self.draw.random_range(0..5)];
        let name = self.node(op, &[&image.name], |_| {});
        Image { name, ..image.clone() }
    }

    /// An operation with something that is stored, in every shape that broadcasts.
    fn scaled(&mut self, image: &Image) -> Image {
        let c = image.channels;
        let dims = [vec![], vec![1], vec![c, 1, 1], vec![1, c, 1, 1], vec![1, 1, 1, 1]];
        let dims = dims[self.draw.random_range(0..dims.len())].clone();
        let by = self.floats(&dims, 0.4, 1.6);
        let op = ["Mul", "Add", "Sub", "Div"][self.draw.random_range(0..4)];
        let name = self.node(op, &[&image.name, &by], |_| {});
        Image { name, ..image.clone() }
    }

    fn residual(&mut self, image: &Image) -> Image {
        let w = self.weights(&[image.channels, image.channels, 1, 1]);
        let side = self.node("Conv", &[&image.name, &w], |n| {
            set_ints(n, "kernel_shape", vec![1, 1]);
        });
        let sum = self.node("Add", &[&side, &image.name], |_| {});
        self.activated(&Image { name: sum, ..image.clone() })
    }

    fn joined(&mut self, image: &Image) -> Image {
        let other = self.open.iter().find(|o| o.size == image.size && o.name != image.name);
        let Some(other) = other.cloned().filter(|o| o.channels + image.channels < 24) else {
            return self.activated(image);
        };
        let inputs = [image.name.as_str(), other.name.as_str()];
        let name = self.node("Concat", &inputs, |n| set_int(n, "axis", 1));
        Image { name, channels: image.channels + other.channels, size: image.size }
    }

    fn pooled(&mut self, image: &Image) -> Image {
        if image.size < 4 {
            return self.activated(image);
        }
        let op = ["MaxPool", "AveragePool"][self.draw.random_range(0..2)];
        let name = self.node(op, &[&image.name], |n| {
            set_ints(n, "kernel_shape", vec![2, 2]);
            set_ints(n, "strides", vec![2, 2]);
        });
        Image { name, size: image.size / 2, ..image.clone() }
    }

    /// A tensor that is an output of the model and read further as well.
    fn exposed(&mut self, image: &Image) -> Image {
        if self.graph.outputs().len() < 2 && !self.graph.outputs().contains(&image.name.as_str()) {
            let Image { channels, size, .. } = *image;
            let rest = [channels, size, size].map(DimensionSize::Fixed);
            let sizes = [vec![DimensionSize::Symbol("N".into())], rest.to_vec()].concat();
            self.graph.add_shaped_output(&image.name, &sizes);
        }
        self.activated(image)
    }

    /// An If whose bodies read a computed tensor and an initializer of the graph around them.
    fn branched(&mut self, image: &Image) -> Image {
        // The engine has room for one.
        if self.graph.nodes().iter().any(|node| node.op_type == "If") {
            return self.activated(image);
        }
        let factor = self.vector(1, 0.5, 1.5);
        let choice = Weights { dims: vec![], element: ElementType::BOOL, bytes: vec![1] };
        let choice = self.stored(choice);
        let branches = [("then_branch", "Mul"), ("else_branch", "Add")];
        let bodies: Vec<(&str, String, Node)> = branches
            .into_iter()
            .map(|(branch, op)| {
                let output = self.fresh();
                let node = Node {
                    op_type: op.into(),
                    input: vec![image.name.clone(), factor.clone()],
                    output: vec![output.clone()],
                    ..Node::default()
                };
                (branch, output, node)
            })
            .collect();
        let name = self.node("If", &[&choice], |node| {
            for (branch, output, body) in bodies {
                set_body(node, branch, body, &output);
            }
        });
        Image { name, ..image.clone() }
    }

    /// A convolution whose weights are stored in int8, where the operator set has it.
    fn stored_in_bytes(&mut self, image: &Image) -> Image {
        if self.opset < 10 {
            return self.activated(image);
        }
        let (c, to) = (image.channels, 5);
        let codes: Vec<i8> = (0..c * to).map(|_| self.draw.random_range(-90i8..90)).collect();
        let w = self.stored(Weights::i8(&[to, c, 1, 1], &codes));
        let by_channel = self.opset >= 13 && self.chance(0.5);
        let dims: &[usize] = if by_channel { &[to] } else { &[] };
        let scale = self.floats(dims, 0.004, 0.008);
        let zero = self.stored(Weights::i8(dims, &vec![0; dims.iter().product()]));
        let w = self.node("DequantizeLinear", &[&w, &scale, &zero], |n| {
            if by_channel {
                set_int(n, "axis", 0);
            }
        });
        let name = self.node("Conv", &[&image.name, &w], |n| {
            set_ints(n, "kernel_shape", vec![1, 1]);
        });
        self.activated(&Image { name, channels: to, size: image.size })
    }

    /// A depthwise convolution whose weights come through a Reshape and a Transpose, as TensorFlow's do.
    fn computed_weights(&mut self, image: &Image) -> Image {
        let c = image.channels;
        let w = self.weights(&[3, 3, c, 1]);
        let turned = self.node("Transpose", &[&w], |n| set_ints(n, "perm", vec![2, 3, 0, 1]));
        let shape = self.stored(Weights::i64(&[4], &[c as i64, 1, 3, 3]));
        let w = self.node("Reshape", &[&turned, &shape], |_| {});
        let name = self.node("Conv", &[&image.name, &w], |n| {
            set_ints(n, "kernel_shape", vec![3, 3]);
            set_ints(n, "pads", vec![1; 4]);
            set_int(n, "group", c as i64);
        });
        self.normalised(&Image { name, ..image.clone() })
    }

    /// Copies, of a tensor and of an initializer.
    fn copied(&mut self, image: &Image) -> Image {
        let op = ["Identity", "Dropout"][self.draw.random_range(0..2)];
        let copy = self.node(op, &[&image.name], |_| {});
        let vector = self.vector(1, 0.5, 1.5);
        let factor = self.node("Identity", &[&vector], |_| {});
        let name = self.node("Mul", &[&copy, &factor], |_| {});
        Image { name, ..image.clone() }
    }

    fn classify(&mut self) {
        let last = self.open[self.open.len() - 1].clone();
        let (flat, width) = match self.chance(0.5) {
            true => {
                let width = last.channels * last.size * last.size;
                (self.node("Flatten", &[&last.name], |_| {}), width)
            }
            false => {
                let pooled = self.node("GlobalAveragePool", &[&last.name], |_| {});
                (self.node("Flatten", &[&pooled], |_| {}), last.channels)
            }
        };
        let hidden = self.gemm(&flat, width, 32);
        let hidden = self.node("Relu", &[&hidden], |_| {});
        let y = match self.chance(0.5) {
            true => self.gemm(&hidden, 32, 4),
            false => self.products(&hidden, 32, 4),
        };
        self.graph
            .add_shaped_output(&y, &[DimensionSize::Symbol("N".into()), DimensionSize::Fixed(4)]);
    }

    /// Transposed or not, scaled or not, with a bias in every shape that broadcasts, or none.
    fn gemm(&mut self, x: &str, from: usize, to: usize) -> String {
        let turned = self.chance(0.5);
        let w = if turned { self.weights(&[to, from]) } else { self.weights(&[from, to]) };
        let shapes = [vec![to], vec![1, to], vec![1], vec![1, 1], vec![]];
        let bias = self.draw.random_range(0..6usize);
        let mut inputs = vec![x.to_string(), w];
        match shapes.get(bias) {
            Some(dims) if dims.len() == 1 && dims[0] == to => {
                inputs.push(self.vector(to, -0.4, 0.6));
            }
            Some(dims) => inputs.push(self.floats(dims, -0.4, 0.6)),
            // Before operator set 11 the bias is not optional.
            None if self.opset < 11 => inputs.push(self.vector(to, -0.4, 0.6)),
            None => {}
        }
        let alpha = if self.chance(0.3) { 0.5 } else { 1.0 };
        let beta = if self.chance(0.3) { 2.0 } else { 1.0 };
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        self.node("Gemm", &inputs, |n| {
            set_int(n, "transB", turned.into());
            set_float(n, "alpha", alpha);
            set_float(n, "beta", beta);
        })
    }

    /// Two products in one module, one of them with weights of three axes, and their sum.
    fn products(&mut self, x: &str, from: usize, to: usize) -> String {
        let b: &[usize] = if self.chance(0.4) { &[1, from, to] } else { &[from, to] };
        let (a, b) = (self.weights(&[from, to]), self.weights(b));
        let left = self.node("MatMul", &[x, &a], |_| {});
        let dims: &[usize] = if self.chance(0.5) { &[to] } else { &[1, to] };
        let bias = self.floats(dims, -0.3, 0.3);
        let left = self.node("Add", &[&left, &bias], |_| {});
        let right = self.node("MatMul", &[x, &b], |_| {});
        let sum = self.node("Add", &[&left, &right], |_| {});
        let shape = self.stored(Weights::i64(&[2], &[-1, to as i64]));
        self.node("Reshape", &[&sum, &shape], |_| {})
    }
}
