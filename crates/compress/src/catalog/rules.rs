//! How each operator ties the axes of its inputs, weights and outputs together.
//!
//! An operator without a rule keeps everything that it touches, and says so. Reshapes come last:
//! which of several factors carries the components is decided by what everything else keeps.

mod attention;
mod layout;
mod normal;
mod product;
mod regroup;

use super::elements::Elements;
use paring_agent::engine::onnx;
use paring_onnx::graph::{Facts, Graph, Node, int, ints};

const ELEMENTWISE: [&str; 42] = [
    "Relu",
    "LeakyRelu",
    "ThresholdedRelu",
    "Sigmoid",
    "Tanh",
    "Elu",
    "Selu",
    "Celu",
    "HardSigmoid",
    "HardSwish",
    "Swish",
    "Clip",
    "Erf",
    "Exp",
    "Log",
    "Sqrt",
    "Reciprocal",
    "Abs",
    "Neg",
    "Floor",
    "Ceil",
    "Round",
    "Sin",
    "Cos",
    "Softplus",
    "Softsign",
    "Gelu",
    "FastGelu",
    "QuickGelu",
    "Mish",
    "Identity",
    "Dropout",
    "Cast",
    "CastLike",
    "Sign",
    "Not",
    "IsNaN",
    "IsInf",
    "BitwiseNot",
    "Shrink",
    "Atan",
    "Tan",
];
const BROADCASTING: [&str; 22] = [
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Min",
    "Max",
    "Pow",
    "PRelu",
    "Where",
    "Mod",
    "And",
    "Or",
    "Xor",
    "Equal",
    "Less",
    "LessOrEqual",
    "Greater",
    "GreaterOrEqual",
    "Sum",
    "Mean",
    "BiasGelu",
    "Expand",
];

/// Applies the rule of every node, and keeps what enters and leaves the graph.
pub(super) fn apply(graph: &Graph, facts: &Facts, elements: &mut Elements) {
    let mut rules = Rules { graph, facts, e: elements };
    let regroups = |node: &&Node| ["Reshape", "Flatten"].contains(&node.op_type.as_str());
    graph.nodes().iter().filter(|n| !regroups(n)).for_each(|node| rules.node(node));
    graph.inputs().iter().for_each(|tensor| rules.e.pin(tensor, "it is an input of the model"));
    graph.outputs().iter().for_each(|tensor| rules.e.pin(tensor, "it is an output of the model"));
    graph.nodes().iter().filter(regroups).for_each(|node| rules.regroup(node));
}

/// A graph, what is known of its tensors, and what was tied so far.
struct Rules<'a> {
    graph: &'a Graph,
    facts: &'a Facts,
    e: &'a mut Elements,
}

/// An axis counted from the end where it is negative.
fn positive(axis: i64, rank: usize) -> Option<usize> {
    let axis = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(axis).ok().filter(|a| *a < rank.max(1))
}

impl Rules<'_> {
    fn node(&mut self, node: &Node) {
        if !["", "com.microsoft"].contains(&node.domain.as_str()) {
            let Node { op_type, domain, name, .. } = node;
            let why =
                format!("operator {op_type} of domain `{domain}` (node `{name}`) has no rule");
            return self.keep_all(node, &why);
        }
        match node.op_type.as_str() {
            "Conv" => self.conv(node, 1, Some(2)),
            "FusedConv" => self.fused_conv(node),
            "ConvInteger" => self.conv_of_bytes(node, (1, None), &[3]),
            "QLinearConv" => self.conv_of_bytes(node, (3, Some(8)), &[4, 5]),
            "ConvTranspose" => self.conv_transpose(node),
            "Gemm" => self.gemm(node),
            "MatMul" | "MatMulInteger" => self.matmul(node, 1),
            "QLinearMatMul" => self.matmul(node, 3),
            "LSTM" | "GRU" | "RNN" => self.recurrent(node),
            "BatchNormalization" | "InstanceNormalization" => self.per_channel(node),
            "LayerNormalization"
            | "RMSNormalization"
            | "SimplifiedLayerNormalization"
            | "SkipLayerNormalization"
            | "SkipSimplifiedLayerNormalization" => self.layer_normalization(node),
            "EmbedLayerNormalization" => self.embedding(node),
            "QuantizeLinear" | "DequantizeLinear" => self.quantize(node),
            "Softmax" | "LogSoftmax" | "Hardmax" => self.softmax(node),
            "MaxPool" | "AveragePool" | "LpPool" | "GlobalAveragePool" | "GlobalMaxPool" => {
                self.pool(node)
            }
            op if op.starts_with("Reduce") => self.reduce(node),
            "Concat" => self.concat(node),
            "Split" => self.split(node),
            "Slice" => self.slice(node),
            "Pad" => self.pad(node),
            "Gather" => self.gather(node),
            "Transpose" => self.transpose(node),
            "Squeeze" | "Unsqueeze" => self.squeeze(node),
            "Resize" | "Upsample" => self.resize(node),
            "Attention" if !node.domain.is_empty() => self.fused_attention(node),
            "MultiHeadAttention" => self.multi_head_attention(node),
            // They read the shape alone.
            "Shape" | "Size" => {}
            op if ELEMENTWISE.contains(&op) => self.same_shape(node),
            op if BROADCASTING.contains(&op) => self.broadcast(node),
            op => self.keep_all(node, &format!("operator {op} (node `{}`) has no rule", node.name)),
        }
    }

    fn keep_all(&mut self, node: &Node, reason: &str) {
        node.input.iter().chain(&node.output).for_each(|tensor| self.e.pin(tensor, reason));
        // What a body reads from outside is read by this node.
        onnx::captured(node).into_iter().for_each(|tensor| self.e.pin(tensor, reason));
    }

    fn unknown(&mut self, node: &Node, what: &str) {
        self.keep_all(
            node,
            &format!("{what} of node `{}` ({}) is unknown", node.name, node.op_type),
        );
    }

    fn shape(&self, tensor: &str) -> Option<Vec<usize>> {
        self.e.shape(tensor).map(<[usize]>::to_vec)
    }

    fn rank(&self, tensor: &str) -> usize {
        self.e.shape(tensor).map_or(0, <[usize]>::len)
    }

    /// Integers that a node takes as an input or, in older operator sets, as an attribute.
    fn numbers(&self, node: &Node, slot: usize, attribute: &str) -> Option<Vec<i64>> {
        match node.input.get(slot).filter(|i| !i.is_empty()) {
            Some(input) => self.facts.integers.get(input).cloned(),
            None => ints(node, attribute),
        }
    }

    fn axis(&self, node: &Node, default: i64, rank: usize) -> Option<usize> {
        positive(int(node, "axis").unwrap_or(default), rank)
    }

    fn tie_axis(&mut self, node: &Node, a: (&str, usize), b: (&str, usize)) {
        self.e.tie_axes(a, b, &node.name);
    }

    /// Ties all axes of the first input and the first output; further inputs must not depend on them.
    fn same_shape(&mut self, node: &Node) {
        let (Some(x), Some(y)) = (node.input.first(), node.output.first()) else { return };
        (0..self.rank(x)).for_each(|axis| self.tie_axis(node, (x, axis), (y, axis)));
    }

    fn broadcast(&mut self, node: &Node) {
        let y = &node.output[0];
        let Some(ys) = self.shape(y) else { return self.unknown(node, "the shape") };
        // What follows the data of an Expand is a shape.
        let operands = if node.op_type == "Expand" { 1 } else { node.input.len() };
        for x in &node.input[..operands] {
            let Some(xs) = self.shape(x) else { continue };
            for (axis, size) in xs.iter().enumerate() {
                let target = axis + ys.len() - xs.len();
                // A size of 1 serves all entries of the other side, whichever remain.
                if *size != 1 || ys[target] == 1 {
                    self.tie_axis(node, (x, axis), (y, target));
                }
            }
        }
    }

    fn pin_axes(&mut self, tensor: &str, axes: impl IntoIterator<Item = usize>, reason: &str) {
        axes.into_iter().for_each(|axis| self.e.pin_axis(tensor, axis, reason));
    }
}
