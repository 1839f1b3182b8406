//! Trials of removals as values: the model and budget of them, and their observations.

use paring_agent::engine::DimensionBindings;
use paring_compress::catalog::Calibration;
use paring_compress::{ChannelPruning, RemovalSavings};
use paring_core::schema::Metric;
use paring_core::stats::DoseResponse;
use paring_onnx::graph::Graph;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Model and calibration samples that removals are tried on.
#[derive(Clone, Copy, Debug)]
pub struct ForecastBasis<'a> {
    /// The baseline.
    pub graph: &'a Graph,
    /// At which shapes are taken.
    pub bindings: DimensionBindings<'a>,
    /// Samples that removals are judged and made up for on.
    pub calibration: &'a Calibration,
    /// Prune steps that forecasts will be asked of.
    pub prunings: &'a [ChannelPruning],
    /// Seeds which removals are tried.
    pub seed: u64,
}

/// Budget of trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForecastBudget {
    /// Removals of each kind.
    pub probes: usize,
    /// Samples that forecasts are for.
    pub reported: usize,
    /// They are timed as well: no two times are the same, nor then two ledgers.
    pub timed: bool,
}

/// A removal that was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct RemovalTrial {
    /// The kind of removal: components and recovery.
    pub removal: String,
    /// Its output error.
    pub error: f64,
    /// Deterioration of the metric, in its units.
    pub harm: f64,
    /// Standard error of that from the draw of samples.
    pub standard_error: f64,
}

/// The baseline on the samples that removals are tried on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BaselineReference {
    /// The task's primary metric.
    pub metric: Metric,
    /// Its value.
    pub value: f64,
    /// Number of classes, where answers are classes.
    pub classes: usize,
    /// Number of samples.
    pub samples: usize,
}

impl BaselineReference {
    /// The harm that cannot be exceeded, of metrics that have a worst value; without one they fall to
    /// what guessing gives.
    pub(super) fn ceiling(&self) -> Option<f64> {
        use Metric::*;
        let guess = 1.0 / self.classes.max(1) as f64;
        match self.metric {
            Accuracy | Agreement if self.classes > 1 => Some(self.value - guess),
            Top(k) => Some(self.value - (k as f64 * guess).min(1.0)),
            Auc => Some(self.value - 0.5),
            FalseNegativeRate => Some(1.0 - self.value),
            metric if metric.is_share() => Some(self.value),
            _ => None,
        }
    }

    /// True of a metric between 0 and 1.
    pub(super) fn is_bounded(&self) -> bool {
        self.metric.is_share() || self.metric == Metric::Auc
    }
}

/// Observations of removals.
#[derive(Clone, Debug)]
pub(super) struct RemovalTrials {
    /// The baseline; `None` where its metric has no value, or none that could be forecast.
    pub(super) reference: Option<BaselineReference>,
    /// Changes of the metric.
    pub(super) tried: Vec<RemovalTrial>,
    /// Savings.
    pub(super) savings: ObservedSavings,
}

/// Promised savings and those observed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ObservedSavings {
    pub(super) times: Vec<DoseResponse>,
    pub(super) bytes: Vec<DoseResponse>,
    pub(super) nodes_ns: BTreeMap<String, f64>,
}

/// The part of the nodes' times that a removal saves if time falls as multiply-adds do.
pub(super) fn expected_time_ns(nodes_ns: &BTreeMap<String, f64>, saves: &RemovalSavings) -> f64 {
    saves.macs.iter().map(|(node, share)| nodes_ns.get(node).unwrap_or(&0.0) * share).sum()
}
