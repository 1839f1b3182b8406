//! Criteria of importance.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A criterion of importance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criterion {
    /// Sum of the weights' magnitudes.
    L1,
    /// Root of the sum of their squares.
    L2,
    /// Mean magnitude of what the reading layers see of it.
    Activation,
    /// Magnitude of the reading weights times the norm of what they read.
    Wanda,
    /// Error of the reading layers when their weights make up for it: optimal brain surgeon.
    Obs,
    /// Mean size of the loss's derivative by a factor of it.
    Taylor,
    /// Mean square of the loss's derivative by a factor of it.
    Fisher,
    /// Mean fall of the loss as a factor of it grows: −weight times gradient, accumulated.
    Movement,
    /// None: a control that every other must beat.
    Random,
}

impl Criterion {
    /// All criteria.
    pub const ALL: [Criterion; 9] = [
        Criterion::L1,
        Criterion::L2,
        Criterion::Activation,
        Criterion::Wanda,
        Criterion::Obs,
        Criterion::Taylor,
        Criterion::Fisher,
        Criterion::Movement,
        Criterion::Random,
    ];

    /// True of criteria that look at calibration samples.
    pub fn needs_data(self) -> bool {
        matches!(self, Criterion::Activation | Criterion::Wanda | Criterion::Obs)
            || self.needs_gradients()
    }

    /// True of criteria that look at gradients of the loss, for which calibration samples need labels.
    pub fn needs_gradients(self) -> bool {
        matches!(self, Criterion::Taylor | Criterion::Fisher | Criterion::Movement)
    }

    fn name(self) -> &'static str {
        match self {
            Criterion::L1 => "l1",
            Criterion::L2 => "l2",
            Criterion::Activation => "activation",
            Criterion::Wanda => "wanda",
            Criterion::Obs => "obs",
            Criterion::Taylor => "taylor",
            Criterion::Fisher => "fisher",
            Criterion::Movement => "movement",
            Criterion::Random => "random",
        }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Criterion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Criterion::ALL.into_iter().find(|c| c.name() == text).ok_or_else(|| {
            let all: Vec<String> = Criterion::ALL.iter().map(|c| format!("`{c}`")).collect();
            format!("unknown criterion `{text}`; known are {}", all.join(", "))
        })
    }
}
