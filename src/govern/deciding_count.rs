//! The verdict that an interval gives on a bound, and the number of units that would give one.
//!
//! The half-width of an interval shrinks with the square root of the units that it stands on. Where the
//! estimate lies `margin` from the bound and the interval reaches `reach` from the estimate towards it,
//! `n · (reach / margin)²` units would bring the interval clear of the bound, if the estimate stays.

use paring_agent::measure::MIN_BLOCKS;
use paring_core::schema::{
    ConfidenceInterval, CountedUnit, DecidingCount, GateVerdict, RequiredBound,
};

/// More units than these are out of reach.
const MOST_UNITS: f64 = 1e9;

/// The verdict on a bound: that of the whole interval.
pub fn verdict_of(interval: ConfidenceInterval, bound: RequiredBound) -> GateVerdict {
    let ConfidenceInterval { low, high, .. } = interval;
    let (keeps, breaks) = match bound {
        RequiredBound::AtMost(most) => (high <= most, low > most),
        RequiredBound::AtLeast(least) => (low >= least, high < least),
    };
    match (keeps, breaks) {
        (true, _) => GateVerdict::Pass,
        (_, true) => GateVerdict::Fail,
        _ => GateVerdict::Undecided,
    }
}

/// The number of units that would decide a bound which `at_hand` of them leave undecided.
pub fn deciding_count(
    interval: ConfidenceInterval,
    bound: RequiredBound,
    unit: CountedUnit,
    at_hand: u64,
) -> DecidingCount {
    let ConfidenceInterval { value, low, high } = interval;
    let margin = (bound.value() - value).abs();
    let reach = if bound.value() >= value { high - value } else { value - low };
    let times = (reach / margin).powi(2);
    let needed = (at_hand as f64 * times).ceil();
    let least = match unit {
        CountedUnit::Blocks => MIN_BLOCKS as u64,
        _ => 0,
    };
    // On the bound itself the margin is 0 and the quotient no number.
    let needed = (needed.is_finite() && needed <= MOST_UNITS).then(|| (needed as u64).max(least));
    DecidingCount { unit, at_hand, needed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_core::stats::wilson_interval;

    fn of(value: f64, low: f64, high: f64) -> ConfidenceInterval {
        ConfidenceInterval { value, low, high }
    }

    #[test]
    fn the_bound_of_the_interval_decides_and_not_the_estimate() {
        let found = of(0.005, -0.002, 0.012);
        for (bound, expected) in [
            (RequiredBound::AtMost(0.01), GateVerdict::Undecided),
            (RequiredBound::AtMost(0.012), GateVerdict::Pass),
            (RequiredBound::AtMost(-0.003), GateVerdict::Fail),
            (RequiredBound::AtMost(-0.002), GateVerdict::Undecided),
            (RequiredBound::AtLeast(-0.002), GateVerdict::Pass),
            (RequiredBound::AtLeast(0.0), GateVerdict::Undecided),
            (RequiredBound::AtLeast(0.013), GateVerdict::Fail),
        ] {
            assert_eq!(verdict_of(found, bound), expected, "{bound:?}");
        }
    }

    #[test]
    fn an_exact_value_is_always_decided() {
        let exact = of(5.0, 5.0, 5.0);
        assert_eq!(verdict_of(exact, RequiredBound::AtMost(5.0)), GateVerdict::Pass);
        assert_eq!(verdict_of(exact, RequiredBound::AtMost(4.9)), GateVerdict::Fail);
        assert_eq!(verdict_of(exact, RequiredBound::AtLeast(5.1)), GateVerdict::Fail);
    }

    #[test]
    fn the_count_follows_the_square_root_law() {
        // The bound is 0.005 above the estimate, the interval reaches 0.007: 500 · (7/5)² = 980.
        let found = of(0.005, -0.002, 0.012);
        let count = |bound| deciding_count(found, bound, CountedUnit::Samples, 500);
        let at_most = count(RequiredBound::AtMost(0.01));
        assert_eq!((at_most.at_hand, at_most.needed), (500, Some(980)));
        // The other way: the bound is 0.004 below, the interval reaches 0.007: 500 · (7/4)² = 1531.25.
        let at_least = count(RequiredBound::AtLeast(0.001));
        assert_eq!(at_least.needed, Some(1_532));
        assert_eq!(count(RequiredBound::AtMost(0.005)).needed, None);
        assert_eq!(count(RequiredBound::AtMost(0.005 + 1e-9)).needed, None);
        let blocks =
            deciding_count(of(1.0, 0.9, 1.1), RequiredBound::AtMost(1.5), CountedUnit::Blocks, 3);
        assert_eq!(blocks.needed, Some(MIN_BLOCKS as u64));
    }

    #[test]
    fn so_many_samples_do_decide() {
        // Wilson of 460 of 500: 0.8928 to 0.9407 (statsmodels 0.14, proportion_confint, "wilson").
        let found = wilson_interval(460, 500).unwrap();
        assert!((found.low - 0.892_9).abs() < 1e-3 && (found.high - 0.940_7).abs() < 1e-3);
        let bound = RequiredBound::AtLeast(0.9);
        assert_eq!(verdict_of(found, bound), GateVerdict::Undecided);
        let needed = deciding_count(found, bound, CountedUnit::Samples, 500).needed.unwrap();
        // 500 · (0.02711 / 0.02)² = 919.
        assert!((900..=940).contains(&needed), "{needed}");
        let hits = (0.92 * needed as f64).round() as usize;
        let more = wilson_interval(hits, needed as usize).unwrap();
        assert_eq!(verdict_of(more, bound), GateVerdict::Pass, "{more:?}");
    }
}
