//! Warnings of use cases on standard error.

use crate::workflow::ProgressEvent;

/// Prints the events that a person is told of even without progress.
pub(super) fn print_warning(event: ProgressEvent) {
    match event {
        ProgressEvent::IntegrityFlaw { run, flaw } => {
            note!("warning: {} failed the integrity check: {flaw}", run.display());
        }
        ProgressEvent::ReviewDue { date } => {
            note!("warning: the study was to be reviewed by {date} (`review_by`)");
        }
        _ => {}
    }
}
