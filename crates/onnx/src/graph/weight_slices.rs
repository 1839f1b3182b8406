//! Taking slices out of an initializer along one axis, and putting them back bit for bit.

use super::{GraphError, Weights};

fn geometry(weights: &Weights, axis: usize) -> Option<(usize, usize, usize)> {
    let width = *weights.dims.get(axis)?;
    let outer = weights.dims[..axis].iter().product();
    let inner = weights.dims[axis + 1..].iter().product::<usize>() * weights.element.size()?;
    Some((outer, width, inner))
}

fn no_axis(weights: &Weights, axis: usize) -> GraphError {
    let problem = format!("of shape {:?} cannot be sliced along axis {axis}", weights.dims);
    GraphError::Tensor { tensor: String::new(), problem }
}

/// Splits `weights` along `axis` into what remains and what stood at `indices` (ascending).
///
/// # Errors
/// [`GraphError::Tensor`] where the axis or an index does not exist.
pub fn remove(
    weights: &Weights,
    axis: usize,
    indices: &[usize],
) -> Result<(Weights, Weights), GraphError> {
    let (outer, width, inner) = geometry(weights, axis).ok_or_else(|| no_axis(weights, axis))?;
    if indices.iter().any(|i| *i >= width) {
        return Err(no_axis(weights, axis));
    }
    let mut goes = vec![false; width];
    indices.iter().for_each(|i| goes[*i] = true);
    let (mut kept, mut removed) = (Vec::new(), Vec::new());
    for block in 0..outer {
        for (index, goes) in goes.iter().enumerate() {
            let start = (block * width + index) * inner;
            let bytes = &weights.bytes[start..start + inner];
            if *goes { removed.extend_from_slice(bytes) } else { kept.extend_from_slice(bytes) }
        }
    }
    let with = |size: usize, bytes: Vec<u8>| {
        let mut dims = weights.dims.clone();
        dims[axis] = size;
        Weights { dims, element: weights.element, bytes }
    };
    let gone = goes.iter().filter(|g| **g).count();
    Ok((with(width - gone, kept), with(gone, removed)))
}

/// The inverse of [`remove`]: puts `slices` back so that they stand at `indices` (ascending).
///
/// # Errors
/// [`GraphError::Tensor`] where shapes or types do not fit together.
pub fn insert(
    kept: &Weights,
    axis: usize,
    slices: &Weights,
    indices: &[usize],
) -> Result<Weights, GraphError> {
    let (outer, width, inner) = geometry(kept, axis).ok_or_else(|| no_axis(kept, axis))?;
    let fits = geometry(slices, axis) == Some((outer, indices.len(), inner))
        && kept.element == slices.element
        && indices.iter().all(|i| *i < width + indices.len());
    if !fits {
        return Err(no_axis(slices, axis));
    }
    let total = width + indices.len();
    let mut back = vec![false; total];
    indices.iter().for_each(|i| back[*i] = true);
    let mut bytes = Vec::with_capacity(kept.bytes.len() + slices.bytes.len());
    for block in 0..outer {
        let (mut from_kept, mut from_slices) = (block * width, block * indices.len());
        for back in &back {
            let (source, position) =
                if *back { (slices, &mut from_slices) } else { (kept, &mut from_kept) };
            bytes.extend_from_slice(&source.bytes[*position * inner..(*position + 1) * inner]);
            *position += 1;
        }
    }
    let mut dims = kept.dims.clone();
    dims[axis] = total;
    Ok(Weights { dims, element: kept.element, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn removes_the_named_columns() {
        let weights = Weights::f32(&[2, 3], &[1., 2., 3., 4., 5., 6.]);
        let (kept, removed) = remove(&weights, 1, &[1]).unwrap();
        assert_eq!(kept, Weights::f32(&[2, 2], &[1., 3., 4., 6.]));
        assert_eq!(removed, Weights::f32(&[2, 1], &[2., 5.]));
        assert!(remove(&weights, 1, &[3]).is_err() && remove(&weights, 2, &[0]).is_err());
    }

    proptest! {
        #[test]
        fn insert_undoes_remove(
            dims in prop::collection::vec(1usize..5, 1..4),
            axis in 0usize..4,
            pick in prop::collection::vec(any::<bool>(), 5),
        ) {
            let axis = axis % dims.len();
            let count: usize = dims.iter().product();
            let values: Vec<f32> = (0..count).map(|i| f32::from_bits(i as u32 * 77_777)).collect();
            let weights = Weights::f32(&dims, &values);
            let indices: Vec<usize> = (0..dims[axis]).filter(|i| pick[*i]).collect();
            let (kept, removed) = remove(&weights, axis, &indices).unwrap();
            prop_assert_eq!(insert(&kept, axis, &removed, &indices).unwrap(), weights);
        }
    }
}
