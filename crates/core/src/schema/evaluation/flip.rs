//! Predictions sample by sample, and flips between two models.

use serde::{Deserialize, Serialize};

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SamplePrediction {
    /// Index of the sample in the dataset.
    pub sample: usize,
    /// True class; `None` where the data have no labels.
    pub label: Option<i64>,
    /// Predicted class; `None` when the scores held no number to compare.
    pub class: Option<i64>,
    /// Probability given to the predicted class.
    pub confidence: Option<f64>,
    /// Confidence less that of the runner-up.
    pub margin: Option<f64>,
}

impl SamplePrediction {
    /// True if the predicted class is the label.
    pub fn is_right(&self) -> bool {
        self.label.is_some() && self.class == self.label
    }
}

/// Kind of a flip against the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlipKind {
    /// The baseline was right, the variant is wrong.
    RightToWrong,
    /// The baseline was wrong, the variant is right.
    WrongToRight,
    /// Both are wrong, each in its own way.
    WrongToWrong,
    /// The classes differ; no label says which is right.
    Changed,
}

impl FlipKind {
    /// As written in files.
    pub fn name(self) -> &'static str {
        match self {
            FlipKind::RightToWrong => "right_to_wrong",
            FlipKind::WrongToRight => "wrong_to_right",
            FlipKind::WrongToWrong => "wrong_to_wrong",
            FlipKind::Changed => "changed",
        }
    }

    /// The flip from `before` to `now`, if there is one.
    pub fn of(before: &SamplePrediction, now: &SamplePrediction) -> Option<FlipKind> {
        match (before.is_right(), now.is_right()) {
            _ if before.class == now.class => None,
            _ if now.label.is_none() => Some(FlipKind::Changed),
            (true, _) => Some(FlipKind::RightToWrong),
            (false, true) => Some(FlipKind::WrongToRight),
            (false, false) => Some(FlipKind::WrongToWrong),
        }
    }
}

/// Flips against the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlipSummary {
    /// The baseline was right, the variant is wrong.
    pub right_to_wrong: usize,
    /// The baseline was wrong, the variant is right.
    pub wrong_to_right: usize,
    /// Both are wrong, each in its own way.
    pub wrong_to_wrong: usize,
    /// Exact McNemar: how likely so unequal numbers of losses and gains are by chance.
    pub p_value: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(label: i64, class: Option<i64>) -> SamplePrediction {
        SamplePrediction { sample: 0, label: Some(label), class, confidence: None, margin: None }
    }

    #[test]
    fn flips_are_told_apart() {
        let of = |before, now| FlipKind::of(&answer(1, before), &answer(1, now));
        assert_eq!(of(Some(1), Some(1)), None);
        assert_eq!(of(None, None), None);
        assert_eq!(of(Some(1), Some(2)), Some(FlipKind::RightToWrong));
        assert_eq!(of(Some(1), None), Some(FlipKind::RightToWrong));
        assert_eq!(of(Some(0), Some(1)), Some(FlipKind::WrongToRight));
        assert_eq!(of(Some(0), Some(2)), Some(FlipKind::WrongToWrong));
        let unlabelled = |class| SamplePrediction { label: None, ..answer(0, class) };
        let changed = FlipKind::of(&unlabelled(Some(1)), &unlabelled(Some(2)));
        assert_eq!(changed, Some(FlipKind::Changed));
        assert!(!unlabelled(None).is_right());
    }
}
