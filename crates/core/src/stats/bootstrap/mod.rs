//! Bootstrap intervals: whole units of replication are resampled.

mod cluster_bootstrap_t;
mod expanded_percentile;
mod percentile;
mod pooled_quantile;
mod resampling_units;

pub use cluster_bootstrap_t::cluster_bootstrap_t;
pub use expanded_percentile::{
    ROUNDING, beyond_rounding, bootstrap_variance, expanded_percentile_interval,
};
pub use percentile::{BootstrapOptions, bootstrap, bootstrap_mean_by_group, bootstrap_median};
pub use pooled_quantile::bootstrap_pooled_quantile;
pub use resampling_units::{LANES, LaneValues, ResamplingUnits};
