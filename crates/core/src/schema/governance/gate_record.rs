//! Verdicts of the gate: one for each variant, requirement, part of the data, target and setting.

use crate::schema::{ConfidenceInterval, ExecutionSetting, Sha256Hex};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Verdict on a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GateVerdict {
    /// The whole interval keeps the bound.
    Pass,
    /// The interval holds the bound, or there is no value.
    Undecided,
    /// The whole interval breaks the bound.
    Fail,
}

impl GateVerdict {
    /// The verdict on several requirements together: the worst; `None` of none.
    pub fn worst(all: impl Iterator<Item = GateVerdict>) -> Option<GateVerdict> {
        all.max()
    }
}

impl fmt::Display for GateVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            GateVerdict::Pass => "pass",
            GateVerdict::Undecided => "undecided",
            GateVerdict::Fail => "fail",
        })
    }
}

/// A unit of replication that an interval stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CountedUnit {
    /// Samples of the report split.
    Samples,
    /// Blocks of a target.
    Blocks,
    /// Energy windows.
    Windows,
}

impl fmt::Display for CountedUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            CountedUnit::Samples => "samples",
            CountedUnit::Blocks => "blocks",
            CountedUnit::Windows => "windows",
        })
    }
}

/// The number of units that would decide a requirement, if the estimate stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidingCount {
    /// The unit.
    pub unit: CountedUnit,
    /// As many as the interval stands on.
    pub at_hand: u64,
    /// As many as would decide; `None` where the estimate is the bound itself, or the number is out of
    /// reach.
    pub needed: Option<u64>,
}

/// The verdict on one requirement for one variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateCell {
    /// The variant's name.
    pub variant: String,
    /// Position among the protocol's requirements, from 0.
    pub requirement: usize,
    /// The requirement in words.
    pub label: String,
    /// The class, slice or disturbance that this verdict is about, where the requirement is about several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// The target, of figures that are measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The execution setting, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<ExecutionSetting>,
    /// The verdict.
    pub verdict: GateVerdict,
    /// The value with its interval; bounds equal the value where it is exact. `None` where there is none.
    pub observed: Option<ConfidenceInterval>,
    /// Coverage of the interval; `None` of an exact value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
    /// The bound.
    pub bound: f64,
    /// The reason of a verdict that the interval alone does not explain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of an undecided one: what would decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deciding: Option<DecidingCount>,
}

/// The gate's verdict on a variant, over all its requirements, targets and settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariantVerdict {
    /// The variant's name.
    pub variant: String,
    /// Its identity.
    pub variant_id: Sha256Hex,
    /// The worst of its verdicts.
    pub verdict: GateVerdict,
}

/// Verdicts of a protocol's requirements on the variants of a run; body of a ledger's `gate` entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateRecord {
    /// Format version.
    pub schema: u32,
    /// Hash of the requirements.
    pub gate_sha256: Sha256Hex,
    /// The run.
    pub run_id: String,
    /// By variant, in the order of the results.
    pub variants: Vec<VariantVerdict>,
    /// One by one.
    pub cells: Vec<GateCell>,
}
