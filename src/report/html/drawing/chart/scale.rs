//! Places of numbers on an axis, and round numbers to write beside it.

/// Kind of an axis.
#[derive(Clone, Debug, PartialEq)]
pub enum AxisScale {
    /// In proportion; `zero` makes the axis begin at 0.
    Linear { zero: bool },
    /// By ratio; numbers that are not positive have no place.
    Log,
    /// One place for each name; the number is its position.
    Bands(Vec<String>),
}

/// A scale fitted to numbers: from 0 to 1 along the axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FittedAxis {
    log: bool,
    low: f64,
    high: f64,
    pub(super) ticks: Vec<(f64, String)>,
}

/// Ticks that an axis has about.
const TICKS: f64 = 5.0;

impl FittedAxis {
    /// Fits a scale to numbers; of none, to 0 and 1.
    pub(super) fn new(scale: &AxisScale, numbers: &[f64]) -> FittedAxis {
        let usable = |v: &f64| v.is_finite() && (*scale != AxisScale::Log || *v > 0.0);
        let numbers = numbers.iter().copied().filter(usable);
        let (low, high) =
            numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        match scale {
            AxisScale::Bands(names) => {
                let ticks = names.iter().enumerate().map(|(i, name)| (i as f64, name.clone()));
                let last = names.len().max(1) as f64 - 0.5;
                FittedAxis { log: false, low: -0.5, high: last, ticks: ticks.collect() }
            }
            AxisScale::Linear { zero } => {
                let (low, high) = if *zero { (low.min(0.0), high.max(0.0)) } else { (low, high) };
                linear(low, high)
            }
            AxisScale::Log => log(low.max(f64::MIN_POSITIVE), high.max(f64::MIN_POSITIVE)),
        }
    }

    /// Place of a number, 0 at the axis' start and 1 at its end; `None` where it has none.
    pub(super) fn place(&self, number: f64) -> Option<f64> {
        let at = match self.log {
            true if number <= 0.0 => return None,
            true => (number / self.low).ln() / (self.high / self.low).ln(),
            false => (number - self.low) / (self.high - self.low),
        };
        at.is_finite().then_some(at)
    }
}

/// Round numbers at or above `low` and at or below `high`, about [`TICKS`] of them, and their step.
fn steps(low: f64, high: f64) -> (f64, f64, f64) {
    let rough = (high - low) / TICKS;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|s| s * power).find(|s| *s >= rough);
    let step = step.unwrap_or(10.0 * power);
    ((low / step).floor() * step, (high / step).ceil() * step, step)
}

fn linear(low: f64, high: f64) -> FittedAxis {
    let room = if high > low { 0.04 * (high - low) } else { low.abs().max(1.0) * 0.05 };
    let edge = |v: f64, by: f64| if v == 0.0 { 0.0 } else { v + by };
    let (low, high) = (edge(low, -room), edge(high, room));
    let (low, high) = if high > low { (low, high) } else { (low - 0.5, high + 0.5) };
    let (first, last, step) = steps(low, high);
    let digits = (-step.log10().floor()).max(0.0) as usize;
    let count = ((last - first) / step).round() as usize;
    let all = (0..=count).map(|i| first + i as f64 * step);
    let inside = all.filter(|v| *v >= low - step * 1e-9 && *v <= high + step * 1e-9);
    let ticks = inside.map(|v| {
        let v = if v.abs() < step * 1e-9 { 0.0 } else { v };
        (v, format!("{v:.digits$}"))
    });
    FittedAxis { log: false, low, high, ticks: ticks.collect() }
}

fn log(low: f64, high: f64) -> FittedAxis {
    let (low, high) = (low / 1.15, high * 1.15);
    let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let narrow = high / low < 20.0;
    let leading: &[f64] = if narrow { &[1.0, 2.0, 3.0, 5.0, 7.0] } else { &[1.0] };
    let all = decades.flat_map(|d| leading.iter().map(move |l| l * 10f64.powi(d)));
    let ticks = all.filter(|v| *v >= low && *v <= high).map(|v| (v, plain(v)));
    FittedAxis { log: true, low, high, ticks: ticks.collect() }
}

/// A number with as many digits as it needs.
fn plain(number: f64) -> String {
    match number.abs() {
        v if !(1e-3..1e6).contains(&v) => format!("{number:.0e}"),
        v if v >= 1.0 => format!("{number:.0}"),
        _ => format!("{number:.3}").trim_end_matches('0').to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn ticks(scale: &AxisScale, numbers: &[f64], expected: &[&str]) {
        let fitted = FittedAxis::new(scale, numbers);
        let found: Vec<&str> = fitted.ticks.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(found, expected);
        for number in numbers {
            let place = fitted.place(*number).unwrap();
            assert!((0.0..=1.0).contains(&place), "{number} is at {place}");
        }
    }

    #[test]
    fn ticks_are_round_and_numbers_inside() {
        let linear = |zero| AxisScale::Linear { zero };
        ticks(&linear(true), &[130.0, 471.0], &["0", "100", "200", "300", "400"]);
        ticks(&linear(false), &[0.985, 0.9925], &["0.986", "0.988", "0.990", "0.992"]);
        ticks(&linear(true), &[-0.45, 0.01], &["-0.4", "-0.3", "-0.2", "-0.1", "0.0"]);
        ticks(&linear(false), &[7.0, 7.0], &["6.8", "7.0", "7.2"]);
        ticks(&AxisScale::Log, &[12.0, 900.0], &["100", "1000"]);
        ticks(&AxisScale::Bands(vec!["a".into(), "b".into()]), &[0.0, 1.0], &["a", "b"]);
    }

    #[test]
    fn what_is_no_number_has_no_place() {
        let fitted = FittedAxis::new(&AxisScale::Log, &[f64::NAN, -1.0, 3.0, 30.0]);
        assert_eq!((fitted.place(0.0), fitted.place(f64::NAN)), (None, None));
        assert!(fitted.place(3.0).is_some());
        assert!(FittedAxis::new(&AxisScale::Linear { zero: true }, &[]).place(0.5).is_some());
    }
}
