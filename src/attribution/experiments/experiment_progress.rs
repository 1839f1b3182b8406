//! Progress of planned experiments.

/// The experiments that were done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExperimentProgress {
    /// Draws on which the same sets were tried.
    pub draws: usize,
    /// Every coalition was tried on all of them.
    pub exact: bool,
    /// Pairs of orders that were tried on all of them.
    pub pairs: usize,
    /// All but each two were tried on the study's own draw.
    pub leave_two_out: bool,
    /// The budget ended before the plan did.
    pub cut_short: bool,
}
