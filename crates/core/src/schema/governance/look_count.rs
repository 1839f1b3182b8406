//! The number of times that the samples of a report split were looked at.

use serde::{Deserialize, Serialize};

/// Looks at the samples of a report split, over all runs that are known of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookCount {
    /// Evaluations of variants on them.
    pub looks: u64,
    /// Runs that these were made in.
    pub runs: u64,
    /// Of these, looks that the register lacks although ledgers of runs have them: it was cut or removed.
    #[serde(default)]
    pub lost: u64,
}
