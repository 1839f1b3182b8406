//! Warnings of use cases on standard error.

use crate::workflow::ProgressEvent;

/// Prints the events that a person is told of even without progress.
pub(super) fn print_warning(event: ProgressEvent) {
    if let ProgressEvent::IntegrityFlaw { run, flaw } = event {
        note!("warning: {} failed the integrity check: {flaw}", run.display());
    }
}
