//! Panics of foreign libraries as errors: a file that a library cannot digest must not end the program.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// Words of a panic inside a guarded call of this thread; `None` outside of such calls.
    static SAID: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Calls a library that may panic. What it was working on must not be used after a panic.
///
/// # Errors
/// The words of the panic and the place in the library's sources.
pub fn catch_panic<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    quieten();
    let outer = SAID.replace(Some(String::new()));
    let done = catch_unwind(AssertUnwindSafe(call));
    let said = SAID.replace(outer).unwrap_or_default();
    done.map_err(|_| said)
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
                    // The path of the library's sources on the machine that built this says nothing.
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
        let said = catch_panic(|| panic!("not {}", "plain")).map(|()| 0).unwrap_err();
        assert!(said.starts_with("not plain"), "{said}");
        assert_eq!(catch_panic(|| 3), Ok(3));
    }
}
