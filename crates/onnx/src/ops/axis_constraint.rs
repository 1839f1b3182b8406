//! Constraints that a node puts on the axes of the tensors it reads and gives.

/// A tensor and the number of one of its axes.
pub type TensorAxis<'a> = (&'a str, usize);

/// A tensor, the number of one of its axes, and an index along it.
pub type TensorEntry<'a> = (&'a str, usize, usize);

/// A constraint on what may be removed from tensors. Constraints of a node are applied in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AxisConstraint<'a> {
    /// Entries of both axes go together, index by index. Axes of different or unknown lengths are kept.
    TieAxes {
        /// One axis.
        first: TensorAxis<'a>,
        /// The other one.
        second: TensorAxis<'a>,
    },
    /// Runs of entries go together, one by one; entries that do not exist are ignored.
    TieEntries {
        /// First entry of one run.
        first: TensorEntry<'a>,
        /// First entry of the other one.
        second: TensorEntry<'a>,
        /// Length of both.
        count: usize,
    },
    /// No entry of the axis can be removed.
    Pin {
        /// The axis.
        axis: TensorAxis<'a>,
        /// The reason, for users.
        reason: String,
    },
    /// Entries can be removed, which changes the values of the others.
    Lossy {
        /// The axis.
        axis: TensorAxis<'a>,
        /// The reason, for users.
        reason: String,
    },
    /// An axis is the product of several, only one of which can carry components, because what remains
    /// must still be a box: the first that is not kept anyway, or the last. The others are kept.
    Factor {
        /// The axis of all.
        whole: TensorAxis<'a>,
        /// The tensor that has the factors.
        tensor: &'a str,
        /// Its axes, in ascending order.
        factors: Vec<usize>,
        /// True where the last free factor carries the components, not the first.
        last: bool,
        /// The reason why the other factors are kept, for users.
        reason: String,
    },
}
