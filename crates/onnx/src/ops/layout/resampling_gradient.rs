//! Vector-Jacobian products of Pad and Resize.
//!
//! A Resize is a product with one matrix along each axis; its adjoint is the product with their
//! transposes.

use super::interpolation::{Interpolation, axis_matrix};
use crate::graph::Weights;
use crate::ops::gradient::{
    GradientEmitter, GradientRefusal, InputGradients, NodeGradient, ShapedTensor, positive,
};

pub(in crate::ops) fn vector_jacobian_product(
    e: &mut GradientEmitter,
    node: &NodeGradient,
) -> InputGradients {
    let dx = match node.node.op_type.as_str() {
        "Pad" => pad(e, node)?,
        "Resize" => resize(e, node)?,
        _ => return Err(node.refuse_no_rule()),
    };
    node.first(dx)
}

/// Entries without the padding; a negative padding cut off entries, which get zeros.
fn pad(e: &mut GradientEmitter, node: &NodeGradient) -> Result<ShapedTensor, GradientRefusal> {
    let mode = node.text("mode");
    if !["", "constant"].contains(&mode.as_str()) {
        return Err(node.refuse_form(&format!("mode `{mode}`")));
    }
    let (x, dy) = (node.input(e, 0)?, node.dy()?);
    let rank = x.rank();
    let pads = node.integers(e, 1, "pads")?.unwrap_or_default();
    let axes = node.integers(e, 3, "axes")?;
    let axes = axes.unwrap_or_else(|| (0..rank as i64).collect());
    let (mut starts, mut counts) = (vec![0; rank], dy.dims.clone());
    let (mut before, mut behind) = (vec![0; rank], vec![0; rank]);
    for (place, axis) in axes.iter().enumerate() {
        let ends = (pads.get(place), pads.get(place + axes.len()));
        let (Some(axis), (Some(low), Some(high))) = (positive(*axis, rank), ends) else {
            return Err(node.refuse_form("`pads` of another rank"));
        };
        let (low, high) = (*low, *high);
        starts[axis] = low.max(0) as usize;
        let cut = starts[axis] + high.max(0) as usize;
        counts[axis] = dy.dims[axis].saturating_sub(cut);
        before[axis] = (-low).max(0) as usize;
        behind[axis] = (-high).max(0) as usize;
    }
    let inner = e.slice(dy, &starts, &counts, &vec![1; rank]);
    Ok(e.pad(&inner, &before, &behind))
}

fn resize(e: &mut GradientEmitter, node: &NodeGradient) -> Result<ShapedTensor, GradientRefusal> {
    let (x, dy) = (node.input(e, 0)?, node.dy()?);
    let interpolation = Interpolation::of(node)?;
    let stored = node.name(2).and_then(|scales| e.stored(scales)?.to_f32());
    let stored = stored.unwrap_or_default();
    let axes = node.ints("axes").unwrap_or_else(|| (0..x.rank() as i64).collect());
    let mut dx = dy.clone();
    for axis in (0..x.rank()).filter(|axis| x.dims[*axis] != dy.dims[*axis]) {
        let (from, to) = (x.dims[axis], dy.dims[axis]);
        let place = axes.iter().position(|own| positive(*own, x.rank()) == Some(axis));
        let scale = place.and_then(|place| stored.get(place));
        let scale = scale.map_or(to as f64 / from as f64, |scale| f64::from(*scale));
        let matrix = axis_matrix(interpolation, (from, to), scale);
        let matrix = e.constant(Weights::f32(&[from, to], &matrix));
        dx = e.along_axis(&matrix, &dx, axis);
    }
    Ok(dx)
}
