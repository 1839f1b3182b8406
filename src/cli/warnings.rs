//! Warnings of use cases on standard error.

use crate::workflow::ProgressEvent;

/// Prints the events that a person is told of even without progress.
pub(super) fn print_warning(event: ProgressEvent) {
    if let ProgressEvent::IntegrityFlaw { run, flaw } = event {
        note!("warning: {} is not what was written: {flaw}", run.display());
    }
}
