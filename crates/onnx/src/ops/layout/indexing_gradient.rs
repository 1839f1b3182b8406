//! Vector-Jacobian products of operators that pick entries by position: Slice, Gather,
//! GatherElements.

use crate::graph::Weights;
use crate::ops::gradient::{
    GradientEmitter, GradientRefusal, InputGradients, NodeGradient, ShapedTensor, positive,
};

pub(in crate::ops) fn vector_jacobian_product(
    e: &mut GradientEmitter,
    node: &NodeGradient,
) -> InputGradients {
    let dx = match node.node.op_type.as_str() {
        "Slice" => slice(e, node)?,
        "Gather" => gather(e, node)?,
        _ => return Err(node.refuse_no_rule()),
    };
    node.first(dx)
}

/// Entries back at their places, zeros elsewhere: along each axis that is cut a product with the
/// matrix of zeros and ones that puts them there, or padding where they stand side by side.
fn slice(e: &mut GradientEmitter, node: &NodeGradient) -> Result<ShapedTensor, GradientRefusal> {
    let (x, dy) = (node.input(e, 0)?, node.dy()?);
    let rank = x.rank();
    let missing = || node.refuse_form("no bounds");
    let starts = node.integers(e, 1, "starts")?.ok_or_else(missing)?;
    let axes = node.integers(e, 3, "axes")?;
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = node.integers(e, 4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
    let (mut before, mut behind) = (vec![0; rank], vec![0; rank]);
    let mut picked = Vec::new();
    for ((start, axis), step) in starts.iter().zip(&axes).zip(&steps) {
        let axis =
            positive(*axis, rank).ok_or_else(|| node.refuse_form("an axis beyond the rank"))?;
        let (size, count) = (x.dims[axis] as i64, dy.dims[axis]);
        let start = if *start < 0 { start + size } else { *start };
        let start = start.clamp(0, if *step < 0 { size - 1 } else { size });
        if *step == 1 {
            before[axis] = start as usize;
            behind[axis] = x.dims[axis].saturating_sub(start as usize + count);
        } else {
            picked.push((axis, (0..count as i64).map(|at| start + at * step).collect::<Vec<_>>()));
        }
    }
    let mut dx = e.pad(dy, &before, &behind);
    for (axis, entries) in picked {
        dx = scattered(e, &dx, axis, &entries, x.dims[axis]);
    }
    Ok(dx)
}

fn gather(e: &mut GradientEmitter, node: &NodeGradient) -> Result<ShapedTensor, GradientRefusal> {
    let (x, indices, dy) = (node.input(e, 0)?, node.input(e, 1)?, node.dy()?);
    let axis = node.axis(0, x.rank())?;
    let size = x.dims[axis];
    // The axes of the indices as one.
    let mut dims = x.dims.clone();
    dims[axis] = indices.elements();
    let flat = e.reshape(dy, &dims);
    match e.integers_of(&indices.name) {
        Some(entries) => {
            let entry = |index: &i64| if *index < 0 { index + size as i64 } else { *index };
            let entries: Vec<i64> = entries.iter().map(entry).collect();
            Ok(scattered(e, &flat, axis, &entries, size))
        }
        None => Ok(scattered_by(e, &flat, axis, &indices, size)),
    }
}

/// Entries along an axis added up at known places of a longer one.
fn scattered(
    e: &mut GradientEmitter,
    x: &ShapedTensor,
    axis: usize,
    entries: &[i64],
    size: usize,
) -> ShapedTensor {
    let mut places = vec![0.0; size * entries.len()];
    for (from, to) in entries.iter().enumerate() {
        let to = usize::try_from(*to).ok().filter(|to| *to < size);
        if let Some(place) = to.and_then(|to| places.get_mut(to * entries.len() + from)) {
            *place = 1.0;
        }
    }
    let matrix = e.constant(Weights::f32(&[size, entries.len()], &places));
    e.along_axis(&matrix, x, axis)
}

/// Entries along an axis added up at the places that a tensor of the model says.
fn scattered_by(
    e: &mut GradientEmitter,
    x: &ShapedTensor,
    axis: usize,
    indices: &ShapedTensor,
    size: usize,
) -> ShapedTensor {
    let row = e.reshape(indices, &[1, indices.elements()]);
    let values: Vec<i64> = (0..size as i64).collect();
    let own = e.constant(Weights::i64(&[size, 1], &values));
    let counted_back: Vec<i64> = values.iter().map(|at| at - size as i64).collect();
    let counted_back = e.constant(Weights::i64(&[size, 1], &counted_back));
    let (own, counted_back) =
        (e.binary("Equal", &own, &row), e.binary("Equal", &counted_back, &row));
    let chosen = e.binary("Or", &own, &counted_back);
    let matrix = e.as_floats(&chosen);
    e.along_axis(&matrix, x, axis)
}
