//! Regimes: further data that the variants of a run are evaluated on, a season or a sensor say.

use crate::schema::{ConfidenceInterval, FileName, Sha256Hex};
use serde::{Deserialize, Serialize};

/// A regime as it was evaluated: its data, and the variants that have answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegimeRecord {
    /// Format version.
    pub schema: u32,
    /// Its name, which is also that of its folder.
    pub name: FileName,
    /// The file or folder of its data, as it was found.
    pub data: String,
    /// Hash of all of its samples.
    pub data_sha256: Sha256Hex,
    /// Columns that name subsets.
    pub slices: Vec<String>,
    /// Column of groups that intervals resample whole.
    pub group: Option<String>,
    /// False where its samples have no labels, so that variants are compared with the baseline alone.
    pub labelled: bool,
    /// Number of samples; all of them are evaluated.
    pub samples: usize,
    /// Identities of the variants that were evaluated, in the run's order.
    pub variants: Vec<Sha256Hex>,
}

/// The change of a metric on a regime less its change on the report split, with the 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegimeContrast {
    /// Variant less baseline on the report split.
    pub report: ConfidenceInterval,
    /// Change on the regime less that on the report split; the samples are other ones.
    pub excess: ConfidenceInterval,
}
