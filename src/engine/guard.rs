//! Panics of the engine as errors: a model that it cannot digest must not end the program.

use super::EngineError;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use tract_onnx::prelude::TractError;

thread_local! {
    /// What a guarded call of this thread panicked with; `None` outside of such calls.
    static SAID: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Does something with the engine; `doing` and `name` are for the message.
///
/// # Errors
/// [`EngineError::Failed`] with the engine's error, or [`EngineError::Panicked`] with what it said.
pub(super) fn guarded<T>(
    doing: &'static str,
    name: &str,
    call: impl FnOnce() -> Result<T, TractError>,
) -> Result<T, EngineError> {
    quieten();
    let outer = SAID.replace(Some(String::new()));
    let done = catch_unwind(AssertUnwindSafe(call));
    let said = SAID.replace(outer).unwrap_or_default();
    match done {
        Ok(result) => result.map_err(EngineError::failed(doing, name)),
        Err(_) => Err(EngineError::Panicked { doing, name: name.to_string(), said }),
    }
}

/// Lets panics inside of guarded calls be kept instead of printed.
fn quieten() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let guarded = SAID.with_borrow_mut(|said| {
                said.as_mut().map(|said| {
                    let place = info.location().map(|at| format!(" ({}:{})", at.file(), at.line()));
                    // The path of the engine's sources on the machine that built this says nothing.
                    let place =
                        place.and_then(|p| p.rsplit_once("/src/").map(|(_, p)| p.to_string()));
                    let message = info.payload_as_str().unwrap_or("no message");
                    *said = match place {
                        Some(place) => format!("{message} (src/{place}"),
                        None => message.to_string(),
                    };
                })
            });
            if guarded.is_none() {
                before(info);
            }
        }));
    });
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
