//! Small graphs of one operator each, with random shapes and attributes, whose gradients are compared
//! with differences.

use super::attributes::{set_float, set_text};
use ndarray::{ArrayD, IxDyn};
use paring_agent::arrays::{Array, Dtype};
use paring_core::stats::{self, SeededGenerator};
use paring_onnx::graph::{DimensionSize, Graph, Node, Weights, set_int, set_ints};
use rand::RngExt;
use std::collections::BTreeMap;

/// A graph with the output `y`, values of its inputs, and the tensors whose gradients are compared.
pub struct GradientCase {
    pub name: String,
    pub graph: Graph,
    pub inputs: BTreeMap<String, Array>,
    pub targets: Vec<String>,
}

/// Values of a tensor.
#[derive(Clone, Copy)]
enum Fill {
    /// Between −1.5 and 1.5.
    Any,
    /// From 0.6 to 2.
    Positive,
    /// Odd multiples of a quarter: kinks at multiples of a half are a quarter away.
    Grid,
    /// All different, a half apart.
    Distinct,
}

/// One case while it is made.
struct CaseBuilder {
    graph: Graph,
    inputs: BTreeMap<String, Array>,
    targets: Vec<String>,
    draw: SeededGenerator,
}

type CaseMaker = fn(&mut CaseBuilder);

/// One case of every operator and form that has a rule.
pub fn all(seed: u64) -> Vec<GradientCase> {
    makers().into_iter().map(|(name, make)| one(&name, make, seed)).collect()
}

fn one(name: &str, make: CaseMaker, seed: u64) -> GradientCase {
    let graph = Graph::empty(name, 17);
    let draw = stats::generator(seed, name);
    let (inputs, targets) = (BTreeMap::new(), Vec::new());
    let mut case = CaseBuilder { graph, inputs, targets, draw };
    make(&mut case);
    let CaseBuilder { graph, inputs, targets, .. } = case;
    GradientCase { name: name.into(), graph, inputs, targets }
}

fn makers() -> Vec<(String, CaseMaker)> {
    let named: [(&str, CaseMaker); 42] = [
        ("Conv", |c| c.convolution(false)),
        ("ConvTranspose", CaseBuilder::transposed),
        ("Conv 1-D", |c| c.convolution(true)),
        ("Conv depthwise", CaseBuilder::depthwise),
        ("Gemm", CaseBuilder::gemm),
        ("MatMul", CaseBuilder::matmul),
        ("Add", |c| c.broadcast("Add", Fill::Any)),
        ("Sub", |c| c.broadcast("Sub", Fill::Any)),
        ("Mul", |c| c.broadcast("Mul", Fill::Any)),
        ("Div", |c| c.broadcast("Div", Fill::Positive)),
        ("Pow", |c| c.broadcast("Pow", Fill::Positive)),
        ("Max", |c| c.broadcast("Max", Fill::Distinct)),
        ("Min", |c| c.broadcast("Min", Fill::Distinct)),
        ("Pow of a number", CaseBuilder::power),
        ("PRelu", CaseBuilder::parametric),
        ("Where", CaseBuilder::selected),
        ("Clip", CaseBuilder::clipped),
        ("AveragePool", |c| c.pooled("AveragePool", Fill::Any)),
        ("MaxPool", |c| c.pooled("MaxPool", Fill::Distinct)),
        ("GlobalAveragePool", |c| c.whole("GlobalAveragePool", Fill::Any)),
        ("GlobalMaxPool", |c| c.whole("GlobalMaxPool", Fill::Distinct)),
        ("BatchNormalization", CaseBuilder::batch_normalized),
        ("LayerNormalization", CaseBuilder::layer_normalized),
        ("InstanceNormalization", CaseBuilder::instance_normalized),
        ("Softmax", |c| c.along_axis("Softmax")),
        ("LogSoftmax", |c| c.along_axis("LogSoftmax")),
        ("ReduceSum", CaseBuilder::summed),
        ("ReduceMean", |c| c.reduced("ReduceMean", Fill::Any)),
        ("ReduceSumSquare", |c| c.reduced("ReduceSumSquare", Fill::Any)),
        ("ReduceL1", |c| c.reduced("ReduceL1", Fill::Grid)),
        ("ReduceL2", |c| c.reduced("ReduceL2", Fill::Positive)),
        ("ReduceLogSumExp", |c| c.reduced("ReduceLogSumExp", Fill::Any)),
        ("ReduceMax", |c| c.reduced("ReduceMax", Fill::Distinct)),
        ("Transpose", CaseBuilder::moved),
        ("DepthToSpace", CaseBuilder::depth_to_space),
        ("Reshape, Flatten, Squeeze, Unsqueeze", CaseBuilder::reshaped),
        ("Expand", CaseBuilder::expanded),
        ("Concat, Split", CaseBuilder::joined),
        ("Slice", CaseBuilder::sliced),
        ("Gather", CaseBuilder::gathered),
        ("Pad", CaseBuilder::padded),
        ("Resize", CaseBuilder::resized),
    ];
    let mut all: Vec<(String, CaseMaker)> =
        named.into_iter().map(|(name, make)| (name.to_string(), make)).collect();
    for (op, fill) in UNARY {
        let make: CaseMaker = match fill {
            Fill::Positive => |c| c.unary(Fill::Positive),
            Fill::Grid => |c| c.unary(Fill::Grid),
            _ => |c| c.unary(Fill::Any),
        };
        all.push((op.to_string(), make));
    }
    all
}

/// Functions of one tensor without attributes that a graph of operator set 17 can have.
const UNARY: [(&str, Fill); 21] = [
    ("Abs", Fill::Grid),
    ("Atan", Fill::Any),
    ("Celu", Fill::Grid),
    ("Cos", Fill::Any),
    ("Elu", Fill::Grid),
    ("Erf", Fill::Any),
    ("Exp", Fill::Any),
    ("HardSigmoid", Fill::Grid),
    ("HardSwish", Fill::Grid),
    ("Identity", Fill::Any),
    ("LeakyRelu", Fill::Grid),
    ("Log", Fill::Positive),
    ("Neg", Fill::Any),
    ("Reciprocal", Fill::Positive),
    ("Relu", Fill::Grid),
    ("Selu", Fill::Grid),
    ("Sigmoid", Fill::Any),
    ("Sin", Fill::Any),
    ("Softplus", Fill::Any),
    ("Sqrt", Fill::Positive),
    ("Tanh", Fill::Any),
];

impl CaseBuilder {
    fn between(&mut self, low: usize, high: usize) -> usize {
        self.draw.random_range(low..=high)
    }

    fn coin(&mut self) -> bool {
        self.draw.random()
    }

    fn sizes(&mut self, rank: usize, low: usize, high: usize) -> Vec<usize> {
        (0..rank).map(|_| self.between(low, high)).collect()
    }

    fn values(&mut self, dims: &[usize], fill: Fill) -> ArrayD<f32> {
        let count: usize = dims.iter().product();
        let mut order: Vec<usize> = (0..count).collect();
        for at in (1..count).rev() {
            order.swap(at, self.draw.random_range(0..=at));
        }
        let mut value = |rank: usize| match fill {
            Fill::Any => self.draw.random_range(-1.5..1.5),
            Fill::Positive => self.draw.random_range(0.6..2.0),
            Fill::Grid => 0.25 + 0.5 * self.draw.random_range(-7..7) as f32,
            Fill::Distinct => 0.5 * (rank as f32 - (count / 2) as f32),
        };
        let values: Vec<f32> = order.iter().map(|rank| value(*rank)).collect();
        ArrayD::from_shape_vec(IxDyn(dims), values).unwrap()
    }

    /// An input of the graph.
    fn input(&mut self, name: &str, dims: &[usize], fill: Fill) -> String {
        let sizes: Vec<_> = dims.iter().map(|size| DimensionSize::Fixed(*size)).collect();
        self.graph.add_input(name, Dtype::F32, &sizes);
        let values = self.values(dims, fill);
        self.inputs.insert(name.into(), Array::F32(values));
        self.targets.push(name.into());
        name.into()
    }

    /// A stored tensor.
    fn stored(&mut self, name: &str, dims: &[usize], fill: Fill) -> String {
        let values: Vec<f32> = self.values(dims, fill).into_iter().collect();
        self.graph.set_weights(name, Weights::f32(dims, &values));
        self.targets.push(name.into());
        name.into()
    }

    /// A stored or a computed tensor.
    fn either(&mut self, name: &str, dims: &[usize], fill: Fill) -> String {
        if self.coin() { self.input(name, dims, fill) } else { self.stored(name, dims, fill) }
    }

    fn list(&mut self, name: &str, values: &[i64]) -> String {
        self.graph.set_weights(name, Weights::i64(&[values.len()], values));
        name.into()
    }

    fn node(&mut self, op: &str, inputs: &[&str], output: &str, set: impl FnOnce(&mut Node)) {
        let mut node = Node {
            op_type: op.into(),
            name: format!("{op} {output}"),
            input: inputs.iter().map(|input| input.to_string()).collect(),
            output: vec![output.into()],
            ..Node::default()
        };
        set(&mut node);
        self.graph.add_node(node);
        if output == "y" {
            self.graph.add_output("y");
        }
    }

    fn unary(&mut self, fill: Fill) {
        let dims = self.sizes(3, 1, 4);
        let op = self.graph.name().to_string();
        let x = self.input("x", &dims, fill);
        self.node(&op, &[&x], "y", |_| {});
    }

    /// Kernel, strides, dilations and pads of windows over `rank` axes, as attributes.
    fn windows(
        &mut self,
        rank: usize,
        pooling: bool,
    ) -> (Vec<i64>, impl FnOnce(&mut Node) + use<>) {
        let list = |values: Vec<usize>| values.iter().map(|v| *v as i64).collect::<Vec<i64>>();
        let kernel = list(self.sizes(rank, 1, 3));
        let strides = list(self.sizes(rank, 1, 3));
        let dilations = if pooling { vec![1; rank] } else { list(self.sizes(rank, 1, 2)) };
        // No window may see margins alone.
        let pads: Vec<i64> = [&kernel, &kernel]
            .into_iter()
            .flatten()
            .map(|k| self.draw.random_range(0..*k))
            .collect();
        let same = self.between(0, 3);
        let own = kernel.clone();
        let set = move |node: &mut Node| {
            set_ints(node, "kernel_shape", own);
            set_ints(node, "strides", strides);
            if !pooling {
                set_ints(node, "dilations", dilations);
            }
            match same {
                0 => set_text(node, "auto_pad", "SAME_UPPER"),
                1 => set_text(node, "auto_pad", "SAME_LOWER"),
                _ => set_ints(node, "pads", pads),
            }
        };
        (kernel, set)
    }

    fn convolution(&mut self, flat: bool) {
        let rank = if flat { 1 } else { 2 };
        let (group, batch) = (self.between(1, 3), self.between(1, 3));
        let (inputs, outputs) = (self.between(1, 3), self.between(1, 3));
        let (kernel, set) = self.windows(rank, false);
        let spatial = self.sizes(rank, 5, 8);
        let x =
            self.input("x", &[&[batch, group * inputs], spatial.as_slice()].concat(), Fill::Any);
        let kernel: Vec<usize> = kernel.iter().map(|size| *size as usize).collect();
        let dims = [&[group * outputs, inputs], kernel.as_slice()].concat();
        let w = self.either("w", &dims, Fill::Any);
        let b = self.either("b", &[group * outputs], Fill::Any);
        self.node("Conv", &[&x, &w, &b], "y", |node| {
            set(node);
            set_int(node, "group", group as i64);
        });
    }

    fn depthwise(&mut self) {
        let (channels, times, batch) = (self.between(2, 4), self.between(1, 2), self.between(1, 3));
        let (kernel, set) = self.windows(2, false);
        let spatial = self.sizes(2, 5, 8);
        let x = self.input("x", &[batch, channels, spatial[0], spatial[1]], Fill::Any);
        let dims = [channels * times, 1, kernel[0] as usize, kernel[1] as usize];
        let w = self.either("w", &dims, Fill::Any);
        self.node("Conv", &[&x, &w], "y", |node| {
            set(node);
            set_int(node, "group", channels as i64);
        });
    }

    fn transposed(&mut self) {
        let (group, batch) = (self.between(1, 2), self.between(1, 2));
        let (inputs, outputs) = (self.between(1, 3), self.between(1, 3));
        let kernel = self.sizes(2, 1, 3);
        let strides: Vec<i64> = self.sizes(2, 1, 3).iter().map(|s| *s as i64).collect();
        let padding: Vec<i64> = strides.iter().map(|s| self.draw.random_range(0..*s)).collect();
        let pads: Vec<i64> = [&kernel, &kernel]
            .into_iter()
            .flatten()
            .map(|k| self.draw.random_range(0..*k as i64))
            .collect();
        let spatial = self.sizes(2, 3, 5);
        let x = self.input("x", &[batch, group * inputs, spatial[0], spatial[1]], Fill::Any);
        let dims = [group * inputs, outputs, kernel[0], kernel[1]];
        let w = self.either("w", &dims, Fill::Any);
        let b = self.stored("b", &[group * outputs], Fill::Any);
        self.node("ConvTranspose", &[&x, &w, &b], "y", |node| {
            set_ints(node, "strides", strides);
            set_ints(node, "output_padding", padding);
            set_ints(node, "pads", pads);
            set_int(node, "group", group as i64);
        });
    }

    fn gemm(&mut self) {
        let (m, k, n) = (self.between(1, 4), self.between(1, 4), self.between(1, 4));
        let (turns_a, turns_b) = (self.coin(), self.coin());
        let a = self.input("a", &if turns_a { [k, m] } else { [m, k] }, Fill::Any);
        let b = self.either("b", &if turns_b { [n, k] } else { [k, n] }, Fill::Any);
        let forms = [vec![n], vec![m, n], vec![1, n], vec![m, 1], vec![1]];
        let form = self.between(0, forms.len() - 1);
        let c = self.stored("c", &forms[form], Fill::Any);
        let (alpha, beta) = (self.draw.random_range(0.5..2.0), self.draw.random_range(0.5..2.0));
        self.node("Gemm", &[&a, &b, &c], "y", |node| {
            set_int(node, "transA", i64::from(turns_a));
            set_int(node, "transB", i64::from(turns_b));
            set_float(node, "alpha", alpha);
            set_float(node, "beta", beta);
        });
    }

    fn matmul(&mut self) {
        let (m, k, n, lead) =
            (self.between(1, 4), self.between(1, 4), self.between(1, 4), self.between(1, 3));
        let forms = [
            (vec![m, k], vec![k, n]),
            (vec![lead, m, k], vec![k, n]),
            (vec![lead, 2, m, k], vec![lead, 2, k, n]),
            (vec![lead, 1, m, k], vec![2, k, n]),
            (vec![m, k], vec![lead, k, n]),
            (vec![lead, m, k], vec![1, k, n]),
            (vec![k], vec![k, n]),
            (vec![lead, m, k], vec![k]),
        ];
        let form = self.between(0, forms.len() - 1);
        let a = self.input("a", &forms[form].0, Fill::Any);
        let b = self.either("b", &forms[form].1, Fill::Any);
        self.node("MatMul", &[&a, &b], "y", |_| {});
    }

    fn broadcast(&mut self, op: &str, fill: Fill) {
        let dims = self.sizes(3, 1, 3);
        let mut other = dims.clone();
        for size in &mut other {
            if self.coin() {
                *size = 1;
            }
        }
        let other = if self.coin() { other[1..].to_vec() } else { other };
        let a = self.input("a", &dims, fill);
        // A quarter beside those of the other, where two of them are compared.
        let b = self.either("b", &other, if let Fill::Distinct = fill { Fill::Grid } else { fill });
        let swaps = self.coin();
        self.node(op, &if swaps { [&b as &str, &a] } else { [&a as &str, &b] }, "y", |_| {});
    }

    fn power(&mut self) {
        let exponent = [2.0, 0.5, 3.0, -1.5][self.between(0, 3)];
        let dims = self.sizes(2, 1, 4);
        let x = self.input("x", &dims, if exponent == 2.0 { Fill::Any } else { Fill::Positive });
        self.graph.set_weights("exponent", Weights::f32(&[], &[exponent]));
        self.node("Pow", &[&x, "exponent"], "y", |_| {});
    }

    fn parametric(&mut self) {
        let dims = self.sizes(3, 1, 3);
        let x = self.input("x", &dims, Fill::Grid);
        let slope = self.stored("slope", &[dims[1], 1], Fill::Any);
        self.node("PRelu", &[&x, &slope], "y", |_| {});
    }

    fn selected(&mut self) {
        let dims = self.sizes(3, 1, 3);
        let a = self.input("a", &dims, Fill::Grid);
        let b = self.either("b", &dims[1..], Fill::Any);
        self.graph.set_weights("zero", Weights::f32(&[], &[0.0]));
        self.node("Greater", &[&a, "zero"], "condition", |_| {});
        let swaps = self.coin();
        let (first, second) = if swaps { (&b, &a) } else { (&a, &b) };
        self.node("Where", &["condition", first, second], "y", |_| {});
    }

    fn clipped(&mut self) {
        let dims = self.sizes(3, 1, 4);
        let x = self.input("x", &dims, Fill::Grid);
        self.graph.set_weights("low", Weights::f32(&[], &[-1.0]));
        self.graph.set_weights("high", Weights::f32(&[], &[1.5]));
        let bounds = [["low", "high"], ["", "high"], ["low", ""]][self.between(0, 2)];
        self.node("Clip", &[&x, bounds[0], bounds[1]], "y", |_| {});
    }

    fn pooled(&mut self, op: &str, fill: Fill) {
        let (_, set) = self.windows(2, true);
        let dims = [&self.sizes(2, 1, 2), self.sizes(2, 4, 7).as_slice()].concat();
        let x = self.input("x", &dims, fill);
        let counts = self.coin();
        self.node(op, &[&x], "y", |node| {
            set(node);
            if op == "AveragePool" {
                set_int(node, "count_include_pad", i64::from(counts));
            }
        });
    }

    fn whole(&mut self, op: &str, fill: Fill) {
        let dims = self.sizes(4, 1, 4);
        let x = self.input("x", &dims, fill);
        self.node(op, &[&x], "y", |_| {});
    }

    fn batch_normalized(&mut self) {
        let rank = self.between(2, 4);
        let dims = self.sizes(rank, 1, 3);
        let x = self.input("x", &dims, Fill::Any);
        let own = [dims[1]];
        let scale = self.stored("scale", &own, Fill::Any);
        let shift = self.stored("shift", &own, Fill::Any);
        let mean = self.stored("mean", &own, Fill::Any);
        let variance = self.stored("variance", &own, Fill::Positive);
        self.node("BatchNormalization", &[&x, &scale, &shift, &mean, &variance], "y", |_| {});
    }

    fn layer_normalized(&mut self) {
        let mut dims = self.sizes(3, 2, 4);
        let axis = self.between(1, 2);
        // Of two values alone the result does not depend on their distance.
        dims[2] = self.between(4, 6);
        let x = self.input("x", &dims, Fill::Distinct);
        let scale = self.stored("scale", &dims[axis..], Fill::Any);
        let shift = self.stored("shift", &dims[axis..], Fill::Any);
        self.node("LayerNormalization", &[&x, &scale, &shift], "y", |node| {
            set_int(node, "axis", axis as i64 - 3);
        });
    }

    fn instance_normalized(&mut self) {
        let dims = [&self.sizes(2, 1, 3), self.sizes(2, 3, 4).as_slice()].concat();
        let x = self.input("x", &dims, Fill::Distinct);
        let scale = self.stored("scale", &[dims[1]], Fill::Any);
        let shift = self.stored("shift", &[dims[1]], Fill::Any);
        self.node("InstanceNormalization", &[&x, &scale, &shift], "y", |_| {});
    }

    fn along_axis(&mut self, op: &str) {
        let dims = self.sizes(3, 2, 4);
        let axis = self.draw.random_range(-3..3);
        let x = self.input("x", &dims, Fill::Any);
        self.node(op, &[&x], "y", |node| set_int(node, "axis", axis));
    }

    /// Some axes, in ascending order; perhaps none.
    fn some_axes(&mut self, rank: usize) -> Vec<i64> {
        (0..rank).filter(|_| self.coin()).map(|axis| axis as i64).collect()
    }

    fn reduced(&mut self, op: &str, fill: Fill) {
        let dims = self.sizes(3, 1, 4);
        let x = self.input("x", &dims, fill);
        let (axes, keeps) = (self.some_axes(3), self.coin());
        self.node(op, &[&x], "y", |node| {
            set_int(node, "keepdims", i64::from(keeps));
            if !axes.is_empty() {
                set_ints(node, "axes", axes);
            }
        });
    }

    fn summed(&mut self) {
        let dims = self.sizes(3, 1, 4);
        let x = self.input("x", &dims, Fill::Any);
        let (axes, keeps) = (self.some_axes(3), self.coin());
        let axes = if axes.is_empty() { vec![-1] } else { axes };
        let axes = self.list("axes", &axes);
        self.node("ReduceSum", &[&x, &axes], "y", |node| {
            set_int(node, "keepdims", i64::from(keeps));
        });
    }

    fn moved(&mut self) {
        let dims = self.sizes(3, 1, 4);
        let x = self.input("x", &dims, Fill::Any);
        let orders = [vec![2, 0, 1], vec![1, 2, 0], vec![0, 2, 1], vec![]];
        let order = orders[self.between(0, 3)].clone();
        self.node("Transpose", &[&x], "y", |node| {
            if !order.is_empty() {
                set_ints(node, "perm", order);
            }
        });
    }

    fn depth_to_space(&mut self) {
        let (inverse, spatial) = (self.coin(), self.sizes(2, 1, 3));
        let dims = if inverse {
            [2, 2, 2 * spatial[0], 2 * spatial[1]]
        } else {
            [2, 8, spatial[0], spatial[1]]
        };
        let x = self.input("x", &dims, Fill::Any);
        let mode = if self.coin() { "DCR" } else { "CRD" };
        let op = if inverse { "SpaceToDepth" } else { "DepthToSpace" };
        self.node(op, &[&x], "y", |node| {
            set_int(node, "blocksize", 2);
            if !inverse {
                set_text(node, "mode", mode);
            }
        });
    }

    fn reshaped(&mut self) {
        let x = self.input("x", &[2, 3, 4], Fill::Any);
        let shape = self.list("shape", &[3, -1, 2]);
        self.node("Reshape", &[&x, &shape], "a", |_| {});
        self.node("Flatten", &["a"], "b", |node| set_int(node, "axis", 2));
        let axes = self.list("axes", &[0, 2]);
        self.node("Unsqueeze", &["b", &axes], "c", |_| {});
        self.node("Squeeze", &["c", &axes], "y", |_| {});
    }

    fn expanded(&mut self) {
        let dims = self.sizes(2, 1, 2);
        let x = self.input("x", &[dims[0], 1, dims[1]], Fill::Any);
        let shape = self.list("shape", &[2, 1, 3, 1]);
        self.node("Expand", &[&x, &shape], "y", |_| {});
    }

    fn joined(&mut self) {
        let sizes = self.sizes(2, 1, 3);
        let a = self.input("a", &[2, sizes[0], 2], Fill::Any);
        let b = self.either("b", &[2, sizes[1], 2], Fill::Any);
        let c = self.either("c", &[2, sizes[0], 2], Fill::Any);
        self.node("Concat", &[&a, &b, &c], "all", |node| set_int(node, "axis", -2));
        let all = 2 * sizes[0] + sizes[1];
        let lengths = self.list("lengths", &[1, all as i64 - 2, 1]);
        self.node("Split", &["all", &lengths], "first", |node| {
            set_int(node, "axis", 1);
            node.output = vec!["first".into(), "middle".into(), "last".into()];
        });
        self.node("Mul", &["first", "last"], "y", |_| {});
    }

    fn sliced(&mut self) {
        let dims = self.sizes(3, 3, 6);
        let x = self.input("x", &dims, Fill::Any);
        let forms: [[[i64; 2]; 4]; 4] = [
            [[1, 0], [100, 2], [0, 2], [1, 1]],
            [[0, 1], [3, 100], [1, -1], [2, 2]],
            [[-1, -1], [-100, -100], [0, 1], [-1, -2]],
            [[-2, 1], [100, -1], [2, 0], [1, 1]],
        ];
        let form = forms[self.between(0, 3)];
        let names = ["starts", "ends", "axes", "steps"];
        for (name, values) in names.iter().zip(form) {
            self.list(name, &values);
        }
        self.node("Slice", &[&x, "starts", "ends", "axes", "steps"], "y", |_| {});
    }

    fn gathered(&mut self) {
        let dims = self.sizes(3, 3, 4);
        let axis = self.between(0, 2);
        let x = self.input("x", &dims, Fill::Any);
        if self.coin() {
            self.graph.set_weights("indices", Weights::i64(&[2, 2], &[0, 2, -1, 2]));
        } else {
            let two = [DimensionSize::Fixed(2)];
            self.graph.add_input("indices", Dtype::I64, &two);
            let values = ArrayD::from_shape_vec(IxDyn(&[2]), vec![1, -2]).unwrap();
            self.inputs.insert("indices".into(), Array::I64(values));
        }
        self.node("Gather", &[&x, "indices"], "y", |node| set_int(node, "axis", axis as i64));
    }

    fn padded(&mut self) {
        let dims = self.sizes(3, 1, 3);
        let x = self.input("x", &dims, Fill::Any);
        let pads: Vec<i64> = self.sizes(6, 0, 2).iter().map(|pad| *pad as i64).collect();
        let pads = self.list("pads", &pads);
        self.node("Pad", &[&x, &pads], "y", |_| {});
    }

    fn resized(&mut self) {
        let dims = [&self.sizes(2, 1, 2), self.sizes(2, 2, 4).as_slice()].concat();
        let x = self.input("x", &dims, Fill::Any);
        let linear = self.coin();
        let scales = if linear { [1.0, 1.0, 2.0, 2.0] } else { [1.0, 1.0, 2.0, 3.0] };
        self.graph.set_weights("scales", Weights::f32(&[4], &scales));
        let coordinates = if linear { "half_pixel" } else { "asymmetric" };
        self.node("Resize", &[&x, "", "scales"], "y", |node| {
            set_text(node, "mode", if linear { "linear" } else { "nearest" });
            set_text(node, "coordinate_transformation_mode", coordinates);
            set_text(node, "nearest_mode", "floor");
        });
    }
}
