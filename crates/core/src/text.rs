//! Text of foreign origin (names in models, words of boards) on its way to a terminal, a spreadsheet or
//! a command that people copy: escaped, quoted and shortened here, and nowhere else.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};

/// Longest cell of a table on a terminal, in characters.
pub const LONGEST_CELL: usize = 120;
/// Longest line on a terminal, in characters.
pub const LONGEST_LINE: usize = 8_000;
/// Columns of a terminal that sentences are wrapped at.
pub const PROSE_COLUMNS: usize = 80;
/// Longest cell of a CSV file, in characters: spreadsheets cut off what is longer than 32,767.
pub const LONGEST_CSV_CELL: usize = 32_700;

/// True if a character moves the cursor, changes the terminal, or reorders what stands beside it.
///
/// These are the controls of C0 and C1, the marks and overrides of bidirectional text, the separators
/// of lines and paragraphs, and characters without width.
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
        || matches!(c, '\u{61c}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// A text on one line: what is unprintable stands as `\u001b`, in the form of JSON's strings.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, is_unprintable)
}

/// A text of several lines: [`printable`], but for its line breaks.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && is_unprintable(c))
}

fn escaped(text: &str, is_odd: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_odd) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_odd(c) {
            true => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                // A string takes everything.
                let _ = write!(out, "\\u{unit:04x}");
            }),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// A word of a command that people copy, as their shell takes it for one.
pub fn shell_word(word: &str) -> Cow<'_, str> {
    shlex::try_quote(word).unwrap_or(Cow::Borrowed(word))
}

/// At most `most` characters of a text; what was cut off is counted at its end.
pub fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    let Some((end, _)) = text.char_indices().nth(most) else { return Cow::Borrowed(text) };
    let left = text[end..].chars().count();
    Cow::Owned(format!("{}… ({left} more characters)", &text[..end]))
}

/// A cell of a table on a terminal.
pub fn table_cell(text: &str) -> String {
    shortened(&printable(text), LONGEST_CELL).into_owned()
}

/// Lines for a terminal, each escaped and none longer than [`LONGEST_LINE`].
pub fn terminal_lines(text: &str) -> String {
    let lines = text.split('\n').map(|line| shortened(&printable(line), LONGEST_LINE).into_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// Lines of at most so many characters where spaces allow it. What goes on in a further line stands two
/// places further to the right than its beginning; a word that is longer, a path say, stays whole, and so
/// does what stands in backticks: a command is to be copied.
pub fn wrapped(text: &str, columns: usize) -> String {
    let lines = text.split('\n').map(|line| wrapped_line(line, columns));
    lines.collect::<Vec<_>>().join("\n")
}

fn wrapped_line(line: &str, columns: usize) -> String {
    if line.chars().count() <= columns {
        return line.to_string();
    }
    let indent = line.chars().take_while(|c| *c == ' ').count();
    let mut out = String::with_capacity(line.len() + 16);
    let mut at = 0;
    for (number, word) in words(line).into_iter().enumerate() {
        let wide = word.chars().count();
        if number > 0 {
            // The indent is no place to break at.
            let breaks = at > indent && at + 1 + wide > columns && !word.is_empty();
            out += &if breaks { format!("\n{:1$}", "", indent + 2) } else { " ".to_string() };
            at = if breaks { indent + 2 } else { at + 1 };
        }
        out += word;
        at += wide;
    }
    out
}

/// The parts of a line between spaces; what stands in backticks is one of them.
fn words(line: &str) -> Vec<&str> {
    let (mut words, mut start, mut in_code) = (Vec::new(), 0, false);
    for (at, letter) in line.char_indices() {
        match letter {
            '`' => in_code = !in_code,
            ' ' if !in_code => {
                words.push(&line[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    words.push(&line[start..]);
    words
}

/// Writes lines for a person to standard error, wrapped where it is a terminal. Nobody is told where that
/// fails.
pub fn note(text: std::fmt::Arguments) {
    let mut err = std::io::stderr().lock();
    let text = terminal_lines(&text.to_string());
    let text = if err.is_terminal() { wrapped(&text, PROSE_COLUMNS) } else { text };
    let _ = writeln!(err, "{text}");
}

/// Passes text on to a terminal, escaped but for its line breaks; it may come in any pieces.
#[derive(Debug)]
pub struct PrintableWriter<W: Write> {
    inner: W,
    /// The beginning of a character whose end is still to come.
    begun: Vec<u8>,
}

impl<W: Write> PrintableWriter<W> {
    /// Writes to `inner`.
    pub fn new(inner: W) -> Self {
        PrintableWriter { inner, begun: Vec::new() }
    }
}

impl<W: Write> Write for PrintableWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.begun.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.begun) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.begun.len(),
        };
        let rest = self.begun.split_off(whole);
        let text = std::mem::replace(&mut self.begun, rest);
        self.inner.write_all(printable_lines(&String::from_utf8_lossy(&text)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

/// Characters that make spreadsheets run a cell as a formula, ASCII and full-width.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// A cell of a CSV file that a spreadsheet shows and does not run.
///
/// What is unprintable is escaped. A cell that begins with a character of a formula, or with
/// apostrophes and then such a character, and that is no finite number, gets an apostrophe before it.
/// [`csv_cell_text`] takes it away again. Numbers are as they were.
pub fn csv_cell(text: &str) -> Cow<'_, str> {
    let shown = match printable(text) {
        Cow::Borrowed(text) => shortened(text, LONGEST_CSV_CELL),
        Cow::Owned(text) => Cow::Owned(shortened(&text, LONGEST_CSV_CELL).into_owned()),
    };
    let runs = shown.trim_start_matches('\'').starts_with(FORMULA);
    let number = shown.parse::<f64>().is_ok_and(f64::is_finite);
    match runs && !number {
        true => Cow::Owned(format!("'{shown}")),
        false => shown,
    }
}

/// The text that [`csv_cell`] made a cell of, without its apostrophe.
pub fn csv_cell_text(cell: &str) -> &str {
    let bare = cell.trim_start_matches('\'');
    match cell.strip_prefix('\'') {
        Some(text) if bare.starts_with(FORMULA) => text,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_a_terminal_that_it_obeys() {
        let hostile = "a\x1b]0;owned\x07\x1b[2Jb\rc\u{9b}31m\u{202e}txt\u{e0041}\n";
        let shown = printable(hostile);
        assert!(!shown.contains(is_unprintable), "{shown:?}");
        assert!(shown.starts_with("a\\u001b]0;owned\\u0007"), "{shown}");
        let json: String = serde_json::from_str(&format!("\"{shown}\"")).unwrap();
        assert_eq!(json, hostile);
        assert_eq!(printable_lines("a\nb\tc"), "a\nb\\u0009c");
        assert!(matches!(printable("größer → 5 µs"), Cow::Borrowed(_)));
    }

    #[test]
    fn text_in_pieces_is_escaped_as_if_it_were_whole() {
        let (text, mut out) = ("µs\x1b[2J → 世\r\n".as_bytes(), Vec::new());
        let mut writer = PrintableWriter::new(&mut out);
        for byte in text {
            writer.write_all(&[*byte]).unwrap();
        }
        writer.write_all(&[0xff, b'x', b'\n']).unwrap();
        let shown = String::from_utf8(out).unwrap();
        assert_eq!(shown, "µs\\u001b[2J → 世\\u000d\n\u{fffd}x\n");
    }

    #[test]
    fn sentences_are_wrapped_at_spaces() {
        #[track_caller]
        fn wraps(line: &str, expected: &str) {
            assert_eq!(wrapped(line, 16), expected);
        }
        wraps("short enough", "short enough");
        wraps("one two three four five", "one two three\n  four five");
        wraps("  one two three four", "  one two three\n    four");
        wraps("/a/path/that/is/too/long and more", "/a/path/that/is/too/long\n  and more");
        wraps("in /a/path/that/is/too/long", "in\n  /a/path/that/is/too/long");
        wraps("type `ssh -p 22 me@there` now", "type\n  `ssh -p 22 me@there`\n  now");
        wraps("äöüäöü äöüäöü ä\n\nb", "äöüäöü äöüäöü ä\n\nb");
    }

    #[test]
    fn a_shell_takes_a_word_for_one() {
        for word in ["runs/a b", "desk's", "$(reboot)", "a;b", ""] {
            assert_eq!(shlex::split(&shell_word(word)).unwrap(), [word]);
        }
        assert_eq!(shell_word("runs/a-1"), "runs/a-1");
    }

    #[test]
    fn what_is_long_is_cut_off_and_counted() {
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöüß", 3), "äöü… (1 more characters)");
        assert!(table_cell(&"x".repeat(1_000_000)).len() < 200);
        assert!(terminal_lines(&"y".repeat(1_000_000)).len() < LONGEST_LINE + 40);
    }

    #[test]
    fn a_spreadsheet_runs_no_cell_and_numbers_stay() {
        for formula in
            ["=cmd|'/c calc'!A0", "+1+1", "-2+3", "@SUM(1)", "＝1", "-inf", "'=1", "''@x"]
        {
            let cell = csv_cell(formula);
            assert_eq!(cell, format!("'{formula}"));
            assert_eq!(csv_cell_text(&cell), formula);
        }
        for formula in ["\t=1", "\r=1", "\n=1"] {
            assert!(csv_cell(formula).starts_with("\\u00"), "{formula:?}");
        }
        for plain in ["-0.5", "+3", "-1e-9", "", "'quoted'", "a=b", "12", "1.5 ± 0.1"] {
            assert_eq!(csv_cell(plain), plain);
            assert_eq!(csv_cell_text(plain), plain);
        }
    }
}
