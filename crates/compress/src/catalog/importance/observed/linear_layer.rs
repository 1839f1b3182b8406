//! Layers as linear maps: rows of inputs times a matrix of weights, whatever the operator calls it.
//!
//! A convolution's row is one patch, channel by channel; a transposed convolution's is one pixel, its
//! outputs are all pixels that it adds to. Each group of a grouped convolution is a map of its own.

use faer::Mat;
use ndarray::ArrayD;
use paring_onnx::graph::{self, Graph, GraphIndex, Node, TensorFacts, Weights};
use paring_onnx::ops::{self, LinearMap, MapForm};
use std::ops::Range;

/// A layer, or a group of one, as `outputs = row · matrix + bias`; the factors of a Gemm are part of
/// both.
#[derive(Clone, Debug)]
pub struct LinearLayer {
    /// Its name; groups of a grouped convolution share it.
    pub layer: String,
    /// Position of its node.
    pub position: usize,
    /// The tensor it reads.
    pub input: String,
    /// Its weights, made of 32-bit floats.
    pub weights: String,
    /// Axis of the weights that counts inputs.
    pub input_axis: usize,
    /// Axis of the weights that counts outputs.
    pub output_axis: usize,
    /// Its bias: one value an output, or one for all; see [`per_output`].
    pub bias: Option<String>,
    /// Slot where a bias could be put, if there is none.
    pub bias_slot: Option<usize>,
    /// True where its output goes into a Relu and nowhere else.
    pub relu: bool,
    /// Channels that this group reads.
    pub channels: Range<usize>,
    /// Outputs that it gives, along the output axis.
    pub outputs: Range<usize>,
    /// Factors of the stored weights and of the stored bias: 1 but for a Gemm that says so.
    pub factors: (f64, f64),
    form: RowForm,
}

#[derive(Clone, Debug)]
enum RowForm {
    /// Rows are patches around the positions of the output.
    Patches {
        kernel: Vec<usize>,
        strides: Vec<usize>,
        before: Vec<i64>,
        dilations: Vec<usize>,
        out: Vec<usize>,
    },
    /// Rows are pixels; an output is one of `kernel` places of a channel.
    Pixels { kernel: usize },
    /// Rows are the last axis.
    Product,
}

/// All layers of a graph that are linear in what they read and whose weights are stored as floats.
pub fn linears(graph: &Graph, facts: &TensorFacts) -> Vec<LinearLayer> {
    let (index, names) = (GraphIndex::new(graph), graph::layer_names(graph));
    let nodes = graph.nodes().iter().enumerate().zip(names);
    nodes.flat_map(|((at, node), name)| of_node(graph, facts, &index, (at, node), name)).collect()
}

fn of_node(
    graph: &Graph,
    facts: &TensorFacts,
    index: &GraphIndex,
    (position, node): (usize, &Node),
    layer: String,
) -> Vec<LinearLayer> {
    let [x, w, ..] = node.input.as_slice() else { return vec![] };
    let Some(dims) = graph.dims(w) else { return vec![] };
    let group = graph::int(node, "group").unwrap_or(1).max(1) as usize;
    let Some(LinearMap { form, input_axis, output_axis, bias_slot: slot }) =
        ops::linear_map(node, &dims)
    else {
        return vec![];
    };
    let Some(form) = row_form(facts, node, &dims, form) else { return vec![] };
    let (alpha, beta) = ops::gemm_factors(node);
    let factors = (f64::from(alpha), f64::from(beta));
    if factors.0 == 0.0 || factors.1 == 0.0 || dims.len() < 2 {
        return vec![];
    }
    let Some((bias, output)) = bias_and_output(graph, index, node, slot, dims[output_axis]) else {
        return vec![];
    };
    let relu =
        index.only_consumer(&output).is_some_and(|(p, _)| graph.nodes()[p].op_type == "Relu")
            && !graph.outputs().contains(&output.as_str())
            && !matches!(form, RowForm::Pixels { .. });
    let bias_slot = slot.filter(|_| bias.is_none());
    let (inputs, outputs) = (dims[input_axis], dims[output_axis] / group);
    (0..group)
        .map(|g| LinearLayer {
            layer: layer.clone(),
            position,
            input: x.clone(),
            weights: w.clone(),
            input_axis,
            output_axis,
            bias: bias.clone(),
            bias_slot,
            relu,
            channels: g * inputs..(g + 1) * inputs,
            outputs: g * outputs..(g + 1) * outputs,
            factors,
            form: form.clone(),
        })
        .collect()
}

fn row_form(facts: &TensorFacts, node: &Node, dims: &[usize], form: MapForm) -> Option<RowForm> {
    match form {
        MapForm::Patches => patches(facts, node, dims),
        MapForm::Pixels => Some(RowForm::Pixels { kernel: dims[2..].iter().product() }),
        MapForm::LastAxis => Some(RowForm::Product),
    }
}

/// True of the shape of so many numbers in a row, whatever axes of size 1 stand before them.
fn is_row(dims: &[usize], width: usize) -> bool {
    match dims {
        [] => width == 1,
        [lead @ .., last] => *last == width && lead.iter().all(|d| *d == 1),
    }
}

/// The values of a bias, one an output: as stored, or the same for all where one is.
pub fn per_output(values: Vec<f32>, outputs: usize) -> Vec<f32> {
    match values.as_slice() {
        [one] => vec![*one; outputs],
        _ => values,
    }
}

/// The bias of a layer and the tensor it gives, behind the addition of a bias where that is a node of
/// its own; `None` where the bias is not one value an output.
fn bias_and_output(
    graph: &Graph,
    index: &GraphIndex,
    node: &Node,
    slot: Option<usize>,
    width: usize,
) -> Option<(Option<String>, String)> {
    let output = node.output[0].clone();
    let vector = |name: &String| graph.dims(name).is_some_and(|d| is_row(&d, width));
    let broadcast = |name: &String| {
        graph.dims(name).is_some_and(|d| d.len() <= 2 && (is_row(&d, width) || is_row(&d, 1)))
    };
    if let Some(given) = slot.and_then(|s| node.input.get(s)).filter(|b| !b.is_empty()) {
        return broadcast(given).then(|| (Some(given.clone()), output));
    }
    let inner = node.op_type == "MatMul" && !graph.outputs().contains(&output.as_str());
    if let Some((reader, _)) = index.only_consumer(&output).filter(|_| inner) {
        let add = &graph.nodes()[reader];
        let given = add.input.iter().find(|i| vector(i)).filter(|_| add.op_type == "Add");
        if let Some(given) = given {
            return Some((Some(given.clone()), add.output[0].clone()));
        }
    }
    Some((None, output))
}

fn patches(facts: &TensorFacts, node: &Node, dims: &[usize]) -> Option<RowForm> {
    let kernel = dims.get(2..)?.to_vec();
    let ones = || vec![1; kernel.len()];
    let sizes = |name| graph::ints(node, name).map(|v| v.iter().map(|s| *s as usize).collect());
    let strides: Vec<usize> = sizes("strides").unwrap_or_else(ones);
    let dilations: Vec<usize> = sizes("dilations").unwrap_or_else(ones);
    let input = facts.shapes.get(&node.input[0])?.get(2..)?;
    let out = facts.shapes.get(&node.output[0])?.get(2..)?.to_vec();
    if input.len() != kernel.len() || out.len() != kernel.len() {
        return None;
    }
    let mode = graph::text(node, "auto_pad").unwrap_or_else(|| "NOTSET".into());
    let before = match mode.as_str() {
        "SAME_UPPER" | "SAME_LOWER" => (0..kernel.len())
            .map(|a| {
                let span = (out[a] - 1) * strides[a] + (kernel[a] - 1) * dilations[a] + 1;
                let total = span.saturating_sub(input[a]) as i64;
                if mode == "SAME_UPPER" { total / 2 } else { total - total / 2 }
            })
            .collect(),
        "VALID" => vec![0; kernel.len()],
        _ => graph::ints(node, "pads")
            .map_or_else(|| vec![0; kernel.len()], |p| p[..kernel.len()].to_vec()),
    };
    Some(RowForm::Patches { kernel, strides, before, dilations, out })
}

impl LinearLayer {
    /// Entries of a row that one input channel has.
    pub fn block(&self) -> usize {
        match &self.form {
            RowForm::Patches { kernel, .. } => kernel.iter().product(),
            RowForm::Pixels { .. } | RowForm::Product => 1,
        }
    }

    /// Length of a row.
    pub fn features(&self) -> usize {
        self.channels.len() * self.block()
    }

    /// True where the constant 1 belongs to a row: the layer has a bias, or could have one.
    pub fn affine(&self) -> bool {
        self.bias.is_some() || self.bias_slot.is_some()
    }

    /// Rows that one sample has in a tensor of this shape (axis 0 counts samples).
    pub fn rows_in(&self, shape: &[usize]) -> usize {
        match &self.form {
            RowForm::Patches { out, .. } => out.iter().product(),
            RowForm::Pixels { .. } => shape[2..].iter().product(),
            RowForm::Product => shape[1..shape.len() - 1].iter().product(),
        }
    }

    /// Appends the row at `place` of sample `sample` to `into`.
    pub fn append_row(&self, x: &ArrayD<f32>, sample: usize, place: usize, into: &mut Vec<f32>) {
        let shape = x.shape();
        let Some(values) = x.as_slice() else { return };
        match &self.form {
            RowForm::Product => {
                let width = shape[shape.len() - 1];
                let start = (sample * self.rows_in(shape) + place) * width;
                into.extend_from_slice(
                    &values[start + self.channels.start..start + self.channels.end],
                );
            }
            RowForm::Pixels { .. } => {
                let area: usize = shape[2..].iter().product();
                let start = sample * shape[1] * area;
                into.extend(self.channels.clone().map(|c| values[start + c * area + place]));
            }
            RowForm::Patches { kernel, strides, before, dilations, out } => {
                let size = &shape[2..];
                let area: usize = size.iter().product();
                let offsets = offsets(place, out, kernel, strides, before, dilations, size);
                for c in self.channels.clone() {
                    let start = (sample * shape[1] + c) * area;
                    into.extend(offsets.iter().map(|o| o.map_or(0.0, |o| values[start + o])));
                }
            }
        }
    }

    /// The weights as a matrix `[features, outputs]`.
    pub fn matrix(&self, weights: &Weights) -> Option<Mat<f64>> {
        let values = weights.to_f32()?;
        let at = self.addresses(&weights.dims);
        let factor = self.factors.0;
        let value = |f, o| f64::from(values[at(f, o)]) * factor;
        Some(Mat::from_fn(self.features(), self.columns(), value))
    }

    /// Writes a matrix `[features, outputs]` into the weights.
    pub fn write(&self, weights: &Weights, matrix: &Mat<f64>) -> Option<Weights> {
        let mut values = weights.to_f32()?;
        let at = self.addresses(&weights.dims);
        for o in 0..self.columns() {
            for f in 0..self.features() {
                values[at(f, o)] = (matrix[(f, o)] / self.factors.0) as f32;
            }
        }
        Some(Weights::f32(&weights.dims, &values))
    }

    /// Columns of the matrix: outputs, each as often as a transposed kernel has places.
    pub fn columns(&self) -> usize {
        match &self.form {
            RowForm::Pixels { kernel } => self.outputs.len() * kernel,
            _ => self.outputs.len(),
        }
    }

    /// The output that a column belongs to, along the output axis.
    pub fn output_of(&self, column: usize) -> usize {
        match &self.form {
            RowForm::Pixels { kernel } => self.outputs.start + column / kernel,
            _ => self.outputs.start + column,
        }
    }

    fn addresses(&self, dims: &[usize]) -> impl Fn(usize, usize) -> usize + use<> {
        let (features, first) = (self.features(), self.outputs.start);
        let columns = dims[self.output_axis];
        let turned = self.input_axis > self.output_axis;
        let (pixels, all) = (matches!(self.form, RowForm::Pixels { .. }), self.columns());
        move |f, o| match (pixels, turned) {
            (true, _) => f * all + o,
            // [outputs, inputs …]: a row of the tensor is a column of the matrix.
            (false, true) => (first + o) * features + f,
            (false, false) => f * columns + first + o,
        }
    }
}

/// For every place of the kernel: where it reads, within one channel; `None` in the padding.
fn offsets(
    mut place: usize,
    out: &[usize],
    kernel: &[usize],
    strides: &[usize],
    before: &[i64],
    dilations: &[usize],
    size: &[usize],
) -> Vec<Option<usize>> {
    let mut corner = vec![0i64; out.len()];
    for axis in (0..out.len()).rev() {
        corner[axis] = ((place % out[axis]) * strides[axis]) as i64 - before[axis];
        place /= out[axis];
    }
    let count: usize = kernel.iter().product();
    (0..count)
        .map(|mut k| {
            let (mut offset, mut stride) = (0, 1);
            for axis in (0..kernel.len()).rev() {
                let at = corner[axis] + ((k % kernel[axis]) * dilations[axis]) as i64;
                k /= kernel[axis];
                let inside = usize::try_from(at).ok().filter(|at| *at < size[axis])?;
                offset += inside * stride;
                stride *= size[axis];
            }
            Some(offset)
        })
        .collect()
}
