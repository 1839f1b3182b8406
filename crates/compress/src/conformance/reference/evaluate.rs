//! Exact evaluation of a graph, operator by operator.

use super::value::{ExactError, ExactTensor, NodeInputs, quantized};
use super::{convolution, product};
use paring_onnx::graph::{self, ElementType, Graph};
use std::collections::BTreeMap;

/// Values of all tensors of a graph for inputs by name.
///
/// # Errors
/// [`ExactError`] names the node.
pub fn evaluate_exactly(
    graph: &Graph,
    inputs: &BTreeMap<String, ExactTensor>,
) -> Result<BTreeMap<String, ExactTensor>, ExactError> {
    let mut values = inputs.clone();
    for name in graph.initializer_names() {
        let value = graph.weights(name).ok().as_ref().and_then(ExactTensor::of);
        values.extend(value.map(|value| (name.to_string(), value)));
    }
    for node in graph.nodes() {
        let args = NodeInputs { node, values: &values };
        for (name, value) in node.output.iter().zip(one(&args)?) {
            values.insert(name.clone(), value);
        }
    }
    Ok(values)
}

fn one(args: &NodeInputs) -> Result<Vec<ExactTensor>, ExactError> {
    let value = match args.node.op_type.as_str() {
        "QuantizeLinear" => quantize(args)?,
        "DequantizeLinear" => dequantize(args)?,
        "DynamicQuantizeLinear" => return dynamically(args.get(0)?),
        "Conv" | "QLinearConv" | "ConvInteger" => convolution::convolve(args)?,
        "MaxPool" => convolution::pool(args)?,
        "MatMul" | "Gemm" | "MatMulInteger" => product::product(args)?,
        "QLinearMatMul" => product::requantized(args)?,
        "MatMulNBits" => product::blocks(args)?,
        "Add" => elementwise(args, |a, b| a + b)?,
        "Mul" => elementwise(args, |a, b| a * b)?,
        "Sub" => elementwise(args, |a, b| a - b)?,
        "Max" => elementwise(args, f64::max)?,
        "Min" => elementwise(args, f64::min)?,
        "Pad" => convolution::pad(args)?,
        "Relu" => mapped(args.get(0)?, |x| x.max(0.0)),
        "Cast" => cast(args)?,
        "Concat" => concat(args)?,
        other => return Err(ExactError::Operator(args.node.name.clone(), other.into())),
    };
    Ok(vec![value])
}

/// Casts to integers cut towards zero; casts of what they do not hold are not defined.
fn cast(args: &NodeInputs) -> Result<ExactTensor, ExactError> {
    let x = args.get(0)?;
    let element = ElementType(graph::int(args.node, "to").unwrap_or(1) as i32);
    let cuts = x.element == ElementType::F32 && element != ElementType::F32;
    let data: Vec<f64> = x.data.iter().map(|v| if cuts { v.trunc() } else { *v }).collect();
    if cuts && element == ElementType::U8 && data.iter().any(|v| !(0.0..=255.0).contains(v)) {
        return Err(args.wrong("it casts numbers that a byte does not hold"));
    }
    let data =
        if element == ElementType::F32 { data.into_iter().map(single).collect() } else { data };
    Ok(ExactTensor { dims: x.dims.clone(), element, data })
}

/// As a float of 32 bits has it.
fn single(value: f64) -> f64 {
    f64::from(value as f32)
}

fn mapped(x: &ExactTensor, f: impl Fn(f64) -> f64) -> ExactTensor {
    ExactTensor { data: x.data.iter().map(|v| f(*v)).collect(), ..x.clone() }
}

fn quantize(args: &NodeInputs) -> Result<ExactTensor, ExactError> {
    let (x, scale, zero) = (args.get(0)?, args.get(1)?, args.get(2)?);
    if scale.data.len() > 1 {
        return Err(args.wrong("activations have one scale"));
    }
    let span = zero.span();
    let data = x.data.iter().map(|v| quantized(*v, scale.data[0], zero.data[0], span)).collect();
    Ok(ExactTensor { dims: x.dims.clone(), element: zero.element, data })
}

fn dequantize(args: &NodeInputs) -> Result<ExactTensor, ExactError> {
    let (x, scale, zero) = (args.get(0)?, args.get(1)?, args.get(2)?);
    let axis = graph::int(args.node, "axis").unwrap_or(1);
    let axis = if axis < 0 { axis + x.dims.len() as i64 } else { axis } as usize;
    let inner: usize = x.dims.get(axis + 1..).map_or(1, |rest| rest.iter().product());
    let width = x.dims.get(axis).copied().unwrap_or(1);
    let value = |(i, v): (usize, &f64)| {
        let place = (i / inner) % width.max(1);
        (v - zero.at(place)) * scale.at(place)
    };
    let data = x.data.iter().enumerate().map(value).collect();
    Ok(ExactTensor::floats(&x.dims, data))
}

/// Scale and zero point from the range, which has zero in it; in f32, as the specification has it.
fn dynamically(x: &ExactTensor) -> Result<Vec<ExactTensor>, ExactError> {
    let low = x.data.iter().copied().fold(0.0, f64::min) as f32;
    let high = x.data.iter().copied().fold(0.0, f64::max) as f32;
    let scale = if high > low { (high - low) / 255.0 } else { 1.0 };
    let zero = f64::from((-low / scale).round_ties_even().clamp(0.0, 255.0));
    let span = (0.0, 255.0);
    let data = x.data.iter().map(|v| quantized(*v, f64::from(scale), zero, span)).collect();
    let narrow = ExactTensor { dims: x.dims.clone(), element: ElementType::U8, data };
    let zero = ExactTensor { dims: vec![], element: ElementType::U8, data: vec![zero] };
    Ok(vec![narrow, ExactTensor::floats(&[], vec![f64::from(scale)]), zero])
}

/// Both sides broadcast against each other.
fn elementwise(args: &NodeInputs, f: impl Fn(f64, f64) -> f64) -> Result<ExactTensor, ExactError> {
    let (a, b) = (args.get(0)?, args.get(1)?);
    let rank = a.dims.len().max(b.dims.len());
    let padded = |dims: &[usize]| -> Vec<usize> {
        std::iter::repeat_n(1, rank - dims.len()).chain(dims.iter().copied()).collect()
    };
    let (left, right) = (padded(&a.dims), padded(&b.dims));
    let dims: Vec<usize> = left.iter().zip(&right).map(|(l, r)| *l.max(r)).collect();
    let address = |mut flat: usize, own: &[usize]| {
        let (mut place, mut stride) = (0, 1);
        for axis in (0..rank).rev() {
            let at = flat % dims[axis];
            flat /= dims[axis];
            place += if own[axis] == 1 { 0 } else { at } * stride;
            stride *= own[axis];
        }
        place
    };
    let count = dims.iter().product();
    let both = |i: usize| f(a.data[address(i, &left)], b.data[address(i, &right)]);
    // Operators on single floats give single floats; f64 has room for exact sums and products of two.
    let floats = a.element == ElementType::F32;
    let data = (0..count).map(|i| if floats { single(both(i)) } else { both(i) }).collect();
    Ok(ExactTensor { dims, element: a.element, data })
}

fn concat(args: &NodeInputs) -> Result<ExactTensor, ExactError> {
    let first = args.get(0)?;
    let axis = graph::int(args.node, "axis").unwrap_or(0);
    let axis = if axis < 0 { axis + first.dims.len() as i64 } else { axis } as usize;
    let parts: Vec<&ExactTensor> =
        (0..args.node.input.len()).map(|slot| args.get(slot)).collect::<Result<_, _>>()?;
    let outer: usize = first.dims[..axis].iter().product();
    let mut data = Vec::new();
    for block in 0..outer {
        for part in &parts {
            let length = part.data.len() / outer.max(1);
            data.extend_from_slice(&part.data[block * length..(block + 1) * length]);
        }
    }
    let mut dims = first.dims.clone();
    dims[axis] = parts.iter().map(|part| part.dims[axis]).sum();
    Ok(ExactTensor { dims, element: first.element, data })
}
