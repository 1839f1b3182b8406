//! Interrupts from the terminal: noticed, so that boards can be left as they should be.

use crate::TargetError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

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

/// Waits for another interrupt; true where there is one within `patience`.
pub fn interrupted_again(patience: Duration) -> bool {
    INTERRUPTED.store(false, Ordering::Relaxed);
    pause(patience, Some(&INTERRUPTED)).is_err()
}

/// Waits, unless `stop` becomes true.
///
/// # Errors
/// [`TargetError::Interrupted`].
pub(crate) fn pause(span: Duration, stop: Option<&'static AtomicBool>) -> Result<(), TargetError> {
    let start = Instant::now();
    loop {
        if stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            return Err(TargetError::Interrupted);
        }
        let left = span.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(POLL_INTERVAL));
    }
}
