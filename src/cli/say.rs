//! Printing answers.

use std::io::{ErrorKind, Write};

/// `println!` that ends the program quietly when nobody reads any more, and with an error when the
/// output cannot be written.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::say::line(format_args!($($text)*)) };
}

/// Writes one line to standard output.
pub(super) fn line(text: std::fmt::Arguments) {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("paring: write the answer: {error}");
            std::process::exit(super::ExitCode::Internal as i32)
        }
    }
}
