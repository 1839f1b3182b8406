//! The task of a model, and the meaning of its outputs.

use paring_core::schema::{Metric, ScoreKind, TaskKind};
use serde::{Deserialize, Serialize};

/// A task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluationTask {
    /// Its kind.
    pub kind: TaskKind,
    /// Probabilities or logits.
    pub scores: ScoreKind,
    /// Positive class of precision, recall and the like; `None` for the mean over classes,
    /// and for class 1 where there are two.
    pub positive: Option<usize>,
    /// Decision threshold: probability or score from which a prediction counts as positive; `None` for the most probable
    /// class, and for a probability of one half where classes do not exclude each other.
    pub threshold: Option<f64>,
    /// The metric that counts most.
    pub primary: Metric,
    /// Metrics beside those of its kind, such as `top_3`.
    pub further: Vec<Metric>,
}

/// A metric that needs labels, of data without any.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("metric `{metric}` needs labels, and the data have none; without labels there are `{}`", .kind.without_labels())]
pub struct MetricNeedsLabels {
    /// The metric.
    pub metric: Metric,
    /// The task.
    pub kind: TaskKind,
}

impl Default for EvaluationTask {
    fn default() -> Self {
        EvaluationTask::new(TaskKind::Classification, ScoreKind::Probabilities)
    }
}

impl EvaluationTask {
    /// A task of a kind, with its usual metrics.
    pub fn new(kind: TaskKind, scores: ScoreKind) -> EvaluationTask {
        let primary = kind.metrics().first().copied().unwrap_or(Metric::Accuracy);
        EvaluationTask { kind, scores, positive: None, threshold: None, primary, further: vec![] }
    }

    /// The probability from which on the positive one of two classes is predicted, and that class.
    pub(crate) fn rule(&self) -> Option<(f64, usize)> {
        self.threshold.map(|threshold| (threshold, self.positive.unwrap_or(1)))
    }

    /// All metrics that are asked for, each once.
    pub fn metrics(&self) -> Vec<Metric> {
        let mut all = self.kind.metrics().to_vec();
        for metric in self.further.iter().chain([&self.primary]) {
            if !all.contains(metric) {
                all.push(*metric);
            }
        }
        all
    }

    /// The same on data with or without labels: without them, unless `named` is the metric that counts
    /// most, that is how much of the baseline's answers is kept.
    ///
    /// # Errors
    /// [`MetricNeedsLabels`] where a metric is named that needs labels, and there are none.
    pub fn on_data(
        &self,
        named: Option<Metric>,
        labelled: bool,
    ) -> Result<EvaluationTask, MetricNeedsLabels> {
        match named.filter(|metric| !metric.needs_baseline()) {
            _ if labelled => Ok(self.clone()),
            Some(metric) => Err(MetricNeedsLabels { metric, kind: self.kind }),
            None => Ok(EvaluationTask {
                primary: named.unwrap_or(self.kind.fidelity()),
                ..self.clone()
            }),
        }
    }

    /// Tells whether the primary metric follows from predicted classes and their confidences: nothing else of an output
    /// has to be kept.
    pub fn is_by_class(&self) -> bool {
        use Metric::{Accuracy, Agreement, Ece, F1Macro};
        let told = matches!(self.primary, Accuracy | Agreement | F1Macro | Ece);
        self.kind == TaskKind::Classification && told
    }

    /// Tells whether a metric can be the primary one of tasks of this kind. Noise that is none has
    /// no decibels: of the baseline they are infinite.
    pub fn knows(kind: TaskKind, metric: Metric) -> bool {
        metric != Metric::Sqnr && kind.metrics().contains(&metric)
            || (kind == TaskKind::Classification && matches!(metric, Metric::Top(_)))
    }
}
