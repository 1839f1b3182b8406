//! Matrix products: Gemm, MatMul, MatMulInteger, QLinearMatMul, MatMulNBits.
//!
//! Their values in exact arithmetic: `crates/compress/src/conformance/reference/product.rs`.

use crate::graph::{Node, TensorFacts, float, int};
use crate::ops::axis_rules::AxisRules;
use crate::ops::limits::{OperatorLimits, OutputRank, ParameterRank};
use crate::ops::operands::{LinearMap, MapForm, ProductOperands};

pub(in crate::ops) fn operands(node: &Node) -> Option<ProductOperands> {
    match node.op_type.as_str() {
        "Gemm" => Some(ProductOperands::float(Some(2))),
        "MatMul" | "MatMulNBits" => Some(ProductOperands::float(None)),
        "MatMulInteger" => Some(ProductOperands::INTEGER),
        "QLinearMatMul" => Some(ProductOperands::requantized(None)),
        _ => None,
    }
}

/// Factors of a Gemm's stored weights and stored bias; 1 of other operators.
pub(in crate::ops) fn gemm_factors(node: &Node) -> (f32, f32) {
    let factor = |name| float(node, name).filter(|_| node.op_type == "Gemm").unwrap_or(1.0);
    (factor("alpha"), factor("beta"))
}

/// Multiply-accumulates; `None` beyond what a count holds.
pub(in crate::ops) fn multiply_accumulates(
    node: &Node,
    data: &[usize],
    output: u64,
) -> Option<u64> {
    let depth = match node.op_type.as_str() {
        "Gemm" => data.get(if int(node, "transA") == Some(1) { 0 } else { 1 }),
        _ => data.last(),
    };
    output.checked_mul(*depth? as u64)
}

/// True where the weights are summed over as they are stored; those of MatMulNBits are packed.
pub(in crate::ops) fn sums_plain(node: &Node) -> bool {
    node.op_type != "MatMulNBits"
}

/// The axis of the tensor in `slot` that is summed over; the packed weights of MatMulNBits have none.
pub(in crate::ops) fn summed_axis(facts: &TensorFacts, node: &Node, slot: usize) -> Option<usize> {
    let rank = |slot: usize| facts.shapes.get(node.input.get(slot)?).map(Vec::len);
    match node.op_type.as_str() {
        "Gemm" if slot == 0 => Some(usize::from(int(node, "transA").unwrap_or(0) == 0)),
        "Gemm" => Some(usize::from(int(node, "transB").unwrap_or(0) != 0)),
        "MatMulNBits" => None,
        _ if slot == 0 => rank(0)?.checked_sub(1),
        _ => {
            let rank = rank(slot)?;
            rank.checked_sub(if rank == 1 { 1 } else { 2 })
        }
    }
}

/// Slot of the weights, and their axis that counts outputs.
pub(in crate::ops) fn output_axis(node: &Node) -> Option<(usize, usize)> {
    match node.op_type.as_str() {
        "Gemm" => Some((1, usize::from(int(node, "transB") != Some(1)))),
        "MatMul" | "MatMulInteger" => Some((1, 1)),
        "QLinearMatMul" => Some((3, 1)),
        _ => None,
    }
}

/// The linear map that float weights of these dimensions are.
pub(in crate::ops) fn linear_map(node: &Node, dims: &[usize]) -> Option<LinearMap> {
    let form = MapForm::LastAxis;
    match node.op_type.as_str() {
        "Gemm" if int(node, "transA").unwrap_or(0) == 0 => {
            let turned = usize::from(int(node, "transB") == Some(1));
            Some(LinearMap {
                form,
                input_axis: turned,
                output_axis: 1 - turned,
                bias_slot: Some(2),
            })
        }
        // Leading axes of size 1 multiply nothing.
        "MatMul" if dims.len() >= 2 && dims.iter().rev().skip(2).all(|d| *d == 1) => {
            let (input_axis, output_axis) = (dims.len() - 2, dims.len() - 1);
            Some(LinearMap { form, input_axis, output_axis, bias_slot: None })
        }
        _ => None,
    }
}

/// The reason why a product with float weights of these dimensions cannot have another precision, if
/// there is one.
pub(in crate::ops) fn quantizability(node: &Node, dims: &[usize]) -> Result<(), &'static str> {
    let zero = |attribute| float(node, attribute) == Some(0.0);
    match node.op_type.as_str() {
        _ if dims.len() != 2 => Err("its weights are not a matrix"),
        "Gemm" if int(node, "transA").unwrap_or(0) != 0 => Err("it transposes its input"),
        "Gemm" if zero("alpha") || zero("beta") => {
            Err("it multiplies its weights or its bias by 0")
        }
        _ => Ok(()),
    }
}

pub(in crate::ops) fn axes(rules: &mut AxisRules) {
    match rules.node.op_type.as_str() {
        "Gemm" => gemm(rules),
        // The second slots are those of zero points and scales that may have one for each output.
        "MatMul" => product(rules, 1, &[]),
        "MatMulInteger" => product(rules, 1, &[3]),
        "QLinearMatMul" => product(rules, 3, &[4, 5]),
        _ => rules.pin_without_rule(),
    }
}

fn gemm(rules: &mut AxisRules) {
    let node = rules.node;
    let [a, b, ..] = node.input.as_slice() else { return };
    let y = &node.output[0];
    let flipped = |name| int(node, name) == Some(1);
    let (a_rows, a_depth) = if flipped("transA") { (1, 0) } else { (0, 1) };
    let (b_depth, b_columns) = if flipped("transB") { (1, 0) } else { (0, 1) };
    rules.tie((a, a_rows), (y, 0));
    rules.tie((a, a_depth), (b, b_depth));
    rules.tie((b, b_columns), (y, 1));
    if let Some(c) = node.input.get(2).filter(|c| !c.is_empty()) {
        let dims = rules.shape(c).unwrap_or_default();
        for (axis, size) in dims.iter().enumerate() {
            if *size != 1 {
                rules.tie((c, axis), (y, axis + 2 - dims.len()));
            }
        }
    }
}

/// The last two axes multiply, those before them broadcast; `second` is the slot of the second factor,
/// `vectors` those of scales and zero points.
fn product(rules: &mut AxisRules, second: usize, vectors: &[usize]) {
    let node = rules.node;
    let (Some(a), Some(b)) = (node.input.first(), node.input.get(second)) else { return };
    let y = &node.output[0];
    let (Some(xs), Some(ws), Some(ys)) = (rules.shape(a), rules.shape(b), rules.shape(y)) else {
        return rules.pin_unknown("a shape");
    };
    if xs.len() < 2 || ws.len() < 2 || ys.len() < 2 {
        return rules.pin_all(&format!("node `{}` multiplies vectors", node.name));
    }
    for (factor, shape) in [(a, xs), (b, ws)] {
        for (axis, size) in shape[..shape.len() - 2].iter().enumerate() {
            if *size != 1 {
                rules.tie((factor, axis), (y, axis + ys.len() - shape.len()));
            }
        }
    }
    rules.tie((a, xs.len() - 2), (y, ys.len() - 2));
    rules.tie((a, xs.len() - 1), (b, ws.len() - 2));
    rules.tie((b, ws.len() - 1), (y, ys.len() - 1));
    for vector in vectors.iter().filter_map(|slot| node.input.get(*slot)) {
        if rules.shape(vector).is_some_and(|s| s.len() == 1 && s[0] > 1) {
            rules.tie((vector, 0), (b, ws.len() - 1));
        }
    }
}

pub(in crate::ops) fn limits(op_type: &str) -> OperatorLimits {
    let computing = OperatorLimits::NONE.computing();
    match op_type {
        "Gemm" => OperatorLimits {
            output_rank: OutputRank::Fixed(2),
            parameter_ranks: const {
                &[
                    ParameterRank::new(0, "A", 2, 2),
                    ParameterRank::new(1, "B", 2, 2),
                    ParameterRank::new(2, "C", 0, 2),
                ]
            },
            ..computing
        },
        "MatMul" | "MatMulInteger" => {
            OperatorLimits { output_rank: OutputRank::Product, ..computing }
        }
        "QLinearMatMul" | "Einsum" => computing,
        _ => OperatorLimits::NONE,
    }
}
