//! Changes of quality, size, memory and energy between two runs, as they are written as JSON.

use paring_core::schema::ConfidenceInterval;
use serde::Serialize;
use std::fmt;

/// A figure beside speed that runs are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparedFigure {
    /// The primary metric on the report split.
    Accuracy,
    /// The model's file.
    Size,
    /// Peak resident set.
    Memory,
    /// Energy of an inference above idle.
    Energy,
}

impl ComparedFigure {
    /// All of them, in the order of reports.
    pub const ALL: [ComparedFigure; 4] = [
        ComparedFigure::Accuracy,
        ComparedFigure::Size,
        ComparedFigure::Memory,
        ComparedFigure::Energy,
    ];

    /// The column of results.csv; of quality the metric's own name stands for it.
    pub(in crate::report::compare) fn column(self) -> &'static str {
        match self {
            ComparedFigure::Accuracy => "metric_value",
            ComparedFigure::Size => "file_bytes",
            ComparedFigure::Memory => "peak_rss_bytes",
            ComparedFigure::Energy => "energy_per_inference_uj",
        }
    }

    /// Tells whether the figure is the variant's own, on whatever target.
    pub(in crate::report::compare) fn is_of_variant(self) -> bool {
        matches!(self, ComparedFigure::Accuracy | ComparedFigure::Size)
    }
}

impl fmt::Display for ComparedFigure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ComparedFigure::Accuracy => "accuracy",
            ComparedFigure::Size => "size",
            ComparedFigure::Memory => "memory",
            ComparedFigure::Energy => "energy",
        })
    }
}

/// Verdict on a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum FigureVerdict {
    /// All of the interval lies on the better side, beyond the margin.
    #[serde(rename = "better")]
    Better,
    /// All of it lies on the worse side, beyond the margin.
    #[serde(rename = "worse")]
    Worse,
    /// All of it lies within the margin.
    #[serde(rename = "unchanged")]
    Unchanged,
    /// None of these.
    #[serde(rename = "cannot tell")]
    CannotTell,
}

impl fmt::Display for FigureVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FigureVerdict::Better => "better",
            FigureVerdict::Worse => "worse",
            FigureVerdict::Unchanged => "unchanged",
            FigureVerdict::CannotTell => "cannot tell",
        })
    }
}

/// The data behind the change of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum FigureBasis {
    /// The answers of both runs to the same samples.
    #[serde(rename = "same samples")]
    SameSamples,
    /// The intervals of both runs.
    #[serde(rename = "two intervals")]
    TwoIntervals,
    /// Counts without an error.
    #[serde(rename = "exact")]
    Exact,
    /// Two values without intervals.
    #[serde(rename = "two values")]
    TwoValues,
}

impl fmt::Display for FigureBasis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FigureBasis::SameSamples => "same samples",
            FigureBasis::TwoIntervals => "two intervals",
            FigureBasis::Exact => "exact",
            FigureBasis::TwoValues => "two values",
        })
    }
}

/// Change of a figure between two runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FigureChange {
    /// The figure.
    pub figure: ComparedFigure,
    /// The metric, or the column of results.csv.
    pub name: String,
    /// In the first run.
    pub before: f64,
    /// In the other.
    pub after: f64,
    /// Of quality after − before, of all others after / before.
    pub change: ConfidenceInterval,
    /// The data behind it.
    pub basis: FigureBasis,
    /// The verdict.
    pub verdict: FigureVerdict,
}

/// A figure that was not judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnjudgedFigure {
    /// The figure.
    pub figure: ComparedFigure,
    /// The reason.
    pub reason: String,
}
