//! A layer, or several, as a network's drawing shows them.

/// A layer as it is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerBox {
    pub name: String,
    /// Line below the bar: precision and channels.
    pub facts: String,
    /// Channels of the baseline; 0 where nothing of the layer can be counted so.
    pub width: usize,
    /// Original indices of the channels that were removed.
    pub removed: Vec<usize>,
    /// Class of the colour: `f32`, `f16`, `int8` or `int4`.
    pub precision: String,
    /// Share of the time, 0 to 1; `None` where it was not measured.
    pub share: Option<f64>,
    /// Shown on hover and focus.
    pub note: String,
}
