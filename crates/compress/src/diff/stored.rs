//! Stored values as floats, however they are stored: behind casts, transpositions and scales.

use super::canonical::halves;
use paring_onnx::graph::{self, ElementType, Graph, GraphIndex, Node, Weights};

/// Values as floats, and how they are stored.
#[derive(Clone, Debug)]
pub(super) struct StoredTensor {
    /// The initializer.
    pub(super) name: String,
    /// For each axis as it is read, the axis of the initializer.
    pub(super) axes: Vec<usize>,
    pub(super) dims: Vec<usize>,
    pub(super) values: Vec<f32>,
    /// `f32`, or `int8 per channel`.
    pub(super) precision: String,
    /// The values are in real units.
    pub(super) scaled: bool,
    /// Distance of two neighbouring values: one for all or one for each entry of axis `.1`.
    pub(super) steps: (Vec<f32>, usize),
}

/// The values behind a tensor that does not depend on the inputs.
pub(super) fn stored(graph: &Graph, index: &GraphIndex, tensor: &str) -> Option<StoredTensor> {
    if let Some(dims) = graph.dims(tensor) {
        let weights = graph.weights(tensor).ok()?;
        let values = numbers(&weights)?;
        return Some(StoredTensor {
            name: tensor.to_string(),
            axes: (0..dims.len()).collect(),
            dims,
            values,
            precision: precision_name(weights.element).to_string(),
            scaled: [1, 10, 11, 16].contains(&weights.element.0),
            steps: (vec![0.0], 0),
        });
    }
    let node = graph.nodes().get(index.producer(tensor)?)?;
    let inner = stored(graph, index, node.input.first()?)?;
    match node.op_type.as_str() {
        "Identity" | "Cast" => Some(inner),
        "DequantizeLinear" => {
            let axis = graph::int(node, "axis").unwrap_or(1);
            let axis = if axis < 0 { axis + inner.dims.len() as i64 } else { axis };
            let scales = node.input.get(1);
            dequantized(graph, inner, scales, node.input.get(2), usize::try_from(axis).ok())
        }
        "QuantizeLinear" => Some(inner),
        "Gather" if graph::int(node, "axis").unwrap_or(0) == 0 => {
            picked(inner, &graph.weights(node.input.get(1)?).ok()?)
        }
        "Transpose" => {
            let rank = inner.dims.len();
            let order =
                graph::ints(node, "perm").unwrap_or_else(|| (0..rank as i64).rev().collect());
            transposed(inner, &order.iter().map(|a| *a as usize).collect::<Vec<_>>())
        }
        _ => None,
    }
}

/// Elements of any type of numbers.
fn numbers(weights: &Weights) -> Option<Vec<f32>> {
    let (pairs, _) = weights.bytes.as_chunks::<2>();
    match weights.element.0 {
        10 => Some(halves(&weights.bytes)),
        16 => {
            let wide = |b: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(*b)) << 16);
            Some(pairs.iter().map(wide).collect())
        }
        11 => {
            let (chunks, _) = weights.bytes.as_chunks::<8>();
            Some(chunks.iter().map(|b| f64::from_le_bytes(*b) as f32).collect())
        }
        9 => Some(weights.bytes.iter().map(|b| f32::from(*b)).collect()),
        _ => weights.numbers(),
    }
}

/// Short name of an element type, signed and unsigned bytes apart.
pub(super) fn precision_name(element: ElementType) -> &'static str {
    match element.0 {
        2 => "uint8",
        4 => "uint16",
        5 => "int16",
        9 => "bool",
        21 => "uint4",
        _ => element.name(),
    }
}

fn transposed(inner: StoredTensor, order: &[usize]) -> Option<StoredTensor> {
    if order.len() != inner.dims.len() || order.iter().any(|a| *a >= inner.dims.len()) {
        return None;
    }
    let array = ndarray::ArrayD::from_shape_vec(inner.dims.clone(), inner.values).ok()?;
    let turned = array.permuted_axes(order.to_vec());
    let axis = order.iter().position(|a| *a == inner.steps.1).unwrap_or(0);
    Some(StoredTensor {
        axes: order.iter().map(|a| inner.axes[*a]).collect(),
        dims: turned.shape().to_vec(),
        values: turned.iter().copied().collect(),
        steps: (inner.steps.0, axis),
        ..inner
    })
}

/// Rows of a table, in an order that is stored.
fn picked(table: StoredTensor, rows: &Weights) -> Option<StoredTensor> {
    let (count, rest) = table.dims.split_first()?;
    let each: usize = rest.iter().product();
    let whole = table.steps.0.len() == 1;
    let row = |at: i64| {
        let at = usize::try_from(if at < 0 { at + *count as i64 } else { at }).ok()?;
        table.values.get(at * each..(at + 1) * each)
    };
    let values: Vec<&[f32]> = rows.to_i64()?.into_iter().map(row).collect::<Option<_>>()?;
    let dims: Vec<usize> = rows.dims.iter().chain(rest).copied().collect();
    // No axis is one of the table's as a whole.
    let axes = vec![usize::MAX; dims.len()];
    let values = values.concat();
    whole.then(|| StoredTensor { axes, dims, values, steps: (table.steps.0.clone(), 0), ..table })
}

/// Integers times their scale, per tensor or along `axis`.
fn dequantized(
    graph: &Graph,
    plain: StoredTensor,
    scale: Option<&String>,
    zero: Option<&String>,
    axis: Option<usize>,
) -> Option<StoredTensor> {
    let scales = graph.weights(scale?).ok()?.to_f32()?;
    let zeros = match zero.filter(|z| !z.is_empty()) {
        Some(zero) => graph.weights(zero).ok()?.numbers()?,
        None => vec![0.0],
    };
    let several = scales.len() > 1 || zeros.len() > 1;
    let axis = if several { axis.filter(|a| *a < plain.dims.len())? } else { 0 };
    let inner: usize = plain.dims.get(axis + 1..).map_or(1, |rest| rest.iter().product());
    let width = plain.dims.get(axis).copied().unwrap_or(1);
    let pick = |all: &[f32], at: usize| all[if all.len() == 1 { 0 } else { at / inner % width }];
    if [scales.len(), zeros.len()].iter().any(|n| *n != 1 && *n != width) {
        return None;
    }
    let values = plain.values.iter().enumerate();
    let values = values.map(|(at, v)| (v - pick(&zeros, at)) * pick(&scales, at)).collect();
    let per = if scales.len() > 1 { "channel" } else { "tensor" };
    let precision = format!("{} per {per}", plain.precision);
    Some(StoredTensor { values, precision, scaled: true, steps: (scales, axis), ..plain })
}

/// Weights of MatMulNBits, `[k, n]`. Source: ONNX Runtime's contrib operator specification.
pub(super) fn blocks(graph: &Graph, node: &Node) -> Option<StoredTensor> {
    let size = |name: &str| usize::try_from(graph::int(node, name)?).ok();
    let (k, n, block, bits) = (size("K")?, size("N")?, size("block_size")?, size("bits")?);
    let name = node.input.get(1)?.clone();
    let packed = graph.weights(&name).ok()?.bytes;
    let scales = graph.weights(node.input.get(2)?).ok()?.to_f32()?;
    if bits != 4 || block == 0 {
        return None;
    }
    let count = k.div_ceil(block);
    let zeros = match node.input.get(3).filter(|z| !z.is_empty()) {
        None => None,
        Some(zero) => Some(graph.weights(zero).ok()?).filter(|z| z.element == ElementType::U8),
    };
    let nibble =
        |bytes: &[u8], at: usize| Some(f32::from((bytes.get(at / 2)? >> (at % 2 * 4)) & 15));
    let mut values = vec![0.0; k * n];
    for (column, row) in (0..n).flat_map(|c| (0..k).map(move |r| (c, r))) {
        let own = column * count + row / block;
        let zero = match &zeros {
            None => 8.0,
            Some(z) => nibble(z.bytes.get(column * count.div_ceil(2)..)?, row / block)?,
        };
        let at = own * block + row % block;
        values[row * n + column] = (nibble(&packed, at)? - zero) * scales.get(own)?;
    }
    let largest = |c: usize| scales[c * count..(c + 1) * count].iter().copied().fold(0.0, f32::max);
    let steps = (scales.len() == n * count).then(|| (0..n).map(largest).collect())?;
    let precision = format!("int4 in blocks of {block}");
    let axes = vec![0, 1];
    Some(StoredTensor {
        name,
        axes,
        dims: vec![k, n],
        values,
        precision,
        scaled: true,
        steps: (steps, 1),
    })
}
