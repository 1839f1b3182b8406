//! Random networks of all operators that have a rule.

use paring::arrays::Dtype;
use paring::graph::{DimensionSize, Graph, Node, Weights, set_int, set_ints};
use paring::stats::{self, SeededGenerator};
use rand::RngExt;

/// A network under construction: images `[N, C, S, S]` with their channels and size.
struct Network {
    graph: Graph,
    draw: SeededGenerator,
    count: usize,
    /// Tensors that later parts may read: name, channels, size.
    open: Vec<(String, usize, usize)>,
}

/// A network of so many random parts behind a first convolution, and a classifier.
pub fn random(seed: u64, parts: usize) -> Graph {
    let mut graph = Graph::empty("random", 17);
    let sizes = [
        DimensionSize::Symbol("N".into()),
        DimensionSize::Fixed(3),
        DimensionSize::Fixed(8),
        DimensionSize::Fixed(8),
    ];
    graph.add_input("image", Dtype::F32, &sizes);
    let draw = stats::generator(seed, "network");
    let mut n = Network { graph, draw, count: 0, open: Vec::new() };
    let stem = n.conv("image", 3, 8, 1, 1);
    let stem = n.node("Relu", &[&stem], |_| {});
    n.open.push((stem, 8, 8));
    for _ in 0..parts {
        n.part();
    }
    n.classify();
    n.graph
}

impl Network {
    fn part(&mut self) {
        let at = self.draw.random_range(0..self.open.len());
        let (x, c, s) = self.open[at].clone();
        let made = match self.draw.random_range(0..21) {
            0 => self.widen(&x, c, s, 1),
            1 => self.widen(&x, c, s, 3),
            2 => (self.depthwise(&x, c), c, s),
            3 => (self.grouped(&x, c), c, s),
            4 => self.transposed(&x, c, s),
            5 => (self.normalised(&x, c), c, s),
            6 => (self.activated(&x, c), c, s),
            7 => (self.scaled(&x, c), c, s),
            8 => self.joined(&x, c, s),
            9 => self.concatenated(&x, c, s),
            10 => self.split(&x, c, s),
            11 => (self.shuffled(&x, c, s), c, s),
            12 => (self.gathered(&x, c), c, s),
            13 => self.sliced(&x, c, s),
            14 => self.pooled(&x, c, s),
            15 => self.resized(&x, c, s),
            16 => self.padded(&x, c, s),
            17 => (self.gated(&x, c), c, s),
            18 => (self.tokens(&x, c, s, false), c, s),
            19 => (self.tokens(&x, c, s, true), c, s),
            _ => (self.dequantized(&x, c), c, s),
        };
        self.open.push(made);
    }

    fn classify(&mut self) {
        let (x, c, s) = self.open[self.open.len() - 1].clone();
        let (flat, width) = match self.draw.random_range(0..3) {
            0 => (self.node("Flatten", &[&x], |_| {}), c * s * s),
            1 => {
                let pooled = self.node("GlobalAveragePool", &[&x], |_| {});
                (self.node("Flatten", &[&pooled], |_| {}), c)
            }
            _ => {
                let pooled = self.node("ReduceMean", &[&x], |n| {
                    set_ints(n, "axes", vec![2, 3]);
                    set_int(n, "keepdims", 0);
                });
                (pooled, c)
            }
        };
        let turned = self.draw.random::<bool>();
        let w = if turned { self.weights(&[6, width]) } else { self.weights(&[width, 6]) };
        let b = self.weights(&[6]);
        let hidden = self.node("Gemm", &[&flat, &w, &b], |n| set_int(n, "transB", turned.into()));
        let hidden = self.node("Relu", &[&hidden], |_| {});
        let w = self.weights(&[6, 4]);
        let y = self.node("MatMul", &[&hidden, &w], |_| {});
        self.graph.add_output(&y);
    }

    fn widen(&mut self, x: &str, c: usize, s: usize, kernel: usize) -> (String, usize, usize) {
        let to = self.draw.random_range(4..12);
        let y = self.conv(x, c, to, kernel, 1);
        (self.node("Relu", &[&y], |_| {}), to, s)
    }

    fn conv(&mut self, x: &str, from: usize, to: usize, kernel: usize, group: usize) -> String {
        let w = self.weights(&[to, from / group, kernel, kernel]);
        let b = self.weights(&[to]);
        let bias = self.draw.random::<bool>();
        let inputs: &[&str] = if bias { &[x, &w, &b] } else { &[x, &w] };
        self.node("Conv", inputs, |n| {
            set_ints(n, "kernel_shape", vec![kernel as i64; 2]);
            set_ints(n, "pads", vec![(kernel / 2) as i64; 4]);
            set_int(n, "group", group as i64);
        })
    }

    fn depthwise(&mut self, x: &str, c: usize) -> String {
        self.conv(x, c, c, 3, c)
    }

    fn grouped(&mut self, x: &str, c: usize) -> String {
        let group = if c.is_multiple_of(2) { 2 } else { 1 };
        self.conv(x, c, c, 1, group)
    }

    fn transposed(&mut self, x: &str, c: usize, s: usize) -> (String, usize, usize) {
        if s > 8 {
            return self.widen(x, c, s, 1);
        }
        let w = self.weights(&[c, 6, 2, 2]);
        let y = self.node("ConvTranspose", &[x, &w], |n| {
            set_ints(n, "kernel_shape", vec![2, 2]);
            set_ints(n, "strides", vec![2, 2]);
        });
        (y, 6, 2 * s)
    }

    fn normalised(&mut self, x: &str, c: usize) -> String {
        let names: Vec<String> = (0..4).map(|_| self.positive(&[c])).collect();
        let [a, b, m, v] = [&names[0], &names[1], &names[2], &names[3]];
        self.node("BatchNormalization", &[x, a, b, m, v], |_| {})
    }

    fn activated(&mut self, x: &str, c: usize) -> String {
        match self.draw.random_range(0..4) {
            0 => self.node("LeakyRelu", &[x], |_| {}),
            1 => self.node("Sigmoid", &[x], |_| {}),
            2 => self.node("HardSwish", &[x], |_| {}),
            _ => {
                let slope = self.weights(&[c, 1, 1]);
                self.node("PRelu", &[x, &slope], |_| {})
            }
        }
    }

    fn scaled(&mut self, x: &str, c: usize) -> String {
        let op = ["Mul", "Add", "Sub", "Div"][self.draw.random_range(0..4)];
        let by = if self.draw.random::<bool>() { vec![1, c, 1, 1] } else { vec![1] };
        let by = self.positive(&by);
        self.node(op, &[x, &by], |_| {})
    }

    /// An addition, product, maximum or minimum with something of the same shape.
    fn joined(&mut self, x: &str, c: usize, s: usize) -> (String, usize, usize) {
        let other = self.open.iter().find(|o| o.0 != x && o.1 == c && o.2 == s).cloned();
        let other = match other {
            Some((name, _, _)) => name,
            None => self.conv(x, c, c, 3, 1),
        };
        let op = ["Add", "Add", "Mul", "Max", "Min", "Sub"][self.draw.random_range(0..6)];
        (self.node(op, &[x, &other], |_| {}), c, s)
    }

    fn concatenated(&mut self, x: &str, c: usize, s: usize) -> (String, usize, usize) {
        let (y, own, _) = match self.open.iter().find(|o| o.0 != x && o.2 == s).cloned() {
            Some(other) => other,
            None => self.widen(x, c, s, 1),
        };
        if c + own > 24 {
            return self.widen(x, c, s, 1);
        }
        (self.node("Concat", &[x, &y], |n| set_int(n, "axis", 1)), c + own, s)
    }

    /// Both halves go different ways; the first is left open too.
    fn split(&mut self, x: &str, c: usize, s: usize) -> (String, usize, usize) {
        let first = self.draw.random_range(1..c);
        let sizes = self.integers(&[first as i64, (c - first) as i64]);
        let (a, b) = (self.fresh(), self.fresh());
        let mut node = Node {
            name: format!("{a}/Split"),
            op_type: "Split".into(),
            input: vec![x.into(), sizes],
            output: vec![a.clone(), b.clone()],
            ..Node::default()
        };
        set_int(&mut node, "axis", 1);
        self.graph.add_node(node);
        let narrow = self.conv(&a, first, 5, 1, 1);
        self.open.push((narrow, 5, s));
        let wide = self.conv(&b, c - first, 7, 1, 1);
        (wide, 7, s)
    }

    /// Channels of two groups interleaved, as in ShuffleNet.
    fn shuffled(&mut self, x: &str, c: usize, s: usize) -> String {
        if c % 2 == 1 {
            return self.node("Identity", &[x], |_| {});
        }
        let (s, half) = (s as i64, (c / 2) as i64);
        let apart = self.integers(&[-1, 2, half, s, s]);
        let together = self.integers(&[-1, c as i64, s, s]);
        let y = self.node("Reshape", &[x, &apart], |_| {});
        let y = self.node("Transpose", &[&y], |n| set_ints(n, "perm", vec![0, 2, 1, 3, 4]));
        self.node("Reshape", &[&y, &together], |_| {})
    }

    fn gathered(&mut self, x: &str, c: usize) -> String {
        let mut order: Vec<i64> = (0..c as i64).collect();
        order.rotate_left(self.draw.random_range(0..c));
        let order = self.integers(&order);
        self.node("Gather", &[x, &order], |n| set_int(n, "axis", 1))
    }

    fn sliced(&mut self, x: &str, c: usize, s: usize) -> (String, usize, usize) {
        let start = self.draw.random_range(0..c / 2);
        let end = self.draw.random_range(c / 2 + 1..=c);
        let (from, to, axis) =
            (self.integers(&[start as i64]), self.integers(&[end as i64]), self.integers(&[1]));
        let y = self.node("Slice", &[x, &from, &to, &axis], |_| {});
        if end - start >= 2 {
            return (y, end - start, s);
        }
        self.widen(&y, end - start, s, 1)
    }

    fn pooled(&mut self, x: &str, c: usize, s: usize) -> (String, usize, usize) {
        if s < 4 {
            return (self.node("Relu", &[x], |_| {}), c, s);
        }
        let op = ["MaxPool", "AveragePool"][self.draw.random_range(0..2)];
        let y = self.node(op, &[x], |n| {
            set_ints(n, "kernel_shape", vec![2, 2]);
            set_ints(n, "strides", vec![2, 2]);
        });
        (y, c, s / 2)
    }

    fn resized(&mut self, x: &str, c: usize, s: usize) -> (String, usize, usize) {
        if s > 8 {
            return (self.node("Tanh", &[x], |_| {}), c, s);
        }
        let scales = self.fresh();
        self.graph.set_weights(&scales, Weights::f32(&[4], &[1.0, 1.0, 2.0, 2.0]));
        (self.node("Resize", &[x, "", &scales], |_| {}), c, 2 * s)
    }

    fn padded(&mut self, x: &str, c: usize, s: usize) -> (String, usize, usize) {
        if s > 8 {
            return (self.node("Softplus", &[x], |_| {}), c, s);
        }
        let pads = self.integers(&[0, 0, 1, 1, 0, 0, 1, 1]);
        (self.node("Pad", &[x, &pads], |_| {}), c, s + 2)
    }

    /// Squeeze and excitation.
    fn gated(&mut self, x: &str, c: usize) -> String {
        let pooled = self.node("GlobalAveragePool", &[x], |_| {});
        let narrow = self.conv(&pooled, c, 4, 1, 1);
        let narrow = self.node("Relu", &[&narrow], |_| {});
        let wide = self.conv(&narrow, 4, c, 1, 1);
        let gate = self.node("Sigmoid", &[&wide], |_| {});
        self.node("Mul", &[x, &gate], |_| {})
    }

    /// Pixels as tokens, through a hidden layer or an attention, and back.
    fn tokens(&mut self, x: &str, c: usize, s: usize, attention: bool) -> String {
        let (area, c_i) = ((s * s) as i64, c as i64);
        let flat = self.integers(&[-1, c_i, area]);
        let back = self.integers(&[-1, c_i, s as i64, s as i64]);
        let y = self.node("Reshape", &[x, &flat], |_| {});
        let y = self.node("Transpose", &[&y], |n| set_ints(n, "perm", vec![0, 2, 1]));
        let (a, b) = (self.positive(&[c]), self.weights(&[c]));
        let y = self.node("LayerNormalization", &[&y, &a, &b], |_| {});
        let y = if attention { self.attended(&y, c, area) } else { self.hidden(&y, c) };
        let y = self.node("Transpose", &[&y], |n| set_ints(n, "perm", vec![0, 2, 1]));
        self.node("Reshape", &[&y, &back], |_| {})
    }

    fn hidden(&mut self, x: &str, c: usize) -> String {
        let (w, b, v) = (self.weights(&[c, 9]), self.weights(&[9]), self.weights(&[9, c]));
        let y = self.node("MatMul", &[x, &w], |_| {});
        let y = self.node("Add", &[&y, &b], |_| {});
        let y = self.node("Relu", &[&y], |_| {});
        self.node("MatMul", &[&y, &v], |_| {})
    }

    fn attended(&mut self, x: &str, c: usize, area: i64) -> String {
        let (heads, size) = (3, 4);
        let apart = self.integers(&[-1, area, heads, size]);
        let together = self.integers(&[-1, area, heads * size]);
        let project = |n: &mut Self, perm: Vec<i64>| {
            let w = n.weights(&[c, (heads * size) as usize]);
            let y = n.node("MatMul", &[x, &w], |_| {});
            let y = n.node("Reshape", &[&y, &apart], |_| {});
            n.node("Transpose", &[&y], |node| set_ints(node, "perm", perm))
        };
        let q = project(self, vec![0, 2, 1, 3]);
        let k = project(self, vec![0, 2, 3, 1]);
        let v = project(self, vec![0, 2, 1, 3]);
        let scores = self.node("MatMul", &[&q, &k], |_| {});
        let scores = self.node("Softmax", &[&scores], |n| set_int(n, "axis", -1));
        let y = self.node("MatMul", &[&scores, &v], |_| {});
        let y = self.node("Transpose", &[&y], |n| set_ints(n, "perm", vec![0, 2, 1, 3]));
        let y = self.node("Reshape", &[&y, &together], |_| {});
        let w = self.weights(&[(heads * size) as usize, c]);
        self.node("MatMul", &[&y, &w], |_| {})
    }

    /// A convolution whose weights come through a DequantizeLinear, per channel.
    fn dequantized(&mut self, x: &str, c: usize) -> String {
        let stored: Vec<i8> = (0..c * c).map(|_| self.draw.random_range(-90i8..90)).collect();
        let (w, z) = (self.fresh(), self.fresh());
        self.graph.set_weights(&w, Weights::i8(&[c, c, 1, 1], &stored));
        self.graph.set_weights(&z, Weights::i8(&[c], &vec![0; c]));
        let scale: Vec<f32> = (0..c).map(|_| 0.002 + 0.003 * self.draw.random::<f32>()).collect();
        let scales = self.fresh();
        self.graph.set_weights(&scales, Weights::f32(&[c], &scale));
        let w = self.node("DequantizeLinear", &[&w, &scales, &z], |n| set_int(n, "axis", 0));
        self.node("Conv", &[x, &w], |n| set_ints(n, "kernel_shape", vec![1, 1]))
    }

    fn fresh(&mut self) -> String {
        self.count += 1;
        format!("t{}", self.count)
    }

    fn weights(&mut self, dims: &[usize]) -> String {
        let fan: usize = dims.iter().skip(1).product::<usize>().max(1);
        let scale = (3.0 / fan as f32).sqrt();
        self.stored(dims, |draw| (2.0 * draw - 1.0) * scale)
    }

    fn positive(&mut self, dims: &[usize]) -> String {
        self.stored(dims, |draw| 0.5 + draw)
    }

    fn stored(&mut self, dims: &[usize], value: impl Fn(f32) -> f32) -> String {
        let count = dims.iter().product::<usize>();
        let values: Vec<f32> = (0..count).map(|_| value(self.draw.random())).collect();
        let name = self.fresh();
        self.graph.set_weights(&name, Weights::f32(dims, &values));
        name
    }

    fn integers(&mut self, values: &[i64]) -> String {
        let name = self.fresh();
        self.graph.set_weights(&name, Weights::i64(&[values.len()], values));
        name
    }

    fn node(&mut self, op: &str, inputs: &[&str], attributes: impl FnOnce(&mut Node)) -> String {
        let output = self.fresh();
        let mut node = Node {
            name: format!("{output}/{op}"),
            op_type: op.into(),
            input: inputs.iter().map(|i| (*i).to_string()).collect(),
            output: vec![output.clone()],
            ..Node::default()
        };
        attributes(&mut node);
        self.graph.add_node(node);
        output
    }
}
