//! A chart as a Vega-Lite specification, for other viewers and for checking what was drawn.
//!
//! Source: vega.github.io/schema/vega-lite/v5.json.

use super::{AxisScale, Chart, ChartAxis, ChartMark, MarkShape};
use serde_json::{Value, json};

/// The specification: one layer of intervals and one of marks over the same rows.
pub fn vega_lite(chart: &Chart) -> Value {
    let rows: Vec<Value> = chart.marks.iter().map(|mark| row(chart, mark)).collect();
    let (x, y) = (encoding("x", &chart.x), encoding("y", &chart.y));
    let shape = chart.marks.first().map_or(MarkShape::Point, |mark| mark.shape);
    let marks = match shape {
        MarkShape::Point => json!({ "mark": "point", "encoding": { "x": x, "y": y } }),
        MarkShape::Corner => json!({ "mark": "line", "encoding": { "x": x, "y": y } }),
        MarkShape::Bar => {
            json!({ "mark": "bar", "encoding": { "x": x, "x2": { "field": "from" }, "y": y } })
        }
    };
    let across = json!({
        "mark": "rule",
        "encoding": { "x": with_field(&x, "x_low"), "x2": { "field": "x_high" }, "y": y },
    });
    let upright = json!({
        "mark": "rule",
        "encoding": { "x": x, "y": with_field(&y, "y_low"), "y2": { "field": "y_high" } },
    });
    json!({
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": chart.title,
        "description": chart.summary,
        "width": 600,
        "data": { "values": rows },
        "layer": [across, upright, marks],
    })
}

fn encoding(field: &str, axis: &ChartAxis) -> Value {
    let title = match axis.unit.as_str() {
        "" => axis.title.clone(),
        unit => format!("{} ({unit})", axis.title),
    };
    match &axis.scale {
        AxisScale::Bands(names) => {
            json!({ "field": field, "type": "nominal", "sort": names, "title": title })
        }
        AxisScale::Log => json!({
            "field": field, "type": "quantitative", "title": title, "scale": { "type": "log" }
        }),
        AxisScale::Linear { zero } => json!({
            "field": field, "type": "quantitative", "title": title, "scale": { "zero": zero }
        }),
    }
}

fn with_field(encoding: &Value, field: &str) -> Value {
    let mut other = encoding.clone();
    other["field"] = json!(field);
    other
}

fn row(chart: &Chart, mark: &ChartMark) -> Value {
    let named = |axis: &ChartAxis, number: f64| match &axis.scale {
        AxisScale::Bands(names) => json!(names.get(number as usize)),
        _ => json!(number),
    };
    let mut row = json!({
        "label": mark.label,
        "note": mark.note,
        "x": named(&chart.x, mark.x.value),
        "y": named(&chart.y, mark.y.value),
        "from": mark.from,
    });
    for (axis, estimate) in [("x", mark.x), ("y", mark.y)] {
        if let Some((low, high)) = estimate.bounds {
            row[format!("{axis}_low")] = json!(low);
            row[format!("{axis}_high")] = json!(high);
        }
    }
    row
}
