//! Readings over time, and what they say of a span: pure, so that a test can make them up.

use paring_core::schema::{EnergyWindow, MissingReason};
use paring_core::stats;
use paring_core::units::{LatencyNs, PowerMw};

/// A window stands on at least so many readings.
const LEAST_READINGS: usize = 5;
/// Number of equal readings in a row that, over more than half of a window, come from a sensor that stands
/// still.
const STILL: usize = 16;

/// Kind of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadingKind {
    /// Energy since some beginning, in microjoules: a span takes the difference.
    Counter,
    /// Power now, in milliwatts: a span takes the integral.
    Power,
}

/// Readings of one sensor in order. Times count from the block's start.
#[derive(Clone, Debug)]
pub struct ReadingSeries {
    kind: ReadingKind,
    readings: Vec<(LatencyNs, f64)>,
    broken: Option<(LatencyNs, MissingReason)>,
}

impl ReadingSeries {
    /// Without readings so far.
    pub fn new(kind: ReadingKind) -> Self {
        ReadingSeries { kind, readings: Vec::new(), broken: None }
    }

    /// Takes a reading.
    pub fn push(&mut self, at: LatencyNs, value: f64) {
        self.readings.push((at, value));
    }

    /// Takes note that nothing can be read from this time on.
    pub fn break_off(&mut self, at: LatencyNs, why: MissingReason) {
        self.broken.get_or_insert((at, why));
    }

    /// Readings so far.
    pub fn len(&self) -> usize {
        self.readings.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.readings.is_empty()
    }

    /// Readings in a second; `None` of fewer than two.
    pub fn rate_hz(&self) -> Option<f64> {
        let (first, last) = (self.readings.first()?.0, self.readings.last()?.0);
        let span = (last.0 - first.0) as f64 / 1e9;
        (span > 0.0).then(|| (self.readings.len() - 1) as f64 / span)
    }

    /// The smallest difference between two readings in a row; `None` where all are equal.
    pub fn least_step(&self) -> Option<f64> {
        let steps = self.readings.windows(2).map(|pair| (pair[1].1 - pair[0].1).abs());
        steps.filter(|step| *step > 0.0).min_by(f64::total_cmp)
    }

    /// Energy of a span by the readings.
    pub fn window(&self, start: LatencyNs, end: LatencyNs) -> EnergyWindow {
        let inside = self.inside(start, end);
        EnergyWindow {
            start_ns: start,
            end_ns: end,
            energy_uj: self.energy(start, end, inside),
            readings: u32::try_from(inside.len()).unwrap_or(u32::MAX),
        }
    }

    fn inside(&self, start: LatencyNs, end: LatencyNs) -> &[(LatencyNs, f64)] {
        let from = self.readings.partition_point(|(at, _)| *at < start);
        let to = self.readings.partition_point(|(at, _)| *at <= end);
        self.readings.get(from..to).unwrap_or_default()
    }

    fn energy(
        &self,
        start: LatencyNs,
        end: LatencyNs,
        inside: &[(LatencyNs, f64)],
    ) -> Result<f64, MissingReason> {
        if let Some((at, why)) = &self.broken
            && *at <= end
        {
            return Err(why.clone());
        }
        let seconds = |span: u64| span as f64 / 1e9;
        if inside.len() < LEAST_READINGS {
            let why = format!(
                "only {} readings in {:.1} s, {LEAST_READINGS} are needed; ask for longer windows under [energy]",
                inside.len(),
                seconds(end.0.saturating_sub(start.0))
            );
            return Err(MissingReason(why));
        }
        let (Some(first), Some(last)) = (self.at(start), self.at(end)) else {
            return Err(MissingReason("the readings do not reach over the window".into()));
        };
        self.gap(inside)?;
        self.still(inside)?;
        if self.kind == ReadingKind::Counter {
            return Ok(last - first);
        }
        let mut points = vec![(start, first)];
        points.extend(inside);
        points.push((end, last));
        let pieces = points.windows(2).map(|pair| {
            let span = LatencyNs(pair[1].0.0 - pair[0].0.0);
            PowerMw((pair[0].1 + pair[1].1) / 2.0).over(span)
        });
        Ok(pieces.sum())
    }

    /// The reading at a time, linear between its neighbours; `None` outside of all.
    fn at(&self, time: LatencyNs) -> Option<f64> {
        let after = self.readings.partition_point(|(at, _)| *at < time);
        let (at_after, value_after) = *self.readings.get(after)?;
        if at_after == time {
            return Some(value_after);
        }
        let (at_before, value_before) = *self.readings.get(after.checked_sub(1)?)?;
        let share = (time.0 - at_before.0) as f64 / (at_after.0 - at_before.0) as f64;
        Some(value_before + share * (value_after - value_before))
    }

    /// Refuses windows with a hole: ten times the usual distance, and more than a second.
    fn gap(&self, inside: &[(LatencyNs, f64)]) -> Result<(), MissingReason> {
        let distances: Vec<f64> =
            inside.windows(2).map(|pair| (pair[1].0.0 - pair[0].0.0) as f64).collect();
        let usual = stats::median(&distances).unwrap_or(0.0);
        let longest = distances.iter().copied().fold(0.0, f64::max);
        match longest > (10.0 * usual).max(1e9) {
            true => Err(MissingReason(format!("no reading for {:.1} s", longest / 1e9))),
            false => Ok(()),
        }
    }

    /// Refuses windows in which the sensor stands still.
    fn still(&self, inside: &[(LatencyNs, f64)]) -> Result<(), MissingReason> {
        let runs = inside.chunk_by(|a, b| a.1 == b.1);
        let longest = runs.max_by_key(|run| run.len()).unwrap_or_default();
        let always = self.least_step().is_none();
        if !always && (longest.len() < STILL || longest.len() * 2 <= inside.len()) {
            return Ok(());
        }
        let (value, unit) = match (longest.first(), self.kind) {
            (Some((_, value)), ReadingKind::Power) => (*value, "mW"),
            (Some((_, value)), ReadingKind::Counter) => (*value, "uJ"),
            (None, _) => return Ok(()),
        };
        let span = (longest[longest.len() - 1].0.0 - longest[0].0.0) as f64 / 1e9;
        Err(MissingReason(format!(
            "the sensor does not update: {value} {unit} in {} readings over {span:.1} s",
            longest.len()
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Readings every `period` ms over 20 s of a function of seconds.
    fn series(kind: ReadingKind, period: u64, value: impl Fn(f64) -> f64) -> ReadingSeries {
        let mut series = ReadingSeries::new(kind);
        for at in (0..=20_000).step_by(period as usize) {
            series.push(LatencyNs(at * MS), value(at as f64 / 1e3));
        }
        series
    }

    fn energy(series: &ReadingSeries, from_ms: u64, to_ms: u64) -> Result<f64, MissingReason> {
        series.window(LatencyNs(from_ms * MS), LatencyNs(to_ms * MS)).energy_uj
    }

    #[track_caller]
    fn refused(series: &ReadingSeries, from_ms: u64, to_ms: u64, expected: &str) {
        let MissingReason(why) = energy(series, from_ms, to_ms).unwrap_err();
        assert!(why.contains(expected), "{why}");
    }

    #[test]
    fn a_ramp_is_integrated_exactly_also_between_readings() {
        // 1,000 mW + 100 mW/s * t: 3.05 s to 13.05 s holds 10 s of 1.805 W.
        let ramp = series(ReadingKind::Power, 100, |t| 1_000.0 + 100.0 * t);
        assert!((energy(&ramp, 3_050, 13_050).unwrap() - 18_050_000.0).abs() < 1.0);
        let counter = series(ReadingKind::Counter, 20, |t| 5e6 * t);
        assert!((energy(&counter, 3_010, 13_030).unwrap() - 5e6 * 10.02).abs() < 1.0);
        assert_eq!(ramp.rate_hz(), Some(10.0));
        assert!((ramp.least_step().unwrap() - 10.0).abs() < 1e-6);
    }

    #[test]
    fn readings_that_do_not_suffice_give_a_reason_and_no_number() {
        let ramp = |period: u64| series(ReadingKind::Power, period, |t| 1_000.0 + t);
        refused(&ramp(3_000), 1_000, 11_000, "only 3 readings in 10.0 s");
        refused(&ramp(100), 15_000, 25_000, "do not reach over the window");
        let mut holed = ramp(100);
        holed.readings.retain(|(at, _)| !(5_000 * MS..7_000 * MS).contains(&at.0));
        refused(&holed, 1_000, 11_000, "no reading for 2.1 s");
        let mut broken = ramp(100);
        broken.break_off(LatencyNs(8_000 * MS), MissingReason("gone".into()));
        refused(&broken, 1_000, 11_000, "gone");
        assert!(energy(&broken, 1_000, 7_000).is_ok(), "what was read before counts");
    }

    #[test]
    fn a_sensor_that_stands_still_is_noticed() {
        let stuck = series(ReadingKind::Power, 1_000, |_| 1_234.0);
        refused(&stuck, 1_000, 11_000, "does not update: 1234 mW");
        let frozen = series(ReadingKind::Power, 100, |t| 1_000.0 + t.min(4.0));
        refused(&frozen, 1_000, 11_000, "does not update");
        assert!(energy(&frozen, 0, 3_900).is_ok());
        let counter = series(ReadingKind::Counter, 20, |t| 5e6 * t.min(2.0));
        refused(&counter, 5_000, 15_000, "does not update: 10000000 uJ");
        // A coarse sensor that repeats itself now and then is none.
        let coarse = series(ReadingKind::Power, 100, |t| 40.0 * (t * 1.3).sin().round());
        assert!(energy(&coarse, 1_000, 11_000).is_ok());
    }
}
