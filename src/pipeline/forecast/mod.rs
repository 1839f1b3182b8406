//! Forecasts: the cost and gain of removals, learnt from a few that are tried on samples that no
//! variant is reported on, and kept with the run.

mod forecaster;
mod gain_forecaster;
mod learn;
mod removal_timer;
mod removal_trials;
mod track_record;
mod try_removals;

pub use forecaster::Forecaster;
pub use gain_forecaster::HERE;
pub use learn::forecaster;
pub use removal_trials::{ForecastBasis, ForecastBudget};
pub use track_record::{add_outcomes, read_outcomes};
pub use try_removals::{of_all_kinds, removal};
