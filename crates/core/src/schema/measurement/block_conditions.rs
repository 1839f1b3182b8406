//! The conditions that a block ran under.

use crate::units::{LatencyNs, MilliCelsius};
use serde::{Deserialize, Serialize};

/// Conditions before, during and after a block; `None` where the machine does not say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BlockConditions {
    /// The hottest thermal zone before.
    pub before_mc: Option<MilliCelsius>,
    /// The highest reading of it, before, during or after.
    pub highest_mc: Option<MilliCelsius>,
    /// The hottest thermal zone after.
    pub after_mc: Option<MilliCelsius>,
    /// Frequency governor of the processors that the block could run on; where they have several,
    /// each with its processors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub governor: Option<String>,
    /// Lowest and highest frequency seen of these processors, in kilohertz.
    pub frequency_khz: Option<(u64, u64)>,
    /// Processors' worth of work that other programs did meanwhile.
    pub others: Option<f64>,
    /// Processors' worth of time that a hypervisor gave to others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stolen: Option<f64>,
    /// Signs that these processors were held back: each says where it was read.
    pub throttled: Vec<String>,
    /// Pause in which the machine cooled down before, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooled_ns: Option<LatencyNs>,
}

/// Conditions that make a block invalid, and settings to make before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConditionRules {
    /// A block that sees a higher temperature is invalid.
    #[serde(default)]
    pub most_mc: Option<MilliCelsius>,
    /// Frequency governor to set; the one before is put back.
    #[serde(default)]
    pub governor: Option<String>,
    /// Jetson power mode to set (`nvpmodel -m`); the one before is put back.
    #[serde(default)]
    pub power_mode: Option<String>,
    /// Fixes a Jetson's clocks (`jetson_clocks`); they are put back.
    #[serde(default)]
    pub jetson_clocks: bool,
    /// A block beside more work of others than this, in processors, is invalid.
    #[serde(default)]
    pub most_others: Option<ProcessorLoad>,
    /// Repeats of a block in bad conditions.
    #[serde(default)]
    pub repeats: u32,
    /// Cool-down before every block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cool_down: Option<CoolDown>,
}

/// A pause before a block, for as long as it helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoolDown {
    /// Cool enough, in thousandths of a degree.
    pub below_mc: MilliCelsius,
    /// The longest pause, in seconds.
    pub limit_s: u32,
}

/// Work of other programs, in hundredths of a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProcessorLoad(pub u32);

impl ProcessorLoad {
    /// In processors.
    pub fn processors(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}
