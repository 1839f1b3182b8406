//! Drawings of the report as static SVG: charts, and networks in their own topology.
//!
//! Knows nothing of variants and runs.

mod chart;
mod curve;
mod layer_box;
mod markup;
mod network_folding;
mod topology;

pub use chart::{
    AxisScale, Chart, ChartAxis, ChartMark, ChartValue, MarkShape, MarkTone, svg, vega_lite,
};
pub use curve::curve;
pub use layer_box::LayerBox;
pub use markup::MarkupElement;
pub use topology::NetworkDrawing;
