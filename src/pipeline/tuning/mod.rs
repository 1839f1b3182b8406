//! Lossless tuning: the fastest rewritten form and engine options on a target.

mod tune;

pub(super) use tune::TunedGraph;
