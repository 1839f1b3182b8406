//! Networks of well-known shapes with seeded random weights, built in code: what a bench needs of a
//! model is its size.
#![allow(dead_code, reason = "each bench uses a part")]

use ndarray::ArrayD;
use paring::arrays::Dtype;
use paring::graph::{DimensionSize, Graph, Node, Weights, set_int, set_ints};
use paring::stats::{self, SeededGenerator};
use rand::RngExt;

/// A graph under construction and the channels of each tensor.
struct Builder {
    graph: Graph,
    draw: SeededGenerator,
}

/// ResNet-50 (He et al. 2016, arXiv 1512.03385) for 224x224 images and 1000 classes: 25.6 million
/// parameters, 4.1 billion multiply-adds. Input `image`, output `logits`.
pub fn resnet50(seed: u64) -> Graph {
    let mut graph = Graph::empty("resnet50", 13);
    let sizes = [
        DimensionSize::Symbol("N".into()),
        DimensionSize::Fixed(3),
        DimensionSize::Fixed(224),
        DimensionSize::Fixed(224),
    ];
    graph.add_input("image", Dtype::F32, &sizes);
    let mut b = Builder { graph, draw: stats::generator(seed, "resnet50") };
    let stem = b.conv("stem", "image", (3, 64), 7, 2, 1.0);
    let stem = b.relu("stem", &stem);
    let mut x = b.node("MaxPool", "pool", &[&stem], |node| {
        set_ints(node, "kernel_shape", vec![3, 3]);
        set_ints(node, "strides", vec![2, 2]);
        set_ints(node, "pads", vec![1, 1, 1, 1]);
    });
    let mut channels = 64;
    for (stage, (width, blocks)) in [(64, 3), (128, 4), (256, 6), (512, 3)].into_iter().enumerate()
    {
        for block in 0..blocks {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let name = format!("stage{}.{block}", stage + 1);
            x = b.bottleneck(&name, &x, (channels, width), stride);
            channels = 4 * width;
        }
    }
    let pooled = b.node("GlobalAveragePool", "mean", &[&x], |_| {});
    let flat = b.node("Flatten", "flat", &[&pooled], |_| {});
    let (w, bias) = ("head.weight", "head.bias");
    let weights = b.normal(channels * 1000, (1.0 / channels as f32).sqrt());
    b.graph.set_weights(w, Weights::f32(&[1000, channels], &weights));
    b.graph.set_weights(bias, Weights::f32(&[1000], &[0.0; 1000]));
    b.graph.add_node(Node {
        name: "head/Gemm".into(),
        op_type: "Gemm".into(),
        input: vec![flat, w.into(), bias.into()],
        output: vec!["logits".into()],
        ..Node::default()
    });
    if let Some(node) = b.graph.node_mut(b.graph.nodes().len() - 1) {
        set_int(node, "transB", 1);
    }
    b.graph.add_output("logits");
    b.graph
}

/// A product of tokens with a matrix, 128 tokens a sample. Input `x`, output `y`.
pub fn product(seed: u64, (inputs, outputs): (usize, usize)) -> Graph {
    let mut b = Builder::of_tokens("product", inputs, seed);
    let y = b.dense("product", "x", (inputs, outputs));
    b.graph.add_output(&y);
    b.graph
}

/// A layer of BERT-base (Devlin et al. 2018, arXiv 1810.04805) as PyTorch exports it: 12 heads of 64,
/// 3072 in between, 128 tokens of 768 numbers; behind it a mean over tokens and ten classes. Input
/// `x`, output `logits`.
pub fn bert_layer(seed: u64) -> Graph {
    let width = 768;
    let mut b = Builder::of_tokens("bert", width, seed);
    for (name, dims) in [("heads", vec![0, 0, 12, 64]), ("joined", vec![0, 0, 768])] {
        b.graph.set_weights(name, Weights::i64(&[dims.len()], &dims));
    }
    let [q, k, v] = ["query", "key", "value"].map(|part| {
        let y = b.dense(part, "x", (width, width));
        let split = b.node("Reshape", part, &[&y, "heads"], |_| {});
        let order = if part == "key" { vec![0, 2, 3, 1] } else { vec![0, 2, 1, 3] };
        b.node("Transpose", part, &[&split], |node| set_ints(node, "perm", order))
    });
    let scores = b.node("MatMul", "scores", &[&q, &k], |_| {});
    let scores = b.scaled("scores", &scores, 0.125);
    let shares = b.node("Softmax", "shares", &[&scores], |node| set_int(node, "axis", -1));
    let mixed = b.node("MatMul", "mixed", &[&shares, &v], |_| {});
    let turned =
        b.node("Transpose", "mixed", &[&mixed], |node| set_ints(node, "perm", vec![0, 2, 1, 3]));
    let joined = b.node("Reshape", "mixed", &[&turned, "joined"], |_| {});
    let out = b.dense("out", &joined, (width, width));
    let x = b.added_and_normalised("attention", &out, "x", width);
    let up = b.dense("up", &x, (width, 4 * width));
    let up = b.gelu(&up);
    let down = b.dense("down", &up, (4 * width, width));
    let x = b.added_and_normalised("layer", &down, &x, width);
    let mean = b.node("ReduceMean", "mean", &[&x], |node| {
        set_ints(node, "axes", vec![1]);
        set_int(node, "keepdims", 0);
    });
    let logits = b.dense("head", &mean, (width, 10));
    b.graph.add_output(&logits);
    b.graph
}

/// Smooth random images: sums of a few waves, as neighbouring pixels of photographs are alike.
pub fn images(count: usize) -> ArrayD<f32> {
    let mut draw = stats::generator(3, "images");
    let mut values = Vec::with_capacity(count * 3 * 224 * 224);
    for _ in 0..count * 3 {
        let waves: Vec<[f32; 4]> = (0..6).map(|_| std::array::from_fn(|_| draw.random())).collect();
        for i in 0..224 * 224 {
            let (x, y) = ((i % 224) as f32 / 30.0, (i / 224) as f32 / 30.0);
            let wave = |w: &[f32; 4]| (w[0] * 6.0 * x + w[1] * 6.0 * y + w[2] * 6.0).sin() * w[3];
            values.push(waves.iter().map(wave).sum());
        }
    }
    ArrayD::from_shape_vec(vec![count, 3, 224, 224], values).unwrap_or_default()
}

impl Builder {
    fn of_tokens(name: &str, width: usize, seed: u64) -> Builder {
        let mut graph = Graph::empty(name, 17);
        let sizes = [
            DimensionSize::Symbol("N".into()),
            DimensionSize::Fixed(128),
            DimensionSize::Fixed(width),
        ];
        graph.add_input("x", Dtype::F32, &sizes);
        Builder { graph, draw: stats::generator(seed, name) }
    }

    fn dense(&mut self, name: &str, x: &str, (from, to): (usize, usize)) -> String {
        let weights = self.normal(from * to, (1.0 / from as f32).sqrt());
        let bias = self.normal(to, 0.1);
        let (w, b) = (format!("{name}.weight"), format!("{name}.bias"));
        self.graph.set_weights(&w, Weights::f32(&[from, to], &weights));
        self.graph.set_weights(&b, Weights::f32(&[to], &bias));
        let sum = self.node("MatMul", name, &[x, &w], |_| {});
        self.node("Add", name, &[&sum, &b], |_| {})
    }

    fn scaled(&mut self, name: &str, x: &str, by: f32) -> String {
        let factor = format!("{name}.by");
        self.graph.set_weights(&factor, Weights::f32(&[], &[by]));
        self.node("Mul", name, &[x, &factor], |_| {})
    }

    fn added_and_normalised(&mut self, name: &str, a: &str, b: &str, width: usize) -> String {
        let sum = self.node("Add", &format!("{name}.residual"), &[a, b], |_| {});
        let (scale, bias) = (format!("{name}.norm.weight"), format!("{name}.norm.bias"));
        self.graph.set_weights(&scale, Weights::f32(&[width], &vec![1.0; width]));
        self.graph.set_weights(&bias, Weights::f32(&[width], &vec![0.0; width]));
        self.node("LayerNormalization", name, &[&sum, &scale, &bias], |node| {
            set_int(node, "axis", -1);
        })
    }

    /// x / 2 · (1 + erf(x / √2)), operator by operator.
    fn gelu(&mut self, x: &str) -> String {
        let inner = self.scaled("gelu.inner", x, std::f32::consts::FRAC_1_SQRT_2);
        let erf = self.node("Erf", "gelu", &[&inner], |_| {});
        self.graph.set_weights("gelu.one", Weights::f32(&[], &[1.0]));
        let above = self.node("Add", "gelu", &[&erf, "gelu.one"], |_| {});
        let whole = self.node("Mul", "gelu", &[x, &above], |_| {});
        self.scaled("gelu.half", &whole, 0.5)
    }

    fn bottleneck(
        &mut self,
        name: &str,
        x: &str,
        (from, width): (usize, usize),
        stride: i64,
    ) -> String {
        let layer = |part: &str| format!("{name}.{part}");
        let y = self.conv(&layer("reduce"), x, (from, width), 1, 1, 1.0);
        let y = self.relu(&layer("reduce"), &y);
        let y = self.conv(&layer("spatial"), &y, (width, width), 3, stride, 1.0);
        let y = self.relu(&layer("spatial"), &y);
        // Small beside the skip, as trained residuals are: activations stay in range.
        let y = self.conv(&layer("expand"), &y, (width, 4 * width), 1, 1, 0.3);
        let skip = match from == 4 * width && stride == 1 {
            true => x.to_string(),
            false => self.conv(&layer("skip"), x, (from, 4 * width), 1, stride, 1.0),
        };
        let sum = self.node("Add", &layer("add"), &[&y, &skip], |_| {});
        self.relu(name, &sum)
    }

    fn conv(
        &mut self,
        name: &str,
        x: &str,
        (from, to): (usize, usize),
        kernel: usize,
        stride: i64,
        gain: f32,
    ) -> String {
        let fan = (from * kernel * kernel) as f32;
        let weights = self.normal(to * from * kernel * kernel, gain * (2.0 / fan).sqrt());
        let bias = self.normal(to, 0.1);
        let (w, b) = (format!("{name}.weight"), format!("{name}.bias"));
        self.graph.set_weights(&w, Weights::f32(&[to, from, kernel, kernel], &weights));
        self.graph.set_weights(&b, Weights::f32(&[to], &bias));
        self.node("Conv", name, &[x, &w, &b], |node| {
            set_ints(node, "kernel_shape", vec![kernel as i64; 2]);
            set_ints(node, "strides", vec![stride; 2]);
            set_ints(node, "pads", vec![(kernel / 2) as i64; 4]);
        })
    }

    fn relu(&mut self, name: &str, x: &str) -> String {
        self.node("Relu", name, &[x], |_| {})
    }

    fn node(
        &mut self,
        op: &str,
        name: &str,
        inputs: &[&str],
        attributes: impl FnOnce(&mut Node),
    ) -> String {
        let name = format!("{name}/{op}");
        let mut node = Node {
            name: name.clone(),
            op_type: op.into(),
            input: inputs.iter().map(|i| (*i).to_string()).collect(),
            output: vec![name.clone()],
            ..Node::default()
        };
        attributes(&mut node);
        self.graph.add_node(node);
        name
    }

    /// Sums of twelve uniform numbers are normal enough.
    fn normal(&mut self, count: usize, deviation: f32) -> Vec<f32> {
        let mut one = || (0..12).map(|_| self.draw.random::<f32>()).sum::<f32>() - 6.0;
        (0..count).map(|_| one() * deviation).collect()
    }
}
