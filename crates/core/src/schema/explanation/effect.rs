//! The change in one metric that one group of decisions caused, with its uncertainty.

use crate::schema::{ConfidenceInterval, MissingReason};
use serde::{Deserialize, Serialize};

/// An effect. Changes are variant less baseline, in the metric's own unit; intervals hold 95 %.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Id of the group.
    pub group: String,
    /// A metric of the task (`accuracy`, `mse`), `flips`, `class_accuracy`, `class_f1`,
    /// `slice_accuracy`, `unusable`, `robustness`, `file_bytes`, `params`, `macs`, `latency`,
    /// `peak_rss_bytes`, `peak_heap_bytes`, `energy_per_inference`.
    pub metric: String,
    /// The class, slice or disturbance, where the metric is of one: `class 3`, `speaker=17`,
    /// `noise 0.3`.
    pub of: Option<String>,
    /// The machine, where the metric depends on one.
    pub target: Option<String>,
    /// `share`, `number`, `bytes`, `weights`, `multiply-adds`, `ns`, `uj`.
    pub unit: String,
    /// The group alone on the baseline.
    pub solo: Option<ConfidenceInterval>,
    /// The group on top of all others.
    pub leave_one_out: Option<ConfidenceInterval>,
    /// The Shapley value: its mean over all orders of joining.
    pub shapley: Option<ConfidenceInterval>,
    /// Standard error of the Shapley value from trying some orders instead of all; 0 where exact.
    pub shapley_error: Option<f64>,
    /// Standard deviation from the draw of report samples.
    pub sampling_sd: Option<f64>,
    /// Standard deviation from the draw of calibration samples and seeds.
    pub recipe_sd: Option<f64>,
    /// The effect of the recipe whatever the draw: both deviations together.
    pub together: Option<ConfidenceInterval>,
    /// Draws of calibration samples behind it.
    pub draws: usize,
    /// True if the effect is there whatever the draw; `None` where one draw shows none, or only one
    /// was made.
    pub survives: Option<bool>,
    /// p-value of the sign-flip test over the samples' shares. Of
    /// the Shapley value; without one, of the group on top of all others.
    pub p_value: Option<f64>,
    /// After Holm's correction over the groups.
    pub holm: Option<f64>,
    /// After Benjamini and Hochberg's correction over the groups.
    pub benjamini_hochberg: Option<f64>,
    /// Method of the figures.
    pub method: String,
    /// Reason that figures do not exist.
    pub missing: Option<MissingReason>,
    /// Of a figure under attack the reasons why it is not sound, each with the model that it is about;
    /// empty where every check of every model behind the effect holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsound: Option<Vec<String>>,
}

impl Effect {
    /// True of a figure under attack that breaks a rule which every sound attack keeps.
    pub fn is_unsound(&self) -> bool {
        self.unsound.as_ref().is_some_and(|reasons| !reasons.is_empty())
    }

    /// An effect of which nothing is known yet but what it would be.
    pub fn unknown(group: &str, metric: &str, target: Option<&str>, unit: &str) -> Effect {
        Effect {
            group: group.into(),
            metric: metric.into(),
            of: None,
            target: target.map(Into::into),
            unit: unit.into(),
            solo: None,
            leave_one_out: None,
            shapley: None,
            shapley_error: None,
            sampling_sd: None,
            recipe_sd: None,
            together: None,
            draws: 1,
            survives: None,
            p_value: None,
            holm: None,
            benjamini_hochberg: None,
            method: String::new(),
            missing: None,
            unsound: None,
        }
    }
}

/// Value of a metric for the baseline and the variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricTotal {
    /// As in [`Effect`].
    pub metric: String,
    /// As in [`Effect`].
    pub of: Option<String>,
    /// As in [`Effect`].
    pub target: Option<String>,
    /// As in [`Effect`].
    pub unit: String,
    /// Samples that it is over, where it is over samples.
    pub samples: Option<usize>,
    /// Of the baseline.
    pub baseline: f64,
    /// Of the variant.
    pub variant: f64,
    /// Variant less baseline, with its interval from the draw of report samples.
    pub change: ConfidenceInterval,
    /// Sum of the groups' Shapley values less the change: what the division left over.
    pub left_over: Option<f64>,
    /// As in [`Effect`]: of the baseline and the variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsound: Option<Vec<String>>,
}

impl MetricTotal {
    /// As of an [`Effect`].
    pub fn is_unsound(&self) -> bool {
        self.unsound.as_ref().is_some_and(|reasons| !reasons.is_empty())
    }
}

/// Two groups that do together what they do not do apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupInteraction {
    /// Ids of the two groups.
    pub groups: [String; 2],
    /// As in [`Effect`].
    pub metric: String,
    /// v(N) − v(N∖i) − v(N∖j) + v(N∖ij), with its interval.
    pub value: ConfidenceInterval,
    /// p-value.
    pub p_value: f64,
    /// After Holm's correction over all pairs.
    pub holm: f64,
}
