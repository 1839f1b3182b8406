//! Drawings of the report as static SVG: charts, and networks in their own topology.
//!
//! Knows nothing of variants and runs.

mod chart;
mod curve;
mod markup;
mod topology;

pub use chart::{
    AxisScale, Chart, ChartAxis, ChartMark, ChartValue, MarkShape, MarkTone, svg, vega_lite,
};
pub use curve::curve;
pub use markup::MarkupElement;
pub use topology::{LayerBox, topology};
