//! A chart as SVG: axes, marks with their intervals, direct labels, and a title that screen readers read.
//!
//! Colours are classes of the page's style, so that light, dark and print need no other drawing.

use super::scale::FittedAxis;
use super::{AxisScale, Chart, ChartMark, ChartValue, MarkShape, MarkTone};
use crate::report::html::drawing::markup::{MarkupElement, text};

/// Size of a drawing in its own units; the page scales it to the width there is.
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 310.0;
/// Height of one band.
const BAND: f64 = 26.0;
/// Margins for titles and ticks: above, right, below, left.
const MARGIN: [f64; 4] = [14.0, 24.0, 46.0, 64.0];
/// Width of a letter of a tick, for the room that names of bands take.
const LETTER: f64 = 7.0;
/// Letters of a name that are drawn; all of it stands in the mark's title.
const LETTERS: usize = 26;
/// With more marks than these none is a stop of the keyboard; the chart's table has all.
const MOST_STOPS: usize = 60;

/// Draws a chart.
pub fn svg(chart: &Chart) -> String {
    let frame = ChartFrame::new(chart);
    let mut root = MarkupElement::new("svg");
    root.set("viewBox", &format!("0 0 {WIDTH} {:.0}", frame.height))
        .set("class", "chart")
        .set("role", "group")
        .set("aria-labelledby", &format!("{0}-title {0}-summary", chart.id));
    let mut title = MarkupElement::new("title");
    title.set("id", &format!("{}-title", chart.id)).say(&chart.title);
    let mut summary = MarkupElement::new("desc");
    summary.set("id", &format!("{}-summary", chart.id)).say(&chart.summary);
    root.push(title).push(summary);
    frame.axes(chart, &mut root);
    if let Some(line) = frame.line(chart) {
        root.push(line);
    }
    let stops = chart.marks.len() <= MOST_STOPS;
    for mark in chart.marks.iter().filter(|mark| mark.shape != MarkShape::Corner) {
        if let Some(drawn) = frame.mark(mark, stops) {
            root.push(drawn);
        }
    }
    frame.labels(chart, &mut root);
    root.text()
}

/// Scales of a chart and the rectangle that its marks lie in.
struct ChartFrame {
    x: FittedAxis,
    y: FittedAxis,
    left: f64,
    height: f64,
}

impl ChartFrame {
    fn new(chart: &Chart) -> ChartFrame {
        let bands = match &chart.y.scale {
            AxisScale::Bands(names) => Some(names),
            _ => None,
        };
        let longest = bands.into_iter().flatten().map(|name| shortened(name).chars().count()).max();
        let left = longest.map_or(MARGIN[3], |letters| 14.0 + LETTER * letters as f64);
        let height = bands.map_or(HEIGHT, |all| MARGIN[0] + MARGIN[2] + BAND * all.len() as f64);
        ChartFrame {
            x: FittedAxis::new(&chart.x.scale, &chart.reach_x()),
            y: FittedAxis::new(&chart.y.scale, &chart.reach_y()),
            left,
            height,
        }
    }

    fn bottom(&self) -> f64 {
        self.height - MARGIN[2]
    }

    fn at_x(&self, number: f64) -> Option<f64> {
        Some(self.left + self.x.place(number)? * (WIDTH - MARGIN[1] - self.left))
    }

    /// Bands are listed from above, numbers from below.
    fn at_y(&self, number: f64, chart_bands: bool) -> Option<f64> {
        let share = self.y.place(number)?;
        let span = self.bottom() - MARGIN[0];
        Some(if chart_bands { MARGIN[0] + share * span } else { self.bottom() - share * span })
    }

    fn axes(&self, chart: &Chart, root: &mut MarkupElement) {
        let bands = matches!(chart.y.scale, AxisScale::Bands(_));
        let right = WIDTH - MARGIN[1];
        for (number, words) in &self.x.ticks {
            let Some(x) = self.at_x(*number) else { continue };
            root.push(line("grid", (x, MARGIN[0]), (x, self.bottom())));
            root.push(label(words, (x, self.bottom() + 16.0), "tick middle"));
        }
        for (number, words) in &self.y.ticks {
            let Some(y) = self.at_y(*number, bands) else { continue };
            if !bands {
                root.push(line("grid", (self.left, y), (right, y)));
            }
            root.push(label(&shortened(words), (self.left - 8.0, y + 4.0), "tick end"));
        }
        let linear = matches!(chart.x.scale, AxisScale::Linear { .. });
        if let Some(zero) = self.at_x(0.0).filter(|x| linear && (self.left..=right).contains(x)) {
            root.push(line("zero", (zero, MARGIN[0]), (zero, self.bottom())));
        }
        let title = |axis: &super::ChartAxis| match axis.unit.as_str() {
            "" => axis.title.clone(),
            unit => format!("{} ({unit})", axis.title),
        };
        let middle = (self.left + right) / 2.0;
        root.push(label(&title(&chart.x), (middle, self.height - 8.0), "axis middle"));
        if !bands {
            let mut words = label(&title(&chart.y), (0.0, 0.0), "axis middle");
            let centre = (MARGIN[0] + self.bottom()) / 2.0;
            words.set("transform", &format!("translate(14 {centre:.1}) rotate(-90)"));
            root.push(words);
        }
        if bands {
            root.set("data-bands", "");
        }
    }

    /// The line through all corners.
    fn line(&self, chart: &Chart) -> Option<MarkupElement> {
        let corners = || chart.marks.iter().filter(|mark| mark.shape == MarkShape::Corner);
        let kind = corners().next().map_or("plain", |mark| tone(mark.tone));
        let places = corners().filter_map(|mark| {
            Some(format!("{:.1},{:.1}", self.at_x(mark.x.value)?, self.at_y(mark.y.value, false)?))
        });
        let points = places.collect::<Vec<_>>().join(" ");
        let mut drawn = MarkupElement::new("polyline");
        drawn.set("class", &format!("line {kind}")).set("points", &points);
        (!points.is_empty()).then_some(drawn)
    }

    fn mark(&self, mark: &ChartMark, stop: bool) -> Option<MarkupElement> {
        let bands = mark.shape == MarkShape::Bar || self.height != HEIGHT;
        let (x, y) = (self.at_x(mark.x.value)?, self.at_y(mark.y.value, bands)?);
        let mut group = MarkupElement::new("g");
        group.set("class", &format!("mark {}", tone(mark.tone)));
        if stop {
            group.set("tabindex", "0").set("role", "img");
        }
        if let Some(name) = &mark.selects {
            group.set("data-variant", name);
            if stop {
                group.set("role", "button");
            }
        }
        let mut title = MarkupElement::new("title");
        title.say(&match mark.label.as_str() {
            "" => mark.note.clone(),
            label => format!("{label}: {}", mark.note),
        });
        group.push(title);
        if mark.shape == MarkShape::Bar {
            let from = self.at_x(mark.from)?;
            let mut bar = MarkupElement::new("rect");
            bar.set("x", &format!("{:.1}", x.min(from)))
                .set("y", &format!("{:.1}", y - BAND * 0.32))
                .set("width", &format!("{:.1}", (x - from).abs().max(1.0)))
                .set("height", &format!("{:.1}", BAND * 0.64));
            group.push(bar);
        }
        self.intervals(mark, (x, y), bands, &mut group);
        if mark.shape == MarkShape::Point {
            let mut dot = MarkupElement::new("circle");
            dot.set("cx", &format!("{x:.1}"))
                .set("cy", &format!("{y:.1}"))
                .set("r", if stop { "5" } else { "2.5" });
            group.push(dot);
        }
        Some(group)
    }

    fn intervals(
        &self,
        mark: &ChartMark,
        (x, y): (f64, f64),
        bands: bool,
        group: &mut MarkupElement,
    ) {
        let ends = |of: ChartValue, place: &dyn Fn(f64) -> Option<f64>| {
            let (low, high) = of.bounds?;
            Some((place(low)?, place(high)?))
        };
        if let Some((low, high)) = ends(mark.x, &|v| self.at_x(v)) {
            group.push(line("interval", (low, y), (high, y)));
        }
        if let Some((low, high)) = ends(mark.y, &|v| self.at_y(v, bands)) {
            group.push(line("interval", (x, low), (x, high)));
        }
    }

    /// Names beside points, each where it covers no point and no other name. A name without such a place
    /// is left to the mark's title and the table.
    fn labels(&self, chart: &Chart, root: &mut MarkupElement) {
        if matches!(chart.y.scale, AxisScale::Bands(_)) {
            return;
        }
        let points = chart.marks.iter().filter(|mark| mark.shape == MarkShape::Point);
        let points: Vec<(&ChartMark, f64, f64)> = points
            .filter_map(|mark| {
                Some((mark, self.at_x(mark.x.value)?, self.at_y(mark.y.value, false)?))
            })
            .collect();
        let mut taken: Vec<LabelBox> =
            points.iter().map(|(_, x, y)| LabelBox::new(x - 6.0, y + 6.0, 12.0)).collect();
        for (mark, x, y) in points.iter().filter(|(mark, ..)| !mark.label.is_empty()) {
            let words = shortened(&mark.label);
            let width = LETTER * words.chars().count() as f64;
            let sides = [x + 9.0, x - 9.0 - width, x - width / 2.0];
            let places = LINES
                .iter()
                .flat_map(|down| sides.map(|left| LabelBox::new(left, y + down, width)));
            let free = |place: &LabelBox| {
                let inside = place.left >= self.left && place.right <= WIDTH;
                let between = place.top >= 0.0 && place.bottom <= self.bottom();
                inside && between && !taken.iter().any(|other| other.overlaps(place))
            };
            let found = places.into_iter().find(free);
            if let Some(place) = found {
                root.push(label(&words, (place.left, place.bottom - 3.0), "name"));
                taken.push(place);
            }
        }
    }
}

/// Lower edges of a name that are tried, from the point's centre downwards.
const LINES: [f64; 6] = [-3.0, 16.0, 7.0, -15.0, 28.0, -27.0];

/// Room between names on one line.
const BETWEEN: f64 = 5.0;

/// Room that a name or a point takes.
struct LabelBox {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl LabelBox {
    /// One line of text, or a point, above a lower edge.
    fn new(left: f64, bottom: f64, width: f64) -> LabelBox {
        LabelBox { left, right: left + width, top: bottom - 12.0, bottom }
    }

    fn overlaps(&self, other: &LabelBox) -> bool {
        self.left < other.right + BETWEEN
            && other.left < self.right + BETWEEN
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

/// The class of a tone.
fn tone(tone: MarkTone) -> &'static str {
    match tone {
        MarkTone::Plain => "plain",
        MarkTone::Reference => "reference",
        MarkTone::Better => "better",
        MarkTone::Worse => "worse",
        MarkTone::Unclear => "unclear",
    }
}

fn line(class: &str, from: (f64, f64), to: (f64, f64)) -> MarkupElement {
    let mut drawn = MarkupElement::new("line");
    drawn.set("class", class);
    for (name, value) in [("x1", from.0), ("y1", from.1), ("x2", to.0), ("y2", to.1)] {
        drawn.set(name, &format!("{value:.1}"));
    }
    drawn
}

fn label(words: &str, (x, y): (f64, f64), class: &str) -> MarkupElement {
    text(words, (x, y), class)
}

/// A name cut to what fits beside an axis; both of its ends stay, which tell it from its neighbours.
fn shortened(name: &str) -> String {
    let letters = name.chars().count();
    if letters <= LETTERS {
        return name.to_string();
    }
    let (begin, end) = (LETTERS / 2 - 1, LETTERS - LETTERS / 2);
    name.chars().take(begin).chain(['…']).chain(name.chars().skip(letters - end)).collect()
}
