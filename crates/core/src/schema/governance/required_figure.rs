//! Figures that a requirement can bound, as studies and files spell them.

use crate::schema::Metric;
use crate::toml_input::nearest_name;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A figure that a requirement bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RequiredFigure {
    /// A metric of quality on the report split.
    Quality(Metric),
    /// The baseline's value less the variant's, or the other way round where less is better: `_drop`,
    /// `_rise`. Above zero is worse.
    QualityLoss(Metric),
    /// A metric on disturbed inputs.
    Robust(Metric),
    /// Its loss against the baseline on the same disturbed inputs.
    RobustLoss(Metric),
    /// The largest less the smallest primary metric over the slices of a column.
    SliceSpread,
    /// Median latency in milliseconds.
    LatencyP50,
    /// 99th percentile of latency in milliseconds.
    LatencyP99,
    /// Baseline over variant.
    Speedup,
    /// Samples a second.
    Throughput,
    /// Peak resident set in bytes.
    PeakRss,
    /// The most that was allocated at once, in bytes.
    PeakHeap,
    /// Energy of one inference above idle, in microjoules.
    Energy,
    /// Bytes of the ONNX file.
    FileBytes,
    /// The same over the baseline's.
    FileBytesRatio,
    /// Weights and biases.
    Params,
    /// The same over the baseline's.
    ParamsRatio,
    /// Multiply-accumulates of one sample.
    Macs,
    /// The same over the baseline's.
    MacsRatio,
}

use RequiredFigure::{
    Energy, FileBytes, FileBytesRatio, LatencyP50, LatencyP99, Macs, MacsRatio, Params,
    ParamsRatio, PeakHeap, PeakRss, Quality, QualityLoss, Robust, RobustLoss, SliceSpread, Speedup,
    Throughput,
};

/// Figures that are no metric of quality.
const NAMED: [(RequiredFigure, &str); 14] = [
    (LatencyP50, "latency_p50_ms"),
    (LatencyP99, "latency_p99_ms"),
    (Speedup, "speedup"),
    (Throughput, "throughput_per_s"),
    (PeakRss, "peak_rss_bytes"),
    (PeakHeap, "peak_heap_bytes"),
    (Energy, "energy_per_inference_uj"),
    (FileBytes, "file_bytes"),
    (FileBytesRatio, "file_bytes_ratio"),
    (Params, "params"),
    (ParamsRatio, "params_ratio"),
    (Macs, "macs"),
    (MacsRatio, "macs_ratio"),
    (SliceSpread, "slice_spread"),
];

/// A word that names no figure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown metric `{found}`; {hint}")]
pub struct UnknownFigure {
    /// The word.
    pub found: String,
    /// The figure that was probably meant, or the known ones.
    pub hint: String,
}

impl RequiredFigure {
    /// True where each target and setting has a value of its own.
    pub fn is_measured(self) -> bool {
        use RequiredFigure::*;
        matches!(self, LatencyP50 | LatencyP99 | Speedup | Throughput | PeakRss | PeakHeap | Energy)
    }

    /// The metric of quality behind it, if it is about one.
    pub fn metric(self) -> Option<Metric> {
        match self {
            Quality(metric) | QualityLoss(metric) | Robust(metric) | RobustLoss(metric) => {
                Some(metric)
            }
            _ => None,
        }
    }

    /// True of a loss against the baseline.
    pub fn is_loss(self) -> bool {
        matches!(self, QualityLoss(_) | RobustLoss(_))
    }

    /// True of metrics on disturbed inputs.
    pub fn is_robust(self) -> bool {
        matches!(self, Robust(_) | RobustLoss(_))
    }

    /// Names for the nearest of them to be found.
    fn known_names() -> Vec<String> {
        let metrics = Metric::names();
        let each = metrics.flat_map(|(metric, name)| {
            let loss = format!("{name}{}", loss_suffix(metric));
            let own = if metric.needs_baseline() { vec![] } else { vec![loss] };
            std::iter::once(name.to_string()).chain(own)
        });
        let named = NAMED.iter().map(|(_, name)| name.to_string());
        let robust = ["robust_accuracy", "robust_accuracy_drop"].map(str::to_string);
        each.chain(named).chain(robust).collect()
    }
}

/// The ending of a metric's loss.
fn loss_suffix(metric: Metric) -> &'static str {
    if metric.higher_is_better() { "_drop" } else { "_rise" }
}

impl fmt::Display for RequiredFigure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Quality(metric) => write!(f, "{metric}"),
            QualityLoss(metric) => write!(f, "{metric}{}", loss_suffix(metric)),
            Robust(metric) => write!(f, "robust_{metric}"),
            RobustLoss(metric) => write!(f, "robust_{metric}{}", loss_suffix(metric)),
            other => {
                let named = NAMED.iter().find(|(figure, _)| *figure == other);
                f.write_str(named.map_or("figure", |(_, name)| name))
            }
        }
    }
}

impl FromStr for RequiredFigure {
    type Err = UnknownFigure;

    fn from_str(text: &str) -> Result<Self, UnknownFigure> {
        if let Some((figure, _)) = NAMED.iter().find(|(_, name)| *name == text) {
            return Ok(*figure);
        }
        let unknown = |hint: String| UnknownFigure { found: text.to_string(), hint };
        let (own, robust) = match text.strip_prefix("robust_") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        if let Ok(metric) = own.parse::<Metric>() {
            return Ok(if robust { Robust(metric) } else { Quality(metric) });
        }
        for suffix in ["_drop", "_rise"] {
            let Some(Ok(metric)) = own.strip_suffix(suffix).map(str::parse::<Metric>) else {
                continue;
            };
            if metric.needs_baseline() {
                return Err(unknown(format!(
                    "`{metric}` compares with the baseline already: bound it itself"
                )));
            }
            return match loss_suffix(metric) == suffix {
                true => Ok(if robust { RobustLoss(metric) } else { QualityLoss(metric) }),
                false => Err(unknown(format!("did you mean `{metric}{}`?", loss_suffix(metric)))),
            };
        }
        let known = RequiredFigure::known_names();
        Err(unknown(match nearest_name(text, known.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("known here are `{}`", known.join("`, `")),
        }))
    }
}

impl TryFrom<String> for RequiredFigure {
    type Error = UnknownFigure;

    fn try_from(text: String) -> Result<Self, UnknownFigure> {
        text.parse()
    }
}

impl From<RequiredFigure> for String {
    fn from(figure: RequiredFigure) -> String {
        figure.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for name in RequiredFigure::known_names() {
            let figure: RequiredFigure = name.parse().unwrap();
            assert_eq!(figure.to_string(), name);
        }
        assert_eq!("top_3_drop".parse(), Ok(QualityLoss(Metric::Top(3))));
        assert_eq!("robust_accuracy_drop".parse(), Ok(RobustLoss(Metric::Accuracy)));
        assert_eq!("ece_rise".parse(), Ok(QualityLoss(Metric::Ece)));
    }

    #[track_caller]
    fn refused(name: &str, message: &str) {
        assert_eq!(name.parse::<RequiredFigure>().unwrap_err().to_string(), message);
    }

    #[test]
    fn unknown_names_are_answered_with_the_nearest() {
        refused("latency_p50", "unknown metric `latency_p50`; did you mean `latency_p50_ms`?");
        refused("acuracy_drop", "unknown metric `acuracy_drop`; did you mean `accuracy_drop`?");
        refused("ece_drop", "unknown metric `ece_drop`; did you mean `ece_rise`?");
        refused(
            "agreement_drop",
            "unknown metric `agreement_drop`; `agreement` compares with the baseline already: bound it itself",
        );
        let message = "zzz".parse::<RequiredFigure>().unwrap_err().to_string();
        assert!(
            message.starts_with("unknown metric `zzz`; known here are `accuracy`, `accuracy_drop`")
        );
    }
}
