//! Interrupts from the terminal: noticed, so that boards can be left as they should be.

use super::TargetError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
const GLANCE: Duration = Duration::from_millis(50);

/// From now on an interrupt does not end this program but makes the flag true.
///
/// # Errors
/// Those of the system.
pub fn catch_interrupts() -> std::io::Result<&'static AtomicBool> {
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, INTERRUPTED.clone())?;
    }
    Ok(&INTERRUPTED)
}

/// Whether there is another interrupt within `patience`.
pub fn interrupted_again(patience: Duration) -> bool {
    INTERRUPTED.store(false, Ordering::Relaxed);
    pause(patience, Some(&INTERRUPTED)).is_err()
}

/// Waits, unless `stop` becomes true.
///
/// # Errors
/// [`TargetError::Interrupted`].
pub(super) fn pause(span: Duration, stop: Option<&'static AtomicBool>) -> Result<(), TargetError> {
    let begun = Instant::now();
    loop {
        if stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            return Err(TargetError::Interrupted);
        }
        let left = span.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(GLANCE));
    }
}
