//! Matrix products with weights of two axes.

use super::value::{ExactError, ExactTensor, NodeInputs, quantized};
use paring_onnx::graph::{self, ElementType};

/// MatMul, Gemm and MatMulInteger.
pub(super) fn product(args: &NodeInputs) -> Result<ExactTensor, ExactError> {
    let (x, w) = (args.get(0)?, args.get(1)?);
    let integer = args.node.op_type == "MatMulInteger";
    let turned = graph::int(args.node, "transB").unwrap_or(0) != 0;
    let [height, width] = w.dims[..] else { return Err(args.wrong("its weights are no matrix")) };
    let (inputs, outputs) = if turned { (width, height) } else { (height, width) };
    let zero = |slot: usize| args.maybe(slot).filter(|_| integer).map_or(0.0, |v| v.at(0));
    let (x_zero, w_zero) = (zero(2), zero(3));
    let bias = args.maybe(2).filter(|_| !integer);
    let at =
        |k: usize, o: usize| if turned { w.data[o * inputs + k] } else { w.data[k * outputs + o] };
    let mut data = Vec::with_capacity(x.data.len() / inputs.max(1) * outputs);
    for row in x.data.chunks(inputs.max(1)) {
        for o in 0..outputs {
            let sum: f64 =
                row.iter().enumerate().map(|(k, v)| (v - x_zero) * (at(k, o) - w_zero)).sum();
            data.push(sum + bias.map_or(0.0, |b| b.at(o)));
        }
    }
    let element = if integer { ElementType::I32 } else { ElementType::F32 };
    Ok(ExactTensor { dims: with_last(&x.dims, outputs), element, data })
}

/// QLinearMatMul with one scale each.
pub(super) fn requantized(args: &NodeInputs) -> Result<ExactTensor, ExactError> {
    let (x, w, zero) = (args.get(0)?, args.get(3)?, args.get(7)?);
    let at = |slot: usize| args.get(slot).map(|v| v.at(0));
    let (x_zero, w_zero) = (at(2)?, at(5)?);
    let (factor, scale) = (at(1)? * at(4)?, at(6)?);
    let [inputs, outputs] = w.dims[..] else { return Err(args.wrong("its weights are no matrix")) };
    let mut data = Vec::new();
    for row in x.data.chunks(inputs.max(1)) {
        for o in 0..outputs {
            let weights = w.data.iter().skip(o).step_by(outputs);
            let sum: f64 = row.iter().zip(weights).map(|(v, w)| (v - x_zero) * (w - w_zero)).sum();
            data.push(quantized(sum * factor, scale, zero.at(0), zero.span()));
        }
    }
    Ok(ExactTensor { dims: with_last(&x.dims, outputs), element: zero.element, data })
}

/// MatMulNBits with four bits and without zero points: (code − 8) · scale of the block.
pub(super) fn blocks(args: &NodeInputs) -> Result<ExactTensor, ExactError> {
    let (x, w, scales) = (args.get(0)?, args.get(1)?, args.get(2)?);
    let size = |key: &str| graph::int(args.node, key).unwrap_or(0) as usize;
    let (inputs, outputs, block) = (size("K"), size("N"), size("block_size"));
    if size("bits") != 4 || block == 0 || inputs % block != 0 {
        return Err(args.wrong("only whole blocks of four bits are defined here"));
    }
    let weight = |k: usize, o: usize| {
        let flat = o * inputs + k;
        let byte = w.data[flat / 2] as u8;
        let code = if flat.is_multiple_of(2) { byte & 15 } else { byte >> 4 };
        (f64::from(code) - 8.0) * scales.data[flat / block]
    };
    let mut data = Vec::new();
    for row in x.data.chunks(inputs) {
        for o in 0..outputs {
            data.push(row.iter().enumerate().map(|(k, v)| v * weight(k, o)).sum());
        }
    }
    Ok(ExactTensor::floats(&with_last(&x.dims, outputs), data))
}

fn with_last(dims: &[usize], last: usize) -> Vec<usize> {
    let rest = dims.len().saturating_sub(1);
    dims[..rest].iter().copied().chain([last]).collect()
}
