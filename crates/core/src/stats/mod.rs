//! Statistics: pure functions over slices, seeded where they draw.
//!
//! Knows nothing of latency or accuracy; METHODOLOGY.md says which function answers which question.

mod bootstrap;
mod calibration;
mod cluster;
mod design;
mod difference;
mod multiple;
mod paired;
mod proportion;
mod quantile;
mod resample;
mod response;
mod roc;
mod sign;
mod trend;

pub use bootstrap::{BootstrapOptions, bootstrap, bootstrap_mean_by_group, bootstrap_median};
pub use calibration::calibration_error_interval;
pub use cluster::cluster_bootstrap_t;
pub use design::{MeanVariance, SamplingDesign};
pub use difference::{
    Z99, bootstrap_median_difference, difference, few, simultaneous, stretched, widened,
};
pub use multiple::{benjamini_hochberg, holm};
pub use paired::{
    bonett_price_interval, bonett_price_variance, mcnemar, newcombe_interval, rate_change_interval,
};
pub use proportion::proportion_interval;
pub use proportion::{rate_interval, wilson};
pub use quantile::{median, quantile, samples_for_percentile};
pub use resample::{
    LANES, LaneValues, ROUNDING, ResamplingUnits, beyond_rounding, expanded_percentile_interval,
    variance,
};
pub use response::{
    DoseResponse, FEWEST_OF_A_KIND, PREDICTIVE_LEVEL, PredictiveInterval, ResponseModel,
};
pub use roc::{RocArea, delong_interval};
pub use sign::sign_flip;
pub use trend::slope;

/// The generator behind everything that draws: PCG-64, the same stream on every machine.
pub type SeededGenerator = rand_pcg::Pcg64;

/// A generator for one purpose: the same `seed` and `purpose` give the same stream.
pub fn generator(seed: u64, purpose: &str) -> SeededGenerator {
    use rand::SeedableRng;
    // FNV-1a spreads the purpose over 64 bits, so that two purposes do not share a stream.
    let spread = purpose.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    SeededGenerator::seed_from_u64(seed ^ spread)
}
