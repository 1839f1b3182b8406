//! Memory of a block's process, and what the model takes of it.

use crate::units::Bytes;
use serde::{Deserialize, Serialize};

/// Memory of a block's process at four points.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MemoryPoints {
    /// Before the model is opened.
    pub start: MemoryPoint,
    /// With the model parsed and analysed.
    pub loaded: MemoryPoint,
    /// With the optimised plan, and nothing else kept.
    pub optimised: MemoryPoint,
    /// After the inferences of the warm-up, before anything of the measuring's own is allocated.
    pub after_runs: MemoryPoint,
    /// At the end, with all samples and the loops that watch for others.
    #[serde(default)]
    pub end: MemoryPoint,
}

/// Memory of a process as the kernel reports it; `None` where it does not.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct MemoryPoint {
    /// Peak resident set so far (`VmHWM`): of this process alone, it starts anew at exec.
    pub vm_hwm_bytes: Option<Bytes>,
    /// Proportional set size now (`smaps_rollup`, `Pss`).
    pub pss_bytes: Option<Bytes>,
    /// Anonymous resident memory now (`RssAnon`).
    pub rss_anon_bytes: Option<Bytes>,
    /// Bytes that the program has allocated now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap_bytes: Option<Bytes>,
    /// The most that it ever had allocated at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_heap_bytes: Option<Bytes>,
}

/// Bytes of a model's constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightBytes {
    /// As the analysed file has them: its initializers.
    pub model: Bytes,
    /// As the optimised plan has them, packed for its kernels.
    pub packed: Bytes,
}
