//! Limits of an operator: ranks, axes and attributes that every node of it must have, whatever it
//! reads, and what follows from them for the rank of its output.

/// Longest side of a window and its steps and margins, and most groups, heads or units: more than any
/// axis that fits in memory has.
pub(crate) const MOST_SPATIAL: i64 = 1 << 24;

/// The axis that the attribute `axis` names, in the first input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NamedAxis {
    /// The axis without the attribute.
    pub(crate) default: i64,
    /// Positions that are allowed beyond the last axis.
    pub(crate) beyond: i64,
}

/// The rank of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ParameterRank {
    pub(crate) slot: usize,
    /// Name in the specification.
    pub(crate) name: &'static str,
    pub(crate) least: usize,
    pub(crate) most: usize,
}

impl ParameterRank {
    pub(super) const fn new(slot: usize, name: &'static str, least: usize, most: usize) -> Self {
        ParameterRank { slot, name, least, most }
    }
}

/// The range of an integer attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AttributeRange {
    pub(crate) name: &'static str,
    pub(crate) least: i64,
    pub(crate) most: i64,
}

impl AttributeRange {
    /// At least 1.
    pub(super) const fn positive(name: &'static str) -> Self {
        AttributeRange { name, least: 1, most: MOST_SPATIAL }
    }
}

/// The rank of the first output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputRank {
    /// Not known from ranks alone.
    Unknown,
    /// That of the first input.
    OfFirstInput,
    /// The largest one of all inputs.
    Broadcast,
    /// Always the same.
    Fixed(usize),
    /// That of a matrix product of the first two inputs.
    Product,
    /// That of the first input with one axis replaced by those of the second.
    Indexed,
    /// The number of values in a slot.
    LengthOf(usize),
    /// That of the first input, or the number of values in the second if that is more.
    Expanded,
    /// More than that of the first input by the axes that are named.
    WithAxes,
    /// Less than that of the first input by the axes that are named.
    WithoutAxes,
    /// That of the first input, where `keepdims` says so.
    Reduced,
}

/// Inputs that may not be empty, because the operator computes with their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ComputedInputs {
    All,
    Slots(&'static [usize]),
}

/// The tensor whose axes the attribute `axes` lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListedAxes {
    Nothing,
    OfInput,
    OfOutput,
}

/// The source of the rank of the first input of an operator with a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WindowRank {
    Nothing,
    /// The rank of the weights in slot 1.
    Weights,
    /// The length of `kernel_shape`.
    Kernel,
}

/// Limits of one operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OperatorLimits {
    pub(crate) output_rank: OutputRank,
    pub(crate) computed: ComputedInputs,
    pub(crate) named_axis: Option<NamedAxis>,
    pub(crate) listed_axes: ListedAxes,
    pub(crate) parameter_ranks: &'static [ParameterRank],
    pub(crate) attribute_ranges: &'static [AttributeRange],
    /// An attribute that lists sizes, none of which may be negative.
    pub(crate) sizes: Option<&'static str>,
    /// True where kernel, strides, dilations and margins are attributes.
    pub(crate) windowed: bool,
    pub(crate) window_rank: WindowRank,
    /// True where `perm` names every axis once.
    pub(crate) permutes: bool,
    /// True where all inputs have one rank.
    pub(crate) equal_ranks: bool,
}

impl OperatorLimits {
    /// No limits.
    pub(super) const NONE: OperatorLimits = OperatorLimits {
        output_rank: OutputRank::Unknown,
        computed: ComputedInputs::Slots(&[]),
        named_axis: None,
        listed_axes: ListedAxes::Nothing,
        parameter_ranks: &[],
        attribute_ranges: &[],
        sizes: None,
        windowed: false,
        window_rank: WindowRank::Nothing,
        permutes: false,
        equal_ranks: false,
    };

    /// Limits of an operator whose first output has the rank of its first input.
    pub(super) const SAME_RANK: OperatorLimits =
        OperatorLimits { output_rank: OutputRank::OfFirstInput, ..OperatorLimits::NONE };

    pub(super) const fn computing(self) -> Self {
        OperatorLimits { computed: ComputedInputs::All, ..self }
    }

    pub(super) const fn axis(self, default: i64, beyond: i64) -> Self {
        OperatorLimits { named_axis: Some(NamedAxis { default, beyond }), ..self }
    }
}
