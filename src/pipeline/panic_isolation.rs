//! One variant's or target's work: what breaks in it is its own failure, not the run's.

use crate::pipeline::PipelineError;
use paring_core::schema::MissingReason;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Does something for `variant`; a panic in it becomes an error.
///
/// # Errors
/// Those of `act`, and [`PipelineError::Panicked`].
pub fn attempt<T>(
    variant: &str,
    act: impl FnOnce() -> Result<T, PipelineError>,
) -> Result<T, PipelineError> {
    // What `act` leaves half done is dropped with it: nothing is looked at afterwards.
    caught(act)
        .unwrap_or_else(|said| Err(PipelineError::Panicked { variant: variant.to_string(), said }))
}

/// Does something on `target`; a panic in it becomes an error of that target.
///
/// # Errors
/// Those of `act`, and [`PipelineError::TargetPanicked`].
pub fn attempt_on<T>(
    target: &str,
    act: impl FnOnce() -> Result<T, PipelineError>,
) -> Result<T, PipelineError> {
    caught(act).unwrap_or_else(|said| {
        Err(PipelineError::TargetPanicked { target: target.to_string(), said })
    })
}

/// The result of `act`, or the words of a panic in it.
fn caught<T>(act: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(act)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let said = text.or_else(|| panic.downcast_ref::<String>().cloned());
        said.unwrap_or_else(|| "no message".into())
    })
}

/// An error and its causes in one line, as a reason in results.
pub fn reason(error: &PipelineError) -> MissingReason {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |e| e.source());
    let line = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    MissingReason(line.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_the_variants_error() {
        assert_eq!(attempt("v", || Ok(3)).unwrap(), 3);
        let found = attempt("v", || -> Result<(), _> { panic!("index {} is out of range", 7) });
        let MissingReason(said) = reason(&found.unwrap_err());
        assert_eq!(said, "variant `v`: internal error: index 7 is out of range");
        let found = attempt_on("t", || -> Result<(), _> { panic!("no cable") });
        let MissingReason(said) = reason(&found.unwrap_err());
        assert_eq!(said, "target `t`: internal error: no cable");
    }
}
