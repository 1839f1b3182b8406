//! Kinds of components.

use serde::Serialize;
use std::fmt;

/// The kind of a coupling's components, or of a stretch that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ComponentKind {
    /// Channels of a convolution.
    Channel,
    /// Outputs of a matrix product.
    Neuron,
    /// Heads of an attention, or groups of them that share keys and values.
    Head,
    /// A whole layer.
    Layer,
    /// A residual block.
    Block,
}

impl fmt::Display for ComponentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ComponentKind::Channel => "channel",
            ComponentKind::Neuron => "neuron",
            ComponentKind::Head => "head",
            ComponentKind::Layer => "layer",
            ComponentKind::Block => "block",
        })
    }
}
