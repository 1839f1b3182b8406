//! Printing answers: the one way to standard output. What stands in models, studies and answers of
//! boards is escaped here, so that no terminal obeys it; [`paring_core::text::note`] is the way to standard
//! error.

use paring_core::text::{PROSE_COLUMNS, PrintableWriter, printable_lines, terminal_lines, wrapped};
use std::io::{ErrorKind, IsTerminal, Write};

/// `println!` that ends the program quietly when nobody reads any more, and with an error when the
/// output cannot be written. Text is escaped and its lines are shortened; `say!("{:#}", value)` prints
/// JSON, whole.
macro_rules! say {
    ("{:#}", $json:expr $(,)?) => { $crate::cli::say::json(&$json) };
    ($($text:tt)*) => { $crate::cli::say::text(&format!($($text)*)) };
}

/// `eprintln!` for whatever may hold text of others.
macro_rules! note {
    ($($text:tt)*) => { ::paring_core::text::note(format_args!($($text)*)) };
}

/// Writes lines of text to standard output, wrapped where it is a terminal.
pub(super) fn text(text: &str) {
    let text = terminal_lines(text);
    match std::io::stdout().is_terminal() {
        true => print(&wrapped(&text, PROSE_COLUMNS)),
        false => print(&text),
    }
}

/// Writes JSON to standard output. What a terminal would obey stands in strings alone, in the form that
/// they have for it.
pub(super) fn json(value: &serde_json::Value) {
    whole(&format!("{value:#}"));
}

/// Writes what other programs read, with no line shortened.
pub(super) fn whole(text: &str) {
    print(&printable_lines(text));
}

/// Writes a table of `report`, whose cells are escaped and whose colours are not.
pub(super) fn table(text: &str) {
    print(text);
}

fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            note!("paring: write the answer: {error}");
            std::process::exit(super::ExitCode::Internal as i32)
        }
    }
}

/// Standard output for a program on a board: as it is where a file or a program reads it, escaped where
/// a terminal does.
pub(super) fn foreign_output() -> Box<dyn Write> {
    let out = std::io::stdout();
    match out.is_terminal() {
        true => Box::new(PrintableWriter::new(out)),
        false => Box::new(out),
    }
}
