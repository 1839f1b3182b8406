//! A counter of energy that wraps around.

/// More than any board or processor draws: what would need it is a fault of the counter.
const MOST_WATTS: f64 = 2_000.0;

/// The total of a counter since it was first read, in microjoules.
#[derive(Debug)]
pub(super) struct EnergyCounter {
    range: u64,
    last: Option<(u64, u64)>,
    total: u64,
}

impl EnergyCounter {
    /// A counter that wraps at `range`.
    pub(super) fn new(range: u64) -> Self {
        EnergyCounter { range, last: None, total: 0 }
    }

    /// Takes the counter's value at a time in nanoseconds and gives the total.
    ///
    /// # Errors
    /// What is wrong, for a person: a value beyond the range, or a step that no power explains, as
    /// when the counter was set back.
    ///
    /// Source of the wrap: the kernel's `Documentation/power/powercap`, `max_energy_range_uj`.
    pub(super) fn advance(&mut self, at_ns: u64, value: u64) -> Result<u64, String> {
        if value > self.range {
            return Err(format!("counts {value} uJ, beyond its range of {}", self.range));
        }
        let (before_ns, before) = self.last.unwrap_or((at_ns, value));
        let step = if value >= before { value - before } else { value + self.range - before };
        // At least a second's worth: two readings can lie closer together than the counter's steps.
        let seconds = (at_ns.saturating_sub(before_ns) as f64 / 1e9).max(1.0);
        if step as f64 > MOST_WATTS * 1e6 * seconds {
            let how = if value >= before { "jumped" } else { "went backwards" };
            return Err(format!("{how} from {before} to {value} uJ in {seconds:.0} s"));
        }
        self.last = Some((at_ns, value));
        self.total += step;
        Ok(self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_and_tells_a_wrap_from_a_counter_that_was_set_back() {
        let mut counter = EnergyCounter::new(262_143_328_850);
        assert_eq!(counter.advance(0, 262_143_000_000), Ok(0));
        assert_eq!(counter.advance(100_000_000, 262_143_300_000), Ok(300_000));
        assert_eq!(counter.advance(200_000_000, 271_150), Ok(600_000));
        assert_eq!(counter.advance(300_000_000, 271_150), Ok(600_000));
        let back = counter.advance(400_000_000, 271_149).unwrap_err();
        assert_eq!(back, "went backwards from 271150 to 271149 uJ in 1 s");
        assert!(counter.advance(400_000_000, 100_000_000_000).unwrap_err().starts_with("jumped"));
        assert!(counter.advance(400_000_000, u64::MAX).unwrap_err().contains("beyond its range"));
        assert_eq!(counter.advance(500_000_000, 300_000), Ok(628_850), "errors change nothing");
    }
}
