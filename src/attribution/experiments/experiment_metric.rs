//! Metrics of an experiment that effects are on.

use crate::evaluate::{EvaluationTask, ResampledMetric};
use paring_core::schema::{Metric, TaskKind};
use serde::{Deserialize, Serialize};

/// A figure that every experiment has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ExperimentMetric {
    /// Share of right answers.
    Accuracy,
    /// Share of answers that differ from the baseline's.
    Flips,
    /// Share of answers that are the baseline's.
    Agreement,
    /// That share in one slice: a column and its value.
    SliceAgreement(String, String),
    /// Share of right answers among the samples of one class.
    Class(i64),
    /// Share of right answers in one slice: a column and its value.
    Slice(String, String),
    /// Mean F1 over classes.
    F1Macro,
    /// Expected calibration error.
    Ece,
    /// Any metric of the task, from all numbers of the answers.
    Metric(Metric),
    /// F1 of one class among several that may hold at once, or of one class's pixels.
    ClassF1(usize),
    /// Such a metric in one slice.
    SliceMetric(Metric, String, String),
    /// Share of samples without a usable answer.
    Unusable,
    /// Size of the file.
    FileBytes,
    /// Weights and biases.
    Params,
    /// Multiply-adds of a sample.
    Macs,
}

impl ExperimentMetric {
    /// The primary metric of a task.
    pub fn main(task: &EvaluationTask) -> ExperimentMetric {
        match (task.kind, task.primary) {
            (TaskKind::Classification, Metric::Accuracy) => ExperimentMetric::Accuracy,
            (TaskKind::Classification, Metric::F1Macro) => ExperimentMetric::F1Macro,
            (TaskKind::Classification, Metric::Ece) => ExperimentMetric::Ece,
            (TaskKind::Classification, Metric::Agreement) => ExperimentMetric::Agreement,
            (_, metric) => ExperimentMetric::Metric(metric),
        }
    }

    /// As it stands in files.
    pub fn metric(&self) -> String {
        match self {
            ExperimentMetric::Accuracy => "accuracy".into(),
            ExperimentMetric::Flips => "flips".into(),
            ExperimentMetric::Agreement => "agreement".into(),
            ExperimentMetric::SliceAgreement(..) => "slice_agreement".into(),
            ExperimentMetric::Class(_) => "class_accuracy".into(),
            ExperimentMetric::Slice(..) => "slice_accuracy".into(),
            ExperimentMetric::F1Macro => "f1_macro".into(),
            ExperimentMetric::Ece => "ece".into(),
            ExperimentMetric::Metric(metric) => metric.to_string(),
            ExperimentMetric::ClassF1(_) => "class_f1".into(),
            ExperimentMetric::SliceMetric(metric, ..) => format!("slice_{metric}"),
            ExperimentMetric::Unusable => "unusable".into(),
            ExperimentMetric::FileBytes => "file_bytes".into(),
            ExperimentMetric::Params => "params".into(),
            ExperimentMetric::Macs => "macs".into(),
        }
    }

    /// The class or slice that it is of.
    pub fn of(&self) -> Option<String> {
        match self {
            ExperimentMetric::Class(class) => Some(format!("class {class}")),
            ExperimentMetric::ClassF1(class) => Some(format!("class {class}")),
            ExperimentMetric::Slice(column, value)
            | ExperimentMetric::SliceAgreement(column, value)
            | ExperimentMetric::SliceMetric(_, column, value) => Some(format!("{column}={value}")),
            _ => None,
        }
    }

    /// The unit of its values.
    pub fn unit(&self) -> &'static str {
        match self {
            ExperimentMetric::FileBytes => "bytes",
            ExperimentMetric::Params => "weights",
            ExperimentMetric::Macs => "multiply-adds",
            ExperimentMetric::Metric(metric) | ExperimentMetric::SliceMetric(metric, ..)
                if !metric.is_share() =>
            {
                "number"
            }
            _ => "share",
        }
    }

    /// Tells whether higher is better.
    pub fn higher_is_better(&self) -> bool {
        match self {
            ExperimentMetric::Metric(metric) | ExperimentMetric::SliceMetric(metric, ..) => {
                metric.higher_is_better()
            }
            ExperimentMetric::Accuracy
            | ExperimentMetric::Class(_)
            | ExperimentMetric::Slice(..) => true,
            ExperimentMetric::Agreement | ExperimentMetric::SliceAgreement(..) => true,
            ExperimentMetric::F1Macro | ExperimentMetric::ClassF1(_) => true,
            _ => false,
        }
    }

    /// Tells whether it depends on the draw of samples.
    pub fn is_sampled(&self) -> bool {
        !matches!(
            self,
            ExperimentMetric::FileBytes | ExperimentMetric::Params | ExperimentMetric::Macs
        )
    }

    /// Tells whether it is a mean over samples, each with a share of its own.
    pub fn is_mean(&self) -> bool {
        use ExperimentMetric::{
            Accuracy, Agreement, Class, Flips, Slice, SliceAgreement, Unusable,
        };
        match self {
            Accuracy | Agreement | Flips | Class(_) | Slice(..) | SliceAgreement(..) => true,
            other => *other == Unusable,
        }
    }

    /// The figure of an exam that it is, and the slice that the exam is of.
    pub(crate) fn figure(&self) -> Option<(ResampledMetric, Option<(&str, &str)>)> {
        match self {
            ExperimentMetric::Metric(metric) => Some((ResampledMetric::Metric(*metric), None)),
            ExperimentMetric::ClassF1(class) => Some((ResampledMetric::ClassF1(*class), None)),
            ExperimentMetric::SliceMetric(metric, column, value) => {
                Some((ResampledMetric::Metric(*metric), Some((column, value))))
            }
            _ => None,
        }
    }
}
