//! Convolutions and max pooling over two axes of places.

use super::value::{ExactError, ExactTensor, NodeInputs, quantized};
use paring_onnx::graph::{self, ElementType, Node};

/// The geometry of a kernel's windows.
struct KernelWindows {
    kernel: [usize; 2],
    strides: [usize; 2],
    dilations: [usize; 2],
    before: [usize; 2],
    input: [usize; 2],
    out: [usize; 2],
}

impl KernelWindows {
    fn new(node: &Node, kernel: [usize; 2], input: [usize; 2]) -> KernelWindows {
        let pair = |name: &str, default: usize| -> [usize; 2] {
            let given = graph::ints(node, name).unwrap_or_default();
            std::array::from_fn(|i| given.get(i).map_or(default, |v| *v as usize))
        };
        let pads = graph::ints(node, "pads").unwrap_or_else(|| vec![0; 4]);
        let (strides, dilations) = (pair("strides", 1), pair("dilations", 1));
        let before = [pads[0] as usize, pads[1] as usize];
        let out = std::array::from_fn(|i| {
            let whole = input[i] + pads[i] as usize + pads[i + 2] as usize;
            (whole - (kernel[i] - 1) * dilations[i] - 1) / strides[i] + 1
        });
        KernelWindows { kernel, strides, dilations, before, input, out }
    }

    /// Offsets within a channel of the places of a kernel at an output; `None` in the padding.
    fn places(&self, y: usize, x: usize) -> Vec<Option<usize>> {
        let along = |axis: usize, at: usize, k: usize| {
            let place = at * self.strides[axis] + k * self.dilations[axis];
            place.checked_sub(self.before[axis]).filter(|p| *p < self.input[axis])
        };
        let mut places = Vec::with_capacity(self.kernel[0] * self.kernel[1]);
        for ky in 0..self.kernel[0] {
            for kx in 0..self.kernel[1] {
                let (row, column) = (along(0, y, ky), along(1, x, kx));
                places.push(row.zip(column).map(|(r, c)| r * self.input[1] + c));
            }
        }
        places
    }
}

fn places_of(args: &NodeInputs, x: &ExactTensor) -> Result<[usize; 2], ExactError> {
    match x.dims.as_slice() {
        [_, _, h, w] => Ok([*h, *w]),
        _ => Err(args.wrong("only two axes of places are defined here")),
    }
}

/// Zero points, scales and bias of the three kinds of convolution.
struct ConvolutionOperands<'a> {
    x: &'a ExactTensor,
    w: &'a ExactTensor,
    x_zero: f64,
    w_zero: Option<&'a ExactTensor>,
    bias: Option<&'a ExactTensor>,
    /// Scales of input, weights and output, and the output's zero point.
    requantize: Option<(f64, &'a ExactTensor, f64, &'a ExactTensor)>,
    element: ElementType,
}

fn numbers<'a>(args: &'a NodeInputs) -> Result<ConvolutionOperands<'a>, ExactError> {
    let first = |slot: usize| args.maybe(slot).and_then(|v| v.data.first().copied());
    let x = args.get(0)?;
    Ok(match args.node.op_type.as_str() {
        "QLinearConv" => ConvolutionOperands {
            x,
            w: args.get(3)?,
            x_zero: first(2).unwrap_or(0.0),
            w_zero: args.maybe(5),
            bias: args.maybe(8),
            requantize: Some((args.get(1)?.at(0), args.get(4)?, args.get(6)?.at(0), args.get(7)?)),
            element: args.get(7)?.element,
        },
        "ConvInteger" => ConvolutionOperands {
            x,
            w: args.get(1)?,
            x_zero: first(2).unwrap_or(0.0),
            w_zero: args.maybe(3),
            bias: None,
            requantize: None,
            element: ElementType::I32,
        },
        _ => ConvolutionOperands {
            x,
            w: args.get(1)?,
            x_zero: 0.0,
            w_zero: None,
            bias: args.maybe(2),
            requantize: None,
            element: ElementType::F32,
        },
    })
}

/// Padding is an exact zero: the zero point where there is one.
pub(super) fn convolve(args: &NodeInputs) -> Result<ExactTensor, ExactError> {
    let n = numbers(args)?;
    let size = places_of(args, n.x)?;
    let [outputs, inputs, kh, kw] = n.w.dims[..] else {
        return Err(args.wrong("only two axes of places are defined here"));
    };
    let windows = KernelWindows::new(args.node, [kh, kw], size);
    let group = graph::int(args.node, "group").unwrap_or(1).max(1) as usize;
    let (batch, channels, area) = (n.x.dims[0], n.x.dims[1], size[0] * size[1]);
    let mut data = Vec::with_capacity(batch * outputs * windows.out[0] * windows.out[1]);
    for sample in 0..batch {
        for o in 0..outputs {
            let first = (o / (outputs / group)) * inputs;
            let weights = &n.w.data[o * inputs * kh * kw..(o + 1) * inputs * kh * kw];
            let w_zero = n.w_zero.map_or(0.0, |zero| zero.at(o));
            for y in 0..windows.out[0] {
                for x in 0..windows.out[1] {
                    let places = windows.places(y, x);
                    let mut sum = n.bias.map_or(0.0, |bias| bias.data[o]);
                    for i in 0..inputs {
                        let start = (sample * channels + first + i) * area;
                        let kernel = &weights[i * kh * kw..(i + 1) * kh * kw];
                        for (place, weight) in places.iter().zip(kernel) {
                            let Some(place) = place else { continue };
                            sum += (n.x.data[start + place] - n.x_zero) * (weight - w_zero);
                        }
                    }
                    data.push(match n.requantize {
                        Some((xs, ws, ys, zero)) => {
                            quantized(sum * xs * ws.at(o), ys, zero.at(0), zero.span())
                        }
                        None => sum,
                    });
                }
            }
        }
    }
    let dims = vec![batch, outputs, windows.out[0], windows.out[1]];
    Ok(ExactTensor { dims, element: n.element, data })
}

pub(super) fn pool(args: &NodeInputs) -> Result<ExactTensor, ExactError> {
    let x = args.get(0)?;
    let size = places_of(args, x)?;
    let kernel = graph::ints(args.node, "kernel_shape").unwrap_or_default();
    let [kh, kw] = kernel[..] else { return Err(args.wrong("its kernel has not two axes")) };
    let windows = KernelWindows::new(args.node, [kh as usize, kw as usize], size);
    let area = size[0] * size[1];
    let mut data = Vec::new();
    for plane in x.data.chunks(area) {
        for y in 0..windows.out[0] {
            for column in 0..windows.out[1] {
                let places = windows.places(y, column);
                let seen = places.into_iter().flatten().map(|place| plane[place]);
                data.push(seen.fold(f64::NEG_INFINITY, f64::max));
            }
        }
    }
    let dims = vec![x.dims[0], x.dims[1], windows.out[0], windows.out[1]];
    Ok(ExactTensor { dims, element: x.element, data })
}

/// One value around the two axes of places.
pub(super) fn pad(args: &NodeInputs) -> Result<ExactTensor, ExactError> {
    let (x, pads, with) = (args.get(0)?, args.get(1)?, args.get(2)?);
    let [height, width] = places_of(args, x)?;
    let [0.0, 0.0, top, left, 0.0, 0.0, bottom, right] = pads.data[..] else {
        return Err(args.wrong("it pads other axes than those of places"));
    };
    let (top, left) = (top as usize, left as usize);
    let (tall, wide) = (height + top + bottom as usize, width + left + right as usize);
    let planes = x.dims[0] * x.dims[1];
    let mut data = vec![with.at(0); planes * tall * wide];
    for plane in 0..planes {
        for row in 0..height {
            let from = (plane * height + row) * width;
            let to = (plane * tall + row + top) * wide + left;
            data[to..to + width].copy_from_slice(&x.data[from..from + width]);
        }
    }
    Ok(ExactTensor { dims: vec![x.dims[0], x.dims[1], tall, wide], element: x.element, data })
}
