//! Initializers as inputs: a plan that is loaded once and run with other weights each time.

use super::error::GradientError;
use paring_onnx::graph::{FreshNames, Graph, Node, TensorFacts, Weights};

/// Slots of a BatchNormalization that the engine takes as constants alone.
const CONSTANT_SLOTS: std::ops::RangeInclusive<usize> = 1..=4;

/// Turns initializers into inputs of the same names.
///
/// Biases of convolutions are then added behind them, laid out for each sample: a bias that is an input
/// takes the engine three times as long where it is broadcast over the batch. The values are the same.
///
/// # Errors
/// [`GradientError::NotFloat`] of what is no initializer of 32-bit floats;
/// [`GradientError::ConstantParameter`] of one that the engine takes as a constant alone.
pub(super) fn turn_into_inputs(
    graph: &mut Graph,
    facts: &TensorFacts,
    variables: &[String],
) -> Result<(), GradientError> {
    for variable in variables {
        let reads = |node: &&Node| {
            let read = CONSTANT_SLOTS.filter_map(|slot| node.input.get(slot));
            node.op_type == "BatchNormalization" && read.into_iter().any(|name| name == variable)
        };
        if let Some(node) = graph.nodes().iter().find(reads) {
            let (tensor, node) = (variable.clone(), node.name.clone());
            return Err(GradientError::ConstantParameter { tensor, node });
        }
        if !graph.initializer_to_input(variable) {
            return Err(GradientError::NotFloat(variable.clone()));
        }
    }
    let mut names = FreshNames::new(graph);
    let mut nodes = Vec::new();
    for node in graph.nodes().to_vec() {
        match batch_wide_bias(graph, facts, &mut names, (&node, variables)) {
            Some(apart) => nodes.extend(apart),
            None => nodes.push(node),
        }
    }
    graph.set_nodes(nodes);
    Ok(())
}

/// A convolution without its bias, and the nodes that add it behind; `None` of other nodes.
fn batch_wide_bias(
    graph: &mut Graph,
    facts: &TensorFacts,
    names: &mut FreshNames,
    (node, variables): (&Node, &[String]),
) -> Option<Vec<Node>> {
    let bias = node.input.get(2).filter(|bias| variables.contains(bias))?;
    let output = node.output.first()?;
    let shape = facts.shapes.get(output)?;
    let (batch, channels) = (*shape.first()?, *shape.get(1)?);
    if !["Conv", "ConvTranspose"].contains(&node.op_type.as_str()) || batch < 2 {
        return None;
    }
    let mut part = |name: &str| names.unique(&format!("{}/{name}", node.name));
    let (sums, row, all, wide) = (part("sums"), part("row"), part("all"), part("bias"));
    let constants = [part("row_shape"), part("ones"), part("bias_shape")];
    let mut laid_out = vec![1; shape.len()];
    (laid_out[0], laid_out[1]) = (batch as i64, channels as i64);
    let values = [
        Weights::i64(&[2], &[1, channels as i64]),
        Weights::f32(&[batch, 1], &vec![1.0; batch]),
        Weights::i64(&[shape.len()], &laid_out),
    ];
    for (name, value) in constants.iter().zip(values) {
        graph.set_weights(name, value);
    }
    let [row_shape, ones, bias_shape] = constants;
    let step = |op_type: &str, input: [&String; 2], output: &String| Node {
        name: format!("{output}/{op_type}"),
        op_type: op_type.into(),
        input: input.into_iter().cloned().collect(),
        output: vec![output.clone()],
        ..Node::default()
    };
    let mut bare = node.clone();
    bare.input.truncate(2);
    bare.output = vec![sums.clone()];
    Some(vec![
        bare,
        step("Reshape", [bias, &row_shape], &row),
        step("MatMul", [&ones, &row], &all),
        step("Reshape", [&all, &bias_shape], &wide),
        Node { name: part("Add"), ..step("Add", [&sums, &wide], output) },
    ])
}
