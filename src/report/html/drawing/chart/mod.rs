//! Charts as data: drawn as static SVG that needs no script, listed as a table for whoever does not see
//! it, and written as a Vega-Lite specification for whoever wants to check or change it.
//!
//! Knows nothing of variants and runs: numbers, intervals, labels and units.

mod scale;
mod specification;
mod svg;

pub use scale::AxisScale;
pub use specification::vega_lite;
pub use svg::svg;

/// A number and the interval around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChartValue {
    pub value: f64,
    /// Lower and upper bound; `None` where the number has no uncertainty.
    pub bounds: Option<(f64, f64)>,
}

impl ChartValue {
    pub fn exact(value: f64) -> ChartValue {
        ChartValue { value, bounds: None }
    }

    /// All numbers that an axis has to reach.
    fn extent(self) -> impl Iterator<Item = f64> {
        let (low, high) = self.bounds.unwrap_or((self.value, self.value));
        [low, self.value, high].into_iter().filter(|v| v.is_finite())
    }
}

/// An axis: its title, its unit, and how numbers become places.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartAxis {
    pub title: String,
    /// Unit of the numbers; empty where they have none.
    pub unit: String,
    pub scale: AxisScale,
}

/// Form of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkShape {
    /// A dot, with its intervals as lines.
    Point,
    /// A bar along x from [`ChartMark::from`] to the value.
    Bar,
    /// A corner of the line that joins all marks of this shape, in order.
    Corner,
}

/// Colour of a mark by what it means; the page's style gives the colours in light and dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkTone {
    Plain,
    /// The baseline, or a sum.
    Reference,
    /// Better than the reference beyond noise.
    Better,
    /// Worse than the reference beyond noise.
    Worse,
    /// Not to be told from noise.
    Unclear,
}

/// One mark of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartMark {
    pub shape: MarkShape,
    pub x: ChartValue,
    pub y: ChartValue,
    /// Start of a bar on the x axis.
    pub from: f64,
    pub label: String,
    /// Sentence that is shown on hover and focus, and stands in the table.
    pub note: String,
    pub tone: MarkTone,
    /// Name of what is selected when the mark is.
    pub selects: Option<String>,
}

/// A chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Identifier inside the page: letters, digits and `-`.
    pub id: String,
    pub title: String,
    /// Contents of the chart, in one sentence; read aloud by screen readers.
    pub summary: String,
    pub x: ChartAxis,
    pub y: ChartAxis,
    pub marks: Vec<ChartMark>,
}

impl Chart {
    /// Numbers along x that the marks reach.
    fn reach_x(&self) -> Vec<f64> {
        let bars = self.marks.iter().filter(|mark| mark.shape == MarkShape::Bar);
        let starts = bars.map(|mark| mark.from);
        self.marks.iter().flat_map(|mark| mark.x.extent()).chain(starts).collect()
    }

    /// Numbers along y that the marks reach.
    fn reach_y(&self) -> Vec<f64> {
        self.marks.iter().flat_map(|mark| mark.y.extent()).collect()
    }
}
