//! Needs of a model's inputs, and arrays held against them.

use super::Dtype;
use std::collections::BTreeMap;
use std::fmt;

/// One dimension of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dim {
    /// A number.
    Fixed(usize),
    /// A name or expression; `INPUT:AXIS` where the file gives none.
    Symbol(String),
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dim::Fixed(n) => write!(f, "{n}"),
            Dim::Symbol(s) => f.write_str(s),
        }
    }
}

/// Needs of one input of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputNeed {
    /// The input's name.
    pub name: String,
    /// Its element type.
    pub dtype: Dtype,
    /// Its dimensions.
    pub dims: Vec<Dim>,
    /// The axis that counts the samples of an inference; `None` where all of them share one value, as
    /// a sample rate or an initial state.
    pub batch_axis: Option<usize>,
}

/// Arrangement of an input's samples in an array of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleArrangement {
    /// One entry a sample along axis 0.
    Entries,
    /// Likewise, without the input's own first axis, which has size 1.
    Squeezed,
    /// One value for all samples.
    Shared,
}

/// Errors of an array that does not fit an input.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputNeedError {
    /// Wrong element type.
    #[error("array `{name}` is {found}, the model's input expects {wanted}")]
    Type {
        /// The input.
        name: String,
        /// Samples or values of the array.
        found: Dtype,
        /// The model's need.
        wanted: Dtype,
    },
    /// Wrong shape.
    #[error("array `{name}` has shape {found:?}, the model's input expects {wanted}")]
    Shape {
        /// The input.
        name: String,
        /// The array's shape.
        found: Vec<usize>,
        /// The input's dimensions, and where samples are counted.
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

    /// An input whose axis 0 counts samples.
    pub fn batched(name: &str, dtype: Dtype, dims: Vec<Dim>) -> InputNeed {
        InputNeed { name: name.to_string(), dtype, dims, batch_axis: Some(0) }
    }

    /// Dimensions of one sample: without axis 0 where that counts samples.
    pub fn sample_dims(&self) -> impl Iterator<Item = (usize, &Dim)> {
        let from = if self.batch_axis == Some(0) { 1 } else { 0 };
        self.dims.iter().enumerate().skip(from)
    }

    /// The arrangement of samples in an array of shape `found`.
    pub fn arrangement(&self, found: &[usize]) -> SampleArrangement {
        if self.batch_axis == Some(0) || found.len() != self.dims.len() {
            return SampleArrangement::Entries;
        }
        let fits = |(dim, size): (&Dim, &usize)| !matches!(dim, Dim::Fixed(n) if n != size);
        match (self.dims.first(), found.first()) {
            (Some(Dim::Fixed(1)), Some(entries)) if *entries != 1 => SampleArrangement::Squeezed,
            _ if self.dims.iter().zip(found).all(fits) => SampleArrangement::Shared,
            _ => SampleArrangement::Entries,
        }
    }

    /// Checks an array, whose axis 0 counts samples, by its type and shape, and adds the values that
    /// it gives to symbols of other axes to `values`.
    ///
    /// # Errors
    /// [`InputNeedError`] names the input.
    pub fn bind(
        &self,
        dtype: Dtype,
        found: &[usize],
        values: &mut BTreeMap<String, usize>,
    ) -> Result<(), InputNeedError> {
        let name = || self.name.clone();
        if dtype != self.dtype {
            return Err(InputNeedError::Type { name: name(), found: dtype, wanted: self.dtype });
        }
        let own = |axis: usize| self.batch_axis == Some(axis);
        let fits = |((axis, dim), size): ((usize, &Dim), &usize)| match dim {
            Dim::Fixed(n) => n == size,
            Dim::Symbol(_) => *size > 0 && (!own(axis) || *size == 1),
        };
        let sizes = || self.sample_dims().zip(found.iter().skip(1));
        if found.len() != self.sample_dims().count() + 1 || !sizes().all(fits) {
            return Err(InputNeedError::Shape {
                name: name(),
                found: found.to_vec(),
                wanted: match self.batch_axis {
                    Some(0) => format!("{} (the first axis counts samples)", self.shape()),
                    _ => format!(
                        "{} (once for all samples, or behind a first axis that counts them)",
                        self.shape()
                    ),
                },
            });
        }
        for ((axis, dim), size) in sizes() {
            let Dim::Symbol(symbol) = dim else { continue };
            if own(axis) {
                continue;
            }
            let value = *values.entry(symbol.clone()).or_insert(*size);
            if value != *size {
                let (symbol, first, second) = (symbol.clone(), value, *size);
                return Err(InputNeedError::Conflict { name: name(), symbol, first, second });
            }
        }
        Ok(())
    }
}

/// Dimensions of inputs that have no value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no value for {}; give --dims \"{}\"", list(dims), assignments(dims))]
pub struct UnknownSizes {
    /// Their names, each once.
    pub dims: Vec<String>,
}

/// Names as a sentence has them.
fn list(dims: &[String]) -> String {
    let noun = if dims.len() == 1 { "the dimension" } else { "the dimensions" };
    format!("{noun} `{}`", dims.join("`, `"))
}

/// Text to type for values of dimensions: `seq=SIZE,x:2=SIZE`.
fn assignments(dims: &[String]) -> String {
    dims.iter().map(|dim| format!("{dim}=SIZE")).collect::<Vec<_>>().join(",")
}

impl UnknownSizes {
    /// The dimensions of a sample of `needs` that are neither fixed nor in `dims`.
    ///
    /// # Errors
    /// [`UnknownSizes`] if there are any.
    pub fn none(needs: &[InputNeed], dims: &BTreeMap<String, usize>) -> Result<(), UnknownSizes> {
        let mut unknown: Vec<String> = Vec::new();
        for need in needs {
            for (axis, dim) in need.sample_dims() {
                let Dim::Symbol(name) = dim else { continue };
                let known = need.batch_axis == Some(axis) || dims.contains_key(name);
                if !known && !unknown.contains(name) {
                    unknown.push(name.clone());
                }
            }
        }
        if unknown.is_empty() { Ok(()) } else { Err(UnknownSizes { dims: unknown }) }
    }
}

/// Finds the axis of each of a model's inputs that counts the samples of an inference.
///
/// That is axis 0 where it has a name, or the size that most likely is the batch: 1 where the inputs'
/// first axes are fixed to several sizes. Names of first axes that are another input's inner axis
/// (`[batch, length]` beside `[length]`) are no batch, and an input without a batch in front has it
/// where its name stands (`[2, batch, 128]`), or not at all.
pub fn assign_batch_axes(needs: &mut [InputNeed]) {
    let symbol = |dim: &Dim| match dim {
        Dim::Symbol(name) => Some(name.clone()),
        Dim::Fixed(_) => None,
    };
    let firsts: Vec<Dim> = needs.iter().filter_map(|need| need.dims.first().cloned()).collect();
    let outer: Vec<String> = firsts.iter().filter_map(symbol).collect();
    let inner: Vec<String> =
        needs.iter().flat_map(|need| need.dims.iter().skip(1)).filter_map(symbol).collect();
    let mut names: Vec<&String> = outer.iter().filter(|name| !inner.contains(name)).collect();
    if names.is_empty() {
        names.extend(outer.first());
    }
    let fixed = match firsts.contains(&Dim::Fixed(1)) {
        true => Some(&Dim::Fixed(1)),
        false => firsts.first(),
    };
    for need in needs {
        let named = |dim: &Dim| matches!(dim, Dim::Symbol(name) if names.contains(&name));
        need.batch_axis = match names.is_empty() {
            false => need.dims.iter().position(named),
            true => need.dims.first().filter(|first| Some(*first) == fixed).map(|_| 0),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need() -> InputNeed {
        let dims = vec![Dim::Symbol("N".into()), Dim::Fixed(3), Dim::Symbol("seq".into())];
        InputNeed::batched("x", Dtype::F32, dims)
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
            "array `x` has shape [9, 4, 7], the model's input expects [N, 3, seq] (the first axis counts samples)",
        );
        refused(&[9, 3, 5], "dimension `seq` would be 7 and 5 at once (array `x`)");
        let integers = need().bind(Dtype::I64, &[9, 3, 5], &mut BTreeMap::new());
        assert!(matches!(integers, Err(InputNeedError::Type { .. })));
    }

    /// Batch axes of inputs whose dimensions are written as `N 3 ?`.
    #[track_caller]
    fn axes(shapes: &[&str], expected: &[Option<usize>]) {
        let dim = |text: &str| match text.parse() {
            Ok(size) => Dim::Fixed(size),
            Err(_) => Dim::Symbol(text.into()),
        };
        let need = |shape: &&str| {
            let dims = shape.split_whitespace().map(dim).collect();
            InputNeed::batched(shape, Dtype::F32, dims)
        };
        let mut needs: Vec<InputNeed> = shapes.iter().map(need).collect();
        assign_batch_axes(&mut needs);
        assert_eq!(needs.iter().map(|n| n.batch_axis).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_batch_is_where_its_name_or_size_stands() {
        axes(&["N 3"], &[Some(0)]);
        axes(&["a:0 3", "b:0 4"], &[Some(0), Some(0)]);
        axes(&["batch length", "2 batch 128", ""], &[Some(0), Some(1), None]);
        axes(&["length", "batch length"], &[None, Some(0)]);
        axes(&["input:0 input:1", "2 state:1 128", ""], &[Some(0), None, None]);
        axes(&["N 3", "1 4"], &[Some(0), None]);
        axes(&["2 3", "2 4"], &[Some(0), Some(0)]);
        axes(&["2 1 128", "1 576"], &[None, Some(0)]);
        axes(&["", ""], &[None, None]);
    }

    #[test]
    fn a_shared_value_is_told_from_one_a_sample() {
        let fixed = |sizes: &[usize]| sizes.iter().map(|n| Dim::Fixed(*n)).collect();
        let state =
            InputNeed { batch_axis: None, ..InputNeed::batched("s", Dtype::F32, fixed(&[2, 4])) };
        assert_eq!(state.arrangement(&[2, 4]), SampleArrangement::Shared);
        assert_eq!(state.arrangement(&[9, 2, 4]), SampleArrangement::Entries);
        assert_eq!(state.arrangement(&[2, 5]), SampleArrangement::Entries);
        let one = InputNeed { dims: fixed(&[1, 4]), ..state.clone() };
        assert_eq!(one.arrangement(&[1, 4]), SampleArrangement::Shared);
        assert_eq!(one.arrangement(&[9, 4]), SampleArrangement::Squeezed);
        let error = state.bind(Dtype::F32, &[2, 5], &mut BTreeMap::new()).unwrap_err();
        let said = "array `s` has shape [2, 5], the model's input expects [2, 4] (once for all samples, or behind a first axis that counts them)";
        assert_eq!(error.to_string(), said);
    }
}
