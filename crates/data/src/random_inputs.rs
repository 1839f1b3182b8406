//! Seeded random inputs, for measuring where no data are at hand.
//!
//! Speed seldom depends on values, but it can: what is measured on these says so everywhere.

use ndarray::{ArrayD, IxDyn};
use paring_agent::arrays::{Array, Dim, Dtype, InputNeed, UnknownSizes};
use paring_core::stats;
use rand::RngExt;
use std::collections::BTreeMap;

/// Bytes of one sample of all inputs as they are drawn; `None` of more than can be addressed.
pub fn random_sample_bytes(needs: &[InputNeed], dims: &BTreeMap<String, usize>) -> Option<u64> {
    let each = needs.iter().map(|need| {
        let sizes = need.sample_dims().map(|(axis, dim)| drawn_size(need, axis, dim, dims) as u64);
        sizes.into_iter().try_fold(need.dtype.width() as u64, u64::checked_mul)
    });
    each.into_iter().try_fold(0u64, |sum, bytes| sum.checked_add(bytes?))
}

fn drawn_size(need: &InputNeed, axis: usize, dim: &Dim, dims: &BTreeMap<String, usize>) -> usize {
    match dim {
        Dim::Symbol(_) if need.batch_axis == Some(axis) => 1,
        Dim::Symbol(name) => dims.get(name).copied().unwrap_or(1),
        Dim::Fixed(size) => *size,
    }
}

/// `samples` samples of every input: floats between -1 and 1, bytes of all values, other integers 0
/// or 1, which are valid tokens and masks. The same seed gives the same numbers.
///
/// # Errors
/// [`UnknownSizes`] names the dimensions that are neither fixed nor in `dims`.
pub fn random_inputs(
    needs: &[InputNeed],
    dims: &BTreeMap<String, usize>,
    samples: usize,
    seed: u64,
) -> Result<BTreeMap<String, Array>, UnknownSizes> {
    UnknownSizes::none(needs, dims)?;
    let mut found = BTreeMap::new();
    for need in needs {
        let size = |(axis, dim): (usize, &Dim)| drawn_size(need, axis, dim, dims);
        // What all samples of an inference share is drawn once.
        let entries = if need.batch_axis.is_some() { samples } else { 1 };
        let shape: Vec<usize> =
            std::iter::once(entries).chain(need.sample_dims().map(size)).collect();
        let array = random(need.dtype, &shape, seed, &need.name);
        let array = if entries == samples { array } else { array.take(&vec![0; samples]) };
        found.insert(need.name.clone(), array);
    }
    Ok(found)
}

fn random(dtype: Dtype, shape: &[usize], seed: u64, name: &str) -> Array {
    let mut rng = stats::generator(seed, &format!("random input {name}"));
    fn of<T>(shape: &[usize], draw: impl FnMut() -> T) -> ArrayD<T> {
        ArrayD::from_shape_simple_fn(IxDyn(shape), draw)
    }
    match dtype {
        Dtype::F32 => Array::F32(of(shape, || rng.random_range(-1.0..1.0))),
        Dtype::F64 => Array::F64(of(shape, || rng.random_range(-1.0..1.0))),
        Dtype::I64 => Array::I64(of(shape, || rng.random_range(0..2))),
        Dtype::I32 => Array::I32(of(shape, || rng.random_range(0..2))),
        Dtype::I8 => Array::I8(of(shape, || rng.random())),
        Dtype::U8 => Array::U8(of(shape, || rng.random())),
        Dtype::Bool => Array::Bool(of(shape, || rng.random())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_never_zeros_alone() {
        let dims =
            vec![Dim::Symbol("N".into()), Dim::Symbol("seq".into()), Dim::Symbol("x:2".into())];
        let rate = InputNeed { batch_axis: None, ..InputNeed::batched("sr", Dtype::F32, vec![]) };
        let needs = [InputNeed::batched("x", Dtype::F32, dims), rate];
        let sizes = BTreeMap::from([("seq".to_string(), 5), ("x:2".to_string(), 3)]);
        let make = |seed| random_inputs(&needs, &sizes, 4, seed).unwrap();
        assert_eq!(make(1)["x"].shape(), [4, 5, 3]);
        assert!(make(1)["x"].to_bytes() == make(1)["x"].to_bytes());
        assert!(make(1)["x"].to_bytes() != make(2)["x"].to_bytes());
        assert_eq!(make(1)["sr"].shape(), [4]);
        assert_eq!(make(1)["sr"].take(&[0]), make(1)["sr"].take(&[3]), "one for all samples");
        let unknown = random_inputs(&needs, &BTreeMap::new(), 4, 1).unwrap_err();
        let said = "no value for the dimensions `seq`, `x:2`; give --dims \"seq=SIZE,x:2=SIZE\"";
        assert_eq!(unknown.to_string(), said);
    }
}
