//! Questions about a node, each passed on to its operator's family.

use super::aggregate::{normalization, pooling, reduction, softmax};
use super::axis_constraint::AxisConstraint;
use super::axis_rules::AxisRules;
use super::control_flow;
use super::family::{OperatorFamily, family_of};
use super::layout::{concatenation, indexing, resampling, reshape, transpose};
use super::limits::OperatorLimits;
use super::linear::{attention, convolution, product, recurrent};
use super::operands::{LinearMap, ProductOperands};
use super::parameter_shapes::{StoredDims, UnmetShapes};
use super::pointwise::{activation, arithmetic, quantization};
use super::shape_value;
use super::width_change::WidthChange;
use crate::graph::{Graph, GraphIndex, Node, TensorFacts};
use paring_core::schema::LayerPrecision;

/// Domains whose operators have rules.
const DOMAINS: [&str; 2] = ["", "com.microsoft"];

/// Constraints that a node puts on the axes of its tensors, in the order in which they are to be
/// applied. `facts` are those of the graph at concrete dimensions.
pub fn axis_constraints<'a>(
    graph: &'a Graph,
    facts: &'a TensorFacts,
    node: &'a Node,
) -> Vec<AxisConstraint<'a>> {
    let mut rules = AxisRules::new(graph, facts, node);
    if DOMAINS.contains(&node.domain.as_str()) || ties_last(node) {
        axes_by_family(&mut rules);
    } else {
        let Node { op_type, domain, name, .. } = node;
        let reason = format!("operator {op_type} of domain `{domain}` (node `{name}`) has no rule");
        rules.pin_all(&reason);
    }
    rules.into_constraints()
}

fn axes_by_family(rules: &mut AxisRules) {
    match family_of(&rules.node.op_type) {
        Some(OperatorFamily::Convolution) => convolution::axes(rules),
        Some(OperatorFamily::Product) => product::axes(rules),
        Some(OperatorFamily::Recurrent) => recurrent::axes(rules),
        Some(OperatorFamily::Attention) => attention::axes(rules),
        Some(OperatorFamily::Normalization) => normalization::axes(rules),
        Some(OperatorFamily::Softmax) => softmax::axes(rules),
        Some(OperatorFamily::Pooling) => pooling::axes(rules),
        Some(OperatorFamily::Reduction) => reduction::axes(rules),
        Some(OperatorFamily::Activation) => activation::axes(rules),
        Some(OperatorFamily::Arithmetic) => arithmetic::axes(rules),
        Some(OperatorFamily::Quantization) => quantization::axes(rules),
        Some(OperatorFamily::Reshape) => reshape::axes(rules),
        Some(OperatorFamily::Transpose) => transpose::axes(rules),
        Some(OperatorFamily::Concatenation) => concatenation::axes(rules),
        Some(OperatorFamily::Indexing) => indexing::axes(rules),
        Some(OperatorFamily::Resampling) => resampling::axes(rules),
        Some(OperatorFamily::ShapeValue) => shape_value::axes(rules),
        Some(OperatorFamily::ControlFlow) => control_flow::axes(rules),
        None => rules.pin_without_rule(),
    }
}

/// True of nodes whose constraints are to be applied after those of all others, because they depend on
/// what is kept anyway.
pub fn ties_last(node: &Node) -> bool {
    reshape::ties_last(&node.op_type)
}

/// Operands of a convolution or matrix product, in whatever precision.
pub fn product_operands(node: &Node) -> Option<ProductOperands> {
    match family_of(&node.op_type)? {
        OperatorFamily::Convolution => convolution::operands(node),
        OperatorFamily::Product => product::operands(node),
        _ => None,
    }
}

/// Multiply-accumulates of a convolution or matrix product, given the shapes of data, weights and
/// output; `None` of other operators, and beyond what a count holds.
pub fn multiply_accumulates(
    node: &Node,
    data: &[usize],
    weights: &[usize],
    output: &[usize],
) -> Option<u64> {
    let output = output.iter().try_fold(1, |all: u64, size| all.checked_mul(*size as u64))?;
    match family_of(&node.op_type)? {
        OperatorFamily::Convolution => {
            convolution::multiply_accumulates(node, data, weights, output)
        }
        OperatorFamily::Product => product::multiply_accumulates(node, data, output),
        _ => None,
    }
}

/// Slots of the tensors that a node sums over, each with the slot of its zero point where it has one.
pub fn summed_slots(node: &Node) -> Vec<(usize, Option<usize>)> {
    let operands = match family_of(&node.op_type) {
        Some(OperatorFamily::Convolution) => convolution::operands(node),
        Some(OperatorFamily::Product) => {
            product::operands(node).filter(|_| product::sums_plain(node))
        }
        Some(OperatorFamily::Recurrent) => Some(recurrent::OPERANDS),
        Some(OperatorFamily::Attention) => attention::operands(node),
        _ => None,
    };
    operands.map_or_else(Vec::new, ProductOperands::factors)
}

/// The tensors that a node sums over, each with the axis that it sums over.
pub fn summed_axes(facts: &TensorFacts, node: &Node) -> Vec<(String, usize)> {
    let named = |(slot, axis): (usize, usize)| Some((node.input.get(slot)?.clone(), axis));
    summed_inputs(facts, node).into_iter().filter_map(named).collect()
}

/// Input slots that a node sums over, each with the axis that it sums over.
pub fn summed_inputs(facts: &TensorFacts, node: &Node) -> Vec<(usize, usize)> {
    let axis = |(slot, _): (usize, Option<usize>)| Some((slot, summed_axis(facts, node, slot)?));
    summed_slots(node).into_iter().filter_map(axis).collect()
}

/// The axis of the tensor in `slot` that a node sums over; `None` where it sums over none.
fn summed_axis(facts: &TensorFacts, node: &Node, slot: usize) -> Option<usize> {
    match family_of(&node.op_type)? {
        OperatorFamily::Convolution => convolution::summed_axis(facts, node, slot),
        OperatorFamily::Product => product::summed_axis(facts, node, slot),
        OperatorFamily::Recurrent => recurrent::summed_axis(slot),
        OperatorFamily::Attention => attention::summed_axis(slot),
        _ => None,
    }
}

/// The slot of weights whose one axis counts the outputs of a node, and that axis.
pub fn output_axis(node: &Node) -> Option<(usize, usize)> {
    match family_of(&node.op_type)? {
        OperatorFamily::Convolution => convolution::output_axis(node),
        OperatorFamily::Product => product::output_axis(node),
        OperatorFamily::Recurrent => Some(recurrent::OUTPUT_AXIS),
        OperatorFamily::Attention => attention::output_axis(node),
        OperatorFamily::Indexing => indexing::output_axis(node),
        _ => None,
    }
}

/// The linear map that float weights of these dimensions are to a node; `None` where the node is not
/// linear in what it reads, or goes channel by channel.
pub fn linear_map(node: &Node, dims: &[usize]) -> Option<LinearMap> {
    match family_of(&node.op_type)? {
        OperatorFamily::Convolution => convolution::linear_map(node, dims),
        OperatorFamily::Product => product::linear_map(node, dims),
        _ => None,
    }
}

/// Factors of a Gemm's stored weights and stored bias; 1 of other operators.
pub fn gemm_factors(node: &Node) -> (f32, f32) {
    product::gemm_factors(node)
}

/// True where the last axis of a node's output counts heads.
pub fn counts_heads(node: &Node) -> bool {
    attention::counts_heads(node)
}

/// True of a node that multiplies matrices, one for every index of the leading axes.
pub fn repeats_over_heads(node: &Node) -> bool {
    node.op_type == "MatMul"
}

/// True of a convolution or a matrix product, in whatever precision and of whatever domain.
pub fn is_product(node: &Node) -> bool {
    ["Conv", "Gemm", "MatMul"].iter().any(|op| node.op_type.contains(op))
}

/// True of a node that multiplies by weights in float.
pub fn is_float_product(node: &Node) -> bool {
    ["Conv", "ConvTranspose", "Gemm", "MatMul"].contains(&node.op_type.as_str())
}

/// True of a node that multiplies by weights that are quantized, or could be.
pub fn is_quantizable_product(node: &Node) -> bool {
    product_operands(node).is_some() && node.op_type != "FusedConv"
}

/// Checks that a node is a convolution or product in float.
///
/// # Errors
/// The reason why not, for users.
pub fn float_form(node: &Node) -> Result<(), String> {
    match product_operands(node) {
        _ if is_float_product(node) => Ok(()),
        Some(_) => Err(format!("it is quantized already ({})", node.op_type)),
        None => Err(format!("operator {} has no quantized form", node.op_type)),
    }
}

/// Checks that a float convolution or product with weights of these dimensions can have a precision;
/// `depthwise`: also where the engine computes a depthwise convolution faster in float.
///
/// # Errors
/// The reason why not, for users.
pub fn quantizability(
    node: &Node,
    dims: &[usize],
    scheme: LayerPrecision,
    depthwise: bool,
) -> Result<(), String> {
    float_form(node)?;
    let answer = match family_of(&node.op_type) {
        Some(OperatorFamily::Convolution) => {
            convolution::quantizability(node, dims, scheme, depthwise)
        }
        _ => product::quantizability(node, dims),
    };
    answer.map_err(str::to_string)
}

/// Rewrites the numbers of a node that count what was removed: attributes, and stored shapes, sizes and
/// positions that it reads. `index` is the graph's from before.
pub fn adapt_node(change: &WidthChange, graph: &mut Graph, index: &GraphIndex, position: usize) {
    let Some(node) = graph.nodes().get(position).cloned() else { return };
    match family_of(&node.op_type) {
        Some(OperatorFamily::Convolution) => convolution::adapt(change, graph, position, &node),
        Some(OperatorFamily::Attention) => attention::adapt(change, graph, position, &node),
        Some(OperatorFamily::Concatenation) => concatenation::adapt(change, graph, position, &node),
        Some(OperatorFamily::Indexing) => indexing::adapt(change, graph, position, &node),
        Some(OperatorFamily::Reshape) => {
            if let Some(slot) = reshape::shape_slot(&node.op_type) {
                change.rewrite_shape(graph, index, (position, &node), slot);
            }
        }
        Some(OperatorFamily::Resampling) => {
            if let Some(slot) = resampling::shape_slot(&node.op_type) {
                change.rewrite_shape(graph, index, (position, &node), slot);
            }
        }
        _ => {}
    }
}

/// Ranks, axes and attributes that every node of an operator has.
pub(crate) fn limits(op_type: &str) -> OperatorLimits {
    match family_of(op_type) {
        Some(OperatorFamily::Convolution) => convolution::limits(op_type),
        Some(OperatorFamily::Product) => product::limits(op_type),
        Some(OperatorFamily::Recurrent) => recurrent::limits(),
        Some(OperatorFamily::Attention) => attention::limits(op_type),
        Some(OperatorFamily::Normalization) => normalization::limits(op_type),
        Some(OperatorFamily::Softmax) => softmax::limits(op_type),
        Some(OperatorFamily::Pooling) => pooling::limits(op_type),
        Some(OperatorFamily::Reduction) => reduction::limits(op_type),
        Some(OperatorFamily::Activation) => activation::limits(op_type),
        Some(OperatorFamily::Arithmetic) => arithmetic::limits(op_type),
        Some(OperatorFamily::Quantization) => quantization::limits(op_type),
        Some(OperatorFamily::Reshape) => reshape::limits(op_type),
        Some(OperatorFamily::Transpose) => transpose::limits(op_type),
        Some(OperatorFamily::Concatenation) => concatenation::limits(op_type),
        Some(OperatorFamily::Indexing) => indexing::limits(op_type),
        Some(OperatorFamily::Resampling) => resampling::limits(op_type),
        Some(OperatorFamily::ShapeValue) => shape_value::limits(op_type),
        Some(OperatorFamily::ControlFlow) => control_flow::limits(op_type),
        None => OperatorLimits::NONE,
    }
}

/// Requirements that the shapes of a node's parameters do not meet; `since` is the version of its
/// operator.
pub(crate) fn unmet_shapes<'a>(
    node: &Node,
    since: i64,
    dims: StoredDims<'a, '_>,
) -> UnmetShapes<'a> {
    match family_of(&node.op_type) {
        Some(OperatorFamily::Convolution) => convolution::unmet_shapes(node, dims),
        Some(OperatorFamily::Normalization) => normalization::unmet_shapes(node, dims),
        Some(OperatorFamily::Quantization) => quantization::unmet_shapes(node, since, dims),
        _ => UnmetShapes::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Slices;

    const TABLE: &str = include_str!("../graph/validate/operators.tsv");

    /// A node of an operator with all inputs and outputs that the table names, in its graph.
    fn graph_of(
        domain: &str,
        op_type: &str,
        inputs: usize,
        outputs: usize,
    ) -> (Graph, TensorFacts) {
        let names = |prefix: &str, count: usize| -> Vec<String> {
            (0..count).map(|i| format!("{prefix}{i}")).collect()
        };
        let node = Node {
            name: "node".into(),
            op_type: op_type.into(),
            domain: if domain == "ai.onnx" { String::new() } else { domain.into() },
            input: names("x", inputs),
            output: names("y", outputs),
            ..Node::default()
        };
        let mut facts = TensorFacts::default();
        for tensor in node.input.iter().chain(&node.output) {
            facts.shapes.insert(tensor.clone(), vec![8, 8]);
        }
        let mut graph = Graph::empty("table", 13);
        graph.add_node(node);
        (graph, facts)
    }

    fn reasons(constraints: &[AxisConstraint]) -> Vec<String> {
        let reason = |constraint: &AxisConstraint| match constraint {
            AxisConstraint::Pin { reason, .. }
            | AxisConstraint::Lossy { reason, .. }
            | AxisConstraint::Factor { reason, .. } => Some(reason.clone()),
            AxisConstraint::TieAxes { .. } | AxisConstraint::TieEntries { .. } => None,
        };
        constraints.iter().filter_map(reason).collect()
    }

    #[test]
    fn every_operator_answers_every_question_or_refuses_with_a_reason() {
        let mut rows = 0;
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split('\t').collect();
            let count = |field: &str| field.split(' ').filter(|word| *word != "-").count();
            let (domain, op_type) = (fields[0], fields[1]);
            let (mut graph, facts) = graph_of(domain, op_type, count(fields[6]), count(fields[7]));
            let node = graph.nodes()[0].clone();
            let constraints = axis_constraints(&graph, &facts, &node);
            let reasons = reasons(&constraints);
            assert!(reasons.iter().all(|reason| !reason.is_empty()), "{line}");
            let foreign = !["ai.onnx", "com.microsoft"].contains(&domain);
            if foreign || family_of(op_type).is_none() {
                let refuses = reasons.iter().all(|reason| reason.ends_with("has no rule"));
                assert!(refuses && reasons.len() == constraints.len(), "{line}");
                assert_eq!(reasons.is_empty(), node.input.is_empty() && node.output.is_empty());
            } else {
                let answers = !constraints.is_empty() || ["Shape", "Size"].contains(&op_type);
                assert!(answers, "{line}");
            }
            let macs = multiply_accumulates(&node, &[8, 8], &[8, 8], &[8, 8]);
            // Operands of an Einsum hang on its equation, which the table does not give.
            assert!(macs.is_some() || product_operands(&node).is_none(), "{line}");
            let summed = summed_axes(&facts, &node);
            assert!(
                summed.iter().all(|(tensor, axis)| facts.shapes.contains_key(tensor) && *axis < 3)
            );
            let quantizable = quantizability(&node, &[8, 8], LayerPrecision::Weights4, true);
            let refusal = quantizable.err().filter(|reason| reason.is_empty());
            assert_eq!(refusal, None, "{line}");
            assert!(unmet_shapes(&node, 13, &|_| None).shapes.is_empty(), "{line}");
            let index = GraphIndex::new(&graph);
            let change = WidthChange { facts: &facts, removed: &Slices::new() };
            adapt_node(&change, &mut graph, &index, 0);
            assert_eq!(graph.nodes()[0], node, "{line}");
            rows += 1;
        }
        assert!(rows > 800, "{rows}");
    }
}
