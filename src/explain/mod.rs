//! Controlled experiments and attribution: which decision caused which change.
//!
//! Pure: experiments come as records from `pipeline`, and what follows from them is a function of
//! them. An effect is a linear form over the values of sets of decisions.

mod account;
mod accuse;
mod aspect;
mod blame;
mod caveats;
mod coalition;
mod disturbed;
mod draw;
mod effects;
mod estimate;
#[cfg(test)]
mod example;
mod explore;
mod family;
mod gains;
mod groups;
mod investigate;
mod latency;
mod links;
mod measured;
mod narrative;
mod outcomes;
mod plan;
mod remarks;
mod resample;
mod table;
mod words;

pub use crate::pipeline::HERE;
pub use accuse::Accused;
pub use aspect::Aspect;
pub use blame::{Flips, covering};
pub use coalition::{Coalition, Form};
pub use disturbed::ROBUSTNESS;
pub use draw::draw_calibration;
pub use effects::Attribution;
pub use estimate::{Estimate, FEW, LEVEL, mean_estimate};
pub use explore::{Explored, explore};
pub use family::correct_families;
pub use groups::{Level, groups, pieces, recipe};
pub use investigate::{Investigation, Manner};
pub use latency::Times;
pub use links::There;
pub use measured::Measurable;
pub use narrative::narrative;
pub use outcomes::{all_outcomes, outcomes};
pub use plan::{Plan, Shapley};
pub use resample::Resamples;
pub use table::{Table, Truth};
