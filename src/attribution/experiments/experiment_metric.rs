//! What of an experiment an effect is an effect on.

use crate::evaluate::{Figure, Task};
use paring_core::schema::{Metric, TaskKind};
use serde::{Deserialize, Serialize};

/// A figure that every experiment has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Aspect {
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

impl Aspect {
    /// What counts most in a task.
    pub fn main(task: &Task) -> Aspect {
        match (task.kind, task.primary) {
            (TaskKind::Classification, Metric::Accuracy) => Aspect::Accuracy,
            (TaskKind::Classification, Metric::F1Macro) => Aspect::F1Macro,
            (TaskKind::Classification, Metric::Ece) => Aspect::Ece,
            (TaskKind::Classification, Metric::Agreement) => Aspect::Agreement,
            (_, metric) => Aspect::Metric(metric),
        }
    }

    /// As it stands in files.
    pub fn metric(&self) -> String {
        match self {
            Aspect::Accuracy => "accuracy".into(),
            Aspect::Flips => "flips".into(),
            Aspect::Agreement => "agreement".into(),
            Aspect::SliceAgreement(..) => "slice_agreement".into(),
            Aspect::Class(_) => "class_accuracy".into(),
            Aspect::Slice(..) => "slice_accuracy".into(),
            Aspect::F1Macro => "f1_macro".into(),
            Aspect::Ece => "ece".into(),
            Aspect::Metric(metric) => metric.to_string(),
            Aspect::ClassF1(_) => "class_f1".into(),
            Aspect::SliceMetric(metric, ..) => format!("slice_{metric}"),
            Aspect::Unusable => "unusable".into(),
            Aspect::FileBytes => "file_bytes".into(),
            Aspect::Params => "params".into(),
            Aspect::Macs => "macs".into(),
        }
    }

    /// The class or slice that it is of.
    pub fn of(&self) -> Option<String> {
        match self {
            Aspect::Class(class) => Some(format!("class {class}")),
            Aspect::ClassF1(class) => Some(format!("class {class}")),
            Aspect::Slice(column, value)
            | Aspect::SliceAgreement(column, value)
            | Aspect::SliceMetric(_, column, value) => Some(format!("{column}={value}")),
            _ => None,
        }
    }

    /// The unit of its values.
    pub fn unit(&self) -> &'static str {
        match self {
            Aspect::FileBytes => "bytes",
            Aspect::Params => "weights",
            Aspect::Macs => "multiply-adds",
            Aspect::Metric(metric) | Aspect::SliceMetric(metric, ..) if !metric.is_share() => {
                "number"
            }
            _ => "share",
        }
    }

    /// Whether more of it is better.
    pub fn higher_is_better(&self) -> bool {
        match self {
            Aspect::Metric(metric) | Aspect::SliceMetric(metric, ..) => metric.higher_is_better(),
            Aspect::Accuracy | Aspect::Class(_) | Aspect::Slice(..) => true,
            Aspect::Agreement | Aspect::SliceAgreement(..) => true,
            Aspect::F1Macro | Aspect::ClassF1(_) => true,
            _ => false,
        }
    }

    /// Whether it depends on the draw of samples.
    pub fn is_sampled(&self) -> bool {
        !matches!(self, Aspect::FileBytes | Aspect::Params | Aspect::Macs)
    }

    /// Whether it is a mean over samples, each with a share of its own.
    pub fn is_mean(&self) -> bool {
        use Aspect::{Accuracy, Agreement, Class, Flips, Slice, SliceAgreement, Unusable};
        match self {
            Accuracy | Agreement | Flips | Class(_) | Slice(..) | SliceAgreement(..) => true,
            other => *other == Unusable,
        }
    }

    /// The figure of an exam that it is, and the slice that the exam is of.
    pub(crate) fn figure(&self) -> Option<(Figure, Option<(&str, &str)>)> {
        match self {
            Aspect::Metric(metric) => Some((Figure::Metric(*metric), None)),
            Aspect::ClassF1(class) => Some((Figure::ClassF1(*class), None)),
            Aspect::SliceMetric(metric, column, value) => {
                Some((Figure::Metric(*metric), Some((column, value))))
            }
            _ => None,
        }
    }
}
