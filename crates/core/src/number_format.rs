//! Numbers in text for people: signs, significant digits, units that a number and its bounds share, and
//! plurals.

/// A span in nanoseconds from which on milliseconds are shown.
const LEAST_MILLISECONDS_NS: f64 = 1e7;
/// An amount in bytes from which on MiB are shown.
const LEAST_MIB: f64 = 10.0 * 1_048_576.0;

/// A number with its sign and so many decimals; a true minus sign, and no sign where rounding leaves 0.
pub fn signed(value: f64, decimals: usize) -> String {
    let text = format!("{value:+.decimals$}");
    let digits = text.trim_start_matches(['+', '-']);
    match digits.chars().all(|c| c == '0' || c == '.') {
        true => digits.to_string(),
        false => text.replace('-', "−"),
    }
}

/// A number with so many decimals, with a true minus sign where it is negative.
pub fn decimal(value: f64, decimals: usize) -> String {
    signed(value, decimals).trim_start_matches('+').to_string()
}

/// Four significant digits.
pub fn significant(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let places = 3 - value.abs().log10().floor() as i32;
    let text = match places {
        0..=9 => format!("{value:.*}", places as usize),
        _ => format!("{value:.3e}"),
    };
    text.replacen('-', "−", usize::from(value < 0.0))
}

/// Four significant digits with a sign.
pub fn signed_significant(value: f64) -> String {
    let text = significant(value);
    if value > 0.0 { format!("+{text}") } else { text }
}

/// A count with its noun: `1 prediction`, `2 predictions`.
pub fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{count} {}", plural(count, noun))
}

/// A noun as it stands behind a count.
pub fn plural(count: impl TryInto<u64>, noun: &str) -> String {
    if matches!(count.try_into(), Ok(1)) {
        return noun.to_string();
    }
    let before_y = noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']));
    match before_y {
        Some(stem) => format!("{stem}ies"),
        None if noun.ends_with(['s', 'x']) || noun.ends_with("ch") => format!("{noun}es"),
        None => format!("{noun}s"),
    }
}

/// Nanoseconds in one unit of time, and its name: microseconds, or milliseconds from 10 of them on.
pub fn time_unit(ns: f64) -> (f64, &'static str) {
    if ns.abs() < LEAST_MILLISECONDS_NS { (1e3, "µs") } else { (1e6, "ms") }
}

/// Bytes in one unit of memory, and its name: KiB, or MiB from 10 of them on.
pub fn memory_unit(bytes: f64) -> (f64, &'static str) {
    if bytes.abs() < LEAST_MIB { (1024.0, "KiB") } else { (1_048_576.0, "MiB") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_stands_where_something_is_left() {
        assert_eq!(signed(-0.004, 2), "0.00");
        assert_eq!(signed(-0.5, 1), "−0.5");
        assert_eq!(signed(0.5, 1), "+0.5");
        assert_eq!(decimal(-0.04, 1), "0.0");
        assert_eq!(decimal(-1.25, 2), "−1.25");
        assert_eq!(signed_significant(-0.5), "−0.5000");
        assert_eq!(signed_significant(12_345.6), "+1.235e4");
        assert_eq!(significant(-1e-12), "−1.000e-12");
    }

    #[test]
    fn one_is_not_many() {
        for (count, noun, expected) in [
            (0, "sample", "0 samples"),
            (1, "prediction", "1 prediction"),
            (2, "fix", "2 fixes"),
            (2, "class", "2 classes"),
            (1, "entry", "1 entry"),
            (3, "entry", "3 entries"),
            (2, "array", "2 arrays"),
        ] {
            assert_eq!(counted(count, noun), expected);
        }
    }

    #[test]
    fn a_unit_fits_its_number() {
        assert_eq!(time_unit(-8_300.0), (1e3, "µs"));
        assert_eq!(time_unit(2e7), (1e6, "ms"));
        assert_eq!(memory_unit(4096.0), (1024.0, "KiB"));
        assert_eq!(memory_unit(2e9).1, "MiB");
    }
}
