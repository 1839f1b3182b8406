//! Spans of time as text.

use std::time::Duration;

/// A span as a person says it: `45 s`, `2 min 5 s`.
pub fn seconds(span: Duration) -> String {
    match span.as_secs() {
        short @ 0..60 => format!("{short} s"),
        long => format!("{} min {} s", long / 60, long % 60),
    }
}
