//! The baseline's layers as the report draws them, and what flows between them.

/// A layer of the baseline: its name, the part of the network it belongs to, its outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportLayer {
    /// Its name, as decisions and layers.csv have it.
    pub name: String,
    /// The part of the network that it belongs to.
    pub module: String,
    /// Output channels; 0 where they cannot be counted.
    pub width: usize,
    /// Weights with one entry for each output along an axis, and that axis; `None` where it has none.
    pub outputs: Option<(String, usize)>,
}

/// Layers and what flows between them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReportNetwork {
    /// In the graph's order.
    pub layers: Vec<ReportLayer>,
    /// Pairs of positions in `layers`: the first feeds the second, directly or through layers without
    /// weights.
    pub edges: Vec<(usize, usize)>,
}
