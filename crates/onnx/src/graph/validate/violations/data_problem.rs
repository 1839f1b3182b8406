//! Contradictions inside an initializer, and how they read.

use std::fmt;

/// A contradiction inside an initializer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataProblem {
    /// The element type is none of the standard.
    ElementType(i32),
    /// A dimension is negative.
    Dimension(i64),
    /// The number of elements is more than any machine can address.
    Size,
    /// The values are in a field that does not hold this type.
    Field,
    /// The values are in several fields.
    Fields,
    /// The data have another length than shape and type give.
    Length {
        /// Bytes of `raw_data`, elements of another field.
        found: u64,
        /// Likewise.
        expected: u64,
    },
}

impl fmt::Display for DataProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataProblem::ElementType(number) => write!(f, "has no element type ({number})"),
            DataProblem::Dimension(size) => write!(f, "has the dimension {size}"),
            DataProblem::Size => f.write_str("has more elements than can be addressed"),
            DataProblem::Field => f.write_str("has its values in a field of another type"),
            DataProblem::Fields => f.write_str("has values in several fields"),
            DataProblem::Length { found, expected } => {
                write!(f, "has {found} values or bytes where its shape and type need {expected}")
            }
        }
    }
}
