//! Progress of planned experiments.

/// The experiments that were done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Explored {
    /// Draws on which the same sets were tried.
    pub draws: usize,
    /// Whether every set of groups was tried on all of them.
    pub exact: bool,
    /// Pairs of orders that were tried on all of them.
    pub pairs: usize,
    /// Whether all but each two were tried on the study's own draw.
    pub couples: bool,
    /// Whether the budget ended before the plan did.
    pub cut_short: bool,
}
