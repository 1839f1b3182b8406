//! Robustness: quality of a model on disturbed inputs.

use crate::schema::{AttackFacts, AttackMethod, AttackNorm, ConfidenceInterval, Metric};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A way to change an input without changing what it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputDisturbance {
    /// Normal noise; strength in standard deviations of the input.
    Noise,
    /// A constant added; strength in standard deviations of the input.
    Brightness,
    /// Moved along the last two long axes; strength in entries.
    Shift,
    /// A rectangle replaced by the sample's mean; strength as a share of the area.
    Occlusion,
    /// Rounded to as many levels over the input's range as so many bits have.
    Quantized,
    /// Searched for, step by step, by looking at the scores; strength is the step in standard
    /// deviations of the input.
    Search,
    /// One step along the gradient's signs; strength is the largest change of an entry, as a share of
    /// the input's range.
    #[serde(rename = "fgsm_linf")]
    FgsmLinf,
    /// One step along the gradient; strength is the norm of the change, in ranges of the input.
    #[serde(rename = "fgsm_l2")]
    FgsmL2,
    /// Projected gradient descent; strength as of `fgsm_linf`.
    #[serde(rename = "pgd_linf")]
    PgdLinf,
    /// Projected gradient descent; strength as of `fgsm_l2`.
    #[serde(rename = "pgd_l2")]
    PgdL2,
    /// Inputs that `pgd_linf` found on the baseline.
    #[serde(rename = "transfer_linf")]
    TransferLinf,
    /// Inputs that `pgd_l2` found on the baseline.
    #[serde(rename = "transfer_l2")]
    TransferL2,
}

impl InputDisturbance {
    /// An attack by gradients.
    pub fn of_attack(method: AttackMethod, norm: AttackNorm) -> InputDisturbance {
        use InputDisturbance::{FgsmL2, FgsmLinf, PgdL2, PgdLinf, TransferL2, TransferLinf};
        match (method, norm) {
            (AttackMethod::Fgsm, AttackNorm::Linf) => FgsmLinf,
            (AttackMethod::Fgsm, AttackNorm::L2) => FgsmL2,
            (AttackMethod::Pgd, AttackNorm::Linf) => PgdLinf,
            (AttackMethod::Pgd, AttackNorm::L2) => PgdL2,
            (AttackMethod::Transfer, AttackNorm::Linf) => TransferLinf,
            (AttackMethod::Transfer, AttackNorm::L2) => TransferL2,
        }
    }

    /// Method and norm of an attack by gradients; `None` of other disturbances.
    pub fn attack(self) -> Option<(AttackMethod, AttackNorm)> {
        let methods = [AttackMethod::Fgsm, AttackMethod::Pgd, AttackMethod::Transfer];
        let mut all = methods
            .into_iter()
            .flat_map(|method| [AttackNorm::Linf, AttackNorm::L2].map(|norm| (method, norm)));
        all.find(|(method, norm)| InputDisturbance::of_attack(*method, *norm) == self)
    }

    /// As written in studies and files.
    pub fn name(self) -> &'static str {
        match self {
            InputDisturbance::Noise => "noise",
            InputDisturbance::Brightness => "brightness",
            InputDisturbance::Shift => "shift",
            InputDisturbance::Occlusion => "occlusion",
            InputDisturbance::Quantized => "quantized",
            InputDisturbance::Search => "search",
            InputDisturbance::FgsmLinf => "fgsm_linf",
            InputDisturbance::FgsmL2 => "fgsm_l2",
            InputDisturbance::PgdLinf => "pgd_linf",
            InputDisturbance::PgdL2 => "pgd_l2",
            InputDisturbance::TransferLinf => "transfer_linf",
            InputDisturbance::TransferL2 => "transfer_l2",
        }
    }
}

impl fmt::Display for InputDisturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Score of a model under one disturbance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RobustnessScore {
    /// Disturbance of the inputs.
    pub disturbance: InputDisturbance,
    /// Strength.
    pub strength: f64,
    /// The figure that is looked at.
    pub metric: Metric,
    /// Samples it stands on.
    pub samples: usize,
    /// Its value on the disturbed inputs.
    pub value: ConfidenceInterval,
    /// That less its value on the same inputs undisturbed.
    pub drop: ConfidenceInterval,
    /// The value less the baseline's on the same disturbed inputs; `None` for the baseline.
    pub change: Option<ConfidenceInterval>,
    /// By how much more the variant loses than the baseline: its drop less the baseline's drop.
    pub excess: Option<ConfidenceInterval>,
    /// Median number of queries after which a search succeeded, where it is one and ever did.
    pub queries: Option<f64>,
    /// Facts of an attack by gradients, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attack: Option<AttackFacts>,
}
