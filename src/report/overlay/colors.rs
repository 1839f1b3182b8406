//! Colours of an overlay by value: light enough that names on them can be read, dark where it matters.

use serde_json::{Value, json};

/// Colours of a quantity's nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum OverlayColors {
    /// From the smallest value of the file to its largest.
    Gradient,
    /// Upper bounds of ranges, the same in every file, so that variants can be compared.
    Thresholds(&'static [(f64, &'static str)]),
    /// One for each word.
    Words,
}

/// From almost white to dark orange.
const GRADIENT: [(f64, &str); 3] = [(0.0, "#fff5eb"), (0.5, "#fdae6b"), (1.0, "#a63603")];

/// Shares of a layer that are gone.
pub(super) const REMOVED: OverlayColors = OverlayColors::Thresholds(&[
    (0.0, "#ffffff"),
    (0.125, "#fde0dd"),
    (0.25, "#fbb4b9"),
    (0.5, "#f768a1"),
    (0.75, "#c51b8a"),
    (1.0, "#7a0177"),
]);

/// Likeness that is lost, 1 less linear CKA.
pub(super) const DIFFERENCE: OverlayColors = OverlayColors::Thresholds(&[
    (0.005, "#ffffff"),
    (0.02, "#fee5d9"),
    (0.05, "#fcae91"),
    (0.1, "#fb6a4a"),
    (0.25, "#de2d26"),
    (1.0, "#a50f15"),
]);

impl OverlayColors {
    /// The part of a file that says them.
    pub(super) fn entry(self) -> Option<(&'static str, Value)> {
        match self {
            OverlayColors::Gradient => {
                let stop = |(at, color): &(f64, &str)| json!({ "stop": at, "bgColor": color });
                Some(("gradient", GRADIENT.iter().map(stop).collect()))
            }
            OverlayColors::Thresholds(bounds) => {
                let bound =
                    |(value, color): &(f64, &str)| json!({ "value": value, "bgColor": color });
                Some(("thresholds", bounds.iter().map(bound).collect()))
            }
            OverlayColors::Words => None,
        }
    }
}

/// The colour of a precision.
pub(super) fn of_precision(name: &str) -> &'static str {
    match name {
        "int8" => "#a1d99b",
        "int4" => "#9ecae1",
        "f16" => "#dadaeb",
        "f32" => "#f0f0f0",
        _ => "#fdd0a2",
    }
}
