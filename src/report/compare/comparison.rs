//! What a comparison is made of and what it finds: plain values, as they are written as JSON.

use super::row_figures::Figures;
use super::source::Source;
use paring_core::schema::{ConfidenceInterval, SpeedVerdict};
use serde::Serialize;
use std::fmt;

/// What two rows have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Match {
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

/// What a change stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Basis {
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

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Basis::Blocks => "paired blocks",
            Basis::Intervals => "intervals",
            Basis::Sequential => "sequential",
        })
    }
}

/// A variant in two runs.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// Position of the other run among the sources; the first is compared with it.
    pub source: usize,
    /// How the rows were matched.
    pub matched_by: Match,
    /// In the first run.
    pub before: Option<Figures>,
    /// In the other.
    pub after: Option<Figures>,
    /// What the change stands on.
    pub basis: Option<Basis>,
    /// How much faster the variant became: speed-up after over before, or, where sequential, latency
    /// before over after. Above 1 is faster.
    pub change: Option<ConfidenceInterval>,
    /// What can be said; `None` where the rows are not comparable.
    pub verdict: Option<SpeedVerdict>,
    /// Why they are not, or not judged.
    pub not_comparable: Vec<String>,
    /// Differences that were accepted on request.
    pub accepted: Vec<String>,
}

impl Compared {
    /// The row that there is, the later one first.
    pub fn either(&self) -> Option<&Figures> {
        self.after.as_ref().or(self.before.as_ref())
    }

    /// Name, target and setting, for a person.
    pub fn label(&self) -> String {
        let Some(figures) = self.either() else { return String::new() };
        let mut label = figures.variant.clone();
        if figures.batch != 1 {
            label += &format!(" (batch {})", figures.batch);
        }
        if figures.threads > 1 || figures.streams > 1 {
            label += &format!(" ({} threads, {} streams)", figures.threads, figures.streams);
        }
        label
    }
}

/// A variant through three runs or more.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// Its name.
    pub variant: String,
    /// The target.
    pub target: String,
    /// What is followed: `speedup`, or `latency_p50_ns` of a baseline.
    pub figure: &'static str,
    /// Its values, in the order of the sources; `None` where one lacks it.
    pub values: Vec<Option<f64>>,
    /// The last change in percent; above 0 is faster.
    pub last_pct: f64,
    /// What a change has to reach to be flagged, in percent.
    pub threshold_pct: f64,
    /// Earlier changes that the threshold comes from.
    pub changes: usize,
    /// Whether the last change reaches it.
    pub flagged: bool,
}

/// Several runs against the first.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Format version.
    pub schema: u32,
    /// What was read: path, run and when.
    pub sources: Vec<Source>,
    /// Every variant of the first run beside every other run's.
    pub rows: Vec<Compared>,
    /// Half-width, in percent, of what the runs themselves differ by; one entry a source, `None` for
    /// the first.
    pub spread_pct: Vec<Option<f64>>,
    /// Identical variants that the spread comes from; below 4 the default stands.
    pub spread_rows: Vec<usize>,
    /// Variants followed through three runs or more.
    pub history: Vec<Series>,
}

impl Comparison {
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
