//! Physical quantities as types: one newtype per unit, integers at rest, and how a person reads them.
//!
//! A value changes its unit only through a function here. Knows nothing of files or devices.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// A span of time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LatencyNs(pub u64);

impl LatencyNs {
    /// The span in nanoseconds as a real number, for statistics.
    pub fn as_f64(self) -> f64 {
        self.0 as f64
    }

    /// Rounds a statistic in nanoseconds to the unit at rest; negative and not-a-number give 0.
    pub fn from_f64(nanoseconds: f64) -> Self {
        LatencyNs(nanoseconds.round().max(0.0) as u64)
    }

    /// Rate of `work` in a second when one takes this long; `None` for a span of 0.
    pub fn per_second(self, work: usize) -> Option<f64> {
        (self.0 > 0).then(|| work as f64 * 1e9 / self.0 as f64)
    }
}

impl std::iter::Sum for LatencyNs {
    fn sum<I: Iterator<Item = Self>>(spans: I) -> Self {
        LatencyNs(spans.map(|span| span.0).sum())
    }
}

impl From<Duration> for LatencyNs {
    fn from(d: Duration) -> Self {
        LatencyNs(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for LatencyNs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0 as f64;
        let (value, unit) = match self.0 {
            0..1_000 => return f.pad(&format!("{} ns", self.0)),
            1_000..1_000_000 => (ns / 1e3, "µs"),
            1_000_000..1_000_000_000 => (ns / 1e6, "ms"),
            _ => (ns / 1e9, "s"),
        };
        f.pad(&format!("{} {unit}", three_digits(value)))
    }
}

/// An amount of memory or storage in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let b = self.0 as f64;
        let (value, unit) = match self.0 {
            0..1_024 => return f.pad(&format!("{} B", self.0)),
            1_024..1_048_576 => (b / 1024.0, "KiB"),
            1_048_576..1_073_741_824 => (b / 1_048_576.0, "MiB"),
            _ => (b / 1_073_741_824.0, "GiB"),
        };
        f.pad(&format!("{} {unit}", three_digits(value)))
    }
}

/// A temperature in thousandths of a degree Celsius, the unit of Linux thermal zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MilliCelsius(pub i64);

/// An energy in millionths of a joule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EnergyUj(pub u64);

impl fmt::Display for EnergyUj {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uj = self.0 as f64;
        let (value, unit) = match self.0 {
            0..1_000 => return f.pad(&format!("{} µJ", self.0)),
            1_000..1_000_000 => (uj / 1e3, "mJ"),
            _ => (uj / 1e6, "J"),
        };
        f.pad(&format!("{} {unit}", three_digits(value)))
    }
}

/// A power in thousandths of a watt; fractions are kept, sensors differ in resolution.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PowerMw(pub f64);

impl PowerMw {
    /// The energy of this power over a span, in microjoules: 1 mW for 1 ms is 1 µJ.
    pub fn over(self, span: LatencyNs) -> f64 {
        self.0 * span.as_f64() / 1e6
    }
}

impl fmt::Display for PowerMw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            small if small < 1e3 => f.pad(&format!("{} mW", three_digits(small))),
            large => f.pad(&format!("{} W", three_digits(large / 1e3))),
        }
    }
}

fn three_digits(value: f64) -> String {
    match value {
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(ns: u64, expected: &str) {
        assert_eq!(LatencyNs(ns).to_string(), expected);
    }

    #[test]
    fn latencies_keep_three_digits() {
        reads(0, "0 ns");
        reads(999, "999 ns");
        reads(1_000, "1.00 µs");
        reads(267_400, "267 µs");
        reads(99_960, "100 µs");
        reads(1_500_000_000, "1.50 s");
    }

    #[test]
    fn bytes_are_binary() {
        assert_eq!(Bytes(1023).to_string(), "1023 B");
        assert_eq!(Bytes(104_986).to_string(), "103 KiB");
        assert_eq!(Bytes(3 << 30).to_string(), "3.00 GiB");
    }

    #[test]
    fn throughput_counts_the_batch() {
        assert_eq!(LatencyNs(500_000).per_second(8), Some(16_000.0));
        assert_eq!(LatencyNs(0).per_second(8), None);
    }
}
