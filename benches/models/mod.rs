//! Networks of well-known shapes with seeded random weights, built in code: what a bench needs of a
//! model is its size.

use paring::data::Dtype;
use paring::graph::{Graph, Node, Size, Weights, set_int, set_ints};
use paring::stats::{self, Generator};
use rand::RngExt;

/// A graph under construction and the channels of each tensor.
struct Builder {
    graph: Graph,
    draw: Generator,
}

/// ResNet-50 (He et al. 2016, arXiv 1512.03385) for 224x224 images and 1000 classes: 25.6 million
/// parameters, 4.1 billion multiply-adds. Input `image`, output `logits`.
pub fn resnet50(seed: u64) -> Graph {
    let mut graph = Graph::empty("resnet50", 13);
    let sizes = [Size::Symbol("N".into()), Size::Fixed(3), Size::Fixed(224), Size::Fixed(224)];
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

impl Builder {
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
