//! Panics of the engine as errors: a model that it cannot digest must not end the program.

use crate::engine::EngineError;
use paring_core::guard::catch_panic;
use tract_onnx::prelude::TractError;

/// Does something with the engine; `doing` and `name` are for the message.
///
/// # Errors
/// [`EngineError::Failed`] with the engine's error, or [`EngineError::Panicked`] with what it said.
pub(crate) fn guarded<T>(
    doing: &'static str,
    name: &str,
    call: impl FnOnce() -> Result<T, TractError>,
) -> Result<T, EngineError> {
    match catch_panic(call) {
        Ok(result) => result.map_err(EngineError::failed(doing, name)),
        Err(said) => Err(EngineError::Panicked { doing, name: name.to_string(), said }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_words() {
        let failed: Result<(), _> = guarded("optimise", "odd.onnx", || panic!("not {}", "plain"));
        let message = failed.unwrap_err().to_string();
        assert!(
            message.starts_with("optimise odd.onnx: the engine panicked: not plain"),
            "{message}"
        );
        assert_eq!(guarded("run", "x", || Ok(3)).unwrap(), 3);
    }
}
