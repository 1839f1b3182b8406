//! Seeded random inputs, for measuring where no data are at hand.
//!
//! Speed seldom depends on values, but it can: what is measured on these says so everywhere.

use super::{Array, Dim, Dtype, InputNeed};
use crate::stats;
use ndarray::{ArrayD, IxDyn};
use rand::RngExt;
use std::collections::BTreeMap;

/// An input whose size nobody says.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("dimension `{dim}` of input `{input}` has no value; give --dim NAME=SIZE")]
pub struct UnknownSize {
    /// The input.
    pub input: String,
    /// The dimension.
    pub dim: String,
}

/// `samples` samples of every input: floats between -1 and 1, bytes of all values, other integers 0
/// or 1, which are valid tokens and masks. The same seed gives the same numbers.
///
/// # Errors
/// [`UnknownSize`] names a dimension that is neither fixed nor in `dims`.
pub fn random_inputs(
    needs: &[InputNeed],
    dims: &BTreeMap<String, usize>,
    samples: usize,
    seed: u64,
) -> Result<BTreeMap<String, Array>, UnknownSize> {
    let mut found = BTreeMap::new();
    for need in needs {
        let mut shape = vec![samples];
        for dim in need.dims.iter().skip(1) {
            let size = match dim {
                Dim::Fixed(size) => Some(*size),
                Dim::Symbol(name) => dims.get(name).copied(),
                Dim::Unknown => None,
            };
            let unknown = || UnknownSize { input: need.name.clone(), dim: dim.to_string() };
            shape.push(size.ok_or_else(unknown)?);
        }
        found.insert(need.name.clone(), random(need.dtype, &shape, seed, &need.name));
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
        let dims = vec![Dim::Unknown, Dim::Symbol("seq".into()), Dim::Fixed(3)];
        let needs = [InputNeed { name: "x".into(), dtype: Dtype::F32, dims }];
        let sizes = BTreeMap::from([("seq".to_string(), 5)]);
        let make = |seed| random_inputs(&needs, &sizes, 4, seed).unwrap();
        assert_eq!(make(1)["x"].shape(), [4, 5, 3]);
        assert!(make(1)["x"].to_bytes() == make(1)["x"].to_bytes());
        assert!(make(1)["x"].to_bytes() != make(2)["x"].to_bytes());
        let unknown = random_inputs(&needs, &BTreeMap::new(), 4, 1).unwrap_err();
        let said = "dimension `seq` of input `x` has no value; give --dim NAME=SIZE";
        assert_eq!(unknown.to_string(), said);
    }
}
