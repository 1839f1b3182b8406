//! What a model's input needs, and whether an array satisfies it.

use super::Dtype;
use std::collections::BTreeMap;
use std::fmt;

/// One dimension of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dim {
    /// A number.
    Fixed(usize),
    /// A name or expression.
    Symbol(String),
    /// Nothing is said.
    Unknown,
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dim::Fixed(n) => write!(f, "{n}"),
            Dim::Symbol(s) => f.write_str(s),
            Dim::Unknown => f.write_str("?"),
        }
    }
}

/// What one input of a model needs. Axis 0 is the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputNeed {
    /// The input's name.
    pub name: String,
    /// Its element type.
    pub dtype: Dtype,
    /// Its dimensions.
    pub dims: Vec<Dim>,
}

/// Why an array does not fit an input.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NeedError {
    /// Wrong element type.
    #[error("array `{name}` is {found}, the model's input wants {wanted}")]
    Type {
        /// The input.
        name: String,
        /// What the array holds.
        found: Dtype,
        /// What the model wants.
        wanted: Dtype,
    },
    /// Wrong shape.
    #[error(
        "array `{name}` has shape {found:?}, the model's input wants {wanted} (the first axis counts samples)"
    )]
    Shape {
        /// The input.
        name: String,
        /// The array's shape.
        found: Vec<usize>,
        /// The input's dimensions.
        wanted: String,
    },
    /// One symbol, two sizes.
    #[error("dimension `{symbol}` would be {first} and {second} at once (array `{name}`)")]
    Conflict {
        /// The input.
        name: String,
        /// The symbol.
        symbol: String,
        /// The value it had.
        first: usize,
        /// The value this array gives.
        second: usize,
    },
}

impl InputNeed {
    /// The dimensions as a person writes them.
    pub fn shape(&self) -> String {
        format!("[{}]", self.dims.iter().map(Dim::to_string).collect::<Vec<_>>().join(", "))
    }

    /// Checks an array, whose axis 0 counts samples, by its type and shape, and adds the values that
    /// it gives to symbols of other axes to `values`.
    ///
    /// # Errors
    /// [`NeedError`] names the input.
    pub fn bind(
        &self,
        dtype: Dtype,
        found: &[usize],
        values: &mut BTreeMap<String, usize>,
    ) -> Result<(), NeedError> {
        let name = || self.name.clone();
        if dtype != self.dtype {
            return Err(NeedError::Type { name: name(), found: dtype, wanted: self.dtype });
        }
        let fits = |(dim, size): (&Dim, &usize)| !matches!(dim, Dim::Fixed(n) if n != size);
        let rest = || self.dims.iter().zip(found).skip(1);
        if found.len() != self.dims.len() || found.is_empty() || !rest().all(fits) {
            return Err(NeedError::Shape {
                name: name(),
                found: found.to_vec(),
                wanted: self.shape(),
            });
        }
        for (dim, size) in rest() {
            let Dim::Symbol(symbol) = dim else { continue };
            let value = *values.entry(symbol.clone()).or_insert(*size);
            if value != *size {
                let (symbol, first, second) = (symbol.clone(), value, *size);
                return Err(NeedError::Conflict { name: name(), symbol, first, second });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need() -> InputNeed {
        let dims = vec![Dim::Symbol("N".into()), Dim::Fixed(3), Dim::Symbol("seq".into())];
        InputNeed { name: "x".into(), dtype: Dtype::F32, dims }
    }

    #[track_caller]
    fn refused(shape: &[usize], message: &str) {
        let mut values = BTreeMap::from([("seq".to_string(), 7)]);
        let refusal = need().bind(Dtype::F32, shape, &mut values).unwrap_err();
        assert_eq!(refusal.to_string(), message);
    }

    #[test]
    fn a_fitting_array_gives_values_to_symbols() {
        let mut values = BTreeMap::new();
        need().bind(Dtype::F32, &[9, 3, 5], &mut values).unwrap();
        assert_eq!(values, BTreeMap::from([("seq".to_string(), 5)]));
    }

    #[test]
    fn refusals_name_what_is_wrong() {
        refused(
            &[9, 4, 7],
            "array `x` has shape [9, 4, 7], the model's input wants [N, 3, seq] (the first axis counts samples)",
        );
        refused(&[9, 3, 5], "dimension `seq` would be 7 and 5 at once (array `x`)");
        let integers = need().bind(Dtype::I64, &[9, 3, 5], &mut BTreeMap::new());
        assert!(matches!(integers, Err(NeedError::Type { .. })));
    }
}
