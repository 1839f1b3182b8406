//! The comparison of runs as plain values, as they are written as JSON.

use super::figures::{FigureChange, UnjudgedFigure};
use super::sources::{ComparedSource, RowFigures};
use paring_core::schema::{ConfidenceInterval, SpeedVerdict};
use serde::Serialize;
use std::fmt;

/// The identity by which two rows were matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum RowMatch {
    /// File, engine options and target.
    #[serde(rename = "variant id")]
    Identity,
    /// The name and the target: the file or its options changed.
    #[serde(rename = "name")]
    Name,
    /// File and engine options, on a target of another name.
    #[serde(rename = "variant id on another target")]
    OtherTarget,
    /// Only one of the two has it.
    #[serde(rename = "none")]
    Alone,
}

/// The data behind a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ChangeBasis {
    /// Paired blocks of both journals.
    #[serde(rename = "paired blocks")]
    Blocks,
    /// The intervals of both result files.
    #[serde(rename = "intervals")]
    Intervals,
    /// Latencies measured at different times, with nothing beside them.
    #[serde(rename = "sequential")]
    Sequential,
}

impl fmt::Display for ChangeBasis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ChangeBasis::Blocks => "paired blocks",
            ChangeBasis::Intervals => "intervals",
            ChangeBasis::Sequential => "sequential",
        })
    }
}

/// A variant in two runs.
#[derive(Clone, Debug, Serialize)]
pub struct ComparedVariant {
    /// Position of the other run among the sources; the first is compared with it.
    pub source: usize,
    /// The identity by which the rows were matched.
    pub matched_by: RowMatch,
    /// In the first run.
    pub before: Option<RowFigures>,
    /// In the other.
    pub after: Option<RowFigures>,
    /// The data behind the change.
    pub basis: Option<ChangeBasis>,
    /// Ratio of speeds: speed-up after over before, or, where sequential, latency
    /// before over after. Above 1 is faster.
    pub change: Option<ConfidenceInterval>,
    /// The verdict; `None` where the rows are not comparable.
    pub verdict: Option<SpeedVerdict>,
    /// The reasons for which they are not, or not judged.
    pub not_comparable: Vec<String>,
    /// Differences that were accepted on request.
    pub accepted: Vec<String>,
    /// Changes of quality, size, memory and energy, whether or not the speeds can be compared.
    pub figures: Vec<FigureChange>,
    /// Figures that were not judged.
    pub unjudged: Vec<UnjudgedFigure>,
}

impl ComparedVariant {
    /// The row that there is, the later one first.
    pub fn either(&self) -> Option<&RowFigures> {
        self.after.as_ref().or(self.before.as_ref())
    }

    /// Name, target and setting, for a person.
    pub fn label(&self) -> String {
        self.either().map(RowFigures::label).unwrap_or_default()
    }

    /// The target; where the two sides have different ones, both.
    pub fn target_label(&self) -> String {
        match (&self.before, &self.after) {
            (Some(a), Some(b)) if a.target != b.target && !a.target.is_empty() => {
                format!("{} → {}", a.target, b.target)
            }
            _ => self.either().map(|f| f.target.clone()).unwrap_or_default(),
        }
    }
}

/// A variant through three runs or more.
#[derive(Clone, Debug, Serialize)]
pub struct SpeedupSeries {
    /// Its name.
    pub variant: String,
    /// The target.
    pub target: String,
    /// The figure that is followed: `speedup`, or `latency_p50_ns` of a baseline.
    pub figure: &'static str,
    /// Its values, in the order of the sources; `None` where one lacks it.
    pub values: Vec<Option<f64>>,
    /// The last change in percent; above 0 is faster.
    pub last_pct: f64,
    /// The least change that is flagged, in percent.
    pub threshold_pct: f64,
    /// Earlier changes that the threshold comes from.
    pub changes: usize,
    /// The last change reaches it.
    pub flagged: bool,
}

/// Several runs against the first.
#[derive(Clone, Debug, Serialize)]
pub struct RunComparison {
    /// Format version.
    pub schema: u32,
    /// The sources: path, run and start.
    pub sources: Vec<ComparedSource>,
    /// Every variant of the first run beside every other run's.
    pub rows: Vec<ComparedVariant>,
    /// Half-width, in percent, of what the runs themselves differ by; one entry a source, `None` for
    /// the first.
    pub spread_pct: Vec<Option<f64>>,
    /// Identical variants that the spread comes from; below 4 the default stands.
    pub spread_rows: Vec<usize>,
    /// Variants followed through three runs or more.
    pub history: Vec<SpeedupSeries>,
}

impl RunComparison {
    /// Variants that became slower, for a person.
    pub fn regressions(&self) -> Vec<String> {
        let rows = self.rows.iter().filter(|row| row.verdict == Some(SpeedVerdict::Slower));
        let slower = rows.map(|row| {
            let change = row.change.map_or(f64::NAN, |c| c.value);
            format!("`{}` runs at {change:.3} of its earlier speed", row.label())
        });
        let flagged = self.history.iter().filter(|s| s.flagged && s.last_pct < 0.0);
        let flagged = flagged.map(|s| {
            let (last, most) = (s.last_pct, s.threshold_pct);
            format!("`{}` changed by {last:+.1} %, its history allows {most:.1} %", s.variant)
        });
        slower.chain(flagged).collect()
    }

    /// Rows that could not be compared, for a person.
    pub fn incomparable(&self) -> Vec<String> {
        let rows = self.rows.iter().filter(|row| row.verdict.is_none());
        rows.map(|row| format!("`{}`: {}", row.label(), row.not_comparable.join("; "))).collect()
    }
}
