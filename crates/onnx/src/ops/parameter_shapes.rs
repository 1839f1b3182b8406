//! Requirements on the shapes of parameters that a node does not meet.

/// A requirement that the shape of an input does not meet.
pub(crate) struct UnmetShape<'a> {
    pub(crate) slot: usize,
    /// Name in the specification.
    pub(crate) parameter: &'static str,
    pub(crate) dims: &'a [i64],
    /// The requirement, as the end of "must …": "have 2 dimensions".
    pub(crate) expected: String,
}

/// A list attribute whose length contradicts the shape of the weights.
pub(crate) struct UnmetLength {
    pub(crate) attribute: &'static str,
    pub(crate) found: usize,
    pub(crate) expected: usize,
}

/// Unmet requirements of one node, in the order in which they are reported: lengths first.
#[derive(Default)]
pub(crate) struct UnmetShapes<'a> {
    pub(crate) lengths: Vec<UnmetLength>,
    pub(crate) shapes: Vec<UnmetShape<'a>>,
}

/// Shapes of a node's inputs that are initializers or constants, by slot.
pub(crate) type StoredDims<'a, 'q> = &'q dyn Fn(usize) -> Option<&'a [i64]>;
