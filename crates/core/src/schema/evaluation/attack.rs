//! Adversarial attacks by gradients: methods, norms, and the facts that stand beside a score.

use crate::schema::ConfidenceInterval;
use serde::{Deserialize, Serialize};

/// A way to find a small change of an input that makes a model wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttackMethod {
    /// One step along the loss's gradient: the fast gradient (sign) method (Goodfellow et al. 2015,
    /// arXiv 1412.6572).
    Fgsm,
    /// Projected gradient descent: many small steps with restarts (Madry et al. 2018, arXiv 1706.06083).
    Pgd,
    /// Inputs found by PGD on the baseline.
    Transfer,
}

/// The norm that bounds a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttackNorm {
    /// The largest change of any entry.
    Linf,
    /// The root of the sum of all changes squared.
    L2,
}

/// The graph whose gradients an attack follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttackGradientSource {
    /// The model's own.
    Own,
    /// A float graph with the model's rounding, which passes gradients straight through.
    StraightThrough,
    /// The baseline's.
    Baseline,
}

/// The range that attacked inputs stay in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputRangeSource {
    /// Given by the user.
    Declared,
    /// Seen in the data.
    Observed,
}

/// Facts of an attack, beside the score under it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttackFacts {
    /// Steps of one run.
    pub steps: usize,
    /// Runs, the first from the sample itself, the others from random places near it.
    pub restarts: usize,
    /// The graph whose gradients were followed.
    pub gradients: AttackGradientSource,
    /// The reason why it is not the model's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_own: Option<String>,
    /// The range that inputs stay in.
    pub range: InputRangeSource,
    /// Reasons why the figure is not sound; empty where every check holds.
    pub unsound: Vec<String>,
    /// The share of right answers under attack, class by class and slice by slice.
    pub parts: Vec<AttackedPart>,
}

/// Right answers under attack within a class or a slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttackedPart {
    /// `class 3`, or `column = value`.
    pub of: String,
    /// Samples in it.
    pub samples: usize,
    /// Their share of right answers.
    pub value: ConfidenceInterval,
}
