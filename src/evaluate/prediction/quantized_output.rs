//! Outputs that are integers: how those of quantized models become the numbers they stand for.

use super::predict_error::PredictError;
use paring_agent::arrays::Dtype;
use paring_agent::engine::{InferencePlan, ModelSource};
use paring_onnx::graph::{Graph, Node};

/// Operators that hand numbers on, whatever they do to their places.
const PLACES: [&str; 6] = ["Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"];

/// Operators with quantized outputs, and the inputs that hold the scale and the zero point of these.
const QUANTIZERS: [(&str, usize, usize); 13] = [
    ("QuantizeLinear", 1, 2),
    ("QLinearConv", 6, 7),
    ("QLinearMatMul", 6, 7),
    ("QLinearAdd", 6, 7),
    ("QLinearMul", 6, 7),
    ("QGemm", 7, 8),
    ("QLinearConcat", 0, 1),
    ("QLinearSoftmax", 3, 4),
    ("QLinearSigmoid", 3, 4),
    ("QLinearLeakyRelu", 3, 4),
    ("QLinearAveragePool", 3, 4),
    ("QLinearGlobalAveragePool", 3, 4),
    ("QLinearReduceMean", 3, 4),
];

/// An output of integers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct QuantizedOutput {
    /// Its name.
    pub(super) name: String,
    /// Its element type.
    pub(super) dtype: Dtype,
    /// Scale and zero point, where a quantizing operator gives them.
    pub(super) affine: Option<(f32, f32)>,
    /// It is a Softmax between DequantizeLinear and QuantizeLinear, which the engine turns into
    /// a table of single values.
    tabled: bool,
}

impl QuantizedOutput {
    /// The output at `position` of a plan that was made of `source`; `None` of floats.
    pub(super) fn of(
        source: ModelSource,
        plan: &InferencePlan,
        position: usize,
    ) -> Option<QuantizedOutput> {
        let dtype = plan.output_type(position)?;
        if matches!(dtype, Dtype::F32 | Dtype::F64) {
            return None;
        }
        let graph = match source {
            ModelSource::File(path) => Graph::load(path),
            ModelSource::Bytes(name, bytes) => Graph::decode(name, bytes),
        };
        // What the engine has read can be read; without it, a number names the output.
        let graph = graph.ok();
        let name = graph.as_ref().and_then(|g| Some(g.outputs().get(position)?.to_string()));
        let name = name.unwrap_or_else(|| format!("output {position}"));
        let affine = graph.as_ref().and_then(|graph| affine(graph, &name));
        let tabled = graph.is_some_and(|graph| tabled(&graph, &name));
        Some(QuantizedOutput { name, dtype, affine, tabled })
    }

    /// The quantization step; 0 where no scale is known.
    pub(super) fn step(&self) -> f32 {
        self.affine.map_or(0.0, |(scale, _)| scale)
    }

    /// The number that an integer stands for.
    pub(super) fn dequantized(&self, value: f32) -> f32 {
        self.affine.map_or(value, |(scale, zero_point)| (value - zero_point) * scale)
    }
}

impl QuantizedOutput {
    /// The error about probabilities with its cause in the quantization of the output.
    pub(super) fn problem(&self, error: &PredictError) -> Option<PredictError> {
        use PredictError::{Dequantized, NotAProbability, NotProbabilities};
        let output = self.name.clone();
        match (self.affine, error) {
            (Some(_), NotProbabilities { sample, sum }) => Some(Dequantized {
                output,
                sample: *sample,
                sum: *sum,
                do_this: match self.tabled {
                    true => {
                        "the engine turns a Softmax between DequantizeLinear and QuantizeLinear into a table of single values; export the model without the last QuantizeLinear"
                    }
                    false => "if they are logits, say so (`scores = \"logits\"` under [task])",
                },
            }),
            (None, NotAProbability { .. } | NotProbabilities { .. }) => {
                Some(PredictError::Integers {
                    output,
                    dtype: self.dtype,
                    do_this: match self.dtype {
                        Dtype::I8 | Dtype::U8 => {
                            "say `scores = \"logits\"` under [task], or export the model with an output that is dequantized"
                        }
                        _ => "name the output of the scores as `output` under [task]",
                    },
                })
            }
            _ => None,
        }
    }
}

/// The node that makes a tensor.
fn maker<'a>(graph: &'a Graph, tensor: &str) -> Option<&'a Node> {
    graph.nodes().iter().find(|node| node.output.iter().any(|output| output == tensor))
}

/// Tells whether a tensor is DequantizeLinear, Softmax and QuantizeLinear in a row.
fn tabled(graph: &Graph, tensor: &str) -> bool {
    let mut tensor = tensor;
    for operator in ["QuantizeLinear", "Softmax", "DequantizeLinear"] {
        let node = maker(graph, tensor).filter(|node| node.op_type == operator);
        let Some(input) = node.and_then(|node| node.input.first()) else { return false };
        tensor = input;
    }
    true
}

/// Scale and zero point of a tensor, one for all of it.
fn affine(graph: &Graph, tensor: &str) -> Option<(f32, f32)> {
    let mut tensor = tensor;
    for _ in 0..graph.nodes().len() {
        let node = maker(graph, tensor)?;
        if PLACES.contains(&node.op_type.as_str()) {
            tensor = node.input.first()?;
            continue;
        }
        let (_, scale, zero) = QUANTIZERS.iter().find(|(op, ..)| *op == node.op_type)?;
        let scale = single(graph, node.input.get(*scale)?)?;
        let zero = match node.input.get(*zero).filter(|name| !name.is_empty()) {
            Some(name) => single(graph, name)?,
            None => 0.0,
        };
        return (scale > 0.0 && scale.is_finite()).then_some((scale, zero));
    }
    None
}

/// The only element of an initializer or a constant.
fn single(graph: &Graph, name: &str) -> Option<f32> {
    match graph.weights(name).ok()?.numbers()?.as_slice() {
        [one] => Some(*one),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_onnx::graph::Weights;

    fn node(op: &str, input: &[&str], output: &str) -> Node {
        Node {
            op_type: op.into(),
            input: input.iter().map(ToString::to_string).collect(),
            output: vec![output.into()],
            ..Node::default()
        }
    }

    #[test]
    fn the_scale_is_found_through_what_only_moves_numbers() {
        let mut graph = Graph::empty("quantized", 13);
        graph.set_weights("scale", Weights::f32(&[], &[0.25]));
        graph.set_weights("zero", Weights::u8(&[], &[128]));
        graph.set_weights("scales", Weights::f32(&[2], &[0.25, 0.5]));
        graph.add_node(node("QuantizeLinear", &["x", "scale", "zero"], "q"));
        graph.add_node(node("Reshape", &["q", "shape"], "y"));
        graph.add_node(node("QuantizeLinear", &["x", "scale"], "symmetric"));
        graph.add_node(node("QuantizeLinear", &["x", "scales", "zero"], "channels"));
        graph.add_node(node("ArgMax", &["x"], "class"));
        assert_eq!(affine(&graph, "y"), Some((0.25, 128.0)));
        assert_eq!(affine(&graph, "symmetric"), Some((0.25, 0.0)));
        assert_eq!((affine(&graph, "channels"), affine(&graph, "class")), (None, None));
        let affine = affine(&graph, "y");
        let integers =
            QuantizedOutput { name: "y".into(), dtype: Dtype::U8, affine, tabled: false };
        assert_eq!((integers.dequantized(130.0), integers.step()), (0.5, 0.25));
    }

    #[test]
    fn a_softmax_between_integers_is_named_as_the_cause() {
        let mut graph = Graph::empty("softmax", 13);
        graph.add_node(node("DequantizeLinear", &["q", "scale", "zero"], "x"));
        graph.add_node(node("Softmax", &["x"], "p"));
        graph.add_node(node("QuantizeLinear", &["p", "scale", "zero"], "y"));
        assert!(tabled(&graph, "y") && !tabled(&graph, "p"));
        let own = |tabled: bool| {
            let affine = Some((0.25, 0.0));
            let own = QuantizedOutput { name: "y".into(), dtype: Dtype::I8, affine, tabled };
            own.problem(&PredictError::NotProbabilities { sample: 0, sum: 4.0 })
                .unwrap()
                .to_string()
        };
        assert!(
            own(true).contains("dequantized, adds up to 4 for sample 0, not 1; the engine turns")
        );
        assert!(own(false).ends_with("say so (`scores = \"logits\"` under [task])"));
    }
}
